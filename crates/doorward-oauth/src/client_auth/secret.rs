//! Secrets of clients: drawn by us, 256 bits, kept as a digest under a pepper.

use doorward_core::{Entropy, Secret, Timestamp};
use doorward_crypto::hash::key_digest::{KeyDigest, Peppers};
use doorward_crypto::jose::b64;
use doorward_store::{ClientId, ClientSecretRecord};

use super::Known;
use crate::client::Client;

/// What every secret begins with, for people and secret scanners.
const PREFIX: &str = "dwcs_";
/// The longest secret that is digested, in bytes.
const MAX_LEN: usize = 256;

/// A secret as it was shown.
pub(super) enum Presented<'a> {
    Borrowed(&'a str),
    Owned(Secret<String>),
}

impl<'a> Presented<'a> {
    pub(super) const fn borrowed(text: &'a str) -> Self {
        Self::Borrowed(text)
    }

    pub(super) const fn owned(text: Secret<String>) -> Self {
        Self::Owned(text)
    }

    fn expose(&self) -> &str {
        match self {
            Self::Borrowed(text) => text,
            Self::Owned(text) => text.expose(),
        }
    }
}

/// Draws a new secret: only letters, digits, `-` and `_`.
#[must_use]
pub fn draw(entropy: &dyn Entropy) -> Secret<String> {
    let mut bytes = [0_u8; 32];
    entropy.fill(&mut bytes);
    let drawn = Secret::new(bytes);
    Secret::new(format!("{PREFIX}{}", b64::encode(drawn.expose())))
}

/// What is stored of a secret.
#[must_use]
pub fn record(peppers: &Peppers, id: &ClientId, secret: &Secret<String>) -> ClientSecretRecord {
    let text = material(id, secret.expose());
    let (pepper, digest) = peppers.digest(text.expose());
    ClientSecretRecord {
        digest: *digest.as_bytes(),
        pepper_id: pepper.as_str().to_owned(),
        expires_at: None,
    }
}

/// Tells whether a secret is the client's, in time that does not depend on it. An unknown client
/// costs the same.
pub(super) fn matches(
    known: &Known<'_>,
    id: &ClientId,
    shown: &Presented<'_>,
    client: Option<&Client>,
) -> bool {
    if shown.expose().len() > MAX_LEN {
        return false;
    }
    let text = material(id, shown.expose());
    let stored = client.map(Client::record);
    let present = stored.and_then(|record| record.secret.as_ref());
    let old = stored.and_then(|record| record.old_secret.as_ref());
    let mut right = false;
    for (pepper, digest) in known.peppers.candidates(text.expose()) {
        for one in [present, old].into_iter().flatten() {
            let same = digest == KeyDigest::from_bytes(one.digest);
            right |= same && one.pepper_id == pepper.as_str() && is_live(one, known.now);
        }
    }
    right
}

fn is_live(secret: &ClientSecretRecord, now: Timestamp) -> bool {
    secret.expires_at.is_none_or(|end| now < end)
}

/// SECURITY: bound to its client and to what it is for, so that no digest of another kind or
/// client can stand in its place.
fn material(id: &ClientId, secret: &str) -> Secret<Vec<u8>> {
    Secret::new(format!("client_secret\0{id}\0{secret}").into_bytes())
}
