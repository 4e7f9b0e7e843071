//! The refusal matrix over servers that ask us: the same rows, as far as each relays refusals.

use doorward_core::credential::Method;

use super::challenges;
use super::rows::{Row, rows};
use super::world::World;
use crate::curl;
use crate::fronts::servers::{Front, LISTENERS, Relays, start};
use crate::peer::httpbin;

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
    let Some(world) = World::with(LISTENERS) else {
        return;
    };
    let fronts = start(&world.door, httpbin().unwrap());
    for (front, net) in fronts.iter().zip(1..) {
        // Of a network of their own: guesses are counted.
        let from = ["--interface".to_owned(), format!("127.{net}.0.2")];
        for row in rows(method, &world) {
            if let Some(args) = &row.args {
                check(front, &row, &[&from[..], args].concat());
            }
        }
    }
}

fn check(front: &Front, row: &Row, args: &[String]) {
    let mut curl = curl::command(None);
    curl.args(args);
    curl.arg(front.url(&row.path));
    let answer = curl::run(curl).unwrap();
    let at = format!("{} {row:?}\n{answer:?}", front.name);
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
    if row.status != 200 && front.relays == Relays::Everything {
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
