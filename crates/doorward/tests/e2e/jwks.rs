//! The key set client, against a small issuer on loopback.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use serde_json::json;

use crate::curl::Answer;
use crate::door::{Door, Home, ONE_ROUTE};
use crate::mint::{Draft, jwk, jwks};
use crate::peer::{Recorder, python};
use crate::wait::until;

/// An issuer whose answers a test can change.
struct Issuer {
    server: Recorder,
    answer: Arc<Mutex<Vec<u8>>>,
    fetches: Arc<AtomicUsize>,
}

impl Issuer {
    fn start() -> Self {
        let answer = Arc::new(Mutex::new(Vec::new()));
        let fetches = Arc::new(AtomicUsize::new(0));
        let (current, count) = (Arc::clone(&answer), Arc::clone(&fetches));
        let server = Recorder::answering(move |head| {
            if head.starts_with("GET /.well-known/") {
                let host = crate::peer::header(head, "host").unwrap();
                let metadata = json!({
                    "issuer": format!("http://{host}"),
                    "jwks_uri": format!("http://{host}/keys"),
                });
                return ok(&metadata.to_string());
            }
            count.fetch_add(1, Ordering::SeqCst);
            current.lock().unwrap().clone()
        });
        Self {
            server,
            answer,
            fetches,
        }
    }

    fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.server.port)
    }

    fn says(&self, answer: Vec<u8>) {
        *self.answer.lock().unwrap() = answer;
    }

    fn keys(&self, names: &[&str]) {
        let keys: Vec<_> = names.iter().map(|name| jwk(name, "ES256")).collect();
        self.says(ok(&json!({ "keys": keys }).to_string()));
    }

    fn fetched(&self) -> usize {
        self.fetches.load(Ordering::SeqCst)
    }

    fn token(&self, key: &'static str) -> String {
        Draft::new(&self.url(), "ES256").key(key).sign()
    }
}

fn ok(body: &str) -> Vec<u8> {
    let length = body.len();
    format!("HTTP/1.1 200 OK\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{body}")
        .into_bytes()
}

/// A door that trusts issuers, and may fetch from loopback.
fn door_for(issuers: &[(&Issuer, &str)]) -> (Recorder, Door) {
    let upstream = Recorder::start();
    let mut rest = "[outbound]\nallow = [\"127.0.0.0/8\"]\n".to_owned();
    for (n, (issuer, keys)) in issuers.iter().enumerate() {
        let url = issuer.url();
        rest.push_str(&format!(
            "[trusted_issuer.i{n}]\nissuer = \"{url}\"\naudience = [\"https://api.example\"]\n{keys}\n"
        ));
    }
    rest.push_str(ONE_ROUTE);
    let door = Home::before(upstream.port, &rest).serve();
    (upstream, door)
}

fn call(door: &Door, token: &str) -> Answer {
    door.bearer("/get", token)
}

#[test]
fn keys_are_discovered_and_fetched_once() {
    if python().is_none() {
        return;
    }
    let issuer = Issuer::start();
    issuer.keys(&["good"]);
    let (_upstream, door) = door_for(&[(&issuer, "")]);
    for _ in 0..20 {
        assert_eq!(call(&door, &issuer.token("good")).status, 200);
    }
    assert_eq!(issuer.fetched(), 1);
    let heads = issuer.server.heads();
    for head in &heads {
        let lower = head.to_lowercase();
        assert!(
            !lower.contains("authorization") && !lower.contains("cookie"),
            "{head}"
        );
    }
}

#[test]
fn r017_a_new_key_works_while_the_old_one_lives() {
    if python().is_none() {
        return;
    }
    let issuer = Issuer::start();
    issuer.keys(&["old"]);
    let (_upstream, door) = door_for(&[(&issuer, "")]);
    assert_eq!(call(&door, &issuer.token("old")).status, 200);
    issuer.keys(&["old", "new"]);
    // Its first use fetches the set again, once the cool-down is over.
    let new = issuer.token("new");
    until("the new key is known", || {
        (call(&door, &new).status == 200).then_some(())
    });
    assert_eq!(call(&door, &issuer.token("old")).status, 200);
    // A key that is gone stops verifying when the set is fetched the next time.
    issuer.keys(&["new", "newest"]);
    let newest = issuer.token("newest");
    until("the newest key is known", || {
        (call(&door, &newest).status == 200).then_some(())
    });
    assert_eq!(call(&door, &issuer.token("old")).status, 401);
    assert_eq!(call(&door, &new).status, 200);
}

#[test]
fn r005_a_storm_of_unknown_kids_causes_at_most_two_fetches() {
    if python().is_none() {
        return;
    }
    let issuer = Issuer::start();
    issuer.keys(&["good"]);
    let (_upstream, door) = door_for(&[(&issuer, "")]);
    let good = issuer.token("good");
    assert_eq!(call(&door, &good).status, 200);
    let before = issuer.fetched();
    let draft = Draft::new(&issuer.url(), "ES256").key("other");
    let tokens: Vec<String> = (0..1000)
        .map(|n| draft.clone().header("kid", format!("unknown-{n}")).sign())
        .collect();
    let began = Instant::now();
    std::thread::scope(|scope| {
        for part in tokens.chunks(500) {
            let door = &door;
            scope.spawn(move || {
                for status in storm(door, part) {
                    assert!(matches!(status, 401 | 503), "{status}");
                }
            });
        }
        for _ in 0..20 {
            let start = Instant::now();
            assert_eq!(call(&door, &good).status, 200);
            assert!(
                start.elapsed() < Duration::from_secs(3),
                "others are slowed"
            );
        }
    });
    // One fetch in ten seconds, however slow this machine is.
    let allowed = 1 + usize::try_from(began.elapsed().as_secs() / 10).unwrap();
    let fetched = issuer.fetched() - before;
    assert!(
        fetched <= allowed.max(2),
        "{fetched} fetches in {:?}",
        began.elapsed()
    );
}

/// One curl with many requests.
fn storm(door: &Door, tokens: &[String]) -> Vec<u16> {
    let mut config = String::new();
    for token in tokens {
        config.push_str(&format!(
            "url = \"{}\"\nheader = \"Authorization: Bearer {token}\"\n\
             output = /dev/null\nwrite-out = \"%{{http_code}}\\n\"\n\
             cacert = \"{}\"\nnoproxy = \"*\"\nnext\n",
            door.url("/get"),
            door.ca().display()
        ));
    }
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), config.trim_end_matches("next\n")).unwrap();
    let mut curl = std::process::Command::new("curl");
    curl.args(["-q", "-sS", "-K"]).arg(file.path());
    let out = curl.output().unwrap();
    let text = String::from_utf8(out.stdout).unwrap();
    let statuses: Vec<u16> = text.lines().filter_map(|line| line.parse().ok()).collect();
    assert_eq!(
        statuses.len(),
        tokens.len(),
        "{}",
        String::from_utf8_lossy(&out.stderr)
    );
    statuses
}

#[test]
fn r018_the_last_good_keys_outlive_every_kind_of_failure() {
    if python().is_none() {
        return;
    }
    let issuer = Issuer::start();
    issuer.keys(&["good"]);
    let (_upstream, mut door) = door_for(&[(&issuer, "")]);
    let good = issuer.token("good");
    assert_eq!(call(&door, &good).status, 200);
    let location = |target: &str| {
        format!("HTTP/1.1 302 Found\r\nLocation: {target}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
            .into_bytes()
    };
    let trap = Recorder::start();
    let large = format!("{{\"keys\":[],\"x\":\"{}\"}}", "a".repeat(10_000_000));
    let before = door.memory_kib();
    for (what, answer) in [
        (
            "500",
            b"HTTP/1.1 500 Oops\r\nContent-Length: 0\r\n\r\n".to_vec(),
        ),
        ("garbage", b"\x00\x01\x02 nonsense\r\n\r\n".to_vec()),
        ("nothing", Vec::new()),
        ("no JSON", ok("<html>")),
        ("other JSON", ok("[1,2,3]")),
        ("10 MB", ok(&large)),
        ("to a file", location("file:///etc/passwd")),
        (
            "to metadata",
            location("http://169.254.169.254/latest/meta-data/"),
        ),
        (
            "to a neighbour",
            location(&format!("http://127.0.0.1:{}/keys", trap.port)),
        ),
    ] {
        issuer.says(answer);
        // A restart fetches at once; the keys kept on disk are in force meanwhile.
        door.stop();
        door.restart();
        let start = Instant::now();
        let got = call(&door, &good);
        assert!(start.elapsed() < Duration::from_secs(10), "{what}: a hang");
        assert_eq!(got.status, 200, "{what}: {got:?}");
        let unknown = call(&door, &issuer.token("other"));
        assert!(matches!(unknown.status, 401 | 503), "{what}: {unknown:?}");
    }
    assert!(trap.heads().is_empty(), "a redirect was followed");
    assert!(door.memory_kib() < before + 32 * 1024, "memory grew");
}

#[test]
fn r018_without_any_keys_the_door_fails_closed_and_recovers() {
    if python().is_none() {
        return;
    }
    let issuer = Issuer::start();
    issuer.says(b"HTTP/1.1 500 Oops\r\nContent-Length: 0\r\nConnection: close\r\n\r\n".to_vec());
    let (_upstream, door) = door_for(&[(&issuer, "")]);
    let good = issuer.token("good");
    let got = call(&door, &good);
    assert_eq!(got.status, 503, "{got:?}");
    assert!(got.one("retry-after").parse::<u32>().unwrap() >= 1);
    let record = door.decision(&got.decision_id());
    assert_eq!(record["failed_check"], "available");
    assert_eq!(record["reason"], "jwks_unavailable");
    issuer.keys(&["good"]);
    until("it recovers by itself", || {
        (call(&door, &good).status == 200).then_some(())
    });
}

#[test]
fn r018_a_slow_issuer_hangs_nobody() {
    if python().is_none() {
        return;
    }
    let (_never, wait) = std::sync::mpsc::channel::<()>();
    let wait = Mutex::new(wait);
    let slow = Recorder::answering(move |_| {
        let _ended = wait.lock().unwrap().recv();
        Vec::new()
    });
    let upstream = Recorder::start();
    let url = format!("http://127.0.0.1:{}", slow.port);
    let rest = format!(
        "[outbound]\nallow = [\"127.0.0.0/8\"]\n[trusted_issuer.slow]\nissuer = \"{url}\"\n\
         audience = [\"https://api.example\"]\n{ONE_ROUTE}"
    );
    let home = Home::before(upstream.port, &rest);
    let key = home.key("orders:read");
    let start = Instant::now();
    let door = home.serve();
    assert!(
        start.elapsed() < Duration::from_secs(5),
        "the start waits for an issuer"
    );
    let start = Instant::now();
    let got = call(&door, &Draft::new(&url, "ES256").sign());
    assert_eq!(got.status, 503, "{got:?}");
    assert!(
        start.elapsed() < Duration::from_secs(5),
        "{:?}",
        start.elapsed()
    );
    let start = Instant::now();
    assert_eq!(call(&door, &key).status, 200);
    assert!(
        start.elapsed() < Duration::from_secs(2),
        "others are slowed"
    );
}

#[test]
fn r118_inside_addresses_are_not_fetched_unless_they_are_listed() {
    if python().is_none() {
        return;
    }
    let issuer = Issuer::start();
    issuer.keys(&["good"]);
    let upstream = Recorder::start();
    let url = issuer.url();
    for keys in [
        String::new(),
        format!("jwks_url = \"{url}/keys\""),
        format!(
            "jwks_url = \"https://127.0.0.1:{}/keys\"",
            issuer.server.port
        ),
        format!(
            "jwks_url = \"https://localhost:{}/keys\"",
            issuer.server.port
        ),
        format!(
            "jwks_url = \"https://[::ffff:127.0.0.1]:{}/keys\"",
            issuer.server.port
        ),
        format!(
            "jwks_url = \"https://0x7f000001:{}/keys\"",
            issuer.server.port
        ),
        format!(
            "jwks_url = \"http://localhost:{}/keys\"",
            issuer.server.port
        ),
    ] {
        let rest = format!(
            "[trusted_issuer.i]\nissuer = \"{url}\"\naudience = [\"https://api.example\"]\n{keys}\n{ONE_ROUTE}"
        );
        let home = Home::before(upstream.port, &rest);
        let ran = home.run(&["check"]);
        let said = format!("{}{}", ran.out, ran.err);
        assert_eq!(ran.code, 1, "{keys} {said}");
        assert!(said.contains("the keys could not be fetched"), "{said}");
        let line = if keys.is_empty() {
            format!("issuer = \"{url}\"")
        } else {
            keys
        };
        let text = home.read("doorward.toml");
        let number = text.lines().position(|text| text == line).unwrap();
        let place = format!("doorward.toml:{}:", number + 1);
        assert!(said.contains(&place), "{place} {said}");
    }
    assert!(issuer.server.heads().is_empty());
}

/// What was listed when an issuer was added may not be listed any more.
#[test]
fn r118_an_inside_address_of_a_stored_issuer_is_not_fetched_unless_it_is_listed() {
    if python().is_none() {
        return;
    }
    let issuer = Issuer::start();
    issuer.keys(&["good"]);
    let upstream = Recorder::start();
    let url = issuer.url();
    let listed = format!("[outbound]\nallow = [\"127.0.0.0/8\"]\n{ONE_ROUTE}");
    let home = Home::before(upstream.port, &listed);
    let keys = format!("{url}/keys");
    let add = ["issuer", "add", &url, "--audience", "https://api.example"];
    home.json(&[&add[..], &["--jwks-url", &keys]].concat());
    let text = home.read("doorward.toml");
    home.write(
        "doorward.toml",
        &text.replace("127.0.0.0/8", "192.0.2.0/24"),
    );
    let door = home.serve();
    let got = call(&door, &issuer.token("good"));
    assert_eq!(got.status, 503, "{got:?}");
    assert!(issuer.server.heads().is_empty());
}

#[test]
fn r011_keys_of_one_issuer_vouch_for_no_other() {
    if python().is_none() {
        return;
    }
    let (one, two) = (Issuer::start(), Issuer::start());
    one.keys(&["one"]);
    two.keys(&["two"]);
    let (_upstream, door) = door_for(&[(&one, ""), (&two, "")]);
    assert_eq!(call(&door, &one.token("one")).status, 200);
    assert_eq!(call(&door, &two.token("two")).status, 200);
    assert_eq!(call(&door, &one.token("two")).status, 401);
    assert_eq!(call(&door, &two.token("one")).status, 401);
}

#[test]
fn r017_a_key_file_may_be_replaced_while_it_is_served() {
    if python().is_none() {
        return;
    }
    let upstream = Recorder::start();
    let rest = format!(
        "[trusted_issuer.i]\nissuer = \"https://partner.example\"\n\
         audience = [\"https://api.example\"]\njwks_file = \"keys.json\"\n{ONE_ROUTE}"
    );
    let home = Home::before(upstream.port, &rest);
    home.write("keys.json", &jwks(&["ES256"]));
    let door = home.serve();
    let token = |alg| Draft::new("https://partner.example", alg).sign();
    until("the file is read", || {
        (call(&door, &token("ES256")).status == 200).then_some(())
    });
    door.write("keys.json", "not a key set");
    door.write("keys.json", &jwks(&["EdDSA"]));
    until("the new file is read", || {
        (call(&door, &token("EdDSA")).status == 200).then_some(())
    });
    assert_eq!(call(&door, &token("ES256")).status, 401);
}
