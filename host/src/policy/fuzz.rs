//! Random policies: pieces of valid ones put together and spoilt, and valid ones made of settings, which
//! must mean what the same flags mean.

use super::*;
use crate::fuzz::{Random, rounds};

const PIECES: [&str; 46] = [
    "allow-net",
    "deny-net",
    "allow-listen",
    "allow-read",
    "allow-write",
    "allow-env",
    "allow-all",
    "audit",
    "[limits]\n",
    "[limits.x]\n",
    "[[limits]]\n",
    "max-memory",
    "max-cpu",
    "max-headers",
    "max-nothing",
    " = ",
    "=",
    "\n",
    "\n",
    "\n",
    "[",
    "]",
    "{",
    "}",
    ",",
    "\"",
    "'",
    "\"\"\"",
    "\"example.com\"",
    "[\"a\", \"b\"]",
    "true",
    "false",
    "1",
    "-1",
    "1.5",
    "nan",
    "inf",
    "1e400",
    "99999999999999999999",
    "\"64MiB\"",
    "1979-05-27T07:32:00Z",
    "#",
    "\\u0000",
    "\u{feff}",
    ".",
    "\0",
];

/// Values that a limit might be given, as a flag has them; some are refused.
const VALUES: [&str; 16] = [
    "64MiB",
    "1GiB",
    "8388608",
    "1",
    "0",
    "500ms",
    "2m",
    "2.5",
    "none",
    "100",
    "50,8KiB",
    "16777216",
    "99999999999",
    "1h",
    "7s",
    "x",
];

/// Top-level keys of a text that parses, without those of the policy.
fn strangers(text: &str) -> Option<bool> {
    let table: Table = text.parse().ok()?;
    let limits = table.get("limits").and_then(Value::as_table);
    let top = table.keys().any(|key| key != "limits" && !KEYS.contains(&key.as_str()));
    let below = limits.is_some_and(|limits| {
        limits.keys().any(|key| SETTINGS.iter().all(|setting| setting.name != key))
    });
    Some(top || below)
}

#[test]
fn fuzz_policies_of_any_text() {
    rounds(5000, |mut random| {
        let text = random.text(120, &PIECES);
        let mut policy = Policy::default();
        let result = policy.add_text(&text);
        match strangers(&text) {
            None => assert!(result.is_err(), "no TOML, but a policy: {text:?}"),
            Some(true) => assert!(result.is_err(), "an unknown key is accepted: {text:?}"),
            Some(false) => {}
        }
        if let Err(message) = result {
            assert!(!message.is_empty(), "{text:?}");
        }
    });
}

/// A value in quotes, or without where TOML allows it.
fn quoted(random: &mut Random, value: &str) -> String {
    let bare = value.parse::<u32>().is_ok() || (value == "2.5");
    if bare && random.one_in(2) { value.to_owned() } else { format!("\"{value}\"") }
}

#[test]
fn fuzz_policies_mean_what_flags_mean() {
    rounds(2000, |mut random| {
        let mut text = String::new();
        let mut by_flags = Policy::default();
        let mut accepted = true;
        for key in ["allow-net", "deny-net"] {
            let rules = ["a.test", "*.b.test:81", "10.0.0.0/8", "public", "https://c.test", "a b"];
            let rules: Vec<_> = (0..random.below(3)).map(|_| *random.pick(&rules)).collect();
            text += &format!("{key} = {rules:?}\n");
            let net = &mut by_flags.grants.net;
            for rule in rules {
                let result = if key == "deny-net" { net.deny(rule) } else { net.allow(rule) };
                accepted &= result.is_ok();
            }
        }
        let mut limits = String::new();
        for setting in SETTINGS {
            if random.one_in(8) {
                let value = *random.pick(&VALUES);
                accepted &= (setting.apply)(&mut by_flags.limits, value).is_ok();
                limits += &format!("{} = {}\n", setting.name, quoted(&mut random, value));
            }
        }
        let whole = format!("{text}[limits]\n{limits}");
        let mut by_file = Policy::default();
        let result = by_file.add_text(&whole);
        assert_eq!(result.is_ok(), accepted, "{whole}: {result:?}");
        if result.is_ok() {
            assert_eq!(by_file.limits, by_flags.limits, "{whole}");
            assert_eq!(by_file.grants.net, by_flags.grants.net, "{whole}");
            for setting in SETTINGS {
                // What is shown can be pasted back.
                let shown = (setting.show)(&by_file.limits);
                let mut again = by_file.limits.clone();
                (setting.apply)(&mut again, &shown).unwrap();
                assert_eq!((setting.show)(&again), shown, "{}", setting.name);
            }
        }
    });
}
