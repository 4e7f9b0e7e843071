//! The answer that lets a call pass, written straight into its frame: it is the one that is
//! written most, and the types of [`super::message`] would copy every part of it twice.

use bytes::{BufMut, Bytes, BytesMut};
use http::header::HeaderName;

use super::message::OVERWRITE;
use crate::forward_auth::judge::Allowed;

/// What of ours goes into the dynamic metadata, and under which name.
const METADATA: [(&str, &str); 3] = [
    ("x-doorward-subject", "subject"),
    ("x-doorward-method", "method"),
    ("x-doorward-credential", "credential_id"),
];

/// The fields of `CheckResponse`.
const STATUS: u8 = 1;
const OK: u8 = 3;
const DYNAMIC_METADATA: u8 = 4;
/// Those of `OkHttpResponse`.
const HEADERS: u8 = 2;
const HEADERS_TO_REMOVE: u8 = 5;
const QUERY_PARAMETERS_TO_REMOVE: u8 = 8;
/// The bytes of a `HeaderValueOption` behind its header.
const OVERWRITES: [u8; 2] = [3 << 3, OVERWRITE.to_le_bytes()[0]];

/// Writes the answer, with its frame; none when it is too long for one.
pub(super) fn write(allowed: Allowed) -> Option<Bytes> {
    let mut gone = allowed.unwanted;
    if allowed.spent {
        gone.extend(allowed.credentials);
    }
    let (mut ok, mut metadata) = (Fields::new(1024), Fields::new(256));
    metadata.entry("decision_id", &allowed.id.to_ascii());
    for (name, value) in &allowed.told {
        let Some(value) = value else {
            gone.push(name.clone());
            continue;
        };
        // What is removed is removed last.
        gone.retain(|gone| gone != name);
        let known = METADATA.iter().find(|(known, _)| name == *known);
        if let (Some((_, key)), Ok(text)) = (known, value.to_str()) {
            metadata.entry(key, text.as_bytes());
        }
        ok.header(name, value.as_bytes());
    }
    let mut names: Vec<&str> = gone.iter().map(HeaderName::as_str).collect();
    names.sort_unstable();
    names.dedup();
    for name in names {
        ok.bytes(HEADERS_TO_REMOVE, name.as_bytes());
    }
    for name in allowed.parameters.iter().filter(|_| allowed.spent) {
        ok.bytes(QUERY_PARAMETERS_TO_REMOVE, name.as_bytes());
    }
    let length = sized(0) + sized(ok.0.len()) + sized(metadata.0.len());
    let mut all = Fields::new(PREFIX + length);
    all.0.put_u8(0);
    all.0.put_u32(u32::try_from(length).ok()?);
    // A `google.rpc.Status` with nothing in it is OK.
    all.bytes(STATUS, b"");
    all.bytes(OK, &ok.0);
    all.bytes(DYNAMIC_METADATA, &metadata.0);
    Some(all.0.freeze())
}

/// The bytes of the frame before the message.
const PREFIX: usize = 5;

/// The fields of a message, one behind the other.
struct Fields(BytesMut);

impl Fields {
    fn new(room: usize) -> Self {
        Self(BytesMut::with_capacity(room))
    }

    /// A field that holds bytes, or begins with this many of another message.
    fn open(&mut self, number: u8, mut length: usize) {
        self.0.put_u8(number << 3 | 2);
        while length >= 0x80 {
            self.0.put_u8(low(length) | 0x80);
            length >>= 7;
        }
        self.0.put_u8(low(length));
    }

    fn bytes(&mut self, number: u8, bytes: &[u8]) {
        self.open(number, bytes.len());
        self.0.put_slice(bytes);
    }

    /// A `HeaderValueOption` that overwrites.
    fn header(&mut self, name: &HeaderName, value: &[u8]) {
        let entry = sized(name.as_str().len()) + sized(value.len());
        self.open(HEADERS, sized(entry) + OVERWRITES.len());
        self.open(1, entry);
        self.bytes(1, name.as_str().as_bytes());
        self.bytes(2, value);
        self.0.put_slice(&OVERWRITES);
    }

    /// One entry of a `google.protobuf.Struct`, with a string.
    fn entry(&mut self, key: &str, text: &[u8]) {
        let value = sized(text.len());
        self.open(1, sized(key.len()) + sized(value));
        self.bytes(1, key.as_bytes());
        self.open(2, value);
        self.bytes(3, text);
    }
}

/// The bytes of a field that holds this many; every number here is below 16.
const fn sized(length: usize) -> usize {
    let mut bytes = 2;
    let mut rest = length >> 7;
    while rest > 0 {
        bytes += 1;
        rest >>= 7;
    }
    bytes + length
}

/// The lowest seven bits.
const fn low(number: usize) -> u8 {
    number.to_le_bytes()[0] & 0x7f
}

#[cfg(test)]
mod tests {
    use doorward_core::decision::DecisionIds;
    use http::HeaderValue;
    use prost::Message;

    use super::super::frame;
    use super::super::message::{CheckResponse, Status};
    use super::*;

    struct Zeros;

    impl doorward_core::Entropy for Zeros {
        fn fill(&self, bytes: &mut [u8]) {
            bytes.fill(0);
        }
    }

    fn allowed(assertion: usize) -> Allowed {
        let value = |text: String| Some(HeaderValue::try_from(text).unwrap());
        let name = HeaderName::from_static;
        Allowed {
            id: DecisionIds::new(&Zeros).next(),
            told: vec![
                (name("x-doorward-subject"), value("bench".to_owned())),
                (name("x-doorward-method"), value("api_key".to_owned())),
                (name("x-doorward-credential"), None),
                (name("x-doorward-scopes"), value(String::new())),
                (name("doorward-assertion"), value("a".repeat(assertion))),
            ],
            credentials: vec![name("x-api-key")],
            parameters: vec!["api_key".to_owned()],
            spent: true,
            unwanted: vec![name("x-user"), name("x-doorward-subject"), name("x-user")],
            reuse: None,
        }
    }

    #[test]
    fn r114_what_is_written_is_what_the_definition_reads() {
        for assertion in [0, 1, 100, 118, 127, 128, 300, 16_383, 16_384, 70_000] {
            let allowed = allowed(assertion);
            let id = allowed.id.to_string();
            let message = frame::read(write(allowed).unwrap()).unwrap();
            let read = CheckResponse::decode(message.clone()).unwrap();
            // Written again by the types, it is as long, but for empty values.
            let empty = 4;
            assert!(message.len() - read.encoded_len() <= empty, "{assertion}");
            assert_eq!(read.status, Some(Status { code: 0 }));
            assert_eq!(read.denied, None);
            let ok = read.ok.unwrap();
            let headers: Vec<_> = ok
                .headers
                .iter()
                .map(|option| {
                    assert_eq!(option.append_action, OVERWRITE);
                    let header = option.header.clone().unwrap();
                    (header.key, header.value.len())
                })
                .collect();
            let wanted = [
                ("x-doorward-subject", 5),
                ("x-doorward-method", 7),
                ("x-doorward-scopes", 0),
                ("doorward-assertion", assertion),
            ];
            assert_eq!(headers, wanted.map(|(name, length)| (name.into(), length)));
            assert_eq!(
                ok.headers_to_remove,
                ["x-api-key", "x-doorward-credential", "x-user"]
            );
            assert_eq!(ok.query_parameters_to_remove, ["api_key"]);
            let fields = read.dynamic_metadata.unwrap().fields;
            let fields: Vec<_> = fields
                .iter()
                .map(|field| (field.key.as_str(), field.value.clone().unwrap().string))
                .collect();
            let wanted = [
                ("decision_id", id),
                ("subject", "bench".to_owned()),
                ("method", "api_key".to_owned()),
            ];
            assert_eq!(fields, wanted);
        }
    }
}
