//! The PROXY protocol's header, versions 1 and 2, as a balancer in front sends it
//! (haproxy's proxy-protocol.txt, sections 2.1 and 2.2).

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use doorward_core::net::ClientAddress;
use tokio::io::{AsyncRead, AsyncReadExt};

const SIGNATURE: [u8; 12] = *b"\r\n\r\n\0\r\nQUIT\n";
/// The longest header of version 1, its end included.
const MAX_LINE: usize = 107;
/// The part of a header of version 2 that tells its length.
const FIXED: usize = 16;
/// The most that addresses and extensions of version 2 may take here. The length field would
/// allow for 64 KiB.
const MAX_REST: usize = 2048;

/// Who is behind a connection.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ProxyHeader {
    /// A caller, at this address.
    Client(ClientAddress),
    /// The balancer itself, which looks whether we are well.
    Local,
}

/// The bytes are not a header, or not one that says who calls.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct NotProxyHeader;

impl ProxyHeader {
    /// Reads the header at the start of some bytes, and tells its length. `None` when more bytes
    /// are needed.
    ///
    /// # Errors
    /// [`NotProxyHeader`] when no further byte can make it a good one.
    pub fn parse(bytes: &[u8]) -> Result<Option<(Self, usize)>, NotProxyHeader> {
        let known = bytes.len().min(SIGNATURE.len());
        if bytes.get(..known) == SIGNATURE.get(..known) {
            return version_2(bytes);
        }
        version_1(bytes)
    }
}

fn version_1(bytes: &[u8]) -> Result<Option<(ProxyHeader, usize)>, NotProxyHeader> {
    const START: &[u8] = b"PROXY TCP";
    let known = bytes.len().min(START.len());
    // SECURITY: UNKNOWN is refused as well. Nobody knows who such a caller is.
    if bytes.get(..known) != START.get(..known) {
        return Err(NotProxyHeader);
    }
    let within = bytes.get(..bytes.len().min(MAX_LINE)).unwrap_or(bytes);
    let Some(end) = within.windows(2).position(|two| two == b"\r\n") else {
        return if bytes.len() < MAX_LINE {
            Ok(None)
        } else {
            Err(NotProxyHeader)
        };
    };
    let line = bytes.get(..end).and_then(|line| str::from_utf8(line).ok());
    let address = line.and_then(line_address).ok_or(NotProxyHeader)?;
    let client = ProxyHeader::Client(ClientAddress::new(address));
    Ok(Some((client, end + 2)))
}

/// `PROXY TCP4 192.0.2.1 198.51.100.1 56324 443`, with nothing more and nothing less.
fn line_address(line: &str) -> Option<IpAddr> {
    let mut words = line.split(' ');
    let (_, family) = (words.next()?, words.next()?);
    let (from, to) = (words.next()?, words.next()?);
    let ports = [words.next()?, words.next()?];
    if words.next().is_some() || !ports.iter().all(|port| is_port(port)) {
        return None;
    }
    match family {
        "TCP4" => {
            let _to: Ipv4Addr = to.parse().ok()?;
            from.parse::<Ipv4Addr>().ok().map(IpAddr::V4)
        }
        "TCP6" => {
            let _to: Ipv6Addr = to.parse().ok()?;
            from.parse::<Ipv6Addr>().ok().map(IpAddr::V6)
        }
        _ => None,
    }
}

fn is_port(text: &str) -> bool {
    let plain = text.bytes().all(|byte| byte.is_ascii_digit());
    plain && !(text.len() > 1 && text.starts_with('0')) && text.parse::<u16>().is_ok()
}

fn version_2(bytes: &[u8]) -> Result<Option<(ProxyHeader, usize)>, NotProxyHeader> {
    let Some([command, family, high, low]) = bytes
        .get(SIGNATURE.len()..FIXED)
        .and_then(|four| <[u8; 4]>::try_from(four).ok())
    else {
        return Ok(None);
    };
    let rest = usize::from(u16::from_be_bytes([high, low]));
    if rest > MAX_REST {
        return Err(NotProxyHeader);
    }
    let needed = match (command, family) {
        (0x20, _) => 0,
        (0x21, 0x11) => 12,
        (0x21, 0x21) => 36,
        // Datagrams, sockets without an address, other versions and commands.
        _ => return Err(NotProxyHeader),
    };
    if rest < needed {
        return Err(NotProxyHeader);
    }
    let Some(rest) = bytes.get(FIXED..FIXED + rest) else {
        return Ok(None);
    };
    let length = FIXED + rest.len();
    let address = match needed {
        0 => return Ok(Some((ProxyHeader::Local, length))),
        12 => rest.first_chunk::<4>().map(|four| IpAddr::from(*four)),
        _ => rest.first_chunk::<16>().map(|all| IpAddr::from(*all)),
    };
    let client = ClientAddress::new(address.ok_or(NotProxyHeader)?);
    Ok(Some((ProxyHeader::Client(client), length)))
}

/// Reads a header off a stream, and not one byte beyond it.
pub(crate) async fn read<S: AsyncRead + Unpin>(stream: &mut S) -> io::Result<ProxyHeader> {
    let mut bytes = Vec::with_capacity(128);
    // Each version has at least this many bytes; what follows depends on them.
    let mut wanted = SIGNATURE.len();
    loop {
        let have = bytes.len();
        bytes.resize(wanted, 0);
        let room = bytes.get_mut(have..).unwrap_or_default();
        stream.read_exact(room).await?;
        match ProxyHeader::parse(&bytes) {
            Ok(Some((header, _))) => return Ok(header),
            Ok(None) => wanted = next(&bytes),
            Err(NotProxyHeader) => return Err(io::ErrorKind::InvalidData.into()),
        }
    }
}

/// How many bytes to have before it is worth looking again.
fn next(bytes: &[u8]) -> usize {
    if !bytes.starts_with(&SIGNATURE) {
        return bytes.len() + 1;
    }
    match bytes.get(SIGNATURE.len() + 2..FIXED) {
        Some(&[high, low]) => FIXED + usize::from(u16::from_be_bytes([high, low])),
        _ => FIXED,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn client(text: &str) -> ProxyHeader {
        ProxyHeader::Client(ClientAddress::new(text.parse().unwrap()))
    }

    fn two(command: u8, family: u8, rest: &[u8]) -> Vec<u8> {
        let length = u16::try_from(rest.len()).unwrap().to_be_bytes();
        [&SIGNATURE[..], &[command, family], &length, rest].concat()
    }

    fn good() -> Vec<(Vec<u8>, ProxyHeader)> {
        let mut v6 = vec![0; 36];
        v6[15] = 9;
        let mut mapped = vec![0; 36];
        mapped[10..16].copy_from_slice(&[255, 255, 192, 0, 2, 7]);
        let v4 = [192, 0, 2, 7, 10, 0, 0, 1, 0, 1, 0, 2];
        let line = |text: &str| text.as_bytes().to_vec();
        vec![
            (
                line("PROXY TCP4 192.0.2.7 10.0.0.1 1 443\r\n"),
                client("192.0.2.7"),
            ),
            (
                line("PROXY TCP6 2001:db8::1 ::1 65535 0\r\n"),
                client("2001:db8::1"),
            ),
            (
                line("PROXY TCP6 ::ffff:192.0.2.7 ::1 1 2\r\n"),
                client("192.0.2.7"),
            ),
            (two(0x21, 0x11, &v4), client("192.0.2.7")),
            (
                two(0x21, 0x11, &[&v4[..], b"\x04\0\x01x"].concat()),
                client("192.0.2.7"),
            ),
            (two(0x21, 0x21, &v6), client("::9")),
            (two(0x21, 0x21, &mapped), client("192.0.2.7")),
            (two(0x20, 0, b""), ProxyHeader::Local),
            (two(0x20, 0x11, &v4), ProxyHeader::Local),
        ]
    }

    #[tokio::test]
    async fn headers_are_read_to_their_end_and_no_further() {
        for (header, told) in good() {
            let all = [&header[..], b"GET / HTTP/1.1\r\n"].concat();
            assert_eq!(ProxyHeader::parse(&all), Ok(Some((told, header.len()))));
            for cut in 0..header.len() {
                assert_eq!(ProxyHeader::parse(&header[..cut]), Ok(None), "{cut}");
            }
            let mut stream = &all[..];
            assert_eq!(read(&mut stream).await.unwrap(), told);
            assert_eq!(stream, b"GET / HTTP/1.1\r\n");
        }
    }

    #[tokio::test]
    async fn whatever_does_not_say_who_calls_is_refused() {
        let line = |text: &str| text.as_bytes().to_vec();
        for bad in [
            line("GET / HTTP/1.1\r\nHost: a\r\n\r\n"),
            line("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"),
            line("proxy TCP4 192.0.2.7 10.0.0.1 1 443\r\n"),
            line("PROXY UNKNOWN\r\n"),
            line("PROXY UNKNOWN 192.0.2.7 10.0.0.1 1 443\r\n"),
            line("PROXY TCP4 192.0.2.7 10.0.0.1 1\r\n"),
            line("PROXY TCP4 192.0.2.7 10.0.0.1 1 443 \r\n"),
            line("PROXY TCP4  192.0.2.7 10.0.0.1 1 443\r\n"),
            line("PROXY TCP4 192.0.2.7 10.0.0.1 1 65536\r\n"),
            line("PROXY TCP4 192.0.2.7 10.0.0.1 +1 443\r\n"),
            line("PROXY TCP4 192.0.2.7 10.0.0.1 01 443\r\n"),
            line("PROXY TCP4 192.0.2.7 10.0.0.1  443\r\n"),
            line("PROXY TCP4 2001:db8::1 ::1 1 2\r\n"),
            line("PROXY TCP6 192.0.2.7 10.0.0.1 1 2\r\n"),
            line("PROXY TCP4 192.0.2.07 10.0.0.1 1 2\r\n"),
            line("PROXY TCP4 192.0.2.7\n10.0.0.1 1 2\r\n"),
            line(&format!("PROXY TCP4 {}\r\n", "1".repeat(200))),
            two(0x31, 0x11, &[0; 12]),
            two(0x22, 0x11, &[0; 12]),
            two(0x21, 0x12, &[0; 12]),
            two(0x21, 0x31, &[0; 216]),
            two(0x21, 0x00, b""),
            two(0x21, 0x11, &[0; 11]),
            two(0x21, 0x21, &[0; 35]),
            two(0x20, 0x00, &[0; 2049]),
        ] {
            let shown = String::from_utf8_lossy(&bad).into_owned();
            assert_eq!(ProxyHeader::parse(&bad), Err(NotProxyHeader), "{shown}");
            assert!(read(&mut &bad[..]).await.is_err(), "{shown}");
        }
    }
}
