//! Holds README and guide against the binary: Lua that compiles, output that is what they say, flags
//! that exist, links that lead somewhere.
//!
//! A block that begins with ```` ```lua run FLAGS ```` is run with these flags as `main.lua`, and must
//! print the ```` ```text ```` block that follows. Every other block of Lua must compile, every block
//! of TOML must be a policy, every option of `tidelock` in a block of sh must be in its help.

#![expect(clippy::unwrap_used, reason = "tests")]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use tests::folder::Folder;
use tests::run::Run;

/// One fenced block of a page.
struct Block {
    /// Page and line, for messages.
    place: String,
    /// What stands behind the opening fence.
    info: String,
    text: String,
}

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// README, changelog and everything below `docs/`, with its path.
fn pages() -> Vec<(PathBuf, String)> {
    let mut paths = vec![root().join("README.md"), root().join("CHANGELOG.md")];
    for folder in ["docs", "docs/decisions"] {
        let entries = fs::read_dir(root().join(folder)).unwrap();
        paths.extend(entries.map(|entry| entry.unwrap().path()));
    }
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "md"));
    paths.sort();
    paths.into_iter().map(|path| (path.clone(), fs::read_to_string(path).unwrap())).collect()
}

fn blocks() -> Vec<Block> {
    pages().iter().flat_map(|(path, text)| blocks_of(path, text)).collect()
}

fn blocks_of(path: &Path, page: &str) -> Vec<Block> {
    let mut blocks = Vec::new();
    let mut open: Option<Block> = None;
    for (number, line) in page.lines().enumerate() {
        match (open.as_mut(), line.strip_prefix("```")) {
            (None, None) => {}
            (None, Some(info)) => {
                let name = path.file_name().unwrap().to_string_lossy();
                let place = format!("{name}:{}", number + 1);
                open = Some(Block { place, info: info.to_owned(), text: String::new() });
            }
            (Some(block), None) => {
                block.text.push_str(line);
                block.text.push('\n');
            }
            (Some(_), Some(_)) => blocks.extend(open.take()),
        }
    }
    assert!(open.is_none(), "{}: a block does not end", path.display());
    blocks
}

fn help() -> String {
    Run::new(["run", "--help"]).finish().ok()
}

/// The flags (`--name`) in a text.
fn flags(text: &str) -> BTreeSet<String> {
    let is_name = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    text.match_indices("--")
        .filter(|(at, _)| !text.get(..*at).unwrap().ends_with(|c: char| is_name(c)))
        .map(|(at, _)| {
            let rest = text.get(at..).unwrap();
            rest.split(|c: char| !is_name(c)).next().unwrap().to_owned()
        })
        .filter(|flag| flag.len() > 2)
        .collect()
}

/// The part of the help below a heading that begins so.
fn section<'a>(help: &'a str, heading: &str) -> &'a str {
    let (_, rest) = help.split_once(&format!("\n{heading}")).unwrap();
    let end = rest.find("\nServer:").unwrap();
    rest.get(..end).unwrap()
}

#[test]
fn every_lua_block_compiles() {
    let folder = Folder::new();
    let lua: Vec<_> = blocks().into_iter().filter(|block| block.info.starts_with("lua")).collect();
    assert!(lua.len() > 10, "only {} blocks of Lua were found", lua.len());
    for block in lua {
        let path = folder.write("main.lua", &block.text);
        let finished = Run::new(["check"]).args([path]).finish();
        assert_eq!(finished.code, 0, "{}: {}", block.place, finished.stderr);
    }
}

#[test]
fn what_a_page_says_that_a_script_prints_is_what_it_prints() {
    let blocks = blocks();
    let mut count = 0;
    for (block, output) in blocks.iter().zip(blocks.iter().skip(1)) {
        let Some(flags) = block.info.strip_prefix("lua run") else { continue };
        assert_eq!(output.info, "text", "{}: no output follows", block.place);
        let folder = Folder::new();
        folder.write("main.lua", &block.text);
        let words = ["run"].into_iter().chain(flags.split_whitespace()).chain(["main.lua"]);
        let finished = Run::new(words).in_folder(folder.path()).finish();
        assert_eq!(finished.code, 0, "{}: {}", block.place, finished.stderr);
        assert_eq!(finished.stdout, output.text, "{}", block.place);
        count += 1;
    }
    assert!(count > 10, "only {count} blocks were run");
}

#[test]
fn every_toml_block_is_a_policy() {
    let folder = Folder::new();
    let toml: Vec<_> = blocks().into_iter().filter(|block| block.info == "toml").collect();
    assert!(!toml.is_empty());
    for block in toml {
        folder.write("policy.toml", &block.text);
        let run = Run::new(["eval", "--policy=policy.toml", ""]).in_folder(folder.path());
        let finished = run.finish();
        assert_eq!(finished.code, 0, "{}: {}", block.place, finished.stderr);
    }
}

/// The flags of every command.
fn all_flags() -> BTreeSet<String> {
    let mut known = flags(&help());
    known.extend(flags(&Run::new(["audit", "summary", "--help"]).finish().ok()));
    known.extend(flags(&Run::new(["limits", "--help"]).finish().ok()));
    known
}

#[test]
fn every_option_in_a_command_line_of_the_pages_exists() {
    let known = all_flags();
    assert!(known.contains("--allow-net") && known.contains("--help"));
    for block in blocks().into_iter().filter(|block| block.info == "sh") {
        for line in block.text.lines().filter_map(|line| line.strip_prefix("tidelock ")) {
            for flag in flags(line) {
                assert!(known.contains(&flag), "{}: {flag} is no option: {line}", block.place);
            }
        }
    }
}

#[test]
fn the_table_of_limits_has_every_limit_with_its_default_and_no_other() {
    let help = help();
    let limits = section(&help, "Limits");
    let page = fs::read_to_string(root().join("docs/limits.md")).unwrap();
    let rows: Vec<Vec<&str>> = page
        .lines()
        .filter(|line| line.starts_with("| `--"))
        .map(|line| line.split('|').map(|cell| cell.trim().trim_matches('`')).collect())
        .filter(|cells: &Vec<&str>| cells.len() > 5)
        .collect();
    let cell = |row: &[&str], number: usize| (*row.get(number).unwrap()).to_owned();
    let named: BTreeSet<String> = rows.iter().map(|row| cell(row, 1)).collect();
    assert_eq!(named, flags(limits));
    for row in &rows {
        let (flag, default) = (cell(row, 1), cell(row, 2));
        let (_, entry) = limits.split_once(&format!("{flag} <")).unwrap();
        let (_, entry) = entry.split_once("[default: ").unwrap();
        assert_eq!(entry.split(']').next().unwrap(), default, "{flag}");
    }
}

#[test]
fn every_flag_the_pages_name_exists() {
    let mut known = all_flags();
    known.extend(["--version".to_owned()]);
    for (path, text) in pages() {
        let of_other_programs = ["performance.md", "fuzzing.md", "security.md", "supply-chain.md"];
        if of_other_programs.iter().any(|name| path.ends_with(name))
            || path.parent().unwrap().ends_with("decisions")
        {
            continue;
        }
        for flag in flags(&text).into_iter().filter(|flag| !flag.ends_with('-')) {
            assert!(known.contains(&flag), "{}: {flag} is no option", path.display());
        }
    }
}

#[test]
fn every_link_between_pages_leads_to_a_file() {
    for (path, text) in pages() {
        for target in text.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
            let file = target.split('#').next().unwrap();
            if file.is_empty() || target.contains("://") {
                continue;
            }
            let target = path.parent().unwrap().join(file);
            assert!(target.exists(), "{} links to {file}", path.display());
        }
    }
}

#[test]
fn the_index_of_decisions_lists_every_record() {
    let index = fs::read_to_string(root().join("docs/decisions/README.md")).unwrap();
    for (path, text) in pages() {
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        if !path.parent().unwrap().ends_with("decisions") || name == "README.md" {
            continue;
        }
        let title = text.lines().next().unwrap().trim_start_matches(|c| "# 0123456789".contains(c));
        let number = name.split('-').next().unwrap();
        assert!(index.contains(&format!("[{number}]({name}) | {title}")), "{name}: {title}");
    }
}
