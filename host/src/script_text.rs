//! The script's own text, read once for the whole run.
//!
//! Once, because standard input can be read only once, and because every worker and every instance
//! that replaces another must run the same script, whatever happens to the file meanwhile.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::config::Script;
use crate::door::file::{Folder, read_bounded, too_large};
use crate::failure::{Failure, Kind, cause};

/// The script, and the folder its modules are in.
#[derive(Clone)]
pub struct ScriptText {
    name: String,
    text: Arc<[u8]>,
    modules: Option<Folder>,
}

impl ScriptText {
    /// Reads the script, at most `max` bytes, and opens the folder of its modules: the one that
    /// holds the script's file (behind symlinks), or the working directory if there is no file.
    ///
    /// # Errors
    /// - `io`: the script cannot be read.
    /// - `too-large`: it has more than `max` bytes.
    pub fn load(script: &Script, max: u64) -> Result<Self, Failure> {
        let (name, text) = match script {
            Script::File(path) => (path.display().to_string(), read_script(path, max)?),
            Script::Code { name, text } if text.len() as u64 > max => {
                return Err(too_large(name, max));
            }
            Script::Code { name, text } => (name.clone(), text.clone()),
            Script::Stdin => ("stdin".to_owned(), read_stdin(max)?),
        };
        Ok(Self { name, text: text.into(), modules: module_folder(script) })
    }

    /// What Lua calls the script: the path as the operator wrote it, or `stdin`.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The source, any bytes.
    pub fn text(&self) -> &Arc<[u8]> {
        &self.text
    }

    /// The folder `require` searches; none if it cannot be opened.
    pub fn modules(&self) -> Option<&Folder> {
        self.modules.as_ref()
    }
}

/// The operator named this path, so it may be anything that can be read, a pipe as well.
#[expect(clippy::disallowed_methods, reason = "the operator names the script")]
fn read_script(path: &Path, max: u64) -> Result<Vec<u8>, Failure> {
    let shown = path.display();
    let failed = |error: &io::Error| {
        Failure::new(Kind::Io, format!("failed to read the script {shown}: {}", cause(error)))
    };
    let file = File::open(path).map_err(|error| failed(&error))?;
    read_bounded(file, max)
        .map_err(|error| failed(&error))?
        .ok_or_else(|| too_large(&shown.to_string(), max))
}

fn read_stdin(max: u64) -> Result<Vec<u8>, Failure> {
    read_bounded(io::stdin().lock(), max)
        .map_err(|error| {
            let said = cause(&error);
            Failure::new(Kind::Io, format!("failed to read the script from standard input: {said}"))
        })?
        .ok_or_else(|| too_large("standard input", max))
}

/// A script without modules needs no folder, so one that cannot be opened is not a failure yet.
#[expect(clippy::disallowed_methods, reason = "the operator names the script")]
fn module_folder(script: &Script) -> Option<Folder> {
    let Script::File(path) = script else {
        return Folder::open(Path::new("."), "").ok();
    };
    let shown: PathBuf = path.parent().unwrap_or(Path::new("")).to_owned();
    // A link such as /usr/local/bin/tool must not make its neighbours modules of the script.
    let real = fs::canonicalize(path).ok()?;
    Folder::open(real.parent()?, shown).ok()
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use std::os::unix::fs::symlink;

    use super::*;
    use crate::scratch::Scratch;

    #[test]
    fn a_file_is_read_whole_and_named_as_written() {
        let scratch = Scratch::new();
        let path = scratch.write("main.lua", "#!/usr/bin/env tidelock\nprint(1)");
        let script = ScriptText::load(&Script::File(path.clone()), 1000).unwrap();
        assert_eq!(script.name(), path.to_str().unwrap());
        assert!(script.text().starts_with(b"#!"));
    }

    #[test]
    fn a_script_past_the_limit_is_too_large() {
        let scratch = Scratch::new();
        let path = scratch.write("main.lua", "12345");
        let code = Script::Code { name: "eval".to_owned(), text: b"12345".to_vec() };
        for script in [Script::File(path), code, Script::File("/dev/zero".into())] {
            let failure = ScriptText::load(&script, 4).err().unwrap();
            assert_eq!(failure.kind, Kind::TooLarge);
            assert!(failure.message.contains("--max-source"), "{failure}");
        }
    }

    #[test]
    fn a_missing_script_is_named() {
        let failure = ScriptText::load(&Script::File("no/such.lua".into()), 4).err().unwrap();
        assert!(failure.message.starts_with("failed to read the script no/such.lua: No such file"));
    }

    #[test]
    fn modules_are_beside_the_real_file_of_a_linked_script() {
        let scratch = Scratch::new();
        let real = scratch.write("lib/main.lua", "");
        scratch.write("lib/near.lua", "near");
        fs::create_dir(scratch.path().join("bin")).unwrap();
        let link = scratch.path().join("bin/tool");
        symlink(real, &link).unwrap();
        let script = ScriptText::load(&Script::File(link), 4).unwrap();
        let path = script.modules().unwrap().check(Path::new("near.lua")).unwrap();
        assert_eq!(path.read(9, too_large).unwrap(), Some(b"near".to_vec()));
    }
}
