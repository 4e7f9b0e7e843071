//! Records that cannot be written.

use crate::door::{BASE, Door, Home, ONE_ROUTE};
use crate::peer::Recorder;
use crate::wait::until;

fn door(log: &str) -> (Recorder, Door, String) {
    let upstream = Recorder::start();
    let base = BASE.replace("{upstream}", &upstream.port.to_string());
    let config = base.replace("decisions = \"decisions.jsonl\"", log);
    assert_ne!(base, config);
    let home = Home::new(&format!("{config}{ONE_ROUTE}"));
    let key = home.key("orders:read");
    (upstream, home.serve(), key)
}

#[test]
fn r128_calls_go_on_without_a_log_where_that_is_asked_for() {
    let (_upstream, door, key) = door("decisions = \"/dev/full\"");
    for _ in 0..20 {
        assert_eq!(door.bearer("/get", &key).status, 200);
    }
    until("the loss is counted", || {
        let page = door.admin("/metrics").text();
        let lost = page.lines().find(|line| {
            let counted = !line.starts_with('#') && !line.ends_with(" 0");
            counted && (line.contains("lost") || line.contains("dropped") || line.contains("fail"))
        });
        lost.map(|_| ())
    });
}

#[test]
fn r128_no_call_goes_on_without_a_record_where_that_is_asked_for() {
    let (upstream, door, key) = door("decisions = \"/dev/full\"\non_failure = \"refuse\"");
    // The first lines are on their way when the disk is found full.
    let refused = until("calls are refused", || {
        let got = door.bearer("/get", &key);
        (got.status != 200).then_some(got)
    });
    assert_eq!(refused.status, 503, "{refused:?}");
    assert_eq!(refused.json()["code"], "unavailable");
    assert!(!refused.all("retry-after").is_empty());
    let passed = upstream.heads().len();
    for _ in 0..20 {
        let got = door.bearer("/get", &key);
        assert_eq!(got.status, 503, "{got:?}");
        assert_eq!(door.curl("/get", &[]).status, 401);
    }
    assert_eq!(upstream.heads().len(), passed, "a call went through");
    assert_eq!(door.admin("/readyz").status, 503);
}

#[test]
fn a_log_that_cannot_be_opened_is_said_at_the_start() {
    let upstream = Recorder::start();
    let home = Home::before(upstream.port, ONE_ROUTE);
    let ran = home.run(&["serve", "--set", "log.decisions=no/such/folder/log.jsonl"]);
    assert_eq!(ran.code, 1, "{ran:?}");
    assert!(ran.err.contains("no/such/folder/log.jsonl"), "{ran:?}");
}

#[test]
fn a_rotated_log_is_opened_anew_on_hangup() {
    let (_upstream, door, key) = door("decisions = \"log.jsonl\"");
    let first = door.bearer("/get", &key);
    let id = first.one("doorward-decision").to_owned();
    until("it is written", || {
        door.read("log.jsonl").contains(&id).then_some(())
    });
    std::fs::rename(door.path("log.jsonl"), door.path("log.1")).unwrap();
    door.signal("HUP");
    door.until_said("configuration reloaded", 1);
    let second = door.bearer("/get", &key);
    let id = second.one("doorward-decision").to_owned();
    until("it is written", || {
        door.read("log.jsonl").contains(&id).then_some(())
    });
    assert!(!door.read("log.1").contains(&id));
}
