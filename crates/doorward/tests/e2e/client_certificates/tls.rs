//! What TLS is spoken, as openssl sees it (Mozilla's intermediate profile: TLS 1.2 with forward
//! secrecy and AEAD, TLS 1.3, no renegotiation, no compression).

use std::process::{Command, Stdio};

use crate::door::{Door, Home, ONE_ROUTE};
use crate::peer::Recorder;

/// What `openssl s_client` says of a handshake; `None` without openssl.
fn shake(door: &Door, args: &[&str], typed: &str) -> Option<String> {
    let address = format!("127.0.0.1:{}", door.port("main"));
    let mut command = Command::new("openssl");
    command.args(["s_client", "-connect", &address, "-servername", "localhost"]);
    command.args(args).current_dir(door.path(""));
    command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut child = command.spawn().ok()?;
    let mut to = child.stdin.take().unwrap();
    let _sent = std::io::Write::write_all(&mut to, typed.as_bytes());
    drop(to);
    let out = child.wait_with_output().unwrap();
    let both = [out.stdout, out.stderr].concat();
    Some(String::from_utf8_lossy(&both).into_owned())
}

#[test]
fn r110_only_modern_ciphers_are_spoken_and_nothing_is_renegotiated() {
    let upstream = Recorder::start();
    let door = Home::before(upstream.port, ONE_ROUTE).serve();
    let level = "ALL:COMPLEMENTOFALL:@SECLEVEL=0";
    let good = |said: &str| said.contains("Cipher is ") && !said.contains("Cipher is (NONE)");
    let Some(said) = shake(&door, &["-tls1_3"], "") else {
        eprintln!("SKIPPED: no openssl");
        return;
    };
    assert!(good(&said), "{said}");
    for cipher in [
        "ECDHE-ECDSA-AES128-GCM-SHA256",
        "ECDHE-ECDSA-AES256-GCM-SHA384",
        "ECDHE-ECDSA-CHACHA20-POLY1305",
    ] {
        let said = shake(&door, &["-tls1_2", "-cipher", cipher], "").unwrap();
        assert!(good(&said), "{cipher} {said}");
        assert!(said.contains("Compression: NONE"), "{said}");
        assert!(said.contains("Secure Renegotiation IS supported"), "{said}");
    }
    for old in ["-tls1", "-tls1_1"] {
        let said = shake(&door, &[old, "-cipher", level], "").unwrap();
        assert!(!good(&said), "{old} {said}");
    }
    for cipher in [
        "AES128-SHA",
        "AES256-GCM-SHA384",
        "ECDHE-ECDSA-AES128-SHA",
        "ECDHE-ECDSA-AES256-SHA384",
        "DHE-RSA-AES128-GCM-SHA256",
        "AECDH-AES128-SHA",
        "NULL-SHA",
        "DES-CBC3-SHA",
        "ADH-AES128-SHA",
        "PSK-AES128-CBC-SHA",
    ] {
        let list = format!("{cipher}:@SECLEVEL=0");
        let said = shake(&door, &["-tls1_2", "-cipher", &list], "").unwrap();
        assert!(!good(&said), "{cipher} {said}");
    }
    // A line of one R asks for a renegotiation.
    let said = shake(&door, &["-tls1_2"], "R\n").unwrap();
    assert!(said.contains("RENEGOTIATING") && good(&said), "{said}");
    let refused = [
        "no renegotiation",
        "unexpected message",
        "unexpected_message",
        "alert",
        "errno",
    ];
    assert!(
        refused
            .iter()
            .any(|words| said.to_ascii_lowercase().contains(words)),
        "{said}"
    );
    assert!(upstream.heads().is_empty());
}
