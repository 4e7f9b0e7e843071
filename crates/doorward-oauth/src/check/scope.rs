//! `scope`: asked for, registered, granted; a token carries what is in all three (RFC 6749
//! section 3.3).

use doorward_core::ScopeSet;

use crate::client::Client;
use crate::error::{ErrorCode, OAuthError};
use crate::grant::Terms;
use crate::parameters::Parameters;
use crate::scope::ScopeCatalogue;

/// What a client asks for, if it asks; only what exists and what it was registered for.
///
/// # Errors
/// `invalid_scope`.
pub fn requested(
    form: &Parameters,
    client: &Client,
    all: &ScopeCatalogue,
) -> Result<Option<ScopeSet>, OAuthError> {
    let Some(text) = form.get("scope") else {
        return Ok(None);
    };
    let asked = ScopeSet::parse(text).map_err(|_| invalid("A scope is malformed."))?;
    let registered = all.closure(&client.record().scopes);
    if asked.iter().any(|scope| all.get(scope).is_none()) || !asked.is_subset_of(&registered) {
        return Err(invalid(
            "A scope is unknown here, or the client is not registered for it.",
        ));
    }
    Ok(Some(asked).filter(|asked| !asked.is_empty()))
}

/// Settles the scopes of a token.
///
/// # Errors
/// `invalid_scope` when nothing is left of what was asked for, or when the terms are strict and
/// it was more than they allow.
pub fn settle(
    asked: Option<&ScopeSet>,
    terms: &Terms,
    all: &ScopeCatalogue,
) -> Result<ScopeSet, OAuthError> {
    let Some(asked) = asked else {
        return Ok(narrowed(&terms.default_scopes, &terms.scopes));
    };
    if terms.is_strict && !asked.is_subset_of(&terms.scopes) {
        return Err(invalid("More was asked for than may be given."));
    }
    let given = narrowed(&all.closure(asked), &terms.scopes);
    if given.is_empty() {
        return Err(invalid("Nothing of what was asked for may be given."));
    }
    Ok(given)
}

fn narrowed(scopes: &ScopeSet, to: &ScopeSet) -> ScopeSet {
    scopes
        .iter()
        .filter(|one| to.contains(one))
        .cloned()
        .collect()
}

const fn invalid(sentence: &'static str) -> OAuthError {
    OAuthError::new(ErrorCode::InvalidScope, sentence)
}
