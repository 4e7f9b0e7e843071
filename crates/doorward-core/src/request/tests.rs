use http::{HeaderValue, Request, Version};

use super::{Arrival, ManagedHeaders, RequestFault, RequestHead, Transport};
use crate::net::ClientAddress;

fn managed() -> ManagedHeaders {
    ManagedHeaders::new(["x-tenant"], ["x-api-key"])
}

fn head(target: &str, headers: &[(&str, &str)]) -> Result<RequestHead, RequestFault> {
    let mut builder = Request::builder().uri(target);
    if !headers
        .iter()
        .any(|(name, _)| name.eq_ignore_ascii_case("host"))
    {
        builder = builder.header("host", "api.example");
    }
    for (name, value) in headers {
        builder = builder.header(*name, HeaderValue::from_bytes(value.as_bytes()).unwrap());
    }
    let (parts, ()) = builder.body(()).unwrap().into_parts();
    canonicalise(parts)
}

fn canonicalise(parts: http::request::Parts) -> Result<RequestHead, RequestFault> {
    let client = ClientAddress::new([192, 0, 2, 1].into());
    RequestHead::canonicalise(
        parts,
        Arrival {
            client,
            transport: Transport::Tls,
        },
        &managed(),
    )
}

fn path(target: &str) -> Result<String, RequestFault> {
    head(target, &[]).map(|head| head.path().to_owned())
}

#[test]
fn canonical_paths_pass_unchanged() {
    for same in [
        "/",
        "/a",
        "/a/",
        "/a/b-c_d~e.f",
        "/a;".trim_end_matches(';'),
        "/x:y@z!$&'()*+,=",
    ] {
        assert_eq!(path(same).as_deref(), Ok(same));
    }
}

#[test]
fn r098_spellings_of_one_path_become_one() {
    for (sent, canonical) in [
        ("/%61dmin", "/admin"),
        ("/%41", "/A"),
        ("/caf%c3%a9", "/caf%C3%A9"),
        ("/a%20b", "/a%20b"),
        ("/100%25", "/100%25"),
        ("/a%7eb", "/a~b"),
        ("/a%3ab", "/a%3Ab"),
    ] {
        assert_eq!(path(sent).as_deref(), Ok(canonical), "{sent}");
    }
}

#[test]
fn g01_dot_segments_are_refused() {
    for sent in [
        "/a/../b",
        "/..",
        "/.",
        "/a/./b",
        "/a/%2e%2e/b",
        "/a/.%2e/b",
        "/a/%2E%2e",
        "/%2e",
    ] {
        assert_eq!(path(sent), Err(RequestFault::DotSegment), "{sent}");
    }
    assert_eq!(path("/a/...").err(), Some(RequestFault::TrailingDot));
}

#[test]
fn g02_path_parameters_are_refused() {
    assert_eq!(path("/a;x=1"), Err(RequestFault::RawDelimiter));
    assert_eq!(path("/a/..;/b"), Err(RequestFault::RawDelimiter));
    assert_eq!(path("/a%3Bx"), Err(RequestFault::EncodedDelimiter));
    assert_eq!(path("/a%3bx"), Err(RequestFault::EncodedDelimiter));
}

#[test]
fn g03_encoded_separators_are_refused_in_both_cases() {
    for sent in [
        "/a%2fb", "/a%2Fb", "/a%5cb", "/a%5Cb", "/a%00", "/a%0d%0a", "/a%252e", "/a%252Fb",
        "/a%3f", "/a%23",
    ] {
        assert_eq!(path(sent), Err(RequestFault::EncodedDelimiter), "{sent}");
    }
}

#[test]
fn g04_empty_segments_are_refused() {
    for sent in ["//", "//a", "/a//b", "/a//"] {
        assert_eq!(path(sent), Err(RequestFault::EmptySegment), "{sent}");
    }
}

#[test]
fn r098_broken_encodings_are_refused() {
    for sent in ["/%", "/%4", "/%zz", "/%c0%af", "/%ff", "/%ed%a0%80"] {
        assert_eq!(path(sent), Err(RequestFault::BrokenEncoding), "{sent}");
    }
    for sent in ["/a.", "/a./b", "/a%20", "/a%2E"] {
        assert_eq!(path(sent), Err(RequestFault::TrailingDot), "{sent}");
    }
}

#[test]
fn g31_odd_targets_and_methods_are_refused() {
    assert_eq!(path("*"), Err(RequestFault::TargetForm));
    for method in [
        "CONNECT",
        "TRACE",
        "get",
        "Get",
        "PO ST".split(' ').next().unwrap_or("x"),
    ] {
        let sent = Request::builder()
            .method(method)
            .uri("/")
            .header("host", "a");
        let (parts, ()) = sent.body(()).unwrap().into_parts();
        let expected = if method == "PO" {
            None
        } else {
            Some(RequestFault::MethodRefused)
        };
        assert_eq!(canonicalise(parts).err(), expected, "{method}");
    }
}

#[test]
fn g16_a_target_without_a_path_is_the_root() {
    let head = head("http://api.example?y", &[]).ok().unwrap();
    assert_eq!(head.target().as_str(), "/?y");
}

#[test]
fn g16_a_target_that_was_a_fragment_only_is_written_as_the_root() {
    let head = head("http://api.example#:80/a", &[]).unwrap();
    assert_eq!(head.target().as_str(), "/");
    let (_, target, _) = head.into_parts();
    assert_eq!(http::Uri::from(target).to_string(), "/");
}

#[test]
fn r106_one_host_and_only_one() {
    let host = |target: &str, headers: &[(&str, &str)]| {
        head(target, headers).map(|head| head.host().as_str().to_owned())
    };
    assert_eq!(
        host("/", &[("host", "API.Example:8443")]).as_deref(),
        Ok("api.example:8443")
    );
    assert_eq!(
        host("http://a.example/", &[("host", "a.example")]).as_deref(),
        Ok("a.example")
    );
    assert_eq!(
        host("http://a.example/", &[("host", "b.example")]),
        Err(RequestFault::TwoHosts)
    );
    assert_eq!(
        host("/", &[("host", "a"), ("host", "a")]),
        Err(RequestFault::TwoHosts)
    );
    for bad in [
        "", "user@a", "a b", "a:99999", "a:", "a..b", "a.", ".a", "[::1", "[zz]", "a/b", "a,b",
    ] {
        assert_eq!(
            host("/", &[("host", bad)]),
            Err(RequestFault::Host),
            "{bad:?}"
        );
    }
    assert_eq!(
        host("/", &[("host", "[::1]:80")]).as_deref(),
        Ok("[::1]:80")
    );
    let (parts, ()) = Request::builder().uri("/").body(()).unwrap().into_parts();
    assert_eq!(canonicalise(parts).err(), Some(RequestFault::Host));
}

#[test]
fn g11_a_second_authorization_is_refused() {
    let twice = [("authorization", "Bearer a"), ("authorization", "Bearer a")];
    assert_eq!(
        head("/", &twice).err(),
        Some(RequestFault::Duplicate("Authorization"))
    );
}

#[test]
fn g10_connection_cannot_nominate_what_matters() {
    for name in [
        "X-User",
        "x_user_id",
        "Authorization",
        "X-API-Key",
        "Cookie",
        "X-Tenant",
        "X-Doorward-Subject",
    ] {
        let result = head("/", &[("connection", &format!("close, {name}"))]);
        assert_eq!(
            result.err(),
            Some(RequestFault::ConnectionNominates),
            "{name}"
        );
    }
    assert!(head("/", &[("connection", "keep-alive, Upgrade, x-custom")]).is_ok());
}

#[test]
fn g13_ambiguous_framing_is_refused() {
    for headers in [
        &[("transfer-encoding", "chunked"), ("content-length", "3")][..],
        &[("transfer-encoding", "gzip, chunked")],
        &[("transfer-encoding", "xchunked")],
        &[
            ("transfer-encoding", "chunked"),
            ("transfer-encoding", "chunked"),
        ],
        &[("content-length", "3"), ("content-length", "3")],
        &[("content-length", "+3")],
        &[("content-length", "03")],
        &[("content-length", "3, 3")],
    ] {
        assert_eq!(
            head("/", headers).err(),
            Some(RequestFault::Framing),
            "{headers:?}"
        );
    }
    let old = Request::builder()
        .version(Version::HTTP_10)
        .uri("/")
        .header("host", "a");
    let (parts, ()) = old
        .header("transfer-encoding", "chunked")
        .body(())
        .unwrap()
        .into_parts();
    assert_eq!(canonicalise(parts).err(), Some(RequestFault::Framing));
}

#[test]
fn g09_aliases_of_managed_headers_are_managed() {
    let managed = managed();
    for name in [
        "X-User",
        "x_user",
        "x.user.id",
        "X-User_Id",
        "X-Forwarded-User",
        "Forwarded",
        "X_Tenant",
        "x-doorward-subject",
        "transfer_encoding",
        "content.length",
        "proxy_authorization",
    ] {
        assert!(managed.is_managed(name), "{name}");
    }
    for name in ["x-user-agent", "x-request-id", "accept", "x-usage"] {
        assert!(!managed.is_managed(name), "{name}");
    }
    for name in ["Authorization", "X-API-Key", "x_api_key", "x.api.key"] {
        assert!(managed.is_credential(name), "{name}");
    }
    // Only what is judged may be passed on.
    for name in ["authorization", "x-api-key", "X-API-Key"] {
        assert!(!managed.is_managed(name), "{name}");
    }
    for name in ["x_api_key", "X.Api.Key", "x-api_key"] {
        assert!(managed.is_managed(name), "{name}");
    }
}

#[test]
fn g15_a_name_that_http1_cannot_carry_is_refused() {
    let mut request = Request::get("https://api.example/").version(Version::HTTP_2);
    let name = http::HeaderName::from_lowercase(b"x\"").unwrap();
    request
        .headers_mut()
        .unwrap()
        .insert(name, "y".parse().unwrap());
    let (parts, ()) = request.body(()).unwrap().into_parts();
    assert_eq!(canonicalise(parts).map(drop), Err(RequestFault::HeaderName));
}
