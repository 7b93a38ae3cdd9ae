//! Where a peer is, as far as peers are counted.

use std::net::IpAddr;

/// What counts as one place: an address of IPv4, or a network of IPv6 (/64), since whoever has one of its addresses has
/// them all.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Network(IpAddr);

impl Network {
    /// The place of an address; `None` for loopback, where everybody is.
    #[must_use]
    pub fn of(address: IpAddr) -> Option<Self> {
        let address = match address.to_canonical() {
            v4 @ IpAddr::V4(_) => v4,
            // The loopback address is not looked for behind the mask.
            IpAddr::V6(v6) if v6.is_loopback() => return None,
            IpAddr::V6(v6) => IpAddr::V6((v6.to_bits() >> 64 << 64).into()),
        };
        (!address.is_loopback()).then_some(Network(address))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_network_of_ipv6_is_one_place() {
        let at = |address: &str| Network::of(address.parse().unwrap());
        assert_eq!(at("2001:db8::1"), at("2001:db8::ffff:0:0:2"));
        assert_ne!(at("2001:db8::1"), at("2001:db8:0:1::1"));
        assert_ne!(at("192.0.2.1"), at("192.0.2.2"));
        assert_eq!(at("192.0.2.1"), at("::ffff:192.0.2.1"));
        for loopback in ["127.0.0.1", "127.9.9.9", "::1", "::ffff:127.0.0.1"] {
            assert_eq!(at(loopback), None, "{loopback}");
        }
    }
}
