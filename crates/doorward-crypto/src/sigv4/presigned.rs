//! A signed request whose signature stands in the query: a link that is good for a while.

use std::time::Duration;

use super::authorization::Parts;
use super::query::{decode, encode};
use super::{ALGORITHM, Authorization, CredentialScope, Payload, SigV4Error, SignedHeaders, Stamp};

/// The parameter that holds the signature.
pub const SIGNATURE: &str = "X-Amz-Signature";
/// The longest span, as AWS has it.
const MAX_EXPIRES: u64 = 7 * 24 * 3600;

/// What the query says.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Presigned {
    /// Key, scope, headers and signature.
    pub authorization: Authorization,
    /// When it was signed.
    pub stamp: Stamp,
    /// How long it is good.
    pub expires: Duration,
    /// What it says of the body, where it does.
    pub payload: Option<Payload>,
}

impl Presigned {
    /// Reads a query in which each parameter is there once, in exactly its spelling.
    ///
    /// # Errors
    /// [`SigV4Error`] for anything else.
    pub fn parse(query: &str) -> Result<Self, SigV4Error> {
        let once = |wanted: &'static str| once(query, wanted);
        let need = |wanted| once(wanted)?.ok_or(SigV4Error::Part(wanted));
        if once("X-Amz-Security-Token")?.is_some() {
            return Err(SigV4Error::SessionToken);
        }
        if need("X-Amz-Algorithm")? != ALGORITHM {
            return Err(SigV4Error::Algorithm);
        }
        let (credential, signed) = (need("X-Amz-Credential")?, need("X-Amz-SignedHeaders")?);
        let signature = need(SIGNATURE)?;
        let parts = Parts {
            credential: Some(&credential),
            signed: Some(&signed),
            signature: Some(&signature),
        };
        let payload = once("X-Amz-Content-Sha256")?;
        Ok(Self {
            authorization: parts.complete()?,
            stamp: Stamp::parse(&need("X-Amz-Date")?)?,
            expires: span(&need("X-Amz-Expires")?)?,
            payload: payload.map(|text| Payload::parse(&text)).transpose()?,
        })
    }

    /// The parameters to be signed, without the signature.
    #[must_use]
    pub fn unsigned_query(
        scope: &CredentialScope,
        signed: &SignedHeaders,
        (stamp, expires): (&Stamp, Duration),
    ) -> String {
        format!(
            "X-Amz-Algorithm={ALGORITHM}&X-Amz-Credential={}&X-Amz-Date={}&X-Amz-Expires={}\
             &X-Amz-SignedHeaders={}",
            encode(&scope.to_string(), None),
            stamp.as_str(),
            expires.as_secs(),
            encode(&signed.to_string(), None),
        )
    }
}

/// The value of a parameter, which must be there at most once.
fn once(query: &str, wanted: &'static str) -> Result<Option<String>, SigV4Error> {
    let mut found = None;
    for pair in query.split('&') {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        if name == wanted && found.replace(value).is_some() {
            return Err(SigV4Error::Part(wanted));
        }
    }
    match found.map(decode) {
        None => Ok(None),
        Some(Some(text)) => Ok(Some(text)),
        Some(None) => Err(SigV4Error::Part(wanted)),
    }
}

fn span(text: &str) -> Result<Duration, SigV4Error> {
    let digits = text.len() <= 6 && text.bytes().all(|byte| byte.is_ascii_digit());
    match text.parse::<u64>() {
        Ok(seconds @ 1..=MAX_EXPIRES) if digits && !text.starts_with('0') => {
            Ok(Duration::from_secs(seconds))
        }
        _ => Err(SigV4Error::Expires),
    }
}
