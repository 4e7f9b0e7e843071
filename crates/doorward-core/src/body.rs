//! What a verified credential says of the body that follows the head (RFC 9530).

use std::fmt;
use std::sync::Arc;

/// What the body of a permitted call must be. A front that passes a body on asks
/// [`crate::Permit::body_expectation`] and breaks off what does not keep to it.
#[derive(Clone, Default)]
pub enum BodyExpectation {
    /// The credential says nothing of the body.
    #[default]
    Any,
    /// The credential covers a request without a body.
    Empty,
    /// The credential covers a digest of the body.
    Digest(Arc<dyn BodyDigest>),
}

/// Digests that a body must have.
pub trait BodyDigest: Send + Sync {
    /// Begins to check one body.
    fn begin(&self) -> Box<dyn BodyCheck>;
}

/// The check of one body while it passes.
pub trait BodyCheck: Send {
    /// Takes the next bytes.
    fn update(&mut self, bytes: &[u8]);

    /// Tells whether all the bytes together have every digest that was promised.
    fn matches(self: Box<Self>) -> bool;
}

impl BodyExpectation {
    /// Tells whether any body will do.
    #[must_use]
    pub const fn is_any(&self) -> bool {
        matches!(self, Self::Any)
    }
}

impl fmt::Debug for BodyExpectation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Any => "Any",
            Self::Empty => "Empty",
            Self::Digest(_) => "Digest(..)",
        })
    }
}
