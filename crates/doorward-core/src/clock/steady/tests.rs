use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use super::{BACK_AFTER, FORWARD_AFTER, SteadyClock, TOLERANCE};
use crate::clock::{Clock, Timestamp};

const START: i64 = 1_800_000_000_000;
const HOUR: i64 = 3_600_000;

/// A machine whose hands a test moves.
#[derive(Default)]
struct Machine {
    /// Milliseconds since the start, as the monotonic clock and as a good watch have them.
    passed: AtomicI64,
    /// How wrong the wall clock is.
    wrong: AtomicI64,
}

impl Machine {
    fn pass(&self, by: Duration) {
        let by = i64::try_from(by.as_millis()).unwrap();
        self.passed.fetch_add(by, Ordering::Relaxed);
    }

    fn set_wrong(&self, by: i64) {
        self.wrong.store(by, Ordering::Relaxed);
    }

    fn right(&self) -> i64 {
        START + self.passed.load(Ordering::Relaxed)
    }
}

impl Clock for Machine {
    fn now(&self) -> Timestamp {
        Timestamp::from_millis(self.right() + self.wrong.load(Ordering::Relaxed))
    }

    fn monotonic_micros(&self) -> u64 {
        u64::try_from(self.passed.load(Ordering::Relaxed)).unwrap() * 1000
    }
}

fn clocks() -> (Arc<Machine>, SteadyClock<Arc<Machine>>) {
    let machine = Arc::<Machine>::default();
    (machine.clone(), SteadyClock::new(machine))
}

fn minutes(n: u64) -> Duration {
    Duration::from_secs(60 * n)
}

/// How far behind the right time what is judged by is, at worst, over some time.
fn worst(machine: &Machine, clock: &impl Clock, over: Duration) -> i64 {
    let mut worst = i64::MIN;
    for _ in 0..over.as_secs() / 60 {
        worst = worst.max(machine.right() - clock.now().millis());
        machine.pass(minutes(1));
    }
    worst
}

#[test]
fn r127_a_clock_set_back_revives_nothing_that_ended_longer_ago_than_the_tolerance() {
    for back in [-HOUR, -5 * 60_000, -365 * 24 * HOUR] {
        let (machine, clock) = clocks();
        machine.pass(minutes(90));
        assert_eq!(clock.now().millis(), machine.right());
        machine.set_wrong(back);
        let bound = i64::try_from(TOLERANCE.as_millis()).unwrap();
        assert_eq!(worst(&machine, &clock, BACK_AFTER / 2), bound);
        let told = clock.set_back_by().unwrap();
        assert_eq!(told.as_millis(), back.unsigned_abs().into());
        machine.set_wrong(0);
        assert_eq!(clock.now().millis(), machine.right());
        assert_eq!(clock.set_back_by(), None);
    }
}

#[test]
fn r127_a_clock_set_forward_and_back_again_locks_nobody_out() {
    let (machine, clock) = clocks();
    machine.set_wrong(HOUR);
    assert_eq!(clock.now().millis(), machine.right() + HOUR, "as it says");
    machine.pass(minutes(50));
    assert_eq!(clock.now().millis(), machine.right() + HOUR);
    machine.set_wrong(0);
    assert_eq!(clock.now().millis(), machine.right(), "corrected");
    // And it is counted anew.
    machine.set_wrong(HOUR);
    let _seen = clock.now();
    machine.pass(minutes(50));
    let _seen = clock.now();
    machine.set_wrong(0);
    assert_eq!(clock.now().millis(), machine.right());
}

#[test]
fn r127_a_clock_that_was_slow_at_the_start_is_held_to_its_correction() {
    let machine = Arc::<Machine>::default();
    machine.set_wrong(-HOUR);
    let clock = SteadyClock::new(machine.clone());
    machine.set_wrong(0);
    worst(&machine, &clock, FORWARD_AFTER + minutes(2));
    machine.set_wrong(-HOUR);
    let bound = i64::try_from(TOLERANCE.as_millis()).unwrap();
    assert_eq!(worst(&machine, &clock, minutes(60)), bound);
}

#[test]
fn r127_a_clock_that_was_ahead_at_the_start_is_believed_after_a_day() {
    let machine = Arc::<Machine>::default();
    machine.set_wrong(24 * 365 * HOUR);
    let clock = SteadyClock::new(machine.clone());
    machine.set_wrong(0);
    assert!(clock.now().millis() > machine.right() + HOUR);
    worst(&machine, &clock, BACK_AFTER + minutes(1));
    assert_eq!(clock.now().millis(), machine.right());
    assert_eq!(clock.set_back_by(), None);
}

#[test]
fn r127_a_clock_set_back_step_by_step_waits_a_day_for_each() {
    let (machine, clock) = clocks();
    machine.set_wrong(-60_000);
    worst(&machine, &clock, BACK_AFTER - minutes(30));
    machine.set_wrong(-24 * HOUR);
    let bound = i64::try_from(TOLERANCE.as_millis()).unwrap();
    assert_eq!(worst(&machine, &clock, BACK_AFTER - minutes(30)), bound);
    // Small steps that stay below the tolerance each add up all the same.
    let (machine, clock) = clocks();
    for step in 1..100 {
        machine.set_wrong(-4000 * step);
        machine.pass(minutes(1));
        assert!(machine.right() - clock.now().millis() <= bound);
    }
}

#[test]
fn small_corrections_are_followed() {
    let (machine, clock) = clocks();
    for wrong in [-4000, 3000, 0, -1] {
        machine.set_wrong(wrong);
        machine.pass(minutes(7));
        assert_eq!(clock.now().millis(), machine.right() + wrong);
    }
}
