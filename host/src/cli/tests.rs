#![expect(clippy::unwrap_used, clippy::panic, reason = "tests")]

use std::os::unix::ffi::OsStringExt;
use std::path::PathBuf;
use std::time::Duration;

use super::*;
use crate::config::AccessLogTarget;
use crate::limit_settings::SETTINGS;
use crate::limits::MIB;
use crate::log_line::LogFormat;
use crate::scratch::Scratch;

fn parsed(words: &[&str]) -> Result<Action, clap::Error> {
    parse(std::iter::once("tidelock").chain(words.iter().copied()).map(OsString::from))
}

fn run(words: &[&str]) -> Config {
    match parsed(words) {
        Ok(Action::Run(config)) => *config,
        Ok(_) => panic!("{words:?} is another command"),
        Err(error) => panic!("{words:?}: {error}"),
    }
}

fn refusal(words: &[&str]) -> String {
    let error = parsed(words).err().unwrap();
    assert_eq!(error.exit_code(), 2, "{error}");
    error.to_string()
}

fn help(words: &[&str]) -> String {
    let error = parsed(words).err().unwrap();
    assert_eq!(error.exit_code(), 0, "{error}");
    error.to_string()
}

#[test]
fn the_declarations_are_consistent() {
    Cli::command().debug_assert();
}

#[test]
fn a_path_alone_is_run() {
    for words in [&["main.lua"][..], &["run", "main.lua"], &["--", "main.lua"]] {
        assert_eq!(run(words).script, Script::File("main.lua".into()));
    }
    let config = run(&["main.lua"]);
    assert_eq!((config.workers, config.dev, config.allow_all), (1, false, false));
    assert_eq!(config.limits, crate::limits::Limits::default());
}

#[test]
fn no_script_or_a_dash_is_standard_input() {
    for words in [&[][..], &["-"], &["run"], &["run", "-"], &["eval"], &["eval", "-"], &["-A"]] {
        assert_eq!(run(words).script, Script::Stdin, "{words:?}");
    }
    assert_eq!(run(&["-", "a"]).arguments, [b"a"]);
}

#[test]
fn everything_after_the_script_is_the_scripts() {
    let rest = ["--allow-net=x", "-A", "--", "run", "--help", "-", "--nonsense", "a,b"];
    for before in
        [&["main.lua"][..], &["run", "main.lua"], &["--dev", "main.lua"], &["eval", "x=1"]]
    {
        let words: Vec<&str> = before.iter().chain(&rest).copied().collect();
        let config = run(&words);
        assert!(!config.allow_all);
        let arguments: Vec<_> = rest.iter().map(|word| word.as_bytes()).collect();
        assert_eq!(config.arguments, arguments, "{words:?}");
    }
}

#[test]
fn arguments_may_be_any_bytes() {
    let words = [b"tidelock".to_vec(), b"x.lua".to_vec(), b"\xff".to_vec()].map(OsString::from_vec);
    let Ok(Action::Run(config)) = parse(words) else { panic!("not run") };
    assert_eq!(config.arguments, [b"\xff"]);
}

#[test]
fn eval_takes_code() {
    let config = run(&["eval", "--dev", "print(1)", "a"]);
    assert_eq!(config.script, Script::Code { name: "eval".to_owned(), text: b"print(1)".to_vec() });
    assert_eq!(config.arguments, [b"a"]);
    assert!(config.dev);
}

#[test]
fn grants_are_repeated_or_separated_by_commas_with_or_without_an_equals_sign() {
    let config = run(&["--allow-env", "A,B", "--allow-env=C_*", "x.lua"]);
    for name in [&b"A"[..], b"B", b"C_X"] {
        assert!(config.grants.env.granted_by(name).is_some());
    }
    assert_eq!(config.grants.env.granted_by(b"D"), None);
    let config = run(&["-A", "x.lua"]);
    assert!(config.allow_all && config.grants.env.granted_by(b"D").is_some());
}

#[test]
fn a_wrong_rule_is_shown_beside_its_flag() {
    let message = refusal(&["--allow-env=A=1", "x.lua"]);
    assert!(message.contains("--allow-env") && message.contains("AWS_*"), "{message}");
    for flag in ["--allow-net", "--deny-net", "--allow-listen", "--allow-read", "--allow-write"] {
        let message = refusal(&["run", flag, "", "x.lua"]);
        assert!(message.contains(flag), "{message}");
    }
}

#[test]
fn every_limit_is_a_flag_and_is_shown_with_its_default() {
    let text = help(&["run", "--help"]);
    for setting in SETTINGS {
        let value = match setting.value {
            "COUNT" => "7",
            "SIZE" => "9MiB",
            _ => "7000",
        };
        let value = if setting.value.contains("LINES") { "7,2KiB" } else { value };
        let config = run(&[&format!("--{}={value}", setting.name), "x.lua"]);
        assert_ne!(config.limits, crate::limits::Limits::default(), "{}", setting.name);
        assert!(text.contains(&format!("--{} <{}>", setting.name, setting.value)));
    }
    for default in ["128MiB", "10s", "100,64KiB", "50000"] {
        assert!(text.contains(&format!("[default: {default}]")), "{default}");
    }
    let message = refusal(&["--max-memory=64MB", "x.lua"]);
    assert!(message.contains("--max-memory") && message.contains("64MiB"), "{message}");
}

#[test]
fn flags_add_to_policies_and_win_for_limits() {
    let scratch = Scratch::new();
    let policy =
        scratch.write("a.toml", "allow-env = [\"A\"]\n[limits]\nmax-cpu = 1\nmax-time = 9");
    let other = scratch.write("b.toml", "allow-env = [\"B\"]");
    let (policy, other) = (policy.to_str().unwrap(), other.to_str().unwrap());
    let words = ["--max-cpu=5s", "--policy", policy, "--allow-env=C", "--policy", other, "x.lua"];
    let config = run(&words);
    for name in [b"A", b"B", b"C"] {
        assert!(config.grants.env.granted_by(name).is_some());
    }
    assert_eq!(config.limits.max_cpu, Some(Duration::from_secs(5)));
    assert_eq!(config.limits.max_time, Some(Duration::from_secs(9)));
}

#[test]
fn a_policy_that_cannot_be_used_is_a_usage_error_that_names_it() {
    let scratch = Scratch::new();
    let policy = scratch.write("bad.toml", "alow-net = []");
    let message = refusal(&["--policy", policy.to_str().unwrap(), "x.lua"]);
    assert!(message.contains("bad.toml") && message.contains("allow-net"), "{message}");
    assert!(refusal(&["--policy=/no/such.toml", "x.lua"]).contains("/no/such.toml"));
    assert!(refusal(&["--audit=/no/such/folder/a", "x.lua"]).contains("/no/such/folder/a"));
}

#[test]
fn output_flags_are_read() {
    let config = run(&[
        "--access-log=-",
        "--access-log-format",
        "json",
        "--log-format=json",
        "--workers=4",
        "x.lua",
    ]);
    assert_eq!(config.access_log, Some(AccessLogTarget::Stdout));
    assert_eq!((config.access_log_format, config.log_format), (LogFormat::Json, LogFormat::Json));
    assert_eq!(config.workers, 4);
    let config = run(&["--access-log", "a.log", "x.lua"]);
    assert_eq!(config.access_log, Some(AccessLogTarget::File(PathBuf::from("a.log"))));
    for wrong in ["--workers=0", "--workers=-1", "--workers=9999", "--log-format=xml"] {
        refusal(&[wrong, "x.lua"]);
    }
}

#[test]
fn check_takes_several_scripts_and_grants_nothing() {
    let Ok(Action::Check(configs)) = parsed(&["check", "--max-source=1MiB", "a.lua", "-"]) else {
        panic!("not check")
    };
    let scripts: Vec<_> = configs.iter().map(|config| config.script.clone()).collect();
    assert_eq!(scripts, [Script::File("a.lua".into()), Script::Stdin]);
    assert!(configs.iter().all(|config| config.check_only && config.limits.max_source == MIB));
    refusal(&["check"]);
    refusal(&["check", "-A", "a.lua"]);
}

#[test]
fn an_audit_log_is_a_file_or_standard_input() {
    for (words, file, suggest) in [
        (&["a.jsonl"][..], Some("a.jsonl"), false),
        (&["--suggest", "-"], None, true),
        (&["./-", "--suggest"], Some("./-"), true),
    ] {
        let words = [&["audit", "summary"], words].concat();
        let Ok(Action::AuditSummary(order)) = parsed(&words) else { panic!("{words:?}") };
        assert_eq!((order.file, order.suggest), (file.map(PathBuf::from), suggest), "{words:?}");
    }
    refusal(&["audit", "summary"]);
    refusal(&["audit", "summary", "-A", "a.jsonl"]);
}

#[test]
fn a_misspelt_option_is_a_usage_error() {
    assert!(refusal(&["--alow-net=x", "main.lua"]).contains("--allow-net"));
    assert!(refusal(&["--allow-env=X", "run", "main.lua"]).contains("after the command"));
}

#[test]
fn every_help_ends_with_an_example() {
    for words in [
        &["--help"][..],
        &["run", "--help"],
        &["eval", "--help"],
        &["check", "--help"],
        &["audit", "summary", "--help"],
    ] {
        assert!(help(words).contains("Example: "), "{words:?}");
    }
    let text = help(&["run", "--help"]);
    for heading in ["Grants", "Limits", "Server", "Output"] {
        assert!(text.contains(heading), "{heading}");
    }
}

#[test]
fn completions_know_the_flags() {
    for shell in [Shell::Bash, Shell::Zsh, Shell::Fish] {
        let script = String::from_utf8(completions(shell)).unwrap();
        assert!(script.contains("max-memory") && script.contains("allow-net"));
    }
}
