//! Policy files: the flags' own names in TOML, and nothing that is not known.

use tests::folder::Folder;
use tests::run::{Finished, Run};
use tests::upstream::Upstream;

/// Runs code with these policy files and flags.
fn eval(policies: &[&str], flags: &[&str], code: &str) -> Finished {
    let folder = Folder::new();
    let mut run =
        Run::new(["eval"]).in_folder(folder.path()).env("GIVEN", "seen").env("OTHER", "other");
    for (number, text) in policies.iter().enumerate() {
        folder.write(&format!("{number}.toml"), text);
        run = run.args([format!("--policy={number}.toml")]);
    }
    run.args(flags).args([code]).finish()
}

#[test]
fn a_policy_grants_and_limits() {
    let upstream = Upstream::text("body");
    let policy = format!(
        "allow-net = [\"127.0.0.1:{}\"]\nallow-env = \"GIVEN\"\naudit = \"audit.jsonl\"\n[limits]\nmax-response = \"1KiB\"\nmax-tasks = 5\n",
        upstream.port
    );
    let code = format!(
        "print(http.get('{}').body, env.get('GIVEN'), env.get('OTHER'))",
        upstream.url("/")
    );
    assert_eq!(eval(&[&policy], &[], &code).ok(), "body\tseen\tnil\n");
    eval(&[&policy], &[], "for _ = 1, 9 do async.spawn(sleep, 9) end").fails_with(3);
    let without = eval(&[], &[], &code).fails_with(1);
    assert!(without.contains("is not granted"), "{without}");
}

#[test]
fn policies_and_flags_add_up_and_the_flag_wins_for_limits() {
    let code = "print(env.get('GIVEN'), env.get('OTHER'))";
    let (given, other) = ("allow-env = [\"GIVEN\"]", "allow-env = [\"OTHER\"]");
    assert_eq!(eval(&[given], &[], code).ok(), "seen\tnil\n");
    assert_eq!(eval(&[given, other], &[], code).ok(), "seen\tother\n");
    assert_eq!(eval(&[given], &["--allow-env=OTHER"], code).ok(), "seen\tother\n");
    let limit = "[limits]\nmax-tasks = 2";
    let spawn = "for _ = 1, 5 do async.spawn(sleep, 9) end print('all')";
    eval(&[limit], &[], spawn).fails_with(3);
    assert_eq!(eval(&[limit], &["--max-tasks=10"], spawn).ok(), "all\n");
    assert_eq!(eval(&[limit, "[limits]\nmax-tasks = 10"], &[], spawn).ok(), "all\n");
}

#[test]
fn a_denial_anywhere_wins() {
    let upstream = Upstream::text("body");
    let code = format!("print(http.get('{}').body)", upstream.url("/"));
    for (policies, flags) in [
        (&["deny-net = [\"127.0.0.1\"]"][..], &["--allow-net=127.0.0.1:*"][..]),
        (&["allow-net = [\"127.0.0.1:*\"]", "deny-net = [\"127.0.0.0/8\"]"], &[]),
        (&["allow-net = [\"127.0.0.1:*\"]"], &["--deny-net=localhost"]),
        (&["allow-all = true\ndeny-net = \"127.0.0.1\""], &[]),
    ] {
        let said = eval(policies, flags, &code).fails_with(1);
        assert!(said.contains("is denied (by --deny-net="), "{policies:?}: {said}");
    }
    assert!(upstream.seen().is_empty());
}

#[test]
fn what_is_not_known_is_a_usage_error_that_names_it() {
    for (policy, hints) in [
        ("deny-nett = []", ["deny-nett", "deny-net"]),
        ("allow_net = []", ["allow_net", "allow-net"]),
        ("[limit]\nmax-cpu = 1", ["limit", "[limits]"]),
        ("[limits]\nmax-memry = 1", ["max-memry", "max-memory"]),
        ("max-memory = 1", ["max-memory", "[limits]"]),
        ("allow-net = [1.5]", ["allow-net", "quotes"]),
        ("allow-net = [\"http://a/b\"]", ["allow-net", "http://a/b"]),
        ("allow-env = [\"A=B\"]", ["allow-env", "A=B"]),
        ("allow-all = \"yes\"", ["allow-all", "true"]),
        ("[limits]\nmax-cpu = -1", ["max-cpu", "duration"]),
        ("allow-net = [", ["TOML", "0.toml"]),
        ("\u{1}", ["TOML", "0.toml"]),
    ] {
        let ended = eval(&[policy], &[], "print('not run')");
        assert_eq!(ended.stdout, "", "{policy}");
        let said = ended.fails_with(2);
        assert!(
            said.contains("0.toml") && hints.iter().all(|hint| said.contains(hint)),
            "{policy}: {said}"
        );
    }
}

#[test]
fn a_policy_that_grants_everything_says_so() {
    let ended = eval(&["allow-all = true"], &[], "print(env.get('GIVEN'))");
    assert!(ended.stderr.starts_with("warning: "), "{}", ended.stderr);
    assert_eq!(ended.ok(), "seen\n");
}
