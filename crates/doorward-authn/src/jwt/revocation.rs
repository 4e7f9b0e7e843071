//! The tokens that ended before their time, in memory.

use std::hash::{BuildHasher, RandomState};

use doorward_core::Timestamp;
use doorward_store::RevokedToken;
use doorward_store::revoked_token::SWEEP_MARGIN;
use hashbrown::HashTable;
use parking_lot::RwLock;

/// The length of a grant's name: 16 bytes in base64url.
const GRANT_ID_LEN: usize = 22;

/// All revoked tokens of all issuers. Shared by all authenticators and kept up to date by whoever
/// follows the change log.
#[derive(Default)]
pub struct Revocations {
    tokens: RwLock<HashTable<RevokedToken>>,
    hasher: RandomState,
}

impl Revocations {
    /// Takes a revocation. The next request sees it. Of two for one token the earlier revocation
    /// and the later expiry count.
    pub fn insert(&self, token: RevokedToken) {
        let hash = self.hash(&token.issuer, &token.jti);
        let mut tokens = self.tokens.write();
        match tokens.find_mut(hash, |known| is(known, &token.issuer, &token.jti)) {
            Some(known) => {
                known.revoked_at = known.revoked_at.min(token.revoked_at);
                known.expires_at = known.expires_at.max(token.expires_at);
            }
            None => {
                tokens.insert_unique(hash, token, |known| self.hash(&known.issuer, &known.jti));
            }
        }
    }

    /// Forgets the tokens that expired by themselves a good while before `now`, and says how
    /// many.
    pub fn sweep(&self, now: Timestamp) -> usize {
        let mut tokens = self.tokens.write();
        let before = tokens.len();
        tokens.retain(|token| now < token.expires_at.plus(SWEEP_MARGIN));
        before - tokens.len()
    }

    /// How many revocations are remembered.
    #[must_use]
    pub fn len(&self) -> usize {
        self.tokens.read().len()
    }

    /// Tells whether no token is revoked.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Tells whether a token was revoked.
    #[must_use]
    pub fn is_revoked(&self, issuer: &str, jti: &str) -> bool {
        self.revoked_at(issuer, jti).is_some()
    }

    /// Since when a token is revoked.
    pub(super) fn revoked_at(&self, issuer: &str, jti: &str) -> Option<Timestamp> {
        let tokens = self.tokens.read();
        if tokens.is_empty() {
            return None;
        }
        let find = |id: &str| {
            let found = tokens.find(self.hash(issuer, id), |known| is(known, issuer, id));
            found.map(|token| token.revoked_at)
        };
        // What was revoked may be the grant that gave the token.
        let of_grant = grant_of(jti).and_then(find);
        [find(jti), of_grant].into_iter().flatten().min()
    }

    fn hash(&self, issuer: &str, jti: &str) -> u64 {
        self.hasher.hash_one((issuer, jti))
    }
}

/// The grant that the id of a token begins with: 22 characters and a dot. Ids of others hardly look
/// like that; one that does can only be revoked too early.
fn grant_of(jti: &str) -> Option<&str> {
    let (grant, _) = jti.split_once('.')?;
    (grant.len() == GRANT_ID_LEN).then_some(grant)
}

fn is(known: &RevokedToken, issuer: &str, jti: &str) -> bool {
    known.jti == jti && known.issuer == issuer
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use doorward_core::Timestamp;
    use doorward_store::RevokedToken;

    use super::Revocations;

    #[test]
    fn r054_the_end_of_a_grant_ends_every_token_that_it_gave() {
        let revocations = Revocations::default();
        let grant = "AAAAAAAAAAAAAAAAAAAAAA";
        let ts = Timestamp::from_secs;
        revocations.insert(RevokedToken {
            issuer: "i".to_owned(),
            jti: grant.to_owned(),
            expires_at: ts(100),
            revoked_at: ts(50),
        });
        for jti in [
            grant.to_owned(),
            format!("{grant}.x"),
            format!("{grant}.y.z"),
        ] {
            assert_eq!(revocations.revoked_at("i", &jti), Some(ts(50)), "{jti}");
        }
        for jti in ["B.x", "AAAA.x", &format!("{grant}x"), &format!("x.{grant}")] {
            assert_eq!(revocations.revoked_at("i", jti), None, "{jti}");
        }
        assert_eq!(revocations.revoked_at("j", &format!("{grant}.x")), None);
    }

    #[test]
    fn r019_revocations_outlive_their_tokens_by_a_margin() {
        let revocations = Revocations::default();
        let ts = Timestamp::from_secs;
        for revoked_at in [ts(50), ts(40), ts(60)] {
            revocations.insert(RevokedToken {
                issuer: "i".to_owned(),
                jti: "j".to_owned(),
                expires_at: ts(100),
                revoked_at,
            });
        }
        assert_eq!(revocations.revoked_at("i", "j"), Some(ts(40)));
        assert_eq!(revocations.revoked_at("ij", ""), None);
        assert_eq!(revocations.revoked_at("I", "j"), None);
        assert_eq!(revocations.sweep(ts(100)), 0);
        assert_eq!(revocations.sweep(ts(100).plus(Duration::from_hours(24))), 1);
        assert!(revocations.is_empty());
    }
}
