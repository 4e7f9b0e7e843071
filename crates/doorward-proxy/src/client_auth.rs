//! Asking callers for certificates, and what is kept of an answer for the life of a connection.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwapOption;
use doorward_core::Timestamp;
use doorward_core::client_certificate::{ClientCertificate, ClientCertificates, Standing};
use doorward_core::request::{ServerName, Session};
use rustls::client::danger::HandshakeSignatureValid;
use rustls::crypto::{WebPkiSupportedAlgorithms, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, UnixTime};
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::{
    CertificateError, DigitallySignedStruct, DistinguishedName, Error, ServerConnection,
    SignatureScheme,
};

/// How a listener asks callers for certificates.
#[derive(Clone)]
pub struct ClientAuth {
    /// Judges them.
    pub judge: Arc<dyn ClientCertificates>,
    /// Without one that is trusted and live, there is no connection. Otherwise every certificate
    /// whose private key the caller holds may come in, and counts where a rule asks for it.
    pub required: bool,
}

impl ClientAuth {
    /// The verifier for handshakes.
    pub(crate) fn verifier(&self, algorithms: WebPkiSupportedAlgorithms) -> Arc<Verifier> {
        let subjects = self.judge.subjects();
        let name = |subject: &Vec<u8>| DistinguishedName::in_sequence(subject);
        Arc::new(Verifier {
            auth: self.clone(),
            subjects: subjects.iter().map(name).collect(),
            algorithms,
        })
    }
}

/// Judges certificates during handshakes.
pub(crate) struct Verifier {
    auth: ClientAuth,
    subjects: Vec<DistinguishedName>,
    algorithms: WebPkiSupportedAlgorithms,
}

impl fmt::Debug for Verifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Verifier")
    }
}

impl ClientCertVerifier for Verifier {
    fn client_auth_mandatory(&self) -> bool {
        self.auth.required
    }

    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        &self.subjects
    }

    /// Where certificates are optional, the handshake proves only that the caller holds the
    /// private key: who vouches for it is judged for every request, where it is recorded.
    fn verify_client_cert(
        &self,
        leaf: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<ClientCertVerified, Error> {
        if self.auth.required {
            let chain: Vec<&[u8]> = std::iter::once(leaf)
                .chain(intermediates)
                .map(AsRef::as_ref)
                .collect();
            welcome(&self.auth.judge.of_handshake(&chain), now)?;
        }
        Ok(ClientCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(message, cert, signed, &self.algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, cert, signed, &self.algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.algorithms.supported_schemes()
    }
}

/// Tells whether a certificate opens a connection. What is revoked, or cannot be judged now, is
/// refused for every request instead, where it is recorded.
fn welcome(certificate: &ClientCertificate, now: UnixTime) -> Result<(), CertificateError> {
    let now = i64::try_from(now.as_secs()).unwrap_or(i64::MAX);
    let now = Timestamp::from_secs(now);
    match &certificate.standing {
        Standing::Trusted(trusted) if now < trusted.validity.not_before => {
            Err(CertificateError::NotValidYet)
        }
        Standing::Trusted(trusted) if now >= trusted.validity.not_after.plus(SECOND) => {
            Err(CertificateError::Expired)
        }
        Standing::Trusted(_) | Standing::Unknown { .. } => Ok(()),
        Standing::Refused { .. } => Err(CertificateError::UnknownIssuer),
    }
}

/// Time is told in whole seconds here.
const SECOND: Duration = Duration::from_secs(1);

/// What is kept of a handshake.
pub(crate) struct Handshake {
    server_name: ServerName,
    /// The listener requires a certificate.
    required: bool,
    chain: Vec<CertificateDer<'static>>,
    /// What was found about the chain, and the generation of the judgement.
    judged: ArcSwapOption<(u64, Arc<ClientCertificate>)>,
}

impl Handshake {
    /// Keeps what matters of a handshake that is over, also of one that resumed a session.
    pub(crate) fn of(connection: &ServerConnection, required: bool) -> Self {
        let named = connection.server_name();
        let chain = connection.peer_certificates().unwrap_or_default();
        Self {
            server_name: named.map_or(ServerName::Unnamed, |name| ServerName::Named(name.into())),
            required,
            chain: chain.to_vec(),
            judged: ArcSwapOption::empty(),
        }
    }

    /// Tells whether the listener required a certificate.
    pub(crate) const fn requires(&self) -> bool {
        self.required
    }

    /// What the connection says beside one of its requests. The chain is judged again whenever an
    /// answer may have changed: a connection that stays open keeps no trust alive.
    pub(crate) fn session(&self, judge: &dyn ClientCertificates) -> Session {
        Session {
            server_name: self.server_name.clone(),
            certificate: (!self.chain.is_empty()).then(|| self.judge(judge)),
            requires_certificate: self.required,
        }
    }

    fn judge(&self, judge: &dyn ClientCertificates) -> Arc<ClientCertificate> {
        // SECURITY: the generation is read first: what changes meanwhile is judged again.
        let generation = judge.generation();
        if let Some(known) = self.judged.load().as_deref()
            && known.0 == generation
        {
            return Arc::clone(&known.1);
        }
        let chain: Vec<&[u8]> = self.chain.iter().map(AsRef::as_ref).collect();
        let found = Arc::new(judge.of_handshake(&chain));
        self.judged
            .store(Some(Arc::new((generation, Arc::clone(&found)))));
        found
    }
}
