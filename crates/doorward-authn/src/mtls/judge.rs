//! Judges the client certificates of one listener.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use doorward_core::client_certificate::{
    ClientCertificate, ClientCertificates, NameKind, Standing, TrustedCertificate,
};
use doorward_core::rejection::Reason;
use doorward_core::{Clock, Timestamp};
use doorward_crypto::digest::sha256;
use doorward_crypto::proof::certificate::{Certificate, CertificateError};
use doorward_crypto::proof::certificate_header::HeaderForm;
use doorward_crypto::proof::chain::{Authority, ChainError, Vouched};
use http::HeaderMap;
use quick_cache::sync::Cache;

use super::{
    HEADER, IssuedIndex, MALFORMED, MANY_NAMES, NAMES, NOT_ISSUED, OWN_AUTHORITY, UNTRUSTED,
};

/// How many certificates that came in headers are remembered.
const REMEMBERED: usize = 4096;

/// An authority and what is asked of its certificates.
pub struct TrustedAuthority {
    /// The authority.
    pub authority: Authority,
    /// Its certificates may have several names of one kind.
    pub several_names: bool,
}

/// Judges the client certificates of one listener. A configuration that trusts others makes a new
/// one: what was found before is then found anew, on connections that are open too.
pub struct ListenerCertificates {
    number: u64,
    authorities: Vec<Arc<TrustedAuthority>>,
    issued: Arc<IssuedIndex>,
    form: Option<HeaderForm>,
    clock: Arc<dyn Clock>,
    remembered: Cache<[u8; 32], Arc<ClientCertificate>>,
}

impl ListenerCertificates {
    /// Trusts these authorities, in this order, and a terminator's header of this form.
    #[must_use]
    pub fn new(
        authorities: Vec<Arc<TrustedAuthority>>,
        form: Option<HeaderForm>,
        issued: Arc<IssuedIndex>,
        clock: Arc<dyn Clock>,
    ) -> Self {
        // No two within a process have the same number.
        static NEXT: AtomicU64 = AtomicU64::new(0);
        Self {
            number: NEXT.fetch_add(1, Ordering::Relaxed),
            authorities,
            issued,
            form,
            clock,
            remembered: Cache::new(REMEMBERED),
        }
    }

    fn judge(&self, chain: &[&[u8]]) -> ClientCertificate {
        let now = self.clock.now();
        let mut why = String::from("no authority is configured");
        for trusted in &self.authorities {
            match trusted.authority.vouch(chain, now) {
                Ok(vouched) => return self.vouched(trusted, vouched, now),
                Err(ChainError::Untrusted(error)) => why = error,
                Err(ChainError::Certificate(_)) => return refused(chain, &MALFORMED, None),
            }
        }
        refused(chain, &UNTRUSTED, Some(why.into()))
    }

    fn vouched(
        &self,
        trusted: &TrustedAuthority,
        vouched: Vouched,
        now: Timestamp,
    ) -> ClientCertificate {
        let certificate = &vouched.certificate;
        let refuse = |reason| ClientCertificate {
            thumbprint: Some(certificate.thumbprint),
            standing: Standing::Refused {
                reason,
                detail: None,
            },
        };
        let names = match certificate.names() {
            Ok(names) => names.to_vec(),
            Err(CertificateError::ManyNames) => return refuse(&MANY_NAMES),
            Err(_) => return refuse(&NAMES),
        };
        let several = |kind: NameKind| names.iter().filter(|name| name.kind == kind).count() > 1;
        let kinds = [NameKind::Dns, NameKind::Uri, NameKind::Email];
        // SPIFFE: an identity document has exactly one URI (X509-SVID section 2).
        let svid = names.iter().any(|name| name.text.starts_with("spiffe:"));
        if kinds.into_iter().any(several) && !trusted.several_names
            || svid && several(NameKind::Uri)
        {
            return refuse(&MANY_NAMES);
        }
        let mut validity = vouched.validity;
        if **trusted.authority.name() == *OWN_AUTHORITY {
            match self.issued.revoked_at(&certificate.thumbprint) {
                None => return refuse(&NOT_ISSUED),
                // SECURITY: revoked is revoked, also where the clock is behind or was set back.
                Some(Some(at)) => validity.revoked_at = at.min(now),
                Some(None) => {}
            }
        }
        ClientCertificate {
            thumbprint: Some(certificate.thumbprint),
            standing: Standing::Trusted(Arc::new(TrustedCertificate {
                authority: Arc::clone(trusted.authority.name()),
                names,
                validity,
                known_until: vouched.known_until,
            })),
        }
    }

    /// The headers' bytes and what they are judged by, as a key for what is remembered.
    fn key(&self, form: HeaderForm, headers: &HeaderMap) -> [u8; 32] {
        let mut bytes = self.generation().to_be_bytes().to_vec();
        for name in [form.header(), "client-cert-chain"] {
            for value in headers.get_all(name) {
                bytes.extend(value.len().to_be_bytes());
                bytes.extend(value.as_bytes());
            }
            bytes.push(0xff);
        }
        sha256(&bytes)
    }
}

impl ClientCertificates for ListenerCertificates {
    fn generation(&self) -> u64 {
        // Two halves that only grow: no two pairs of one process are the same.
        (self.number << 32) ^ self.issued.generation()
    }

    fn of_handshake(&self, chain: &[&[u8]]) -> ClientCertificate {
        self.judge(chain)
    }

    fn of_headers(&self, headers: &HeaderMap) -> Option<Arc<ClientCertificate>> {
        let form = self.form?;
        if !headers.contains_key(form.header()) {
            return None;
        }
        let key = self.key(form, headers);
        if let Some(known) = self.remembered.get(&key) {
            return Some(known);
        }
        let judged = match form.read(headers) {
            Ok(None) => return None,
            Ok(Some(chain)) => {
                let chain: Vec<&[u8]> = chain.iter().map(Vec::as_slice).collect();
                self.judge(&chain)
            }
            Err(_) => refused(&[], &HEADER, None),
        };
        let judged = Arc::new(judged);
        self.remembered.insert(key, Arc::clone(&judged));
        Some(judged)
    }

    fn subjects(&self) -> Vec<Vec<u8>> {
        let each = self.authorities.iter();
        each.flat_map(|trusted| trusted.authority.subjects())
            .collect()
    }
}

fn refused(
    chain: &[&[u8]],
    reason: &'static Reason,
    detail: Option<Box<str>>,
) -> ClientCertificate {
    let read = chain.first().and_then(|leaf| Certificate::parse(leaf).ok());
    ClientCertificate {
        thumbprint: read.map(|certificate| certificate.thumbprint),
        standing: Standing::Refused { reason, detail },
    }
}
