//! The smallest set of grants that would have allowed what an audit log holds.
//!
//! A script chose the targets in the log. What would mean more in a flag than the one thing that was
//! touched is not suggested but noted.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, SocketAddr};
use std::path::Path;

use url::Url;

use super::summary::{Outcome, Report, Row, visible};
use crate::escape::shell_word;
use crate::grants::EnvGrants;
use crate::grants::files::{Access, as_rule, folder_of};
use crate::grants::net::Destination;
use crate::grants::net::address::is_public;

/// Grants, and what none can be suggested for.
#[derive(Debug, Default)]
pub(super) struct Suggestion {
    destinations: BTreeMap<String, Reached>,
    ports: BTreeSet<String>,
    folders: BTreeMap<String, Access>,
    variables: BTreeSet<String>,
    notes: BTreeSet<String>,
}

/// A destination of the log, and the addresses of its look-ups.
#[derive(Debug)]
struct Reached {
    destination: Destination,
    addresses: BTreeSet<IpAddr>,
}

impl Suggestion {
    /// Of the lines of a log.
    pub(super) fn of<'a>(rows: impl Iterator<Item = &'a Row>) -> Self {
        let mut suggestion = Self::default();
        for row in rows {
            let is_denied = match row.result {
                Outcome::Allowed => false,
                Outcome::Denied => true,
                // What follows from a decision needs no grant of its own.
                Outcome::Ended(_) => continue,
            };
            if let (true, Some(rule)) = (is_denied, &row.rule) {
                let note = format!("{} is denied by a rule, {}", row.target, rule);
                suggestion.notes.insert(note);
            } else if !suggestion.add(row) {
                suggestion.notes.insert(format!(
                    "no flag can be suggested for {} {} {}",
                    row.capability, row.operation, row.target
                ));
            }
        }
        suggestion
    }

    /// Adds what a decision takes; false if no flag means just that.
    fn add(&mut self, row: &Row) -> bool {
        match (row.capability.as_str(), row.operation.as_str()) {
            // Scripts always have their modules.
            ("modules", _) => row.result == Outcome::Allowed,
            ("env", "get") => self.add_variable(&row.target),
            ("http-server", "listen") => self.add_port(&row.target),
            (_, "check") => self.reached(&row.target).is_some(),
            (_, "connect") => self.add_address(&row.target).is_some(),
            (_, "read") => self.add_folder(Access::Read, row),
            (_, "write") => self.add_folder(Access::Write, row),
            _ => false,
        }
    }

    fn reached(&mut self, origin: &str) -> Option<&mut Reached> {
        let destination = Destination::of(&Url::parse(origin).ok()?)?;
        let new = Reached { destination, addresses: BTreeSet::new() };
        Some(self.destinations.entry(new.destination.rule()).or_insert(new))
    }

    fn add_address(&mut self, target: &str) -> Option<()> {
        let (origin, address) = target.rsplit_once(" at ")?;
        let address = address.parse().ok()?;
        self.reached(origin)?.addresses.insert(address);
        Some(())
    }

    fn add_port(&mut self, target: &str) -> bool {
        let rule = match (target.strip_prefix("port "), target.parse::<SocketAddr>()) {
            (Some(port), _)
                if port.parse::<u16>().is_ok_and(|number| number.to_string() == port) =>
            {
                port.to_owned()
            }
            (None, Ok(SocketAddr::V4(address))) if address.ip().octets() == [127, 0, 0, 1] => {
                address.port().to_string()
            }
            (None, Ok(address)) => address.to_string(),
            _ => return false,
        };
        self.ports.insert(rule);
        true
    }

    fn add_variable(&mut self, name: &str) -> bool {
        // The log may have cut the name, or have put a mark for bytes that are no text.
        let is_whole = name.len() < 256 && !name.contains(char::REPLACEMENT_CHARACTER);
        let is_rule = EnvGrants::default().allow(name).is_ok();
        if !is_whole || !is_rule || name.contains([',', '*']) {
            return false;
        }
        self.variables.insert(name.to_owned());
        true
    }

    fn add_folder(&mut self, access: Access, row: &Row) -> bool {
        let path = Path::new(&row.target);
        // What was touched may be the granted folder itself; the one around it would be more.
        let rule = row.rule.as_deref().map(Path::new);
        let folder = rule.filter(|rule| *rule == path).unwrap_or_else(|| folder_of(path));
        let Some(folder) = as_rule(folder) else { return false };
        let granted = self.folders.entry(folder).or_insert(access);
        *granted = access.max(*granted);
        true
    }

    /// The flags, a line each.
    pub(super) fn into_report(self) -> Report {
        let mut flags: Vec<String> = Vec::new();
        flags.extend(self.network_rules().iter().map(|rule| format!("--allow-net={rule}")));
        flags.extend(self.ports.iter().map(|rule| format!("--allow-listen={rule}")));
        flags.extend(
            self.folder_rules().map(|(folder, access)| format!("{}={folder}", access.flag())),
        );
        flags.extend(self.variables.iter().map(|name| format!("--allow-env={name}")));
        let text = flags.iter().map(|flag| shell_word(flag) + "\n").collect();
        Report { text, notes: self.notes.iter().map(|note| visible(note)).collect() }
    }

    fn network_rules(&self) -> BTreeSet<String> {
        let (mut rules, mut literals) = (BTreeSet::new(), Vec::new());
        for (rule, Reached { destination, addresses }) in &self.destinations {
            if destination.literal().is_some() {
                literals.push((rule, destination));
                continue;
            }
            rules.insert(rule.clone());
            // One public address is enough for a name, except for `localhost`, which grants loopback.
            let is_enough = |address: &IpAddr| match destination.is_localhost() {
                true => address.is_loopback(),
                false => is_public(*address),
            };
            if !addresses.iter().any(is_enough) {
                rules.extend(addresses.iter().map(|address| destination.address_rule(*address)));
            }
        }
        for (rule, destination) in literals {
            // A grant of `localhost` is one of the loopback addresses, too.
            let is_granted = destination.literal().is_some_and(|address| address.is_loopback())
                && rules.contains(&destination.localhost_rule());
            if !is_granted {
                rules.insert(rule.clone());
            }
        }
        rules
    }

    /// Those that no other one holds. The innermost folder decides, so one inside another is there
    /// only if more may be done in it.
    fn folder_rules(&self) -> impl Iterator<Item = (&str, Access)> {
        self.folders.iter().map(|(folder, access)| (folder.as_str(), *access)).filter(
            |(folder, access)| {
                let outer = Path::new(folder).ancestors().skip(1).filter_map(|outer| {
                    let outer = if outer.as_os_str().is_empty() { "." } else { outer.to_str()? };
                    self.folders.get(outer).filter(|_| outer != *folder)
                });
                outer.copied().max().is_none_or(|outer| outer < *access)
            },
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(capability: &str, operation: &str, target: &str, allowed: bool) -> Row {
        Row {
            capability: capability.to_owned(),
            target: target.to_owned(),
            operation: operation.to_owned(),
            result: if allowed { Outcome::Allowed } else { Outcome::Denied },
            rule: None,
        }
    }

    fn flags(rows: &[(&str, &str, &str)]) -> String {
        let report = suggested(rows);
        assert_eq!(report.notes, [""; 0], "{}", report.text);
        report.text.replace('\n', " ").trim_end().to_owned()
    }

    fn suggested(rows: &[(&str, &str, &str)]) -> Report {
        let rows: Vec<Row> = rows
            .iter()
            .flat_map(|(capability, operation, target)| {
                [true, false].map(|allowed| row(capability, operation, target, allowed))
            })
            .collect();
        Suggestion::of(rows.iter()).into_report()
    }

    #[test]
    fn a_destination_takes_one_rule() {
        for (targets, rules) in [
            (&["https://a.test:443"][..], "--allow-net=a.test"),
            (&["https://a.test:443", "http://a.test:80", "wss://a.test:443"], "--allow-net=a.test"),
            (&["http://a.test:81", "ws://a.test:81"], "--allow-net=a.test:81"),
            (&["http://127.0.0.1:81"], "--allow-net=127.0.0.1:81"),
            (&["http://[::1]:81"], "'--allow-net=[::1]:81'"),
            (&["http://127.0.0.1:81", "http://localhost:81"], "--allow-net=localhost:81"),
            (
                &["http://10.0.0.1:81", "http://localhost:81"],
                "--allow-net=10.0.0.1:81 --allow-net=localhost:81",
            ),
            (
                &["http://127.0.0.1:82", "http://localhost:81"],
                "--allow-net=127.0.0.1:82 --allow-net=localhost:81",
            ),
            (&["http://public:80"], "--allow-net=public."),
        ] {
            let rows: Vec<_> =
                targets.iter().map(|target| ("http-client", "check", *target)).collect();
            assert_eq!(flags(&rows), rules);
        }
    }

    #[test]
    fn an_internal_name_takes_its_addresses_too() {
        let check = ("websocket", "check", "ws://a.test:81");
        let at = |address: &'static str| ("websocket", "connect", address);
        assert_eq!(flags(&[check, at("ws://a.test:81 at 8.8.8.8")]), "--allow-net=a.test:81");
        assert_eq!(
            flags(&[check, at("ws://a.test:81 at 10.0.0.1")]),
            "--allow-net=10.0.0.1:81 --allow-net=a.test:81"
        );
        assert_eq!(
            flags(&[check, at("ws://a.test:81 at 10.0.0.1"), at("ws://a.test:81 at 8.8.8.8")]),
            "--allow-net=a.test:81"
        );
        let localhost = ("http-client", "check", "http://localhost:81");
        assert_eq!(
            flags(&[localhost, ("http-client", "connect", "http://localhost:81 at 127.0.0.1")]),
            "--allow-net=localhost:81"
        );
    }

    #[test]
    fn of_folders_the_outermost_is_enough() {
        let (read, write) = (("http-client", "read"), ("download", "write"));
        let row = |(capability, operation), target| (capability, operation, target);
        assert_eq!(flags(&[row(read, "/a/x")]), "--allow-read=/a");
        assert_eq!(flags(&[row(read, "x"), row(read, "a/x")]), "--allow-read=.");
        assert_eq!(flags(&[row(read, "/a/x"), row(write, "/a/y")]), "--allow-write=/a");
        assert_eq!(flags(&[row(write, "/a/x"), row(read, "/a/b/y")]), "--allow-write=/a");
        assert_eq!(
            flags(&[row(read, "/a/x"), row(write, "/a/b/y")]),
            "--allow-read=/a --allow-write=/a/b"
        );
        assert_eq!(flags(&[row(read, "/it's $(a)/x")]), "'--allow-read=/it'\\''s $(a)'");
    }

    #[test]
    fn a_granted_folder_that_was_touched_itself_is_enough() {
        for (target, rule, flag) in [
            ("w", Some("w"), "--allow-write=w\n"),
            ("w/", Some("w"), "--allow-write=w\n"),
            ("w", Some("/"), "--allow-write=.\n"),
            ("w", None, "--allow-write=.\n"),
        ] {
            let mut row = row("files", "write", target, rule.is_some());
            row.rule = rule.map(str::to_owned);
            assert_eq!(Suggestion::of([row].iter()).into_report().text, flag, "{target} {rule:?}");
        }
    }

    #[test]
    fn ports_and_variables_are_granted_one_by_one() {
        let listen = |target| ("http-server", "listen", target);
        assert_eq!(flags(&[listen("port 80"), listen("127.0.0.1:80")]), "--allow-listen=80");
        assert_eq!(
            flags(&[listen("0.0.0.0:80"), listen("127.0.0.1:0")]),
            "--allow-listen=0 --allow-listen=0.0.0.0:80"
        );
        assert_eq!(
            flags(&[("env", "get", "A"), ("env", "get", "B")]),
            "--allow-env=A --allow-env=B"
        );
    }

    #[test]
    fn what_would_grant_more_than_was_touched_is_noted_instead() {
        for (capability, operation, target) in [
            ("env", "get", "*"),
            ("env", "get", "A*"),
            ("env", "get", "A,B"),
            ("env", "get", ""),
            ("env", "get", "A B"),
            ("http-client", "check", "http://a,public:80"),
            ("http-client", "check", "http://*.test:80"),
            ("http-client", "check", "nonsense"),
            ("http-client", "connect", "http://a.test:80 at elsewhere"),
            ("http-server", "listen", "port 1,2"),
            ("http-server", "listen", "port +1"),
            ("download", "write", "/a,//x"),
            ("download", "write", "/a\\x0a/x"),
            ("download", "write", "/a\n/x"),
            ("a", "b", "\x1b[2J"),
        ] {
            let report = suggested(&[(capability, operation, target)]);
            assert_eq!(report.text, "", "{target}");
            assert_eq!(report.notes.len(), 1, "{target}");
            assert!(report.notes.iter().all(|note| !note.contains('\x1b')));
        }
    }

    #[test]
    fn what_a_rule_denies_is_noted() {
        let mut denied = row("http-client", "check", "http://a.test:80", false);
        denied.rule = Some("a.test".to_owned());
        let report = Suggestion::of([denied].iter()).into_report();
        assert_eq!((report.text.as_str(), report.notes.len()), ("", 1));
    }
}
