//! The claims of a JSON Web Token (RFC 7519), with types checked and meaning left to others.

use std::fmt;

use doorward_core::Timestamp;
use thiserror::Error;

use super::VerifiedPayload;
use super::json::{JsonError, Number, Object, Value, WrongType};

/// The last second that a claim may name: the end of the year 9999.
const MAX_SECONDS: f64 = 253_402_300_799.0;

/// Why a payload is not a set of claims.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum ClaimsError {
    /// The payload is not an object of strict JSON.
    #[error("the claims: {0}")]
    Json(#[from] JsonError),
    /// A registered claim has the wrong type.
    #[error("the claims: {0}")]
    WrongType(#[from] WrongType),
    /// A time is negative or after the year 9999.
    #[error("claim {0:?} is not a time from 1970 to 9999")]
    Time(&'static str),
}

/// The claims of a verified token. The registered ones have the types of RFC 7519 section 4.1;
/// whether they suit is judged elsewhere.
#[derive(Clone, PartialEq)]
pub struct Claims {
    all: Object,
    audience: Option<Vec<String>>,
    expires_at: Option<Timestamp>,
    not_before: Option<Timestamp>,
    issued_at: Option<Timestamp>,
}

impl Claims {
    /// Reads the claims of a verified payload.
    ///
    /// # Errors
    /// [`ClaimsError`] when the payload is not strict JSON, or a registered claim has the wrong
    /// type. A claim of the wrong type is never taken as absent.
    pub fn from_verified(payload: &VerifiedPayload) -> Result<Self, ClaimsError> {
        let all = Object::parse(payload.bytes(), payload.bytes().len())?;
        for name in ["iss", "sub", "jti"] {
            all.string(name)?;
        }
        let audience = all.string_or_array("aud")?;
        let audience = audience.map(|names| names.into_iter().map(str::to_owned).collect());
        Ok(Self {
            audience,
            expires_at: time(&all, "exp")?,
            not_before: time(&all, "nbf")?,
            issued_at: time(&all, "iat")?,
            all,
        })
    }

    /// The `iss`, to be compared byte by byte.
    #[must_use]
    pub fn issuer(&self) -> Option<&str> {
        self.text("iss")
    }

    /// The `sub`.
    #[must_use]
    pub fn subject(&self) -> Option<&str> {
        self.text("sub")
    }

    /// The `jti`.
    #[must_use]
    pub fn token_id(&self) -> Option<&str> {
        self.text("jti")
    }

    /// The `aud` as a list; `None` when there is none.
    #[must_use]
    pub fn audience(&self) -> Option<&[String]> {
        self.audience.as_deref()
    }

    /// Tells whether the `aud` has exactly this name, byte by byte.
    #[must_use]
    pub fn audience_includes(&self, name: &str) -> bool {
        self.audience.iter().flatten().any(|one| one == name)
    }

    /// The `exp`, rounded down to a millisecond.
    #[must_use]
    pub const fn expires_at(&self) -> Option<Timestamp> {
        self.expires_at
    }

    /// The `nbf`, rounded down to a millisecond.
    #[must_use]
    pub const fn not_before(&self) -> Option<Timestamp> {
        self.not_before
    }

    /// The `iat`, rounded down to a millisecond.
    #[must_use]
    pub const fn issued_at(&self) -> Option<Timestamp> {
        self.issued_at
    }

    /// The claim at a path; `None` when there is none.
    #[must_use]
    pub fn at(&self, path: &ClaimPath) -> Option<&Value> {
        path.find(&self.all)
    }

    /// All claims.
    #[must_use]
    pub const fn object(&self) -> &Object {
        &self.all
    }

    fn text(&self, name: &str) -> Option<&str> {
        self.all.get(name).and_then(Value::as_str)
    }
}

/// Names the claims and leaves their values out: they say who somebody is.
impl fmt::Debug for Claims {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set()
            .entries(self.all.iter().map(|(name, _)| name))
            .finish()
    }
}

/// Where in nested claims a value is, such as `realm_access.roles`.
///
/// A name with a colon, such as `https://example.com/roles` or `cognito:groups`, stands for one
/// claim whatever else is in it.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct ClaimPath(Vec<String>);

/// A text that is not a claim path.
#[derive(Debug, Error, PartialEq, Eq)]
#[error("a claim path is one or more names divided by single dots")]
pub struct NotAClaimPath;

impl ClaimPath {
    /// Parses a path of names divided by dots.
    ///
    /// # Errors
    /// [`NotAClaimPath`] when a name is empty.
    pub fn parse(text: &str) -> Result<Self, NotAClaimPath> {
        let names: Vec<String> = if text.contains(':') {
            vec![text.to_owned()]
        } else {
            text.split('.').map(str::to_owned).collect()
        };
        if names.iter().any(String::is_empty) {
            Err(NotAClaimPath)
        } else {
            Ok(Self(names))
        }
    }

    /// The value at this path of an object.
    #[must_use]
    pub fn find<'o>(&self, object: &'o Object) -> Option<&'o Value> {
        let (first, rest) = self.0.split_first()?;
        rest.iter()
            .try_fold(object.get(first)?, |value, name| match value {
                Value::Object(inner) => inner.get(name),
                _ => None,
            })
    }
}

/// Reads a NumericDate (RFC 7519 section 2).
fn time(claims: &Object, name: &'static str) -> Result<Option<Timestamp>, ClaimsError> {
    let Some(number) = claims.number(name)? else {
        return Ok(None);
    };
    let seconds = number.as_f64();
    if !(0.0..=MAX_SECONDS).contains(&seconds) {
        return Err(ClaimsError::Time(name));
    }
    Ok(Some(match number {
        Number::Integer(whole) => {
            Timestamp::from_secs(i64::try_from(whole).map_err(|_| ClaimsError::Time(name))?)
        }
        Number::Float(float) => Timestamp::from_millis(whole_millis(float)),
    }))
}

#[expect(
    clippy::cast_possible_truncation,
    reason = "the caller bounds the seconds"
)]
fn whole_millis(seconds: f64) -> i64 {
    (seconds * 1000.0).floor() as i64
}
