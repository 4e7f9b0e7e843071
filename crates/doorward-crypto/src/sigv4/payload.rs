//! `X-Amz-Content-Sha256`: what a signature says of the body.

use doorward_core::body::BodyExpectation;

use super::{SigV4Error, hex};
use crate::digest::sha256;
use crate::message_signature::{ContentDigest, DigestAlgorithm};

/// The word for a body that is not signed.
const UNSIGNED: &str = "UNSIGNED-PAYLOAD";
/// How the words for bodies that are signed piece by piece begin.
const STREAMING: &str = "STREAMING-";

/// What a signature says of the body.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Payload {
    /// The SHA-256 of the whole body.
    Digest([u8; 32]),
    /// Nothing.
    Unsigned,
    /// Each piece of the body is signed on its own.
    Streaming,
}

impl Payload {
    /// Reads the header's value.
    ///
    /// # Errors
    /// [`SigV4Error::Payload`] when it is neither a digest nor a word.
    pub fn parse(text: &str) -> Result<Self, SigV4Error> {
        match text {
            UNSIGNED => Ok(Self::Unsigned),
            _ if text.starts_with(STREAMING) => Ok(Self::Streaming),
            _ => hex::read(text).map(Self::Digest).ok_or(SigV4Error::Payload),
        }
    }

    /// Of a body that is there as a whole.
    #[must_use]
    pub fn of(body: &[u8]) -> Self {
        Self::Digest(sha256(body))
    }

    /// The line of the canonical request, and the header's value.
    #[must_use]
    pub fn to_field(&self) -> String {
        match self {
            Self::Digest(digest) => hex::write(digest),
            Self::Unsigned => UNSIGNED.to_owned(),
            Self::Streaming => STREAMING.to_owned(),
        }
    }

    /// What the gate tells those who pass the body on; `None` where nothing can be told.
    #[must_use]
    pub fn expectation(&self) -> Option<BodyExpectation> {
        let Self::Digest(digest) = self else {
            return None;
        };
        if *self == Self::of(b"") {
            return Some(BodyExpectation::Empty);
        }
        let digest = ContentDigest::exactly(DigestAlgorithm::Sha256, digest).ok()?;
        Some(digest.into_expectation())
    }
}
