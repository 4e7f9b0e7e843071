//! Days and months of UTC.

use doorward_core::Timestamp;
use doorward_core::limit::Span;

const DAY: i64 = 86_400_000;

/// A day or a month, in milliseconds since the Unix epoch: from its first to before its last.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Period {
    pub(super) since: i64,
    pub(super) until: i64,
}

impl Period {
    /// The one that a moment is in; none for a span that is no part of the calendar.
    pub(super) fn of(span: Span, now: Timestamp) -> Option<Self> {
        let days = now.millis().div_euclid(DAY);
        let (first, last) = match span {
            Span::Every(_) => return None,
            Span::Day => (days, days.saturating_add(1)),
            Span::Month => month(days),
        };
        Some(Self {
            since: first.saturating_mul(DAY),
            until: last.saturating_mul(DAY),
        })
    }
}

/// The first day of the month that a day is in, and of the next, counted from the Unix epoch.
fn month(day: i64) -> (i64, i64) {
    // From March on, so that the leap day is the last of a year. 400 years have 146097 days.
    let since_march = day + 719_468;
    let day_of_era = since_march.rem_euclid(146_097);
    let year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month = (5 * day_of_year + 2) / 153;
    let first_of = |month: i64| (153 * month + 2) / 5;
    let is_leap = |year: i64| year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let first = day - (day_of_year - first_of(month));
    let length = match month {
        // February, in the year that began in the March before.
        11 if is_leap(year_of_era + 1) => 29,
        11 => 28,
        other => first_of(other + 1) - first_of(other),
    };
    (first, first + length)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn r115_months_begin_where_the_calendar_says() {
        let mut day = Timestamp::from_secs(-86_400 * 40_000);
        for _ in 0..120_000 {
            let text = day.to_string();
            let period = Period::of(Span::Month, day).unwrap();
            let since = Timestamp::from_millis(period.since).to_string();
            assert_eq!(since, format!("{}-01T00:00:00.000Z", &text[..7]));
            let until = Timestamp::from_millis(period.until).to_string();
            assert!(
                until.ends_with("-01T00:00:00.000Z") && until > text,
                "{until}"
            );
            let last = Timestamp::from_millis(period.until - 1).to_string();
            assert_eq!(last[..7], text[..7]);
            day = Timestamp::from_secs(day.secs() + 86_400);
        }
    }
}
