//! Passwords that were found right lately, as keyed digests: what spares a second hash.

use doorward_crypto::digest::ProcessKey;
use quick_cache::sync::Cache;

use super::credential::UserPass;
use super::user_index::Domain;

/// How long a success is remembered, in microseconds: 10 minutes.
const TTL: u64 = 600_000_000;
/// Where what is asked of nobody's hash is digested.
const NOBODY: &str = "basic-nobody";

/// HMAC-SHA-256 under a key of this process, over a stored hash's digest, a name and a password.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct SuccessKey([u8; 32]);

/// Remembers successes. It never remembers what a user may do, nor that a user exists.
pub(super) struct SuccessCache {
    key: ProcessKey,
    /// Until when each success counts, in microseconds of the monotonic clock.
    until: Option<Cache<SuccessKey, u64>>,
}

impl SuccessCache {
    /// Makes a cache of `size` successes; none are remembered when that is 0.
    pub(super) fn new(key: ProcessKey, size: usize) -> Self {
        Self {
            key,
            until: (size > 0).then(|| Cache::new(size)),
        }
    }

    /// The key of a pair under a stored hash, or under no hash at all.
    pub(super) fn key(&self, domain: Option<&Domain>, pair: &UserPass) -> SuccessKey {
        let domain = domain.map_or(NOBODY, Domain::as_str);
        SuccessKey(self.key.digest(domain, pair.pair()))
    }

    pub(super) fn remember(&self, key: SuccessKey, now: u64) {
        if let Some(until) = &self.until {
            until.insert(key, now.saturating_add(TTL));
        }
    }

    pub(super) fn knows(&self, key: &SuccessKey, now: u64) -> bool {
        let Some(until) = &self.until else {
            return false;
        };
        match until.get(key) {
            Some(until) if now < until => true,
            Some(_) => {
                until.remove(key);
                false
            }
            None => false,
        }
    }

    pub(super) fn len(&self) -> usize {
        self.until.as_ref().map_or(0, Cache::len)
    }
}

#[cfg(test)]
mod tests {
    use base64::Engine as _;
    use base64::engine::general_purpose::STANDARD;
    use doorward_crypto::digest::ProcessKey;

    use super::{SuccessCache, TTL};
    use crate::basic::credential::UserPass;
    use crate::basic::user_index::Domain;
    use crate::testing::Counting;

    fn cache(size: usize) -> SuccessCache {
        SuccessCache::new(ProcessKey::generate(&Counting::new()), size)
    }

    fn pair(text: &str) -> UserPass {
        UserPass::parse(&STANDARD.encode(text)).unwrap()
    }

    #[test]
    fn g27_every_part_is_in_the_key() {
        let cache = cache(10);
        let hash = Domain::of_hash("$argon2id$1");
        let key = cache.key(Some(&hash), &pair("alice:secret"));
        assert!(key == cache.key(Some(&hash), &pair("alice:secret")));
        for other in [
            "alic:esecret",
            "alice:secreT",
            "bob:secret",
            "alice:secret:",
        ] {
            assert!(key != cache.key(Some(&hash), &pair(other)), "{other}");
        }
        let changed = Domain::of_hash("$argon2id$2");
        assert!(key != cache.key(Some(&changed), &pair("alice:secret")));
        assert!(key != cache.key(None, &pair("alice:secret")));
    }

    #[test]
    fn a_success_counts_for_ten_minutes_and_the_number_is_bounded() {
        let cache = cache(10);
        let key = cache.key(None, &pair("a:b"));
        cache.remember(key, 5);
        assert!(cache.knows(&key, TTL + 4));
        assert!(!cache.knows(&key, TTL + 5));
        assert_eq!(cache.len(), 0);
        for n in 0..1000 {
            cache.remember(cache.key(None, &pair(&format!("a:{n}"))), 0);
        }
        assert!(cache.len() <= 10);
    }

    #[test]
    fn a_cache_of_size_zero_remembers_nothing() {
        let cache = cache(0);
        let key = cache.key(None, &pair("a:b"));
        cache.remember(key, 0);
        assert!(!cache.knows(&key, 0));
    }
}
