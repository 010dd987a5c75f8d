//! The network grants: which hosts, addresses and ports the operator opened.
//!
//! Pure decisions, no I/O. A destination is decided twice: as it is written, before any look-up,
//! and for each address the look-up gives. The network door asks both; see `docs/decisions/020`.

pub mod address;
mod rule;

use std::fmt;
use std::net::IpAddr;

use url::{Host, Url};

use self::address::{canonical, is_public};
use self::rule::{Bare, Rule, without_final_dot};

/// What the audit log calls the grant of everything.
const ALLOW_ALL: &str = "allow-all";

/// The operator's rules about outgoing connections. Without any, nothing is allowed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NetGrants {
    allow: Vec<Rule>,
    deny: Vec<Rule>,
    all: bool,
}

impl NetGrants {
    /// Allows what `rule` names: `[scheme://]host[:port]`, where the host is a name, `*.name`, an
    /// address, a network in CIDR form or `public`. Without a port: those of the web.
    ///
    /// # Errors
    /// A line for the operator that says what was expected.
    pub fn allow(&mut self, rule: &str) -> Result<(), String> {
        self.allow.push(Rule::parse(rule, Bare::Web)?);
        Ok(())
    }

    /// Forbids what `rule` names, whatever else allows it. Without a port: every port.
    ///
    /// # Errors
    /// As [`NetGrants::allow`].
    pub fn deny(&mut self, rule: &str) -> Result<(), String> {
        self.deny.push(Rule::parse(rule, Bare::Any)?);
        Ok(())
    }

    /// Allows everything that no rule forbids, private addresses included.
    pub fn allow_all(&mut self) {
        self.all = true;
    }

    /// Decides about a destination as it is written. For a name this comes before any look-up,
    /// and its addresses are still to be decided.
    pub fn destination(&self, destination: &Destination) -> Decision<'_> {
        if let Target::Address(address) = destination.target {
            return self.address(destination, address);
        }
        let forbids = |rule: &&Rule| rule.covers(destination) && !rule.is_about_addresses();
        if let Some(rule) = self.deny.iter().find(forbids) {
            return Decision::Denied(rule.text());
        }
        self.written(destination)
    }

    /// Decides about one address of a destination that was allowed as written.
    ///
    /// `written` is the address as the look-up gave it. It must be public, or a rule must name it
    /// or a network that holds it, with this scheme and port.
    pub fn address(&self, destination: &Destination, written: IpAddr) -> Decision<'_> {
        if let Some(rule) = self.deny.iter().find(|rule| rule.forbids(destination, written)) {
            return Decision::Denied(rule.text());
        }
        let address = canonical(written);
        if let Some(rule) = self.allow.iter().find(|rule| rule.names(destination, address)) {
            return Decision::Allowed(rule.text());
        }
        // `localhost` that is not loopback is a name that resolves elsewhere, public or not.
        if self.all || (is_public(address) && !destination.is_localhost()) {
            return self.written(destination);
        }
        Decision::Missing
    }

    fn written(&self, destination: &Destination) -> Decision<'_> {
        match self.allow.iter().find(|rule| rule.covers(destination)) {
            Some(rule) => Decision::Allowed(rule.text()),
            None if self.all => Decision::Allowed(ALLOW_ALL),
            None => Decision::Missing,
        }
    }
}

/// What the grants say, with the rule that decided.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decision<'a> {
    /// A rule allows it.
    Allowed(&'a str),
    /// A rule forbids it.
    Denied(&'a str),
    /// No rule is about it, so it is not allowed.
    Missing,
}

/// Where a connection is to go: the part of a URL that rules are about.
///
/// Prints as `host:port`, addresses in canonical form.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Destination {
    scheme: Scheme,
    target: Target,
    port: u16,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Target {
    /// Lower-case, in ASCII, without a final dot.
    Name(String),
    /// In canonical form.
    Address(IpAddr),
}

impl Destination {
    /// The destination of a URL; none unless it is one of a [`Scheme`] and has a host and a port that a rule can
    /// name.
    pub fn of(url: &Url) -> Option<Self> {
        let scheme = Scheme::parse(url.scheme())?;
        let target = match url.host()? {
            Host::Domain(name) => Target::Name(nameable(without_final_dot(name))?.to_owned()),
            Host::Ipv4(address) => Target::Address(IpAddr::V4(address)),
            Host::Ipv6(address) => Target::Address(canonical(IpAddr::V6(address))),
        };
        let port = url.port().unwrap_or(scheme.default_port());
        // Nothing listens at port 0, and no rule takes it.
        (port != 0).then_some(Self { scheme, target, port })
    }

    /// The scheme of the URL.
    pub fn scheme(&self) -> Scheme {
        self.scheme
    }

    /// The port, the scheme's own if the URL named none.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The flag that grants this destination.
    pub fn flag(&self) -> String {
        format!("--allow-net={}", self.rule())
    }

    /// The rule that grants this destination, its scheme left open.
    pub fn rule(&self) -> String {
        match &self.target {
            // The word alone would grant every public address.
            Target::Name(name) if name == "public" => {
                let dotted = Target::Name(format!("{name}."));
                Authority(&dotted, flag_port(self.port)).to_string()
            }
            target => Authority(target, flag_port(self.port)).to_string(),
        }
    }

    /// The flag that grants these addresses to this destination.
    pub fn address_flag(&self, addresses: &[IpAddr]) -> String {
        if self.is_localhost() && addresses.iter().all(IpAddr::is_loopback) {
            return self.flag();
        }
        let rules: Vec<String> =
            addresses.iter().map(|address| self.address_rule(*address)).collect();
        format!("--allow-net={}", rules.join(","))
    }

    /// The rule that grants an address at this destination's port.
    pub fn address_rule(&self, address: IpAddr) -> String {
        Authority(&Target::Address(address), flag_port(self.port)).to_string()
    }

    /// The rule that grants `localhost` at this destination's port.
    pub fn localhost_rule(&self) -> String {
        Authority(&Target::Name("localhost".to_owned()), flag_port(self.port)).to_string()
    }

    /// The address, in canonical form, if the host is one.
    pub fn literal(&self) -> Option<IpAddr> {
        match self.target {
            Target::Name(_) => None,
            Target::Address(address) => Some(address),
        }
    }

    /// Whether the host is the name `localhost`.
    pub fn is_localhost(&self) -> bool {
        matches!(&self.target, Target::Name(name) if name == "localhost")
    }

    fn means_localhost(&self) -> bool {
        self.is_localhost()
            || matches!(self.target, Target::Address(address) if address.is_loopback())
    }
}

impl fmt::Display for Destination {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Authority(&self.target, Some(self.port)).fmt(f)
    }
}

/// The name, if it has a name's characters only. Others mean something in a rule or to a shell, and
/// denials print flags for operators to copy.
fn nameable(name: &str) -> Option<&str> {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    (!name.is_empty() && !name.ends_with('.') && name.bytes().all(is_plain)).then_some(name)
}

/// `host:port`, or the host alone.
struct Authority<'a>(&'a Target, Option<u16>);

impl fmt::Display for Authority<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Target::Name(name) => f.write_str(name)?,
            Target::Address(IpAddr::V4(address)) => address.fmt(f)?,
            Target::Address(IpAddr::V6(address)) => write!(f, "[{address}]")?,
        }
        match self.1 {
            Some(port) => write!(f, ":{port}"),
            None => Ok(()),
        }
    }
}

/// The port a flag must name: a rule without one covers those of the web.
fn flag_port(port: u16) -> Option<u16> {
    (!matches!(port, 80 | 443)).then_some(port)
}

/// The schemes that connect to a host.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Scheme {
    /// HTTP without encryption.
    Http,
    /// HTTP over TLS.
    Https,
    /// WebSocket without encryption.
    Ws,
    /// WebSocket over TLS.
    Wss,
}

impl Scheme {
    fn parse(text: &str) -> Option<Self> {
        let all =
            [("http", Self::Http), ("https", Self::Https), ("ws", Self::Ws), ("wss", Self::Wss)];
        all.into_iter().find(|(name, _)| text.eq_ignore_ascii_case(name)).map(|(_, scheme)| scheme)
    }

    fn default_port(self) -> u16 {
        match self {
            Self::Http | Self::Ws => 80,
            Self::Https | Self::Wss => 443,
        }
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, clippy::panic, reason = "tests")]
mod fuzz;

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use super::*;

    fn grants(allow: &[&str], deny: &[&str]) -> NetGrants {
        let mut grants = NetGrants::default();
        allow.iter().for_each(|rule| grants.allow(rule).unwrap());
        deny.iter().for_each(|rule| grants.deny(rule).unwrap());
        grants
    }

    fn to(url: &str) -> Destination {
        Destination::of(&Url::parse(url).unwrap()).unwrap()
    }

    fn allows(grants: &NetGrants, url: &str) -> bool {
        matches!(grants.destination(&to(url)), Decision::Allowed(_))
    }

    fn reaches(grants: &NetGrants, url: &str, address: &str) -> bool {
        let destination = to(url);
        allows(grants, url)
            && matches!(
                grants.address(&destination, address.parse().unwrap()),
                Decision::Allowed(_)
            )
    }

    #[test]
    fn nothing_is_granted_by_default() {
        let none = NetGrants::default();
        for url in ["http://example.com", "http://127.0.0.1", "http://localhost", "http://8.8.8.8"]
        {
            assert_eq!(none.destination(&to(url)), Decision::Missing, "{url}");
        }
    }

    #[test]
    fn a_bare_host_means_the_ports_of_the_web() {
        let grants = grants(&["example.com"], &[]);
        for url in [
            "http://example.com",
            "https://example.com",
            "ws://example.com",
            "http://example.com:443",
            "http://EXAMPLE.com.",
            "http://ex%61mple.com",
        ] {
            assert!(allows(&grants, url), "{url}");
        }
        for url in [
            "http://example.com:8080",
            "http://www.example.com",
            "http://notexample.com",
            "http://example.com.evil.test",
        ] {
            assert!(!allows(&grants, url), "{url}");
        }
    }

    #[test]
    fn what_means_more_as_a_rule_or_to_a_shell_is_no_destination() {
        for url in [
            "http://./",
            "http://a../",
            "http://*.com/",
            "http://a*/",
            "http://a,public/",
            "http://a:0/",
            "http://$(id)/",
        ] {
            assert_eq!(Destination::of(&Url::parse(url).unwrap()), None, "{url}");
        }
    }

    #[test]
    fn a_scheme_narrows_a_rule_to_itself() {
        let grants = grants(&["https://example.com"], &[]);
        assert!(allows(&grants, "https://example.com"));
        for url in [
            "http://example.com",
            "http://example.com:443",
            "wss://example.com",
            "https://example.com:8443",
        ] {
            assert!(!allows(&grants, url), "{url}");
        }
    }

    #[test]
    fn a_wildcard_covers_what_is_below_and_nothing_else() {
        let grants = grants(&["*.example.com"], &[]);
        assert!(allows(&grants, "http://a.example.com"));
        assert!(allows(&grants, "http://a.b.example.com."));
        for url in [
            "http://example.com",
            "http://notexample.com",
            "http://.example.com",
            "http://example.com.evil.test",
        ] {
            assert!(!allows(&grants, url), "{url}");
        }
    }

    #[test]
    fn other_dots_and_letters_of_idn_are_the_ascii_ones() {
        let grants = grants(&["example.com"], &[]);
        assert!(allows(&grants, "http://example\u{3002}com"));
        assert!(allows(&grants, "http://\u{ff45}xample.com"));
        assert!(!allows(&grants, "http://ex\u{0430}mple.com"), "a Cyrillic letter is another name");
    }

    #[test]
    fn every_literal_form_of_loopback_is_the_same_address() {
        let public = grants(&["public:*", "example.com:*"], &[]);
        let loopback = grants(&["127.0.0.0/8:*"], &[]);
        for url in [
            "http://127.0.0.1",
            "http://2130706433",
            "http://0x7f000001",
            "http://0x7f.1",
            "http://127.1",
            "http://017700000001",
            "http://127.0.0.1.",
            "http://[::ffff:127.0.0.1]",
            "http://[::ffff:7f00:1]",
            "http://[::127.0.0.1]",
            "http://[64:ff9b::7f00:1]",
            "http://[2002:7f00:1::]",
            "http://\u{ff11}27.0.0.1",
            "http://127\u{3002}0.0.1",
            "http://127.0.0.1:6379",
        ] {
            assert!(!allows(&public, url), "{url}");
            assert!(allows(&loopback, url), "{url}");
        }
        for url in [
            "http://0",
            "http://[::]",
            "http://[::1]",
            "http://169.254.169.254",
            "http://[fe80::1]",
            "http://[64:ff9b:1::808:808]",
        ] {
            assert!(!allows(&public, url), "{url}");
        }
    }

    #[test]
    fn an_address_rule_grants_the_literal_and_not_a_name() {
        let grants = grants(&["10.0.0.5:8080", "fd00::/8"], &[]);
        assert!(reaches(&grants, "http://10.0.0.5:8080", "10.0.0.5"));
        assert!(allows(&grants, "http://[fd00::1]"));
        for url in [
            "http://10.0.0.5",
            "http://10.0.0.6:8080",
            "http://internal.test:8080",
            "http://[fe80::1]",
        ] {
            assert!(!allows(&grants, url), "{url}");
        }
    }

    #[test]
    fn an_internal_name_needs_its_name_and_its_address() {
        let name = grants(&["internal.test:8080"], &[]);
        assert!(allows(&name, "http://internal.test:8080"));
        assert!(!reaches(&name, "http://internal.test:8080", "10.0.0.5"));
        assert!(reaches(&name, "http://internal.test:8080", "8.8.8.8"));
        let both = grants(&["internal.test:8080", "10.0.0.0/8:8080"], &[]);
        assert!(reaches(&both, "http://internal.test:8080", "10.0.0.5"));
        assert!(reaches(&both, "http://internal.test:8080", "::ffff:10.0.0.5"));
        assert!(!reaches(&both, "http://internal.test:8080", "192.168.0.1"));
        let other_port = grants(&["internal.test:8080", "10.0.0.0/8"], &[]);
        assert!(!reaches(&other_port, "http://internal.test:8080", "10.0.0.5"));
    }

    #[test]
    fn a_public_grant_never_reaches_loopback_by_another_port() {
        let grants = grants(&["public:*", "127.0.0.1:8080"], &[]);
        assert!(reaches(&grants, "http://evil.test:6379", "8.8.8.8"));
        assert!(!reaches(&grants, "http://evil.test:6379", "127.0.0.1"));
        assert!(reaches(&grants, "http://127.0.0.1:8080", "127.0.0.1"));
    }

    #[test]
    fn localhost_means_loopback_at_its_ports_and_nothing_else() {
        let grants = grants(&["localhost:8080", "public:*"], &[]);
        assert!(reaches(&grants, "http://localhost:8080", "127.0.0.1"));
        assert!(reaches(&grants, "http://LOCALHOST.:8080", "::1"));
        assert!(reaches(&grants, "http://127.0.0.1:8080", "127.0.0.1"));
        assert!(reaches(&grants, "http://[::1]:8080", "::1"));
        assert!(!reaches(&grants, "http://localhost:8080", "8.8.8.8"), "resolves elsewhere");
        assert!(!reaches(&grants, "http://localhost:9090", "127.0.0.1"));
        assert!(!reaches(&grants, "http://127.0.0.1:9090", "127.0.0.1"));
        assert!(!reaches(&grants, "http://evil.test:8080", "127.0.0.1"), "another name");
    }

    #[test]
    fn everything_includes_private_addresses_and_excludes_what_is_forbidden() {
        let mut all = grants(&[], &["169.254.0.0/16", "example.com"]);
        all.allow_all();
        assert!(reaches(&all, "http://internal.test:9", "10.0.0.5"));
        assert!(reaches(&all, "http://localhost:9", "127.0.0.1"));
        assert!(allows(&all, "http://[fd00::1]:9"));
        assert!(!allows(&all, "http://169.254.169.254"));
        assert!(!reaches(&all, "http://metadata.test", "169.254.169.254"));
        assert!(!reaches(&all, "http://metadata.test", "::ffff:169.254.169.254"));
        assert!(!allows(&all, "http://example.com:8080"), "without a port every port is forbidden");
    }

    #[test]
    fn a_prohibition_wins_over_every_allow() {
        let rules = ["*.example.com", "a.example.com", "public", "8.8.8.8"];
        let denied = grants(&rules, &["a.example.com", "8.8.8.0/24", "2002::/16"]);
        assert_eq!(
            denied.destination(&to("http://a.example.com")),
            Decision::Denied("a.example.com")
        );
        assert_eq!(denied.destination(&to("http://8.8.8.8")), Decision::Denied("8.8.8.0/24"));
        assert!(!reaches(&denied, "http://b.example.com", "8.8.8.8"));
        assert!(!reaches(&denied, "http://b.example.com", "2002:101:101::1"));
        assert!(reaches(&denied, "http://b.example.com", "1.1.1.1"));
        let loopback = grants(&["127.0.0.1", "b.test"], &["localhost"]);
        assert!(!allows(&loopback, "http://127.0.0.1"));
        assert!(!reaches(&loopback, "http://b.test", "127.0.0.1"));
        let no_public = grants(&["b.test", "10.0.0.0/8"], &["public"]);
        assert!(!reaches(&no_public, "http://b.test", "8.8.8.8"));
        assert!(reaches(&no_public, "http://b.test", "10.0.0.1"));
    }

    #[test]
    fn flags_name_what_would_grant() {
        for (url, shown, flag) in [
            ("https://api.example.com/x?y", "api.example.com:443", "--allow-net=api.example.com"),
            (
                "http://api.example.com:8080",
                "api.example.com:8080",
                "--allow-net=api.example.com:8080",
            ),
            ("http://2130706433:81", "127.0.0.1:81", "--allow-net=127.0.0.1:81"),
            ("http://[::1]", "[::1]:80", "--allow-net=[::1]"),
            ("http://[::ffff:10.0.0.1]:81", "10.0.0.1:81", "--allow-net=10.0.0.1:81"),
        ] {
            assert_eq!((to(url).to_string().as_str(), to(url).flag().as_str()), (shown, flag));
            let rule = flag.strip_prefix("--allow-net=").unwrap();
            assert!(allows(&grants(&[rule], &[]), url), "{rule} must grant {url}");
        }
    }
}
