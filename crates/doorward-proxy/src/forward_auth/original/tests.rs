//! What fronts may say, and what they may not.

use super::super::dialect::Dialect;
use super::*;

/// What a dialect makes of a question: `METHOD https? host target`, or the fault.
fn read(
    dialect: &Dialect,
    (method, target): (&str, &str),
    headers: &[(&str, &str)],
) -> Result<String, RequestFault> {
    let mut question = Request::builder().method(method).uri(target);
    for (name, value) in headers {
        question = question.header(*name, *value);
    }
    let (asked, ()) = question.body(()).unwrap().into_parts();
    let original = dialect.original(&asked)?;
    let parts = original.into_parts(asked.headers);
    let host = parts.headers[HOST].to_str().unwrap();
    Ok(format!("{} {host} {}", parts.method, parts.uri))
}

const NGINX: &[(&str, &str)] = &[
    ("host", "doorward"),
    ("x-original-method", "POST"),
    ("x-original-uri", "/a?b=c"),
    ("x-forwarded-proto", "https"),
    ("x-forwarded-host", "api.example"),
];
const FORWARDED: &[(&str, &str)] = &[
    ("host", "doorward"),
    ("x-forwarded-method", "POST"),
    ("x-forwarded-uri", "/a?b=c"),
    ("x-forwarded-proto", "https"),
    ("x-forwarded-host", "api.example"),
];
const INGRESS: &[(&str, &str)] = &[
    ("host", "doorward"),
    ("x-original-method", "POST"),
    ("x-original-url", "https://api.example/a?b=c"),
];
const ENVOY: &[(&str, &str)] = &[("host", "api.example"), ("x-forwarded-proto", "https")];

fn envoy() -> Dialect {
    Dialect::Envoy {
        prefix: "/check".into(),
    }
}

type Case = (
    Dialect,
    (&'static str, &'static str),
    &'static [(&'static str, &'static str)],
);

fn cases() -> Vec<Case> {
    vec![
        (Dialect::Nginx, ("GET", "/verify"), NGINX),
        (Dialect::Nginx, ("GET", "/verify"), FORWARDED),
        (Dialect::Haproxy, ("HEAD", "/"), NGINX),
        (Dialect::Traefik, ("POST", "/"), FORWARDED),
        (Dialect::Caddy, ("GET", "/"), FORWARDED),
        (Dialect::IngressNginx, ("GET", "/"), INGRESS),
        (envoy(), ("POST", "/check/a?b=c"), ENVOY),
        (
            Dialect::GatewayApi { prefix: "".into() },
            ("POST", "/a?b=c"),
            ENVOY,
        ),
    ]
}

#[test]
fn r112_every_dialect_tells_the_same_request() {
    for (dialect, line, headers) in cases() {
        let read = read(&dialect, line, headers);
        assert_eq!(
            read.as_deref(),
            Ok("POST api.example /a?b=c"),
            "{dialect:?}"
        );
    }
}

#[test]
fn r113_g24_a_missing_or_doubled_part_is_refused() {
    for (dialect, line, headers) in cases() {
        for (n, (name, value)) in headers.iter().enumerate() {
            let own_host = headers != ENVOY && *name == "host";
            if own_host {
                continue;
            }
            let mut fewer = headers.to_vec();
            fewer.remove(n);
            let missing = read(&dialect, line, &fewer);
            assert!(
                matches!(missing, Err(RequestFault::OriginalMissing(_))),
                "{dialect:?} without {name}: {missing:?}"
            );
            let mut doubled = headers.to_vec();
            doubled.push((name, value));
            assert!(
                matches!(
                    read(&dialect, line, &doubled),
                    Err(RequestFault::OriginalMalformed(_))
                ),
                "{dialect:?} with two {name}"
            );
            let mut empty = headers.to_vec();
            empty[n] = (name, "");
            let (refused, host) = (read(&dialect, line, &empty), *name == "host");
            assert!(
                refused.is_err() || host || *name == "x-forwarded-host",
                "{dialect:?} with empty {name}"
            );
        }
    }
}

#[test]
fn g07_r113_a_second_tale_is_refused() {
    for (dialect, line, headers) in cases() {
        for (name, lie, truth) in [
            ("x-original-uri", "/public", "/a?b=c"),
            ("x-forwarded-uri", "/public", "/a?b=c"),
            ("x-rewrite-url", "/public", "/a?b=c"),
            ("x-original-url", "/public", "/a?b=c"),
            (
                "x-original-url",
                "http://api.example/a?b=c",
                "https://api.example/a?b=c",
            ),
            ("x-original-method", "GET", "POST"),
            ("x-forwarded-method", "GET", "POST"),
            ("x-forwarded-host", "other.example", "API.example"),
            ("x-original-host", "other.example", "api.example"),
            ("x-forwarded-proto", "http", "https"),
            ("x-forwarded-scheme", "http", "https"),
        ] {
            if headers.iter().any(|(known, _)| *known == name) {
                continue;
            }
            let mut with = headers.to_vec();
            with.push((name, lie));
            assert!(
                matches!(
                    read(&dialect, line, &with),
                    Err(RequestFault::OriginalContradiction(_))
                ),
                "{dialect:?} {name}: {lie}"
            );
            with.pop();
            with.push((name, truth));
            assert!(
                read(&dialect, line, &with).is_ok(),
                "{dialect:?} {name}: {truth}"
            );
        }
    }
}

#[test]
fn g31_odd_targets_and_methods_are_refused_in_every_dialect() {
    for (dialect, (method, own), headers) in cases() {
        let told =
            |headers: &[(&'static str, &'static str)], of: [&str; 3], value: &'static str| {
                let mut headers = headers.to_vec();
                for (name, told) in &mut headers {
                    if of.contains(name) {
                        *told = value;
                    }
                }
                headers
            };
        for odd in [
            "*",
            "",
            "http://evil.example/a",
            "//[",
            "a",
            "/a#b",
            "https://api.example",
        ] {
            if headers == ENVOY {
                continue;
            }
            let names = ["x-original-uri", "x-forwarded-uri", "x-original-url"];
            let result = read(&dialect, (method, own), &told(headers, names, odd));
            // What is a path is for the canonical form to refuse.
            let path = odd.starts_with("//");
            let url = dialect == Dialect::IngressNginx && odd.starts_with("http://");
            assert!(
                path || url || result.is_err(),
                "{dialect:?} {odd:?} {result:?}"
            );
        }
        let names = ["x-original-method", "x-forwarded-method", ""];
        for odd in ["", "GET /", "G\u{e9}T"] {
            if headers != ENVOY {
                let result = read(&dialect, (method, own), &told(headers, names, odd));
                assert!(result.is_err(), "{dialect:?} {odd:?}");
            }
        }
        for tunnel in ["CONNECT", "TRACE"] {
            assert!(
                read(&dialect, (tunnel, own), headers).is_err(),
                "{dialect:?}"
            );
        }
        assert!(
            read(
                &dialect,
                (method, "http://api.example/check/a?b=c"),
                headers
            )
            .is_err()
        );
    }
    for path in ["/check", "/checka", "/chec/a", "/", "*", "/Check/a"] {
        assert!(read(&envoy(), ("GET", path), ENVOY).is_err(), "{path}");
    }
}

#[test]
fn g09_a_header_spelled_like_ours_is_refused_where_we_cannot_delete_it() {
    for (dialect, line, headers) in cases() {
        for name in [
            "x_doorward_subject",
            "x.doorward-subject",
            "doorward_assertion",
        ] {
            let mut with = headers.to_vec();
            with.push((name, "admin"));
            assert_eq!(
                read(&dialect, line, &with),
                Err(RequestFault::IdentityAlias)
            );
        }
        let mut with = headers.to_vec();
        with.push(("x-doorward-subject", "admin"));
        assert!(read(&dialect, line, &with).is_ok());
    }
}

#[test]
fn g07_the_client_is_the_rightmost_that_is_no_front() {
    let peers = Cidrs::parse(["10.0.0.0/8"]).unwrap();
    for (sent, found) in [
        (&["198.51.100.7"][..], Ok("198.51.100.7")),
        (&["1.1.1.1, 198.51.100.7, 10.2.2.2"], Ok("198.51.100.7")),
        (&["1.1.1.1", "[2001:db8::1]:80"], Ok("2001:db8::1")),
        (&["10.1.1.1"], Ok("10.1.1.1")),
        (&[], Err(RequestFault::OriginalMissing(CLIENT))),
        (&[""], Err(RequestFault::OriginalMalformed(CLIENT))),
        (
            &["198.51.100.7, unknown"],
            Err(RequestFault::OriginalMalformed(CLIENT)),
        ),
        (
            &["unknown, 10.2.2.2"],
            Err(RequestFault::OriginalMalformed(CLIENT)),
        ),
    ] {
        let mut headers = HeaderMap::new();
        for value in sent {
            headers.append("x-forwarded-for", HeaderValue::from_static(value));
        }
        let client = client(&headers, &peers).map(|client| client.ip().to_string());
        assert_eq!(client, found.map(str::to_owned), "{sent:?}");
    }
}
