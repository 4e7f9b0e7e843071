//! The frames of SPOP 2.0, as the protocol's description in HAProxy's `doc/SPOE.txt` has them:
//! kind, flags, two numbers, and a payload of typed values. Nothing here is split over frames.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use bytes::{BufMut, BytesMut};

/// The first frame of a connection, HAProxy's.
pub(super) const HAPROXY_HELLO: u8 = 1;
/// HAProxy's last frame.
pub(super) const HAPROXY_DISCONNECT: u8 = 2;
/// A question.
pub(super) const NOTIFY: u8 = 3;
/// Our first frame.
pub(super) const AGENT_HELLO: u8 = 101;
/// Our last frame.
pub(super) const AGENT_DISCONNECT: u8 = 102;
/// An answer.
pub(super) const ACK: u8 = 103;

/// The frame ends its payload.
const FIN: u32 = 1;

/// A frame without the length in front of it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Frame<'b> {
    pub(super) kind: u8,
    pub(super) stream: u64,
    pub(super) number: u64,
    pub(super) payload: &'b [u8],
}

/// Why bytes are no frame for us.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Broken {
    /// They are no frame.
    Malformed,
    /// They are a part of one, which nobody has agreed to.
    Fragment,
}

impl<'b> Frame<'b> {
    /// Reads a frame.
    pub(super) fn read(bytes: &'b [u8]) -> Result<Self, Broken> {
        let mut reader = Reader(bytes);
        let mut head = || {
            let kind = reader.byte()?;
            let flags = u32::from_be_bytes(*reader.take(4)?.first_chunk()?);
            Some((kind, flags, reader.number()?, reader.number()?))
        };
        let (kind, flags, stream, number) = head().ok_or(Broken::Malformed)?;
        if flags != FIN || kind == 0 {
            return Err(Broken::Fragment);
        }
        Ok(Self {
            kind,
            stream,
            number,
            payload: reader.0,
        })
    }
}

/// A typed value.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Value<'b> {
    Null,
    Bool(bool),
    Number(u64),
    Address(IpAddr),
    Text(&'b [u8]),
    Binary(&'b [u8]),
}

/// Reads values one after the other.
pub(super) struct Reader<'b>(pub(super) &'b [u8]);

impl<'b> Reader<'b> {
    pub(super) fn take(&mut self, length: usize) -> Option<&'b [u8]> {
        let (taken, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        Some(taken)
    }

    pub(super) fn byte(&mut self) -> Option<u8> {
        self.take(1)?.first().copied()
    }

    /// A number: four bits in the first byte beyond 240, then seven in each.
    pub(super) fn number(&mut self) -> Option<u64> {
        let first = self.byte()?;
        let mut value = u64::from(first);
        if first < 240 {
            return Some(value);
        }
        for shift in (4..60).step_by(7) {
            let byte = self.byte()?;
            value = value.checked_add(u64::from(byte) << shift)?;
            if byte < 128 {
                return Some(value);
            }
        }
        None
    }

    /// Bytes behind their length.
    pub(super) fn text(&mut self) -> Option<&'b [u8]> {
        let length = usize::try_from(self.number()?).ok()?;
        self.take(length)
    }

    pub(super) fn value(&mut self) -> Option<Value<'b>> {
        let kind = self.byte()?;
        Some(match kind & 0x0f {
            0 => Value::Null,
            1 => Value::Bool(kind & 0x10 != 0),
            2..=5 => Value::Number(self.number()?),
            6 => Value::Address(Ipv4Addr::from(*self.take(4)?.first_chunk::<4>()?).into()),
            7 => Value::Address(Ipv6Addr::from(*self.take(16)?.first_chunk::<16>()?).into()),
            8 => Value::Text(self.text()?),
            9 => Value::Binary(self.text()?),
            _ => return None,
        })
    }
}

/// Writes one frame.
pub(super) struct Writer(BytesMut);

impl Writer {
    pub(super) fn new(kind: u8, stream: u64, number: u64) -> Self {
        let mut writer = Self(BytesMut::with_capacity(512));
        // The length, when it is known.
        writer.0.put_u32(0);
        writer.0.put_u8(kind);
        writer.0.put_u32(FIN);
        writer.number(stream);
        writer.number(number);
        writer
    }

    pub(super) fn byte(&mut self, byte: u8) {
        self.0.put_u8(byte);
    }

    pub(super) fn number(&mut self, mut value: u64) {
        let low = |value: u64| value.to_le_bytes()[0];
        if value < 240 {
            return self.byte(low(value));
        }
        self.byte(low(value) | 240);
        value = (value - 240) >> 4;
        while value >= 128 {
            self.byte(low(value) | 128);
            value = (value - 128) >> 7;
        }
        self.byte(low(value));
    }

    pub(super) fn text(&mut self, text: &[u8]) {
        self.number(text.len() as u64);
        self.0.put_slice(text);
    }

    pub(super) fn value(&mut self, value: Value<'_>) {
        match value {
            Value::Null => self.byte(0),
            Value::Bool(truth) => self.byte(if truth { 0x11 } else { 1 }),
            Value::Number(number) => {
                self.byte(3);
                self.number(number);
            }
            Value::Address(IpAddr::V4(address)) => {
                self.byte(6);
                self.0.put_slice(&address.octets());
            }
            Value::Address(IpAddr::V6(address)) => {
                self.byte(7);
                self.0.put_slice(&address.octets());
            }
            Value::Text(text) => {
                self.byte(8);
                self.text(text);
            }
            Value::Binary(bytes) => {
                self.byte(9);
                self.text(bytes);
            }
        }
    }

    /// The frame with its length; none when it has more than `most` bytes.
    pub(super) fn finish(mut self, most: usize) -> Option<Vec<u8>> {
        let length = self.0.len().checked_sub(4)?;
        let said = u32::try_from(length).ok().filter(|_| length <= most)?;
        self.0
            .first_chunk_mut::<4>()?
            .copy_from_slice(&said.to_be_bytes());
        Some(self.0.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_read_as_they_are_written() {
        let edges = [
            0,
            1,
            239,
            240,
            241,
            2287,
            2288,
            264_431,
            264_432,
            33_818_864,
            1 << 40,
        ];
        for value in edges {
            let mut writer = Writer(BytesMut::new());
            writer.number(value);
            let mut reader = Reader(&writer.0);
            assert_eq!(reader.number(), Some(value));
            assert!(reader.0.is_empty());
        }
        let mut one = Writer(BytesMut::new());
        one.number(2288);
        assert_eq!(&one.0[..], [0xf0, 0x80, 0x00]);
        assert_eq!(Reader(&[0xff; 12]).number(), None);
        assert_eq!(Reader(&[0xf0]).number(), None);
    }

    #[test]
    fn values_are_read_as_they_are_written() {
        for value in [
            Value::Null,
            Value::Bool(true),
            Value::Bool(false),
            Value::Number(70_000),
            Value::Address([192, 0, 2, 1].into()),
            Value::Address(Ipv6Addr::LOCALHOST.into()),
            Value::Text(b"abc"),
            Value::Binary(&[0; 300]),
        ] {
            let mut writer = Writer(BytesMut::new());
            writer.value(value);
            assert_eq!(Reader(&writer.0).value(), Some(value));
            assert_eq!(Reader(&writer.0[..writer.0.len() - 1]).value(), None);
        }
    }

    #[test]
    fn g32_lengths_that_lie_are_no_values() {
        for bytes in [
            &[8, 5, b'a'][..],
            &[9, 0xff, 0xff, 0xff, 0xff],
            &[6, 1, 2],
            &[0x0f],
            &[],
        ] {
            assert_eq!(Reader(bytes).value(), None, "{bytes:?}");
        }
    }

    #[test]
    fn parts_of_frames_are_refused() {
        let frame = Writer::new(NOTIFY, 300, 2).finish(100).unwrap();
        let read = Frame::read(&frame[4..]).unwrap();
        assert_eq!((read.kind, read.stream, read.number), (NOTIFY, 300, 2));
        for flags in [0, 2, 3] {
            let mut part = frame.clone();
            part[8] = flags;
            assert_eq!(Frame::read(&part[4..]), Err(Broken::Fragment));
        }
        assert_eq!(Frame::read(&frame[4..9]), Err(Broken::Malformed));
        assert_eq!(Writer::new(ACK, 1, 1).finish(3), None);
    }
}
