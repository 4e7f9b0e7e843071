//! `prompt` and `max_age` (OpenID Connect Core section 3.1.2.1).

use std::time::Duration;

use crate::authorization_error::AuthorizationError;
use crate::parameters::Parameters;

/// What the client wants the user to be asked.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Prompt {
    /// Nothing at all.
    pub none: bool,
    /// Who they are, once more. Also for `select_account`: there is one account per sign-in.
    pub login: bool,
    /// Whether they allow it, once more.
    pub consent: bool,
}

/// Reads `prompt`.
///
/// # Errors
/// `invalid_request` for an unknown word, and for `none` with another.
pub fn prompt(form: &Parameters) -> Result<Prompt, AuthorizationError> {
    let mut prompt = Prompt::default();
    let words = form.get("prompt").unwrap_or_default().split(' ');
    for word in words.filter(|word| !word.is_empty()) {
        match word {
            "none" => prompt.none = true,
            "login" | "select_account" => prompt.login = true,
            "consent" => prompt.consent = true,
            _ => {
                let sentence = "The prompt is unknown here.";
                return Err(AuthorizationError::invalid_request(sentence));
            }
        }
    }
    if prompt.none && (prompt.login || prompt.consent) {
        let sentence = "The prompt none goes with no other.";
        return Err(AuthorizationError::invalid_request(sentence));
    }
    Ok(prompt)
}

/// Reads `max_age`, in seconds.
///
/// # Errors
/// `invalid_request` when it is not a number of seconds.
pub fn max_age(form: &Parameters) -> Result<Option<Duration>, AuthorizationError> {
    let Some(text) = form.get("max_age") else {
        return Ok(None);
    };
    let digits = text.len() <= 10 && text.bytes().all(|b| b.is_ascii_digit());
    let seconds = digits.then(|| text.parse().ok()).flatten();
    let sentence = "The max_age is not a number of seconds.";
    let seconds = seconds.ok_or(AuthorizationError::invalid_request(sentence))?;
    Ok(Some(Duration::from_secs(seconds)))
}
