//! Why there is no certificate, in words that may stand in a log.

use std::fmt;
use std::time::Duration;

use doorward_crypto::proof::authority::IssueError;
use doorward_crypto::seal::SealError;
use doorward_proxy::TlsError;
use doorward_store::StoreError;
use instant_acme::Error;

/// The longest text of an authority that is repeated.
const MAX_TEXT: usize = 400;
/// The account's key is not known to the authority (RFC 8555 section 6.7).
const NO_ACCOUNT: &str = "urn:ietf:params:acme:error:accountDoesNotExist";

/// Why there is no certificate.
#[derive(Debug)]
pub(super) struct Failure {
    text: String,
    /// The authority had to deal with it, and counts that.
    pub(super) was_ordered: bool,
    /// The authority does not know our account.
    pub(super) account_is_gone: bool,
}

impl Failure {
    /// A failure before anything was ordered.
    pub(super) fn before(text: impl fmt::Display) -> Self {
        Self {
            text: text.to_string(),
            was_ordered: false,
            account_is_gone: false,
        }
    }

    /// What an authority answered, or why it did not.
    pub(super) fn of(error: &Error) -> Self {
        let kind = match error {
            Error::Api(problem) => problem.r#type.as_deref(),
            _ => None,
        };
        let account_is_gone = kind == Some(NO_ACCOUNT);
        Self {
            account_is_gone,
            // What was refused was counted as well.
            was_ordered: matches!(error, Error::Api(_)) && !account_is_gone,
            ..Self::before(error)
        }
    }

    /// The order took too long.
    pub(super) fn slow(limit: Duration) -> Self {
        Self::before(format!("the order took longer than {}", in_words(limit))).ordered()
    }

    /// The same, after an order was made.
    pub(super) fn ordered(self) -> Self {
        Self {
            was_ordered: true,
            ..self
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl std::error::Error for Failure {}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        Self::before(error)
    }
}

impl From<TlsError> for Failure {
    fn from(error: TlsError) -> Self {
        Self::before(error).ordered()
    }
}

impl From<SealError> for Failure {
    fn from(error: SealError) -> Self {
        Self::before(error)
    }
}

impl From<IssueError> for Failure {
    fn from(error: IssueError) -> Self {
        Self::before(error)
    }
}

/// A failure for the log. SECURITY: an authority's text may be long, and may hold what a terminal
/// takes for commands.
pub(super) fn shown(failure: &Failure) -> String {
    let clean = |c: char| if c.is_control() { ' ' } else { c };
    failure.text.chars().take(MAX_TEXT).map(clean).collect()
}

/// A time span in words.
pub(super) fn in_words(span: Duration) -> String {
    match span.as_secs() {
        0 => format!("{}ms", span.as_millis()),
        seconds @ 1..120 => format!("{seconds}s"),
        seconds @ 120..7200 => format!("{}m", seconds / 60),
        seconds => format!("{}h", seconds / 3600),
    }
}
