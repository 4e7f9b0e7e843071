//! A command that changes a credential has its effect on the very next request.

use serde_json::json;

use crate::door::{Door, Home, ONE_ROUTE};
use crate::mint::{Draft, jwk, jwks, now, verify};
use crate::peer::{Recorder, header, python};
use crate::wait::until;

const PASSWORD: &str = "a-password-of-alice";
const PARTNER: &str = "https://partner.example";

fn stand() -> (Recorder, Door) {
    let upstream = Recorder::start();
    let door = Home::before(upstream.port, ONE_ROUTE).serve();
    (upstream, door)
}

fn status(door: &Door, credential: &str) -> u16 {
    door.bearer("/get", credential).status
}

#[test]
fn k07_a_key_works_on_the_first_request_after_it_is_created() {
    let (_upstream, door) = stand();
    for _ in 0..10 {
        let key = door.key("orders:read");
        assert_eq!(status(&door, &key), 200);
    }
    // Also after the door has refused it: nothing remembers that a key was unknown.
    let unknown = "dw_sk_live_0000000000000000000000000000000000000";
    assert_eq!(status(&door, unknown), 401);
}

#[test]
fn k06_r024_a_revoked_key_is_refused_on_the_next_request() {
    let (_upstream, door) = stand();
    for _ in 0..10 {
        let (key, id) = door.key_with(&["--name", "k", "--scope", "orders:read"]);
        for _ in 0..3 {
            assert_eq!(status(&door, &key), 200);
        }
        let said = door.json(&["key", "revoke", &id]);
        assert_eq!(said["servers_told"], 1, "{said}");
        let got = door.bearer("/get", &key);
        assert_eq!(got.status, 401);
        let record = door.decision(&got.decision_id());
        assert_eq!(record["reason"], "credential_revoked", "{record}");
        assert_eq!(record["credential_id"], id.as_str());
    }
}

#[test]
fn r026_a_rotated_key_works_until_its_overlap_ends() {
    let (_upstream, door) = stand();
    let (old, id) = door.key_with(&["--name", "k", "--scope", "orders:read"]);
    let made = door.json(&["key", "rotate", &id, "--overlap", "24h"]);
    let new = made["key"].as_str().unwrap();
    assert_eq!((status(&door, &old), status(&door, new)), (200, 200));
    assert_ne!(door.run(&["key", "rotate", &id]).code, 0, "rotated twice");
    let second = made["id"].as_str().unwrap();
    let last = door.json(&["key", "rotate", second, "--overlap", "1s"]);
    let last = last["key"].as_str().unwrap();
    until("the overlap ends", || {
        (status(&door, new) == 401).then_some(())
    });
    assert_eq!(status(&door, last), 200);
    let none = last_id(&door, last);
    let now = door.json(&["key", "rotate", &none, "--overlap", "0s"]);
    assert_eq!(status(&door, last), 401);
    assert_eq!(status(&door, now["key"].as_str().unwrap()), 200);
    let shown = door.json(&["key", "show", &id]);
    assert_eq!(shown["state"], "ending", "{shown}");
}

fn last_id(door: &Door, key: &str) -> String {
    let got = door.bearer("/get", key);
    assert_eq!(got.status, 200);
    door.decision(got.one("doorward-decision"))["credential_id"]
        .as_str()
        .unwrap()
        .to_owned()
}

#[test]
fn users_change_on_the_next_request() {
    let (_upstream, door) = stand();
    let call = |password: &str| door.basic("/get", "alice", password).status;
    assert_eq!(call(PASSWORD), 401);
    door.user("alice", PASSWORD, "orders:read");
    assert_eq!(call(PASSWORD), 200);
    door.json(&["user", "disable", "alice"]);
    assert_eq!(call(PASSWORD), 401);
    door.json(&["user", "enable", "alice"]);
    assert_eq!(call(PASSWORD), 200);
    let other = "another-password-of-alice";
    let ran = door.run_with(&["user", "passwd", "alice"], other);
    assert_eq!(ran.code, 0, "{ran:?}");
    assert_eq!(call(PASSWORD), 401, "the old password lives on in a cache");
    assert_eq!(call(other), 200);
    door.json(&["user", "remove", "alice"]);
    assert_eq!(call(other), 401);
}

#[test]
fn imported_users_enter_and_move_to_argon2id() {
    let (_upstream, door) = stand();
    // Of the passwords `myPassword`, by Apache's documentation and by htpasswd.
    let file = "apache:$apr1$qHDFfhPC$nITSVHgYbDAK1Y0acGRnY0\n\
                sha:{SHA}VBPuJHI7uixaa6LQGWx4s+5GKNE=\n";
    door.write("staff.htpasswd", file);
    door.json(&["user", "import", "staff.htpasswd", "--scope", "orders:read"]);
    for user in ["apache", "sha"] {
        assert_eq!(door.basic("/get", user, "myPassword").status, 200, "{user}");
        assert_eq!(door.basic("/get", user, "mypassword").status, 401, "{user}");
    }
    let database = || {
        let files = crate::door::files(&door.path("data"));
        let bytes: Vec<u8> = files
            .into_iter()
            .filter(|(path, _)| path.to_string_lossy().contains("doorward.db"))
            .flat_map(|(_, bytes)| bytes)
            .collect();
        String::from_utf8_lossy(&bytes).into_owned()
    };
    until("the hashes are replaced", || {
        (database().matches("$argon2id$").count() >= 2).then_some(())
    });
    assert_eq!(door.basic("/get", "sha", "myPassword").status, 200);
}

#[test]
fn issuers_come_and_go_on_the_next_request() {
    if python().is_none() {
        return;
    }
    let (_upstream, door) = stand();
    door.write("keys.json", &jwks(&["ES256"]));
    let token = Draft::new(PARTNER, "ES256").sign();
    assert_eq!(status(&door, &token), 401);
    let add = [
        "issuer",
        "add",
        PARTNER,
        "--name",
        "partner",
        "--jwks-file",
        "keys.json",
    ];
    let audience = ["--audience", "https://api.example"];
    door.json(&[&add[..], &audience].concat());
    until("the key set is read", || {
        (status(&door, &token) == 200).then_some(())
    });
    door.json(&["issuer", "remove", "partner"]);
    assert_eq!(status(&door, &token), 401);
    door.json(&[&add[..], &["--audience", "https://other.example"]].concat());
    until("the key set is read", || {
        (status(&door, &token) == 401).then_some(())
    });
}

#[test]
fn r019_a_revoked_token_is_refused_on_the_next_request_also_when_remembered() {
    let (_upstream, door) = stand();
    let issue = ["--sub", "billing", "--scope", "orders:read"];
    for whole in [true, false] {
        let (token, jti) = door.token(&issue);
        for _ in 0..3 {
            assert_eq!(status(&door, &token), 200);
        }
        door.revoke_token(if whole { &token } else { &jti });
        assert_eq!(status(&door, &token), 401);
    }
    let (other, _) = door.token(&issue);
    assert_eq!(status(&door, &other), 200);
}

#[test]
fn r019_credentials_end_on_time_also_when_remembered() {
    if python().is_none() {
        return;
    }
    let upstream = Recorder::start();
    let issuer = "[trusted_issuer.partner]\nissuer = \"https://partner.example\"\n\
                  audience = [\"https://api.example\"]\njwks_file = \"keys.json\"\nleeway = \"0s\"\n";
    let home = Home::before(upstream.port, &format!("{issuer}{ONE_ROUTE}"));
    home.write("keys.json", &jwks(&["ES256"]));
    let door = home.serve();
    let warm = Draft::new(PARTNER, "ES256").sign();
    until("the key set is read", || {
        (status(&door, &warm) == 200).then_some(())
    });
    let end = now() + 3;
    let token = Draft::new(PARTNER, "ES256").claim("exp", end).sign();
    let (key, _) = door.key_with(&["--name", "k", "--scope", "orders:read", "--expires", "3s"]);
    for credential in [&token, &key] {
        let answers = until("the credential ends", || {
            let before = now();
            let got = door.bearer("/get", credential);
            let after = now();
            (got.status != 200).then_some((before, after, got))
        });
        let (_, after, got) = answers;
        assert_eq!(got.json()["code"], "credential_expired");
        assert!(after >= end - 1, "ended too early");
        assert!(after <= end + 5, "ended too late");
    }
    // At the second itself it is over: tried at the very moment, not some time later.
    let record = door.read("decisions.jsonl");
    let allowed = record.lines().filter_map(|line| {
        let record: serde_json::Value = serde_json::from_str(line).ok()?;
        (record["outcome"] == "allowed").then(|| record["ts"].as_str().unwrap().to_owned())
    });
    let last = allowed.max().unwrap();
    let refused = record
        .lines()
        .find(|line| line.contains("credential_expired"))
        .unwrap();
    assert!(
        refused.contains("\"failed_check\":\"expired\""),
        "{last} {refused}"
    );
}

#[test]
fn r017_r075_rotated_signing_keys_keep_old_tokens_valid() {
    if python().is_none() {
        return;
    }
    let (upstream, door) = stand();
    let issue = ["--sub", "billing", "--scope", "orders:read"];
    let published = || door.curl("/.well-known/jwks.json", &[]).json();
    let (old, _) = door.token(&issue);
    assert_eq!(status(&door, &old), 200);
    let before = published();
    let next: Vec<_> = before["keys"].as_array().unwrap().clone();
    assert!(next.len() >= 2, "the next key is published before it signs");
    door.json(&["signing-key", "rotate"]);
    let (new, _) = door.token(&issue);
    assert_eq!((status(&door, &old), status(&door, &new)), (200, 200));
    let kid = kid_of(&new);
    assert!(
        next.iter().any(|key| key["kid"] == kid.as_str()),
        "an unpublished key signs"
    );
    assert_ne!(kid, kid_of(&old));
    let after = published();
    for token in [&old, &new] {
        let kid = kid_of(token);
        let keys = after["keys"].as_array().unwrap();
        let key = keys.iter().find(|key| key["kid"] == kid.as_str()).unwrap();
        assert!(key.get("d").is_none(), "{key}");
        // PyJWT agrees.
        let claims = verify(token, key, "ES256", "https://api.example");
        assert_eq!(claims["sub"], "billing");
        assert_eq!(claims["iss"], "https://door.example");
    }
    let head = upstream.heads().pop().unwrap();
    let assertion = header(&head, "doorward-assertion").unwrap().to_owned();
    let audience = format!("http://127.0.0.1:{}", upstream.port);
    let keys = after["keys"].as_array().unwrap();
    let kid = kid_of(&assertion);
    let key = keys.iter().find(|key| key["kid"] == kid.as_str()).unwrap();
    let claims = verify(&assertion, key, "ES256", &audience);
    assert_eq!(claims["sub"], "billing");
    assert_eq!(claims["scope"], "orders:read");
    assert_ne!(jwk("good", "ES256"), json!(null));
}

fn kid_of(token: &str) -> String {
    use base64::Engine;
    let head = token.split('.').next().unwrap();
    let bytes = base64::engine::general_purpose::URL_SAFE_NO_PAD
        .decode(head)
        .unwrap();
    let header: serde_json::Value = serde_json::from_slice(&bytes).unwrap();
    header["kid"].as_str().unwrap().to_owned()
}

#[test]
fn changes_while_the_server_is_stopped_count_when_it_starts() {
    let (_upstream, mut door) = stand();
    let (kept, _) = door.key_with(&["--name", "kept", "--scope", "orders:read"]);
    let (gone, id) = door.key_with(&["--name", "gone", "--scope", "orders:read"]);
    let (token, jti) = door.token(&["--sub", "b", "--scope", "orders:read"]);
    door.user("alice", PASSWORD, "orders:read");
    assert_eq!(status(&door, &gone), 200);
    assert!(door.stop().success());
    let said = door.json(&["key", "revoke", &id]);
    assert_eq!(said["servers_told"], 0, "{said}");
    door.revoke_token(&jti);
    door.json(&["user", "disable", "alice"]);
    let made = door.key("orders:read");
    door.restart();
    assert_eq!(status(&door, &kept), 200);
    assert_eq!(status(&door, &made), 200);
    assert_eq!(status(&door, &gone), 401);
    assert_eq!(status(&door, &token), 401);
    assert_eq!(door.basic("/get", "alice", PASSWORD).status, 401);
}

#[test]
fn last_use_is_written_and_not_with_every_request() {
    let (_upstream, door) = stand();
    let (key, id) = door.key_with(&["--name", "k", "--scope", "orders:read"]);
    assert!(door.json(&["key", "show", &id])["last_used_at"].is_null());
    for _ in 0..20 {
        assert_eq!(status(&door, &key), 200);
    }
    until("the last use is written", || {
        door.json(&["key", "show", &id])["last_used_at"]
            .as_str()
            .map(str::to_owned)
    });
}
