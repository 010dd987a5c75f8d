//! An internet of a test's own: every address is this machine, and names are looked up at port 53 of
//! 127.0.0.1.
//!
//! A test that needs one runs again as a process in a network and a mount namespace. In there every
//! address is local, public or not, so an attack that succeeds is seen to arrive and no packet leaves.
//! `/etc/resolv.conf` names the test's [`crate::dns::Dns`], and `/etc/hosts` knows only `localhost`.

use std::env;

use crate::folder::Folder;
use crate::run::Run;

/// Says that this process is in there.
const INSIDE: &str = "TIDELOCK_TEST_INTERNET";

/// `$1` is the folder with the configuration, the rest the command to run.
const SET_UP: &str = "set -e
ip link set lo up
ip route add local default dev lo
ip -6 route add local default dev lo
for file in resolv.conf hosts nsswitch.conf; do mount --bind \"$1/$file\" \"/etc/$file\"; done
shift
exec \"$@\"";

/// The namespaces, first as root has them, then as others may.
const NAMESPACES: [&[&str]; 2] =
    [&["--net", "--mount"], &["--net", "--mount", "--user", "--map-root-user"]];

/// Runs `test` in an internet of its own. `name` is the test's name as the test runner knows it.
///
/// Where namespaces cannot be made, the test is skipped and says so; in CI that is a failure.
pub fn inside(name: &str, test: impl FnOnce()) {
    if env::var_os(INSIDE).is_some() {
        return test();
    }
    let works = |flags: &&&[&str]| {
        Run::program("unshare").args(**flags).args(["ip", "address"]).finish().code == 0
    };
    let Some(namespaces) = NAMESPACES.iter().find(works) else {
        assert!(
            env::var_os("CI").is_none(),
            "unshare and ip (util-linux, iproute2) must work in CI"
        );
        eprintln!("SKIPPED {name}: it needs unshare and ip (util-linux, iproute2)");
        return;
    };
    let folder = Folder::new();
    // One attempt of a second, so that an answer that never comes is not waited for long.
    folder.write("resolv.conf", "nameserver 127.0.0.1\nsearch .\noptions timeout:1 attempts:1\n");
    folder.write("hosts", "127.0.0.1 localhost\n::1 localhost\n");
    folder.write("nsswitch.conf", "hosts: files dns\n");
    let itself = env::current_exe().expect("a test knows its own path");
    let finished = Run::program("unshare")
        .args(*namespaces)
        .args(["sh", "-c", SET_UP, "sh"])
        .args([folder.path(), &itself])
        .args(["--exact", name, "--nocapture"])
        .env(INSIDE, "1")
        .finish();
    assert!(
        finished.code == 0 && finished.stdout.contains(" 1 passed"),
        "{name}, in an internet of its own:\n{}\n{}",
        finished.stdout,
        finished.stderr
    );
}
