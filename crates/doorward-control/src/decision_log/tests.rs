use std::fs;
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use doorward_core::decision::{Journal, NotRecorded};
use doorward_core::rejection::{Reason, Rejection};
use parking_lot::{Condvar, Mutex};

use super::output::Output;
use super::sample::{TestClock, decision};
use super::{AccessRecord, DecisionLog, FaultRecord, OnFailure, Settings, Target};
use crate::admin::Check;
use crate::metrics::Metrics;

const LONG: Duration = Duration::from_secs(60);

/// A file in a folder of its own, removed at the end.
struct TempFile(PathBuf);

impl TempFile {
    fn new(name: &str) -> Self {
        let folder = std::env::temp_dir().join(format!("doorward-{}-{name}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        Self(folder.join("log"))
    }

    fn lines(&self) -> Vec<serde_json::Value> {
        let text = fs::read_to_string(&self.0).unwrap();
        assert!(text.is_empty() || text.ends_with('\n'));
        text.lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect()
    }
}

impl Drop for TempFile {
    fn drop(&mut self) {
        let _removed = fs::remove_dir_all(self.0.parent().unwrap());
    }
}

fn settings(target: Target, on_failure: OnFailure) -> Settings {
    Settings {
        target,
        on_failure,
        clock: Arc::new(TestClock::default()),
        metrics: Arc::new(Metrics::new("0")),
    }
}

fn start(target: Target, on_failure: OnFailure) -> DecisionLog {
    DecisionLog::start(settings(target, on_failure)).unwrap()
}

/// Calls `check` until it is true; the harness ends a test that hangs.
fn eventually(check: impl Fn() -> bool) {
    while !check() {
        std::thread::yield_now();
    }
}

/// An output that a test opens and closes.
#[derive(Clone, Default)]
struct Valve(Arc<(Mutex<ValveState>, Condvar)>);

#[derive(Default)]
struct ValveState {
    written: Vec<u8>,
    /// Bytes that may still be written; `None` for any number.
    room: Option<usize>,
    blocked: bool,
    tries: usize,
    reopened: usize,
}

impl Valve {
    fn set(&self, change: impl FnOnce(&mut ValveState)) {
        change(&mut self.0.0.lock());
        self.0.1.notify_all();
    }

    fn get<T>(&self, read: impl FnOnce(&ValveState) -> T) -> T {
        read(&self.0.0.lock())
    }

    fn text(&self) -> String {
        self.get(|state| String::from_utf8(state.written.clone()).unwrap())
    }

    fn log(&self, on_failure: OnFailure) -> DecisionLog {
        let settings = settings(Target::Stdout, on_failure);
        DecisionLog::with_output(settings, Some(Box::new(self.clone()))).unwrap()
    }
}

impl Output for Valve {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut state = self.0.0.lock();
        state.tries += 1;
        while state.blocked {
            self.0.1.wait(&mut state);
        }
        let len = state.room.map_or(bytes.len(), |room| room.min(bytes.len()));
        if len == 0 {
            return Err(io::ErrorKind::StorageFull.into());
        }
        state.room = state.room.map(|room| room - len);
        state.written.extend_from_slice(&bytes[..len]);
        Ok(len)
    }

    fn reopen(&mut self) -> io::Result<bool> {
        let mut state = self.0.0.lock();
        state.reopened += 1;
        state.written.clear();
        state.room = None;
        Ok(true)
    }
}

#[test]
fn r121_every_kind_of_record_is_one_json_line() {
    let file = TempFile::new("kinds");
    let log = start(Target::File(file.0.clone()), OnFailure::Serve);
    let decision = decision(7);
    log.record(&decision).unwrap();
    log.access(&AccessRecord {
        decision: Some(decision.id),
        status: 200,
        bytes: 12,
        complete: true,
        duration_us: 345,
    });
    log.fault(&FaultRecord {
        decision: decision.id,
        code: "upstream_failed",
        cause: "refused\r\n{\"kind\":\"decision\"}\u{1b}[2J",
    });
    assert!(log.close(LONG));
    let lines = file.lines();
    assert_eq!(lines.len(), 3);
    assert_eq!(lines[0]["kind"], "decision");
    assert_eq!(lines[1]["kind"], "access");
    assert_eq!(lines[1]["decision_id"], lines[0]["decision_id"]);
    assert_eq!(lines[1]["duration_us"], 345);
    assert_eq!(lines[2]["kind"], "fault");
    assert_eq!(
        lines[2]["cause"],
        "refused\r\n{\"kind\":\"decision\"}\u{1b}[2J"
    );
    assert!(!fs::read_to_string(&file.0).unwrap().contains('\u{1b}'));
    let mode = fs::metadata(&file.0).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
}

#[test]
fn records_of_many_threads_are_all_written_whole() {
    let file = TempFile::new("threads");
    let log = start(Target::File(file.0.clone()), OnFailure::Refuse);
    std::thread::scope(|scope| {
        for thread in 0..8 {
            let log = &log;
            scope.spawn(move || {
                for n in 0..500 {
                    log.record(&decision(thread * 1000 + n)).unwrap();
                }
            });
        }
    });
    assert!(log.flush(LONG));
    let ids: std::collections::BTreeSet<_> = file
        .lines()
        .iter()
        .map(|line| line["decision_id"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(ids.len(), 4000);
}

#[test]
fn r128_a_full_disk_with_serve_counts_and_serves() {
    let log = start(Target::File("/dev/full".into()), OnFailure::Serve);
    assert_eq!(log.record(&decision(1)), Ok(()));
    assert!(!log.flush(LONG));
    assert!(!log.works());
    assert_eq!(log.state(0), Err("the decision log cannot be written"));
    for n in 2..10 {
        assert_eq!(log.record(&decision(n)), Ok(()));
    }
    let page = log.metrics.render(doorward_core::Timestamp::from_secs(1));
    assert!(page.contains(
        "doorward_decisions_total{outcome=\"allowed\",failed_check=\"none\",method=\"none\"} 9"
    ));
    assert!(!page.contains("doorward_log_write_failures_total 0"));
    assert!(!log.close(LONG));
}

#[test]
fn r128_a_full_disk_with_refuse_refuses_and_says_so() {
    let log = start(Target::File("/dev/full".into()), OnFailure::Refuse);
    // The first failure is noticed after the call.
    assert_eq!(log.record(&decision(1)), Ok(()));
    assert!(!log.flush(LONG));
    let refused = decision(2);
    assert_eq!(log.record(&refused), Err(NotRecorded));
    let line = log.explain(&refused.id.to_string()).unwrap();
    let line: serde_json::Value = serde_json::from_str(&line).unwrap();
    assert_eq!(line["outcome"], "refused");
    assert_eq!(line["reason"], "journal_unavailable");
    // A call that is refused anyway keeps its own reason.
    let mut anyway = decision(3);
    anyway.rejection = Some(&Rejection::Missing);
    assert_eq!(log.record(&anyway), Ok(()));
    let page = log.metrics.render(doorward_core::Timestamp::from_secs(1));
    assert!(page.contains("doorward_refusals_total{reason=\"journal_unavailable\"} 1"));
    assert!(page.contains("{outcome=\"allowed\",failed_check=\"none\",method=\"none\"} 1"));
    assert!(!log.close(LONG));
}

#[test]
fn r128_writing_recovers_by_itself_and_loses_nothing() {
    let valve = Valve::default();
    valve.set(|state| state.room = Some(50));
    let log = valve.log(OnFailure::Refuse);
    log.record(&decision(1)).unwrap();
    assert!(!log.flush(LONG));
    assert_eq!(log.record(&decision(2)), Err(NotRecorded));
    assert_eq!(valve.get(|state| state.written.len()), 50);
    valve.set(|state| state.room = None);
    eventually(|| log.works());
    assert_eq!(log.record(&decision(3)), Ok(()));
    assert!(log.close(LONG));
    let lines: Vec<serde_json::Value> = valve
        .text()
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let outcomes: Vec<_> = lines
        .iter()
        .map(|line| line["outcome"].as_str().unwrap())
        .collect();
    assert_eq!(outcomes, ["allowed", "refused", "allowed"]);
}

#[test]
fn a_line_is_not_divided_between_two_files() {
    let valve = Valve::default();
    let log = valve.log(OnFailure::Serve);
    log.record(&decision(1)).unwrap();
    assert!(log.flush(LONG));
    valve.set(|state| state.room = Some(50));
    log.record(&decision(2)).unwrap();
    assert!(!log.flush(LONG));
    assert_eq!(valve.get(|state| state.room), Some(0));
    log.reopen();
    assert!(log.close(LONG));
    assert_eq!(valve.get(|state| state.reopened), 1);
    let text = valve.text();
    let line: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert_eq!(line["decision_id"], decision(2).id.to_string());
}

#[test]
fn a_rotated_file_is_opened_again() {
    let file = TempFile::new("rotated");
    let log = start(Target::File(file.0.clone()), OnFailure::Serve);
    log.record(&decision(1)).unwrap();
    assert!(log.flush(LONG));
    let old = TempFile(file.0.with_extension("1"));
    fs::rename(&file.0, &old.0).unwrap();
    log.reopen();
    eventually(|| file.0.exists());
    log.record(&decision(2)).unwrap();
    assert!(log.close(LONG));
    assert_eq!(old.lines().len(), 1);
    assert_eq!(file.lines().len(), 1);
}

#[test]
fn r128_an_output_that_blocks_costs_bounded_memory() {
    for on_failure in [OnFailure::Serve, OnFailure::Refuse] {
        let valve = Valve::default();
        valve.set(|state| state.blocked = true);
        let log = valve.log(on_failure);
        let mut last = Ok(());
        for n in 0..60_000 {
            last = log.record(&decision(n));
            if last.is_err() {
                break;
            }
        }
        assert_eq!(last.is_err(), on_failure == OnFailure::Refuse);
        assert!(!log.works());
        assert!(!log.flush(Duration::ZERO));
        valve.set(|state| state.blocked = false);
        assert!(log.close(LONG));
        assert!(valve.get(|state| state.written.len()) <= 3 * super::MAX_PENDING);
    }
}

#[test]
fn k09_a_flood_of_refused_calls_leaves_room_for_the_records_of_others() {
    let valve = Valve::default();
    valve.set(|state| state.blocked = true);
    let log = valve.log(OnFailure::Refuse);
    let mut refused = decision(1);
    refused.rejection = Some(&Rejection::Missing);
    for _ in 0..60_000 {
        log.record(&refused).unwrap();
    }
    assert_eq!(log.record(&decision(2)), Ok(()));
    valve.set(|state| state.blocked = false);
    assert!(log.close(LONG));
    let id = decision(2).id.to_string();
    assert!(valve.text().contains(&id));
}

#[test]
fn a_log_that_ended_refuses_or_counts() {
    for on_failure in [OnFailure::Serve, OnFailure::Refuse] {
        let log = Valve::default().log(on_failure);
        assert!(log.close(LONG));
        let expected = if on_failure == OnFailure::Serve {
            Ok(())
        } else {
            Err(NotRecorded)
        };
        assert_eq!(log.record(&decision(1)), expected);
        assert!(!log.works());
    }
}

#[test]
fn the_last_decisions_are_remembered() {
    let log = start(Target::Off, OnFailure::Refuse);
    for n in 1..=4097 {
        log.record(&decision(n)).unwrap();
    }
    assert!(log.works() && log.flush(Duration::ZERO) && log.close(Duration::ZERO));
    let id = |n| decision(n).id.to_string();
    assert_eq!(log.explain(&id(1)), None);
    assert_eq!(log.explain("d"), None);
    for n in [2, 3000, 4097] {
        let line: serde_json::Value = serde_json::from_str(&log.explain(&id(n)).unwrap()).unwrap();
        assert_eq!(line["decision_id"], id(n));
    }
}

#[test]
fn k11_a_huge_record_is_not_remembered_and_keeps_no_memory() {
    let log = start(Target::Off, OnFailure::Serve);
    static REASON: Reason = Reason {
        code: "x",
        meaning: "",
        fix: "",
    };
    let rejection = Rejection::invalid_because(&REASON, "x".repeat(100_000));
    let mut huge = decision(1);
    huge.rejection = Some(&rejection);
    log.record(&huge).unwrap();
    assert_eq!(log.explain(&huge.id.to_string()), None);
    log.record(&decision(2)).unwrap();
    assert!(log.explain(&decision(2).id.to_string()).is_some());
}

#[test]
fn a_target_that_cannot_be_opened_is_an_error_at_start() {
    let target = Target::File("/nonexistent/folder/log".into());
    let error = DecisionLog::start(settings(target, OnFailure::Serve))
        .err()
        .unwrap();
    assert!(error.to_string().contains("/nonexistent/folder/log"));
}
