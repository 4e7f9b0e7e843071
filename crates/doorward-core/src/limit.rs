//! How often an operation may be called: what a rule says, and what is asked of whoever counts.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use crate::net::ClientAddress;
use crate::verified::Identity;

mod header;

pub use header::{POLICY, STANDING, headers};

/// A bound on the calls of one caller, or of all callers together.
#[derive(Debug, PartialEq, Eq)]
pub struct Limit {
    /// The name in records and in the `RateLimit` headers: letters, digits, `-`, `_` and `.`.
    pub name: Box<str>,
    /// What tells it apart from limits of the same name: the same before and after a reload.
    pub key: Box<str>,
    /// Its place among all limits of the configuration.
    pub index: usize,
    /// How many calls may be made in a span. Never zero.
    pub calls: u64,
    /// The span.
    pub span: Span,
    /// How many calls may be made at once. Never zero; without meaning where the span is a day or
    /// month of the calendar.
    pub burst: u64,
    /// What calls must have in common to be counted together. Never empty.
    pub by: Vec<By>,
}

/// The time in which calls are counted.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Span {
    /// Any time of this length: the right to a call comes back bit by bit.
    Every(Duration),
    /// A day of UTC, counted on over restarts.
    Day,
    /// A month of UTC, counted on over restarts.
    Month,
}

/// What calls have in common.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum By {
    /// The credential: a key, a user's name, a token.
    Credential,
    /// Whom the credential stands for, however many credentials there are.
    Subject,
    /// The caller's address; all of an IPv6 /64 is one.
    Address,
    /// The rule. Alone, it counts all callers together.
    Route,
}

impl By {
    /// Every one, in the order in which they are named.
    pub const ALL: [Self; 4] = [Self::Credential, Self::Subject, Self::Address, Self::Route];

    /// The name in configuration and records.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Credential => "credential",
            Self::Subject => "subject",
            Self::Address => "address",
            Self::Route => "route",
        }
    }

    /// Tells whether only a known caller has it.
    #[must_use]
    pub const fn needs_caller(self) -> bool {
        matches!(self, Self::Credential | Self::Subject)
    }
}

impl Limit {
    /// Tells whether calls are counted for which nobody is known.
    #[must_use]
    pub fn counts_strangers(&self) -> bool {
        !self.by.iter().any(|by| by.needs_caller())
    }

    /// Tells whether preflights are counted. SECURITY: only those of one address: what all callers
    /// share must not be used up by somebody who shows no credential.
    #[must_use]
    pub fn counts_preflights(&self) -> bool {
        self.counts_strangers() && self.by.contains(&By::Address)
    }

    /// Tells whether the count outlives the process.
    #[must_use]
    pub const fn is_quota(&self) -> bool {
        matches!(self.span, Span::Day | Span::Month)
    }
}

/// `partners: 100 calls per 60 s by credential and route`.
impl fmt::Display for Limit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {} calls per ", self.name, self.calls)?;
        match self.span {
            Span::Every(span) if span.as_millis().is_multiple_of(1000) => {
                write!(f, "{} s", span.as_secs())?;
            }
            Span::Every(span) => write!(f, "{} ms", span.as_millis())?,
            Span::Day => f.write_str("day")?,
            Span::Month => f.write_str("month")?,
        }
        for (n, by) in self.by.iter().enumerate() {
            f.write_str(if n == 0 { " by " } else { " and " })?;
            f.write_str(by.as_str())?;
        }
        Ok(())
    }
}

/// A call to be counted.
#[derive(Clone, Copy)]
pub struct Counted<'a> {
    /// The limits of its rule, as far as they count such calls.
    pub limits: &'a [Arc<Limit>],
    /// The rule's name.
    pub rule: &'a str,
    /// Who calls, where it is known.
    pub identity: Option<&'a Identity>,
    /// Where the call comes from.
    pub client: ClientAddress,
}

/// What is left of a limit.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Standing {
    /// The limit.
    pub limit: Arc<Limit>,
    /// How many calls may be made at once from now.
    pub left: u64,
    /// How long until all of it is back.
    pub reset: Duration,
}

/// A call too many.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Exceeded {
    /// The limit that refuses: the one that does so for the longest.
    pub standing: Standing,
    /// How long until it lets a call pass.
    pub retry_after: Duration,
}

/// Counts calls.
pub trait Limiter: Send + Sync {
    /// Tells whether a call would pass, and counts nothing.
    ///
    /// # Errors
    /// The limit that would refuse it.
    fn look(&self, call: &Counted<'_>) -> Result<(), Exceeded>;

    /// Counts a call by all of its limits; what is left of each, in their order. A call that one
    /// of them refuses is counted by none.
    ///
    /// # Errors
    /// The limit that refuses it.
    fn take(&self, call: &Counted<'_>) -> Result<Vec<Standing>, Exceeded>;
}
