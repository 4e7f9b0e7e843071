//! Heads: request lines, line ends, folds, old versions, and who is called.

use super::{Case, HIDDEN};

/// Request lines, with their ends.
const FIRST: &[&str] = &[
    "GET /open/@@@@@-0\r\n",
    "GET /open/@@@@@-0 \r\n",
    "GET /open/@@@@@-0 HTTP/0.9\r\n",
    "GET /open/@@@@@-0 HTTP/1.0\r\n",
    "GET /open/@@@@@-0 HTTP/1.2\r\n",
    "GET /open/@@@@@-0 HTTP/2.0\r\n",
    "GET /open/@@@@@-0 HTTP/1.10\r\n",
    "GET /open/@@@@@-0 HTTP/01.1\r\n",
    "GET /open/@@@@@-0 HTTP/1.1 \r\n",
    "GET /open/@@@@@-0 HTTP/1.1\t\r\n",
    "GET /open/@@@@@-0 HTTP/1.1 x\r\n",
    "GET /open/@@@@@-0 http/1.1\r\n",
    "GET /open/@@@@@-0 HTTP/1,1\r\n",
    "GET /open/@@@@@-0 HTTP\r\n",
    "GET /open/@@@@@-0 HTTP/1.1\n",
    "GET /open/@@@@@-0 HTTP/1.1\r",
    "GET /open/@@@@@-0 HTTP/1.1\r\r\n",
    "GET  /open/@@@@@-0 HTTP/1.1\r\n",
    "GET\t/open/@@@@@-0\tHTTP/1.1\r\n",
    "GET\x0b/open/@@@@@-0\x0bHTTP/1.1\r\n",
    "GET /open/@@@@@-0  HTTP/1.1\r\n",
    "GET /open/@@@@@-0 /smuggled/@@@@@ HTTP/1.1\r\n",
    "GET /open/@@@@@-0\r HTTP/1.1\r\n",
    "GET /open/@@@@@-0\0 HTTP/1.1\r\n",
    "GET /open/@@@@@-0#x HTTP/1.1\r\n",
    "GET /open/@@@@@-0\u{e9} HTTP/1.1\r\n",
    "GET /open/@@@@@-0%0d%0aX:y HTTP/1.1\r\n",
    "GET /open/@@@@@-0?a=%20HTTP/1.1%0d%0a HTTP/1.1\r\n",
    "GET open/@@@@@-0 HTTP/1.1\r\n",
    "GET * HTTP/1.1\r\n",
    "GET http://h/open/@@@@@-0 HTTP/1.1\r\n",
    "GET http://H/open/@@@@@-0 HTTP/1.1\r\n",
    "GET http://other/open/@@@@@-0 HTTP/1.1\r\n",
    "GET http://h:80/open/@@@@@-0 HTTP/1.1\r\n",
    "GET http://u@h/open/@@@@@-0 HTTP/1.1\r\n",
    "GET http://h@other/open/@@@@@-0 HTTP/1.1\r\n",
    "GET http://h\\@other/open/@@@@@-0 HTTP/1.1\r\n",
    "GET http:///open/@@@@@-0 HTTP/1.1\r\n",
    "GET http:/open/@@@@@-0 HTTP/1.1\r\n",
    "GET file://h/open/@@@@@-0 HTTP/1.1\r\n",
    "GET //h/open/@@@@@-0 HTTP/1.1\r\n",
    "GET @h/open/@@@@@-0 HTTP/1.1\r\n",
    "CONNECT h:80 HTTP/1.1\r\n",
    "CONNECT /open/@@@@@-0 HTTP/1.1\r\n",
    "TRACE /open/@@@@@-0 HTTP/1.1\r\n",
    "get /open/@@@@@-0 HTTP/1.1\r\n",
    "G\u{0}ET /open/@@@@@-0 HTTP/1.1\r\n",
    "GET: /open/@@@@@-0 HTTP/1.1\r\n",
    "PRI * HTTP/2.0\r\n",
    " GET /open/@@@@@-0 HTTP/1.1\r\n",
    "\tGET /open/@@@@@-0 HTTP/1.1\r\n",
    "\r\nGET /open/@@@@@-0 HTTP/1.1\r\n",
    "\nGET /open/@@@@@-0 HTTP/1.1\r\n",
    "\rGET /open/@@@@@-0 HTTP/1.1\r\n",
    "\0GET /open/@@@@@-0 HTTP/1.1\r\n",
    "X\r\nGET /open/@@@@@-0 HTTP/1.1\r\n",
    "\u{feff}GET /open/@@@@@-0 HTTP/1.1\r\n",
];

/// Header lines, with their ends, and the end of the head.
const FIELDS: &[&str] = &[
    "Host: h\n\r\n",
    "Host: h\r\n\n",
    "Host: h\n\n",
    "Host: h\r\r",
    "Host: h\r\r\n\r\n",
    "Host: h\r\n\r\r\n",
    "Host: h\r\n \r\n\r\n",
    "Host: h\r\n\t\r\n\r\n",
    "Host: h\r\nX: y\r\n z\r\n\r\n",
    "Host: h\r\nX: y\r\n\tz\r\n\r\n",
    "Host: h\r\n X: y\r\n\r\n",
    " Host: h\r\n\r\n",
    "\tHost: h\r\n\r\n",
    "Host : h\r\n\r\n",
    "Host\t: h\r\n\r\n",
    "Host: h\r\nX : y\r\n\r\n",
    "Host: h\r\nX y: z\r\n\r\n",
    "Host: h\r\nX\r\n\r\n",
    "Host: h\r\n: x\r\n\r\n",
    "Host: h\r\n:\r\n\r\n",
    "Host: h\r\nX: y\0z\r\n\r\n",
    "Host: h\r\nX\0: y\r\n\r\n",
    "Host: h\r\nX: y\x01\r\n\r\n",
    "Host: h\r\nX: y\x7f\r\n\r\n",
    "Host: h\r\nX: y\rZ: a\r\n\r\n",
    "Host: h\r\nX: y\nZ: a\r\n\r\n",
    "Host: h\r\nX\u{e9}: y\r\n\r\n",
    "Host: h\r\nX: y\r\n\rZ: a\r\n\r\n",
    "X: y\r\n\r\n",
    "Host:\r\n\r\n",
    "Host: \r\n\r\n",
    "Host: h\r\nHost: h\r\n\r\n",
    "Host: h\r\nhost: other\r\n\r\n",
    "Host: h\r\nHost : other\r\n\r\n",
    "Host: h\r\n Host: other\r\n\r\n",
    "Host: h, other\r\n\r\n",
    "Host: h other\r\n\r\n",
    "Host: u@h\r\n\r\n",
    "Host: u:p@h\r\n\r\n",
    "Host: h:\r\n\r\n",
    "Host: h:0x50\r\n\r\n",
    "Host: h:+80\r\n\r\n",
    "Host: h:80:80\r\n\r\n",
    "Host: h:99999\r\n\r\n",
    "Host: h:80@other\r\n\r\n",
    "Host: h/\r\n\r\n",
    "Host: h/smuggled\r\n\r\n",
    "Host: h?x\r\n\r\n",
    "Host: h#x\r\n\r\n",
    "Host: h\\other\r\n\r\n",
    "Host: h.\r\n\r\n",
    "Host: .h\r\n\r\n",
    "Host: h..h\r\n\r\n",
    "Host: [::1\r\n\r\n",
    "Host: [::1]x\r\n\r\n",
    "Host: [h]\r\n\r\n",
    "Host: h%00\r\n\r\n",
    "Host: %68\r\n\r\n",
    "Host: h\u{e9}\r\n\r\n",
    "Host: http://h\r\n\r\n",
    "Host: \"h\"\r\n\r\n",
    "Host: h;x\r\n\r\n",
];

pub(super) fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    for first in FIRST {
        for (kind, rest) in [("", "Host: h\r\n\r\n"), (", no more", "")] {
            let bytes = format!("{first}{rest}{HIDDEN}");
            cases.push(Case::new(format!("first line {first:?}{kind}"), bytes));
        }
    }
    for fields in FIELDS {
        for (method, body) in [("GET", ""), ("POST", "Content-Length: 5\r\n")] {
            for version in ["1.1", "1.0"] {
                let rest = if body.is_empty() { "" } else { "abcde" };
                let bytes = format!(
                    "{method} /open/@@@@@-0 HTTP/{version}\r\n{body}{fields}{rest}{HIDDEN}"
                );
                let name = format!("{method} {version} fields {fields:?}");
                cases.push(Case::new(name, bytes));
            }
        }
    }
    cases
}
