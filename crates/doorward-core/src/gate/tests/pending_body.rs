use std::sync::Arc;

use bytes::Bytes;
use http::Request;

use super::{Lines, Table, futures_lite, gate};
use crate::gate::{Admission, PendingBody};
use crate::net::ClientAddress;
use crate::policy::{Policy, Rule};
use crate::refusal::Refusal;
use crate::rejection::{BodyFault, Denied, Rejection};
use crate::request::{Arrival, RequestFault, RequestHead, Transport};
use crate::verified::Principal;

const JSON: (&str, &str) = ("content-type", "application/json");
const KEY: (&str, &str) = ("x-api-key", "good r");

/// What the gate says to a head, and where it records.
fn ask(path: &str, headers: &[(&str, &str)]) -> (Arc<Lines>, Result<Admission, Refusal>) {
    ask_with(Arc::default(), path, headers)
}

fn ask_with(
    journal: Arc<Lines>,
    path: &str,
    headers: &[(&str, &str)],
) -> (Arc<Lines>, Result<Admission, Refusal>) {
    let gate = gate(Arc::clone(&journal));
    let mut request = Request::builder().method("POST").uri(path);
    request = request.header("host", "a");
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let (parts, ()) = request.body(()).unwrap().into_parts();
    let client = ClientAddress::new([127, 0, 0, 1].into());
    let transport = Transport::Loopback;
    let head = gate.receive(parts, Arrival { client, transport }).ok();
    let asked = futures_lite(gate.admit(&head.unwrap()));
    (journal, asked)
}

fn pending(path: &str, headers: &[(&str, &str)]) -> (Arc<Lines>, PendingBody) {
    match ask(path, headers) {
        (journal, Ok(Admission::NeedsBody(pending))) => (journal, pending),
        _ => panic!("no body is asked for"),
    }
}

/// The one line that was recorded.
fn line(journal: &Lines) -> String {
    let lines = journal.0.lock().unwrap();
    assert_eq!(lines.len(), 1);
    lines[0].clone()
}

fn status_and_code(refusal: &Refusal) -> (u16, &'static str) {
    (
        refusal.response().status().as_u16(),
        refusal.rejection().code(),
    )
}

#[test]
fn r102_a_body_that_is_judged_is_the_body_of_the_permit() {
    let (journal, pending) = pending("/guarded-body", &[KEY, JSON]);
    assert!(
        journal.0.lock().unwrap().is_empty(),
        "not before it is judged"
    );
    let id = pending.decision_id();
    let permit = pending.judge(Bytes::from_static(b"good")).ok().unwrap();
    assert_eq!(permit.body().map(|body| &body[..]), Some(&b"good"[..]));
    assert!(permit.decision_id() == id && permit.principal().is_some());
    let line = line(&journal);
    assert!(
        line.contains("\"outcome\":\"allowed\"") && line.contains("alice"),
        "{line}"
    );
}

#[test]
fn g30_a_body_is_refused_in_every_way_that_it_cannot_be_judged() {
    let refused = |fault: BodyFault| {
        let (journal, pending) = pending("/guarded-body", &[KEY, JSON]);
        let refusal = pending.refuse(fault);
        let (status, code) = status_and_code(&refusal);
        let line = line(&journal);
        assert!(line.contains(code) && line.contains("refused"), "{line}");
        (status, code)
    };
    assert_eq!(refused(BodyFault::Unseen), (403, "body_unseen"));
    assert_eq!(refused(BodyFault::TooLarge), (413, "body_too_large"));
    assert_eq!(refused(BodyFault::Stalled), (408, "body_stalled"));
    assert_eq!(refused(BodyFault::Broken), (400, "body_unfinished"));
    assert_eq!(refused(BodyFault::NoRoom), (503, "bodies_full"));
    let (journal, dropped) = pending("/guarded-body", &[KEY, JSON]);
    drop(dropped);
    assert!(line(&journal).contains("body_unfinished"));
}

#[test]
fn g30_what_a_front_shows_is_bounded_and_typed_once_more() {
    let judge = |headers: &[(&str, &str)], body: Vec<u8>| {
        let (journal, pending) = pending("/guarded-body", headers);
        let refusal = pending.judge(body.into()).err().unwrap();
        assert!(line(&journal).contains("refused"));
        status_and_code(&refusal)
    };
    let large = vec![b' '; crate::policy::BodyRule::MAX_BYTES + 1];
    assert_eq!(judge(&[KEY, JSON], large), (413, "body_too_large"));
    assert_eq!(judge(&[KEY], b"x".to_vec()), (415, "body_media_type"));
    assert_eq!(judge(&[KEY, JSON], b"bad".to_vec()), (403, "no_rule"));
}

#[test]
fn g30_the_head_alone_refuses_what_no_reading_would_help() {
    let refused = |headers: &[(&str, &str)]| {
        let mut all = vec![KEY];
        all.extend(headers);
        let (journal, asked) = ask("/guarded-body", &all);
        assert!(line(&journal).contains("refused"));
        status_and_code(&asked.err().unwrap())
    };
    for coding in ["gzip", "identity", ""] {
        let found = refused(&[JSON, ("content-encoding", coding)]);
        assert_eq!(found, (415, "body_encoded"), "{coding}");
    }
    for length in ["65537", "99999999999999999999999"] {
        let found = refused(&[JSON, ("content-length", length)]);
        assert_eq!(found, (413, "body_too_large"), "{length}");
    }
    for media in [
        "text/plain",
        "application/json; charset=utf-16",
        "application/json; charset=utf-8; charset=utf-7",
        "application/json; boundary=x",
        "application/json-patch+json",
        "application/jsonp",
        "application/json, text/plain",
        "multipart/form-data",
        "",
    ] {
        let found = refused(&[("content-type", media)]);
        assert_eq!(found, (415, "body_media_type"), "{media}");
    }
    let twice = refused(&[JSON, ("content-type", "text/plain")]);
    assert_eq!(twice, (415, "body_media_type"));
    for media in [
        "Application/JSON",
        "application/json ;charset=UTF-8",
        "application/json;charset=\"utf-8\"",
    ] {
        let _accepted = pending("/guarded-body", &[KEY, ("content-type", media)]);
    }
    // Who may not call at all hears nothing of bodies.
    let (_, asked) = ask("/guarded-body", &[("content-encoding", "gzip")]);
    assert_eq!(status_and_code(&asked.err().unwrap()).0, 401);
}

#[test]
fn g30_a_good_body_whose_record_is_lost_is_refused() {
    let full = Arc::new(Lines(std::sync::Mutex::default(), true));
    let (journal, asked) = ask_with(full, "/guarded-body", &[KEY, JSON]);
    let Ok(Admission::NeedsBody(asked)) = asked else {
        panic!("no body is asked for");
    };
    let refusal = asked.judge(Bytes::from_static(b"good")).err().unwrap();
    assert_eq!(status_and_code(&refusal), (503, "journal_unavailable"));
    line(&journal);
}

#[test]
fn r102_public_bodies_are_judged_without_a_caller() {
    let (_, asked) = pending("/body", &[JSON]);
    assert!(asked.judge(Bytes::new()).is_ok());
    let (_, asked) = pending("/body", &[JSON]);
    assert!(asked.judge(Bytes::from_static(b"good")).is_err());
}

#[test]
fn g30_a_policy_that_knows_no_bodies_refuses_them() {
    struct Old;
    impl Policy for Old {
        fn rule_for(&self, head: &RequestHead) -> Result<Option<Arc<Rule>>, RequestFault> {
            Table.rule_for(head)
        }
        fn rule_for_preflight(&self, _: &RequestHead) -> Result<Option<Arc<Rule>>, RequestFault> {
            Ok(None)
        }
        fn decide(&self, _: &Rule, _: &Principal, _: &RequestHead) -> Result<(), Denied> {
            Ok(())
        }
    }
    let request = Request::builder().uri("/body").header("host", "a");
    let (parts, ()) = request.body(()).unwrap().into_parts();
    let client = ClientAddress::new([127, 0, 0, 1].into());
    let transport = Transport::Loopback;
    let gate = gate(Arc::default());
    let head = gate.receive(parts, Arrival { client, transport }).ok();
    let rule = Old.rule_for(&head.unwrap()).unwrap().unwrap();
    assert_eq!(
        Old.decide_body(&rule, None, b""),
        Err(Rejection::Body(BodyFault::Unseen))
    );
}
