//! The same request, the same decision: through the reverse proxy and through every front.

use serde_json::Value;

use crate::curl::Answer;
use crate::fronts::world::World;

/// How many requests are tried at every front.
pub(super) const TRIED: usize = 500;

/// Requests made by hand. Each closes its connection, so that its answer has an end.
pub(super) const BY_HAND: &[&[&str]] = &[
    &["GET /orders HTTP/1.1", "Host: h", "X-API-Key: KEY"],
    &["HEAD /orders HTTP/1.1", "Host: h", "X-API-Key: KEY"],
    &[
        "GET /orders HTTP/1.1",
        "Host: h",
        "Authorization: Bearer KEY",
    ],
    &["GET /orders HTTP/1.1", "Host: h"],
    &["GET /orders HTTP/1.1", "Host: h", "X-API-Key: WEAK"],
    &["GET /orders HTTP/1.1", "Host: h", "X-API-Key: OLD"],
    &["GET /orders HTTP/1.1", "Host: h", "X-API-Key: nonsense"],
    &[
        "GET /orders HTTP/1.1",
        "Host: h",
        "Authorization: Negotiate abc",
    ],
    &[
        "GET /orders HTTP/1.1",
        "Host: h",
        "X-API-Key: KEY",
        "Authorization: Bearer KEY",
    ],
    &[
        "POST /orders HTTP/1.1",
        "Host: h",
        "X-API-Key: KEY",
        "Content-Length: 0",
    ],
    &["DELETE /orders HTTP/1.1", "Host: h", "X-API-Key: KEY"],
    &[
        "GET /orders/7?x=1&y=%2F HTTP/1.1",
        "Host: h",
        "X-API-Key: KEY",
    ],
    &["GET /orders/%41%7e?x HTTP/1.1", "Host: h", "X-API-Key: KEY"],
    &[
        "GET /orders/caf%c3%a9 HTTP/1.1",
        "Host: h",
        "X-API-Key: KEY",
    ],
    &["GET /files/a/b/c HTTP/1.1", "Host: h", "X-API-Key: KEY"],
    &["GET /files/a%2Fb HTTP/1.1", "Host: h", "X-API-Key: KEY"],
    &["GET /files/a;b HTTP/1.1", "Host: h", "X-API-Key: KEY"],
    &["GET /public HTTP/1.1", "Host: h"],
    &["GET /public HTTP/1.1", "Host: h", "X-API-Key: KEY"],
    &["PATCH /public HTTP/1.1", "Host: h"],
    &["GET /public/..%2Forders HTTP/1.1", "Host: h"],
    &["GET /public/%2e%2e/orders HTTP/1.1", "Host: h"],
    &["GET /nothing HTTP/1.1", "Host: h", "X-API-Key: KEY"],
    &["GET /nothing HTTP/1.1", "Host: h"],
    &[
        "GET /hosted HTTP/1.1",
        "Host: api.example",
        "X-API-Key: KEY",
    ],
    &[
        "GET /hosted HTTP/1.1",
        "Host: API.Example:8443",
        "X-API-Key: KEY",
    ],
    &[
        "GET /hosted HTTP/1.1",
        "Host: other.example",
        "X-API-Key: KEY",
    ],
    &["GET /orders?api_key=KEY HTTP/1.1", "Host: h"],
    &[
        "GET /orders?access_token=KEY HTTP/1.1",
        "Host: h",
        "X-API-Key: KEY",
    ],
    &["GET /Orders HTTP/1.1", "Host: h", "X-API-Key: KEY"],
    &["OPTIONS /orders HTTP/1.1", "Host: h"],
    &["OPTIONS /public HTTP/1.1", "Host: h"],
    &[
        "OPTIONS /shared HTTP/1.1",
        "Host: h",
        "Origin: https://evil.example",
        "Access-Control-Request-Method: GET",
    ],
    &[
        "GET /orders HTTP/1.1",
        "Host: h",
        "X-API-Key: KEY",
        "Upgrade: websocket",
        "Connection: upgrade",
        "Sec-WebSocket-Version: 13",
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
    ],
    &[
        "GET /orders HTTP/1.1",
        "Host: h",
        "Upgrade: websocket",
        "Connection: upgrade",
        "Sec-WebSocket-Version: 13",
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
    ],
];

/// A small generator of numbers (xorshift).
struct Dice(u64);

impl Dice {
    fn pick<'t>(&mut self, from: &[&'t str]) -> &'t str {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        from[usize::try_from(self.0 >> 33).unwrap() % from.len()]
    }
}

/// Requests put together from parts that servers like to read differently.
pub(super) fn generated(count: usize) -> Vec<Vec<String>> {
    let mut dice = Dice(0x9e37_79b9_7f4a_7c15);
    let segments = [
        "orders",
        "7",
        "public",
        "files",
        "%2e%2e",
        "%2E",
        "a%2fb",
        "a%5Cb",
        "%00",
        "%7e",
        "a%20",
        "%25",
        "%252e",
        "caf%C3%A9",
        "%ff",
        "a+b",
        "a,b",
        "a:b",
        "@",
        "ORDERS",
        "x.y",
        "(1)",
        "*",
    ];
    let queries = [
        "", "", "?a=b", "?", "?x=%2F..", "?/../", "?a;b", "?x=%41", "?q=a+b",
    ];
    let methods = ["GET", "GET", "GET", "DELETE", "PUT", "OPTIONS"];
    let hosts = ["h", "h", "api.example", "API.EXAMPLE:80", "a..b", "h:80"];
    let credentials = [
        "",
        "X-API-Key: KEY",
        "X-API-Key: KEY",
        "Authorization: Bearer KEY",
    ];
    let mut all = Vec::new();
    while all.len() < count {
        let mut path = String::new();
        for _ in 0..=dice.0 % 3 {
            path.push('/');
            path.push_str(dice.pick(&segments));
        }
        let (method, query) = (dice.pick(&methods), dice.pick(&queries));
        let mut lines = vec![
            format!("{method} {path}{query} HTTP/1.1"),
            format!("Host: {}", dice.pick(&hosts)),
        ];
        lines.extend(Some(dice.pick(&credentials).to_owned()).filter(|line| !line.is_empty()));
        all.push(lines);
    }
    all
}

/// What came of a request.
pub(super) struct Sent {
    pub(super) answer: Option<Answer>,
    /// How often the API got it.
    pub(super) through: usize,
}

/// Sends requests to a port, one after the other, with a mark in the log after each.
pub(super) fn send_all(world: &World, port: u16, all: &[&[&str]]) -> Vec<Sent> {
    let send = |lines: &&[&str]| {
        let reached = world.reached();
        let mut lines = lines.to_vec();
        if !lines.iter().any(|line| line.starts_with("Connection")) {
            lines.push("Connection: close");
        }
        let answer = world.send(port, &lines);
        world.mark();
        let through = world.reached() - reached;
        Sent { answer, through }
    };
    all.iter().map(send).collect()
}

/// The decision in a record, and whether it came true; none where a server refused a request by
/// itself, without asking.
pub(super) fn decision(lines: &[&str], sent: &Sent, records: &[Value]) -> Option<Value> {
    let status = sent.answer.as_ref().map(|answer| answer.status);
    let [record] = records else {
        assert!(
            records.is_empty() && sent.through == 0,
            "{lines:?} {records:?}"
        );
        assert!(
            status.is_none_or(|status| (400..500).contains(&status)),
            "{lines:?} {status:?}"
        );
        return None;
    };
    let allowed = record["outcome"] == "allowed";
    assert_eq!(
        sent.through,
        usize::from(allowed),
        "{lines:?} {record} {status:?}"
    );
    assert_eq!(
        status == Some(200),
        allowed,
        "{lines:?} {record} {status:?}"
    );
    let names = [
        "outcome",
        "failed_check",
        "reason",
        "method",
        "subject",
        "rule",
        "path",
        "host",
    ];
    let of = |name: &&str| ((*name).to_owned(), record[*name].clone());
    let mut told: serde_json::Map<_, _> = names.iter().map(of).collect();
    told.insert("http_method".to_owned(), record["http_method"].clone());
    Some(told.into())
}

/// The columns of the comparison: our reverse proxy, and every front.
fn columns(world: &World) -> Vec<(&'static str, u16)> {
    let proxy = [("proxy", world.door.port("plain"))];
    let fronts = world.fronts.iter().map(|front| (front.name, front.port()));
    proxy.into_iter().chain(fronts).collect()
}

#[test]
fn r112_the_decision_is_the_same_at_nginx_and_its_ingress() {
    compare(&["nginx", "ingress-nginx"]);
}

#[test]
fn r112_the_decision_is_the_same_at_caddy_and_traefik() {
    compare(&["caddy", "traefik"]);
}

#[test]
fn r112_the_decision_is_the_same_at_haproxy() {
    compare(&["haproxy", "spop"]);
}

#[test]
fn r112_the_decision_is_the_same_at_envoy() {
    compare(&["envoy", "envoy-grpc"]);
}

#[test]
fn r112_the_decision_is_the_same_at_gateways_of_kubernetes() {
    compare(&["gateway-api"]);
}

/// A request that a server refuses by itself never gets further than through the proxy; all
/// others get the very same decision.
fn compare(dialects: &[&'static str]) {
    let world = World::with(dialects);
    let generated = generated(TRIED - BY_HAND.len());
    let generated: Vec<Vec<&str>> = generated
        .iter()
        .map(|lines| lines.iter().map(String::as_str).collect())
        .collect();
    let by_hand = BY_HAND.iter().copied();
    let all: Vec<&[&str]> = by_hand.chain(generated.iter().map(Vec::as_slice)).collect();
    let columns = columns(&world);
    let sent: Vec<_> = columns
        .iter()
        .map(|(_, port)| send_all(&world, *port, &all))
        .collect();
    let records = world.records();
    let (own, rest) = records.split_at(all.len());
    for (n, (front, _)) in columns.iter().enumerate().skip(1) {
        let mut compared = 0;
        for (k, lines) in all.iter().enumerate() {
            let proxy = decision(lines, &sent[0][k], &own[k]);
            assert!(proxy.is_some(), "{lines:?}");
            let there = &rest[(n - 1) * all.len() + k];
            assert!(
                there.iter().all(|record| record["front"] == *front),
                "{there:?}"
            );
            let there = decision(lines, &sent[n][k], there);
            if there.is_some() {
                assert_eq!(proxy, there, "{front} {lines:?}");
                compared += 1;
            }
        }
        assert!(
            compared > all.len() * 3 / 4,
            "{front} asked {compared} times only"
        );
    }
}
