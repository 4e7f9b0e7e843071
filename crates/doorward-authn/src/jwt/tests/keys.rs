//! Getting keys, and doing without.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use doorward_crypto::jose::SigningKey;
use doorward_store::{IssuerRecord, KeySource};
use serde_json::json;

use super::{Bench, Disk, ISSUER, JWKS, Web, bearer, claims, jwks, record};
use crate::testing::{Counting, authenticate, outcome};

const METADATA: &str = "https://a.example/.well-known/openid-configuration";
const OAUTH_METADATA: &str = "https://a.example/.well-known/oauth-authorization-server";
const HOUR: Duration = Duration::from_hours(1);

fn sign(key: &SigningKey) -> String {
    key.sign("at+jwt", &long_lived().to_string()).unwrap()
}

fn long_lived() -> serde_json::Value {
    super::with(json!({ "exp": crate::testing::START + 10_000_000 }))
}

/// A token that names a key nobody has.
fn stray(n: usize) -> String {
    let header = json!({ "alg": "ES256", "typ": "at+jwt", "kid": format!("k{n}") });
    super::forge(&header.to_string(), &claims().to_string(), "AAAA")
}

#[tokio::test]
async fn r005_a_thousand_unknown_keys_cause_one_fetch() {
    let bench = Arc::new(Bench::new().await);
    bench.clock.advance(Duration::from_secs(11));
    let requests: Vec<_> = (0..1000)
        .map(|n| {
            let bench = bench.clone();
            tokio::spawn(async move {
                let head = bearer(&stray(n));
                outcome(authenticate(&bench.method, &head, None).await)
            })
        })
        .collect();
    let mut waited = 0;
    for request in requests {
        match request.await.unwrap().as_str() {
            "jwt_key" => waited += 1,
            // Whoever finds the waiting room full has not been judged.
            code => assert_eq!(code, "jwks_unavailable"),
        }
    }
    assert!(waited >= 64, "{waited}");
    assert_eq!(bench.web.fetched(), [JWKS]);
    assert_eq!(bench.send(&sign(&bench.key)).await, "alice");
    // Within the cool-down nobody asks again.
    assert_eq!(bench.send(&stray(2000)).await, "jwt_key");
    assert!(bench.web.fetched().is_empty());
    bench.clock.advance(Duration::from_secs(11));
    assert_eq!(bench.send(&stray(2000)).await, "jwt_key");
    assert_eq!(bench.web.fetched(), [JWKS]);
}

#[tokio::test]
async fn r017_a_new_key_works_at_once_and_a_removed_one_stops() {
    let bench = Bench::new().await;
    let new = bench.another_key();
    let (old_token, new_token) = (sign(&bench.key), sign(&new));
    assert_eq!(bench.send(&old_token).await, "alice");
    bench.clock.advance(Duration::from_secs(11));
    bench.web.publish(&[&bench.key, &new]);
    assert_eq!(bench.send(&new_token).await, "alice");
    assert_eq!(bench.send(&old_token).await, "alice");
    bench.web.publish(&[&new]);
    bench.advance(Duration::from_mins(5)).await;
    assert_eq!(bench.send(&old_token).await, "jwt_key");
    assert_eq!(bench.send(&new_token).await, "alice");
}

#[tokio::test]
async fn r017_an_equal_key_set_forgets_nothing() {
    let bench = Bench::new().await;
    let token = sign(&bench.key);
    assert_eq!(bench.send(&token).await, "alice");
    let stamp = || {
        bench
            .issuers
            .lookup(ISSUER)
            .map(|i| i.keys.holder().peek().unwrap().generation)
    };
    let before = stamp();
    bench.advance(Duration::from_mins(5)).await;
    assert_eq!(bench.web.fetched(), [JWKS]);
    assert_eq!(stamp(), before);
}

#[tokio::test]
async fn the_period_follows_max_age_within_bounds() {
    let bench = Bench::new().await;
    for (max_age, early, due) in [(60, 299, 1), (1200, 1199, 1), (1_000_000, 3599, 1)] {
        *bench.web.max_age.lock().unwrap() = Some(Duration::from_secs(max_age));
        bench.advance(2 * HOUR).await;
        bench.web.fetched();
        bench.advance(Duration::from_secs(early)).await;
        assert!(bench.web.fetched().is_empty(), "{max_age}");
        bench.advance(Duration::from_secs(due)).await;
        assert_eq!(bench.web.fetched(), [JWKS], "{max_age}");
    }
}

#[tokio::test]
async fn r018_a_broken_issuer_keeps_its_keys_for_a_day_and_then_fails_closed() {
    let bench = Bench::new().await;
    let token = sign(&bench.key);
    assert_eq!(bench.send(&token).await, "alice");
    let large = "x".repeat(10_000_000);
    for broken in [
        "",
        "garbage",
        "[]",
        "{\"keys\":7}",
        "{\"keys\":[],\"keys\":[]}",
        &large,
    ] {
        bench.web.put_text(JWKS, broken);
        bench.advance(HOUR).await;
        assert_eq!(bench.send(&token).await, "alice", "{broken:.20}");
    }
    bench.web.break_down();
    bench.advance(18 * HOUR).await;
    assert_eq!(bench.send(&token).await, "alice");
    let status = bench.issuers.status();
    assert_eq!(status[0].last_error.as_deref(), Some("the answer is 500"));
    bench.advance(Duration::from_secs(1)).await;
    // Also what is remembered as verified.
    assert_eq!(bench.send(&token).await, "jwks_unavailable");
    bench.web.publish(&[&bench.key]);
    bench.advance(Duration::from_mins(6)).await;
    assert_eq!(bench.send(&token).await, "alice");
}

#[tokio::test]
async fn r018_failures_are_retried_ever_less_often() {
    let bench = Bench::new().await;
    bench.web.break_down();
    bench.advance(HOUR).await;
    let mut attempts = 0;
    for _ in 0..3600 {
        bench.advance(Duration::from_secs(1)).await;
        attempts += bench.web.fetched().len();
    }
    assert!((12..25).contains(&attempts), "{attempts}");
}

#[tokio::test(start_paused = true)]
async fn r018_an_issuer_that_hangs_delays_nobody_for_long() {
    let bench = Bench::cold();
    bench.configure(&[record()]);
    bench.web.hangs.store(true, Ordering::Relaxed);
    let before = tokio::time::Instant::now();
    assert_eq!(bench.send(&sign(&bench.key)).await, "jwks_unavailable");
    assert_eq!(before.elapsed(), Duration::from_secs(2));
    // The attempt itself ends too, and others do not start one meanwhile.
    assert_eq!(bench.send(&sign(&bench.key)).await, "jwks_unavailable");
    tokio::time::sleep(Duration::from_secs(20)).await;
    assert_eq!(bench.web.fetched().len(), 1);
    let status = bench.issuers.status();
    assert_eq!(status[0].last_error.as_deref(), Some("no answer in time"));
    bench.web.hangs.store(false, Ordering::Relaxed);
    bench.web.publish(&[&bench.key]);
    bench.clock.advance(Duration::from_secs(11));
    assert_eq!(bench.send(&sign(&bench.key)).await, "alice");
}

#[tokio::test]
async fn r018_the_waiting_room_is_left_when_a_request_goes_away() {
    let bench = Bench::cold();
    bench.configure(&[record()]);
    bench.web.hangs.store(true, Ordering::Relaxed);
    let token = sign(&bench.key);
    for _ in 0..200 {
        let head = bearer(&token);
        let mut request = Box::pin(authenticate(&bench.method, &head, None));
        let poll = std::future::poll_fn(|context| {
            std::task::Poll::Ready(request.as_mut().poll(context).is_pending())
        });
        assert!(poll.await, "every one of them may wait");
    }
}

#[tokio::test]
async fn r018_the_last_good_keys_survive_a_restart() {
    let bench = Bench::new().await;
    let token = sign(&bench.key);
    let (web, disk) = (Arc::<Web>::default(), bench.disk.clone());
    let restarted = Bench::with(web, disk, Counting::new());
    restarted.clock.advance(23 * HOUR);
    restarted.configure(&[record()]);
    restarted.tick().await;
    assert_eq!(restarted.send(&token).await, "alice");
    restarted.advance(HOUR + Duration::from_secs(1)).await;
    assert_eq!(restarted.send(&token).await, "jwks_unavailable");

    // Kept keys do not follow an issuer to another address, and must not be from the future.
    for (url, ahead) in [("https://a.example/moved", 0), (JWKS, 10)] {
        let disk = Arc::<Disk>::default();
        let other = Bench::with(Arc::default(), disk, Counting::new());
        for (name, (keys, at)) in bench.disk.0.lock().unwrap().iter() {
            let at = at.plus(Duration::from_secs(ahead));
            other
                .disk
                .0
                .lock()
                .unwrap()
                .insert(name.clone(), (keys.clone(), at));
        }
        other.configure(&[IssuerRecord {
            keys: KeySource::JwksUrl(url.to_owned()),
            ..record()
        }]);
        assert_eq!(
            other.send(&token).await,
            "jwks_unavailable",
            "{url} {ahead}"
        );
    }
}

fn discovering() -> (Bench, IssuerRecord) {
    let bench = Bench::cold();
    let record = IssuerRecord {
        keys: KeySource::Discovery,
        ..record()
    };
    bench.configure(std::slice::from_ref(&record));
    bench.web.publish(&[&bench.key]);
    (bench, record)
}

#[tokio::test]
async fn metadata_says_where_the_keys_are() {
    let (bench, _) = discovering();
    bench.web.put(
        OAUTH_METADATA,
        &json!({ "issuer": ISSUER, "jwks_uri": JWKS }),
    );
    bench.tick().await;
    assert_eq!(bench.web.fetched(), [METADATA, OAUTH_METADATA, JWKS]);
    assert_eq!(bench.send(&sign(&bench.key)).await, "alice");
    // An unknown key costs one fetch, not three.
    bench.clock.advance(Duration::from_secs(11));
    assert_eq!(bench.send(&stray(0)).await, "jwt_key");
    assert_eq!(bench.web.fetched(), [JWKS]);
}

#[tokio::test]
async fn metadata_of_somebody_else_is_refused() {
    let far = "https://a.example/jwks";
    for (metadata, error) in [
        (
            json!({ "issuer": "https://a.example/", "jwks_uri": far }),
            "not of this one",
        ),
        (
            json!({ "issuer": "https://b.example", "jwks_uri": far }),
            "not of this one",
        ),
        (json!({ "jwks_uri": far }), "not a JSON object"),
        (
            json!({ "issuer": ISSUER, "jwks_uri": 7 }),
            "not a JSON object",
        ),
        (
            json!({ "issuer": ISSUER, "jwks_uri": "http://a.example/jwks" }),
            "not https",
        ),
        (
            json!({ "issuer": ISSUER, "jwks_uri": "file:///etc/passwd" }),
            "not https",
        ),
    ] {
        let (bench, _) = discovering();
        bench.web.put(METADATA, &metadata);
        bench.tick().await;
        assert_eq!(bench.web.fetched(), [METADATA], "{metadata}");
        let status = bench.issuers.status();
        let found = status[0].last_error.clone().unwrap();
        assert!(found.contains(error), "{metadata}: {found}");
        assert_eq!(bench.send(&sign(&bench.key)).await, "jwks_unavailable");
    }
}

#[tokio::test]
async fn key_files_are_read_again_when_they_change() {
    let bench = Bench::cold();
    let path = std::env::temp_dir().join(format!("doorward-jwks-{}", std::process::id()));
    std::fs::write(&path, jwks(&[&bench.key]).to_string()).unwrap();
    let keys = KeySource::JwksFile(path.to_string_lossy().into_owned());
    bench.configure(&[IssuerRecord { keys, ..record() }]);
    bench.tick().await;
    let new = bench.another_key();
    assert_eq!(bench.send(&sign(&bench.key)).await, "alice");
    assert_eq!(bench.send(&sign(&new)).await, "jwt_key");
    std::fs::write(&path, jwks(&[&new]).to_string()).unwrap();
    bench.advance(Duration::from_secs(5)).await;
    assert_eq!(bench.send(&sign(&new)).await, "alice");
    assert_eq!(bench.send(&sign(&bench.key)).await, "jwt_key");
    std::fs::remove_file(&path).unwrap();
    bench.advance(Duration::from_secs(5)).await;
    assert_eq!(bench.send(&sign(&new)).await, "alice");
    bench.advance(25 * HOUR).await;
    assert_eq!(bench.send(&sign(&new)).await, "jwks_unavailable");
    assert!(bench.web.fetched().is_empty());
}

#[tokio::test]
async fn status_names_keys_that_cannot_be_used() {
    let bench = Bench::cold();
    bench.configure(&[record()]);
    let mut set = jwks(&[&bench.key]);
    set["keys"][0]["use"] = json!("enc");
    bench.web.put(JWKS, &set);
    bench.tick().await;
    let status = bench.issuers.status();
    assert_eq!(
        (status[0].keys, status[0].skipped.len()),
        (0, 1),
        "{status:?}"
    );
    assert_eq!(bench.send(&sign(&bench.key)).await, "jwt_key");
}
