//! What an API key says of itself: its kind and its environment.

/// What a key is for, as its letters say.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum KeyKind {
    /// `sk`: a secret key, for servers.
    Secret,
    /// `pk`: a publishable key, for browsers and apps.
    Publishable,
    /// `rk`: a restricted key, for one purpose.
    Restricted,
    /// `ak`: a key of an agent that acts for somebody.
    Agent,
}

impl KeyKind {
    /// The two letters in the key.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Secret => "sk",
            Self::Publishable => "pk",
            Self::Restricted => "rk",
            Self::Agent => "ak",
        }
    }

    /// Parses the two letters.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        [
            Self::Secret,
            Self::Publishable,
            Self::Restricted,
            Self::Agent,
        ]
        .into_iter()
        .find(|kind| kind.as_str() == text)
    }
}

/// Where a key opens doors.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Environment {
    /// `live`.
    Live,
    /// `test`.
    Test,
}

impl Environment {
    /// The word in the key.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Live => "live",
            Self::Test => "test",
        }
    }

    /// Parses the word.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Live, Self::Test]
            .into_iter()
            .find(|environment| environment.as_str() == text)
    }
}
