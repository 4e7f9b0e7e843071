//! PKCE with S256 (RFC 7636): what the client that began proves it goes on with.

use doorward_core::Secret;
use doorward_crypto::digest::sha256;
use doorward_crypto::jose::b64;

use crate::authorization_error::AuthorizationError;
use crate::client::Client;
use crate::error::OAuthError;
use crate::parameters::Parameters;

/// 32 bytes in base64url.
const CHALLENGE_LEN: usize = 43;

/// The challenge of an authorization request; none only for a client that need not send one.
///
/// # Errors
/// `invalid_request` when it is missing, malformed, or of another method.
pub fn challenge(form: &Parameters, client: &Client) -> Result<Option<String>, AuthorizationError> {
    let method = form.get("code_challenge_method");
    let Some(challenge) = form.get("code_challenge") else {
        let needed = client.is_public() || client.record().require_pkce || method.is_some();
        if needed {
            let sentence = "The code_challenge is missing (PKCE).";
            return Err(AuthorizationError::invalid_request(sentence));
        }
        return Ok(None);
    };
    // SECURITY: without a method it would be `plain`.
    if method != Some("S256") {
        let sentence = "The code_challenge_method must be S256.";
        return Err(AuthorizationError::invalid_request(sentence));
    }
    let legal = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_');
    if challenge.len() != CHALLENGE_LEN || !challenge.bytes().all(legal) {
        let sentence = "The code_challenge is not a SHA-256 digest in base64url.";
        return Err(AuthorizationError::invalid_request(sentence));
    }
    Ok(Some(challenge.to_owned()))
}

/// Checks the verifier of a token request.
///
/// # Errors
/// `invalid_grant` when it is not the one of the challenge, or there should be none.
pub fn verify(challenge: Option<&str>, verifier: Option<&str>) -> Result<(), OAuthError> {
    let wrong = || OAuthError::invalid_grant("The code_verifier is not the one of this code.");
    match (challenge, verifier) {
        (None, None) => Ok(()),
        (Some(challenge), Some(verifier)) => {
            let legal = |b: u8| b.is_ascii_alphanumeric() || b"-._~".contains(&b);
            let well_formed = (43..=128).contains(&verifier.len()) && verifier.bytes().all(legal);
            let made = Secret::new(b64::encode(sha256(verifier.as_bytes())));
            if well_formed && made.matches(challenge.as_bytes()) {
                Ok(())
            } else {
                Err(wrong())
            }
        }
        // SECURITY: a verifier without a challenge is a request whose challenge was taken away.
        (Some(_), None) | (None, Some(_)) => Err(wrong()),
    }
}

#[cfg(test)]
mod tests {
    use super::verify;

    const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";
    const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";

    #[test]
    fn r039_the_example_of_rfc_7636_and_nothing_else() {
        assert!(verify(Some(CHALLENGE), Some(VERIFIER)).is_ok());
        assert!(verify(None, None).is_ok());
        let long = "a".repeat(129);
        for (challenge, verifier) in [
            (Some(CHALLENGE), None),
            (None, Some(VERIFIER)),
            (Some(CHALLENGE), Some(CHALLENGE)),
            (
                Some(CHALLENGE),
                Some("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjX"),
            ),
            (Some(CHALLENGE), Some("")),
            (Some(CHALLENGE), Some(long.as_str())),
            (Some(VERIFIER), Some(VERIFIER)),
        ] {
            assert!(
                verify(challenge, verifier).is_err(),
                "{challenge:?} {verifier:?}"
            );
        }
    }
}
