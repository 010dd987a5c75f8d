//! The scripts of `examples/`, started as the comments at their tops say.

use std::fs;
use std::path::PathBuf;

use crate::run::{Run, Serving};

/// The root of the repository.
pub fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// The command lines in the comment at the top of an example, as words after `tidelock`.
pub fn commands(example: &str) -> Vec<Vec<String>> {
    let text = fs::read_to_string(root().join("examples").join(example)).expect("it is there");
    text.lines()
        .skip_while(|line| line.starts_with("#!"))
        .take_while(|line| line.starts_with("--"))
        .filter_map(|line| line.strip_prefix("--   tidelock "))
        .map(|line| line.split(' ').map(str::to_owned).collect())
        .collect()
}

/// The command that runs the example itself, with other addresses than those of its comment.
pub fn command(example: &str, replacements: &[(&str, &str)]) -> Vec<String> {
    let script = format!("examples/{example}");
    let mut words = commands(example)
        .into_iter()
        .find(|words| words.contains(&script))
        .expect("its comment says how to run it");
    for (from, to) in replacements {
        assert!(words.iter().any(|word| word.contains(from)), "{words:?} does not say {from}");
        words.iter_mut().for_each(|word| *word = word.replace(from, to));
    }
    words
}

/// Such a command, to be run from the root of the repository.
pub fn run(words: &[String]) -> Run {
    Run::new(words).in_folder(&root())
}

/// Starts a server of which the comment says that it is on port 8080, on another one; 0 is any.
pub fn serve_on(example: &str, port: u16) -> Serving {
    run(&command(example, &[("8080", &port.to_string())])).serve()
}

/// The same on a free port.
pub fn serve(example: &str) -> Serving {
    serve_on(example, 0)
}

/// The command without what it grants.
pub fn without_grants(words: Vec<String>) -> Vec<String> {
    words.into_iter().filter(|word| !word.starts_with("--allow-")).collect()
}
