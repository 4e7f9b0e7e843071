//! The gate's own look at the clock.

use std::sync::atomic::{AtomicI64, Ordering};

use super::*;

/// A clock that moves on whenever it is looked at.
struct Ticking(AtomicI64);
impl Clock for Ticking {
    fn now(&self) -> Timestamp {
        Timestamp::from_millis(self.0.fetch_add(1, Ordering::Relaxed))
    }
    fn monotonic_micros(&self) -> u64 {
        0
    }
}

/// Finds every credential revoked at the moment in which it looks, at once.
struct RevokedNow(Arc<Ticking>);
impl Authenticator for RevokedNow {
    fn method(&self) -> Method {
        Method::ApiKey
    }
    fn find<'h>(
        &self,
        _: &'h RequestHead,
        _: Option<&str>,
    ) -> Result<Option<Presented<'h>>, Misplaced> {
        Ok(Some(Presented::new(Method::ApiKey, Place::Header, "k")))
    }
    fn verify<'a>(&'a self, _: Presented<'a>, _: &'a RequestHead) -> Verdict<'a> {
        let identity = Identity {
            method: Method::ApiKey,
            credential_id: CredentialId::new("c1"),
            subject: "alice".into(),
            grants: Grants {
                scopes: ScopeSet::parse("r").unwrap(),
                ..Grants::default()
            }
            .into(),
        };
        let validity = Validity {
            revoked_at: self.0.now(),
            ..Validity::ALWAYS
        };
        Verdict::Now(Ok(Verified::assertion(identity, validity)))
    }
    fn challenge(&self, realm: &str) -> Challenge {
        Challenge::new("Bearer", realm)
    }
}

#[test]
fn r127_what_is_revoked_at_this_moment_is_revoked() {
    let clock = Arc::new(Ticking(AtomicI64::new(1)));
    let gate = Gate::new(Parts {
        clock: Arc::clone(&clock) as Arc<dyn Clock>,
        policy: Arc::new(Table),
        methods: vec![Arc::new(RevokedNow(clock))],
        limiter: Arc::new(Uncounted),
        feed: Arc::new(Fixed),
        journal: Arc::new(Lines::default()),
        ids: Arc::new(DecisionIds::new(&Fixed)),
        managed: ManagedHeaders::default(),
        realm: "doorward".into(),
    });
    let request = Request::builder().uri("/guarded").header("host", "a");
    let (parts, ()) = request.body(()).unwrap().into_parts();
    let arrival = Arrival {
        client: ClientAddress::new([127, 0, 0, 1].into()),
        transport: Transport::Tls,
    };
    let head = gate.receive(parts, arrival).map_err(drop).unwrap();
    let refusal = futures_lite(gate.admit(&head)).err().unwrap();
    assert_eq!(refusal.rejection().code(), "credential_revoked");
}
