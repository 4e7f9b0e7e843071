//! What HAProxy may say.

use std::net::Ipv4Addr;

use super::super::frame::{Frame, NOTIFY, Writer};
use super::*;

type Argument<'b> = (&'static str, Value<'b>);

fn payload(messages: &[&[Argument<'_>]]) -> Vec<u8> {
    let mut writer = Writer::new(NOTIFY, 1, 1);
    for arguments in messages {
        writer.text(b"check");
        writer.byte(u8::try_from(arguments.len()).unwrap());
        for (name, value) in *arguments {
            writer.text(name.as_bytes());
            writer.value(*value);
        }
    }
    let bytes = writer.finish(60_000).unwrap();
    Frame::read(&bytes[4..]).unwrap().payload.to_vec()
}

fn headers(pairs: &[(&str, &str)]) -> Vec<u8> {
    let mut writer = Writer::new(NOTIFY, 1, 1);
    for (name, value) in pairs {
        writer.text(name.as_bytes());
        writer.text(value.as_bytes());
    }
    writer.text(b"");
    writer.text(b"");
    let bytes = writer.finish(60_000).unwrap();
    Frame::read(&bytes[4..]).unwrap().payload.to_vec()
}

fn arguments(headers: &[u8]) -> Vec<Argument<'_>> {
    vec![
        ("method", Value::Text(b"POST")),
        ("path", Value::Text(b"/a?b=c")),
        ("headers", Value::Binary(headers)),
        ("src", Value::Address(Ipv4Addr::new(198, 51, 100, 7).into())),
        ("https", Value::Bool(true)),
    ]
}

#[test]
fn r112_a_message_tells_the_request() {
    let bytes = headers(&[
        ("host", "api.example"),
        ("x-api-key", "a"),
        ("x-api-key", "b"),
    ]);
    let tale = read(&payload(&[&arguments(&bytes)])).ok().unwrap();
    assert_eq!(tale.client.ip().to_string(), "198.51.100.7");
    assert!(tale.original.https);
    let parts = tale.original.into_parts(tale.headers);
    assert_eq!(
        (parts.method.as_str(), parts.uri.to_string()),
        ("POST", "/a?b=c".into())
    );
    assert_eq!(parts.headers["host"], "api.example");
    // Two credentials are seen as two.
    assert_eq!(parts.headers.get_all("x-api-key").iter().count(), 2);
}

#[test]
fn g24_r113_missing_doubled_and_odd_arguments_are_refused() {
    let bytes = headers(&[("host", "api.example")]);
    let good = arguments(&bytes);
    for n in 0..good.len() {
        let mut fewer = good.clone();
        let left_out = fewer.remove(n);
        assert!(read(&payload(&[&fewer])).is_err(), "{left_out:?}");
        let mut doubled = good.clone();
        doubled.push(left_out);
        assert!(read(&payload(&[&doubled])).is_err(), "{left_out:?}");
        for odd in [
            Value::Null,
            Value::Number(1),
            Value::Text(b"*"),
            Value::Text(b""),
        ] {
            let mut other = good.clone();
            other[n].1 = odd;
            let refused = read(&payload(&[&other])).is_err();
            let is_token = n == 0 && odd == Value::Text(b"*");
            assert!(refused || is_token, "{left_out:?} {odd:?}");
        }
    }
    let mut more = good.clone();
    more.push(("cert", Value::Binary(b"x")));
    assert!(read(&payload(&[&more])).is_err());
    assert!(read(&payload(&[&good, &good])).is_err());
    assert!(read(&[]).is_err());
    let whole = payload(&[&good]);
    for end in 0..whole.len() {
        assert!(read(&whole[..end]).is_err());
    }
}

#[test]
fn g07_r113_a_callers_tale_is_refused() {
    for (name, value) in [
        ("x-original-uri", "/public"),
        ("x-forwarded-method", "GET"),
        ("x-forwarded-host", "other.example"),
        ("x-forwarded-proto", "http"),
        ("host", "other.example"),
        ("host", "api.example"),
        ("x_doorward_subject", "admin"),
        ("bad name", "a"),
        ("", "a"),
    ] {
        let bytes = headers(&[("host", "api.example"), (name, value)]);
        assert!(read(&payload(&[&arguments(&bytes)])).is_err(), "{name}");
    }
    for broken in [
        &b""[..],
        b"\x04host",
        b"\x04host\x01h",
        b"\0\0\0\0",
        b"\x04host\x01h\0\0x",
    ] {
        assert!(read(&payload(&[&arguments(broken)])).is_err(), "{broken:?}");
    }
}
