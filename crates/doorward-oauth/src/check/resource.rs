//! `resource`: the resources that a token is for (RFC 8707 section 2).

use crate::client::Client;
use crate::error::{ErrorCode, OAuthError};
use crate::grant::Terms;
use crate::parameters::Parameters;

/// The most resources of one token.
const MOST: usize = 8;

/// Settles the audience of a token: what is asked for, as far as the grant's terms and the
/// client's registration go. With nothing asked for, the first of these.
///
/// # Errors
/// `invalid_target`.
pub fn settle(
    form: &Parameters,
    client: &Client,
    terms: &Terms,
    own: &str,
) -> Result<Vec<String>, OAuthError> {
    let registered = match client.record().audiences.as_slice() {
        [] => vec![own],
        some => some.iter().map(String::as_str).collect(),
    };
    let granted =
        |one: &str| terms.audiences.is_empty() || terms.audiences.iter().any(|g| g == one);
    let mut allowed = registered.into_iter().filter(|one| granted(one));
    let mut asked: Vec<&str> = Vec::new();
    for resource in form.all("resource") {
        if !asked.contains(&resource) {
            asked.push(resource);
        }
    }
    if asked.is_empty() {
        let first = allowed.next().ok_or_else(invalid)?;
        return Ok(vec![first.to_owned()]);
    }
    let allowed: Vec<&str> = allowed.collect();
    if asked.len() > MOST || asked.iter().any(|one| !allowed.contains(one)) {
        return Err(invalid());
    }
    Ok(asked.into_iter().map(str::to_owned).collect())
}

/// The resources that an authorization is asked for: the client's, or none.
///
/// # Errors
/// `invalid_target`.
pub fn requested(form: &Parameters, client: &Client, own: &str) -> Result<Vec<String>, OAuthError> {
    let audiences = &client.record().audiences;
    let known = |one: &str| {
        audiences.iter().any(|known| known == one) || (audiences.is_empty() && one == own)
    };
    let mut asked: Vec<String> = Vec::new();
    for resource in form.all("resource") {
        if !known(resource) || asked.len() == MOST {
            return Err(invalid());
        }
        if !asked.iter().any(|one| one == resource) {
            asked.push(resource.to_owned());
        }
    }
    Ok(asked)
}

const fn invalid() -> OAuthError {
    let sentence = "The resource is unknown here, or the client is not registered for it.";
    OAuthError::new(ErrorCode::InvalidTarget, sentence)
}
