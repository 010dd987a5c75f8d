//! `wit/modules.wit`: the script's source and its modules.

use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

use wasmtime::component::{HasData, Resource};

use crate::audit::{Audit, Event};
use crate::bindings::tidelock::script::modules;
use crate::bindings::tidelock::script::types;
use crate::capability::View;
use crate::door::file::{CheckedPath, too_large};
use crate::failure::{Failure, Kind};
use crate::limits::MAX_CROSSING;
use crate::script_text::ScriptText;

/// Longest name of a module.
const MAX_NAME: usize = 1024;

/// What one instance may load.
pub struct ModulesCtx {
    script: ScriptText,
    max_source: u64,
    audit: Audit,
}

impl ModulesCtx {
    /// Loads `script` and the modules of its folder, each at most `max_source` bytes.
    pub fn new(script: ScriptText, max_source: u64, audit: Audit) -> Self {
        Self { script, max_source, audit }
    }

    fn main(&self) -> Source {
        Source { name: self.script.name().to_owned(), text: Arc::clone(self.script.text()), at: 0 }
    }

    fn module(&self, name: &[u8]) -> Result<Source, Failure> {
        let name = module_path(name)?;
        let folder = self.script.modules().ok_or_else(|| {
            Failure::new(Kind::Io, "the script's folder cannot be opened, so it has no modules")
        })?;
        let mut tried = String::new();
        for candidate in [name.with_extension("lua"), name.join("init.lua")] {
            let path = folder.check(&candidate)?;
            if let Some(text) = self.read(&path)? {
                return Ok(Source { name: path.shown().to_owned(), text: text.into(), at: 0 });
            }
            // Writing to a string cannot fail.
            let _ = write!(
                tried,
                "{}no file {}",
                if tried.is_empty() { "" } else { ", " },
                path.shown()
            );
        }
        Err(Failure::new(Kind::Io, format!("module not found: {tried}")))
    }

    fn read(&self, path: &CheckedPath) -> Result<Option<Vec<u8>>, Failure> {
        let event = Event { capability: "modules", operation: "open", target: path.shown() };
        let begun = Instant::now();
        let result = path.read(self.max_source, too_large);
        match &result {
            Ok(None) => {}
            Ok(Some(text)) => {
                self.audit.decision(event, true, None);
                self.audit.operation(event, "ok", text.len() as u64, begun.elapsed());
            }
            Err(failure) => self.audit.decision(event, failure.kind != Kind::Denied, None),
        }
        result
    }
}

/// Source that was opened: a snapshot and how far it was handed out.
pub struct Source {
    name: String,
    text: Arc<[u8]>,
    at: usize,
}

impl Source {
    /// The next piece, at most [`MAX_CROSSING`] bytes; empty at the end.
    fn next_piece(&mut self) -> Vec<u8> {
        let rest = self.text.get(self.at..).unwrap_or_default();
        let piece = rest.get(..MAX_CROSSING).unwrap_or(rest);
        self.at += piece.len();
        piece.to_vec()
    }
}

/// `a.b` as `a/b`.
fn module_path(name: &[u8]) -> Result<PathBuf, Failure> {
    let invalid = |what: &str| Err(Failure::new(Kind::Invalid, what));
    if name.len() > MAX_NAME {
        return invalid("the module's name is longer than 1024 bytes");
    }
    let usable = |c: &u8| c.is_ascii_alphanumeric() || matches!(c, b'_' | b'-');
    let whole = |part: &[u8]| !part.is_empty() && part.iter().all(usable);
    let mut path = PathBuf::new();
    for part in name.split(|c| *c == b'.') {
        match std::str::from_utf8(part) {
            Ok(text) if whole(part) => path.push(Path::new(text)),
            _ => {
                return invalid(
                    "a module's name is made of letters, digits, `_` and `-`, in parts separated by single dots",
                );
            }
        }
    }
    Ok(path)
}

/// The capability's place in the linker.
pub struct Modules;

impl HasData for Modules {
    type Data<'a> = View<'a, ModulesCtx>;
}

impl modules::Host for View<'_, ModulesCtx> {
    fn script(&mut self) -> wasmtime::Result<Result<Resource<Source>, types::Error>> {
        Ok(Ok(self.table.push(self.ctx.main())?))
    }

    fn open(&mut self, name: Vec<u8>) -> wasmtime::Result<Result<Resource<Source>, types::Error>> {
        Ok(match self.ctx.module(&name) {
            Ok(source) => Ok(self.table.push(source)?),
            Err(failure) => Err(failure.into()),
        })
    }
}

impl modules::HostSource for View<'_, ModulesCtx> {
    fn name(&mut self, source: Resource<Source>) -> wasmtime::Result<String> {
        Ok(self.table.get(&source)?.name.clone())
    }

    fn read(&mut self, source: Resource<Source>) -> wasmtime::Result<Vec<u8>> {
        Ok(self.table.get_mut(&source)?.next_piece())
    }

    fn drop(&mut self, source: Resource<Source>) -> wasmtime::Result<()> {
        self.table.delete(source)?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use std::os::unix::fs::symlink;

    use super::*;
    use crate::config::Script;
    use crate::scratch::Scratch;

    fn modules(scratch: &Scratch) -> ModulesCtx {
        let main = scratch.write("main.lua", "main");
        let script = ScriptText::load(&Script::File(main), 100).unwrap();
        ModulesCtx::new(script, 100, Audit::default())
    }

    fn failure(ctx: &ModulesCtx, name: &[u8]) -> Failure {
        ctx.module(name).err().unwrap()
    }

    #[test]
    fn a_module_is_a_file_or_a_folder_with_an_init_file() {
        let scratch = Scratch::new();
        scratch.write("a/b.lua", "file");
        scratch.write("a/c/init.lua", "folder");
        let ctx = modules(&scratch);
        let mut file = ctx.module(b"a.b").unwrap();
        assert!(file.name.ends_with("/a/b.lua"), "{}", file.name);
        assert_eq!(file.next_piece(), b"file");
        assert_eq!(file.next_piece(), b"");
        assert_eq!(ctx.module(b"a.c").unwrap().next_piece(), b"folder");
    }

    #[test]
    fn a_missing_module_lists_the_places_tried() {
        let scratch = Scratch::new();
        let failure = failure(&modules(&scratch), b"a.b");
        assert_eq!(failure.kind, Kind::Io);
        assert!(failure.message.contains("/a/b.lua, no file "), "{failure}");
        assert!(failure.message.ends_with("/a/b/init.lua"), "{failure}");
    }

    #[test]
    fn names_that_could_leave_the_folder_are_invalid() {
        let scratch = Scratch::new();
        let ctx = modules(&scratch);
        let long = "a".repeat(MAX_NAME + 1);
        for name in [
            &b""[..],
            b".",
            b"..",
            b"a..b",
            b".a",
            b"a.",
            b"a/b",
            b"/etc/passwd",
            b"a\0b",
            b"\xff",
            b"C:a",
            b"a b",
            long.as_bytes(),
        ] {
            assert_eq!(failure(&ctx, name).kind, Kind::Invalid, "{name:?}");
        }
        assert_eq!(failure(&ctx, "a".repeat(256).as_bytes()).kind, Kind::Invalid);
    }

    #[test]
    fn a_symlink_out_of_the_folder_is_denied() {
        let scratch = Scratch::new();
        symlink("/etc/passwd", scratch.path().join("evil.lua")).unwrap();
        assert_eq!(failure(&modules(&scratch), b"evil").kind, Kind::Denied);
    }

    #[test]
    fn a_module_past_the_limit_is_too_large() {
        let scratch = Scratch::new();
        scratch.write("big.lua", &"x".repeat(101));
        assert_eq!(failure(&modules(&scratch), b"big").kind, Kind::TooLarge);
    }

    #[test]
    fn long_source_is_handed_out_in_pieces() {
        let text: Vec<u8> = (0..MAX_CROSSING * 2 + 5).map(|at| at as u8).collect();
        let mut source = Source { name: "x".to_owned(), text: text.clone().into(), at: 0 };
        let mut seen = Vec::new();
        loop {
            let piece = source.next_piece();
            assert!(piece.len() <= MAX_CROSSING);
            if piece.is_empty() {
                break;
            }
            seen.extend(piece);
        }
        assert_eq!(seen, text);
        assert_eq!(source.next_piece(), b"");
    }
}
