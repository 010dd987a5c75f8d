//! The words after the options: which script, and its arguments.

use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt;
use std::path::PathBuf;

use crate::config::Script;

/// What Lua calls code from the command line.
const CODE_NAME: &str = "eval";

/// The script a word names.
pub fn script_of(word: OsString) -> Script {
    if word == "-" { Script::Stdin } else { Script::File(PathBuf::from(word)) }
}

/// A path and its arguments; without words, standard input.
pub fn script_and_arguments(words: Vec<OsString>) -> (Script, Vec<Vec<u8>>) {
    split(words, script_of)
}

/// Code and its arguments; without words, standard input.
pub fn code_and_arguments(words: Vec<OsString>) -> (Script, Vec<Vec<u8>>) {
    split(words, |word| {
        if word == "-" {
            Script::Stdin
        } else {
            Script::Code { name: CODE_NAME.to_owned(), text: word.into_vec() }
        }
    })
}

fn split(words: Vec<OsString>, script: fn(OsString) -> Script) -> (Script, Vec<Vec<u8>>) {
    let mut words = words.into_iter();
    let script = words.next().map_or(Script::Stdin, script);
    (script, words.map(OsString::into_vec).collect())
}
