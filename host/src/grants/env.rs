//! Which environment variables a script may see.

/// Longest name of a variable that is looked at; no system has longer ones.
pub const MAX_NAME: usize = 1024;

/// The rules of `--allow-env`. The default grants no variable.
#[derive(Clone, Debug, Default)]
pub struct EnvGrants {
    rules: Vec<Rule>,
}

/// One rule, such as `HOME` or `AWS_*`.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Rule {
    /// This variable.
    Name(String),
    /// Every variable that begins so; the text is kept as the operator wrote it, with the star.
    Prefix(String),
    /// `--allow-all`.
    Everything,
}

impl EnvGrants {
    /// Adds a rule: a variable's name, or the beginning of names followed by `*`.
    ///
    /// # Errors
    /// One line that says why `rule` cannot be a variable and what can.
    pub fn allow(&mut self, rule: &str) -> Result<(), String> {
        let name = rule.strip_suffix('*').unwrap_or(rule);
        let wrong = |what: &str| {
            Err(format!(
                "{what}; a rule is a variable's name (HOME) or the beginning of names (AWS_*)"
            ))
        };
        if rule.is_empty() {
            return wrong("the name is empty");
        }
        if name.contains('*') {
            return wrong("`*` stands at the end of a rule only");
        }
        if name.len() > MAX_NAME {
            return wrong("the name is longer than 1024 bytes");
        }
        if name.contains('=') {
            return wrong("a name has no `=`, and a value cannot be given here");
        }
        if name.chars().any(|c| c.is_control() || c.is_whitespace()) {
            return wrong("a name has no spaces or control characters");
        }
        self.rules.push(if name.len() < rule.len() {
            Rule::Prefix(rule.to_owned())
        } else {
            Rule::Name(rule.to_owned())
        });
        Ok(())
    }

    /// Grants every variable.
    pub fn allow_all(&mut self) {
        self.rules.push(Rule::Everything);
    }

    /// The rule that grants the variable `name`, as the operator wrote it; none if no rule does.
    pub fn granted_by(&self, name: &[u8]) -> Option<&str> {
        if name.is_empty() || name.len() > MAX_NAME {
            return None;
        }
        self.rules.iter().find(|rule| rule.covers(name)).map(Rule::as_str)
    }
}

impl Rule {
    fn covers(&self, name: &[u8]) -> bool {
        match self {
            Self::Name(own) => own.as_bytes() == name,
            Self::Prefix(own) => {
                own.strip_suffix('*').is_some_and(|prefix| name.starts_with(prefix.as_bytes()))
            }
            Self::Everything => true,
        }
    }

    fn as_str(&self) -> &str {
        match self {
            Self::Name(text) | Self::Prefix(text) => text,
            Self::Everything => "--allow-all",
        }
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use super::*;

    fn grants(rules: &[&str]) -> EnvGrants {
        let mut grants = EnvGrants::default();
        for rule in rules {
            grants.allow(rule).unwrap();
        }
        grants
    }

    #[test]
    fn nothing_is_granted_by_default() {
        assert_eq!(EnvGrants::default().granted_by(b"HOME"), None);
    }

    #[test]
    fn a_name_grants_exactly_itself() {
        let grants = grants(&["HOME"]);
        assert_eq!(grants.granted_by(b"HOME"), Some("HOME"));
        for other in [&b"HOM"[..], b"HOME2", b"home", b"HOME\0", b""] {
            assert_eq!(grants.granted_by(other), None);
        }
    }

    #[test]
    fn a_pattern_grants_what_begins_so_and_names_itself() {
        let grants = grants(&["AWS_*"]);
        assert_eq!(grants.granted_by(b"AWS_REGION"), Some("AWS_*"));
        assert_eq!(grants.granted_by(b"AWS_\xff"), Some("AWS_*"));
        assert_eq!(grants.granted_by(b"AWS"), None);
        assert_eq!(grants.granted_by(b"XAWS_REGION"), None);
    }

    #[test]
    fn everything_is_granted_only_by_allow_all() {
        let mut grants = EnvGrants::default();
        grants.allow_all();
        assert_eq!(grants.granted_by(b"ANY"), Some("--allow-all"));
        assert_eq!(grants.granted_by(&vec![b'A'; MAX_NAME + 1]), None);
    }

    #[test]
    fn a_wrong_rule_teaches_the_right_one() {
        for wrong in ["", "A*B", "**", "A=1", "A B", "A\nB", "A\0", &"A".repeat(2000)] {
            let message = EnvGrants::default().allow(wrong).unwrap_err();
            assert!(message.contains("AWS_*"), "{wrong}: {message}");
        }
    }
}
