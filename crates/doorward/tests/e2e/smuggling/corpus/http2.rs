//! HTTP/2 frames that say what HTTP/1 cannot (RFC 9113 sections 8.2 and 8.3), for whoever writes
//! HTTP/1 from them. Every connection has one case, and then one plain request.

use super::{Case, HIDDEN, shown};

/// A field of a head.
type Field = (&'static str, &'static str);

const PATH: &str = "/open/@@@@@-0";
const POST: [Field; 4] = [
    (":method", "POST"),
    (":scheme", "http"),
    (":authority", "h"),
    (":path", PATH),
];

/// Fields that make a head wrong, with a body of its true length.
const WRONG: &[Field] = &[
    ("x", "y\r\nX-Doorward-Subject: admin"),
    ("x", "y\nX-Doorward-Subject: admin"),
    ("x", "y\rX-Doorward-Subject: admin"),
    (
        "x",
        "y\r\n\r\nGET /smuggled/@@@@@ HTTP/1.1\r\nHost: h\r\n\r\n",
    ),
    ("x", "y\r\nTransfer-Encoding: chunked"),
    ("x", "y\r\nContent-Length: 0"),
    ("x", "y\0"),
    ("x", "\0y"),
    ("x", "y\x01"),
    ("x", "y\x7f"),
    ("x", "\r\n"),
    ("x\r\ny", "z"),
    ("x: y\r\nx-doorward-subject", "admin"),
    ("x: y\r\n\r\nget /smuggled/@@@@@ http/1.1\r\nhost", "h"),
    ("x\n", "y"),
    ("x\r", "y"),
    ("x\0", "y"),
    ("x y", "z"),
    (" x", "y"),
    ("x ", "y"),
    ("x:", "y"),
    ("x:y", "z"),
    ("", "x"),
    ("X", "y"),
    ("x\u{e9}", "y"),
    ("x(", "y"),
    ("x\"", "y"),
    ("transfer-encoding", "chunked"),
    ("transfer-encoding", "identity"),
    ("transfer-encoding", ""),
    ("transfer-encoding", " chunked"),
    ("transfer-encoding", "xchunked"),
    ("Transfer-Encoding", "chunked"),
    ("transfer-encoding ", "chunked"),
    (" transfer-encoding", "chunked"),
    ("transfer-encoding:", "chunked"),
    ("transfer-encoding: chunked\r\nx", "y"),
    ("connection", "close"),
    ("connection", "keep-alive"),
    ("connection", "x-doorward-subject"),
    ("connection", "content-length"),
    ("Connection", "close"),
    ("keep-alive", "timeout=5"),
    ("proxy-connection", "keep-alive"),
    ("upgrade", "websocket"),
    ("upgrade", "h2c"),
    ("content-length", "5"),
    ("content-length", "-1"),
    ("content-length", "+112"),
    ("content-length", "112, 112"),
    ("content-length", "112,0"),
    ("content-length", "0112"),
    ("content-length", ""),
    ("content-length", " 112"),
    ("content-length", "112 "),
    ("content-length", "0x70"),
    ("content-length", "112\r\nX: y"),
    ("content-length", "18446744073709551728"),
    ("host", "other"),
    ("host", "h\r\nX: y"),
    ("host", "u@h"),
    ("host", ""),
    (":path", "/smuggled/@@@@@"),
    (":method", "GET"),
    (":authority", "other"),
    (":scheme", "https"),
    (":status", "200"),
    (":protocol", "websocket"),
    (":unknown", "x"),
    (":", "x"),
];

/// Pseudo-header fields that are not what they should be.
const PSEUDO: &[Field] = &[
    (":method", ""),
    (":method", "G T"),
    (":method", "get"),
    (":method", "POST\r\n"),
    (":method", "POST\0"),
    (
        ":method",
        "GET /smuggled/@@@@@ HTTP/1.1\r\nHost: h\r\n\r\nPOST",
    ),
    (":method", "GET /smuggled/@@@@@"),
    (":method", "GET /smuggled/@@@@@ HTTP/1.1\nX:"),
    (":method", "CONNECT"),
    (":method", "TRACE"),
    (":path", ""),
    (":path", "open/@@@@@-0"),
    (":path", "*"),
    (
        ":path",
        "/open/@@@@@-0 HTTP/1.1\r\nHost: h\r\n\r\nGET /smuggled/@@@@@",
    ),
    (
        ":path",
        "/open/@@@@@-0 HTTP/1.1\r\nX-Doorward-Subject: admin\r\nX: y",
    ),
    (":path", "/open/@@@@@-0 HTTP/1.0"),
    (":path", "/open/@@@@@-0\r\n"),
    (":path", "/open/@@@@@-0\n"),
    (":path", "/open/@@@@@-0\t"),
    (":path", "/open/@@@@@-0\0"),
    (":path", "/open/@@@@@-0 "),
    (":path", "/open/@@@@@-0\u{e9}"),
    (":path", "/open/../smuggled/@@@@@"),
    (":path", "//h/open/@@@@@-0"),
    (":path", "http://h/open/@@@@@-0"),
    (":path", "http://other/open/@@@@@-0"),
    (":authority", ""),
    (":authority", "u@h"),
    (":authority", "h/"),
    (":authority", "h/smuggled/@@@@@?"),
    (":authority", "h, other"),
    (":authority", "h:99999"),
    (":authority", "h\r\nX: y"),
    (":authority", "h\0"),
    (":authority", "h other"),
    (":authority", "h#"),
    (":authority", "h\\"),
    (":scheme", ""),
    (":scheme", "http\r\nX: y"),
    (":scheme", "http://h/smuggled/@@@@@?"),
    (":scheme", "file"),
    (":scheme", "ht tp"),
];

/// Trailers that make a message wrong.
const TRAILERS: &[Field] = &[("x", "y\r\nZ: a"), ("x\r\n", "y"), ("X", "y")];

/// Trailers that mean nothing: the request is what its head says. By the time that they come, it
/// has been passed on.
const IDLE_TRAILERS: &[Field] = &[
    (":path", "/smuggled/@@@@@"),
    (":status", "200"),
    ("x\"", "y"),
    ("x", "y"),
    ("content-length", "0"),
    ("host", "other"),
    ("x-doorward-subject", "admin"),
    ("authorization", "Bearer x"),
];

pub(in super::super) fn all() -> Vec<Case> {
    let mut cases = plain();
    for (name, value) in WRONG {
        for at in [0, 2, 4] {
            let mut fields = POST.to_vec();
            fields.insert(at, (name, value));
            let told = format!("{} at {at}", field_name(name, value));
            cases.push(case(&told, &[head(&fields, 0), data(HIDDEN, true)], None));
        }
    }
    for (name, value) in PSEUDO {
        let told = field_name(name, value);
        let replaced = POST.map(|field| {
            if field.0 == *name {
                (*name, *value)
            } else {
                field
            }
        });
        cases.push(case(&told, &[head(&replaced, 0), data(HIDDEN, true)], None));
        cases.push(case(&told, &[head(&replaced, END_STREAM)], None));
    }
    for missing in 0..POST.len() {
        let mut fields = POST.to_vec();
        let (name, _) = fields.remove(missing);
        let told = format!("without {name}");
        cases.push(case(&told, &[head(&fields, END_STREAM)], None));
    }
    for field in TRAILERS {
        let told = format!("trailer {}", field_name(field.0, field.1));
        let parts = [
            head(&POST, 0),
            data(HIDDEN, false),
            head(&[*field], END_STREAM),
        ];
        cases.push(case(&told, &parts, None));
    }
    for field in IDLE_TRAILERS {
        let told = format!("trailer {}", field_name(field.0, field.1));
        let parts = [
            head(&POST, 0),
            data(HIDDEN, false),
            head(&[*field], END_STREAM),
        ];
        cases.push(case(&told, &parts, Some(("POST", PATH, HIDDEN.len()))));
    }
    cases.extend(lengths());
    cases
}

/// Lengths that are not those of the bodies.
fn lengths() -> Vec<Case> {
    let of = |lengths: &[&'static str], parts: &[Vec<u8>], flags| {
        let mut fields = POST.to_vec();
        fields.extend(lengths.iter().map(|length| ("content-length", *length)));
        let told = format!("lengths {lengths:?} and {} parts", parts.len());
        let parts = [&[head(&fields, flags)], parts].concat();
        case(&told, &parts, None)
    };
    let mut zero = POST.to_vec();
    zero.push(("content-length", "0"));
    vec![
        // It is what its head says before any of what follows has come.
        case(
            "no length, and a body",
            &[head(&zero, 0), data(HIDDEN, true)],
            Some(("POST", PATH, 0)),
        ),
        of(&["5"], &[], END_STREAM),
        of(&["5"], &[data("", true)], 0),
        of(&["5"], &[data("abcd", true)], 0),
        of(&["5"], &[data("abcdef", true)], 0),
        of(&["5"], &[data("abcd", false), data("ef", true)], 0),
        of(
            &["5"],
            &[data("abcd", false), head(&[("x", "y")], END_STREAM)],
            0,
        ),
        of(&["5", "5"], &[data("abcde", true)], 0),
        of(&["5", "0"], &[data("abcde", true)], 0),
        of(&["0", "5"], &[data("abcde", true)], 0),
    ]
}

/// What must be passed on.
fn plain() -> Vec<Case> {
    let get = POST.map(|field| {
        if field.0 == ":method" {
            (":method", "GET")
        } else {
            field
        }
    });
    let mut sized = POST.to_vec();
    sized.push(("content-length", "5"));
    let mut trailers = POST.to_vec();
    trailers.push(("te", "trailers"));
    let whole = |method, length| Some((method, PATH, length));
    let hidden = data(HIDDEN, true);
    let all = [
        case("get", &[head(&get, END_STREAM)], whole("GET", 0)),
        case(
            "a body",
            &[head(&POST, 0), hidden.clone()],
            whole("POST", HIDDEN.len()),
        ),
        case(
            "a length",
            &[head(&sized, 0), data("abcde", true)],
            whole("POST", 5),
        ),
        case(
            "te",
            &[head(&trailers, 0), hidden],
            whole("POST", HIDDEN.len()),
        ),
    ];
    let plain = all.into_iter().map(|case| Case {
        is_plain: true,
        ..case
    });
    plain.collect()
}

/// A connection: a request of these frames, of which so much may be passed on, and another one.
fn case(
    name: &str,
    frames: &[Vec<u8>],
    whole: Option<(&'static str, &'static str, usize)>,
) -> Case {
    const NEXT: &str = "/open/@@@@@-1";
    let next = POST.map(|field| match field.0 {
        ":method" => (":method", "GET"),
        ":path" => (":path", NEXT),
        _ => field,
    });
    let mut next = head(&next, END_STREAM);
    next[8] = 3;
    let settings = [frame(SETTINGS, 0, 0, b""), frame(SETTINGS, ACK, 0, b"")].concat();
    let bytes = [
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        &settings[..],
        &frames.concat(),
        &next,
    ]
    .concat();
    let mut written = vec![("GET", NEXT, 0)];
    written.extend(whole);
    Case {
        written: Some(written),
        ..Case::new(format!("HTTP/2 {name}"), bytes)
    }
}

fn field_name(name: &str, value: &str) -> String {
    format!("{}: {}", shown(name.as_bytes()), shown(value.as_bytes()))
}

const DATA: u8 = 0;
const HEADERS: u8 = 1;
const SETTINGS: u8 = 4;
const END_STREAM: u8 = 1;
const ACK: u8 = 1;
const END_HEADERS: u8 = 4;

fn frame(kind: u8, flags: u8, stream: u8, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
    [&length[1..], &[kind, flags, 0, 0, 0, stream], payload].concat()
}

fn data(text: &str, is_last: bool) -> Vec<u8> {
    frame(DATA, u8::from(is_last), 1, text.as_bytes())
}

/// A head, or trailers: literals without indexing (RFC 7541 section 6.2.2).
fn head(fields: &[Field], flags: u8) -> Vec<u8> {
    let mut block = Vec::new();
    for (name, value) in fields {
        block.push(0);
        for text in [name, value] {
            let mut left = text.len();
            if left < 127 {
                block.push(u8::try_from(left).unwrap());
            } else {
                block.push(127);
                left -= 127;
                while left >= 128 {
                    block.push(u8::try_from(left % 128).unwrap() | 128);
                    left /= 128;
                }
                block.push(u8::try_from(left).unwrap());
            }
            block.extend_from_slice(text.as_bytes());
        }
    }
    frame(HEADERS, END_HEADERS | flags, 1, &block)
}
