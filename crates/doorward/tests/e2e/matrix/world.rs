//! A door with every kind of credential, good and bad.

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use doorward::cli::ConfigArgs;
use doorward::desk::Desk;
use doorward::desk::token::NewToken;
use doorward_core::credential::Method;
use doorward_core::{ScopeSet, Timestamp};

use crate::client_certificates::pki::{Ca, Pair};
use crate::door::{Door, Home};
use crate::mint::{Draft, jwks};
use crate::peer::{httpbin, python};
use crate::signing::{self, Key, add_key};
use crate::sigv4;
use crate::wait::until;

/// The issuer of others.
pub(super) const PARTNER: &str = "https://partner.example";
/// Its algorithms.
pub(super) const ALGORITHMS: [&str; 3] = ["RS256", "ES256", "EdDSA"];
/// The name that a certificate is known by.
pub(super) const BILLING: &str = "spiffe://example.org/billing";
/// A password.
pub(super) const PASSWORD: &str = "a-good-Password-of-alice";

const REST: &str = r#"
[client_ca.clients]
file = "clients.pem"
crl = ["clients.crl"]
[message_signature]
[sigv4]
region = "eu-1"
service = "orders"
[[client_certificate]]
uri = "spiffe://example.org/billing"
subject = "billing"
scopes = ["orders:read"]
[trusted_issuer.partner]
issuer = "https://partner.example"
audience = ["https://api.example"]
jwks_file = "partner.json"
leeway = "0s"
[[route]]
path = "/anything/orders"
methods = ["GET"]
scopes = ["orders:read"]
[[route]]
path = "/anything/orders"
methods = ["POST"]
scopes = ["orders:write"]
[[route]]
path = "/anything/keys"
accept = ["api_key"]
scopes = []
[[route]]
path = "/anything/basic"
accept = ["basic"]
scopes = []
[[route]]
path = "/anything/jwt"
accept = ["jwt"]
scopes = []
[[route]]
path = "/anything/self"
accept = ["jwt:self"]
scopes = []
[[route]]
path = "/anything/mtls"
methods = ["GET"]
accept = ["mtls"]
scopes = ["orders:read"]
[[route]]
path = "/anything/mtls"
methods = ["POST"]
accept = ["mtls:clients"]
scopes = ["orders:write"]
[[route]]
path = "/anything/signed"
accept = ["message_signature"]
scopes = []
[[route]]
path = "/anything/aws"
accept = ["sigv4"]
scopes = []
[[route]]
path = "/anything/public"
public = true
"#;

/// The door and what opens it.
pub(super) struct World {
    pub(super) door: Door,
    pub(super) key: String,
    pub(super) old_key: String,
    pub(super) early_key: String,
    pub(super) revoked_key: String,
    pub(super) test_key: String,
    pub(super) token: String,
    pub(super) old_token: String,
    pub(super) early_token: String,
    pub(super) revoked_token: String,
    pub(super) strange_token: String,
    pub(super) ca: Ca,
    pub(super) signer: (String, Key),
    pub(super) shared_signer: (String, Key),
    pub(super) revoked_signer: (String, Key),
    pub(super) old_signer: (String, Key),
    pub(super) early_signer: (String, Key),
    pub(super) distant_signer: (String, Key),
    pub(super) sigv4: sigv4::Pair,
    pub(super) revoked_sigv4: sigv4::Pair,
    pub(super) old_sigv4: sigv4::Pair,
    pub(super) early_sigv4: sigv4::Pair,
    pub(super) distant_sigv4: sigv4::Pair,
}

impl World {
    /// Makes one; `None` without Python.
    pub(super) fn new() -> Option<Self> {
        Self::with("")
    }

    /// As [`World::new`], with more listeners.
    pub(super) fn with(listeners: &str) -> Option<Self> {
        python()?;
        let asking = "[listener.main]\nclient_certificates = \"optional\"\nclient_ca = \"clients\"";
        let base = crate::door::BASE.replace("{upstream}", &httpbin()?.to_string());
        let base = base.replace("[listener.main]", asking);
        let home = Home::new(&format!("{base}{listeners}{REST}"));
        let ca = Ca::new("Clients");
        home.write("clients.pem", &ca.pem);
        home.write("clients.crl", &ca.list(&[66], 3600));
        home.write("partner.json", &jwks(&ALGORITHMS));
        let scope = ["--scope", "orders:read", "--name"];
        let key = |args: &[&str]| home.key_with(&[&scope[..], args].concat());
        let (revoked_key, revoked_id) = key(&["revoked"]);
        home.json(&["key", "revoke", &revoked_id]);
        let sub = ["--sub", "billing", "--scope", "orders:read"];
        let token = |args: &[&str]| home.token(&[&sub[..], args].concat());
        let (revoked_token, jti) = token(&[]);
        home.revoke_token(&jti);
        home.user("alice", PASSWORD, "orders:read");
        home.user("dora", PASSWORD, "orders:read");
        home.json(&["user", "disable", "dora"]);
        let hours = |hours: i64| Timestamp::from_secs(crate::mint::now() + hours * 3600);
        let old_key = key(&["old", "--expires", "1s"]).0;
        home.until_key_is("old", "expired");
        let signer = |alg: &str, more: &[&str]| {
            add_key(&home, alg, &[&["--scope", "orders:read"], more].concat())
        };
        let revoked_signer = signer("ed25519", &[]);
        home.json(&["client-key", "revoke", &revoked_signer.0]);
        let (old_signer, early_signer) = (
            signer("ed25519", &["--expires", "1s"]),
            signer("hmac-sha256", &["--not-before", "1h"]),
        );
        let aws = |more: &[&str]| sigv4::add(&home, &[&["--scope", "orders:read"], more].concat());
        let (old_sigv4, revoked_sigv4) = (aws(&["--expires", "1s"]), aws(&[]));
        home.json(&["client-key", "revoke", &revoked_sigv4.0]);
        for old in [&old_signer.0, &old_sigv4.0] {
            until("the old key ends", || {
                let shown = home.json(&["client-key", "show", old]);
                (shown["state"] == "expired").then_some(())
            });
        }
        let world = Self {
            sigv4: aws(&[]),
            early_sigv4: aws(&["--not-before", "1h"]),
            distant_sigv4: aws(&["--cidr", "192.0.2.0/24"]),
            old_sigv4,
            revoked_sigv4,
            signer: signer("ed25519", &[]),
            shared_signer: signer("hmac-sha256", &[]),
            distant_signer: signer("ed25519", &["--cidr", "192.0.2.0/24"]),
            revoked_signer,
            old_signer,
            early_signer,
            key: key(&["good"]).0,
            old_key,
            early_key: key(&["early", "--not-before", "1h"]).0,
            test_key: key(&["other", "--env", "test"]).0,
            revoked_key,
            token: token(&[]).0,
            old_token: issued_at(&home, hours(-2)),
            early_token: issued_at(&home, hours(1)),
            strange_token: token(&["--audience", "https://other.example"]).0,
            revoked_token,
            ca,
            door: home.serve_with(&["--set", "state.max_staleness=3s"]),
        };
        // Some signatures are two seconds old, and none may be older than the server.
        let started = crate::mint::now();
        until("the server is not new", || {
            (crate::mint::now() > started + 2).then_some(())
        });
        Some(world)
    }

    /// The arguments of a call that is allowed.
    pub(super) fn good(&self, method: Method) -> Vec<String> {
        match method {
            Method::ApiKey => header("X-API-Key", &self.key),
            Method::Basic => basic("alice", PASSWORD),
            Method::Jwt => bearer(&self.token),
            Method::Mtls => self.certificate("good", &self.ca.uri(BILLING)),
            Method::MessageSignature => {
                let (id, key) = &self.signer;
                signing::Draft::get(self.door.url("/anything/orders"), id, key.clone()).args()
            }
            Method::SigV4 => {
                sigv4::Draft::get(self.door.url("/anything/orders"), &self.sigv4).args()
            }
        }
    }
}

impl World {
    /// The arguments of a call with a certificate.
    pub(super) fn certificate(&self, name: &str, pair: &Pair) -> Vec<String> {
        pair.args(&self.door, &format!("caller-{name}"))
    }
}

/// A token of our own that lives for an hour from a moment that no command lets one choose.
fn issued_at(home: &Home, issued_at: Timestamp) -> String {
    let args = ConfigArgs {
        config: home.path("doorward.toml"),
        sets: Vec::new(),
        json: false,
    };
    let desk = Desk::open(&args).unwrap();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let issued = runtime.block_on(desk.issue_token(NewToken {
        subject: "billing".to_owned(),
        audience: None,
        scopes: ScopeSet::parse("orders:read").unwrap(),
        roles: Vec::new(),
        issued_at,
        ttl: Duration::from_secs(3600),
    }));
    issued.unwrap().token
}

/// A good token of the partner.
pub(super) fn partner(alg: &'static str) -> Draft {
    Draft::new(PARTNER, alg)
}

/// `-H NAME: VALUE`
pub(super) fn header(name: &str, value: &str) -> Vec<String> {
    vec!["-H".to_owned(), format!("{name}: {value}")]
}

/// `-H Authorization: Bearer TOKEN`
pub(super) fn bearer(token: &str) -> Vec<String> {
    header("Authorization", &format!("Bearer {token}"))
}

/// `-H Authorization: Basic ...`
pub(super) fn basic(user: &str, password: &str) -> Vec<String> {
    let encoded = STANDARD.encode(format!("{user}:{password}"));
    header("Authorization", &format!("Basic {encoded}"))
}

/// Changes a letter somewhere before the end.
pub(super) fn forge(text: &str, from_end: usize) -> String {
    let at = text.len() - from_end;
    let other = if text.as_bytes()[at] == b'x' {
        "y"
    } else {
        "x"
    };
    format!("{}{other}{}", &text[..at], &text[at + 1..])
}
