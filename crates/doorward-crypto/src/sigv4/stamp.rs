//! `X-Amz-Date`: when a request was signed.

use std::fmt;

use doorward_core::Timestamp;

use super::SigV4Error;

/// A moment to the second, in its one spelling: `20260823T123600Z`.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Stamp {
    text: [u8; 16],
    at: Timestamp,
}

impl Stamp {
    /// Reads a moment.
    ///
    /// # Errors
    /// [`SigV4Error::Stamp`] for every other spelling, and for days that no calendar has.
    pub fn parse(text: &str) -> Result<Self, SigV4Error> {
        let bytes: &[u8; 16] = text.as_bytes().try_into().map_err(|_| SigV4Error::Stamp)?;
        let number = |from: usize, to: usize| -> Result<i64, SigV4Error> {
            let digits = bytes.get(from..to).unwrap_or_default();
            digits.iter().try_fold(0, |sum, byte| {
                let digit = char::from(*byte).to_digit(10).ok_or(SigV4Error::Stamp)?;
                Ok(sum * 10 + i64::from(digit))
            })
        };
        let days = days_of(number(0, 4)?, number(4, 6)?, number(6, 8)?);
        let in_day = number(9, 11)? * 3600 + number(11, 13)? * 60 + number(13, 15)?;
        let read = Self::of(Timestamp::from_secs(days * 86_400 + in_day));
        // A day or an hour that does not exist would be written otherwise.
        if read.text == *bytes {
            Ok(read)
        } else {
            Err(SigV4Error::Stamp)
        }
    }

    /// The second in which a moment lies.
    #[must_use]
    pub fn of(at: Timestamp) -> Self {
        let at = Timestamp::from_secs(at.secs());
        let mut text = *b"00000000T000000Z";
        let long = at.to_ascii();
        let kept = long.iter().take(19).filter(|byte| byte.is_ascii_digit());
        let digits = text.iter_mut().filter(|byte| **byte == b'0');
        for (to, from) in digits.zip(kept) {
            *to = *from;
        }
        Self { text, at }
    }

    /// The moment.
    #[must_use]
    pub const fn at(&self) -> Timestamp {
        self.at
    }

    /// The day: `20260823`.
    #[must_use]
    pub fn day(&self) -> &str {
        self.as_str().get(..8).unwrap_or_default()
    }

    /// The moment's text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        str::from_utf8(&self.text).unwrap_or_default()
    }
}

impl fmt::Debug for Stamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Days from the Unix epoch to a date of the Gregorian calendar; years begin in March here, so
/// that the leap day is the last.
fn days_of(year: i64, month: i64, day: i64) -> i64 {
    let (year, month) = if month > 2 {
        (year, month - 3)
    } else {
        (year - 1, month + 9)
    };
    let leaps = year.div_euclid(4) - year.div_euclid(100) + year.div_euclid(400);
    year * 365 + leaps + (153 * month + 2) / 5 + day - 719_469
}
