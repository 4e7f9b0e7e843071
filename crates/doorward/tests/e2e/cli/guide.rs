//! The guides: their commands are run and their code is called.

use std::os::unix::process::CommandExt;
use std::process::Command;

use super::demo::free_ports;
use crate::door::{Home, ONE_ROUTE, Ran, finish};
use crate::peer::{Recorder, header, python};

const GUIDE: &str = include_str!("../../../../../docs/guide-first-door.md");
const ASSERTION: &str = include_str!("../../../../../docs/upstream-assertion.md");

/// The code blocks of a page in one language.
fn blocks<'p>(page: &'p str, language: &str) -> Vec<&'p str> {
    let fence = format!("```{language}\n");
    let parts = page.split(fence.as_str()).skip(1);
    parts
        .map(|part| part.split("```").next().unwrap())
        .collect()
}

/// Runs a script in a process group of its own, and ends what it leaves.
fn bash(home: &Home, script: &str) -> Ran {
    let mut command = Command::new("bash");
    let ending = "trap 'kill $(cat upstream.pid doorward.pid) 2>/dev/null' EXIT";
    command.args(["-euc", &format!("{ending}\n{script}")]);
    command.current_dir(home.path("")).process_group(0);
    command.env_remove("DOORWARD_CONFIG");
    finish(command)
}

#[test]
fn the_first_guide_does_what_it_says() {
    if Command::new("python3").arg("-V").output().is_err() {
        eprintln!("SKIPPED: python3 is not installed; the guide is not run");
        return;
    }
    let home = Home::new("");
    let port = free_ports(3);
    let (door, upstream) = (port.to_string(), (port + 2).to_string());
    // The first block builds what is being tested.
    let commands = blocks(GUIDE, "sh")[1..].join("\n");
    let binary = std::path::Path::new(env!("CARGO_BIN_EXE_doorward"));
    let commands = format!(
        "PATH='{}':$PATH\n{commands}",
        binary.parent().unwrap().display()
    )
    .replace("--no-serve", &format!("--no-serve --port {door}"))
    .replace("8443", &door)
    .replace("3000", &upstream);
    let ran = bash(&home, &commands);
    assert_eq!(
        ran.code,
        0,
        "{ran:?}\n{}",
        home.read("first-door/doorward.log")
    );
    // What a `# 401` below a command says is what the command printed.
    let is_status = |line: &&str| line.len() == 3 && line.bytes().all(|b| b.is_ascii_digit());
    let said: Vec<_> = commands
        .lines()
        .filter_map(|line| line.strip_prefix("# "))
        .collect();
    let printed: Vec<_> = ran.out.lines().filter(is_status).collect();
    assert_eq!(printed, said, "{ran:?}");
    assert!(said.len() >= 4, "{said:?}");
    // The routes that it shows are good ones.
    let config = home.read("first-door/doorward.toml");
    let before = config.split("[[route]]").next().unwrap();
    home.write(
        "first-door/doorward.toml",
        &format!("{before}{}", blocks(GUIDE, "toml")[0]),
    );
    let checked = home.run(&["check", "first-door/doorward.toml"]);
    assert_eq!(checked.code, 0, "{checked:?}");
}

#[test]
fn the_python_verifier_takes_assertions_and_nothing_else() {
    let Some(python) = python() else { return };
    let upstream = Recorder::start();
    let door = Home::before(upstream.port, ONE_ROUTE).serve();
    let key = door.key("orders:read");
    assert_eq!(door.bearer("/get", &key).status, 200);
    let heads = upstream.heads();
    let assertion = header(&heads[0], "doorward-assertion").unwrap();
    let (token, _) = door.token(&["--sub", "x", "--audience", "http://127.0.0.1:1"]);
    let snippet = blocks(ASSERTION, "python")[0]
        .replace("https://door.internal:8443", &door.plain(""))
        .replace("https://api.example", "https://door.example")
        .replace(
            "http://127.0.0.1:3000",
            &format!("http://127.0.0.1:{}", upstream.port),
        );
    assert!(snippet.contains("https://door.example"), "{snippet}");
    let judge = "import sys\nfor token in sys.argv[1:]:\n    try:\n        \
                 print(caller({\"Doorward-Assertion\": token})[\"sub\"])\n    \
                 except (PermissionError, jwt.PyJWTError) as error:\n        print('refused')\n";
    let forged = format!("{}A.{}", &assertion[..20], &assertion[22..]);
    let (signed, signature) = assertion.rsplit_once('.').unwrap();
    let tampered = format!("{signed}.A{}", &signature[1..].replace('A', "B"));
    let mut command = Command::new(python);
    command.arg("-c").arg(format!("{snippet}\n{judge}"));
    command.args([assertion, &token, &forged, &tampered]);
    let ran = finish(command);
    assert_eq!(ran.code, 0, "{ran:?}");
    let said: Vec<_> = ran.out.lines().collect();
    assert_eq!(said, ["test", "refused", "refused", "refused"], "{ran:?}");
}
