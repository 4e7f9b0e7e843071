use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use doorward_core::credential::{CredentialId, Method};
use doorward_core::limit::{By, Counted, Exceeded, Limit, Limiter, Span, Standing};
use doorward_core::net::ClientAddress;
use doorward_core::verified::Identity;
use doorward_core::{Clock, Timestamp};

use super::{CallLimiter, Counts, LongKeyDigest};

/// Milliseconds, for both clocks.
struct Hand(AtomicI64);
impl Hand {
    fn on(&self, by: Duration) {
        let by = i64::try_from(by.as_millis()).unwrap();
        self.0.fetch_add(by, Ordering::Relaxed);
    }
}
impl Clock for Hand {
    fn now(&self) -> Timestamp {
        Timestamp::from_millis(self.0.load(Ordering::Relaxed))
    }
    fn monotonic_micros(&self) -> u64 {
        u64::try_from(self.0.load(Ordering::Relaxed)).unwrap() * 1000
    }
}

fn hand() -> Arc<Hand> {
    Arc::new(Hand(AtomicI64::new(86_400_000 * 10)))
}

fn limit(index: usize, calls: u64, span: Span, by: &[By]) -> Arc<Limit> {
    Arc::new(Limit {
        name: format!("l{index}").into(),
        key: format!("l{index}").into(),
        index,
        calls,
        span,
        burst: calls,
        by: by.to_vec(),
    })
}

const MINUTE: Span = Span::Every(Duration::from_secs(60));

fn identity(credential: &str, subject: &str) -> Identity {
    Identity {
        method: Method::ApiKey,
        credential_id: CredentialId::new(credential),
        subject: subject.into(),
        grants: Arc::default(),
    }
}

/// Not a good digest, and another one for each key.
fn digest(key: u64) -> LongKeyDigest {
    Arc::new(move |text| {
        let mut digest = [0; 32];
        for (n, slot) in digest.iter_mut().enumerate() {
            let mut hasher = DefaultHasher::new();
            (key, n, text).hash(&mut hasher);
            *slot = hasher.finish().to_le_bytes()[0];
        }
        digest
    })
}

struct Stand {
    clock: Arc<Hand>,
    limits: Vec<Arc<Limit>>,
    counts: Counts,
    limiter: CallLimiter,
}

impl Stand {
    fn new(limits: Vec<Arc<Limit>>) -> Self {
        Self::holding(limits, 10_000)
    }
    fn holding(limits: Vec<Arc<Limit>>, callers: usize) -> Self {
        let clock = hand();
        let counts = Counts::new(Arc::<Hand>::clone(&clock), digest(7));
        let limiter = counts.limiter(&limits, callers);
        Self {
            clock,
            limits,
            counts,
            limiter,
        }
    }
    fn call(
        &self,
        rule: &str,
        who: Option<&Identity>,
        from: &str,
    ) -> Result<Vec<Standing>, Exceeded> {
        let call = Counted {
            limits: &self.limits,
            rule,
            identity: who,
            client: ClientAddress::new(from.parse().unwrap()),
        };
        let looked = self.limiter.look(&call).is_ok();
        let taken = self.limiter.take(&call);
        assert_eq!(looked, taken.is_ok(), "looking and taking agree");
        taken
    }
    fn passed(&self, times: usize, who: &Identity) -> usize {
        (0..times)
            .filter(|_| self.call("r", Some(who), "192.0.2.1").is_ok())
            .count()
    }
}

#[test]
fn r115_the_edge_is_exact_and_comes_back_bit_by_bit() {
    let stand = Stand::new(vec![limit(0, 6, MINUTE, &[By::Credential])]);
    let (alice, bob) = (identity("key_a", "alice"), identity("key_b", "bob"));
    for left in (0..6).rev() {
        let standing = stand.call("r", Some(&alice), "192.0.2.1").unwrap();
        assert_eq!(standing[0].left, left);
    }
    let exceeded = stand.call("r", Some(&alice), "192.0.2.1").unwrap_err();
    assert_eq!(exceeded.retry_after, Duration::from_secs(10));
    assert_eq!(exceeded.standing.left, 0);
    assert_eq!(stand.passed(10, &bob), 6, "others have their own");
    stand.clock.on(Duration::from_millis(9_999));
    assert_eq!(stand.passed(3, &alice), 0, "refused calls cost nothing");
    stand.clock.on(Duration::from_millis(1));
    assert_eq!(stand.passed(3, &alice), 1);
    stand.clock.on(Duration::from_secs(600));
    assert_eq!(
        stand.passed(20, &alice),
        6,
        "no more than a bucket is saved"
    );
}

#[test]
fn r115_the_edge_is_exact_under_threads() {
    let stand = Stand::new(vec![
        limit(0, 100, MINUTE, &[By::Credential]),
        limit(1, 1000, MINUTE, &[By::Route]),
    ]);
    let alice = identity("key_a", "alice");
    let call = Counted {
        limits: &stand.limits,
        rule: "r",
        identity: Some(&alice),
        client: ClientAddress::new([192, 0, 2, 1].into()),
    };
    let passed: usize = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..8)
            .map(|_| {
                scope.spawn(|| {
                    (0..200)
                        .filter(|_| stand.limiter.take(&call).is_ok())
                        .count()
                })
            })
            .collect();
        threads.into_iter().map(|t| t.join().unwrap()).sum()
    });
    assert_eq!(passed, 100);
    let bob = identity("key_b", "bob");
    let left = stand.call("r", Some(&bob), "192.0.2.1").unwrap();
    assert_eq!(left[1].left, 1000 - 101, "refused calls were given back");
}

#[test]
fn r115_what_is_counted_together_is_what_the_limit_says() {
    let (a1, a2) = (identity("key_1", "alice"), identity("key_2", "alice"));
    let cases: [(&[By], [bool; 4]); 5] = [
        // another credential, another route, another address, the same /64
        (&[By::Credential], [true, false, false, false]),
        (&[By::Subject], [false, false, false, false]),
        (&[By::Address], [false, false, true, false]),
        (&[By::Route], [false, true, false, false]),
        (&[By::Credential, By::Route], [true, true, false, false]),
    ];
    for (by, expected) in cases {
        let stand = Stand::new(vec![limit(0, 1, MINUTE, by)]);
        assert!(stand.call("r", Some(&a1), "2001:db8::1").is_ok());
        let others = [
            stand.call("r", Some(&a2), "2001:db8::1").is_ok(),
            stand.call("q", Some(&a1), "2001:db8::1").is_ok(),
            stand.call("r", Some(&a1), "2001:db8:0:1::1").is_ok(),
            stand.call("r", Some(&a1), "2001:db8::ffff:1").is_ok(),
        ];
        assert_eq!(others, expected, "{by:?}");
    }
    // Nobody's lack of a name is a way around.
    let stand = Stand::new(vec![limit(0, 1, MINUTE, &[By::Credential])]);
    assert!(stand.call("r", None, "192.0.2.1").is_ok());
    assert!(stand.call("r", None, "192.0.2.1").is_err());
    // Parts cannot be made to run into each other.
    let stand = Stand::new(vec![limit(0, 1, MINUTE, &[By::Subject])]);
    for subject in [
        "a",
        "a1:b",
        &"x".repeat(500),
        &format!("{}y", "x".repeat(499)),
    ] {
        let who = identity("key", subject);
        assert_eq!(stand.passed(2, &who), 1, "{subject}");
    }
}

#[test]
fn r115_many_addresses_neither_grow_the_table_nor_reset_a_count() {
    let stand = Stand::holding(vec![limit(0, 2, MINUTE, &[By::Address])], 160);
    let call = |n: u32| {
        let address = std::net::Ipv4Addr::from(n).to_string();
        stand.call("r", None, &address).is_ok()
    };
    let victims: Vec<u32> = (0..50).collect();
    for n in &victims {
        assert!(call(*n) && call(*n) && !call(*n));
    }
    // The whole table and every shared bucket, two calls each, and not one more.
    let most = 2 * (160 + 16 * 1024);
    let passed = (0..100_000)
        .filter(|n| call(0x0a00_0000 + n % 50_000))
        .count();
    assert!(passed <= most, "{passed}");
    let table = &stand.limiter.tables[0];
    assert!(table.len() <= 160, "{}", table.len());
    for n in &victims {
        assert!(!call(*n), "{n} was forgotten");
    }
    // All of it is forgotten when it tells nothing any more.
    stand.clock.on(Duration::from_secs(120));
    for n in &victims {
        assert!(call(*n) && call(*n) && !call(*n));
    }
    assert!(table.len() <= 160);
}

#[test]
fn r115_quotas_end_with_their_day_and_outlive_the_process() {
    let limits = vec![limit(0, 3, Span::Day, &[By::Credential])];
    let stand = Stand::new(limits.clone());
    let alice = identity("key_a", "alice");
    stand.clock.on(Duration::from_secs(3600));
    assert_eq!(stand.passed(2, &alice), 2);
    let kept = stand.counts.quotas();
    let again = Counts::new(Arc::<Hand>::clone(&stand.clock), digest(7));
    let limiter = again.limiter(&limits, 100);
    again.restore(&kept);
    let after = Stand {
        counts: again,
        limiter,
        limits: limits.clone(),
        clock: Arc::clone(&stand.clock),
    };
    assert_eq!(after.passed(5, &alice), 1);
    let exceeded = after.call("r", Some(&alice), "192.0.2.1").unwrap_err();
    assert_eq!(exceeded.retry_after, Duration::from_secs(23 * 3600));
    after.clock.on(Duration::from_secs(23 * 3600));
    assert_eq!(after.passed(5, &alice), 3, "a new day");
    // What was used yesterday is of no interest.
    after.counts.restore(&kept);
    assert_eq!(after.passed(1, &alice), 0);
}

#[test]
fn r115_a_reload_resets_no_count_of_a_limit_that_stays() {
    let alice = identity("key_a", "alice");
    let mut stand = Stand::new(vec![
        limit(0, 3, MINUTE, &[By::Credential]),
        limit(1, 5, Span::Month, &[By::Subject]),
    ]);
    assert_eq!(stand.passed(9, &alice), 3);
    stand.limiter = stand.counts.limiter(&stand.limits, 10_000);
    assert_eq!(stand.passed(9, &alice), 0);
    // A raised quota goes on where it was.
    let raised = limit(0, 6, Span::Month, &[By::Subject]);
    let raised = Arc::new(Limit {
        key: "l1".into(),
        ..Arc::into_inner(raised).unwrap()
    });
    stand.limits = vec![raised];
    stand.limiter = stand.counts.limiter(&stand.limits, 10_000);
    assert_eq!(stand.passed(9, &alice), 3);
}

/// Names that are too long to keep are kept as what the given digest makes of the whole of them.
#[test]
fn r115_long_names_are_told_apart_by_a_digest_with_a_key() {
    let limits = vec![limit(0, 3, Span::Day, &[By::Subject])];
    let used = |key: u64, names: &[String]| {
        let clock = hand();
        let counts = Counts::new(Arc::<Hand>::clone(&clock), digest(key));
        let limiter = counts.limiter(&limits, 10_000);
        let stand = Stand {
            clock,
            limits: limits.clone(),
            counts,
            limiter,
        };
        for name in names {
            assert_eq!(stand.passed(5, &identity("key", name)), 3, "{name}");
        }
        let mut used = stand.counts.quotas().remove(0).used;
        used.sort();
        used
    };
    // They differ in the last letter only.
    let names: Vec<String> = (0..20)
        .map(|n| format!("{}{n:02}", "x".repeat(5000)))
        .collect();
    let first = used(1, &names);
    assert_eq!(first.len(), 20);
    assert!(first.iter().all(|(key, _)| key.len() == 65), "{first:?}");
    assert_eq!(used(1, &names), first);
    let other = used(2, &names);
    assert!(other.iter().all(|kept| !first.contains(kept)));
    // Nobody is called what a digest looks like.
    let named = used(1, &[first[0].0.to_string()]);
    assert!(!first.contains(&named[0]));
}
