//! The changes to Lua's own sources, each with its reason. A build fails if one finds nothing to change.

use std::fs;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};

/// A piece of a file, what takes its place.
struct Patch {
    file: &'static str,
    from: &'static str,
    to: &'static str,
}

/// A loop notes where it is: the traceback of a script that the CPU limit stops is read from what the
/// interpreter last noted, and a tight loop would note nothing.
const PATCHES: &[Patch] = &[
    Patch {
        file: "lvm",
        from: "{ pc += GETARG_sJ(i) + e; updatetrap(ci); }",
        to: "{ savepc(ci); pc += GETARG_sJ(i) + e; updatetrap(ci); }",
    },
    Patch {
        file: "lvm",
        from: "updatetrap(ci);  /* allows a signal to break the loop */",
        to: "savepc(ci); updatetrap(ci);  /* allows a signal to break the loop */",
    },
];

/// The file of Lua with this name, changed if there is something to change.
pub fn apply(lua: &Path, name: &str, out: &Path) -> Result<PathBuf> {
    let original = lua.join(format!("{name}.c"));
    let mut patches = PATCHES.iter().filter(|patch| patch.file == name).peekable();
    if patches.peek().is_none() {
        return Ok(original);
    }
    let mut text = fs::read_to_string(&original)
        .with_context(|| format!("failed to read {}", original.display()))?;
    for Patch { file, from, to } in patches {
        ensure!(text.matches(from).count() == 1, "{file}.c does not have {from:?} once");
        text = text.replace(from, to);
    }
    // Objects are kept by the path of their source.
    let mut contents = DefaultHasher::new();
    text.hash(&mut contents);
    let folder = out.join(format!("lua-{:x}", contents.finish()));
    fs::create_dir_all(&folder)?;
    let changed = folder.join(format!("{name}.c"));
    fs::write(&changed, text)?;
    Ok(changed)
}
