//! The table of `docs/security.md` and the tests here are the same list.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// Rows of the attack list.
const ROWS: usize = 40;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

/// `module::attack_NN_…` for each test of this folder.
fn tests() -> BTreeSet<String> {
    let mut tests = BTreeSet::new();
    for entry in fs::read_dir(root().join("tests/tests/attacks")).unwrap() {
        let path = entry.unwrap().path();
        let module = path.file_stem().unwrap().to_str().unwrap().to_owned();
        for line in fs::read_to_string(&path).unwrap().lines() {
            if let Some(name) = line.trim().strip_prefix("fn attack_") {
                let name = name.split('(').next().unwrap();
                tests.insert(format!("{module}::attack_{name}"));
            }
        }
    }
    tests
}

/// The cells of the table's rows.
fn rows() -> Vec<Vec<String>> {
    let page = fs::read_to_string(root().join("docs/security.md")).unwrap();
    page.lines()
        .filter_map(|line| line.strip_prefix("| ")?.strip_suffix(" |"))
        .map(|line| line.split(" | ").map(|cell| cell.trim().to_owned()).collect::<Vec<_>>())
        .filter(|cells| cells[0].parse::<usize>().is_ok())
        .collect()
}

#[test]
fn every_attack_has_a_row_with_all_its_cells() {
    let rows = rows();
    let numbers: Vec<usize> = rows.iter().map(|cells| cells[0].parse().unwrap()).collect();
    assert_eq!(numbers, (1..=ROWS).collect::<Vec<_>>(), "the rows of docs/security.md");
    for cells in rows {
        assert_eq!(cells.len(), 6, "{cells:?}");
        assert!(cells.iter().all(|cell| !cell.is_empty()), "an empty cell: {cells:?}");
    }
}

#[test]
fn every_test_is_in_its_row_and_every_row_names_tests_that_are_there() {
    let mut named = BTreeSet::new();
    for cells in rows() {
        let number: usize = cells[0].parse().unwrap();
        let mine = format!("::attack_{number:02}_");
        let tests: Vec<&str> =
            cells[3].split("<br>").map(|test| test.trim().trim_matches('`')).collect();
        assert!(tests.iter().any(|test| test.contains(&mine)), "row {number} has no attack");
        for test in tests {
            if test.contains("::attack_") {
                named.insert(test.to_owned());
            } else {
                assert!(is_elsewhere(test), "row {number} names {test}");
            }
        }
    }
    assert_eq!(named, tests(), "tests named by docs/security.md, and those in tests/tests/attacks");
}

/// Whether `file::function` is a test beside this folder.
fn is_elsewhere(test: &str) -> bool {
    let Some((file, function)) = test.split_once("::") else { return false };
    let path = root().join("tests/tests").join(file).with_extension("rs");
    fs::read_to_string(path).is_ok_and(|text| text.contains(&format!("fn {function}(")))
}
