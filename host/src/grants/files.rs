//! Which folders a script may read and write.

use std::path::{Component, Path, PathBuf};

use crate::escape::{push_visible, shell_word};

/// Bytes of a path that messages show: all of any that a system takes.
const MAX_SHOWN: usize = 4096;

/// The rules of `--allow-read` and `--allow-write`. The default grants no folder.
#[derive(Clone, Debug, Default)]
pub struct FileGrants {
    rules: Vec<Rule>,
    all: bool,
}

/// One granted folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rule {
    folder: PathBuf,
    access: Access,
}

/// What is done with a file. Who may write may read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Access {
    /// It is read.
    Read,
    /// It is made, replaced or read.
    Write,
}

impl Access {
    /// The name of the flag that grants it.
    pub fn flag(self) -> &'static str {
        match self {
            Self::Read => "--allow-read",
            Self::Write => "--allow-write",
        }
    }

    fn as_str(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Write => "write",
        }
    }
}

/// What the rules say about a path.
#[derive(Debug, PartialEq, Eq)]
pub enum Decision<'a> {
    /// This rule allows it.
    Allowed {
        /// The rule.
        rule: &'a Rule,
        /// The path below the rule's folder; empty for the folder itself.
        below: PathBuf,
    },
    /// No rule does; one line that says so and names the flag that would.
    Missing(String),
}

impl FileGrants {
    /// Adds a folder, and all below it.
    ///
    /// # Errors
    /// One line that says why `folder` cannot be one.
    pub fn allow(&mut self, access: Access, folder: &str) -> Result<(), String> {
        if folder.is_empty() {
            return Err("the folder's path is empty; the working directory is `.`".to_owned());
        }
        if folder.contains('\0') {
            return Err("the folder's path holds a NUL character".to_owned());
        }
        let folder = PathBuf::from(folder);
        if absolute(&folder, Path::new("/")).is_none() {
            return Err("`..` may stand only at the beginning of a relative path".to_owned());
        }
        match self.rules.iter_mut().find(|rule| rule.folder == folder) {
            Some(rule) => rule.access = rule.access.max(access),
            None => self.rules.push(Rule { folder, access }),
        }
        Ok(())
    }

    /// Grants everything below `/`.
    pub fn allow_all(&mut self) {
        if !self.all {
            self.all = true;
            self.rules.push(Rule { folder: PathBuf::from("/"), access: Access::Write });
        }
    }

    /// The granted folders.
    pub fn rules(&self) -> impl Iterator<Item = &Rule> {
        self.rules.iter()
    }

    /// Decides about `path`, which is the script's and relative to the folder `working` if it is
    /// relative. Of several rules the one with the longest path decides, so that a folder may be
    /// for reading only inside one that may be written.
    ///
    /// Names are all that is looked at: where symlinks lead is seen when a file is opened.
    pub fn decide(&self, access: Access, path: &Path, working: &Path) -> Decision<'_> {
        let shown = shown(path);
        let Some(absolute) = absolute(path, working) else {
            return Decision::Missing(format!(
                "{} access to {shown} is not granted: `..` may stand only at the beginning of a relative path",
                access.as_str(),
            ));
        };
        match self.deciding(&absolute, working) {
            Some((rule, below)) if rule.access >= access => Decision::Allowed { rule, below },
            _ => {
                let way = as_rule(folder_of(path)).map_or_else(
                    || ": no flag can name its folder".to_owned(),
                    |rule| {
                        format!(" (run with {})", shell_word(&format!("{}={rule}", access.flag())))
                    },
                );
                Decision::Missing(format!(
                    "{} access to {shown} is not granted{way}",
                    access.as_str()
                ))
            }
        }
    }

    /// Whether a granted folder is at this path or below it, as far as the names tell.
    pub fn holds_a_rule(&self, path: &Path, working: &Path) -> bool {
        let Some(path) = absolute(path, working) else { return true };
        self.rules.iter().any(|rule| {
            absolute(&rule.folder, working).is_some_and(|folder| folder.starts_with(&path))
        })
    }

    fn deciding(&self, path: &Path, working: &Path) -> Option<(&Rule, PathBuf)> {
        let mut covering = self.rules.iter().filter_map(|rule| {
            let folder = absolute(&rule.folder, working)?;
            let below = path.strip_prefix(&folder).ok()?.to_owned();
            Some((rule, below))
        });
        if self.all {
            return covering.rfind(|(rule, _)| rule.folder == Path::new("/"));
        }
        // The shortest rest has the longest rule before it. Two ways to write one folder add up.
        covering.min_by_key(|(rule, below)| {
            (below.components().count(), std::cmp::Reverse(rule.access))
        })
    }
}

impl Rule {
    /// The folder, as the operator wrote it.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// What may be done in it.
    pub fn access(&self) -> Access {
        self.access
    }
}

/// A path of a script as it may stand in a line of text.
pub fn shown(path: &Path) -> String {
    let mut shown = String::new();
    push_visible(&mut shown, path.as_os_str().as_encoded_bytes(), MAX_SHOWN, |_| false);
    shown
}

/// `path` without `.` and `..`; none if it has `..` behind a name.
///
/// There, what `..` means depends on whether the name is a symlink. At the beginning it does not,
/// because `working` is an absolute path without symlinks, as the system gives it.
fn absolute(path: &Path, working: &Path) -> Option<PathBuf> {
    let mut absolute = if path.is_absolute() { PathBuf::new() } else { working.to_owned() };
    let mut below = path.is_absolute();
    for part in path.components() {
        match part {
            Component::ParentDir if below => return None,
            Component::ParentDir => {
                absolute.pop();
            }
            Component::CurDir => {}
            Component::Normal(name) => {
                below = true;
                absolute.push(name);
            }
            Component::RootDir | Component::Prefix(_) => absolute.push(part),
        }
    }
    Some(absolute)
}

/// The folder as a flag can say it; none if the flag would mean another one.
///
/// A comma parts a flag in two folders; a backslash may be the escape of another character.
pub fn as_rule(folder: &Path) -> Option<String> {
    let rule = shown(folder);
    let is_exact = folder.to_str() == Some(&rule) && !rule.contains([',', '\\']);
    is_exact.then_some(rule)
}

/// The folder that would have to be granted for `path`, in the words of the script.
pub fn folder_of(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        Some(_) => Path::new("."),
        None => path,
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use super::*;

    fn grants(read: &[&str], write: &[&str]) -> FileGrants {
        let mut grants = FileGrants::default();
        for folder in read {
            grants.allow(Access::Read, folder).unwrap();
        }
        for folder in write {
            grants.allow(Access::Write, folder).unwrap();
        }
        grants
    }

    /// The rule and the rest, as `rule|rest`, or the refusal.
    fn decide(grants: &FileGrants, access: Access, path: &str) -> String {
        match grants.decide(access, Path::new(path), Path::new("/home/me")) {
            Decision::Allowed { rule, below } => {
                format!("{}|{}", rule.folder().display(), below.display())
            }
            Decision::Missing(message) => message,
        }
    }

    #[test]
    fn nothing_is_granted_by_default_and_the_denial_names_the_flag() {
        for (path, folder) in [
            ("out/file", "out"),
            ("file", "."),
            ("./file", "."),
            ("/srv/file", "/srv"),
            ("/file", "/"),
            ("a/b/", "a"),
            ("../file", ".."),
        ] {
            let none = FileGrants::default();
            assert_eq!(
                decide(&none, Access::Write, path),
                format!("write access to {path} is not granted (run with --allow-write={folder})")
            );
            assert!(decide(&none, Access::Read, path).contains("(run with --allow-read="));
            // The flag that is named helps.
            let granted = decide(&grants(&[], &[folder]), Access::Write, path);
            assert!(granted.starts_with(&format!("{folder}|")), "{path}: {granted}");
        }
    }

    #[test]
    fn a_path_may_be_written_as_the_operator_did_or_from_the_working_directory() {
        for (rule, path) in [
            ("out", "out/a"),
            ("out", "./out/./a"),
            ("out", "/home/me/out/a"),
            ("./out/", "out//a"),
            ("/home/me/out", "out/a"),
            ("../out", "../out/a"),
            ("../out", "/home/out/a"),
            ("../../..", "/a"),
        ] {
            assert_eq!(decide(&grants(&[], &[rule]), Access::Write, path), format!("{rule}|a"));
        }
        assert_eq!(decide(&grants(&[], &["out"]), Access::Write, "out"), "out|");
    }

    #[test]
    fn names_that_only_begin_like_a_rule_are_not_covered() {
        let grants = grants(&[], &["out"]);
        for path in ["output/a", "ou", "other/out/a", "/out/a", "../out/a"] {
            assert!(decide(&grants, Access::Write, path).contains("not granted"), "{path}");
        }
    }

    #[test]
    fn writing_implies_reading_and_not_the_other_way_round() {
        let grants = grants(&["in"], &["out"]);
        assert_eq!(decide(&grants, Access::Read, "in/a"), "in|a");
        assert_eq!(decide(&grants, Access::Read, "out/a"), "out|a");
        assert!(decide(&grants, Access::Write, "in/a").contains("--allow-write=in"));
    }

    #[test]
    fn the_longest_rule_decides() {
        let grants = grants(&["data/fixed", "both"], &["data", "data/fixed/log", "both", "./both"]);
        assert_eq!(decide(&grants, Access::Write, "data/a"), "data|a");
        assert!(decide(&grants, Access::Write, "data/fixed/a").contains("not granted"));
        assert_eq!(decide(&grants, Access::Read, "data/fixed/a"), "data/fixed|a");
        assert_eq!(decide(&grants, Access::Write, "data/fixed/log/a"), "data/fixed/log|a");
        assert_eq!(decide(&grants, Access::Write, "both/a"), "both|a");
    }

    #[test]
    fn dots_that_climb_behind_a_name_are_never_granted() {
        let mut grants = grants(&[], &["out", "/"]);
        grants.allow_all();
        for path in ["out/../a", "/out/../a", "/..", "a/..", "../a/../b"] {
            assert!(decide(&grants, Access::Read, path).contains("`..`"), "{path}");
        }
    }

    #[test]
    fn a_denial_is_one_line() {
        let denial = decide(&FileGrants::default(), Access::Read, "a\nb/c\u{1b}[2J");
        assert_eq!(
            denial,
            "read access to a\\nb/c\\x1b[2J is not granted: no flag can name its folder"
        );
    }

    #[test]
    fn the_flag_of_a_denial_means_that_folder_in_a_shell() {
        let denial = |path| decide(&FileGrants::default(), Access::Read, path);
        for (path, flag) in [
            ("$(id)/a", "'--allow-read=$(id)'"),
            ("a;b/a", "'--allow-read=a;b'"),
            ("a b/a", "'--allow-read=a b'"),
            ("it's/a", "'--allow-read=it'\\''s'"),
        ] {
            assert!(denial(path).ends_with(&format!("(run with {flag})")), "{}", denial(path));
        }
        for path in ["a,/a", "a\\b/a", "a\nb/a"] {
            assert!(denial(path).ends_with("no flag can name its folder"), "{}", denial(path));
        }
    }

    #[test]
    fn everything_is_below_the_root() {
        let mut grants = grants(&["/etc"], &[]);
        grants.allow_all();
        assert_eq!(decide(&grants, Access::Write, "a/b"), "/|home/me/a/b");
        assert_eq!(decide(&grants, Access::Write, "/etc/hosts"), "/|etc/hosts");
    }

    #[test]
    fn rules_that_are_no_folder_are_refused() {
        for rule in ["", "a\0b", "a/../b", "/..", "../a/.."] {
            assert!(FileGrants::default().allow(Access::Read, rule).is_err(), "{rule}");
        }
    }
}
