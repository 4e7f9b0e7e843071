//! Content-Length and Transfer-Encoding: one byte too many anywhere, written otherwise, twice,
//! or both.

use super::{Case, HIDDEN, post, shown};

/// Bytes that somebody skips, trims, takes for a separator or for the end of a line.
const ODD: &[u8] = b"\t\n\x0b\x0c\r \0\x01\x08\x1b\x1f\x7f\x80\x85\xa0\xff\"',;=_:+-.0x";

/// Lines that some servers take for `Transfer-Encoding: chunked`.
const CODINGS: &[&str] = &[
    "Transfer-Encoding: chunked",
    "transfer-encoding:chunked",
    "TRANSFER-ENCODING: CHUNKED",
    "Transfer-Encoding: xchunked",
    "Transfer-Encoding: chunk",
    "Transfer-Encoding: chunkedx",
    "Transfer-Encoding: \"chunked\"",
    "Transfer-Encoding: 'chunked'",
    "Transfer-Encoding: chunked;q=1",
    "Transfer-Encoding: chunked; a=b",
    "Transfer-Encoding: chunked,",
    "Transfer-Encoding: ,chunked",
    "Transfer-Encoding: , chunked",
    "Transfer-Encoding: chunked, chunked",
    "Transfer-Encoding: chunked, identity",
    "Transfer-Encoding: identity, chunked",
    "Transfer-Encoding: identity",
    "Transfer-Encoding: gzip, chunked",
    "Transfer-Encoding: chunked, gzip",
    "Transfer-Encoding: gzip",
    "Transfer-Encoding: cow",
    "Transfer-Encoding: chunked identity",
    "Transfer-Encoding: chunked-false",
    "Transfer-Encoding: chun\\ked",
    "Transfer-Encoding: %63hunked",
    "Transfer-Encoding: =?utf-8?q?chunked?=",
    "Transfer-Encoding: chun\u{212a}ed",
    "Transfer-Encoding: \u{feff}chunked",
    "Transfer-Encoding: chunked\u{a0}",
    "Transfer-Encoding:",
    "Transfer-Encoding: ",
    "Transfer-Encoding\r\n: chunked",
    "Transfer-Encoding:\r\n chunked",
    "Transfer-Encoding:\r\n\tchunked",
    "Transfer-Encoding:\n chunked",
    "Transfer-Encoding:\r chunked",
    "Transfer-Encoding: chunked\r\n ",
    "Transfer-Encoding: chun\r\n ked",
    "Transfer-Encoding: identity\r\n , chunked",
    "X: y\nTransfer-Encoding: chunked",
    "X: y\rTransfer-Encoding: chunked",
    "X: y\r\n Transfer-Encoding: chunked",
    "X: y\r\n\tTransfer-Encoding: chunked",
    "X: y\0\r\nTransfer-Encoding: chunked",
    "X: y\r\r\nTransfer-Encoding: chunked",
    "X: y\n\rTransfer-Encoding: chunked",
    "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked",
    "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity",
    "Transfer-Encoding: identity\r\nTransfer-Encoding: chunked",
    "Transfer-Encoding: chunked\r\nTransfer-Encoding: x",
    "Transfer-Encoding: x\r\nTransfer-Encoding: chunked",
    "Transfer-Encoding:\r\nTransfer-Encoding: chunked",
    "Transfer-Encoding: chunked\r\ntransfer-encoding:",
    "Transfer_Encoding: chunked",
    "Transfer.Encoding: chunked",
    "Transfer Encoding: chunked",
    "TransferEncoding: chunked",
    "Content-Transfer-Encoding: chunked",
    "Content-Encoding: chunked",
    "X-Transfer-Encoding: chunked",
    "HTTP_TRANSFER_ENCODING: chunked",
    "TE: chunked",
    "TE: trailers, chunked",
    "Connection: Transfer-Encoding\r\nTransfer-Encoding: chunked",
    "Connection: close, transfer-encoding\r\nTransfer-Encoding: chunked",
    "Trailer: Transfer-Encoding\r\nTransfer-Encoding: chunked",
];

/// Lines that some servers take for a length; `LEN` is the true one.
const LENGTHS: &[&str] = &[
    "Content-Length: LEN",
    "Content-Length:LEN",
    "Content-Length: \t LEN \t",
    "Content-Length: 0LEN",
    "Content-Length: 00000000000000000000000LEN",
    "Content-Length: +LEN",
    "Content-Length: -LEN",
    "Content-Length: LEN.0",
    "Content-Length: LENe0",
    "Content-Length: 1_LEN",
    "Content-Length: LEN, LEN",
    "Content-Length: LEN,",
    "Content-Length: ,LEN",
    "Content-Length: 0, LEN",
    "Content-Length: LEN, 0",
    "Content-Length: LEN LEN",
    "Content-Length: LEN;x",
    "Content-Length: \"LEN\"",
    "Content-Length: 0x80",
    "Content-Length: LENabc",
    "Content-Length: abc",
    "Content-Length:",
    "Content-Length: \u{ff11}",
    "Content-Length: 18446744073709551615",
    "Content-Length: 18446744073709551616",
    "Content-Length: 18446744073709551700",
    "Content-Length: 9223372036854775808",
    "Content-Length: 4294967296",
    "Content-Length: LEN\r\nContent-Length: LEN",
    "Content-Length: LEN\r\nContent-Length: 0",
    "Content-Length: 0\r\nContent-Length: LEN",
    "Content-Length: 5\r\nContent-Length: LEN",
    "Content-Length: LEN\r\ncontent-length: 00LEN",
    "Content-Length: 0\r\nContent_Length: LEN",
    "Content-Length: 0\r\nContent.Length: LEN",
    "Content-Length: 0\r\nContent-Length : LEN",
    "Content-Length: 0\r\n Content-Length: LEN",
    "Content-Length:\r\n LEN",
    "Content-Length: 1\r\n 0",
    "Content-Length: 0\r\n\tLEN",
    "Content-Length: 0\nContent-Length: LEN",
    "Content-Length: 0\rContent-Length: LEN",
    "X: y\nContent-Length: LEN",
    "X: y\rContent-Length: LEN",
    "X: y\r\n Content-Length: LEN",
    "Content-Length\r\n: LEN",
    "Content_Length: LEN",
    "Content Length: LEN",
    "ContentLength: LEN",
    "X-Content-Length: LEN",
    "HTTP_CONTENT_LENGTH: LEN",
    "Connection: Content-Length\r\nContent-Length: LEN",
    "Connection: close, content-length\r\nContent-Length: LEN",
];

pub(super) fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    for line in lines("Transfer-Encoding: chunked", CODINGS) {
        let name = shown(&line);
        let after = format!("0\r\n\r\n{HIDDEN}");
        let chunk = format!("{:x}\r\n", HIDDEN.len());
        let within = format!("{chunk}{HIDDEN}\r\n0\r\n\r\n");
        let whole = format!("Content-Length: {}\r\n", after.len());
        let first = format!("Content-Length: {}\r\n", chunk.len());
        let line = [&line[..], b"\r\n"].concat();
        let both = [whole.as_bytes(), &line].concat();
        cases.push(Case::new(format!("CL.TE {name}"), post(both, &after)));
        let both = [&line, first.as_bytes()].concat();
        cases.push(Case::new(format!("TE.CL {name}"), post(both, &within)));
        cases.push(Case::new(format!("TE {name}"), post(&line, &after)));
    }
    let length = HIDDEN.len().to_string();
    let known: Vec<String> = LENGTHS.iter().map(|l| l.replace("LEN", &length)).collect();
    let known: Vec<&str> = known.iter().map(String::as_str).collect();
    for line in lines(&format!("Content-Length: {length}"), &known) {
        let name = shown(&line);
        let line = [&line[..], b"\r\n"].concat();
        let zero = [b"Content-Length: 0\r\n", &line[..]].concat();
        cases.push(Case::new(format!("CL {name}"), post(line, HIDDEN)));
        cases.push(Case::new(format!("CL.CL {name}"), post(zero, HIDDEN)));
    }
    cases
}

/// The lines of a list, and one line with every odd byte in every odd place.
fn lines(line: &str, known: &[&str]) -> Vec<Vec<u8>> {
    let colon = line.find(':').unwrap();
    let places = [
        0,
        colon / 2,
        colon,
        colon + 1,
        colon + 2,
        (colon + 2 + line.len()) / 2,
        line.len(),
    ];
    let mut lines: Vec<Vec<u8>> = known.iter().map(|line| line.as_bytes().to_vec()).collect();
    for at in places {
        let (before, after) = line.as_bytes().split_at(at);
        lines.extend(ODD.iter().map(|odd| [before, &[*odd], after].concat()));
    }
    lines
}
