//! `Content-Digest`: digests of a body that streams by (RFC 9530).

use std::sync::Arc;

use aws_lc_rs::digest;
use doorward_core::body::{BodyCheck, BodyDigest, BodyExpectation};
use http::{HeaderMap, HeaderName};
use subtle::ConstantTimeEq;
use thiserror::Error;

use super::structured_field::{BareItem, Dictionary, Item, Member, Parameters, Twice};

/// The header.
pub const CONTENT_DIGEST: HeaderName = HeaderName::from_static("content-digest");

/// The most bytes of the header.
const MAX_BYTES: usize = 2048;

/// A digest algorithm that is safe today. Others are ignored, as the standard says.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum DigestAlgorithm {
    /// SHA-256.
    Sha256,
    /// SHA-512.
    Sha512,
}

/// Why the digests of a request cannot be checked.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
pub enum ContentDigestError {
    /// The header is not a dictionary of bytes, or a digest has the wrong length.
    #[error("Content-Digest is not a dictionary of digests")]
    Malformed,
    /// The header names no algorithm that is safe.
    #[error("Content-Digest has neither sha-256 nor sha-512")]
    NoneKnown,
}

/// The digests that a body must have, all of them.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ContentDigest(Vec<(DigestAlgorithm, Box<[u8]>)>);

impl DigestAlgorithm {
    const ALL: [Self; 2] = [Self::Sha256, Self::Sha512];

    /// The registered name.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Sha256 => "sha-256",
            Self::Sha512 => "sha-512",
        }
    }

    const fn implementation(self) -> &'static digest::Algorithm {
        match self {
            Self::Sha256 => &digest::SHA256,
            Self::Sha512 => &digest::SHA512,
        }
    }
}

impl ContentDigest {
    /// Reads the header of a request; `None` when it has none.
    ///
    /// # Errors
    /// [`ContentDigestError`] when nothing can be checked by it.
    pub fn parse(headers: &HeaderMap) -> Result<Option<Self>, ContentDigestError> {
        let lines: Vec<&[u8]> = headers
            .get_all(CONTENT_DIGEST)
            .iter()
            .map(http::HeaderValue::as_bytes)
            .collect();
        if lines.is_empty() {
            return Ok(None);
        }
        let joined = lines.join(&b", "[..]);
        if joined.len() > MAX_BYTES {
            return Err(ContentDigestError::Malformed);
        }
        let field = Dictionary::parse(&joined, Twice::Refused)
            .map_err(|_| ContentDigestError::Malformed)?;
        let mut wanted = Vec::new();
        for algorithm in DigestAlgorithm::ALL {
            let Some(member) = field.get(algorithm.as_str()) else {
                continue;
            };
            let Member::Item(Item {
                value: BareItem::Bytes(bytes),
                ..
            }) = member
            else {
                return Err(ContentDigestError::Malformed);
            };
            if bytes.len() != algorithm.implementation().output_len() {
                return Err(ContentDigestError::Malformed);
            }
            wanted.push((algorithm, bytes.clone().into_boxed_slice()));
        }
        if wanted.is_empty() {
            return Err(ContentDigestError::NoneKnown);
        }
        Ok(Some(Self(wanted)))
    }

    /// The one digest that another header names.
    ///
    /// # Errors
    /// [`ContentDigestError::Malformed`] when the length is not that of the algorithm.
    pub fn exactly(algorithm: DigestAlgorithm, bytes: &[u8]) -> Result<Self, ContentDigestError> {
        if bytes.len() != algorithm.implementation().output_len() {
            return Err(ContentDigestError::Malformed);
        }
        Ok(Self(vec![(algorithm, bytes.into())]))
    }

    /// The digest of a body that is there as a whole, for signing.
    #[must_use]
    pub fn of(algorithm: DigestAlgorithm, body: &[u8]) -> Self {
        let digest = digest::digest(algorithm.implementation(), body);
        Self(vec![(algorithm, digest.as_ref().into())])
    }

    /// The header's value.
    #[must_use]
    pub fn to_field(&self) -> String {
        let member = |(algorithm, bytes): &(DigestAlgorithm, Box<[u8]>)| {
            let item = Item {
                value: BareItem::Bytes(bytes.to_vec()),
                parameters: Parameters::default(),
            };
            format!("{}={item}", algorithm.as_str())
        };
        self.0.iter().map(member).collect::<Vec<_>>().join(", ")
    }

    /// What the gate tells those who pass the body on.
    #[must_use]
    pub fn into_expectation(self) -> BodyExpectation {
        BodyExpectation::Digest(Arc::new(self))
    }
}

impl BodyDigest for ContentDigest {
    fn begin(&self) -> Box<dyn BodyCheck> {
        let begun = self.0.iter().map(|(algorithm, wanted)| Running {
            context: digest::Context::new(algorithm.implementation()),
            wanted: wanted.clone(),
        });
        Box::new(RunningAll(begun.collect()))
    }
}

struct RunningAll(Vec<Running>);

struct Running {
    context: digest::Context,
    wanted: Box<[u8]>,
}

impl BodyCheck for RunningAll {
    fn update(&mut self, bytes: &[u8]) {
        for running in &mut self.0 {
            running.context.update(bytes);
        }
    }

    fn matches(self: Box<Self>) -> bool {
        let fits = |one: Running| -> bool {
            let found = one.context.finish();
            found.as_ref().ct_eq(&one.wanted).into()
        };
        !self.0.is_empty() && self.0.into_iter().all(fits)
    }
}
