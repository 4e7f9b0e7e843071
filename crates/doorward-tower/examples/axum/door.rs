//! A gate of one's own: what the program `doorward` builds from its configuration, by hand.

use std::error::Error;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use async_trait::async_trait;
use doorward_authn::api_key::{ApiKeyAuthenticator, ApiKeyParts, KeyIndex};
use doorward_authn::jwt::{
    Fetch, FetchError, Fetched, IssuerConfig, IssuerSet, IssuerSetParts, JwtAuthenticator,
    JwtParts, LastGood, LocalKeys, RefreshPolicy, Revocations, TokenCache,
};
use doorward_core::credential::Method;
use doorward_core::decision::{DecisionIds, Journal};
use doorward_core::gate::{Authenticator, Parts, RevocationFeed};
use doorward_core::limit::{By, Limit, Span};
use doorward_core::policy::{
    Accept, Access, Binding, BodyRule, Cors, Forwarding, Guarded, Pointer, Signing,
};
use doorward_core::request::ManagedHeaders;
use doorward_core::{Clock, Entropy, Gate, ScopeSet, Secret, Timestamp};
use doorward_crypto::api_key::{ApiKeyText, Environment, KeyKind, KeyPrefix};
use doorward_crypto::digest::ProcessKey;
use doorward_crypto::entropy::OsEntropy;
use doorward_crypto::hash::{Pepper, PepperId, Peppers};
use doorward_crypto::jose::jws::Limits;
use doorward_crypto::jose::sign::SigningKey;
use doorward_policy::{Counts, Methods, PathTemplate, Roles, Route, RouteTable};
use doorward_store::{ApiKeyId, ApiKeyRecord};
use http::HeaderName;
use serde_json::json;

type Result<T> = std::result::Result<T, Box<dyn Error>>;

const ISSUER: &str = "https://issuer.example";
const AUDIENCE: &str = "https://orders.example";

/// A gate, and what opens it.
pub(crate) struct Door {
    /// The gate.
    pub(crate) gate: Arc<Gate>,
    /// An API key of alice, for reading and writing.
    pub(crate) key: String,
    /// A token of bob, for reading.
    pub(crate) token: String,
}

/// Makes a gate that records its decisions in a journal.
pub(crate) fn open(journal: Arc<dyn Journal>) -> Result<Door> {
    let clock: Arc<dyn Clock> = Arc::new(SystemClock(Instant::now()));
    let entropy = OsEntropy::new();
    let (keys, key) = api_keys(&clock, &entropy)?;
    let (tokens, token) = tokens(&clock, &entropy)?;
    let limits = [per_subject()];
    let process = ProcessKey::generate(&entropy);
    let digest = move |text: &[u8]| process.digest("limit", text);
    let counts = Counts::new(Arc::clone(&clock), Arc::new(digest));
    let parts = Parts {
        limiter: Arc::new(counts.limiter(&limits, 10_000)),
        policy: Arc::new(policy(&limits)?),
        // A key is known by its prefix; any other bearer token is taken for a JWT.
        methods: vec![keys, tokens],
        feed: Arc::new(InMemory),
        journal,
        ids: Arc::new(DecisionIds::new(&entropy)),
        managed: ManagedHeaders::new([], ["x-api-key"]),
        realm: "orders".into(),
        clock,
    };
    let gate = Arc::new(Gate::new(parts));
    Ok(Door { gate, key, token })
}

/// API keys in memory. The pepper would come from the service's secrets, the records from where
/// it keeps them: never the keys themselves.
fn api_keys(
    clock: &Arc<dyn Clock>,
    entropy: &dyn Entropy,
) -> Result<(Arc<dyn Authenticator>, String)> {
    let mut pepper = [0; 32];
    entropy.fill(&mut pepper);
    let pepper = Pepper::new(PepperId::parse("p1")?, &Secret::new(pepper));
    let peppers = Arc::new(Peppers::new(pepper, Vec::new())?);
    let prefix = KeyPrefix::parse("ord")?;
    let key = ApiKeyText::generate(&prefix, KeyKind::Secret, Environment::Live, entropy);
    let text = key.secret().expose().clone();
    let (pepper, digest) = peppers.digest(text.as_bytes());
    let index = Arc::<KeyIndex>::default();
    index.insert(&ApiKeyRecord {
        id: ApiKeyId::generate(entropy),
        name: "alice's key".to_owned(),
        owner: "alice".to_owned(),
        kind: KeyKind::Secret,
        environment: Environment::Live,
        digest: *digest.as_bytes(),
        pepper_id: pepper.as_str().to_owned(),
        hint: key.hint().to_owned(),
        scopes: ScopeSet::parse("orders:read orders:write")?,
        roles: Vec::new(),
        allowed_cidrs: Default::default(),
        not_before: None,
        expires_at: None,
        revoked_at: None,
        created_at: clock.now(),
        last_used_at: None,
        exposed_at: None,
        replaced_by: None,
    });
    let method = ApiKeyAuthenticator::new(ApiKeyParts {
        index,
        peppers,
        prefix,
        headers: vec![HeaderName::from_static("x-api-key")],
        environments: vec![Environment::Live],
        clock: Arc::clone(clock),
    });
    Ok((Arc::new(method), text))
}

/// One issuer whose keys are known and never fetched. Here its key is made on the spot, so that
/// there is a token to show.
fn tokens(
    clock: &Arc<dyn Clock>,
    entropy: &dyn Entropy,
) -> Result<(Arc<dyn Authenticator>, String)> {
    let issuer = SigningKey::generate(entropy)?;
    let keys = LocalKeys::default();
    keys.set(
        json!({ "keys": [issuer.public_jwk()] })
            .to_string()
            .as_bytes(),
    )?;
    let issuers = IssuerSet::new(IssuerSetParts {
        fetch: Arc::new(InMemory),
        last_good: Arc::new(InMemory),
        clock: Arc::clone(clock),
        policy: RefreshPolicy::default(),
    });
    let rules = IssuerConfig::own(ISSUER, vec![AUDIENCE.to_owned()], &keys)?;
    issuers.configure(vec![rules])?;
    let now = clock.now().secs();
    let claims = json!({
        "iss": ISSUER, "aud": AUDIENCE, "sub": "bob", "client_id": "bob", "jti": "1",
        "iat": now, "exp": now + 3600, "scope": "orders:read",
    });
    let token = issuer.sign("at+jwt", &claims.to_string())?;
    let method = JwtAuthenticator::new(JwtParts {
        issuers: Arc::new(issuers),
        cache: Arc::new(TokenCache::new(1000)),
        revocations: Arc::<Revocations>::default(),
        limits: Limits::default(),
        clock: Arc::clone(clock),
    });
    Ok((Arc::new(method), token))
}

/// Who may do what. What is not written here is refused.
fn policy(limits: &[Arc<Limit>]) -> Result<RouteTable> {
    let mut read = route("GET", "/orders", guarded("orders:read")?)?;
    read.cors = Some(Cors {
        origins: vec!["https://app.example".into()],
        headers: vec![HeaderName::from_static("x-api-key")],
        credentials: false,
        max_age: Duration::from_mins(10),
    });
    let mut write = route("POST", "/orders", guarded("orders:write")?)?;
    write.binding.body = Some(BodyRule {
        max_bytes: 1000,
        members: Some(vec![Pointer::parse("/item")?, Pointer::parse("/count")?]),
        ..BodyRule::default()
    });
    let mut note = route("POST", "/notes", Access::Public)?;
    note.forwarding.max_body = Some(1000);
    let mut show = route("GET", "/orders/{id}", guarded("orders:read")?)?;
    show.limits = limits.to_vec();
    let routes = vec![
        show,
        read,
        write,
        note,
        route("GET", "/health", Access::Public)?,
    ];
    RouteTable::build(routes, Roles::default()).map_err(|errors| {
        let errors: Vec<String> = errors.iter().map(ToString::to_string).collect();
        errors.join("; ").into()
    })
}

/// A thousand calls a minute for everybody, however many credentials they have.
fn per_subject() -> Arc<Limit> {
    Arc::new(Limit {
        name: "shown".into(),
        key: "shown".into(),
        index: 0,
        calls: 1000,
        span: Span::Every(Duration::from_mins(1)),
        burst: 1000,
        by: vec![By::Subject],
    })
}

fn route(method: &str, path: &str, access: Access) -> Result<Route> {
    Ok(Route {
        label: "policy".to_owned(),
        hosts: Vec::new(),
        path: PathTemplate::parse(path)?,
        methods: Methods::parse([method])?,
        access,
        binding: Binding::default(),
        forwarding: Forwarding {
            // For proxies only: a layer has one service behind it, which keeps its own time.
            upstream: "service".into(),
            timeout: Duration::from_secs(30),
            pass_credential: false,
            max_body: None,
            websocket: doorward_core::policy::WebSocketBounds::NONE,
        },
        limits: Vec::new(),
        cors: None,
    })
}

fn guarded(scopes: &str) -> Result<Access> {
    let accept = |method| Accept {
        method,
        issuer: None,
    };
    Ok(Access::Guarded(Guarded {
        accepts: vec![accept(Method::ApiKey), accept(Method::Jwt)],
        scopes: ScopeSet::parse(scopes)?,
        query_key: None,
        signing: Signing::default(),
    }))
}

/// The machine's clock.
struct SystemClock(Instant);

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        #[expect(clippy::disallowed_methods, reason = "this is the example's one clock")]
        let now = SystemTime::now();
        let since = now.duration_since(UNIX_EPOCH).unwrap_or_default();
        Timestamp::from_millis(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
    }

    fn monotonic_micros(&self) -> u64 {
        u64::try_from(self.0.elapsed().as_micros()).unwrap_or(u64::MAX)
    }
}

/// Everything is in this process: nothing is fetched, kept on disk, or heard of late.
struct InMemory;

impl RevocationFeed for InMemory {
    fn is_fresh(&self) -> bool {
        true
    }
}

#[async_trait]
impl Fetch for InMemory {
    async fn get(&self, url: &str, _: usize) -> std::result::Result<Fetched, FetchError> {
        Err(FetchError(format!("{url} is not fetched")))
    }
}

impl LastGood for InMemory {
    fn load(&self, _: &str) -> Option<(Vec<u8>, Timestamp)> {
        None
    }

    fn save(&self, _: &str, _: &[u8], _: Timestamp) {}
}
