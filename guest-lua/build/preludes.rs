//! Embeds `prelude/*.lua` as one C table of named sources.

use std::fmt::Write;
use std::fs;
use std::path::Path;

use anyhow::{Context, Result};

/// Writes `preludes.c`: `const struct Prelude preludes[]`, in the order of the files' names.
pub fn embed(folder: &Path, out: &Path) -> Result<()> {
    let mut files: Vec<_> = fs::read_dir(folder)
        .with_context(|| format!("failed to read {}", folder.display()))?
        .map(|entry| entry.map(|entry| entry.path()))
        .collect::<Result<_, _>>()?;
    files.retain(|path| path.extension().is_some_and(|extension| extension == "lua"));
    files.sort();

    let mut text = String::from("#include \"prelude.h\"\n\n");
    let mut table = String::new();
    for path in files {
        let name = path
            .file_stem()
            .and_then(|stem| stem.to_str())
            .context("a prelude's name is not UTF-8")?;
        let source = fs::read(&path)?;
        write!(text, "static const char {name}[] = {{")?;
        for byte in &source {
            write!(text, "{},", *byte as i8)?;
        }
        writeln!(text, "0}};")?;
        writeln!(table, "  {{\"{name}\", {name}, {}}},", source.len())?;
    }
    write!(text, "\nconst struct Prelude preludes[] = {{\n{table}  {{0, 0, 0}}\n}};\n")?;
    fs::write(out.join("preludes.c"), text)?;
    Ok(())
}
