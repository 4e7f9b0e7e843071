//! A door, an upstream behind it, and what must be true of both in the end.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use serde_json::Value;

use super::corpus::Case;
use super::strict::{self, Whole};
use super::talk::{self, Message};
use super::witness::{Seen, Witness};
use crate::door::{BASE, Door, Home};

const ROUTES: &str = r#"
[limits]
header_timeout = "1s"
body_idle = "1s"
idle = "30s"
[[route]]
path = "/open/{name}"
public = true
[[route]]
path = "/smuggled/{name}"
scopes = ["orders:read"]
"#;

/// How long the last lines may take to be written.
const PATIENCE: Duration = Duration::from_secs(20);

/// A method, a path, and bytes of content where they are known.
type Call = (String, String);

/// A door before a witness.
pub(super) struct Stand {
    pub(super) door: Door,
    pub(super) witness: Witness,
    /// We write what the upstream reads, and not a server that asks us.
    is_ours: bool,
}

impl Stand {
    /// A door before an upstream that is started in a folder; none when it is not installed.
    pub(super) fn before(start: impl FnOnce(&std::path::Path) -> Option<Witness>) -> Option<Self> {
        Self::listening("", start)
    }

    /// As [`Stand::before`], with more listeners.
    pub(super) fn listening(
        more: &str,
        start: impl FnOnce(&std::path::Path) -> Option<Witness>,
    ) -> Option<Self> {
        let home = Home::new("");
        let witness = start(&home.path(""))?;
        let base = BASE.replace("{upstream}", &witness.port.to_string());
        home.write("doorward.toml", &format!("{base}{more}{ROUTES}"));
        Some(Self {
            door: home.serve(),
            witness,
            is_ours: more.is_empty(),
        })
    }

    /// The port of the plain listener.
    pub(super) fn port(&self) -> u16 {
        self.door.port("plain")
    }

    /// Sends the corpus to a port and looks at what came of it. `read` tells what a strict reader
    /// finds in what the door was sent.
    pub(super) fn withstands(&self, port: u16, cases: &[Case], read: impl Fn() -> Vec<Whole>) {
        let message = |(number, case): (usize, &Case)| {
            let answers = if case.is_plain {
                case.read(number).len()
            } else {
                0
            };
            let bytes = case.bytes(number);
            Message { bytes, answers }
        };
        let sent: Vec<Message> = cases.iter().enumerate().map(message).collect();
        let answers = talk::send_all(port, &sent);
        for (number, answer) in answers.iter().enumerate() {
            is_for(number, answer, &cases[number].name);
        }
        let name = |path: &str| {
            let number = path.split('/').nth(2).and_then(|text| text.get(..5));
            let case = number.and_then(|text| cases.get(text.parse::<usize>().ok()?));
            case.map_or("?", |case| case.name.as_str()).to_owned()
        };
        self.agrees(&read(), name);
        // What everybody must pass on, and hence that something is passed on at all.
        let (seen, _) = self.witness.seen();
        for (number, case) in cases.iter().enumerate().filter(|(_, case)| case.is_plain) {
            for one in case.read(number) {
                let is_it = |seen: &Seen| {
                    let has_length = seen.length.is_none_or(|length| length == one.length);
                    seen.path == one.path && seen.method == one.method && has_length
                };
                assert!(seen.iter().any(is_it), "{}: not passed on", case.name);
            }
        }
    }

    /// Waits until the log, the upstream and a strict reader agree about what was sent.
    pub(super) fn agrees(&self, read: &[Whole], name: impl Fn(&str) -> String) {
        let start = Instant::now();
        loop {
            // First what was seen: its decision is written before long.
            let (seen, doubtful) = self.witness.seen();
            let mut wrong = wrong(&seen, &Log::of(&self.door), read);
            let doubtful = doubtful.iter().filter(|text| self.is_ours || frames(text));
            wrong.extend(doubtful.map(|text| format!("doubtful: {text:?}")));
            if wrong.is_empty() {
                assert!(!seen.is_empty(), "nothing was passed on");
                return;
            }
            if start.elapsed() > PATIENCE {
                let told: Vec<String> = wrong
                    .iter()
                    .map(|text| {
                        let path = text.find("/open/").or_else(|| text.find("/smuggled/"));
                        format!(
                            "{text}\n    {}",
                            path.map_or_else(String::new, |at| name(&text[at..]))
                        )
                    })
                    .collect();
                panic!("{} differences:\n{}", told.len(), told.join("\n"));
            }
            std::thread::sleep(Duration::from_millis(50));
        }
    }
}

/// Nobody gets the answer to what somebody else has sent, or to what was smuggled.
pub(super) fn is_for(number: usize, answer: &[u8], name: &str) {
    let text = String::from_utf8_lossy(answer);
    for (at, _) in text.match_indices("seen:") {
        let path = text[at + 5..].get(..11).unwrap_or("");
        assert_eq!(path, format!("/open/{number:05}"), "{name}: {text}");
    }
}

/// Tells whether what is doubtful about a request is where it ends. Other servers also pass on
/// control characters, and trailers that are none, which end nothing; and Envoy over HTTP, which does
/// not tell lengths, those that begin with 0, which are decimal by the standard.
fn frames(text: &str) -> bool {
    let is_odd = |c: char| c.is_control() && !matches!(c, '\r' | '\n' | '\t');
    let last = "\r\n0\r\n";
    let without_trailers = text
        .find(last)
        .map(|at| format!("{}{last}\r\n", &text[..at]));
    let is_whole = without_trailers.is_some_and(|text| !strict::read(text.as_bytes()).0.is_empty());
    let is_long = text.contains("\r\ncontent-length: 0");
    !text.chars().any(is_odd) && !is_whole && !is_long
}

/// What the door has written about what it decided.
struct Log {
    allowed: BTreeMap<String, Call>,
    /// Passed on by us, and answered by the upstream to the end.
    answered: Vec<String>,
}

impl Log {
    fn of(door: &Door) -> Self {
        let (mut allowed, mut answered) = (BTreeMap::new(), Vec::new());
        // What a server that asks does with a permission is not in the log.
        let mut failed = Vec::new();
        let log = door.read("decisions.jsonl");
        let lines = log.lines();
        for record in lines.filter_map(|line| serde_json::from_str::<Value>(line).ok()) {
            let text = |name: &str| record[name].as_str().unwrap_or_default().to_owned();
            match record["kind"].as_str() {
                Some("decision") if record["outcome"] == "allowed" => {
                    let call = (text("http_method"), text("path"));
                    if record["front"] != "proxy" {
                        failed.push(text("decision_id"));
                    }
                    allowed.insert(text("decision_id"), call);
                }
                Some("access") if record["complete"] == true => answered.push(text("decision_id")),
                Some("fault") => failed.push(text("decision_id")),
                _ => {}
            }
        }
        answered.retain(|id| !failed.contains(id));
        Self { allowed, answered }
    }
}

/// Everything that does not fit together.
fn wrong(seen: &[Seen], log: &Log, read: &[Whole]) -> Vec<String> {
    let mut wrong = Vec::new();
    let mut used = BTreeMap::<&str, usize>::new();
    let mut left = BTreeMap::<Call, Vec<usize>>::new();
    for whole in read {
        let call = (whole.method.clone(), whole.path.clone());
        left.entry(call).or_default().push(whole.length);
    }
    let sent = left.clone();
    for one in seen {
        let call = (one.method.clone(), one.path.clone());
        *used.entry(&one.decision).or_default() += 1;
        if log.allowed.get(&one.decision) != Some(&call) {
            wrong.push(format!("seen and not allowed: {one:?}"));
        }
        if one.path.starts_with("/smuggled") {
            wrong.push(format!("smuggled: {one:?}"));
        }
        let lengths = left.entry(call).or_default();
        let known = |length: &usize| one.length.is_none_or(|seen| seen == *length);
        match lengths.iter().position(known) {
            Some(at) => drop(lengths.remove(at)),
            None => wrong.push(format!("seen and not sent: {one:?}")),
        }
    }
    for (decision, times) in used.iter().filter(|(_, times)| **times > 1) {
        wrong.push(format!("seen {times} times: {decision}"));
    }
    let unseen = log.allowed.iter().filter(|(decision, call)| {
        let is_whole = sent.get(call).is_some_and(|lengths| !lengths.is_empty());
        is_whole && !used.contains_key(decision.as_str()) && log.answered.contains(decision)
    });
    wrong.extend(unseen.map(|call| format!("allowed and not seen: {call:?}")));
    wrong
}
