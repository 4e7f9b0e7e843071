//! Addresses of callers.

use std::net::{IpAddr, SocketAddr};

use ipnet::IpNet;

/// The address a call comes from. IPv4-mapped IPv6 is stored as IPv4, so that one caller has
/// one address.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct ClientAddress(IpAddr);

impl ClientAddress {
    /// Takes an address as a socket or a trusted peer reports it.
    #[must_use]
    pub fn new(address: IpAddr) -> Self {
        Self(address.to_canonical())
    }

    /// The address in canonical form.
    #[must_use]
    pub const fn ip(self) -> IpAddr {
        self.0
    }
}

impl From<SocketAddr> for ClientAddress {
    fn from(socket: SocketAddr) -> Self {
        Self::new(socket.ip())
    }
}

/// A list of address blocks, as CIDR. An empty list holds no address.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default)]
pub struct Cidrs(Vec<IpNet>);

impl Cidrs {
    /// Parses blocks such as `10.0.0.0/8` or single addresses such as `::1`.
    ///
    /// # Errors
    /// The text that is not an address block.
    pub fn parse<'t>(texts: impl IntoIterator<Item = &'t str>) -> Result<Self, String> {
        let parse = |text: &'t str| {
            text.parse::<IpNet>()
                .or_else(|_| text.parse::<IpAddr>().map(IpNet::from))
                .map(canonical)
                .map_err(|_| text.to_owned())
        };
        texts
            .into_iter()
            .map(parse)
            .collect::<Result<_, _>>()
            .map(Self)
    }

    /// Tells whether one of the blocks holds the address.
    #[must_use]
    pub fn contains(&self, address: ClientAddress) -> bool {
        self.0.iter().any(|block| block.contains(&address.ip()))
    }

    /// Tells whether the list has no block.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The blocks, as written.
    pub fn iter(&self) -> impl Iterator<Item = &IpNet> {
        self.0.iter()
    }
}

/// Turns a block of IPv4-mapped IPv6 addresses into the IPv4 block it stands for.
fn canonical(block: IpNet) -> IpNet {
    if let IpNet::V6(v6) = block
        && v6.prefix_len() >= 96
        && let Some(v4) = v6.addr().to_ipv4_mapped()
        && let Ok(net) = ipnet::Ipv4Net::new(v4, v6.prefix_len() - 96)
    {
        return IpNet::V4(net);
    }
    block
}

#[cfg(test)]
mod tests {
    use super::{Cidrs, ClientAddress};

    fn client(text: &str) -> ClientAddress {
        ClientAddress::new(text.parse().unwrap())
    }

    #[test]
    fn k10_blocks_hold_ranges_and_mapped_addresses() {
        let blocks =
            Cidrs::parse(["10.1.0.0/16", "2001:db8::/32", "::ffff:192.0.2.0/120"]).unwrap();
        for inside in [
            "10.1.255.1",
            "::ffff:10.1.0.9",
            "2001:db8:1::1",
            "192.0.2.77",
        ] {
            assert!(blocks.contains(client(inside)), "{inside}");
        }
        for outside in ["10.2.0.1", "::ffff:10.2.0.1", "2001:db9::1", "192.0.3.1"] {
            assert!(!blocks.contains(client(outside)), "{outside}");
        }
    }

    #[test]
    fn parse_names_the_wrong_text() {
        assert_eq!(Cidrs::parse(["10.0.0.0/33"]), Err("10.0.0.0/33".to_owned()));
    }
}
