//! Which address an address really is, and whether it is public.
//!
//! IPv6 has many ways to write an IPv4 address, and a packet sent to one of them may end at that
//! IPv4 address. A decision is therefore made on the [`canonical`] form, never on the written one.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// The address a packet to `address` would reach in the end.
///
/// Undoes IPv4-mapped and IPv4-compatible addresses (RFC 4291, section 2.5.5), IPv4-translated ones
/// (RFC 2765), the well-known NAT64 prefix (RFC 6052), 6to4 (RFC 3056) and Teredo (RFC 4380).
/// Of the two addresses that a Teredo address holds, the one that is not public is returned.
/// The local-use NAT64 prefix `64:ff9b:1::/48` (RFC 8215) stays as it is, because where it holds the
/// IPv4 address depends on the network; it is not public as a whole.
pub fn canonical(address: IpAddr) -> IpAddr {
    let IpAddr::V6(v6) = address else { return address };
    match embedded(v6) {
        Some(v4) => IpAddr::V4(v4),
        None => address,
    }
}

/// Whether everyone on the internet means the same host by this address, which must be canonical.
///
/// False for loopback, private, link-local, shared (carrier NAT), multicast, unspecified,
/// documentation, benchmarking and reserved addresses, and for the metadata services of clouds.
pub fn is_public(canonical: IpAddr) -> bool {
    match canonical {
        IpAddr::V4(address) => is_public_v4(address),
        IpAddr::V6(address) => is_public_v6(address),
    }
}

fn embedded(address: Ipv6Addr) -> Option<Ipv4Addr> {
    let [a, b, c, d, e, f, g, h] = address.segments();
    let last = join(g, h);
    match [a, b, c, d, e, f] {
        [0, 0, 0, 0, 0, 0xffff] | [0, 0, 0, 0, 0xffff, 0] | [0x64, 0xff9b, 0, 0, 0, 0] => {
            Some(last)
        }
        // `::` and `::1` stand in the same block as IPv4-compatible addresses and are none.
        [0, 0, 0, 0, 0, 0] if g != 0 || h > 1 => Some(last),
        [0x2002, ..] => Some(join(b, c)),
        [0x2001, 0, ..] => {
            let server = join(c, d);
            let client = join(!g, !h);
            Some(if is_public_v4(client) { server } else { client })
        }
        _ => None,
    }
}

fn join(high: u16, low: u16) -> Ipv4Addr {
    Ipv4Addr::from_bits(u32::from(high) << 16 | u32::from(low))
}

fn is_public_v4(address: Ipv4Addr) -> bool {
    // The special-purpose registry of RFC 6890 as it stands, and one address that a cloud took
    // from its public space for its metadata service.
    !matches!(
        address.octets(),
        [0 | 10 | 127, ..]
            | [100, 64..=127, ..]
            | [169, 254, ..]
            | [172, 16..=31, ..]
            | [192, 0, 0 | 2, _]
            | [192, 88, 99, _]
            | [192, 168, ..]
            | [198, 18 | 19, ..]
            | [198, 51, 100, _]
            | [203, 0, 113, _]
            | [224..=255, ..]
            | [168, 63, 129, 16]
    )
}

fn is_public_v6(address: Ipv6Addr) -> bool {
    // Only 2000::/3 is given out for the internet (RFC 4291, section 2.4); the exceptions are
    // protocol assignments (2001::/23) and documentation (2001:db8::/32, 3fff::/20).
    match address.segments() {
        [0x2001, 0..=0x1ff | 0xdb8, ..] | [0x3fff, 0..=0xfff, ..] => false,
        [first, ..] => (0x2000..=0x3fff).contains(&first),
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use super::*;

    fn address(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn every_way_to_write_an_ipv4_address_in_ipv6_is_undone() {
        for (written, meant) in [
            ("::ffff:127.0.0.1", "127.0.0.1"),
            ("::127.0.0.1", "127.0.0.1"),
            ("::ffff:0:10.0.0.1", "10.0.0.1"),
            ("64:ff9b::169.254.169.254", "169.254.169.254"),
            ("2002:7f00:1::1", "127.0.0.1"),
            ("2002:a00:1::", "10.0.0.1"),
            // Teredo: server 8.8.8.8, client 10.0.0.1 written inverted, and the other way round.
            ("2001:0:808:808:0:0:f5ff:fffe", "10.0.0.1"),
            ("2001:0:a00:1:0:0:f7f7:f7f7", "10.0.0.1"),
            ("::", "::"),
            ("::1", "::1"),
            ("2606:4700::1111", "2606:4700::1111"),
            ("1.1.1.1", "1.1.1.1"),
        ] {
            assert_eq!(canonical(address(written)), address(meant), "{written}");
        }
    }

    #[test]
    fn special_addresses_are_not_public() {
        for text in [
            "0.0.0.0",
            "0.1.2.3",
            "10.1.2.3",
            "100.64.0.1",
            "100.100.100.200",
            "127.0.0.1",
            "127.255.255.254",
            "168.63.129.16",
            "169.254.169.254",
            "172.16.0.1",
            "172.31.255.255",
            "192.0.0.192",
            "192.0.2.1",
            "192.88.99.1",
            "192.168.1.1",
            "198.18.0.1",
            "198.19.255.255",
            "198.51.100.7",
            "203.0.113.7",
            "224.0.0.1",
            "239.1.1.1",
            "240.0.0.1",
            "255.255.255.255",
            "::",
            "::1",
            "64:ff9b:1::8.8.8.8",
            "100::1",
            "2001:2::1",
            "2001:10::1",
            "2001:db8::1",
            "3fff:1::1",
            "5f00::1",
            "fc00::1",
            "fd00:ec2::254",
            "fe80::1",
            "fec0::1",
            "ff02::1",
        ] {
            assert!(!is_public(canonical(address(text))), "{text}");
        }
    }

    #[test]
    fn ordinary_addresses_are_public() {
        for text in [
            "1.1.1.1",
            "8.8.8.8",
            "100.63.255.255",
            "100.128.0.0",
            "172.15.0.1",
            "172.32.0.1",
            "192.0.1.1",
            "198.17.0.1",
            "198.20.0.1",
            "223.255.255.255",
            "2606:4700::1111",
            "2a00:1450::1",
            "2001:4860:4860::8888",
            "2001:200::1",
            "64:ff9b::8.8.8.8",
            "2002:808:808::1",
            "::ffff:8.8.8.8",
            "2001:0:808:808:0:0:f7f7:f7f7",
        ] {
            assert!(is_public(canonical(address(text))), "{text}");
        }
    }
}
