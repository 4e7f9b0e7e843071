//! The state folder: foreign, locked, full, newer, open to others.

use std::fs::{self, Permissions};
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::process::Command;

use crate::door::{Home, ONE_ROUTE, Ran, finish};
use crate::peer::{Recorder, python};

fn home() -> (Recorder, Home) {
    let upstream = Recorder::start();
    let home = Home::before(upstream.port, ONE_ROUTE);
    (upstream, home)
}

/// Neither serving nor any other command goes on, all say why, and nothing is changed.
fn refused(home: &Home, words: &[&str]) {
    let database = fs::read(home.path("data/doorward.db")).unwrap_or_default();
    let commands: [&[&str]; 3] = [
        &["serve"],
        &["key", "list"],
        &["key", "create", "--name", "a"],
    ];
    for args in commands {
        let ran = home.run(args);
        assert_eq!(ran.code, 1, "{args:?} {ran:?}");
        for word in words {
            assert!(ran.err.contains(word), "{word}: {args:?} {ran:?}");
        }
    }
    let after = fs::read(home.path("data/doorward.db")).unwrap_or_default();
    assert!(database == after, "the database was changed");
}

fn sql(home: &Home, statement: &str) {
    let script = "import sqlite3,sys; c=sqlite3.connect(sys.argv[1]); \
                  c.executescript(sys.argv[2]); c.commit(); c.close()";
    let mut command = Command::new(python().unwrap());
    command
        .args(["-c", script])
        .arg(home.path("data/doorward.db"))
        .arg(statement);
    let ran = finish(command);
    assert_eq!(ran.code, 0, "{ran:?}");
}

#[test]
fn a_file_that_is_not_our_database_is_left_alone() {
    let (_upstream, home) = home();
    home.key("orders:read");
    let file = home.path("data/doorward.db");
    fs::write(
        &file,
        "this is a letter to my aunt, and no database at all\n".repeat(100),
    )
    .unwrap();
    refused(&home, &["doorward.db", "not a"]);
    if python().is_some() {
        fs::remove_file(&file).unwrap();
        sql(
            &home,
            "CREATE TABLE holiday (photo BLOB); INSERT INTO holiday VALUES (x'00');",
        );
        refused(&home, &["doorward.db"]);
    }
}

#[test]
fn a_newer_database_is_left_alone() {
    if python().is_none() {
        return;
    }
    let (_upstream, home) = home();
    home.key("orders:read");
    sql(
        &home,
        "INSERT INTO schema_migration (version, checksum) VALUES (999, 'x');",
    );
    refused(&home, &["doorward.db", "newer"]);
}

#[test]
fn a_damaged_database_is_not_served() {
    let (_upstream, home) = home();
    for n in 0..30 {
        home.json(&["key", "create", "--name", &format!("k{n}")]);
    }
    let file = home.path("data/doorward.db");
    let mut bytes = fs::read(&file).unwrap();
    let half = bytes.len() / 2;
    bytes.truncate(half);
    fs::write(&file, &bytes).unwrap();
    for args in [&["serve"][..], &["key", "list"]] {
        let ran = home.run(args);
        assert_eq!(ran.code, 1, "{args:?} {ran:?}");
        assert!(!ran.err.contains("panicked"), "{ran:?}");
    }
}

#[test]
fn lost_secrets_are_not_made_again_beside_a_database_in_use() {
    type Use = fn(&Home);
    let uses: [Use; 4] = [
        |home| drop(home.key("orders:read")),
        |home| drop(home.token(&["--sub", "x"])),
        |home| home.user("alice", "a password of some length", "orders:read"),
        |home| drop(home.revoke_token("AAAAAAAAAAAAAAAAAAAAAA")),
    ];
    for used in uses {
        let (_upstream, home) = home();
        used(&home);
        let secrets = home.path("data/secrets.toml");
        let kept = fs::read(&secrets).unwrap();
        fs::remove_file(&secrets).unwrap();
        refused(&home, &["secrets.toml is lost", "backup", "doorward.db"]);
        assert!(!secrets.exists(), "they were made again");
        let explained = home.run(&["explain", "https://localhost/get"]);
        assert_eq!(explained.code, 1, "{explained:?}");
        assert!(explained.err.contains("is lost"), "{explained:?}");
        // What the message says helps: both ways.
        fs::write(&secrets, kept).unwrap();
        fs::set_permissions(&secrets, Permissions::from_mode(0o600)).unwrap();
        assert_eq!(home.run(&["key", "list"]).code, 0);
        fs::remove_file(&secrets).unwrap();
        for (file, _) in crate::door::files(&home.path("data")) {
            let name = file.file_name().unwrap().to_string_lossy().into_owned();
            if name.starts_with("doorward.db") {
                fs::remove_file(file).unwrap();
            }
        }
        assert_eq!(home.json(&["key", "list"]), serde_json::json!([]));
    }
}

#[test]
fn a_first_start_that_was_cut_off_before_the_secrets_goes_on() {
    let (_upstream, home) = home();
    assert_eq!(home.run(&["key", "list"]).code, 0);
    fs::remove_file(home.path("data/secrets.toml")).unwrap();
    assert_eq!(home.run(&["key", "list"]).code, 0, "nothing was written");
}

#[test]
fn secrets_of_another_database_open_nothing() {
    let (_upstream, one) = home();
    one.token(&["--sub", "x"]);
    let (_upstream, two) = home();
    two.token(&["--sub", "x"]);
    let secrets = |home: &Home| home.path("data/secrets.toml");
    fs::copy(secrets(&two), secrets(&one)).unwrap();
    let ran = one.run(&["serve"]);
    assert_eq!(ran.code, 1, "{ran:?}");
    assert!(ran.err.contains("secrets.toml"), "{ran:?}");
}

#[test]
fn a_state_folder_of_another_user_is_refused() {
    let (_upstream, home) = home();
    home.key("orders:read");
    let folder = home.path("data");
    if std::os::unix::fs::chown(&folder, Some(65_534), None).is_err() {
        eprintln!("SKIPPED: only root can give a folder away");
        return;
    }
    refused(&home, &["belongs to user 65534"]);
    std::os::unix::fs::chown(&folder, Some(0), None).unwrap();
    assert_eq!(home.run(&["key", "list"]).code, 0);
}

#[test]
fn a_state_folder_with_a_long_path_is_served() {
    let upstream = Recorder::start();
    let home = Home::before(upstream.port, ONE_ROUTE);
    let long = format!("{}/{}", "a".repeat(120), "b".repeat(200));
    home.write(
        "doorward.toml",
        &home
            .read("doorward.toml")
            .replace("\"data\"", &format!("\"{long}\"")),
    );
    let (key, id) = home.key_with(&["--name", "a", "--scope", "orders:read"]);
    let mut door = home.serve();
    let answer = door.bearer("/get", &key);
    assert_eq!(answer.status, 200);
    // The socket works from both of its ends.
    let revoked = door.json(&["key", "revoke", &id]);
    assert_eq!(revoked["servers_told"], 1, "{revoked}");
    assert_eq!(revoked["servers_silent"], 0, "{revoked}");
    assert_eq!(door.bearer("/get", &key).status, 401);
    assert!(door.stop().success());
    let left = fs::read_dir(door.path(&long).join("run")).unwrap().count();
    assert_eq!(left, 0, "the socket's file stays");
}

#[test]
fn what_others_could_read_or_write_is_refused() {
    let (_upstream, home) = home();
    home.key("orders:read");
    let folder = home.path("data");
    let secrets = home.path("data/secrets.toml");
    let set = |path, mode| fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
    for mode in [0o777, 0o770, 0o722] {
        set(&folder, mode);
        refused(&home, &["chmod"]);
    }
    set(&folder, 0o700);
    for mode in [0o644, 0o640, 0o604, 0o660] {
        set(&secrets, mode);
        refused(&home, &["chmod 600", "secrets.toml"]);
    }
    set(&secrets, 0o600);
    assert_eq!(home.run(&["key", "list"]).code, 0);
    for (path, _) in crate::door::files(&folder) {
        let mode = fs::metadata(&path).unwrap().permissions().mode();
        let public = path.extension().is_some_and(|end| end == "pem");
        assert!(public || mode & 0o077 == 0, "{} {mode:o}", path.display());
    }
    fs::write(&secrets, "sealing_key = \"CANARY\"").unwrap();
    let ran = home.run(&["serve"]);
    assert_eq!(ran.code, 1);
    assert!(
        !ran.err.contains("CANARY") && ran.err.contains("backup"),
        "{ran:?}"
    );
}

/// Runs a command that may write no file beyond so many kilobytes, as on a full disk.
fn on_a_full_disk(home: &Home, blocks: u32, args: &[&str]) -> Ran {
    let mut command = Command::new("bash");
    command.current_dir(home.path(""));
    let script = format!("trap '' XFSZ; ulimit -f {blocks}; exec \"$@\"");
    command
        .args(["-c", &script, "bash", env!("CARGO_BIN_EXE_doorward")])
        .args(args);
    finish(command)
}

#[test]
fn r128_a_full_disk_loses_nothing_that_was_acknowledged() {
    let (_upstream, home) = home();
    let (key, id) = home.key_with(&["--name", "kept", "--scope", "orders:read"]);
    let door = home.serve();
    for blocks in [0, 1, 4, 8, 16, 64] {
        let ran = on_a_full_disk(&door, blocks, &["key", "create", "--name", "new"]);
        let stored = |ran: &Ran| ran.code == 0;
        let listed = door.json(&["key", "list"]);
        let count = listed
            .as_array()
            .unwrap()
            .iter()
            .filter(|key| key["name"] == "new")
            .count();
        assert!(count > 0 || !stored(&ran), "acknowledged and lost: {ran:?}");
        assert!(!ran.err.contains("panicked"), "{ran:?}");
        assert_eq!(door.bearer("/get", &key).status, 200);
    }
    let ran = on_a_full_disk(&door, 0, &["key", "revoke", &id]);
    assert_eq!(ran.code, 1, "{ran:?}");
    assert_eq!(door.bearer("/get", &key).status, 200, "it was not revoked");
    door.json(&["key", "revoke", &id]);
    assert_eq!(door.bearer("/get", &key).status, 401);
}

#[test]
fn a_port_that_is_taken_is_said_and_so_is_a_folder_that_cannot_be() {
    let (_upstream, home) = home();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    for listener in [
        "listener.main.address",
        "listener.plain.address",
        "admin.address",
    ] {
        let ran = home.run(&["serve", "--set", &format!("{listener}={address}")]);
        assert_eq!(ran.code, 1, "{ran:?}");
        assert!(ran.err.contains(&address), "{ran:?}");
        assert!(ran.err.contains("port"), "{ran:?}");
        let name = listener.trim_end_matches(".address");
        assert!(ran.err.contains(name), "{ran:?}");
    }
    home.write("a-file", "");
    for dir in ["a-file", "/proc/nowhere", "/dev/null/x"] {
        let ran = home.run(&["serve", "--set", &format!("state.dir={dir}")]);
        assert_eq!(ran.code, 1, "{ran:?}");
        assert!(ran.err.contains(dir), "{ran:?}");
    }
}
