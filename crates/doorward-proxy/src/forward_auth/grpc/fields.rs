//! The wire format of messages, walked without decoding: how many headers one has.

/// The way to `AttributeContext.HttpRequest`: attributes, request, http.
const HTTP: [u64; 3] = [1, 4, 2];
/// The map of headers.
const HEADERS: u64 = 3;
/// The list of headers, and its entries.
const HEADER_MAP: [u64; 2] = [13, 1];

/// How many headers a `CheckRequest` has, in both of their forms; none when its outer parts cannot
/// be read. A part that is there more than once is counted each time: decoding joins them.
pub(super) fn headers(message: &[u8]) -> Option<usize> {
    let mut parts = vec![message];
    for number in HTTP {
        let mut inner = Vec::new();
        for part in parts {
            each(part, |found, bytes| {
                if found == number {
                    inner.push(bytes);
                }
                inner.len() <= MOST_PARTS
            })?;
        }
        parts = inner;
    }
    let mut count = 0;
    for part in parts {
        let mut lists = Vec::new();
        each(part, |found, bytes| {
            count += usize::from(found == HEADERS);
            if found == HEADER_MAP[0] {
                lists.push(bytes);
            }
            lists.len() <= MOST_PARTS
        })?;
        for list in lists {
            each(list, |found, _| {
                count += usize::from(found == HEADER_MAP[1]);
                true
            })?;
        }
    }
    Some(count)
}

/// Nobody sends a part twice; what is beyond this is no message.
const MOST_PARTS: usize = 8;

/// Shows every field with a length, and its number, until told to stop; none when the message
/// cannot be read or it was told.
fn each<'m>(mut message: &'m [u8], mut show: impl FnMut(u64, &'m [u8]) -> bool) -> Option<()> {
    while !message.is_empty() {
        let key = varint(&mut message)?;
        match key & 7 {
            0 => {
                varint(&mut message)?;
            }
            1 => message = message.get(8..)?,
            2 => {
                let length = usize::try_from(varint(&mut message)?).ok()?;
                let (bytes, rest) = message.split_at_checked(length)?;
                message = rest;
                show(key >> 3, bytes).then_some(())?;
            }
            5 => message = message.get(4..)?,
            // Groups: nobody has sent one in this century.
            _ => return None,
        }
    }
    Some(())
}

fn varint(from: &mut &[u8]) -> Option<u64> {
    let mut value = 0;
    for shift in (0..64).step_by(7) {
        let (byte, rest) = from.split_first()?;
        *from = rest;
        value |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return Some(value);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use prost::Message;
    use prost::bytes::Bytes;

    use super::super::message::{
        Asked, Attributes, CheckRequest, Entry, HeaderList, HttpRequest, RawHeader,
    };
    use super::*;

    fn message(mapped: usize, listed: usize) -> Vec<u8> {
        let entry = Entry {
            key: Bytes::from_static(b"a"),
            value: Bytes::new(),
        };
        let raw = RawHeader {
            key: Bytes::from_static(b"a"),
            value: Bytes::new(),
            raw_value: Bytes::from_static(b"b"),
        };
        let http = HttpRequest {
            method: Bytes::from_static(b"GET"),
            headers: vec![entry; mapped],
            header_map: Some(HeaderList {
                headers: vec![raw; listed],
            }),
            ..HttpRequest::default()
        };
        let asked = Asked { http: Some(http) };
        let attributes = Attributes {
            source: None,
            request: Some(asked),
        };
        let check = CheckRequest {
            attributes: Some(attributes),
        };
        check.encode_to_vec()
    }

    #[test]
    fn g32_headers_are_counted_before_they_are_decoded() {
        for (mapped, listed) in [(0, 0), (3, 0), (0, 4), (5, 6)] {
            let bytes = message(mapped, listed);
            assert_eq!(headers(&bytes), Some(mapped + listed));
            // Decoding joins parts that are there twice.
            let twice = [&bytes[..], &bytes].concat();
            assert_eq!(headers(&twice), Some(2 * (mapped + listed)));
        }
        let empty = [&[0x0a, 10, 0x22, 8, 0x12, 6][..], &[0x1a, 0].repeat(3)].concat();
        assert_eq!(headers(&empty), Some(3));
        let decoded = CheckRequest::decode(&empty[..]).unwrap();
        let http = decoded.attributes.unwrap().request.unwrap().http.unwrap();
        assert_eq!(http.headers.len(), 3);
    }

    #[test]
    fn g32_messages_that_lie_about_lengths_are_none() {
        for broken in [
            &[0xff; 12][..],
            &[0x0a],
            &[0x0a, 5, 1],
            &[0x0a, 0xff, 0xff, 0xff, 0xff, 0x0f],
            &[0x0b],
            &[0x09, 1],
            &[0x0a, 2, 0x22, 9],
        ] {
            assert_eq!(headers(broken), None, "{broken:?}");
        }
        assert_eq!(headers(&[0x0a, 0].repeat(1000)), None);
        assert_eq!(headers(&[]), Some(0));
    }
}
