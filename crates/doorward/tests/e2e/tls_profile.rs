//! What TLS is spoken, as sslyze sees it: Mozilla's intermediate profile.

use std::path::PathBuf;
use std::process::{Command, Stdio};

use crate::door::{Home, ONE_ROUTE};

/// sslyze: named, of `.ci/run`, or on the path.
fn sslyze() -> Option<PathBuf> {
    let cache = std::env::var_os("XDG_CACHE_HOME")
        .map(PathBuf::from)
        .or_else(|| Some(PathBuf::from(std::env::var_os("HOME")?).join(".cache")));
    let known = cache.map(|cache| cache.join("doorward-ci/sslyze/bin/sslyze"));
    let named = std::env::var_os("DOORWARD_TEST_SSLYZE").map(PathBuf::from);
    let all = [named, known, Some(PathBuf::from("sslyze"))];
    all.into_iter().flatten().find(|program| {
        let mut asked = Command::new(program);
        asked
            .arg("--help")
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        asked.status().is_ok_and(|status| status.success())
    })
}

#[test]
fn r110_sslyze_finds_mozillas_intermediate_profile() {
    let Some(sslyze) = sslyze() else {
        eprintln!("SKIPPED: no sslyze; set DOORWARD_TEST_SSLYZE or run .ci/run");
        return;
    };
    let door = Home::before(1, ONE_ROUTE).serve();
    let mut command = Command::new(sslyze);
    command.args(["--mozilla_config", "intermediate"]);
    command.arg("--certinfo_ca_file").arg(door.ca());
    command.arg(format!("localhost:{}", door.port("main")));
    let out = command.output().unwrap();
    let said = String::from_utf8_lossy(&out.stdout);
    assert!(said.contains("OK - Compliant"), "{said}");
    for finding in ["VULNERABLE", "NOT SUPPORTED - Secure Renegotiation"] {
        assert!(!said.contains(finding), "{finding}: {said}");
    }
    assert_eq!(out.status.code(), Some(0), "{said}");
}
