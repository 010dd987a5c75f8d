//! Which addresses and ports a script may listen on.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use crate::failure::{Failure, Kind};

/// The `--allow-listen` rules of a run. Without a rule nothing may be listened on.
#[derive(Clone, Debug, Default)]
pub struct ListenGrants {
    rules: Vec<SocketAddr>,
    all: bool,
}

/// The proof that an address may be listened on; only [`ListenGrants::check`] makes one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CheckedListen {
    address: SocketAddr,
    rule: String,
}

impl ListenGrants {
    /// Adds a rule `[ADDR:]PORT`: ADDR is an IP address (v6 in brackets), by default `127.0.0.1`;
    /// port 0 lets the script ask for any free port.
    ///
    /// # Errors
    /// One line that says what a rule looks like.
    pub fn allow(&mut self, rule: &str) -> Result<(), String> {
        let address = match rule.parse::<u16>() {
            Ok(port) if is_digits(rule) => loopback(port),
            _ => rule.parse().map_err(|_| {
                format!(
                    "invalid listen rule `{rule}`: expected PORT, ADDR:PORT or [ADDR]:PORT, \
                     such as 8080, 0.0.0.0:8080 or [::1]:8080"
                )
            })?,
        };
        if !self.rules.contains(&address) {
            self.rules.push(address);
        }
        Ok(())
    }

    /// Allows every port; those without a rule of their own on `127.0.0.1`.
    pub fn allow_all(&mut self) {
        self.all = true;
    }

    /// Whether `port` may be listened on, and at which address: that of the first rule for it.
    ///
    /// # Errors
    /// [`Kind::Denied`], with the flag that would grant it.
    pub fn check(&self, port: u16) -> Result<CheckedListen, Failure> {
        if let Some(address) = self.rules.iter().find(|rule| rule.port() == port) {
            return Ok(CheckedListen { address: *address, rule: address.to_string() });
        }
        if self.all {
            return Ok(CheckedListen { address: loopback(port), rule: "all".to_owned() });
        }
        Err(Failure::new(
            Kind::Denied,
            format!("listening on port {port} is not granted (run with --allow-listen={port})"),
        ))
    }
}

impl CheckedListen {
    /// Where to bind; port 0 stands for any free one.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The rule that allowed it, for the audit log.
    pub fn rule(&self) -> &str {
        &self.rule
    }
}

fn loopback(port: u16) -> SocketAddr {
    SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), port)
}

/// `u16::from_str` also takes a sign, which no port has.
fn is_digits(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use super::*;

    fn grants(rules: &[&str]) -> ListenGrants {
        let mut grants = ListenGrants::default();
        for rule in rules {
            grants.allow(rule).unwrap();
        }
        grants
    }

    #[test]
    fn nothing_is_granted_by_default_and_the_denial_names_the_flag() {
        let failure = ListenGrants::default().check(8080).unwrap_err();
        assert_eq!(failure.kind, Kind::Denied);
        assert_eq!(
            failure.message,
            "listening on port 8080 is not granted (run with --allow-listen=8080)"
        );
    }

    #[test]
    fn a_bare_port_binds_on_loopback() {
        let checked = grants(&["8080"]).check(8080).unwrap();
        assert_eq!(checked.address().to_string(), "127.0.0.1:8080");
        assert_eq!(checked.rule(), "127.0.0.1:8080");
    }

    #[test]
    fn the_address_is_the_operators_to_choose() {
        let grants = grants(&["0.0.0.0:80", "[::1]:81"]);
        assert_eq!(grants.check(80).unwrap().address().to_string(), "0.0.0.0:80");
        assert_eq!(grants.check(81).unwrap().address().to_string(), "[::1]:81");
        assert!(grants.check(82).is_err());
    }

    #[test]
    fn port_zero_must_be_asked_for_and_grants_no_other() {
        let grants = grants(&["0"]);
        assert_eq!(grants.check(0).unwrap().address().port(), 0);
        assert!(grants.check(8080).is_err());
        assert!(self::grants(&["8080"]).check(0).is_err());
    }

    #[test]
    fn allow_all_binds_on_loopback_unless_a_rule_names_the_port() {
        let mut grants = grants(&["0.0.0.0:80"]);
        grants.allow_all();
        assert_eq!(grants.check(80).unwrap().address().to_string(), "0.0.0.0:80");
        assert_eq!(grants.check(9).unwrap().address().to_string(), "127.0.0.1:9");
        assert_eq!(grants.check(9).unwrap().rule(), "all");
    }

    #[test]
    fn rules_that_are_no_address_and_port_are_refused() {
        for rule in
            ["", "http", "65536", "-1", "+80", " 80", "localhost:80", "::1:80", "1.2.3.4", "*:80"]
        {
            assert!(ListenGrants::default().allow(rule).is_err(), "{rule}");
        }
    }
}
