//! The first frames: what HAProxy offers, and what we take of it.

use super::frame::{AGENT_HELLO, Reader, Value, Writer};

/// The largest frame that is taken, in bytes.
pub(super) const MOST: usize = 64 * 1024;
/// The smallest largest frame that the protocol knows.
const LEAST: usize = 256;

/// What HAProxy offers, and we take.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Hello {
    /// The largest frame on this connection.
    pub(super) size: usize,
    /// HAProxy only wants to know whether we are there.
    pub(super) is_check: bool,
}

impl Hello {
    /// Reads the payload of a HAPROXY-HELLO; the status code of a disconnect otherwise.
    pub(super) fn read(payload: &[u8]) -> Result<Self, u64> {
        let mut reader = Reader(payload);
        let (mut versions, mut size, mut capabilities, mut is_check) = (None, None, None, false);
        while !reader.0.is_empty() {
            let name = reader.text().ok_or(4_u64)?;
            match (name, reader.value().ok_or(4_u64)?) {
                (b"supported-versions", Value::Text(text)) => versions = Some(text),
                (b"max-frame-size", Value::Number(number)) => size = Some(number),
                (b"capabilities", Value::Text(text)) => capabilities = Some(text),
                (b"healthcheck", Value::Bool(truth)) => is_check = truth,
                _ => {}
            }
        }
        let versions = versions.ok_or(5_u64)?;
        if !versions
            .split(|byte| *byte == b',')
            .any(|one| one.trim_ascii() == b"2.0")
        {
            return Err(8);
        }
        capabilities.ok_or(7_u64)?;
        let size = usize::try_from(size.ok_or(6_u64)?).map_err(|_| 9_u64)?;
        if size < LEAST {
            return Err(9);
        }
        Ok(Self {
            size: size.min(MOST),
            is_check,
        })
    }

    /// Our answer.
    pub(super) fn answer(self) -> Option<Vec<u8>> {
        let mut writer = Writer::new(AGENT_HELLO, 0, 0);
        for (name, value) in [
            (&b"version"[..], Value::Text(b"2.0")),
            (b"max-frame-size", Value::Number(self.size as u64)),
            (b"capabilities", Value::Text(b"pipelining")),
        ] {
            writer.text(name);
            writer.value(value);
        }
        writer.finish(self.size)
    }
}

#[cfg(test)]
mod tests {
    use super::super::frame::Frame;
    use super::*;

    fn hello(pairs: &[(&str, Value<'_>)]) -> Result<Hello, u64> {
        let mut writer = Writer::new(1, 0, 0);
        for (name, value) in pairs {
            writer.text(name.as_bytes());
            writer.value(*value);
        }
        let bytes = writer.finish(MOST).unwrap();
        Hello::read(Frame::read(&bytes[4..]).unwrap().payload)
    }

    #[test]
    fn only_version_2_with_a_size_is_spoken() {
        let versions = ("supported-versions", Value::Text(b"1.0, 2.0"));
        let size = ("max-frame-size", Value::Number(16_380));
        let able = ("capabilities", Value::Text(b"pipelining,async"));
        let check = ("healthcheck", Value::Bool(true));
        let good = Hello {
            size: 16_380,
            is_check: false,
        };
        assert_eq!(hello(&[versions, size, able]), Ok(good));
        assert!(hello(&[versions, size, able, check]).unwrap().is_check);
        let huge = ("max-frame-size", Value::Number(1 << 30));
        assert_eq!(hello(&[versions, huge, able]).unwrap().size, MOST);
        assert_eq!(hello(&[size, able]), Err(5));
        assert_eq!(hello(&[versions, able]), Err(6));
        assert_eq!(hello(&[versions, size]), Err(7));
        let old = ("supported-versions", Value::Text(b"1.0"));
        assert_eq!(hello(&[old, size, able]), Err(8));
        let tiny = ("max-frame-size", Value::Number(255));
        assert_eq!(hello(&[versions, tiny, able]), Err(9));
        assert_eq!(Hello::read(&[5]), Err(4));
    }
}
