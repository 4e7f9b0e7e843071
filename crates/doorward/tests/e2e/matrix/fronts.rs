//! The refusal matrix over everything that asks us: the same rows, as far as each relays refusals.
//!
//! A new front or a new method does not compile before it is said here how it is judged.

use doorward_core::Front as Way;
use doorward_core::credential::Method;

use super::challenges;
use super::rows::{Row, rows};
use super::world::World;
use crate::curl;
use crate::fronts::servers::{Front, LISTENERS, Relays, start_one};
use crate::fronts::tower::Tower;
use crate::peer::httpbin;
use crate::signing::{self, Draft};

/// What calls come through.
struct Column {
    name: &'static str,
    relays: Relays,
    port: u16,
    _held: Held,
}

#[expect(dead_code, reason = "what is held runs")]
enum Held {
    Server(Front),
    Layer(Tower),
}

/// How a front is run; none where it is not installed, and for the proxy, which has a matrix of its
/// own.
fn column(way: Way, world: &World) -> Option<Column> {
    match way {
        Way::Proxy => None,
        Way::Tower => {
            let layer = Tower::start(world.door.path("doorward.toml"));
            Some(Column {
                name: way.as_str(),
                relays: Relays::Everything,
                port: layer.port,
                _held: Held::Layer(layer),
            })
        }
        Way::Nginx
        | Way::IngressNginx
        | Way::Traefik
        | Way::Caddy
        | Way::Haproxy
        | Way::Envoy
        | Way::GatewayApi
        | Way::EnvoyGrpc
        | Way::HaproxySpoe => {
            let api = httpbin().unwrap();
            let server = start_one(&world.door, way.as_str(), api, &str::to_owned)?;
            Some(Column {
                name: server.name,
                relays: server.relays,
                port: server.port(),
                _held: Held::Server(server),
            })
        }
    }
}

fn columns(world: &World, ways: &[Way]) -> Vec<Column> {
    let all = ways.iter().filter_map(|way| column(*way, world));
    all.collect()
}

/// Where the rows of a method are judged at fronts.
#[derive(PartialEq, Eq, Debug)]
enum Judged {
    /// Here, all of them.
    Here,
    /// In a test of its own: what opens the door there is not what curl is told in a row.
    ByItsOwn,
}

const fn judged(method: Method) -> Judged {
    match method {
        Method::ApiKey | Method::Basic | Method::Jwt => Judged::Here,
        // Certificates in `client_certificates/asking_fronts.rs`, signatures of requests below,
        // those of SigV4 are over bodies and known to the proxy.
        Method::Mtls | Method::MessageSignature | Method::SigV4 => Judged::ByItsOwn,
    }
}

#[test]
fn r112_r123_refusals_of_api_keys_are_the_same_at_every_front() {
    judge(Method::ApiKey);
}

#[test]
fn r112_r123_refusals_of_passwords_are_the_same_at_every_front() {
    judge(Method::Basic);
}

#[test]
fn r112_r123_refusals_of_tokens_are_the_same_at_every_front() {
    judge(Method::Jwt);
}

fn judge(method: Method) {
    assert_eq!(judged(method), Judged::Here);
    // Guesses at a user's password are counted, wherever they come from.
    for ways in Way::ALL.chunks(Way::ALL.len() / 2 + 1) {
        let Some(world) = World::with(LISTENERS) else {
            return;
        };
        for (column, net) in columns(&world, ways).iter().zip(1..) {
            // Of a network of their own, for the same reason.
            let from = ["--interface".to_owned(), format!("127.{net}.0.2")];
            for row in rows(method, &world) {
                if let Some(args) = &row.args {
                    check(column, &row, &[&from[..], args].concat());
                }
            }
        }
    }
}

fn call(column: &Column, path: &str, args: &[String]) -> curl::Answer {
    let mut curl = curl::command(None);
    curl.args(args);
    curl.arg(format!("http://127.0.0.1:{}{path}", column.port));
    curl::run(curl).unwrap()
}

fn check(column: &Column, row: &Row, args: &[String]) {
    let answer = call(column, &row.path, args);
    let at = format!("{} {row:?}\n{answer:?}", column.name);
    for secret in row.secrets.iter().filter(|_| row.status != 200) {
        let shown = format!("{:?}{}", answer.headers, answer.text());
        assert!(!shown.contains(secret.as_str()), "{at}");
    }
    if twice(args) && answer.status != row.status {
        // Some join the two, or refuse the request themselves.
        assert!((400..500).contains(&answer.status), "{at}");
        return;
    }
    assert_eq!(answer.status, row.status, "{at}");
    if row.status == 401 {
        let shown = answer.all("www-authenticate").join(", ");
        for challenge in challenges(row) {
            assert!(shown.contains(&challenge), "{challenge} {at}");
        }
    }
    if row.status != 200 && column.relays == Relays::Everything {
        assert_eq!(answer.json()["code"], row.code, "{at}");
    }
}

/// Tells whether one header is sent twice.
fn twice(args: &[String]) -> bool {
    let names = args.iter().filter_map(|arg| arg.split([':', ';']).next());
    let names: Vec<String> = names.map(str::to_lowercase).collect();
    ["x-api-key", "authorization"]
        .iter()
        .any(|name| names.iter().filter(|known| known == name).count() > 1)
}

const HEAD_ONLY: &str = r#"
[[route]]
path = "/anything/head"
accept = ["message_signature"]
scopes = []
signature_head_only = true
"#;

/// A front that does not show bodies lets signed calls pass where the route says that the head is
/// enough, once each, and nowhere else.
#[test]
fn r034_r112_r123_refusals_of_message_signatures_are_the_same_at_every_front() {
    assert_eq!(judged(Method::MessageSignature), Judged::ByItsOwn);
    let Some(world) = World::with(&format!("{LISTENERS}{HEAD_ONLY}")) else {
        return;
    };
    let (id, key) = &world.signer;
    let (revoked, revoked_key) = &world.revoked_signer;
    for column in columns(&world, &Way::ALL) {
        let draft = |path: &str| {
            let url = format!("http://127.0.0.1:{}{path}", column.port);
            Draft::get(url, id, key.clone())
        };
        let from = ["--interface".to_owned(), "127.0.0.2".to_owned()];
        let send = |path: &str, args: Vec<String>| {
            let answer = call(&column, path, &[&from[..], &args].concat());
            if answer.status == 401 {
                let shown = answer.all("www-authenticate").join(", ");
                assert!(shown.contains("Signature"), "{} {answer:?}", column.name);
            }
            answer.status
        };
        let head = "/anything/head";
        let once = draft(head).args();
        let forged = {
            let mut headers = draft(head).sign();
            let (_, signature) = headers.last_mut().unwrap();
            *signature = super::world::forge(signature, 12);
            signing::args(&headers)
        };
        let mut other_method = draft(head);
        other_method.method = "DELETE";
        let mut stranger = draft(head);
        stranger.params.keyid = Some("nobody".to_owned());
        let gone = Draft::get(draft(head).url, revoked, revoked_key.clone());
        let late = |params: &mut doorward_crypto::message_signature::SignatureParams| {
            params.created = params.created.map(|at| at - 3600);
        };
        for (path, args, status) in [
            (head, once.clone(), 200),
            (head, once, 401),
            (head, Vec::new(), 401),
            (head, forged, 401),
            (head, other_method.args(), 401),
            (head, draft("/anything/other").args(), 401),
            (head, stranger.args(), 401),
            (head, gone.args(), 401),
            (head, draft(head).with(late).args(), 401),
        ] {
            assert_eq!(send(path, args.clone()), status, "{} {args:?}", column.name);
        }
        let whole = "/anything/signed";
        let shows_bodies = column.name == Way::Tower.as_str();
        let status = if shows_bodies { 200 } else { 401 };
        let answered = send(whole, draft(whole).args());
        assert_eq!(answered, status, "{}", column.name);
    }
}
