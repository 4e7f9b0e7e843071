//! Credentials as callers present them, before anything is known about them.

use std::fmt;
use std::sync::Arc;

use crate::policy::Guarded;

/// A way to authenticate, with the name that configuration and records use.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, PartialOrd, Ord)]
pub enum Method {
    /// An API key of our own.
    ApiKey,
    /// HTTP Basic (RFC 7617).
    Basic,
    /// A signed JWT as bearer token (RFC 6750, RFC 9068).
    Jwt,
    /// A client certificate (RFC 8446 section 4.3.2).
    Mtls,
    /// An HTTP message signature (RFC 9421).
    MessageSignature,
    /// A request signed with AWS Signature Version 4.
    SigV4,
}

impl Method {
    /// Every method, in the order of their names.
    pub const ALL: [Self; 6] = [
        Self::ApiKey,
        Self::Basic,
        Self::Jwt,
        Self::Mtls,
        Self::MessageSignature,
        Self::SigV4,
    ];

    /// The name in configuration and records.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::ApiKey => "api_key",
            Self::Basic => "basic",
            Self::Jwt => "jwt",
            Self::Mtls => "mtls",
            Self::MessageSignature => "message_signature",
            Self::SigV4 => "sigv4",
        }
    }

    /// The method with this name.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|method| method.as_str() == name)
    }
}

impl fmt::Display for Method {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Where in the request a credential was found.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Place {
    /// The `Authorization` header.
    Authorization,
    /// A header of its own, such as `X-API-Key`.
    Header,
    /// A parameter of the query.
    Query,
    /// The connection. A credential there is only looked at where a rule names its method, or
    /// where there is no other: beside another it is a binding, not a second credential.
    Connection,
    /// The `Signature` and `Signature-Input` headers (RFC 9421).
    Signature,
}

/// A credential that was found and not yet judged. Its text cannot be printed.
pub struct Presented<'h> {
    method: Method,
    place: Place,
    text: &'h str,
    guarded: Option<&'h Guarded>,
}

impl<'h> Presented<'h> {
    /// Takes the text of a credential as found in the request.
    #[must_use]
    pub const fn new(method: Method, place: Place, text: &'h str) -> Self {
        Self {
            method,
            place,
            text,
            guarded: None,
        }
    }

    /// Notes the requirements of the rule under which the credential will be judged.
    #[must_use]
    pub const fn under(self, guarded: &'h Guarded) -> Self {
        Self {
            guarded: Some(guarded),
            ..self
        }
    }

    /// The requirements of the rule; none where the gate has not told.
    #[must_use]
    pub const fn guarded(&self) -> Option<&'h Guarded> {
        self.guarded
    }

    /// The method that claims the credential.
    #[must_use]
    pub const fn method(&self) -> Method {
        self.method
    }

    /// Where the credential was found.
    #[must_use]
    pub const fn place(&self) -> Place {
        self.place
    }

    /// The credential's text: secret, and chosen by the caller.
    #[must_use]
    pub const fn expose(&self) -> &'h str {
        self.text
    }
}

/// What names a credential in records: never the credential itself.
///
/// Short ids are kept inline, so that copying one allocates nothing.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct CredentialId(Repr);

const INLINE: usize = 22;

#[derive(Clone, PartialEq, Eq, Hash)]
enum Repr {
    Inline { len: u8, bytes: [u8; INLINE] },
    Shared(Arc<str>),
}

impl CredentialId {
    /// Takes an id's text.
    #[must_use]
    pub fn new(text: &str) -> Self {
        let mut bytes = [0; INLINE];
        match (bytes.get_mut(..text.len()), u8::try_from(text.len())) {
            (Some(start), Ok(len)) => {
                start.copy_from_slice(text.as_bytes());
                Self(Repr::Inline { len, bytes })
            }
            _ => Self(Repr::Shared(text.into())),
        }
    }

    /// The id's text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match &self.0 {
            Repr::Inline { len, bytes } => bytes
                .get(..usize::from(*len))
                .and_then(|text| str::from_utf8(text).ok())
                .unwrap_or(""),
            Repr::Shared(text) => text,
        }
    }
}

impl fmt::Debug for CredentialId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.as_str(), f)
    }
}

#[cfg(test)]
mod tests {
    use super::CredentialId;

    #[test]
    fn credential_ids_keep_their_text() {
        for text in ["", "key_0123456789abcdef", &"x".repeat(22), &"é".repeat(40)] {
            assert_eq!(CredentialId::new(text).as_str(), text);
        }
        assert!(size_of::<CredentialId>() <= 24);
    }
}
