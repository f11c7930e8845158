//! Which addresses are public.
//!
//! A connection's base URL is the tenant's, and a name in it can point anywhere:
//! at the host's own admin interface, a neighbour in the cluster, a cloud's
//! metadata service. What is not globally reachable according to IANA's
//! special-purpose address registries is therefore refused unless the
//! connection says otherwise. The check is made on the addresses that are then
//! connected to, never on the name.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

/// Why an address is not public, in words that fit "ADDRESS is …".
pub(super) fn not_public(address: IpAddr) -> Option<&'static str> {
    match address {
        IpAddr::V4(v4) => not_public_v4(v4),
        IpAddr::V6(v6) => not_public_v6(v6),
    }
}

/// The addresses a connection may use, in their order: all of them if it allows
/// private ones, otherwise the public ones.
///
/// # Errors
/// The first address and what it is, if none is public.
pub(super) fn permitted(
    addresses: Vec<SocketAddr>,
    allow_private: bool,
) -> Result<Vec<SocketAddr>, (IpAddr, &'static str)> {
    if allow_private {
        return Ok(addresses);
    }
    let mut refused = None;
    let public = addresses
        .into_iter()
        .filter(|address| match not_public(address.ip()) {
            None => true,
            Some(kind) => {
                refused.get_or_insert((address.ip(), kind));
                false
            }
        })
        .collect::<Vec<_>>();
    match refused {
        Some(first) if public.is_empty() => Err(first),
        _ => Ok(public),
    }
}

/// IANA IPv4 Special-Purpose Address Registry, RFC 6890 and later, plus
/// multicast (RFC 5771) and class E.
fn not_public_v4(address: Ipv4Addr) -> Option<&'static str> {
    let [a, b, c, _] = address.octets();
    match (a, b, c) {
        (0, ..) => Some("an unspecified address"),
        (10, ..) | (172, 16..=31, _) | (192, 168, _) => Some("a private address"),
        (100, 64..=127, _) => Some("a carrier-grade NAT address"),
        (127, ..) => Some("a loopback address"),
        (169, 254, _) => Some("a link-local address"),
        (192, 0, 0) => Some("an address for protocol assignments"),
        (192, 0, 2) | (198, 51, 100) | (203, 0, 113) => Some("a documentation address"),
        (192, 88, 99) => Some("a 6to4 relay address"),
        (198, 18..=19, _) => Some("a benchmarking address"),
        (224..=239, ..) => Some("a multicast address"),
        (240.., ..) => Some("a reserved address"),
        _ => None,
    }
}

/// IANA IPv6 Special-Purpose Address Registry. Only 2000::/3 is handed out as
/// global unicast, so that everything outside it is refused by default.
fn not_public_v6(address: Ipv6Addr) -> Option<&'static str> {
    let segments = address.segments();
    match segments {
        [0, 0, 0, 0, 0, 0, 0, 0] => Some("an unspecified address"),
        [0, 0, 0, 0, 0, 0, 0, 1] => Some("a loopback address"),
        [0, 0, 0, 0, 0, 0xffff, ..] => Some("an IPv4 address written as IPv6"),
        // RFC 6052: what a network without IPv4 uses to reach all of it; as
        // public as the address inside.
        [0x64, 0xff9b, 0, 0, 0, 0, high, low] => not_public_v4(embedded(high, low)),
        [0xfc00..=0xfdff, ..] => Some("a unique local address"),
        [0xfe80..=0xfebf, ..] => Some("a link-local address"),
        [0xfec0..=0xfeff, ..] => Some("a site-local address"),
        [0xff00..=0xffff, ..] => Some("a multicast address"),
        [0x2001, 0xdb8, ..] | [0x3fff, 0..=0xfff, ..] => Some("a documentation address"),
        // 2001::/23: Teredo, benchmarking, ORCHID and others.
        [0x2001, 0..=0x1ff, ..] => Some("an address for protocol assignments"),
        [0x2002, ..] => Some("a 6to4 address"),
        [0x2000..=0x3fff, ..] => None,
        _ => Some("a reserved address"),
    }
}

fn embedded(high: u16, low: u16) -> Ipv4Addr {
    let ([a, b], [c, d]) = (high.to_be_bytes(), low.to_be_bytes());
    Ipv4Addr::new(a, b, c, d)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_global_unicast_is_public() {
        for address in [
            "0.0.0.0",
            "0.1.2.3",
            "10.0.0.1",
            "100.64.0.1",
            "100.127.255.255",
            "127.0.0.1",
            "127.255.0.1",
            "169.254.169.254",
            "172.16.0.1",
            "172.31.255.255",
            "192.0.0.8",
            "192.0.2.1",
            "192.88.99.1",
            "192.168.1.1",
            "198.18.0.1",
            "198.19.255.255",
            "198.51.100.7",
            "203.0.113.9",
            "224.0.0.1",
            "239.255.255.250",
            "240.0.0.1",
            "255.255.255.255",
            "::",
            "::1",
            "::ffff:1.1.1.1",
            "::ffff:127.0.0.1",
            "::7f00:1",
            "64:ff9b::10.0.0.1",
            "64:ff9b::127.0.0.1",
            "64:ff9b:1::1",
            "100::1",
            "2001::1",
            "2001:2::1",
            "2001:10::1",
            "2001:db8::1",
            "2002:7f00:1::",
            "3fff::1",
            "4000::1",
            "5f00::1",
            "fc00::1",
            "fd12:3456::1",
            "fe80::1",
            "febf::1",
            "fec0::1",
            "ff02::1",
        ] {
            assert!(not_public(address.parse().unwrap()).is_some(), "{address}");
        }
        for address in [
            "1.1.1.1",
            "9.255.255.255",
            "11.0.0.0",
            "100.63.255.255",
            "100.128.0.0",
            "172.15.255.255",
            "172.32.0.0",
            "192.0.1.1",
            "192.167.1.1",
            "198.17.0.1",
            "198.20.0.1",
            "223.255.255.255",
            "2001:200::1",
            "2400:3200::1",
            "2606:4700::1111",
            "64:ff9b::1.1.1.1",
            "3ffe::1",
        ] {
            assert_eq!(not_public(address.parse().unwrap()), None, "{address}");
        }
    }

    #[test]
    fn a_name_with_both_kinds_is_reached_by_its_public_addresses_only() {
        let sockets = |addresses: &[&str]| {
            addresses
                .iter()
                .map(|address| SocketAddr::new(address.parse().unwrap(), 443))
                .collect::<Vec<_>>()
        };
        let both = sockets(&["10.0.0.1", "1.1.1.1", "::1", "2606:4700::1111"]);
        assert_eq!(
            permitted(both.clone(), false).unwrap(),
            sockets(&["1.1.1.1", "2606:4700::1111"])
        );
        assert_eq!(permitted(both.clone(), true).unwrap(), both);
        let (address, kind) = permitted(sockets(&["169.254.169.254", "::1"]), false).unwrap_err();
        assert_eq!(
            (address.to_string().as_str(), kind),
            ("169.254.169.254", "a link-local address")
        );
    }
}
