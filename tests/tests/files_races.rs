//! A folder that another process exchanges for a symlink out of the grant, again and again, while a script
//! uses files in it: none of 10,000 uses may touch the outside.

#![expect(clippy::unwrap_used, reason = "tests")]

use std::fs;
use std::os::unix::fs::symlink;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use rustix::fs::{CWD, RenameFlags, renameat_with};
use tests::folder::Folder;
use tests::run::Run;
use tests::upstream::Upstream;

/// What nobody may read or change.
const CANARY: &str = "return 'canary'";

/// Exchanges `grant/door`, a folder, with `grant/link`, a symlink to the outside, until it is told to stop.
fn exchange(folder: &Folder, stop: &Arc<AtomicBool>) -> thread::JoinHandle<()> {
    let (door, link) = (folder.path().join("grant/door"), folder.path().join("grant/link"));
    symlink("../outside", &link).unwrap();
    let stop = Arc::clone(stop);
    thread::spawn(move || {
        while !stop.load(Ordering::Relaxed) {
            renameat_with(CWD, &door, CWD, &link, RenameFlags::EXCHANGE).unwrap();
            // A while in each state, as long as a use takes.
            (0..20_000).for_each(|_| std::hint::spin_loop());
        }
    })
}

#[test]
fn ten_thousand_uses_of_a_folder_that_is_exchanged_stay_inside() {
    let folder = Folder::new();
    folder.write("grant/door/file", "inside");
    folder.write("outside/file", CANARY);
    folder.write("outside/target", CANARY);
    let stop = Arc::new(AtomicBool::new(false));
    let exchanging = exchange(&folder, &stop);
    let upstream = Upstream::text("downloaded");
    let finished = Run::script(
        &["--allow-write=grant", &upstream.grant(), "--max-cpu=none"],
        include_str!("../scripts/files_races/uses.lua"),
    )
    .in_folder(folder.path())
    .args([upstream.url("/")])
    .finish();
    stop.store(true, Ordering::Relaxed);
    exchanging.join().unwrap();
    let said = finished.ok();
    for name in ["file", "target"] {
        assert_eq!(fs::read_to_string(folder.path().join("outside").join(name)).unwrap(), CANARY);
    }
    let outside = folder.tree().into_iter().filter(|name| name.starts_with("outside/"));
    assert_eq!(outside.collect::<Vec<_>>(), ["outside/", "outside/file", "outside/target"]);
    let mut total = 0;
    for line in said.lines() {
        let words: Vec<_> = line.split(' ').collect();
        let [name, inside, refused] = words.try_into().unwrap();
        let (inside, refused): (u32, u32) = (inside.parse().unwrap(), refused.parse().unwrap());
        // Both must have happened, or nothing was tried.
        assert!(inside > 0 && refused > 0, "{name} was no race: {said}");
        total += inside + refused;
    }
    assert_eq!(total, 10_000, "{said}");
}
