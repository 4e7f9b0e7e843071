//! The PROXY protocol's header, version 2, as it is sent (haproxy's proxy-protocol.txt, 2.2).

use std::net::{IpAddr, Ipv6Addr, SocketAddr};

const SIGNATURE: [u8; 12] = *b"\r\n\r\n\0\r\nQUIT\n";
const LOCAL: u8 = 0x20;
const PROXY: u8 = 0x21;
const TCP_OVER_IPV4: u8 = 0x11;
const TCP_OVER_IPV6: u8 = 0x21;

/// Writes the header of a connection to `server` for a call of `client`; without a client, of one
/// of our own. The client's port is not told: it is zero.
pub(super) fn write(client: Option<IpAddr>, server: SocketAddr) -> Vec<u8> {
    let mut header = SIGNATURE.to_vec();
    match (client, server.ip().to_canonical()) {
        (None, _) => header.extend([LOCAL, 0, 0, 0]),
        (Some(IpAddr::V4(from)), IpAddr::V4(to)) => {
            header.extend([PROXY, TCP_OVER_IPV4, 0, 12]);
            header.extend(from.octets());
            header.extend(to.octets());
            ports(&mut header, server);
        }
        (Some(from), to) => {
            header.extend([PROXY, TCP_OVER_IPV6, 0, 36]);
            header.extend(wide(from).octets());
            header.extend(wide(to).octets());
            ports(&mut header, server);
        }
    }
    header
}

fn ports(header: &mut Vec<u8>, server: SocketAddr) {
    header.extend([0, 0]);
    header.extend(server.port().to_be_bytes());
}

fn wide(address: IpAddr) -> Ipv6Addr {
    match address {
        IpAddr::V4(v4) => v4.to_ipv6_mapped(),
        IpAddr::V6(v6) => v6,
    }
}
