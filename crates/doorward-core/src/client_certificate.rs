//! The certificate that a caller's connection proved, as far as it was judged.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use http::HeaderMap;

use crate::clock::Timestamp;
use crate::rejection::{Reason, Rejection};
use crate::verified::Validity;

/// A caller's certificate. That the caller holds its private key was proven by the handshake, or
/// is vouched for by a trusted terminator.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ClientCertificate {
    /// The SHA-256 of the whole certificate (RFC 8705 section 3.1); none when it cannot be read.
    pub thumbprint: Option<[u8; 32]>,
    /// What was found about it.
    pub standing: Standing,
}

impl ClientCertificate {
    /// What is known of it, if it can be judged at `now`. Whether it is live is another question.
    ///
    /// # Errors
    /// When nobody vouches for it, or whether it was revoked is not known.
    pub fn trusted(&self, now: Timestamp) -> Result<&TrustedCertificate, Rejection> {
        let unknown = |reason| Rejection::Unavailable {
            reason,
            retry_after: UNAVAILABLE_FOR,
        };
        match &self.standing {
            Standing::Refused { reason, detail } => Err(Rejection::Invalid {
                reason,
                detail: detail.clone(),
            }),
            Standing::Unknown { reason } => Err(unknown(reason)),
            // SECURITY: what is known to be revoked is refused as such; otherwise a list that
            // nobody renews must not look like one on which nobody is.
            Standing::Trusted(trusted)
                if now >= trusted.known_until && trusted.validity.revoked_at == Timestamp::MAX =>
            {
                Err(unknown(&STATUS_UNKNOWN))
            }
            Standing::Trusted(trusted) => Ok(trusted),
        }
    }
}

/// When to come back to a certificate that could not be judged.
const UNAVAILABLE_FOR: Duration = Duration::from_secs(60);

/// Why a certificate cannot be judged whose authority has revocation lists.
pub const STATUS_UNKNOWN: Reason = Reason {
    code: "certificate_status_unknown",
    meaning: "Whether the client certificate was revoked is not known: a revocation list is missing, \
              not signed by the authority, or past its date for the next one.",
    fix: "Fetch new lists into the files of the authority's `crl`. With `stale_crl = \"accept\"` \
          old ones are believed.",
};

/// What was found about a certificate, apart from the time of day.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Standing {
    /// A configured authority vouches for it.
    Trusted(Arc<TrustedCertificate>),
    /// It is not one of ours, or cannot be read in one way only.
    Refused {
        /// Why.
        reason: &'static Reason,
        /// What was found, for the operator.
        detail: Option<Box<str>>,
    },
    /// It could not be judged: our fault, not the caller's.
    Unknown {
        /// Why.
        reason: &'static Reason,
    },
}

/// A certificate that an authority vouches for.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct TrustedCertificate {
    /// The authority's name in the configuration.
    pub authority: Arc<str>,
    /// The names that it carries, read strictly.
    pub names: Vec<CertificateName>,
    /// From when to when it and all that vouch for it are valid, and since when it is revoked.
    pub validity: Validity,
    /// Until when its revocation is known; then it cannot be judged any more.
    pub known_until: Timestamp,
}

/// A name in a certificate's subject alternative names (RFC 5280 section 4.2.1.6).
#[derive(Clone, PartialEq, Eq, Hash, Debug, PartialOrd, Ord)]
pub struct CertificateName {
    /// The kind.
    pub kind: NameKind,
    /// The name: for DNS in lower case, otherwise byte for byte as it is written.
    pub text: Box<str>,
}

/// The kinds of names that a caller may be known by. The subject's common name is none of them.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, PartialOrd, Ord)]
pub enum NameKind {
    /// A DNS name.
    Dns,
    /// A URI, such as a SPIFFE id.
    Uri,
    /// An e-mail address.
    Email,
}

impl NameKind {
    /// The word in configuration and records.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Dns => "dns",
            Self::Uri => "uri",
            Self::Email => "email",
        }
    }
}

impl fmt::Display for CertificateName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.kind.as_str(), self.text)
    }
}

/// Judges the client certificates of one listener. What it finds is kept for a connection and
/// asked for again when the generation changed.
pub trait ClientCertificates: Send + Sync {
    /// A number that changes whenever an answer may change.
    fn generation(&self) -> u64;

    /// Judges the chain of a handshake, leaf first, as DER. Never empty.
    fn of_handshake(&self, chain: &[&[u8]]) -> ClientCertificate;

    /// Finds and judges the certificate that a trusted terminator wrote into its header; none when
    /// it wrote none. The front asks only for requests of trusted terminators.
    fn of_headers(&self, headers: &HeaderMap) -> Option<Arc<ClientCertificate>>;

    /// The subjects of the authorities, for callers to choose a certificate by: the content of
    /// their DER sequences.
    fn subjects(&self) -> Vec<Vec<u8>>;
}
