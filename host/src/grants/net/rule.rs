//! One network rule: its text and what it matches.

use std::net::IpAddr;

use ipnet::{IpNet, Ipv4Net};
use url::Host;

use super::address::{canonical, is_public};
use super::{Destination, Scheme, Target};

/// A rule as the operator wrote it, parsed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Rule {
    text: String,
    scheme: Option<Scheme>,
    pattern: Pattern,
    ports: Ports,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Pattern {
    /// One name, lower-case, in ASCII, without a final dot.
    Name(String),
    /// Every name below this one, itself excluded.
    Below(String),
    /// The name `localhost` and the addresses it stands for.
    Localhost,
    /// Addresses, in canonical form.
    Network(IpNet),
    /// Every public address, and any name that resolves to one; `localhost` never does.
    Public,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Ports {
    Any,
    Web,
    One(u16),
}

/// What a rule without a port means.
#[derive(Clone, Copy)]
pub(super) enum Bare {
    /// The ports of the web: those of the scheme, else 80 and 443.
    Web,
    /// Every port: forgetting a port in a prohibition must not open it.
    Any,
}

impl Rule {
    /// Parses `[scheme://]host[:port]`; the error says what was expected.
    pub(super) fn parse(text: &str, bare: Bare) -> Result<Self, String> {
        let text = text.trim();
        let fail = |why: &str| Err(format!("network rule `{}`: {why}", text.escape_debug()));
        let (scheme, rest) = match text.split_once("://") {
            None => (None, text),
            Some((scheme, rest)) => match Scheme::parse(scheme) {
                Some(scheme) => (Some(scheme), rest),
                None => return fail("the scheme must be http, https, ws or wss"),
            },
        };
        if rest.contains(['@', '?', '#', '\\', '%']) || rest.contains(char::is_whitespace) {
            return fail("expected [scheme://]host[:port] and nothing else");
        }
        let Some((host, port)) = split_port(rest) else {
            return fail("brackets must hold an IPv6 address or network");
        };
        let ports = match (port.as_deref(), bare, scheme) {
            (Some("*"), ..) | (None, Bare::Any, _) => Ports::Any,
            (Some(port), ..) => match parse_port(port) {
                Some(port) => Ports::One(port),
                None => return fail("the port must be a number from 1 to 65535, or `*`"),
            },
            (None, Bare::Web, Some(scheme)) => Ports::One(scheme.default_port()),
            (None, Bare::Web, None) => Ports::Web,
        };
        match parse_pattern(&host) {
            Ok(pattern) => Ok(Self { text: text.to_owned(), scheme, pattern, ports }),
            Err(why) => fail(why),
        }
    }

    /// The rule as the operator wrote it.
    pub(super) fn text(&self) -> &str {
        &self.text
    }

    /// Whether the destination as it is written, before any look-up, falls under this rule.
    pub(super) fn covers(&self, destination: &Destination) -> bool {
        if !self.applies(destination) {
            return false;
        }
        match (&self.pattern, &destination.target) {
            (Pattern::Name(name), Target::Name(host)) => name == host,
            (Pattern::Below(parent), Target::Name(host)) => host
                .strip_suffix(parent)
                .is_some_and(|front| front.len() > 1 && front.ends_with('.')),
            (Pattern::Localhost, Target::Name(_)) => destination.is_localhost(),
            (Pattern::Localhost, Target::Address(address)) => address.is_loopback(),
            (Pattern::Network(network), Target::Address(address)) => network.contains(address),
            (Pattern::Public, Target::Name(_)) => !destination.is_localhost(),
            (Pattern::Public, Target::Address(address)) => is_public(*address),
            (Pattern::Network(_), Target::Name(_)) => false,
            (Pattern::Name(_) | Pattern::Below(_), Target::Address(_)) => false,
        }
    }

    /// Whether the rule names this canonical address as such, for this scheme and port.
    ///
    /// `localhost` names loopback only where the script said `localhost` or a loopback literal:
    /// another name that resolves to loopback is not what the operator meant.
    pub(super) fn names(&self, destination: &Destination, address: IpAddr) -> bool {
        self.applies(destination)
            && match &self.pattern {
                Pattern::Network(network) => network.contains(&address),
                Pattern::Localhost => address.is_loopback() && destination.means_localhost(),
                _ => false,
            }
    }

    /// Whether the rule forbids this address, however the script came to it. `written` is what the
    /// look-up answered, so that a prohibition of, say, all 6to4 holds too.
    pub(super) fn forbids(&self, destination: &Destination, written: IpAddr) -> bool {
        let address = canonical(written);
        self.applies(destination)
            && match &self.pattern {
                Pattern::Network(network) => {
                    network.contains(&address) || network.contains(&written)
                }
                Pattern::Localhost => address.is_loopback(),
                Pattern::Public => is_public(address),
                Pattern::Name(_) | Pattern::Below(_) => false,
            }
    }

    /// Whether the rule can only be decided once the addresses are known.
    pub(super) fn is_about_addresses(&self) -> bool {
        matches!(self.pattern, Pattern::Public | Pattern::Network(_))
    }

    fn applies(&self, destination: &Destination) -> bool {
        self.scheme.is_none_or(|scheme| scheme == destination.scheme)
            && match self.ports {
                Ports::Any => true,
                Ports::Web => matches!(destination.port, 80 | 443),
                Ports::One(port) => port == destination.port,
            }
    }
}

/// Parts a host, possibly with a prefix length, from its port; none if brackets are unbalanced.
fn split_port(text: &str) -> Option<(String, Option<String>)> {
    if let Some(inside) = text.strip_prefix('[') {
        let (address, after) = inside.split_once(']')?;
        if !address.contains(':') {
            return None;
        }
        let (length, port) = match after.split_once(':') {
            Some((length, port)) => (length, Some(port.to_owned())),
            None => (after, None),
        };
        return Some((format!("{address}{length}"), port));
    }
    match text.split_once(':') {
        // Several colons without brackets: a bare IPv6 address or network.
        Some((_, after)) if after.contains(':') => Some((text.to_owned(), None)),
        Some((host, port)) => Some((host.to_owned(), Some(port.to_owned()))),
        None => Some((text.to_owned(), None)),
    }
}

fn parse_port(text: &str) -> Option<u16> {
    // `parse` alone would take a leading plus sign.
    let digits = text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse().ok().filter(|port| digits && *port != 0)
}

fn parse_pattern(host: &str) -> Result<Pattern, &'static str> {
    if host.eq_ignore_ascii_case("public") {
        return Ok(Pattern::Public);
    }
    if host.contains('/') {
        let network = host.parse().map_err(|_| "expected a network such as 10.0.0.0/8 or fd00::/8");
        return network.map(|network| Pattern::Network(canonical_network(network)));
    }
    if let Ok(address) = host.parse() {
        return Ok(Pattern::Network(IpNet::from(canonical(address))));
    }
    let (name, below) = match host.strip_prefix("*.") {
        Some(parent) => (parent, true),
        None => (host, false),
    };
    if name.contains('*') {
        return Err(
            "`*` stands only in front, as in *.example.com (`public` means any public address)",
        );
    }
    match (Host::parse(name), below) {
        (Ok(Host::Ipv4(address)), false) => Ok(Pattern::Network(IpNet::from(IpAddr::V4(address)))),
        (Ok(Host::Domain(name)), _) => match (without_final_dot(&name), below) {
            ("", _) => Err("the host is missing"),
            (name, true) => Ok(Pattern::Below(name.to_owned())),
            ("localhost", false) => Ok(Pattern::Localhost),
            (name, false) => Ok(Pattern::Name(name.to_owned())),
        },
        _ => Err("expected a host name, an address, a network such as 10.0.0.0/8, or `public`"),
    }
}

/// A network of IPv4-mapped addresses as the IPv4 network it means.
fn canonical_network(network: IpNet) -> IpNet {
    let mapped = match network {
        IpNet::V6(v6) if v6.prefix_len() >= 96 => {
            v6.addr().to_ipv4_mapped().zip(v6.prefix_len().checked_sub(96))
        }
        _ => None,
    };
    mapped
        .and_then(|(address, length)| Ipv4Net::new(address, length).ok())
        .map_or(network, IpNet::V4)
}

/// A name without the dot that marks it as absolute; both mean the same host.
pub(super) fn without_final_dot(name: &str) -> &str {
    name.strip_suffix('.').unwrap_or(name)
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use super::*;

    fn rule(text: &str) -> Rule {
        Rule::parse(text, Bare::Web).unwrap()
    }

    fn network(text: &str) -> Pattern {
        Pattern::Network(text.parse().unwrap())
    }

    #[test]
    fn hosts_are_normalised_as_urls_are() {
        assert_eq!(rule("API.Example.com.").pattern, Pattern::Name("api.example.com".into()));
        assert_eq!(rule("bücher.example").pattern, Pattern::Name("xn--bcher-kva.example".into()));
        assert_eq!(rule("*.Example.com").pattern, Pattern::Below("example.com".into()));
        assert_eq!(rule("LOCALHOST").pattern, Pattern::Localhost);
        assert_eq!(rule("0x7f000001").pattern, network("127.0.0.1/32"));
    }

    #[test]
    fn addresses_and_networks_are_canonical() {
        assert_eq!(rule("10.0.0.0/8").pattern, network("10.0.0.0/8"));
        assert_eq!(rule("[::ffff:10.0.0.1]:80").pattern, network("10.0.0.1/32"));
        assert_eq!(rule("::ffff:10.0.0.0/104").pattern, network("10.0.0.0/8"));
        assert_eq!(rule("fd00::/8").pattern, network("fd00::/8"));
        assert_eq!(rule("::1").pattern, network("::1/128"));
    }

    #[test]
    fn a_port_may_follow_every_form() {
        for text in [
            "a.example:8080",
            "10.0.0.1:8080",
            "10.0.0.0/8:8080",
            "[::1]:8080",
            "[fd00::/8]:8080",
            "[fd00::]/8:8080",
            "public:8080",
            "https://*.a.example:8080",
        ] {
            assert_eq!(rule(text).ports, Ports::One(8080), "{text}");
        }
        for text in ["a.example:*", "[::1]:*", "public:*", "http://a.example:*"] {
            assert_eq!(rule(text).ports, Ports::Any, "{text}");
        }
    }

    #[test]
    fn without_a_port_the_scheme_decides() {
        assert_eq!(rule("a.example").ports, Ports::Web);
        assert_eq!(rule("fd00::/8").ports, Ports::Web);
        assert_eq!(rule("http://a.example").ports, Ports::One(80));
        assert_eq!(rule("wss://a.example").ports, Ports::One(443));
    }

    #[test]
    fn what_is_no_rule_is_refused_with_a_reason() {
        for text in [
            "",
            " ",
            ":80",
            "http://",
            "ftp://a.example",
            "a.example/path",
            "http://a.example/",
            "user@a.example",
            "a.example:0",
            "a.example:+80",
            "a.example:65536",
            "a.example:http",
            "a.example:",
            "*",
            "*:80",
            "*.",
            "a*.example",
            "*.*.example",
            "*.10.0.0.1",
            "[::1",
            "::1]",
            "[a.example]:80",
            "[10.0.0.1]:80",
            "10.0.0.0/33",
            "fe80::1%eth0",
            "a b.example",
            "a.example?x",
            ".",
            "http://[::1]x:80",
        ] {
            let error = Rule::parse(text, Bare::Web).unwrap_err();
            assert!(error.starts_with("network rule `"), "{text}: {error}");
        }
    }
}
