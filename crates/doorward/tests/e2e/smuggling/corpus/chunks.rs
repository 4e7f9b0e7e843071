//! Chunked bodies: sizes, extensions, ends and trailers that servers read in two ways.

use super::{Case, HIDDEN, post};

/// Chunk-size lines, with their ends; `SIZE` is the true size.
const SIZES: &[&str] = &[
    "SIZE\r\n",
    "0SIZE\r\n",
    "000000000000000SIZE\r\n",
    "0000000000000000000000SIZE\r\n",
    "0xSIZE\r\n",
    "0XSIZE\r\n",
    "xSIZE\r\n",
    "#SIZE\r\n",
    "$SIZE\r\n",
    "+SIZE\r\n",
    "-SIZE\r\n",
    " SIZE\r\n",
    "\tSIZE\r\n",
    "SIZE \r\n",
    "SIZE\t\r\n",
    "SIZE\x0b\r\n",
    "SIZE\0\r\n",
    "SI_ZE\r\n",
    "SIZE_0\r\n",
    "SIZE.0\r\n",
    "SIZE,0\r\n",
    "SIZE 0\r\n",
    "SIZEg\r\n",
    "SIZEh\r\n",
    "\"SIZE\"\r\n",
    "1000000000000000SIZE\r\n",
    "10000000000000000SIZE\r\n",
    "1000000SIZE\r\n",
    "ffffffffffffffff\r\n",
    "fffffffffffffffffffffffSIZE\r\n",
    "\u{ff15}\r\n",
    "\r\n",
    ";\r\n",
    "\r\nSIZE\r\n",
    "SIZE\n",
    "SIZE\r",
    "SIZE\r\r\n",
    "SIZE\n\r\n",
    "\nSIZE\r\n",
    "\n\nSIZE\r\n",
    "SIZE;\r\n",
    "SIZE;a\r\n",
    "SIZE;a=b\r\n",
    "SIZE;a=b;c=\"d\"\r\n",
    "SIZE ;a=b\r\n",
    "SIZE; a = b\r\n",
    "SIZE;a=\"\r\n\"\r\n",
    "SIZE;a=\"\n\"\r\n",
    "SIZE;\n\r\n",
    "SIZE;\nxx\r\n",
    "SIZE;\rxx\r\n",
    "SIZE;\r\rxx\r\n",
    "SIZE;a\r",
    "SIZE;a\n",
    "SIZE;\0\r\n",
    "SIZE;\x0b\r\n",
    "SIZE;\u{ff}\r\n",
    "SIZE;;;;=\r\n",
    "SIZE,a=b\r\n",
    "SIZE=a\r\n",
    "SIZE:a\r\n",
];

/// What ends the data of a chunk.
const DATA_ENDS: &[&str] = &[
    "", "\n", "\r", "\r\r", "\n\r", "XX", "XX\r\n", " \r\n", "\r\n\r\n", "\0\0", "\r\n\n",
];

/// What ends a body.
const ENDS: &[&str] = &[
    "0\r\n\r\n",
    "0\r\n",
    "0",
    "0\n\n",
    "0\n\r\n",
    "0\r\n\n",
    "0\r\r",
    "0\r\n\r",
    "0\r\n\rX",
    "00\r\n\r\n",
    "000000000000000000000000\r\n\r\n",
    "-0\r\n\r\n",
    "+0\r\n\r\n",
    "0x0\r\n\r\n",
    "0 \r\n\r\n",
    " 0\r\n\r\n",
    "0;a=b\r\n\r\n",
    "0;\nx\r\n\r\n",
    "\r\n\r\n",
    "0\r\nX: y\r\n\r\n",
    "0\r\nX: y\n\r\n",
    "0\r\nX: y\r\n\n",
    "0\nX: y\r\n\r\n",
    "0\r\nX: y\r\n z\r\n\r\n",
    "0\r\n X: y\r\n\r\n",
    "0\r\nX : y\r\n\r\n",
    "0\r\nX\r\n\r\n",
    "0\r\n: y\r\n\r\n",
    "0\r\nX: \0\r\n\r\n",
    "0\r\nX: \r\r\n\r\n",
    "0\r\nX: y\rZ: a\r\n\r\n",
    "0\r\nContent-Length: 200\r\n\r\n",
    "0\r\nContent-Length: 0\r\n\r\n",
    "0\r\nTransfer-Encoding: chunked\r\n\r\n",
    "0\r\nTransfer-Encoding: identity\r\n\r\n",
    "0\r\nHost: other\r\n\r\n",
    "0\r\nAuthorization: Bearer x\r\n\r\n",
    "0\r\nConnection: close\r\n\r\n",
    "0\r\nUpgrade: websocket\r\n\r\n",
    "0\r\nX-Doorward-Subject: admin\r\n\r\n",
    "0\r\nGET /smuggled/@@@@@ HTTP/1.1\r\nHost: h\r\n\r\n",
    "0\r\nX: GET /smuggled/@@@@@ HTTP/1.1\r\nHost: h\r\n\r\n",
];

pub(super) fn cases() -> Vec<Case> {
    let coding = "Transfer-Encoding: chunked\r\n";
    let mut cases = vec![Case::plain(
        "a chunked body",
        post(coding, "5\r\nabcde\r\n1\r\nf\r\n0\r\n\r\n"),
    )];
    let size = format!("{:x}", HIDDEN.len());
    for line in SIZES {
        let written = line.replace("SIZE", &size).replace("SI_ZE", "8_0");
        let body = format!("{written}{HIDDEN}\r\n0\r\n\r\n");
        cases.push(Case::new(format!("size {line:?}"), post(coding, body)));
        // The line as that of a small chunk, with what is hidden behind the body's end.
        let written = line.replace("SIZE", "5").replace("SI_ZE", "0_5");
        let body = format!("{written}abcde\r\n0\r\n\r\n{HIDDEN}");
        cases.push(Case::new(format!("small {line:?}"), post(coding, body)));
    }
    for end in DATA_ENDS {
        let body = format!("5\r\nabcde{end}0\r\n\r\n{HIDDEN}");
        cases.push(Case::new(format!("data end {end:?}"), post(coding, body)));
        let body = format!("{size}\r\n{HIDDEN}{end}0\r\n\r\n");
        cases.push(Case::new(format!("hidden end {end:?}"), post(coding, body)));
    }
    for end in ENDS {
        let body = format!("5\r\nabcde\r\n{end}{HIDDEN}");
        cases.push(Case::new(format!("end {end:?}"), post(coding, body)));
        let lines = format!("{coding}Trailer: Content-Length, X\r\nTE: trailers\r\n");
        let body = format!("{end}{HIDDEN}");
        cases.push(Case::new(format!("trailers {end:?}"), post(lines, body)));
    }
    cases
}
