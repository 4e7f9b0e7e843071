//! The guides: their commands are run and their code is called.

use std::os::unix::process::CommandExt;
use std::process::Command;

use super::demo::free_ports;
use crate::door::{Door, Home, ONE_ROUTE, Ran, finish};
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
    let ending = "trap 'kill $(cat upstream.pid doorward.pid) 2>/dev/null || true' EXIT";
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

/// A door, the snippet of one language made to fit it, and what the snippet is to judge: an
/// assertion, then what is none.
struct Verifier {
    door: Door,
    snippet: String,
    tokens: [String; 4],
}

impl Verifier {
    fn of(language: &str) -> Self {
        let upstream = Recorder::start();
        let door = Home::before(upstream.port, ONE_ROUTE).serve();
        let key = door.key("orders:read");
        assert_eq!(door.bearer("/get", &key).status, 200);
        let heads = upstream.heads();
        let assertion = header(&heads[0], "doorward-assertion").unwrap();
        let audience = format!("http://127.0.0.1:{}", upstream.port);
        let (access_token, _) = door.token(&["--sub", "x", "--audience", &audience]);
        let snippet = blocks(ASSERTION, language)[0]
            .replace("https://door.internal:8443", &door.plain(""))
            .replace("https://api.example", "https://door.example")
            .replace("http://127.0.0.1:3000", &audience);
        assert!(snippet.contains("https://door.example"), "{snippet}");
        let (signed, signature) = assertion.rsplit_once('.').unwrap();
        let (claims, _) = signed.rsplit_once('.').unwrap();
        let tokens = [
            assertion.to_owned(),
            access_token,
            format!("{signed}.{}", signature.chars().rev().collect::<String>()),
            format!("{claims}.e30.{signature}"),
        ];
        Self {
            door,
            snippet,
            tokens,
        }
    }

    /// Runs the snippet, which must take the first and refuse the others.
    fn judges(&self, mut command: Command) {
        command.args(&self.tokens);
        let ran = finish(command);
        assert_eq!(ran.code, 0, "{ran:?}");
        let said: Vec<_> = ran.out.lines().collect();
        assert_eq!(said, ["test", "refused", "refused", "refused"], "{ran:?}");
    }
}

#[test]
fn the_python_verifier_takes_assertions_and_nothing_else() {
    let Some(python) = python() else { return };
    let verifier = Verifier::of("python");
    let judge = "import sys\nfor token in sys.argv[1:]:\n    try:\n        \
                 print(caller({\"Doorward-Assertion\": token})[\"sub\"])\n    \
                 except (PermissionError, jwt.PyJWTError) as error:\n        print('refused')\n";
    let mut command = Command::new(python);
    command
        .arg("-c")
        .arg(format!("{}\n{judge}", verifier.snippet));
    verifier.judges(command);
}

#[test]
fn the_node_verifier_takes_assertions_and_nothing_else() {
    let Some(modules) = std::env::var_os("DOORWARD_TEST_NODE_MODULES") else {
        eprintln!("SKIPPED: DOORWARD_TEST_NODE_MODULES names no node_modules with jose");
        return;
    };
    let verifier = Verifier::of("js");
    let judge = "for (const token of process.argv.slice(2)) {\n  try {\n    \
                 const told = await caller({ headers: { 'doorward-assertion': token } });\n    \
                 console.log(told.sub);\n  } catch (error) {\n    \
                 if (!error.code?.startsWith('ERR_J')) throw error;\n    \
                 console.log('refused');\n  }\n}\n";
    let home = &verifier.door;
    home.write("caller.mjs", &format!("{}\n{judge}", verifier.snippet));
    std::os::unix::fs::symlink(modules, home.path("node_modules")).unwrap();
    let mut command = Command::new("node");
    command.arg(home.path("caller.mjs"));
    verifier.judges(command);
}
