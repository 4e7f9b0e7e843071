//! The clients of docs/signatures.md, as they stand there.

use std::process::Command;

use crate::door::{Home, finish};
use crate::peer::{Recorder, python};
use crate::signing::{PRIVATE, add_key};

const PAGE: &str = include_str!("../../../../../docs/signatures.md");

/// The example after a mark.
fn example(name: &str) -> &'static str {
    let (_, rest) = PAGE.split_once(&format!("<!-- {name} -->\n```")).unwrap();
    let (_, code) = rest.split_once('\n').unwrap();
    code.split_once("```").unwrap().0
}

/// Signs with a program that prints headers, and calls twice.
fn calls(mut program: impl FnMut(&Home, [&str; 4]) -> Command) {
    let upstream = Recorder::start();
    let home = Home::before(upstream.port, super::requests::ROUTES);
    let (id, _) = add_key(&home, "ed25519", &["--scope", "orders:read"]);
    home.write("private.pem", PRIVATE);
    let door = home.serve();
    let url = door.url("/orders/7?x=%41&y=b+c");
    for (method, body) in [("GET", ""), ("POST", "{\"amount\": 100}")] {
        let ran = finish(program(&door, [method, &url, body, &id]));
        assert_eq!(ran.code, 0, "{ran:?}");
        let mut args = vec!["-X", method];
        for line in ran.out.lines() {
            args.extend(["-H", line]);
        }
        if !body.is_empty() {
            args.extend(["--data-raw", body]);
        }
        let answer = door.curl("/orders/7?x=%41&y=b+c", &args);
        assert_eq!(answer.status, 200, "{ran:?} {answer:?}");
    }
    assert_eq!(upstream.heads().len(), 2);
}

#[test]
fn r028_the_documented_client_in_python_is_let_in() {
    let Some(python) = python() else { return };
    let tail = "\nimport sys\nmethod, url, body, keyid, pem = sys.argv[1:]\n\
        for name, value in sign(method, url, body.encode(), keyid, open(pem, 'rb').read(), \
        'orders-api').items(): print(f'{name}: {value}')\n";
    calls(|home, args| {
        let mut command = Command::new(&python);
        command
            .arg("-c")
            .arg(format!("{}{tail}", example("python")));
        command.args(args).arg(home.path("private.pem"));
        command
    });
}

#[test]
fn r028_the_documented_client_in_node_is_let_in() {
    if Command::new("node").arg("--version").output().is_err() {
        eprintln!("SKIPPED: there is no node");
        return;
    }
    let tail = "\nimport { readFileSync } from 'node:fs';\n\
        const [method, url, body, keyid, pem] = process.argv.slice(2);\n\
        const made = sign(method, url, body, keyid, readFileSync(pem), 'orders-api');\n\
        for (const [name, value] of Object.entries(made)) console.log(`${name}: ${value}`);\n";
    calls(|home, args| {
        home.write("client.mjs", &format!("{}{tail}", example("node")));
        let mut command = Command::new("node");
        command.arg(home.path("client.mjs"));
        command.args(args).arg(home.path("private.pem"));
        command
    });
}
