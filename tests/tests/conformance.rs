//! Lua here is Lua anywhere: the scripts of `tests/conformance` say the same through tidelock and through a
//! native Lua of the same sources, byte for byte. What differs on purpose is a list, `differences.lua`, and
//! the table of `docs/lua.md` is that list.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "tests")]

use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;

use tests::folder::Folder;
use tests::native::{PLAIN, root};
use tests::run::{Finished, Run, binary};

/// Fewer checks than this and the suite has lost something.
const FEWEST_CHECKS: usize = 10_000;

/// What is no script of checks: the module of the others, and the list of differences.
const NO_CHECKS: [&str; 2] = ["check", "differences"];

/// What the scripts read from standard input, if they do.
const INPUT: &str =
    "first line\n\nthird line\n12 -3.5 0x1F 1e2 word\nfive5bytes\nthe rest\nwithout an end";

fn folder() -> PathBuf {
    root().join("tests/conformance")
}

/// The scripts in a folder of their own, with an empty folder `out` for what they write.
fn workplace() -> Folder {
    let here = Folder::new();
    for entry in fs::read_dir(folder()).unwrap() {
        let path = entry.unwrap().path();
        fs::copy(&path, here.path().join(path.file_name().unwrap())).unwrap();
    }
    fs::create_dir(here.path().join("out")).unwrap();
    here
}

fn natively(name: &str) -> Finished {
    Run::program(&*PLAIN)
        .args([format!("{name}.lua")])
        .env("TZ", "UTC")
        .in_folder(workplace().path())
        .input(INPUT)
        .finish()
}

fn sandboxed(name: &str) -> Finished {
    Run::program(binary())
        .args(["run", "--allow-write=out", &format!("{name}.lua")])
        .in_folder(workplace().path())
        .input(INPUT)
        .finish()
}

/// The scripts of checks, by name.
fn scripts() -> BTreeSet<String> {
    let mut names: BTreeSet<String> = fs::read_dir(folder())
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "lua"))
        .map(|path| path.file_stem().unwrap().to_str().unwrap().to_owned())
        .collect();
    names.retain(|name| !NO_CHECKS.contains(&name.as_str()));
    names
}

/// How many lines are checks: they have numbers, in order.
fn checks(stdout: &str) -> usize {
    let mut count = 0;
    for line in stdout.lines() {
        if line.starts_with(&format!("{:04} ", count + 1)) {
            count += 1;
        }
    }
    count
}

#[track_caller]
fn assert_same(name: &str, what: &str, native: &str, ours: &str) {
    if native == ours {
        return;
    }
    let mut lines = native.lines().zip(ours.lines());
    match lines.find(|(native, ours)| native != ours) {
        Some((native, ours)) => {
            panic!("{name}.lua, {what}:\n  natively: {native}\n  tidelock: {ours}")
        }
        None => panic!("{name}.lua, {what}: one ends before the other:\n{native}\n---\n{ours}"),
    }
}

#[test]
fn every_check_gives_what_native_lua_gives() {
    let mut total = 0;
    for name in scripts() {
        let native = natively(&name);
        let ours = sandboxed(&name);
        assert_same(&name, "standard output", &native.stdout, &ours.stdout);
        assert_same(&name, "standard error", &native.stderr, &ours.stderr);
        assert_eq!(native.code, ours.code, "{name}.lua: exit codes");
        assert!(!ours.stdout.contains("\nWRONG: "), "{name}.lua: both are wrong:\n{}", ours.stderr);
        let count = checks(&ours.stdout);
        let said = format!("{count} checks");
        assert!(ours.stdout.lines().any(|line| line == said), "{name}.lua: does not say {said:?}");
        total += count;
    }
    println!("{total} checks compared");
    assert!(total >= FEWEST_CHECKS, "only {total} checks were compared");
}

/// The rows of the first table below a heading that begins so, as cells without their backquotes.
fn table(page: &str, heading: &str) -> Vec<Vec<String>> {
    page.lines()
        .skip_while(|line| !line.starts_with(heading))
        .skip_while(|line| !line.starts_with("|"))
        .take_while(|line| line.starts_with('|'))
        .skip(2)
        .map(|line| {
            let cells = line.trim_matches('|').replace("\\|", "\u{1}");
            cells.split('|').map(|cell| cell.trim().replace('\u{1}', "|")).collect()
        })
        .collect()
}

#[test]
fn what_differs_is_what_the_guide_says() {
    let rows = |finished: Finished| -> Vec<Vec<String>> {
        finished.ok().lines().map(|line| line.split('\t').map(str::to_owned).collect()).collect()
    };
    let native = rows(natively("differences"));
    let ours = rows(sandboxed("differences"));
    let documented =
        table(&fs::read_to_string(root().join("docs/lua.md")).unwrap(), "## Differences");
    assert!(!documented.is_empty());
    assert_eq!(native.len(), ours.len());
    for ((native, ours), row) in native.iter().zip(&ours).zip(&documented) {
        let [code, should_be_native, should_be_ours, ..] = &row[..] else { panic!("{row:?}") };
        assert_eq!(
            &format!("`{}`", native[0]),
            code,
            "the rows of the table and of differences.lua"
        );
        assert_eq!(native[0], ours[0]);
        assert_eq!(&format!("`{}`", native[1]), should_be_native, "{code}: natively");
        assert_eq!(&format!("`{}`", ours[1]), should_be_ours, "{code}: here");
        assert_ne!(native[1], ours[1], "{code} differs no more: take it from the list");
    }
    assert_eq!(native.len(), documented.len(), "the rows of the table and of differences.lua");
}
