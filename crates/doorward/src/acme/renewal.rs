//! When a certificate is renewed, and how long it is waited after failures.

use std::time::Duration;

use doorward_core::verified::Validity;
use doorward_core::{Clock, Entropy, Timestamp};
use doorward_crypto::proof::certificate::renewal_name;
use instant_acme::{CertificateIdentifier, RenewalInfo};
use rustls::pki_types::Der;

use super::failure::Failure;
use super::kept::Kept;

/// The longest wait.
const DAY: Duration = Duration::from_secs(86_400);
/// The first and the longest wait while nothing can be ordered: nobody counts these.
const UNREACHED: (Duration, Duration) = (Duration::from_secs(5), Duration::from_secs(3600));
/// How often an authority is asked for its window, at most.
const ASK_AGAIN: Duration = Duration::from_secs(60);
/// How long it is waited when an authority did not tell.
const NO_ANSWER: Duration = Duration::from_secs(6 * 3600);

/// What is planned for one host.
#[derive(Default)]
pub(super) struct Plan {
    failures: u32,
    /// On the monotonic clock.
    not_before: u64,
    ask_at: u64,
    /// When the authority wants it renewed.
    suggested: Option<Timestamp>,
}

impl Plan {
    /// Tells whether a new certificate is needed.
    pub(super) fn is_due(&self, known: Option<&Kept>, now: Timestamp) -> bool {
        known.is_none_or(|known| now >= moment(known.validity(), self.suggested))
    }

    /// Tells whether the last failure is long enough ago.
    pub(super) const fn may_try(&self, micros: u64) -> bool {
        micros >= self.not_before
    }

    /// Tells whether the authority may be asked for its window.
    pub(super) const fn may_ask(&self, micros: u64) -> bool {
        micros >= self.ask_at
    }

    /// Tells whether the authority knows of windows, and nothing has failed since.
    pub(super) const fn was_offered(&self) -> bool {
        self.suggested.is_some() && self.failures == 0
    }

    /// Notes a window; the moment within it is drawn, so that not all come at once.
    pub(super) fn answer(
        &mut self,
        (start, end): (Timestamp, Timestamp),
        (again, micros): (Duration, u64),
        entropy: &dyn Entropy,
    ) {
        self.ask_at = after(micros, again.clamp(ASK_AGAIN, DAY));
        let within = self.suggested.is_some_and(|at| start <= at && at <= end);
        if end < start || within {
            return;
        }
        let mut drawn = [0; 4];
        entropy.fill(&mut drawn);
        let part = f64::from(u32::from_le_bytes(drawn)) / f64::from(u32::MAX);
        self.suggested = Some(start.plus(end.since(start).mul_f64(part)));
    }

    /// Notes that the authority told nothing.
    pub(super) fn no_answer(&mut self, micros: u64) {
        self.ask_at = after(micros, NO_ANSWER);
    }

    /// Notes a failure; returns how long it is waited.
    pub(super) fn failed(
        &mut self,
        failure: &Failure,
        (retry, told): (Duration, Duration),
        clock: &dyn Clock,
    ) -> Duration {
        let (first, longest) = if failure.was_ordered {
            (retry, DAY)
        } else {
            (UNREACHED.0.min(retry), UNREACHED.1)
        };
        let wait = doubled(first, self.failures, longest).max(told.min(DAY));
        self.failures = self.failures.saturating_add(1);
        self.not_before = after(clock.monotonic_micros(), wait);
        wait
    }
}

/// When a certificate is renewed: when a third of its life is left, or when the authority says so,
/// but not later than with a sixth of its life left.
fn moment(validity: Validity, suggested: Option<Timestamp>) -> Timestamp {
    let life = validity.not_after.since(validity.not_before);
    let ours = validity.not_after.minus(life / 3);
    let latest = validity.not_after.minus(life / 6);
    suggested.map_or(ours, |at| at.min(latest))
}

fn doubled(first: Duration, times: u32, longest: Duration) -> Duration {
    let factor = 1_u32.checked_shl(times).unwrap_or(u32::MAX);
    first.saturating_mul(factor).min(longest)
}

fn after(micros: u64, wait: Duration) -> u64 {
    micros.saturating_add(u64::try_from(wait.as_micros()).unwrap_or(u64::MAX))
}

/// What a certificate is called at its authority (RFC 9773 section 4.1).
pub(super) fn identifier(leaf: &[u8]) -> Option<CertificateIdentifier<'static>> {
    let (key_id, serial) = renewal_name(leaf)?;
    Some(CertificateIdentifier::new(Der::from_slice(key_id), Der::from_slice(serial)).into_owned())
}

/// The window that an authority suggests.
pub(super) fn window(info: &RenewalInfo) -> (Timestamp, Timestamp) {
    let at = |moment: i64| Timestamp::from_secs(moment);
    let window = &info.suggested_window;
    (
        at(window.start.unix_timestamp()),
        at(window.end.unix_timestamp()),
    )
}

#[cfg(test)]
mod tests {
    use doorward_core::clock::Timestamp;
    use doorward_core::verified::Validity;
    use doorward_crypto::entropy::OsEntropy;

    use super::{DAY, Duration, Plan, doubled, moment};

    fn at(secs: i64) -> Timestamp {
        Timestamp::from_secs(1_800_000_000 + secs)
    }

    const NINETY: Validity = Validity {
        not_before: Timestamp::from_secs(1_800_000_000),
        not_after: Timestamp::from_secs(1_800_000_000 + 90 * 86_400),
        revoked_at: Timestamp::MAX,
    };

    #[test]
    fn a_third_of_the_life_is_left_at_renewal() {
        assert_eq!(moment(NINETY, None), at(60 * 86_400));
    }

    #[test]
    fn the_authority_may_bring_renewal_forward_and_postpone_it_a_little() {
        assert_eq!(moment(NINETY, Some(at(5))), at(5));
        assert_eq!(moment(NINETY, Some(at(70 * 86_400))), at(70 * 86_400));
        // SECURITY: whoever answers in its place cannot let the certificate run out.
        assert_eq!(moment(NINETY, Some(Timestamp::MAX)), at(75 * 86_400));
    }

    #[test]
    fn waits_double_up_to_their_bound() {
        let minute = Duration::from_secs(60);
        let waits: Vec<_> = (0..4).map(|n| doubled(minute, n, DAY).as_secs()).collect();
        assert_eq!(waits, [60, 120, 240, 480]);
        for many in [20, 31, 32, u32::MAX] {
            assert_eq!(doubled(minute, many, DAY), DAY);
        }
    }

    #[test]
    fn a_moment_is_drawn_within_the_window_and_kept_while_it_fits() {
        let entropy = OsEntropy::new();
        let mut plan = Plan::default();
        assert!(!plan.was_offered());
        plan.answer((at(10), at(20)), (Duration::ZERO, 0), &entropy);
        let first = plan.suggested.unwrap();
        assert!(at(10) <= first && first <= at(20) && plan.was_offered());
        assert!(!plan.may_ask(59_000_000) && plan.may_ask(60_000_000));
        plan.answer((at(5), at(25)), (DAY * 9, 0), &entropy);
        assert_eq!(plan.suggested, Some(first));
        assert!(plan.may_ask(86_400_000_000));
        plan.answer((at(30), at(30)), (DAY, 0), &entropy);
        assert_eq!(plan.suggested, Some(at(30)));
        // A window that ends before it starts is none.
        plan.answer((at(90), at(80)), (DAY, 0), &entropy);
        assert_eq!(plan.suggested, Some(at(30)));
    }
}
