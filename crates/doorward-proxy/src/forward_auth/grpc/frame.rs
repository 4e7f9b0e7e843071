//! The framing of one message: a flag, the length in four bytes, the message.

use bytes::{BufMut, Bytes, BytesMut};

/// The bytes in front of a message.
const PREFIX: usize = 5;

/// The one message in a body; none when there is no message, more than one, half of one, or one
/// that is compressed, which nobody has agreed to.
pub(super) fn read(mut body: Bytes) -> Option<Bytes> {
    let [compressed, length @ ..] = *body.first_chunk::<PREFIX>()?;
    let length = usize::try_from(u32::from_be_bytes(length)).ok()?;
    let message = body.split_off(PREFIX);
    (compressed == 0 && message.len() == length).then_some(message)
}

/// Frames a message.
pub(super) fn write(message: &impl prost::Message) -> Option<Bytes> {
    let length = message.encoded_len();
    let mut out = BytesMut::with_capacity(PREFIX + length);
    out.put_u8(0);
    out.put_u32(u32::try_from(length).ok()?);
    message.encode(&mut out).ok()?;
    Some(out.freeze())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn r114_a_body_is_one_whole_uncompressed_message() {
        let read = |bytes: &'static [u8]| read(Bytes::from_static(bytes));
        assert_eq!(read(b"\0\0\0\0\x02ab").as_deref(), Some(&b"ab"[..]));
        assert_eq!(read(b"\0\0\0\0\0").as_deref(), Some(&b""[..]));
        for broken in [
            &b""[..],
            b"\0\0\0\0",
            b"\x01\0\0\0\x02ab",
            b"\0\0\0\0\x03ab",
            b"\0\0\0\0\x01ab",
            b"\0\xff\xff\xff\xffab",
        ] {
            assert_eq!(read(broken), None, "{broken:?}");
        }
    }
}
