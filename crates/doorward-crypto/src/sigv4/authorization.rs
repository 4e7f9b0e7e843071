//! The `Authorization` header of a signed request.

use std::fmt;

use super::{ALGORITHM, CredentialScope, SigV4Error, SigV4Signature, SignedHeaders};

/// The longest header that is read, in bytes.
const MAX_BYTES: usize = 4096;

/// What the header says.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Authorization {
    /// Which key, and what for.
    pub scope: CredentialScope,
    /// What is covered.
    pub signed: SignedHeaders,
    /// The signature.
    pub signature: SigV4Signature,
}

impl Authorization {
    /// Reads the header's value: the algorithm, then `Credential`, `SignedHeaders` and
    /// `Signature`, in any order, each once, with commas between them.
    ///
    /// # Errors
    /// [`SigV4Error`] for anything else.
    pub fn parse(text: &str) -> Result<Self, SigV4Error> {
        if text.len() > MAX_BYTES {
            return Err(SigV4Error::Part("Credential"));
        }
        let rest = text
            .strip_prefix(ALGORITHM)
            .and_then(|rest| rest.strip_prefix(' '))
            .ok_or(SigV4Error::Algorithm)?;
        let mut parts = Parts::default();
        for part in rest.split(',') {
            let (name, value) = part
                .trim_matches(' ')
                .split_once('=')
                .ok_or(SigV4Error::Part("Credential"))?;
            let (slot, name) = match name {
                "Credential" => (&mut parts.credential, "Credential"),
                "SignedHeaders" => (&mut parts.signed, "SignedHeaders"),
                "Signature" => (&mut parts.signature, "Signature"),
                _ => return Err(SigV4Error::Part("Credential")),
            };
            if slot.replace(value).is_some() {
                return Err(SigV4Error::Part(name));
            }
        }
        parts.complete()
    }
}

/// The three parts, in either form of a signed request.
#[derive(Default)]
pub(super) struct Parts<'t> {
    pub(super) credential: Option<&'t str>,
    pub(super) signed: Option<&'t str>,
    pub(super) signature: Option<&'t str>,
}

impl Parts<'_> {
    pub(super) fn complete(&self) -> Result<Authorization, SigV4Error> {
        let part = |part: Option<&_>, name| part.copied().ok_or(SigV4Error::Part(name));
        Ok(Authorization {
            scope: CredentialScope::parse(part(self.credential.as_ref(), "Credential")?)?,
            signed: SignedHeaders::parse(part(self.signed.as_ref(), "SignedHeaders")?)?,
            signature: SigV4Signature::parse(part(self.signature.as_ref(), "Signature")?)?,
        })
    }
}

impl fmt::Display for Authorization {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{ALGORITHM} Credential={}, SignedHeaders={}, Signature={}",
            self.scope,
            self.signed,
            self.signature.to_hex()
        )
    }
}
