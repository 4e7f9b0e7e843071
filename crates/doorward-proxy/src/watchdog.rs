//! Looks at a connection's deadlines, now and then.

use std::pin::Pin;
use std::task::Context;
use std::time::Duration;

use tokio::time::{Instant, Sleep, sleep_until};

use crate::limits::Limits;
use crate::pulse::Pulse;

/// The one timer of a connection. Setting a timer for every request would cost more than all of
/// its deadlines are worth.
pub(crate) struct Watchdog<'l> {
    limits: &'l Limits,
    tick: Duration,
    next_tick: Instant,
    timer: Pin<Box<Sleep>>,
}

/// What there is to do.
pub(crate) enum Look {
    /// Nothing until the timer wakes the task.
    Later,
    /// The connection is to be polled again: a deadline of one of its requests may have passed.
    Again,
    /// The caller has been silent, or deaf, for longer than it may.
    Overdue,
}

impl<'l> Watchdog<'l> {
    pub(crate) fn new(limits: &'l Limits) -> Self {
        let tick = limits.tick();
        let next_tick = Instant::now() + tick;
        Self {
            limits,
            tick,
            next_tick,
            timer: Box::pin(sleep_until(next_tick)),
        }
    }

    /// Looks. With `is_armed`, the timer is known to wake this task.
    pub(crate) fn poll(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        pulse: &Pulse,
        is_armed: bool,
    ) -> Look {
        let alarm = pulse.alarm();
        let sooner = alarm.filter(|alarm| *alarm < self.timer.deadline());
        if let Some(alarm) = sooner {
            self.timer.as_mut().reset(alarm);
        } else if is_armed && !self.timer.is_elapsed() {
            return Look::Later;
        }
        if self.timer.as_mut().poll(cx).is_pending() {
            return Look::Later;
        }
        let now = Instant::now();
        if now >= self.next_tick {
            self.next_tick = now + self.tick;
            if pulse.tick(self.limits) {
                return Look::Overdue;
            }
        }
        let later = alarm.filter(|alarm| *alarm > now);
        if later.is_none() {
            pulse.clear_alarm();
        }
        let next = later.map_or(self.next_tick, |alarm| alarm.min(self.next_tick));
        self.timer.as_mut().reset(next);
        Look::Again
    }
}

#[cfg(test)]
mod tests {
    use std::pin::pin;
    use std::sync::Arc;
    use std::task::Poll;

    use super::*;

    async fn wait(watchdog: &mut Pin<&mut Watchdog<'_>>, pulse: &Pulse) -> bool {
        std::future::poll_fn(|cx| match watchdog.as_mut().poll(cx, pulse, false) {
            Look::Later => Poll::Pending,
            Look::Again => Poll::Ready(false),
            Look::Overdue => Poll::Ready(true),
        })
        .await
    }

    #[tokio::test]
    async fn an_alarm_comes_before_the_next_tick_and_does_not_count_as_one() {
        let limits = Limits {
            header_timeout: Duration::from_secs(3600),
            idle_timeout: Duration::from_secs(3600),
            write_timeout: Duration::from_secs(3600),
            ..Limits::default()
        };
        let pulse = Pulse::new(true);
        let mut watchdog = pin!(Watchdog::new(&limits));
        let request = pulse.begin();
        let began = Instant::now();
        assert!(pulse.set_alarm(began + Duration::from_millis(20)));
        assert!(!wait(&mut watchdog, &pulse).await);
        assert!(began.elapsed() >= Duration::from_millis(20));
        drop(request);
        assert_eq!(pulse.alarm(), None);
    }

    #[tokio::test]
    async fn g32_a_silent_caller_is_overdue_in_spite_of_alarms() {
        let bound = Duration::from_millis(50);
        let limits = Limits {
            header_timeout: bound,
            idle_timeout: bound,
            write_timeout: bound,
            ..Limits::default()
        };
        let pulse: Arc<Pulse> = Pulse::new(true);
        let mut watchdog = pin!(Watchdog::new(&limits));
        let mut looks = 0;
        loop {
            // An alarm that is always near, as a broken request might set it.
            pulse.set_alarm(Instant::now() + Duration::from_millis(2));
            if wait(&mut watchdog, &pulse).await {
                break;
            }
            looks += 1;
            assert!(looks < 10_000);
        }
    }
}
