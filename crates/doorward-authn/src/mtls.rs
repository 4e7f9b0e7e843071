//! Client certificates (RFC 8446 section 4.3.2, RFC 5280): as a credential, and as what a token
//! is bound to (RFC 8705).

use std::sync::Arc;

use doorward_core::challenge::Challenge;
use doorward_core::client_certificate::STATUS_UNKNOWN;
use doorward_core::credential::{CredentialId, Method, Place, Presented};
use doorward_core::gate::{Authenticator, Verdict};
use doorward_core::rejection::{Misplaced, Reason, Rejection};
use doorward_core::verified::Identity;
use doorward_core::{Clock, RequestHead, Verified};
use doorward_crypto::jose::b64;

pub(crate) mod binding;
pub mod issued;
pub mod judge;
pub mod mapping;
#[cfg(test)]
mod tests;

pub use issued::IssuedIndex;
pub use judge::{ListenerCertificates, TrustedAuthority};
pub use mapping::{Mapping, MappingError, Mappings};

/// The name of our own authority, where others have that of their `[client_ca.NAME]`.
pub const OWN_AUTHORITY: &str = "self";

/// What a [`MtlsAuthenticator`] is made of.
pub struct MtlsParts {
    /// Whom the certificates of configured authorities stand for.
    pub mappings: Mappings,
    /// Whom the certificates of our own stand for.
    pub issued: Arc<IssuedIndex>,
    /// Tells the time.
    pub clock: Arc<dyn Clock>,
}

/// Authenticates callers by their certificates.
pub struct MtlsAuthenticator(MtlsParts);

impl MtlsAuthenticator {
    /// Makes the method.
    #[must_use]
    pub const fn new(parts: MtlsParts) -> Self {
        Self(parts)
    }

    fn check(&self, head: &RequestHead) -> Result<Verified, Rejection> {
        let certificate = head.certificate().ok_or(Rejection::Missing)?;
        let trusted = certificate.trusted(self.0.clock.now())?;
        let thumbprint = certificate
            .thumbprint
            .ok_or_else(|| Rejection::invalid(&MALFORMED))?;
        let (subject, grants) = if *trusted.authority == *OWN_AUTHORITY {
            let known = self.0.issued.lookup(&thumbprint);
            known.ok_or_else(|| Rejection::invalid(&NOT_ISSUED))?
        } else {
            self.0.mappings.find(trusted)?
        };
        let identity = Identity {
            method: Method::Mtls,
            credential_id: credential_id(&thumbprint),
            subject,
            grants,
        };
        Ok(Verified::assertion(identity, trusted.validity))
    }
}

/// The issuer that stands in the grants of callers with a certificate of an authority.
#[must_use]
pub fn issuer_of(authority: &str) -> Arc<str> {
    format!("client_ca:{authority}").into()
}

/// What names a certificate in records and in the store: the start of its thumbprint.
#[must_use]
pub fn credential_id(thumbprint: &[u8; 32]) -> CredentialId {
    let digest = b64::encode(thumbprint);
    let short = digest.get(..18).unwrap_or(&digest);
    CredentialId::new(&format!("crt_{short}"))
}

impl Authenticator for MtlsAuthenticator {
    fn method(&self) -> Method {
        Method::Mtls
    }

    fn find<'h>(
        &self,
        head: &'h RequestHead,
        _: Option<&str>,
    ) -> Result<Option<Presented<'h>>, Misplaced> {
        let held = head.certificate();
        Ok(held.map(|_| Presented::new(Method::Mtls, Place::Connection, "")))
    }

    fn verify<'a>(&'a self, _: Presented<'a>, head: &'a RequestHead) -> Verdict<'a> {
        Verdict::Now(self.check(head))
    }

    /// No scheme is registered for this: it tells people what is missing.
    fn challenge(&self, realm: &str) -> Challenge {
        Challenge::new("ClientCertificate", realm)
    }
}

/// The reasons of this method, for explaining a recorded decision.
pub const REASONS: &[&Reason] = &[
    &HEADER,
    &MALFORMED,
    &NAMES,
    &MANY_NAMES,
    &UNTRUSTED,
    &STATUS_UNKNOWN,
    &UNMAPPED,
    &TWO_CALLERS,
    &NOT_ISSUED,
    &NOT_BOUND,
];

const HEADER: Reason = Reason {
    code: "certificate_header",
    meaning: "The terminator's header for the client certificate is there twice or cannot be read.",
    fix: "Compare the listener's `client_certificate_header` with what the terminator sends; let it \
          overwrite what callers send.",
};
const MALFORMED: Reason = Reason {
    code: "certificate_malformed",
    meaning: "The client certificate cannot be read.",
    fix: "Make a new one; `openssl x509 -text` shows what is in it.",
};
const NAMES: Reason = Reason {
    code: "certificate_name",
    meaning: "A name in the client certificate can be read in two ways: it has a NUL, a wildcard, \
              or a character that does not belong there.",
    fix: "Issue a certificate with plain names. If nobody of yours made this one, ask its authority \
          why it signed it.",
};
const MANY_NAMES: Reason = Reason {
    code: "certificate_several_names",
    meaning: "The client certificate has several names of one kind, so it is not clear who calls.",
    fix: "Issue certificates with one name; or write `several_names = true` for their authority.",
};
const UNTRUSTED: Reason = Reason {
    code: "certificate_untrusted",
    meaning: "No authority of this listener vouches for the client certificate; the detail says why.",
    fix: "Check who issued it and for what use; add its authority to the listener's `client_ca` if \
          its callers may come in.",
};
const UNMAPPED: Reason = Reason {
    code: "certificate_unmapped",
    meaning: "The client certificate is genuine, and none of its names stands for a caller; the \
              detail is what it names.",
    fix: "Add a [[client_certificate]] for one of its names, if it may call.",
};
const TWO_CALLERS: Reason = Reason {
    code: "certificate_two_callers",
    meaning: "The names of the client certificate stand for more than one caller.",
    fix: "Issue certificates with one name each, or remove one of the [[client_certificate]].",
};
const NOT_ISSUED: Reason = Reason {
    code: "certificate_not_issued",
    meaning: "The client certificate is signed by our own authority, and there is no record of it.",
    fix: "Was the database restored from a backup? Issue a new one with `doorward cert issue`.",
};
const NOT_BOUND: Reason = Reason {
    code: "certificate_not_the_tokens",
    meaning: "The token is bound to a client certificate, and the caller came with another one or \
              with none.",
    fix: "Call with the certificate for which the token was issued. If somebody else called with \
          it, the token was stolen: revoke it.",
};
