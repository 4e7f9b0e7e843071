//! What Envoy may say, and what is not believed of it.

use super::super::message::{Address, Asked, Entry, HeaderList, RawHeader, SocketAddress, Source};
use super::*;

type Pairs = Vec<(&'static str, &'static str)>;

/// A question about `POST https://api.example/a?b=c`.
#[derive(Clone)]
struct Question {
    pairs: Pairs,
    raw: bool,
    http: HttpRequest,
    address: &'static str,
}

fn question(raw: bool) -> Question {
    let pairs = vec![
        (":method", "POST"),
        (":path", "/a?b=c"),
        (":authority", "api.example"),
        (":scheme", "https"),
        ("x-forwarded-proto", "https"),
        ("authorization", "Bearer abc"),
    ];
    let http = HttpRequest {
        method: "POST".into(),
        path: "/a?b=c".into(),
        host: "api.example".into(),
        scheme: "https".into(),
        ..HttpRequest::default()
    };
    Question {
        pairs,
        raw,
        http,
        address: "198.51.100.7",
    }
}

impl Question {
    fn with(&self, name: &'static str, value: &'static str) -> Self {
        let mut more = self.clone();
        more.pairs.push((name, value));
        more
    }

    fn change(&self, change: impl Fn(&mut HttpRequest)) -> Self {
        let mut other = self.clone();
        change(&mut other.http);
        other
    }

    fn message(&self) -> CheckRequest {
        let mut http = self.http.clone();
        let pairs = self.pairs.iter();
        if self.raw {
            let headers = pairs.map(|(key, value)| RawHeader {
                key: (*key).into(),
                raw_value: (*value).into(),
                ..RawHeader::default()
            });
            http.header_map = Some(HeaderList {
                headers: headers.collect(),
            });
        } else {
            let headers = pairs.map(|(key, value)| Entry {
                key: (*key).into(),
                value: (*value).into(),
            });
            http.headers = headers.collect();
        }
        let socket = SocketAddress {
            address: self.address.into(),
        };
        CheckRequest {
            attributes: Some(Attributes {
                source: Some(Source {
                    address: Some(Address {
                        socket: Some(socket),
                    }),
                }),
                request: Some(Asked { http: Some(http) }),
            }),
        }
    }

    fn read(&self) -> Result<Tale, RequestFault> {
        let managed = ManagedHeaders::new([], ["x-api-key"]);
        read(self.message(), &managed)
    }

    fn fault(&self) -> RequestFault {
        match self.read() {
            Ok(_) => panic!("{:?} {:?}", self.pairs, self.http),
            Err(fault) => fault,
        }
    }
}

fn both() -> [Question; 2] {
    [question(false), question(true)]
}

#[test]
fn r112_the_map_and_the_list_tell_the_same_request() {
    for question in both() {
        let tale = question.read().ok().unwrap();
        assert_eq!(tale.client.ip().to_string(), "198.51.100.7");
        assert_eq!(tale.body, None);
        let parts = tale.original.into_parts(tale.headers);
        assert_eq!(
            (parts.method.as_str(), parts.uri.to_string()),
            ("POST", "/a?b=c".into())
        );
        assert_eq!(parts.headers["host"], "api.example");
        assert_eq!(parts.headers["authorization"], "Bearer abc");
        assert!(
            parts
                .headers
                .keys()
                .all(|name| !name.as_str().starts_with(':'))
        );
    }
}

#[test]
fn g24_r113_missing_parts_are_refused() {
    let managed = ManagedHeaders::default();
    assert!(read(CheckRequest::default(), &managed).is_err());
    for question in both() {
        let mut nobody = question.message();
        nobody.attributes.as_mut().unwrap().source = None;
        assert!(read(nobody, &managed).is_err());
        let mut nothing = question.message();
        nothing.attributes.as_mut().unwrap().request = None;
        assert!(read(nothing, &managed).is_err());
        for strip in [
            (|http| http.method = Bytes::new()) as fn(&mut HttpRequest),
            |http| http.path = Bytes::new(),
            |http| http.host = Bytes::new(),
            |http| http.scheme = Bytes::new(),
        ] {
            question.change(strip).fault();
        }
        let mut without = question.clone();
        without
            .pairs
            .retain(|(name, _)| *name != "x-forwarded-proto");
        without.fault();
        for address in ["", "unknown", "/var/run/x.sock", "\u{ff}"] {
            let mut odd = question.clone();
            odd.address = address;
            assert_eq!(
                odd.fault(),
                RequestFault::OriginalMalformed("client address")
            );
        }
    }
}

#[test]
fn g07_r113_two_tales_are_refused() {
    for question in both() {
        for (name, value) in [
            (":path", "/public"),
            (":path", "/a?b=c"),
            (":method", "GET"),
            (":authority", "other.example"),
            (":scheme", "http"),
            (":protocol", "websocket"),
            ("host", "other.example"),
            ("x-original-url", "/public"),
            ("x-original-uri", "/public"),
            ("x-forwarded-method", "GET"),
            ("x-forwarded-host", "other.example"),
            ("x_doorward_subject", "admin"),
            ("x-forwarded-proto", "http"),
            ("bad name", "1"),
        ] {
            question.with(name, value).fault();
        }
        for change in [
            (|http| http.path = "/public".into()) as fn(&mut HttpRequest),
            |http| http.method = "GET".into(),
            |http| http.host = "other.example".into(),
            |http| http.scheme = "http".into(),
            |http| http.query = "b=d".into(),
            |http| http.fragment = "x".into(),
        ] {
            question.change(change).fault();
        }
        let mut lists = question.message();
        let http = lists.attributes.as_mut().unwrap().request.as_mut().unwrap();
        let http = http.http.as_mut().unwrap();
        http.headers.push(Entry::default());
        http.header_map.get_or_insert_default();
        assert!(read(lists, &ManagedHeaders::default()).is_err());
    }
}

/// Over HTTP/2 the caller writes `:scheme`.
#[test]
fn g07_the_scheme_is_not_the_callers_word() {
    for mut question in both() {
        for pair in &mut question.pairs {
            if pair.0 == "x-forwarded-proto" {
                pair.1 = "http";
            }
        }
        assert_eq!(
            question.fault(),
            RequestFault::OriginalContradiction("scheme")
        );
    }
}

#[test]
fn g24_a_doubled_credential_does_not_hide() {
    let [map, list] = both();
    for (name, value) in [
        ("x-api-key", "one,two"),
        ("x-api-key", "one!"),
        ("X_API_KEY", "one,two"),
        ("x.api.key", "one,two"),
    ] {
        assert_eq!(
            map.with(name, value).fault(),
            RequestFault::OriginalMalformed("credential"),
            "{name}"
        );
    }
    assert!(map.with("accept", "a,b!").read().is_ok());
    // A map has every name once.
    map.with("authorization", "Bearer def").fault();
    map.with("Authorization", "Bearer def").fault();
    let doubled = list
        .with("authorization", "Bearer def")
        .read()
        .ok()
        .unwrap();
    assert_eq!(doubled.headers.get_all("authorization").iter().count(), 2);
    let odd = list.with("x-api-key", "\u{ff}").read().ok().unwrap();
    assert_eq!(odd.headers["x-api-key"].as_bytes(), "\u{ff}".as_bytes());
}

#[test]
fn g31_odd_targets_and_methods_are_refused() {
    for question in both() {
        for path in ["*", "", "http://evil.example/a", "a", "/a#b", "https:"] {
            question.change(|http| http.path = path.into()).fault();
        }
        for method in ["", "CONNECT", "TRACE", "G T"] {
            question.change(|http| http.method = method.into()).fault();
        }
    }
}

#[test]
fn r114_a_body_is_believed_only_when_it_is_whole() {
    let whole = "x-envoy-auth-partial-body";
    for question in both() {
        let body = |question: &Question| question.read().ok().unwrap().body;
        let shown = question.change(|http| http.raw_body = "{}".into());
        assert_eq!(body(&shown), None, "nobody says that it is whole");
        let said = shown.with(whole, "false");
        assert_eq!(body(&said).as_deref(), Some(&b"{}"[..]));
        assert_eq!(
            body(&said.with("content-length", "2")).as_deref(),
            Some(&b"{}"[..])
        );
        for length in ["3", "1", "+2", "", "99999999999999999999999"] {
            assert_eq!(body(&said.with("content-length", length)), None, "{length}");
        }
        assert_eq!(body(&shown.with(whole, "true")), None);
        let text = question.change(|http| http.body = "{}".into());
        assert_eq!(
            body(&text.with(whole, "false")),
            None,
            "a string may be blurred"
        );
        // A caller's own word that nothing is missing.
        assert_eq!(body(&question.with(whole, "false")), None);
        let none = question.with("content-length", "0");
        assert_eq!(body(&none).as_deref(), Some(&b""[..]));
    }
    let twice = question(true).change(|http| http.raw_body = "{}".into());
    let twice = twice.with(whole, "false").with(whole, "true");
    assert_eq!(twice.read().ok().unwrap().body, None);
}
