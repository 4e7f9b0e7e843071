use std::sync::{Arc, Mutex};

use http::Request;

use super::{Admission, Authenticator, Gate, Parts, Verdict};
use crate::challenge::Challenge;
use crate::clock::{Clock, Timestamp};
use crate::credential::{CredentialId, Method, Place, Presented};
use crate::decision::{Decision, DecisionIds, Journal, NotRecorded};
use crate::entropy::Entropy;
use crate::limit::{Counted, Exceeded, Limiter, Standing};
use crate::net::ClientAddress;
use crate::policy::{
    Accept, Access, Binding, BodyRule, Forwarding, Guarded, Policy, Rule, Signing,
};
use crate::rejection::{Denied, Misplaced, Reason, Rejection};
use crate::request::{Arrival, ManagedHeaders, RequestFault, RequestHead, Transport};
use crate::scope::ScopeSet;
use crate::verified::{Grants, Identity, Principal, Validity, Verified};

mod pending_body;
mod time;

struct Fixed;
impl Clock for Fixed {
    fn now(&self) -> Timestamp {
        Timestamp::from_secs(1000)
    }
    fn monotonic_micros(&self) -> u64 {
        0
    }
}
impl super::RevocationFeed for Fixed {
    fn is_fresh(&self) -> bool {
        true
    }
}
impl Entropy for Fixed {
    fn fill(&self, into: &mut [u8]) {
        into.fill(7);
    }
}

#[derive(Default)]
struct Lines(Mutex<Vec<String>>, bool);
impl Journal for Lines {
    fn record(&self, decision: &Decision<'_>) -> Result<(), NotRecorded> {
        let mut line = Vec::new();
        decision.write_json(&mut line);
        self.0
            .lock()
            .unwrap()
            .push(String::from_utf8(line).unwrap());
        if self.1 { Err(NotRecorded) } else { Ok(()) }
    }
}

/// `/public` is public, `/guarded` needs `r`, everything else has no rule.
struct Table;
impl Policy for Table {
    fn rule_for(&self, head: &RequestHead) -> Result<Option<Arc<Rule>>, RequestFault> {
        let access = match head.path() {
            "/public" | "/body" => Access::Public,
            "/guarded" | "/guarded-body" => Access::Guarded(Guarded {
                accepts: vec![Accept {
                    method: Method::ApiKey,
                    issuer: None,
                }],
                scopes: ScopeSet::parse("r").unwrap(),
                query_key: None,
                signing: Signing::NOTHING,
            }),
            _ => return Ok(None),
        };
        Ok(Some(Arc::new(Rule {
            name: "rule".into(),
            route: "route".into(),
            access,
            binding: Binding {
                owner: None,
                body: head.path().contains("body").then(BodyRule::default),
            },
            forwarding: Forwarding {
                upstream: "u".into(),
                pass_credential: false,
                max_body: None,
                websocket: crate::policy::WebSocketBounds::NONE,
                timeout: std::time::Duration::from_secs(1),
            },
            cors: None,
            limits: Vec::new(),
        })))
    }
    fn rule_for_preflight(&self, _: &RequestHead) -> Result<Option<Arc<Rule>>, RequestFault> {
        Ok(None)
    }
    fn decide_body(&self, _: &Rule, who: Option<&Principal>, body: &[u8]) -> Result<(), Rejection> {
        let known = who.is_some() || body.is_empty();
        (known && body != b"bad")
            .then_some(())
            .ok_or(Rejection::Denied(Denied::NoRule))
    }
    fn decide(&self, rule: &Rule, who: &Principal, _: &RequestHead) -> Result<(), Denied> {
        let Access::Guarded(guarded) = &rule.access else {
            return Err(Denied::NoRule);
        };
        if guarded.scopes.is_subset_of(&who.identity().grants.scopes) {
            Ok(())
        } else {
            Err(Denied::Scope {
                required: guarded.scopes.clone(),
            })
        }
    }
}

const WRONG: Reason = Reason {
    code: "wrong",
    meaning: "",
    fix: "",
};

/// Knows the credential `good SCOPES` in one header.
struct Header(Method, &'static str, Place);
impl Authenticator for Header {
    fn method(&self) -> Method {
        self.0
    }
    fn find<'h>(
        &self,
        head: &'h RequestHead,
        _: Option<&str>,
    ) -> Result<Option<Presented<'h>>, Misplaced> {
        let value = head
            .headers()
            .get(self.1)
            .and_then(|value| value.to_str().ok());
        Ok(value
            .filter(|text| *text != "strange")
            .map(|t| Presented::new(self.0, self.2, t)))
    }
    fn verify<'a>(&'a self, presented: Presented<'a>, _: &'a RequestHead) -> Verdict<'a> {
        let Some(scopes) = presented.expose().strip_prefix("good") else {
            return Verdict::Now(Err(Rejection::invalid(&WRONG)));
        };
        let grants = Grants {
            scopes: ScopeSet::parse(scopes).unwrap(),
            ..Grants::default()
        };
        let identity = Identity {
            method: self.0,
            credential_id: CredentialId::new("c1"),
            subject: "alice".into(),
            grants: grants.into(),
        };
        Verdict::Later(Box::pin(async {
            Ok(Verified::assertion(identity, Validity::ALWAYS))
        }))
    }
    fn challenge(&self, realm: &str) -> Challenge {
        Challenge::new(
            if self.0 == Method::Basic {
                "Basic"
            } else {
                "Bearer"
            },
            realm,
        )
    }
}

struct Uncounted;
impl Limiter for Uncounted {
    fn look(&self, _: &Counted<'_>) -> Result<(), Exceeded> {
        Ok(())
    }
    fn take(&self, _: &Counted<'_>) -> Result<Vec<Standing>, Exceeded> {
        Ok(Vec::new())
    }
}

fn gate(journal: Arc<Lines>) -> Gate {
    Gate::new(Parts {
        clock: Arc::new(Fixed),
        policy: Arc::new(Table),
        methods: vec![
            Arc::new(Header(Method::Basic, "authorization", Place::Authorization)),
            Arc::new(Header(Method::ApiKey, "x-api-key", Place::Header)),
        ],
        limiter: Arc::new(Uncounted),
        feed: Arc::new(Fixed),
        journal,
        ids: Arc::new(DecisionIds::new(&Fixed)),
        managed: ManagedHeaders::default(),
        realm: "doorward".into(),
    })
}

/// Sends a request; returns the status and the reason, and checks that it was recorded.
fn send(path: &str, headers: &[(&str, &str)], transport: Transport) -> (u16, String) {
    send_to(&Arc::new(Lines::default()), path, headers, transport)
}

fn send_to(
    journal: &Arc<Lines>,
    path: &str,
    headers: &[(&str, &str)],
    transport: Transport,
) -> (u16, String) {
    let gate = gate(Arc::clone(journal));
    let mut request = Request::builder().uri(path).header("host", "a");
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let (parts, ()) = request.body(()).unwrap().into_parts();
    let client = ClientAddress::new([127, 0, 0, 1].into());
    let result = gate
        .receive(parts, Arrival { client, transport })
        .and_then(|head| futures_lite(gate.admit(&head)));
    assert_eq!(journal.0.lock().unwrap().len(), 1);
    match result {
        Ok(Admission::Permit(_)) => (200, String::new()),
        Ok(Admission::Preflight(_)) => (204, String::new()),
        Ok(Admission::NeedsBody(_)) => (102, String::new()),
        Err(refusal) => {
            let response = refusal.response();
            let status = response.status();
            if status == 401 {
                assert!(response.headers().contains_key("www-authenticate"));
            }
            (status.as_u16(), refusal.rejection().code().to_owned())
        }
    }
}

/// Runs a future that is ready at once.
fn futures_lite<T>(future: impl Future<Output = T>) -> T {
    let mut future = std::pin::pin!(future);
    let mut context = std::task::Context::from_waker(std::task::Waker::noop());
    match future.as_mut().poll(&mut context) {
        std::task::Poll::Ready(value) => value,
        std::task::Poll::Pending => panic!("not ready"),
    }
}

#[test]
fn the_four_checks_answer_in_order() {
    for (path, headers, status, reason) in [
        ("/guarded", &[][..], 401, "credential_missing"),
        ("/guarded", &[("x-api-key", "bad")], 401, "wrong"),
        (
            "/guarded",
            &[("x-api-key", "good")],
            403,
            "insufficient_scope",
        ),
        ("/guarded", &[("x-api-key", "good r")], 200, ""),
        (
            "/guarded",
            &[("authorization", "good r")],
            401,
            "method_not_accepted",
        ),
        (
            "/guarded",
            &[("authorization", "strange")],
            401,
            "credential_unrecognised",
        ),
        (
            "/guarded",
            &[("authorization", "good r"), ("x-api-key", "good r")],
            400,
            "credentials_ambiguous",
        ),
        (
            "/guarded",
            &[("authorization", "strange"), ("x-api-key", "good r")],
            400,
            "credentials_ambiguous",
        ),
        ("/public", &[], 200, ""),
        (
            "/public",
            &[("x-api-key", "bad"), ("authorization", "bad")],
            200,
            "",
        ),
        (
            "/a/../guarded",
            &[("x-api-key", "good r")],
            400,
            "path_dot_segment",
        ),
    ] {
        assert_eq!(
            send(path, headers, Transport::Tls),
            (status, reason.to_owned()),
            "{path} {headers:?}"
        );
    }
}

#[test]
fn r095_what_no_rule_covers_is_refused_and_looks_guarded() {
    assert_eq!(send("/none", &[], Transport::Tls).0, 401);
    assert_eq!(
        send("/none", &[("x-api-key", "bad")], Transport::Tls).0,
        401
    );
    assert_eq!(
        send("/none", &[("x-api-key", "good r")], Transport::Tls),
        (403, "no_rule".into())
    );
}

#[test]
fn a_credential_over_plain_http_is_refused_everywhere() {
    for path in ["/guarded", "/public", "/none"] {
        let sent = send(path, &[("x-api-key", "good r")], Transport::Plain);
        assert_eq!(sent, (400, "credential_over_plain_http".into()), "{path}");
    }
    assert_eq!(send("/public", &[], Transport::Plain).0, 200);
    for transport in [Transport::Loopback, Transport::TrustedTerminator] {
        assert_eq!(
            send("/guarded", &[("x-api-key", "good r")], transport).0,
            200
        );
    }
}

#[test]
fn r128_a_lost_record_refuses_when_asked_to() {
    let journal = Arc::new(Lines(Mutex::default(), true));
    let sent = send_to(
        &journal,
        "/guarded",
        &[("x-api-key", "good r")],
        Transport::Tls,
    );
    assert_eq!(sent, (503, "journal_unavailable".into()));
}

#[test]
fn g21_a_preflight_without_a_rule_is_refused() {
    let asks = [
        ("origin", "https://a"),
        ("access-control-request-method", "GET"),
    ];
    let journal = Arc::new(Lines::default());
    let gate = gate(Arc::clone(&journal));
    let mut request = Request::builder()
        .method("OPTIONS")
        .uri("/guarded")
        .header("host", "a");
    for (name, value) in asks {
        request = request.header(name, value);
    }
    let (parts, ()) = request.body(()).unwrap().into_parts();
    let client = ClientAddress::new([127, 0, 0, 1].into());
    let head = gate
        .receive(
            parts,
            Arrival {
                client,
                transport: Transport::Tls,
            },
        )
        .ok()
        .unwrap();
    let refusal = futures_lite(gate.admit(&head)).err().unwrap();
    assert_eq!(refusal.response().status(), 403);
}
