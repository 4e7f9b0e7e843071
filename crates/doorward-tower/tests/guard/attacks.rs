//! What an attacker would send.

use std::net::SocketAddr;
use std::sync::Arc;

use doorward_core::Verified;
use doorward_core::credential::{CredentialId, Method};
use doorward_core::request::{Arrival, ServerName, Session, Transport};
use doorward_core::verified::{Grants, Identity, Principal, Validity};
use doorward_tower::{Admitted, Arrived, GuardLayer};
use http::Version;

use crate::world::{World, ask, empty};

#[tokio::test]
async fn g08_only_permitted_calls_reach_the_service_and_they_carry_who_calls() {
    let world = World::new();
    let layer = world.layer();
    let answer = world
        .send(&layer, ask("GET", "/orders").body(empty()).unwrap())
        .await;
    assert_eq!(
        (answer.status, &*answer.code()),
        (401, "credential_missing")
    );
    assert_eq!(answer.headers.get_all("www-authenticate").iter().count(), 1);
    assert_eq!(world.record()["front"], "tower");
    for wrong in ["nonsense", &format!("{}x", world.door.key)] {
        let request = ask("GET", "/orders").header("x-api-key", wrong);
        let answer = world.send(&layer, request.body(empty()).unwrap()).await;
        assert_eq!(
            (answer.status, &*answer.code()),
            (401, "credential_invalid")
        );
    }
    let request = world.ask("GET", "/unknown").body(empty()).unwrap();
    assert_eq!(world.send(&layer, request).await.status, 403);
    assert!(world.got().is_empty());

    let answer = world
        .send(&layer, world.ask("GET", "/orders").body(empty()).unwrap())
        .await;
    assert_eq!((answer.status, &*answer.body), (200, &b"served"[..]));
    let got = world.got().remove(0);
    let admitted = got.head.extensions.get::<Admitted>().unwrap();
    let principal = got.head.extensions.get::<Principal>().unwrap();
    assert_eq!(&*principal.identity().subject, "alice");
    assert_eq!(&*admitted.rule().name, "GET /orders");
    assert_eq!(
        answer.header("doorward-decision"),
        admitted.decision_id().to_string()
    );
    assert_eq!(
        world.record()["decision_id"],
        admitted.decision_id().to_string()
    );
}

#[tokio::test]
async fn r115_what_is_left_of_a_limit_is_said_in_the_answer() {
    let world = World::new();
    let layer = world.layer();
    for left in [999, 998] {
        let request = world.ask("GET", "/orders/7").body(empty()).unwrap();
        let answer = world.send(&layer, request).await;
        assert_eq!(answer.status, 200);
        let said = answer.header("ratelimit");
        assert!(said.contains(&format!("r={left}")), "{said}");
    }
}

#[tokio::test]
async fn g09_what_only_we_may_set_and_the_credential_never_reach_the_service() {
    let world = World::new();
    let spoofs = [
        "x-doorward-subject",
        "x_doorward_subject",
        "x.doorward.scopes",
        "doorward-assertion",
        "x-forwarded-for",
        "x_forwarded_host",
        "forwarded",
        "x-real-ip",
        "x-user",
        "remote-user",
        "x-http-method-override",
        "x-original-url",
        "proxy-authorization",
        "x_api_key",
    ];
    let mut request = world.ask("GET", "/orders").header("accept", "text/plain");
    for name in spoofs {
        request = request.header(name, "admin");
    }
    let answer = world
        .send(&world.layer(), request.body(empty()).unwrap())
        .await;
    assert_eq!(answer.status, 200, "{answer:?}");
    let got = world.got().remove(0);
    let mut names: Vec<_> = got.head.headers.keys().map(|name| name.as_str()).collect();
    names.sort_unstable();
    assert_eq!(names, ["accept", "host"]);
}

#[tokio::test]
async fn g07_a_credential_over_an_unknown_or_plain_way_is_refused() {
    let world = World::new();
    let gate = || GuardLayer::new(Arc::clone(&world.door.gate));
    let far = SocketAddr::from(([192, 0, 2, 1], 1));
    let plain = gate().arrival_from(move |_| Some(Arrived::over_plain(far)));
    let missing = gate().arrival_from_extension(|peer: &SocketAddr| Arrived::over_plain(*peer));
    let none = gate().arrival_from(|_| None::<Arrived>);
    for layer in [gate(), plain, missing.clone(), none] {
        let answer = world
            .send(&layer, world.ask("GET", "/orders").body(empty()).unwrap())
            .await;
        assert_eq!((answer.status, &*answer.code()), (400, "https_required"));
        assert!(world.got().is_empty(), "{layer:?}");
        // What is public stays public.
        let public = ask("GET", "/health").body(empty()).unwrap();
        assert_eq!(world.send(&layer, public).await.status, 200, "{layer:?}");
        world.got();
    }
    let near = SocketAddr::from(([127, 0, 0, 1], 1));
    let request = world
        .ask("GET", "/orders")
        .extension(near)
        .body(empty())
        .unwrap();
    assert_eq!(world.send(&missing, request).await.status, 200);
    // No header can say how a request came.
    let request = world
        .ask("GET", "/orders")
        .header("x-forwarded-proto", "https");
    let request = request
        .header("x-forwarded-for", "127.0.0.1")
        .body(empty())
        .unwrap();
    assert_eq!(world.send(&missing, request).await.status, 400);
}

#[tokio::test]
async fn g01_the_service_gets_the_path_that_was_judged_and_no_other_spelling() {
    let world = World::new();
    let (inside, outside) = (world.layer(), world.layer().before_routing());
    for target in ["/%6frders", "/orders/%37", "/orders/caf%c3%a9"] {
        let answer = world
            .send(&inside, world.ask("GET", target).body(empty()).unwrap())
            .await;
        assert_eq!(
            (answer.status, &*answer.code()),
            (400, "request_malformed"),
            "{target}"
        );
        assert_eq!(world.record()["reason"], "path_spelling");
        assert!(world.got().is_empty());
    }
    for (target, judged) in [
        ("/%6frders?a=%6f", "/orders?a=%6f"),
        ("/orders/%37", "/orders/7"),
        ("/orders/caf%c3%a9", "/orders/caf%C3%A9"),
        ("https://orders.example/orders/7?x", "/orders/7?x"),
    ] {
        let answer = world
            .send(&outside, world.ask("GET", target).body(empty()).unwrap())
            .await;
        assert_eq!(answer.status, 200, "{target} {answer:?}");
        let got = world.got().remove(0);
        assert_eq!(got.head.uri.to_string(), judged);
        assert_eq!(got.head.headers["host"], "orders.example");
    }
    for target in [
        "/health/../orders",
        "/health/%2e%2e/orders",
        "/orders%2f7",
        "/orders;x",
        "//orders",
        "/ORDERS",
    ] {
        for layer in [&inside, &outside] {
            let answer = world
                .send(layer, world.ask("GET", target).body(empty()).unwrap())
                .await;
            assert_eq!(answer.status, 400, "{target}");
            // A path in other letters is read and matched before it is refused.
            let closes = answer.headers.contains_key("connection");
            assert_eq!(closes, target != "/ORDERS", "{target}");
            assert!(world.got().is_empty());
        }
    }
}

#[tokio::test]
async fn g15_a_request_over_http2_gets_one_host_and_keeps_its_connection() {
    let world = World::new();
    let layer = world.layer();
    let request = |target: &str| {
        let request = http::Request::get(target).version(Version::HTTP_2);
        request
            .header("x-api-key", &world.door.key)
            .body(empty())
            .unwrap()
    };
    let answer = world
        .send(&layer, request("https://API.example/orders"))
        .await;
    assert_eq!(answer.status, 200);
    let got = world.got().remove(0);
    assert_eq!(got.head.uri, "/orders");
    assert_eq!(got.head.headers["host"], "api.example");
    let answer = world
        .send(&layer, request("https://api.example/a/../orders"))
        .await;
    assert_eq!(
        (answer.status, answer.headers.get("connection")),
        (400, None)
    );
}

#[tokio::test]
async fn g28_a_host_that_the_handshake_did_not_name_is_misdirected() {
    let world = World::new();
    let layer = GuardLayer::new(Arc::clone(&world.door.gate)).arrival_from(|_| {
        Some(Arrived {
            arrival: Arrival {
                client: SocketAddr::from(([192, 0, 2, 1], 1)).into(),
                transport: Transport::Tls,
            },
            session: Session {
                requires_certificate: false,
                server_name: ServerName::Named("other.example".into()),
                certificate: None,
            },
        })
    });
    let answer = world
        .send(&layer, world.ask("GET", "/orders").body(empty()).unwrap())
        .await;
    assert_eq!((answer.status, &*answer.code()), (421, "misdirected"));
    assert!(world.got().is_empty());
}

#[tokio::test]
async fn g08_nobody_is_known_on_a_public_route_whatever_was_said_before() {
    let world = World::new();
    let stale = Verified::assertion(
        Identity {
            method: Method::ApiKey,
            credential_id: CredentialId::new("x"),
            subject: "mallory".into(),
            grants: Grants::default().into(),
        },
        Validity::ALWAYS,
    );
    let stale = stale.live_at(world.door.gate.now()).unwrap();
    let request = world
        .ask("GET", "/health")
        .extension(stale)
        .extension(7_u32);
    let answer = world
        .send(&world.layer(), request.body(empty()).unwrap())
        .await;
    assert_eq!(answer.status, 200);
    let got = world.got().remove(0);
    assert!(got.head.extensions.get::<Principal>().is_none());
    let admitted = got.head.extensions.get::<Admitted>().unwrap();
    assert!(admitted.principal().is_none());
    // What is not ours stays: a WebSocket needs it.
    assert_eq!(got.head.extensions.get::<u32>(), Some(&7));
}
