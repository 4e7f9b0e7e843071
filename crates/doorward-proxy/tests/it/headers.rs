use std::time::Duration;

use doorward_core::policy::Cors;

use crate::harness::*;

const KEY: &str = "X-API-Key: good\r\n";

#[tokio::test]
async fn r100_identity_headers_are_stripped_in_every_alias_and_then_set() {
    let behind = echo().await;
    let mut setup = Setup::to(behind.address);
    setup.upstream.audience = Some("billing".into());
    let proxy = setup.start();
    let spoofs = "X-Doorward-Subject: root\r\nx_doorward_subject: root\r\n\
        X.Doorward.Subject: root\r\nX-DOORWARD-SCOPES: admin\r\nX-User: root\r\nx_user: root\r\n\
        X.User: root\r\nX-Tenant: root\r\nx_tenant: root\r\nX-Forwarded-For: 6.6.6.6\r\n\
        X_Forwarded_For: 6.6.6.6\r\nX-Forwarded-Proto: https\r\nX-Forwarded-Host: root\r\n\
        Forwarded: for=6.6.6.6\r\nX-Real-IP: 6.6.6.6\r\nDoorward-Assertion: root\r\n\
        doorward_assertion: root\r\nX-HTTP-Method-Override: DELETE\r\nX-Kept: yes\r\n";
    let answer = proxy.get("/guarded", &format!("{KEY}{spoofs}")).await;
    assert_eq!(status(&answer), 200, "{answer}");
    let seen = body(&answer);
    for (name, value) in [
        ("x-doorward-subject", "alice"),
        ("x-doorward-method", "api_key"),
        ("x-doorward-credential", "key_1"),
        ("x-doorward-scopes", "read write"),
        ("x-doorward-issuer", "https://issuer.test"),
        ("doorward-assertion", "signed.alice.billing"),
        ("x-forwarded-for", "127.0.0.1"),
        ("x-forwarded-proto", "http"),
        ("x-forwarded-host", "api.test"),
        ("x-kept", "yes"),
    ] {
        assert_eq!(values(seen, name), [value], "{name} in {seen}");
    }
    assert!(
        !seen.contains("root") && !seen.contains("6.6.6.6"),
        "{seen}"
    );
    assert!(!seen.to_lowercase().contains("override"), "{seen}");
    assert!(
        !seen.contains("good"),
        "the credential is not passed on: {seen}"
    );
    let decision = values(&answer, "doorward-decision");
    assert_eq!(values(seen, "x-doorward-decision"), decision);
    assert_eq!(decision.len(), 1);
}

#[tokio::test]
async fn g08_a_public_call_carries_no_identity() {
    let behind = echo().await;
    let proxy = Setup::to(behind.address).start();
    let spoofs = "X-Doorward-Subject: root\r\nX-Doorward-Issuer: root\r\nX-User: root\r\n\
        Authorization: Key good\r\n";
    let answer = proxy.get("/public", spoofs).await;
    assert_eq!(status(&answer), 200);
    let seen = body(&answer).to_lowercase();
    assert!(
        !seen.contains("root") && !seen.contains("x-doorward-subject"),
        "{seen}"
    );
    assert!(!seen.contains("authorization"), "{seen}");
}

#[tokio::test]
async fn r036_a_hostile_subject_stays_one_header() {
    let behind = echo().await;
    let proxy = Setup::to(behind.address).start();
    let answer = proxy.get("/guarded", "X-API-Key: strange\r\n").await;
    let seen = body(&answer);
    assert_eq!(
        values(seen, "x-doorward-subject"),
        ["jo%C3%A9%2C%20a%0D%0AX-Doorward-Scopes:%20admin"]
    );
    assert_eq!(values(seen, "x-doorward-scopes"), ["read write"]);
}

#[tokio::test]
async fn r105_hop_by_hop_headers_and_nominated_ones_end_here() {
    let behind = echo().await;
    let proxy = Setup::to(behind.address).start();
    let request = format!(
        "GET /guarded HTTP/1.1\r\nHost: api.test\r\n{KEY}Connection: close, X-Hop\r\n\
         X-Hop: 1\r\nKeep-Alive: 1\r\nProxy-Connection: 1\r\nProxy-Authorization: 1\r\n\
         Upgrade: foo\r\nTE: gzip\r\nHTTP2-Settings: 1\r\nX-Stays: 1\r\n\r\n"
    );
    let seen = proxy.send(request).await;
    let seen = body(&seen).to_lowercase();
    for gone in [
        "x-hop",
        "keep-alive",
        "proxy-",
        "upgrade",
        "te:",
        "http2-settings",
        "connection:",
    ] {
        assert!(!seen.contains(&format!("\n{gone}")), "{gone} in {seen}");
    }
    assert!(seen.contains("x-stays: 1"));
}

#[tokio::test]
async fn g10_connection_cannot_nominate_our_headers() {
    let behind = echo().await;
    let proxy = Setup::to(behind.address).start();
    for name in ["X-Doorward-Subject", "x_user", "X-API-Key", "Authorization"] {
        let request = format!(
            "GET /guarded HTTP/1.1\r\nHost: api.test\r\n{KEY}Connection: close, {name}\r\n\r\n"
        );
        assert_eq!(status(&proxy.send(request).await), 400, "{name}");
    }
}

#[tokio::test]
async fn r105_response_headers_that_end_here_do_not_reach_the_caller() {
    let behind = canned(
        "HTTP/1.1 200 OK\r\nConnection: keep-alive, X-Internal\r\nX-Internal: 1\r\n\
         Keep-Alive: timeout=5\r\nProxy-Connection: 1\r\nUpgrade: h2c\r\nX-Stays: 1\r\n\
         Doorward-Decision: forged\r\nContent-Length: 2\r\n\r\nok",
    )
    .await;
    let proxy = Setup::to(behind.address).start();
    let answer = proxy.get("/public", "").await.to_lowercase();
    for gone in [
        "x-internal",
        "keep-alive",
        "proxy-",
        "upgrade",
        "forged",
        "server:",
    ] {
        assert!(!answer.contains(gone), "{gone} in {answer}");
    }
    assert!(
        answer.contains("x-stays: 1") && answer.ends_with("ok"),
        "{answer}"
    );
}

#[tokio::test]
async fn the_credential_is_passed_on_only_when_the_rule_says_so() {
    let behind = echo().await;
    let mut setup = Setup::to(behind.address);
    setup.query_key = Some("api_key".into());
    let proxy = setup.start();
    let answer = proxy
        .get("/guarded?a=1&api%5Fkey=x&api_key=good&b=2", "")
        .await;
    assert!(
        body(&answer).starts_with("GET /guarded?a=1&b=2 HTTP/1.1\r\n"),
        "{answer}"
    );

    let mut setup = Setup::to(behind.address);
    setup.query_key = Some("api_key".into());
    setup.forwarding.pass_credential = true;
    let proxy = setup.start();
    let answer = proxy.get("/guarded?api_key=good", "").await;
    assert!(body(&answer).starts_with("GET /guarded?api_key=good HTTP/1.1\r\n"));
    let answer = proxy.get("/guarded", "Authorization: Key good\r\n").await;
    assert_eq!(values(body(&answer), "authorization"), ["Key good"]);

    // An alias was not judged, whatever the upstream makes of it.
    for alias in ["X_Api_Key", "x.api.key", "X-Api_Key"] {
        let sent = format!("Authorization: Key good\r\n{alias}: another\r\n");
        let answer = proxy.get("/guarded", &sent).await;
        assert!(body(&answer).starts_with("GET /guarded "), "{answer}");
        assert!(!body(&answer).contains("another"), "{answer}");
    }
}

#[tokio::test]
async fn the_host_is_the_upstreams_unless_it_is_preserved() {
    let behind = echo().await;
    let answer = Setup::to(behind.address).start().get("/public", "").await;
    assert_eq!(values(body(&answer), "host"), [behind.address.to_string()]);
    let mut setup = Setup::to(behind.address);
    setup.upstream.preserve_host = true;
    let answer = setup.start().get("/public", "").await;
    assert_eq!(values(body(&answer), "host"), ["api.test"]);
}

#[tokio::test]
async fn r123_refusals_carry_the_decision_and_a_problem_body() {
    let behind = echo().await;
    let proxy = Setup::to(behind.address).start();
    let answer = proxy.get("/guarded", "X-API-Key: bad\r\n").await;
    assert_eq!(status(&answer), 401);
    let id = values(&answer, "doorward-decision")[0].to_owned();
    assert!(
        body(&answer).contains(&format!("\"decision_id\":\"{id}\"")),
        "{answer}"
    );
    assert_eq!(
        behind.connections.load(std::sync::atomic::Ordering::SeqCst),
        0
    );
}

#[tokio::test]
async fn own_endpoints_are_answered_before_the_gate() {
    let behind = echo().await;
    let proxy = Setup::to(behind.address).start();
    let answer = proxy.get("/.well-known/jwks.json", "").await;
    assert_eq!(body(&answer), "{\"keys\":[]}");
}

#[tokio::test]
async fn g21_preflights_are_answered_here_and_answers_are_shared() {
    let behind =
        canned("HTTP/1.1 200 OK\r\nAccess-Control-Allow-Origin: *\r\nContent-Length: 2\r\n\r\nok")
            .await;
    let mut setup = Setup::to(behind.address);
    setup.cors = Some(Cors {
        origins: vec!["https://app.test".into()],
        headers: Vec::new(),
        credentials: false,
        max_age: Duration::from_secs(60),
    });
    let proxy = setup.start();
    let preflight = "OPTIONS /guarded HTTP/1.1\r\nHost: api.test\r\nConnection: close\r\n\
        Access-Control-Request-Method: GET\r\nOrigin: https://app.test\r\n\r\n";
    assert_eq!(status(&proxy.send(preflight).await), 204);
    assert_eq!(
        behind.connections.load(std::sync::atomic::Ordering::SeqCst),
        0
    );
    for (origin, allowed) in [
        ("https://app.test", &["https://app.test"][..]),
        ("https://evil.test", &[]),
    ] {
        let answer = proxy.get("/public", &format!("Origin: {origin}\r\n")).await;
        assert_eq!(values(&answer, "access-control-allow-origin"), allowed);
        let refused = proxy
            .get("/guarded", &format!("Origin: {origin}\r\n"))
            .await;
        assert_eq!(status(&refused), 401);
        assert_eq!(values(&refused, "access-control-allow-origin"), allowed);
    }
}

#[tokio::test]
async fn g07_forwarding_headers_of_a_trusted_terminator_are_believed() {
    let behind = echo().await;
    let mut setup = Setup::to(behind.address);
    setup.trusted = vec!["127.0.0.1"];
    let proxy = setup.start();
    let sent =
        format!("{KEY}X-Forwarded-For: 6.6.6.6, 198.51.100.7\r\nX-Forwarded-Proto: https\r\n");
    let answer = proxy.get("/guarded", &sent).await;
    assert_eq!(values(body(&answer), "x-forwarded-for"), ["198.51.100.7"]);
    assert_eq!(values(body(&answer), "x-forwarded-proto"), ["https"]);
    let plain = format!("{KEY}X-Forwarded-Proto: http\r\n");
    let answer = proxy.get("/guarded", &plain).await;
    assert_eq!(status(&answer), 400);
    assert!(answer.contains("https_required"), "{answer}");
}
