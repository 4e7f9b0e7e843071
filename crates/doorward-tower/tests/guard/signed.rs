//! Bodies that the credential covers.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use doorward_core::body::{BodyCheck, BodyDigest, BodyExpectation};
use doorward_core::challenge::Challenge;
use doorward_core::credential::{CredentialId, Method, Place, Presented};
use doorward_core::gate::{Authenticator, Parts, RevocationFeed, Verdict};
use doorward_core::limit::{Counted, Exceeded, Limiter, Standing};
use doorward_core::policy::{
    Access, Binding, BodyRule, Forwarding, Guarded, Policy, Rule, Signing,
};
use doorward_core::rejection::{Denied, Misplaced, Rejection};
use doorward_core::request::{ManagedHeaders, RequestFault};
use doorward_core::verified::{Grants, Identity, Principal, Validity};
use doorward_core::{Clock, Entropy, Gate, RequestHead, ScopeSet, Timestamp, Verified};
use doorward_tower::{Arrived, GuardLayer};
use http_body_util::Full;

use crate::bodies::{Frames, chunked, data, trailers};
use crate::world::{Kept, World, ask};

/// A method, a policy, a clock: what is left of a gate when only bodies matter.
struct Plain {
    expectation: BodyExpectation,
    rule: Arc<Rule>,
}

/// A digest that only `good` has.
struct OnlyGood;

#[derive(Default)]
struct Bytes(Vec<u8>);

impl BodyDigest for OnlyGood {
    fn begin(&self) -> Box<dyn BodyCheck> {
        Box::<Bytes>::default()
    }
}

impl BodyCheck for Bytes {
    fn update(&mut self, bytes: &[u8]) {
        self.0.extend_from_slice(bytes);
    }

    fn matches(self: Box<Self>) -> bool {
        self.0 == b"\"good\""
    }
}

impl Authenticator for Plain {
    fn method(&self) -> Method {
        Method::ApiKey
    }

    fn find<'h>(
        &self,
        _: &'h RequestHead,
        _: Option<&str>,
    ) -> Result<Option<Presented<'h>>, Misplaced> {
        Ok(Some(Presented::new(Method::ApiKey, Place::Header, "x")))
    }

    fn verify<'a>(&'a self, _: Presented<'a>, _: &'a RequestHead) -> Verdict<'a> {
        let identity = Identity {
            method: Method::ApiKey,
            credential_id: CredentialId::new("x"),
            subject: "alice".into(),
            grants: Grants::default().into(),
        };
        let verified = Verified::assertion(identity, Validity::ALWAYS);
        Verdict::Now(Ok(verified.covering(self.expectation.clone())))
    }

    fn challenge(&self, realm: &str) -> Challenge {
        Challenge::new("Signature", realm)
    }
}

impl Policy for Plain {
    fn rule_for(&self, _: &RequestHead) -> Result<Option<Arc<Rule>>, RequestFault> {
        Ok(Some(Arc::clone(&self.rule)))
    }

    fn rule_for_preflight(&self, _: &RequestHead) -> Result<Option<Arc<Rule>>, RequestFault> {
        Ok(None)
    }

    fn decide(&self, _: &Rule, _: &Principal, _: &RequestHead) -> Result<(), Denied> {
        Ok(())
    }

    fn decide_body(&self, _: &Rule, _: Option<&Principal>, _: &[u8]) -> Result<(), Rejection> {
        Ok(())
    }
}

impl RevocationFeed for Plain {
    fn is_fresh(&self) -> bool {
        true
    }
}

impl Limiter for Plain {
    fn look(&self, _: &Counted<'_>) -> Result<(), Exceeded> {
        Ok(())
    }

    fn take(&self, _: &Counted<'_>) -> Result<Vec<Standing>, Exceeded> {
        Ok(Vec::new())
    }
}

impl Clock for Plain {
    fn now(&self) -> Timestamp {
        Timestamp::from_secs(0)
    }

    fn monotonic_micros(&self) -> u64 {
        0
    }
}

impl Entropy for Plain {
    fn fill(&self, _: &mut [u8]) {}
}

/// A layer whose callers' credentials cover this body; `judged` when the rule judges it too.
fn layer(expectation: BodyExpectation, judged: bool) -> GuardLayer {
    let rule = Rule {
        name: "any".into(),
        route: "any".into(),
        access: Access::Guarded(Guarded {
            accepts: Vec::new(),
            scopes: ScopeSet::default(),
            query_key: None,
            signing: Signing::default(),
        }),
        binding: Binding {
            body: judged.then(BodyRule::default),
            ..Binding::default()
        },
        forwarding: Forwarding {
            upstream: "any".into(),
            pass_credential: false,
            max_body: None,
            websocket: doorward_core::policy::WebSocketBounds::NONE,
            timeout: Duration::ZERO,
        },
        limits: Vec::new(),
        cors: None,
    };
    let plain = Arc::new(Plain {
        expectation,
        rule: Arc::new(rule),
    });
    let gate = Gate::new(Parts {
        clock: plain.clone(),
        policy: plain.clone(),
        methods: vec![plain.clone()],
        limiter: plain.clone(),
        feed: plain.clone(),
        journal: Arc::new(Kept::default()),
        ids: Arc::new(doorward_core::decision::DecisionIds::new(&*plain)),
        managed: ManagedHeaders::default(),
        realm: "r".into(),
    });
    let peer = SocketAddr::from(([192, 0, 2, 1], 1));
    GuardLayer::new(Arc::new(gate)).arrival_from(move |_| Some(Arrived::over_tls(peer)))
}

fn digest() -> BodyExpectation {
    BodyExpectation::Digest(Arc::new(OnlyGood))
}

#[tokio::test]
async fn g30_a_body_that_is_not_the_signed_one_never_completes_at_the_service() {
    let world = World::new();
    let streamed = |frames: Frames| ask("POST", "/x").body(chunked(frames)).unwrap();
    let pieces = || vec![data(b"\"go"), data(b""), data(b"od\""), trailers()];
    let answer = world
        .send(&layer(digest(), false), streamed(pieces()))
        .await;
    assert_eq!(answer.status, 200, "{answer:?}");
    let (body, trailers) = world.got().remove(0).body.unwrap();
    assert_eq!(body, "\"good\"");
    assert_eq!(trailers.unwrap().keys().collect::<Vec<_>>().len(), 2);
    for (expectation, frames) in [
        (digest(), vec![data(b"\"go"), data(b"ood\"")]),
        (digest(), vec![data(b"\"evil\"")]),
        (digest(), vec![data(b"\"good\""), data(b" ")]),
        (digest(), vec![]),
        (BodyExpectation::Empty, vec![data(b""), data(b"x")]),
    ] {
        let answer = world
            .send(&layer(expectation, false), streamed(frames))
            .await;
        assert_eq!((answer.status, &*answer.code()), (401, "body_altered"));
        assert_eq!(
            answer.header("www-authenticate"),
            "Signature realm=\"doorward\""
        );
        assert!(world.got().iter().all(|got| got.body.is_err()));
    }
    let answer = world
        .send(&layer(BodyExpectation::Empty, false), streamed(vec![]))
        .await;
    assert_eq!(answer.status, 200);
}

#[tokio::test]
async fn g30_a_body_that_is_judged_must_be_the_signed_one_too() {
    let world = World::new();
    let request = |text: &'static str| {
        let request = ask("POST", "/x").header("content-type", "application/json");
        request.body(Full::<bytes::Bytes>::from(text)).unwrap()
    };
    let layer = layer(digest(), true);
    assert_eq!(world.send(&layer, request("\"good\"")).await.status, 200);
    assert_eq!(world.got().len(), 1);
    for altered in ["\"evil\"", ""] {
        let answer = world.send(&layer, request(altered)).await;
        assert_eq!((answer.status, &*answer.code()), (401, "body_altered"));
    }
    // Known to be empty before it is read.
    let unjudged = self::layer(digest(), false);
    assert_eq!(world.send(&unjudged, request("")).await.status, 401);
    assert!(world.got().is_empty());
}
