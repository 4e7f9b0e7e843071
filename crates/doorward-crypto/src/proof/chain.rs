//! Who vouches for a client certificate, and whether it was revoked (RFC 5280 sections 5 and 6).

use std::sync::Arc;

use doorward_core::Timestamp;
use doorward_core::verified::Validity;
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, CertificateRevocationListDer, TrustAnchor, UnixTime};
use thiserror::Error;
use webpki::{
    ALL_VERIFICATION_ALGS, CertRevocationList, EndEntityCert, KeyUsage, OwnedCertRevocationList,
    RevocationOptionsBuilder, VerifiedPath,
};

use super::certificate::{Certificate, CertificateError, moment};
use crate::asn1::{INTEGER, Reader, SEQUENCE};

/// The longest chain that is looked at, in certificates.
pub const MAX_CHAIN_LEN: usize = 8;

/// Why an authority cannot be used.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum AuthorityError {
    /// The text holds no certificate.
    #[error("there is no PEM certificate in it")]
    Nothing,
    /// A certificate in it cannot be read.
    #[error("a certificate in it cannot be read")]
    Certificate,
    /// A revocation list cannot be read.
    #[error("it is not a certificate revocation list, or one without a date for the next one")]
    RevocationList,
}

/// Why nobody vouches for a certificate.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum ChainError {
    /// The certificate cannot be read.
    #[error(transparent)]
    Certificate(#[from] CertificateError),
    /// There is no way from it to the authority.
    #[error("{0}")]
    Untrusted(String),
}

/// A certificate that an authority vouches for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Vouched {
    /// The certificate.
    pub certificate: Certificate,
    /// When it and all that vouch for it are valid, and since when it is revoked.
    pub validity: Validity,
    /// Until when its revocation is known.
    pub known_until: Timestamp,
}

/// An authority for client certificates: the certificates that it is known by, and its
/// revocation lists.
pub struct Authority {
    name: Arc<str>,
    anchors: Vec<TrustAnchor<'static>>,
    /// When each of the anchors is valid.
    lives: Vec<Validity>,
    /// The newest first: the first one of an issuer counts.
    lists: Vec<RevocationList>,
    accept_stale: bool,
}

struct RevocationList {
    list: CertRevocationList<'static>,
    next_update: Timestamp,
}

impl Authority {
    /// Takes the certificates of a PEM text as those that may vouch.
    ///
    /// # Errors
    /// [`AuthorityError`] when there is none, or one cannot be read.
    pub fn from_pem(name: &str, pem: &[u8]) -> Result<Self, AuthorityError> {
        let certificates = CertificateDer::pem_slice_iter(pem)
            .collect::<Result<Vec<_>, _>>()
            .map_err(|_| AuthorityError::Certificate)?;
        Self::from_der(name, &certificates)
    }

    /// Takes certificates as those that may vouch.
    ///
    /// # Errors
    /// As [`Authority::from_pem`].
    pub fn from_der(
        name: &str,
        certificates: &[CertificateDer<'_>],
    ) -> Result<Self, AuthorityError> {
        let mut authority = Self {
            name: name.into(),
            anchors: Vec::new(),
            lives: Vec::new(),
            lists: Vec::new(),
            accept_stale: false,
        };
        for der in certificates {
            let anchor = webpki::anchor_from_trusted_cert(der);
            let anchor = anchor.map_err(|_| AuthorityError::Certificate)?.to_owned();
            let read = Certificate::parse(der).map_err(|_| AuthorityError::Certificate)?;
            authority.anchors.push(anchor);
            authority.lives.push(read.validity);
        }
        if authority.anchors.is_empty() {
            return Err(AuthorityError::Nothing);
        }
        Ok(authority)
    }

    /// Adds revocation lists, as PEM or as DER. From then on every certificate must be covered by
    /// one.
    ///
    /// # Errors
    /// [`AuthorityError::RevocationList`].
    pub fn add_revocation_lists(&mut self, bytes: &[u8]) -> Result<(), AuthorityError> {
        let wrong = || AuthorityError::RevocationList;
        let mut lists: Vec<CertificateRevocationListDer<'_>> = Vec::new();
        if bytes.first() == Some(&SEQUENCE) {
            lists.push(bytes.into());
        } else {
            for list in CertificateRevocationListDer::pem_slice_iter(bytes) {
                lists.push(list.map_err(|_| wrong())?);
            }
        }
        if lists.is_empty() {
            return Err(wrong());
        }
        for der in &lists {
            let list = OwnedCertRevocationList::from_der(der).map_err(|_| wrong())?;
            self.lists.push(RevocationList {
                list: list.into(),
                next_update: next_update(der).ok_or_else(wrong)?,
            });
        }
        self.lists
            .sort_by_key(|list| std::cmp::Reverse(list.next_update));
        Ok(())
    }

    /// Believes revocation lists after the time at which the next one was due.
    #[must_use]
    pub fn accepting_stale_lists(self, accept_stale: bool) -> Self {
        Self {
            accept_stale,
            ..self
        }
    }

    /// The name.
    #[must_use]
    pub const fn name(&self) -> &Arc<str> {
        &self.name
    }

    /// The subjects of the certificates that may vouch: the content of their DER sequences.
    pub fn subjects(&self) -> impl Iterator<Item = Vec<u8>> {
        self.anchors.iter().map(|anchor| anchor.subject.to_vec())
    }

    /// Finds out whether the authority vouches for the first certificate of a chain as a client's.
    /// Whether it is live is told, and judged elsewhere.
    ///
    /// # Errors
    /// [`ChainError`] when it does not.
    pub fn vouch(&self, chain: &[&[u8]], now: Timestamp) -> Result<Vouched, ChainError> {
        let (leaf, rest) = chain.split_first().ok_or(CertificateError::Malformed)?;
        let certificate = Certificate::parse(leaf)?;
        let leaf = CertificateDer::from(*leaf);
        let leaf = EndEntityCert::try_from(&leaf).map_err(|_| CertificateError::Malformed)?;
        if rest.len() >= MAX_CHAIN_LEN {
            return Err(ChainError::Untrusted("the chain is too long".to_owned()));
        }
        let rest: Vec<_> = rest.iter().map(|der| CertificateDer::from(*der)).collect();
        let at = moment_within(certificate.validity, now).ok_or(CertificateError::Malformed)?;
        let path = leaf
            .verify_for_usage(
                ALL_VERIFICATION_ALGS,
                &self.anchors,
                &rest,
                at,
                KeyUsage::client_auth(),
                None,
                None,
            )
            .map_err(|error| ChainError::Untrusted(error.to_string()))?;
        let mut validity = certificate.validity;
        for intermediate in path.intermediate_certificates() {
            validity = validity.within(Certificate::parse(&intermediate.der())?.validity);
        }
        let mut lives = self.anchors.iter().zip(&self.lives);
        if let Some((_, life)) = lives.find(|(anchor, _)| *anchor == path.anchor()) {
            validity = validity.within(*life);
        }
        let known_until = self.look_up(&leaf, &rest, at, &path, &mut validity);
        if validity.revoked_at != Timestamp::MAX {
            // SECURITY: revoked is revoked, also where the list's clock is ahead of ours.
            validity.revoked_at = validity.revoked_at.min(now);
        }
        Ok(Vouched {
            certificate,
            validity,
            known_until,
        })
    }

    /// Looks the path up in the revocation lists; returns until when they are to be believed.
    fn look_up(
        &self,
        leaf: &EndEntityCert<'_>,
        rest: &[CertificateDer<'_>],
        at: UnixTime,
        path: &VerifiedPath<'_>,
        validity: &mut Validity,
    ) -> Timestamp {
        let lists: Vec<_> = self.lists.iter().map(|known| &known.list).collect();
        let Ok(options) = RevocationOptionsBuilder::new(&lists) else {
            return Timestamp::MAX;
        };
        let usage = KeyUsage::client_auth();
        let options = Some(options.build());
        let found = leaf.verify_for_usage(
            ALL_VERIFICATION_ALGS,
            &self.anchors,
            rest,
            at,
            usage,
            options,
            None,
        );
        match found {
            Ok(_) => self.fresh_until(path),
            Err(webpki::Error::CertRevoked) => {
                validity.revoked_at = self.revoked_at(path);
                Timestamp::MAX
            }
            // SECURITY: a list that is not signed by its issuer, or none: nothing is known.
            Err(_) => Timestamp::from_millis(i64::MIN),
        }
    }

    /// Until when all the lists that say something about a path are to be believed.
    fn fresh_until(&self, path: &VerifiedPath<'_>) -> Timestamp {
        if self.accept_stale {
            return Timestamp::MAX;
        }
        let of = |issuer: &[u8]| {
            let mut lists = self.lists.iter();
            let first = lists.find(|known| known.list.issuer() == issuer);
            first.map_or(Timestamp::from_millis(i64::MIN), |known| known.next_update)
        };
        let intermediates = path.intermediate_certificates();
        let ends = intermediates.map(|certificate| of(certificate.issuer()));
        ends.fold(of(path.end_entity().issuer()), Timestamp::min)
    }

    /// When the first revoked certificate of a path was revoked.
    fn revoked_at(&self, path: &VerifiedPath<'_>) -> Timestamp {
        let find = |issuer: &[u8], serial: &[u8]| {
            let lists = self.lists.iter();
            let mut lists = lists.filter(|known| known.list.issuer() == issuer);
            let found = lists.find_map(|known| known.list.find_serial(serial).ok().flatten())?;
            let seconds = i64::try_from(found.revocation_date.as_secs()).ok()?;
            Some(Timestamp::from_secs(seconds))
        };
        let leaf = path.end_entity();
        let mut intermediates = path.intermediate_certificates();
        find(leaf.issuer(), leaf.serial())
            .or_else(|| intermediates.find_map(|cert| find(cert.issuer(), cert.serial())))
            .unwrap_or(Timestamp::from_millis(0))
    }
}

/// The moment at which the chain is judged: now, or the nearest at which the certificate is valid.
/// Its own time is judged by the gate, as it is for every credential.
fn moment_within(validity: Validity, now: Timestamp) -> Option<UnixTime> {
    let last = validity.not_after.minus(std::time::Duration::from_secs(1));
    if validity.not_before > last {
        return None;
    }
    let at = now.clamp(validity.not_before, last).secs();
    let at = std::time::Duration::from_secs(u64::try_from(at).ok()?);
    Some(UnixTime::since_unix_epoch(at))
}

/// When the next list is due (RFC 5280 section 5.1.2.5).
fn next_update(der: &[u8]) -> Option<Timestamp> {
    let mut outer = Reader(der);
    let mut list = Reader(outer.take(SEQUENCE)?);
    let mut signed = Reader(list.take(SEQUENCE)?);
    signed.maybe(INTEGER)?;
    let _algorithm = signed.take(SEQUENCE)?;
    let _issuer = signed.take(SEQUENCE)?;
    let _this_update = moment(&mut signed)?;
    moment(&mut signed)
}

#[cfg(test)]
mod tests;
