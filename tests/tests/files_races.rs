//! A folder that another process exchanges for a symlink out of the grant, again and again, while a script
//! uses files in it: none of 10,000 uses may touch the outside.

#![expect(clippy::unwrap_used, reason = "tests")]

use std::collections::BTreeMap;
use std::fs;

use tests::exchange::Exchange;
use tests::folder::Folder;
use tests::run::Run;
use tests::upstream::Upstream;

/// What nobody may read or change.
const CANARY: &str = "return 'canary'";

#[test]
fn ten_thousand_uses_of_a_folder_that_is_exchanged_stay_inside() {
    let folder = Folder::new();
    folder.write("grant/door/file", "inside");
    folder.write("outside/file", CANARY);
    folder.write("outside/target", CANARY);
    let exchange = Exchange::begin(&folder);
    let upstream = Upstream::text("downloaded");
    let finished = Run::script(
        &["--allow-write=grant", &upstream.grant(), "--max-cpu=none"],
        include_str!("../scripts/files_races/uses.lua"),
    )
    .in_folder(folder.path())
    .args([upstream.url("/")])
    .finish();
    exchange.end();
    let said = finished.ok();
    for name in ["file", "target"] {
        assert_eq!(fs::read_to_string(folder.path().join("outside").join(name)).unwrap(), CANARY);
    }
    let outside = folder.tree().into_iter().filter(|name| name.starts_with("outside/"));
    assert_eq!(outside.collect::<Vec<_>>(), ["outside/", "outside/file", "outside/target"]);
    // By the kind of use: a scheduler may leave a few hundred uses in a row to one state.
    let mut kinds: BTreeMap<&str, (u32, u32)> = BTreeMap::new();
    for line in said.lines() {
        let words: Vec<_> = line.split(' ').collect();
        let [kind, _, inside, refused] = words.try_into().unwrap();
        let sum = kinds.entry(kind).or_default();
        sum.0 += inside.parse::<u32>().unwrap();
        sum.1 += refused.parse::<u32>().unwrap();
    }
    assert_eq!(kinds.len(), 3, "{said}");
    // Both must have happened, or nothing was tried.
    assert!(kinds.values().all(|(inside, refused)| *inside > 0 && *refused > 0), "no race: {said}");
    assert_eq!(kinds.values().map(|(inside, refused)| inside + refused).sum::<u32>(), 10_000);
}
