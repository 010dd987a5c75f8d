//! Random rules and destinations, decided by the grants and by a reference that is written from the
//! documentation with other means: it knows what a rule was made from, not its text, and compares bits.

use super::*;
use crate::fuzz::{Random, rounds};

/// What a rule is made from.
#[derive(Clone, Debug)]
struct Plan {
    scheme: Option<&'static str>,
    host: Who,
    port: Port,
    text: String,
}

#[derive(Clone, Debug)]
enum Who {
    Name(&'static str),
    Below(&'static str),
    Localhost,
    Public,
    V4(u32, u32),
    V6(u128, u32),
}

#[derive(Clone, Copy, Debug)]
enum Port {
    Absent,
    Any,
    One(u16),
}

/// Where a URL leads to.
#[derive(Clone, Debug)]
struct Aim {
    scheme: &'static str,
    host: Host<&'static str>,
    port: u16,
}

const SCHEMES: [&str; 4] = ["http", "https", "ws", "wss"];
const NAMES: [&str; 10] = [
    "example.com",
    "a.example.com",
    "b.a.example.com",
    "notexample.com",
    "example.com.evil.test",
    "com",
    "localhost",
    "a.localhost",
    "xn--exmple-cua.com",
    "internal",
];
const PORTS: [u16; 7] = [80, 443, 8080, 1, 22, 65535, 8443];
const V4: [&str; 24] = [
    "127.0.0.1",
    "127.255.255.255",
    "128.0.0.0",
    "10.0.0.1",
    "9.255.255.255",
    "11.0.0.0",
    "192.168.1.1",
    "172.15.255.255",
    "172.16.0.0",
    "172.31.255.255",
    "172.32.0.0",
    "169.254.169.254",
    "8.8.8.8",
    "1.1.1.1",
    "0.0.0.0",
    "100.64.0.1",
    "100.63.255.255",
    "100.128.0.0",
    "224.0.0.1",
    "255.255.255.255",
    "168.63.129.16",
    "198.18.0.1",
    "192.0.2.1",
    "223.255.255.255",
];
const V6: [&str; 18] = [
    "::",
    "::1",
    "::2",
    "fe80::1",
    "fc00::1",
    "fdff::1",
    "ff02::1",
    "2606:4700::1111",
    "2001:db8::1",
    "2001:200::1",
    "2001:1ff::1",
    "64:ff9b:1::1",
    "3fff:fff::1",
    "3fff:1000::1",
    "1fff::1",
    "4000::1",
    "2002:7f00:1::1",
    "2001:0:808:808::f5ff:fffe",
];

/// Networks whose addresses do not mean the same host to everyone.
const SPECIAL_V4: [&str; 18] = [
    "0.0.0.0/8",
    "10.0.0.0/8",
    "100.64.0.0/10",
    "127.0.0.0/8",
    "169.254.0.0/16",
    "172.16.0.0/12",
    "192.0.0.0/24",
    "192.0.2.0/24",
    "192.88.99.0/24",
    "192.168.0.0/16",
    "198.18.0.0/15",
    "198.51.100.0/24",
    "203.0.113.0/24",
    "224.0.0.0/4",
    "240.0.0.0/4",
    "255.255.255.255/32",
    "168.63.129.16/32",
    "127.0.0.1/32",
];
const SPECIAL_V6: [&str; 3] = ["2001::/23", "2001:db8::/32", "3fff::/20"];

fn within(address: u128, network: u128, bits: u32, width: u32) -> bool {
    (0..bits).all(|bit| {
        let shift = width - 1 - bit;
        (address >> shift) & 1 == (network >> shift) & 1
    })
}

fn in_any(address: IpAddr, networks: &[&str]) -> bool {
    networks.iter().any(|text| {
        let (network, bits) = text.split_once('/').unwrap();
        let bits = bits.parse().unwrap();
        match (address, network.parse().unwrap()) {
            (IpAddr::V4(address), IpAddr::V4(network)) => {
                within(address.to_bits().into(), network.to_bits().into(), bits, 32)
            }
            (IpAddr::V6(address), IpAddr::V6(network)) => {
                within(address.to_bits(), network.to_bits(), bits, 128)
            }
            _ => false,
        }
    })
}

fn everyones(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(_) => !in_any(address, &SPECIAL_V4),
        IpAddr::V6(_) => in_any(address, &["2000::/3"]) && !in_any(address, &SPECIAL_V6),
    }
}

/// The IPv4 address that an IPv6 one really is.
fn really(address: IpAddr) -> IpAddr {
    let IpAddr::V6(v6) = address else { return address };
    let bits = v6.to_bits();
    let v4 = |bits: u128| IpAddr::from((bits as u32).to_be_bytes());
    if [0xffff_u128, 0xffff_0000, 0x64_ff9b << 64].contains(&(bits >> 32))
        || (bits >> 32 == 0 && bits > 1)
    {
        return v4(bits);
    }
    if bits >> 112 == 0x2002 {
        return v4(bits >> 80);
    }
    if bits >> 96 == 0x2001_0000 {
        let client = v4(!bits);
        return if everyones(client) { v4(bits >> 64) } else { client };
    }
    address
}

fn holds(who: &Who, address: IpAddr) -> bool {
    match (who, address) {
        (Who::V4(network, bits), IpAddr::V4(address)) => {
            within(address.to_bits().into(), (*network).into(), *bits, 32)
        }
        (Who::V6(network, bits), IpAddr::V6(address)) => {
            within(address.to_bits(), *network, *bits, 128)
        }
        _ => false,
    }
}

fn loops(address: IpAddr) -> bool {
    in_any(address, &["127.0.0.0/8", "::1/128"])
}

impl Plan {
    fn applies(&self, aim: &Aim, denies: bool) -> bool {
        let port = match (self.port, self.scheme) {
            (Port::Any, _) => true,
            (Port::One(port), _) => port == aim.port,
            (Port::Absent, _) if denies => true,
            (Port::Absent, None) => aim.port == 80 || aim.port == 443,
            (Port::Absent, Some(scheme)) => aim.port == default_port(scheme),
        };
        port && self.scheme.is_none_or(|scheme| scheme == aim.scheme)
    }

    /// Whether the rule is about the host as it is written.
    fn is_about(&self, aim: &Aim) -> bool {
        match (&self.host, &aim.host) {
            (Who::Name(name), Host::Domain(host)) => name == host,
            (Who::Below(parent), Host::Domain(host)) => host.ends_with(&format!(".{parent}")),
            (Who::Localhost, Host::Domain(host)) => *host == "localhost",
            (Who::Public, Host::Domain(host)) => *host != "localhost",
            (_, Host::Domain(_)) => false,
            (who, host) => {
                let address = address_of(host).map(really).unwrap();
                match who {
                    Who::Localhost => loops(address),
                    Who::Public => everyones(address),
                    who => holds(who, address),
                }
            }
        }
    }
}

fn address_of(host: &Host<&str>) -> Option<IpAddr> {
    match host {
        Host::Domain(_) => None,
        Host::Ipv4(address) => Some(IpAddr::V4(*address)),
        Host::Ipv6(address) => Some(IpAddr::V6(*address)),
    }
}

fn default_port(scheme: &str) -> u16 {
    if scheme == "http" || scheme == "ws" { 80 } else { 443 }
}

/// What the documentation says about an address of a destination.
fn allows_address(allow: &[Plan], deny: &[Plan], aim: &Aim, written: IpAddr) -> bool {
    let address = really(written);
    let denied = deny.iter().filter(|rule| rule.applies(aim, true)).any(|rule| match &rule.host {
        Who::Localhost => loops(address),
        Who::Public => everyones(address),
        Who::Name(_) | Who::Below(_) => false,
        who => holds(who, address) || holds(who, written),
    });
    if denied {
        return false;
    }
    let says_localhost = matches!(aim.host, Host::Domain("localhost"));
    let means_localhost =
        says_localhost || address_of(&aim.host).is_some_and(|host| loops(really(host)));
    let named = allow.iter().filter(|rule| rule.applies(aim, false)).any(|rule| match &rule.host {
        Who::Localhost => means_localhost && loops(address),
        Who::V4(..) | Who::V6(..) => holds(&rule.host, address),
        _ => false,
    });
    named
        || (everyones(address)
            && !says_localhost
            && allow.iter().any(|rule| rule.applies(aim, false) && rule.is_about(aim)))
}

/// What the documentation says about a destination as it is written.
fn allows(allow: &[Plan], deny: &[Plan], aim: &Aim) -> bool {
    if let Some(address) = address_of(&aim.host) {
        return allows_address(allow, deny, aim, really(address));
    }
    let denied = deny.iter().any(|rule| {
        rule.applies(aim, true) && rule.is_about(aim) && !matches!(rule.host, Who::Public)
    });
    !denied && allow.iter().any(|rule| rule.applies(aim, false) && rule.is_about(aim))
}

fn random_address(random: &mut Random) -> IpAddr {
    let v4: u32 = random.pick(&V4).parse::<std::net::Ipv4Addr>().unwrap().to_bits();
    let v6: u128 = random.pick(&V6).parse::<std::net::Ipv6Addr>().unwrap().to_bits();
    let from = |bits: u128| IpAddr::V6(bits.into());
    let v4_bits = u128::from(v4);
    match random.below(12) {
        0..=3 => IpAddr::V4(v4.into()),
        4 => IpAddr::V4((random.next() as u32).into()),
        5 => from(0xffff << 32 | v4_bits),
        6 => from(0x64_ff9b << 96 | v4_bits),
        7 => from(0x2002 << 112 | v4_bits << 80 | u128::from(random.next())),
        8 => from(0x2001_0000 << 96 | v4_bits << 64 | u128::from(!(random.next() as u32))),
        9 => from(v6 ^ 1 << random.below(128)),
        10 => from(u128::from(random.next()) << 64 | u128::from(random.next())),
        _ => from(v6),
    }
}

fn random_plan(random: &mut Random) -> Plan {
    let scheme = random.one_in(3).then(|| *random.pick(&SCHEMES));
    let port = match random.below(3) {
        0 => Port::Absent,
        1 => Port::Any,
        _ => Port::One(*random.pick(&PORTS)),
    };
    let (host, text) = match random.below(8) {
        0 => (Who::Public, "public".to_owned()),
        1 => (Who::Localhost, "localhost".to_owned()),
        2 | 3 => {
            let name = *random.pick(&NAMES);
            (
                if name == "localhost" { Who::Localhost } else { Who::Name(name) },
                dress(random, name),
            )
        }
        4 => {
            // What is below localhost is a rule like any other.
            let name = *random.pick(&NAMES);
            (Who::Below(name), format!("*.{}", dress(random, name)))
        }
        _ => match random_address(random) {
            IpAddr::V4(address) => network_v4(random, address),
            IpAddr::V6(address) => match really(IpAddr::V6(address)) {
                IpAddr::V4(meant) => {
                    let text = format!("[{address}]");
                    (Who::V4(meant.to_bits(), 32), text)
                }
                IpAddr::V6(_) => {
                    let who = Who::V6(address.to_bits(), 128);
                    (who, format!("[{address}]"))
                }
            },
        },
    };
    let mut rule = scheme.map(|scheme| format!("{scheme}://")).unwrap_or_default() + &text;
    match port {
        Port::Absent => {}
        Port::Any => rule += ":*",
        Port::One(port) => rule += &format!(":{port}"),
    }
    Plan { scheme, host, port, text: rule }
}

fn network_v4(random: &mut Random, address: std::net::Ipv4Addr) -> (Who, String) {
    if random.one_in(2) {
        return (Who::V4(address.to_bits(), 32), address.to_string());
    }
    let bits = *random.pick(&[8_u32, 12, 16, 24, 31, 32, 1, 0]);
    (Who::V4(address.to_bits(), bits), format!("{address}/{bits}"))
}

/// A name in another spelling that means the same.
fn dress(random: &mut Random, name: &str) -> String {
    let mut text: String =
        name.chars().map(|c| if random.one_in(4) { c.to_ascii_uppercase() } else { c }).collect();
    if random.one_in(8) {
        text.push('.');
    }
    text
}

fn random_aim(random: &mut Random) -> (Aim, String) {
    let scheme = *random.pick(&SCHEMES);
    let port = *random.pick(&PORTS);
    let (host, text) = if random.one_in(2) {
        let name = *random.pick(&NAMES);
        let mut text = dress(random, name);
        if random.one_in(4) {
            text = text.replace('.', "\u{3002}");
        }
        if random.one_in(4) {
            text = text.replacen('e', "%65", 1);
        }
        (Host::Domain(name), text)
    } else {
        match random_address(random) {
            IpAddr::V4(address) => (Host::Ipv4(address), literal(random, address)),
            IpAddr::V6(address) => (Host::Ipv6(address), format!("[{address}]")),
        }
    };
    let shown = match random.below(3) {
        0 if port == default_port(scheme) => String::new(),
        _ => format!(":{port}"),
    };
    let path = *random.pick(&["", "/", "/a?b@c:1/#d", "?x"]);
    (Aim { scheme, host, port }, format!("{scheme}://{text}{shown}{path}"))
}

/// One of the ways to write an IPv4 address in a URL.
fn literal(random: &mut Random, address: std::net::Ipv4Addr) -> String {
    let bits = address.to_bits();
    let [a, b, c, d] = address.octets();
    match random.below(7) {
        0 => bits.to_string(),
        1 => format!("0x{bits:x}"),
        2 => format!("0{bits:o}"),
        3 => format!("{a}.{b}.{}", u32::from(c) << 8 | u32::from(d)),
        4 => format!("0x{a:X}.0{b:o}.{c}.{d}"),
        5 => format!("{a}.{}", bits & 0xff_ffff),
        _ => address.to_string(),
    }
}

/// The rule that the flag of a denial names.
fn rule_of(destination: &Destination) -> String {
    destination.flag().strip_prefix("--allow-net=").unwrap().to_owned()
}

fn agree(mut random: Random) {
    let plans = |random: &mut Random, most| {
        let count = random.below(most);
        (0..count).map(|_| random_plan(random)).collect::<Vec<_>>()
    };
    let (allow, deny) = (plans(&mut random, 5), plans(&mut random, 3));
    let mut grants = NetGrants::default();
    allow.iter().for_each(|rule| grants.allow(&rule.text).unwrap());
    deny.iter().for_each(|rule| grants.deny(&rule.text).unwrap());
    for _ in 0..20 {
        let (aim, url) = random_aim(&mut random);
        let written = random_address(&mut random);
        let destination = Destination::of(&Url::parse(&url).unwrap()).unwrap();
        let about = format!("{url} = {destination} ({aim:?}), allow {allow:?}, deny {deny:?}");
        let decision = grants.destination(&destination);
        let allowed = matches!(decision, Decision::Allowed(_));
        assert_eq!(allowed, allows(&allow, &deny, &aim), "{decision:?}: {about}");
        let decision = grants.address(&destination, written);
        let reached = matches!(decision, Decision::Allowed(_));
        let expected = allows_address(&allow, &deny, &aim, written);
        assert_eq!(reached, expected, "{written}: {decision:?}: {about}");
        // The flag that a denial names is enough, unless something is forbidden.
        if deny.is_empty() && !allowed {
            let mut more = grants.clone();
            more.allow(&rule_of(&destination)).unwrap();
            let decision = more.destination(&destination);
            assert!(matches!(decision, Decision::Allowed(_)), "{}: {about}", destination.flag());
        }
    }
}

#[test]
fn fuzz_decisions_agree_with_a_reference() {
    rounds(2000, agree);
}

#[test]
fn fuzz_rules_of_any_text() {
    let pieces = [
        "http://",
        "https://",
        "ws:",
        "//",
        "*",
        "*.",
        ".",
        ":",
        "[",
        "]",
        "/",
        "public",
        "localhost",
        "a",
        "com",
        "1",
        "0x",
        "65536",
        "127.0.0.1",
        "10.0.0.0/8",
        "::1",
        "fd00::/8",
        "@",
        "%",
        " ",
        "\u{3002}",
        "\u{df}",
        "xn--",
        "\0",
        "-",
        "999",
    ];
    rounds(20_000, move |mut random| {
        let text = random.text(40, &pieces);
        for bare in [Bare::Web, Bare::Any] {
            let Ok(rule) = Rule::parse(&text, bare) else { continue };
            // What a rule says of itself is the same rule.
            assert_eq!(Rule::parse(rule.text(), bare).unwrap(), rule, "{text:?}");
        }
        if let Ok(url) = Url::parse(&format!("http://{text}"))
            && let Some(destination) = Destination::of(&url)
        {
            let mut grants = NetGrants::default();
            grants.allow(&rule_of(&destination)).unwrap_or_else(|error| panic!("{url}: {error}"));
            let decision = grants.destination(&destination);
            assert!(matches!(decision, Decision::Allowed(_)), "{url}: {}", destination.flag());
        }
    });
}
