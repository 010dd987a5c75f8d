//! What the operator decided: grants and limits, collected from policy files and flags.
//!
//! A policy file is TOML with the flags' own names:
//!
//! ```toml
//! allow-net = ["api.example.com", "*.example.org:8443"]
//! allow-listen = [8080]
//! allow-write = ["downloads"]
//! allow-env = ["AWS_*"]
//!
//! [limits]
//! max-memory = "64MiB"
//! max-cpu = 2.5
//! ```
//!
//! Grants of several files and of the flags add up, and a denial among them wins; of several values
//! for one limit the last wins. A key that is not known is an error: a misspelt `deny-net` must not
//! be a policy that denies nothing.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use toml::{Table, Value};

use crate::failure::cause;
use crate::grants::Grants;
use crate::grants::files::Access;
use crate::limit_settings::{self, SETTINGS};
use crate::limits::Limits;

/// The keys of a policy file outside `[limits]`.
const KEYS: [&str; 8] = [
    "allow-net",
    "deny-net",
    "allow-listen",
    "allow-read",
    "allow-write",
    "allow-env",
    "allow-all",
    "audit",
];

/// The operator's decisions so far. The default is the program's: no grants, all limits.
#[derive(Clone, Debug, Default)]
pub struct Policy {
    /// What is granted.
    pub grants: Grants,
    /// What bounds it.
    pub limits: Limits,
    /// The names of the limits that policy files set.
    pub limits_set: BTreeSet<&'static str>,
    /// Whether everything was granted at once.
    pub allow_all: bool,
    /// Where the audit log goes.
    pub audit: Option<PathBuf>,
}

impl Policy {
    /// Adds the decisions of a policy file.
    ///
    /// # Errors
    /// One line with the file, the key and what is accepted.
    #[expect(clippy::disallowed_methods, reason = "the operator names the file")]
    pub fn add_file(&mut self, path: &Path) -> Result<(), String> {
        let text = fs::read_to_string(path).map_err(|error| {
            format!("failed to read the policy {}: {}", path.display(), cause(&error))
        })?;
        self.add_text(&text).map_err(|error| format!("policy {}: {error}", path.display()))
    }

    /// Grants everything; denials still win.
    pub fn grant_all(&mut self) {
        self.allow_all = true;
        self.grants.allow_all();
    }

    fn add_text(&mut self, text: &str) -> Result<(), String> {
        let table: Table = text.parse().map_err(|error: toml::de::Error| error.to_string())?;
        for (key, value) in &table {
            self.add_entry(key, value)?;
        }
        Ok(())
    }

    fn add_entry(&mut self, key: &str, value: &Value) -> Result<(), String> {
        let grants = &mut self.grants;
        match (key, value) {
            ("allow-net", _) => add_rules(key, value, |rule| grants.net.allow(rule)),
            ("deny-net", _) => add_rules(key, value, |rule| grants.net.deny(rule)),
            ("allow-listen", _) => add_rules(key, value, |rule| grants.listen.allow(rule)),
            ("allow-read", _) => {
                add_rules(key, value, |folder| grants.files.allow(Access::Read, folder))
            }
            ("allow-write", _) => {
                add_rules(key, value, |folder| grants.files.allow(Access::Write, folder))
            }
            ("allow-env", _) => add_rules(key, value, |rule| grants.env.allow(rule)),
            ("allow-all", Value::Boolean(true)) => {
                self.grant_all();
                Ok(())
            }
            ("allow-all", Value::Boolean(false)) => Ok(()),
            ("allow-all", _) => Err("`allow-all` is true or false".to_owned()),
            ("audit", Value::String(path)) => {
                self.audit = Some(PathBuf::from(path));
                Ok(())
            }
            ("audit", _) => Err("`audit` is the path of a file, in quotes".to_owned()),
            ("limits", Value::Table(table)) => {
                table.iter().try_for_each(|(key, value)| self.add_limit(key, value))
            }
            ("limits", _) => Err("`limits` is a table: [limits], then one limit a line".to_owned()),
            _ if limit_settings::find(key).is_some() => {
                Err(format!("`{key}` is a limit: it stands below a line [limits]"))
            }
            _ => Err(format!(
                "unknown key `{}`; the keys are {}, and the table [limits]",
                key.escape_debug(),
                KEYS.join(", "),
            )),
        }
    }

    fn add_limit(&mut self, key: &str, value: &Value) -> Result<(), String> {
        let Some(setting) = limit_settings::find(key) else {
            let names: Vec<_> = SETTINGS.iter().map(|setting| setting.name).collect();
            return Err(format!(
                "unknown limit `{}`; the limits are {}",
                key.escape_debug(),
                names.join(", "),
            ));
        };
        let text = scalar(value)
            .ok_or_else(|| format!("`{key}` is a number, or a text such as \"64MiB\" or \"2s\""))?;
        (setting.apply)(&mut self.limits, &text).map_err(|error| format!("`{key}`: {error}"))?;
        self.limits_set.insert(setting.name);
        Ok(())
    }
}

/// Hands every rule of a list, or the one rule, to `add`.
fn add_rules(
    key: &str,
    value: &Value,
    mut add: impl FnMut(&str) -> Result<(), String>,
) -> Result<(), String> {
    let rules = match value {
        Value::Array(rules) => rules.as_slice(),
        one => std::slice::from_ref(one),
    };
    for rule in rules {
        // A port may stand without quotes; a fraction is no rule of anything.
        let rule = match rule {
            Value::String(text) => text.clone(),
            Value::Integer(number) => number.to_string(),
            _ => return Err(format!("`{key}` is a list of rules in quotes: {key} = [\"…\"]")),
        };
        add(&rule).map_err(|error| format!("`{key}`, rule `{}`: {error}", rule.escape_debug()))?;
    }
    Ok(())
}

/// A number or text as a flag would have it.
fn scalar(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Integer(number) => Some(number.to_string()),
        Value::Float(number) => Some(number.to_string()),
        _ => None,
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod fuzz;

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use std::time::Duration;

    use super::*;
    use crate::grants::files::Rule;
    use crate::limits::MIB;

    fn refusal(text: &str) -> String {
        Policy::default().add_text(text).unwrap_err()
    }

    #[test]
    fn a_policy_sets_grants_and_limits() {
        let mut policy = Policy::default();
        policy
            .add_text(
                r#"
                allow-net = ["api.example.com", "example.org:8443"]
                deny-net = "internal.example.com"
                allow-listen = [8080]
                allow-read = "/etc/ssl"
                allow-write = ["out"]
                allow-env = ["HOME", "AWS_*"]
                audit = "audit.jsonl"
                [limits]
                max-memory = "64MiB"
                max-cpu = 2.5
                max-time = "none"
                max-tasks = 10
                max-headers = "50,8KiB"
                "#,
            )
            .unwrap();
        assert_eq!(policy.grants.env.granted_by(b"AWS_REGION"), Some("AWS_*"));
        let folders: Vec<_> = policy.grants.files.rules().map(Rule::folder).collect();
        assert_eq!(folders, [Path::new("/etc/ssl"), Path::new("out")]);
        assert_eq!(policy.limits.max_memory, Some(64 * MIB));
        assert_eq!(policy.limits.max_cpu, Some(Duration::from_millis(2500)));
        assert_eq!(policy.limits.max_time, None);
        assert_eq!((policy.limits.max_tasks, policy.limits.max_header_lines), (10, 50));
        assert_eq!(policy.audit, Some(PathBuf::from("audit.jsonl")));
        assert!(!policy.allow_all);
    }

    #[test]
    fn an_unknown_key_names_the_known_ones() {
        let message = refusal("deny-nett = []");
        assert!(message.contains("`deny-nett`") && message.contains("deny-net, "), "{message}");
        let message = refusal("[limits]\nmax-memry = 1");
        assert!(message.contains("`max-memry`") && message.contains("max-memory"), "{message}");
        assert!(refusal("max-memory = 1").contains("[limits]"));
    }

    #[test]
    fn a_wrong_value_names_its_key() {
        for (text, key) in [
            ("allow-net = [{}]", "allow-net"),
            ("allow-net = [\"\"]", "allow-net"),
            ("allow-write = [\"\"]", "allow-write"),
            ("allow-read = [\"a/../b\"]", "allow-read"),
            ("allow-env = [1.5]", "allow-env"),
            ("allow-env = [\"A=1\"]", "allow-env"),
            ("allow-all = \"yes\"", "allow-all"),
            ("audit = 1", "audit"),
            ("limits = 1", "limits"),
            ("[limits]\nmax-cpu = -1", "max-cpu"),
            ("[limits]\nmax-cpu = nan", "max-cpu"),
            ("[limits]\nmax-cpu = []", "max-cpu"),
            ("[limits]\nmax-body = 1.5", "max-body"),
        ] {
            let message = refusal(text);
            assert!(message.contains(key), "{text}: {message}");
        }
        assert!(refusal("allow-net = [").contains("TOML"));
    }

    #[test]
    fn files_add_grants_and_the_last_limit_wins() {
        let mut policy = Policy::default();
        policy.add_text("allow-env = [\"A\"]\n[limits]\nmax-cpu = 1").unwrap();
        policy.add_text("allow-env = [\"B\"]\n[limits]\nmax-cpu = 2").unwrap();
        assert!(policy.grants.env.granted_by(b"A").is_some());
        assert!(policy.grants.env.granted_by(b"B").is_some());
        assert_eq!(policy.limits.max_cpu, Some(Duration::from_secs(2)));
    }

    #[test]
    fn a_missing_file_is_named() {
        let message = Policy::default().add_file(Path::new("/no/such/policy.toml")).unwrap_err();
        assert!(message.contains("/no/such/policy.toml"), "{message}");
    }
}
