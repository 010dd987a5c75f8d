//! A disk of a test's own that is soon full, in a mount namespace.

use std::env;

use crate::folder::Folder;
use crate::run::Run;

/// The namespaces, first as root has them, then as others may.
const NAMESPACES: [&[&str]; 2] = [&["--mount"], &["--mount", "--user", "--map-root-user"]];

/// A command in `folder` that sees a disk of one MiB at `mounted`, a folder in there.
///
/// `script` is the shell's, in which `"$@"` is the command that is added. `name` is the test's name.
/// None where namespaces cannot be made: the test is skipped and this says so; in CI it is a failure.
pub fn run(name: &str, folder: &Folder, mounted: &str, script: &str) -> Option<Run> {
    let shell = |namespaces: &[&str], script: &str| {
        let script = format!("mount -t tmpfs -o size=1m tidelock '{mounted}' && {script}");
        Run::program("unshare")
            .args(namespaces)
            .args(["sh", "-c", &script, "sh"])
            .in_folder(folder.path())
    };
    let works = |namespaces: &&&[&str]| shell(namespaces, "true").finish().code == 0;
    let Some(namespaces) = NAMESPACES.iter().find(works) else {
        assert!(env::var_os("CI").is_none(), "unshare and mount (util-linux) must work in CI");
        eprintln!("SKIPPED {name}: it needs unshare and mount (util-linux)");
        return None;
    };
    Some(shell(namespaces, script))
}
