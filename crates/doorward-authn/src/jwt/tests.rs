use std::collections::HashMap;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use doorward_core::{Clock, RequestHead, Timestamp, Verified};
use doorward_crypto::jose::{Limits, SigningKey, b64};
use doorward_store::{IssuerRecord, KeySource};
use serde_json::{Value, json};

use super::{
    Fetch, FetchError, Fetched, IssuerConfig, IssuerSet, IssuerSetParts, JwtAuthenticator,
    JwtParts, LastGood, RefreshPolicy, Revocations, TokenCache,
};
use crate::testing::{Counting, START, StillClock, authenticate, head, outcome};

mod keys;
mod tokens;

pub(crate) const ISSUER: &str = "https://a.example";
pub(crate) const JWKS: &str = "https://a.example/jwks";
pub(crate) const AUDIENCE: &str = "https://api.example";

pub(crate) fn record() -> IssuerRecord {
    let words = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect();
    IssuerRecord {
        name: "a".to_owned(),
        issuer: ISSUER.to_owned(),
        audiences: words(&[AUDIENCE]),
        keys: KeySource::JwksUrl(JWKS.to_owned()),
        algorithms: words(&["ES256"]),
        types: words(&["at+jwt", "JWT", ""]),
        leeway_secs: 30,
        subject_claim: "sub".to_owned(),
        scope_claim: "scope".to_owned(),
        roles_claim: "roles".to_owned(),
        created_at: Timestamp::from_secs(0),
    }
}

/// A web of documents; counts what is fetched.
#[derive(Default)]
pub(crate) struct Web {
    documents: Mutex<HashMap<String, String>>,
    fetched: Mutex<Vec<String>>,
    max_age: Mutex<Option<Duration>>,
    hangs: AtomicBool,
}

#[async_trait]
impl Fetch for Web {
    async fn get(&self, url: &str, max_bytes: usize) -> Result<Fetched, FetchError> {
        self.fetched.lock().unwrap().push(url.to_owned());
        tokio::task::yield_now().await;
        if self.hangs.load(std::sync::atomic::Ordering::Relaxed) {
            std::future::pending::<()>().await;
        }
        let document = self.documents.lock().unwrap().get(url).cloned();
        match document {
            Some(text) if text.len() <= max_bytes => Ok(Fetched {
                body: text.into_bytes(),
                max_age: *self.max_age.lock().unwrap(),
            }),
            _ => Err(FetchError("the answer is 500".to_owned())),
        }
    }
}

impl Web {
    fn put(&self, url: &str, document: &Value) {
        self.put_text(url, &document.to_string());
    }

    fn put_text(&self, url: &str, document: &str) {
        self.documents
            .lock()
            .unwrap()
            .insert(url.to_owned(), document.to_owned());
    }

    fn publish(&self, keys: &[&SigningKey]) {
        self.put(JWKS, &jwks(keys));
    }

    fn break_down(&self) {
        self.documents.lock().unwrap().clear();
    }

    fn fetched(&self) -> Vec<String> {
        std::mem::take(&mut *self.fetched.lock().unwrap())
    }
}

/// A disk.
#[derive(Default)]
pub(crate) struct Disk(Mutex<HashMap<String, (Vec<u8>, Timestamp)>>);

impl LastGood for Disk {
    fn load(&self, name: &str) -> Option<(Vec<u8>, Timestamp)> {
        self.0.lock().unwrap().get(name).cloned()
    }

    fn save(&self, name: &str, key_set: &[u8], fetched_at: Timestamp) {
        self.0
            .lock()
            .unwrap()
            .insert(name.to_owned(), (key_set.to_vec(), fetched_at));
    }
}

pub(crate) fn jwks(keys: &[&SigningKey]) -> Value {
    json!({ "keys": keys.iter().map(|key| key.public_jwk()).collect::<Vec<_>>() })
}

/// A gate's method with everything around it.
pub(crate) struct Bench {
    web: Arc<Web>,
    disk: Arc<Disk>,
    clock: Arc<StillClock>,
    issuers: Arc<IssuerSet>,
    cache: Arc<TokenCache>,
    revocations: Arc<Revocations>,
    method: JwtAuthenticator,
    key: SigningKey,
    entropy: Counting,
}

impl Bench {
    /// One issuer whose key set has been fetched.
    async fn new() -> Self {
        Self::with_cache(TokenCache::default()).await
    }

    async fn with_cache(cache: TokenCache) -> Self {
        let mut bench = Self::cold();
        bench.use_cache(cache);
        bench.configure(&[record()]);
        bench.web.publish(&[&bench.key]);
        bench.tick().await;
        bench.web.fetched();
        bench
    }

    /// No issuer.
    fn cold() -> Self {
        Self::with(Arc::default(), Arc::default(), Counting::new())
    }

    fn with(web: Arc<Web>, disk: Arc<Disk>, entropy: Counting) -> Self {
        let clock = Arc::<StillClock>::default();
        let issuers = Arc::new(IssuerSet::new(IssuerSetParts {
            fetch: web.clone(),
            last_good: disk.clone(),
            clock: clock.clone(),
            policy: RefreshPolicy::default(),
        }));
        let cache = Arc::<TokenCache>::default();
        let revocations = Arc::<Revocations>::default();
        let method = JwtAuthenticator::new(JwtParts {
            issuers: issuers.clone(),
            cache: cache.clone(),
            revocations: revocations.clone(),
            limits: Limits::default(),
            clock: clock.clone(),
        });
        let key = SigningKey::generate(&entropy).unwrap();
        Self {
            web,
            disk,
            clock,
            issuers,
            cache,
            revocations,
            method,
            key,
            entropy,
        }
    }

    fn use_cache(&mut self, cache: TokenCache) {
        self.cache = Arc::new(cache);
        self.method = JwtAuthenticator::new(JwtParts {
            issuers: self.issuers.clone(),
            cache: self.cache.clone(),
            revocations: self.revocations.clone(),
            limits: Limits::default(),
            clock: self.clock.clone(),
        });
    }

    fn configure(&self, records: &[IssuerRecord]) {
        let checked = records
            .iter()
            .map(|record| IssuerConfig::from_record(record).unwrap());
        self.issuers.configure(checked.collect()).unwrap();
    }

    async fn tick(&self) {
        for attempt in self.issuers.tick() {
            attempt.await.unwrap();
        }
    }

    async fn advance(&self, by: Duration) {
        self.clock.advance(by);
        self.tick().await;
    }

    fn another_key(&self) -> SigningKey {
        SigningKey::generate(&self.entropy).unwrap()
    }

    fn token(&self, claims: &Value) -> String {
        self.key.sign("at+jwt", &claims.to_string()).unwrap()
    }

    async fn verify(&self, token: &str) -> Result<Option<Verified>, doorward_core::Rejection> {
        authenticate(&self.method, &bearer(token), None).await
    }

    /// The code of the refusal, or the subject; also when the token is not live.
    async fn send(&self, token: &str) -> String {
        match self.verify(token).await {
            Ok(Some(verified)) => match verified.live_at(self.clock.now()) {
                Ok(principal) => principal.identity().subject.to_string(),
                Err(expired) => doorward_core::Rejection::Expired(expired).code().to_owned(),
            },
            other => outcome(other),
        }
    }

    async fn send_claims(&self, claims: &Value) -> String {
        self.send(&self.token(claims)).await
    }
}

pub(crate) fn bearer(token: &str) -> RequestHead {
    head("/", &[("authorization", &format!("Bearer {token}"))])
}

/// The claims of a good token that lives for ten minutes.
pub(crate) fn claims() -> Value {
    json!({
        "iss": ISSUER, "aud": AUDIENCE, "sub": "alice", "jti": "t1",
        "iat": START, "exp": START + 600, "scope": "orders:read orders:write",
        "roles": ["clerk"],
    })
}

/// Good claims with some of them changed; `null` removes one.
pub(crate) fn with(changes: Value) -> Value {
    let mut claims = claims();
    let (Some(all), Value::Object(changes)) = (claims.as_object_mut(), changes) else {
        panic!("objects only");
    };
    for (name, value) in changes {
        if value.is_null() {
            all.remove(&name);
        } else {
            all.insert(name, value);
        }
    }
    claims
}

/// The parts of a token put together again.
pub(crate) fn forge(header: &str, payload: &str, signature: &str) -> String {
    format!(
        "{}.{}.{signature}",
        b64::encode(header),
        b64::encode(payload)
    )
}
