//! What the claims of a token with a good signature must say, and what they mean.

use std::sync::Arc;

use doorward_core::credential::{CredentialId, Method};
use doorward_core::rejection::{Reason, Rejection};
use doorward_core::scope::{NotAScope, Scope};
use doorward_core::verified::{Grants, Identity, Validity};
use doorward_core::{ScopeSet, Timestamp};
use doorward_crypto::digest::sha256;
use doorward_crypto::jose::{Claims, Value, VerifiedPayload, b64};

use super::issuer::{ACCESS_TOKEN, IssuerConfig};
use super::shorten;

const MAX_SUBJECT_LEN: usize = 256;
const MAX_TOKEN_ID_LEN: usize = 256;
const MAX_SCOPES: usize = 256;
const MAX_ROLES: usize = 256;
const MAX_ROLE_LEN: usize = 128;

/// Claims that access tokens do not have and other tokens do: ID tokens (OpenID Connect Core
/// section 2, 3.3.2.11), security events and logout tokens (RFC 8417), DPoP proofs (RFC 9449).
const FOREIGN_CLAIMS: [&str; 8] = [
    "nonce", "at_hash", "c_hash", "s_hash", "events", "htm", "htu", "ath",
];

/// What the claims of a token say, once they suit.
pub(super) struct Judged {
    pub(super) identity: Identity,
    pub(super) validity: Validity,
    /// The certificate over which it must come, by its thumbprint.
    pub(super) bound_to: Option<[u8; 32]>,
}

/// Judges the claims of a token. Whether it is live is judged by the gate.
///
/// # Errors
/// The first claim that does not suit.
pub(super) fn judge(
    rules: &IssuerConfig,
    payload: &VerifiedPayload,
    token: &str,
    now: Timestamp,
) -> Result<Judged, Rejection> {
    let claims = Claims::from_verified(payload)
        .map_err(|error| Rejection::invalid_because(&CLAIMS, shorten(&error.to_string())))?;
    check_type(rules, payload.header().typ(), &claims)?;
    // SECURITY: the issuer picked the keys before the signature was checked; now it is certain.
    if claims.issuer() != Some(&*rules.issuer) {
        return Err(Rejection::invalid(&super::ISSUER));
    }
    if !rules
        .audiences
        .iter()
        .any(|name| claims.audience_includes(name))
    {
        let found = claims.audience().unwrap_or_default().join(" ");
        return Err(Rejection::invalid_because(&AUDIENCE, shorten(&found)));
    }
    let bound_to = confirmation(&claims)?;
    let validity = validity(rules, &claims, now)?;
    let identity = Identity {
        method: Method::Jwt,
        credential_id: credential_id(&claims, token)?,
        subject: subject(rules, &claims)?,
        grants: Arc::new(Grants {
            issuer: Some(rules.issuer.clone()),
            scopes: scopes(claims.at(&rules.scopes))?,
            roles: roles(claims.at(&rules.roles))?,
        }),
    };
    Ok(Judged {
        identity,
        validity,
        bound_to,
    })
}

/// The certificate that a token is bound to (RFC 7800 section 3, RFC 8705 section 3.1).
///
/// SECURITY: a bound token is worth nothing without the proof. One that is bound in a way that is
/// not known here is refused, also beside one that is.
fn confirmation(claims: &Claims) -> Result<Option<[u8; 32]>, Rejection> {
    let bound = || Rejection::invalid(&BOUND);
    let members = match claims.object().get("cnf") {
        None => return Ok(None),
        Some(Value::Object(members)) => members,
        Some(_) => return Err(bound()),
    };
    let mut members = members.iter();
    let (Some((name, Value::String(text))), None) = (members.next(), members.next()) else {
        return Err(bound());
    };
    if name != "x5t#S256" {
        return Err(bound());
    }
    let digest = b64::decode(text).map_err(|_| bound())?;
    digest.try_into().map(Some).map_err(|_| bound())
}

/// Keeps tokens apart that the same keys sign (RFC 8725 section 3.11, RFC 9068 section 4).
fn check_type(rules: &IssuerConfig, typ: Option<&str>, claims: &Claims) -> Result<(), Rejection> {
    let typ = typ.unwrap_or_default();
    if !rules.types.iter().any(|accepted| accepted == typ) {
        return Err(Rejection::invalid_because(&TYPE, shorten(typ)));
    }
    if typ == ACCESS_TOKEN {
        return Ok(());
    }
    let all = claims.object();
    let foreign = FOREIGN_CLAIMS
        .into_iter()
        .find(|name| all.get(name).is_some());
    let access = |name: &str, accepted: &[&str]| match all.get(name) {
        None => true,
        Some(Value::String(text)) => accepted.iter().any(|one| one.eq_ignore_ascii_case(text)),
        Some(_) => false,
    };
    let foreign = foreign
        .or((!access("token_use", &["access"])).then_some("token_use"))
        // Keycloak names the kind of token in the payload.
        .or((!access("typ", &["Bearer", "JWT", ACCESS_TOKEN])).then_some("typ"));
    match foreign {
        None => Ok(()),
        Some(name) => Err(Rejection::invalid_because(&KIND, name)),
    }
}

fn validity(rules: &IssuerConfig, claims: &Claims, now: Timestamp) -> Result<Validity, Rejection> {
    let expires_at = claims
        .expires_at()
        .ok_or_else(|| Rejection::invalid(&NO_EXPIRY))?;
    if let Some(issued_at) = claims.issued_at()
        && issued_at > now.plus(rules.leeway)
    {
        return Err(Rejection::invalid_because(
            &ISSUED_LATER,
            issued_at.to_string(),
        ));
    }
    Ok(Validity {
        not_before: claims
            .not_before()
            .map_or(Validity::ALWAYS.not_before, |from| from.minus(rules.leeway)),
        not_after: expires_at.plus(rules.leeway),
        revoked_at: Timestamp::MAX,
    })
}

/// The `jti`; for a token without one, a digest of what was signed.
///
/// SECURITY: not of the signature: an ECDSA signature has a twin that anybody can work out.
fn credential_id(claims: &Claims, token: &str) -> Result<CredentialId, Rejection> {
    match claims.token_id() {
        Some(id) if is_name(id, MAX_TOKEN_ID_LEN) => Ok(CredentialId::new(id)),
        Some(_) => Err(Rejection::invalid(&TOKEN_ID)),
        None => {
            let signed = token.rsplit_once('.').map_or(token, |(signed, _)| signed);
            let digest = b64::encode(sha256(signed.as_bytes()));
            let short = digest.get(..18).unwrap_or(&digest);
            Ok(CredentialId::new(&format!("tok_{short}")))
        }
    }
}

fn subject(rules: &IssuerConfig, claims: &Claims) -> Result<Arc<str>, Rejection> {
    match claims.at(&rules.subject) {
        Some(Value::String(subject)) if is_name(subject, MAX_SUBJECT_LEN) => {
            Ok(subject.as_str().into())
        }
        _ => Err(Rejection::invalid(&SUBJECT)),
    }
}

fn scopes(value: Option<&Value>) -> Result<ScopeSet, Rejection> {
    let wrong = |_: NotAScope| Rejection::invalid(&SCOPES);
    let scopes = match value {
        None => return Ok(ScopeSet::EMPTY),
        Some(Value::String(text)) => ScopeSet::parse(text).map_err(wrong)?,
        Some(value) => {
            let words = value
                .as_strings()
                .ok_or_else(|| Rejection::invalid(&SCOPES))?;
            let scopes: Result<ScopeSet, _> = words.into_iter().map(Scope::parse).collect();
            scopes.map_err(wrong)?
        }
    };
    if scopes.len() > MAX_SCOPES {
        return Err(Rejection::invalid(&SCOPES));
    }
    Ok(scopes)
}

fn roles(value: Option<&Value>) -> Result<Vec<Arc<str>>, Rejection> {
    let names = match value {
        None => return Ok(Vec::new()),
        Some(value) => value
            .as_strings()
            .ok_or_else(|| Rejection::invalid(&ROLES))?,
    };
    if names.len() > MAX_ROLES || !names.iter().all(|name| is_name(name, MAX_ROLE_LEN)) {
        return Err(Rejection::invalid(&ROLES));
    }
    Ok(names.into_iter().map(Arc::from).collect())
}

fn is_name(text: &str, max_len: usize) -> bool {
    !text.is_empty() && text.len() <= max_len && !text.contains(char::is_control)
}

/// The reasons about claims, for explaining a recorded decision.
pub(super) const REASONS: &[&Reason] = &[
    &CLAIMS,
    &TYPE,
    &KIND,
    &AUDIENCE,
    &BOUND,
    &NO_EXPIRY,
    &ISSUED_LATER,
    &TOKEN_ID,
    &SUBJECT,
    &SCOPES,
    &ROLES,
];

const CLAIMS: Reason = Reason {
    code: "jwt_claims",
    meaning: "The token's signature is good and a claim in it has the wrong type.",
    fix: "Read the detail; the issuer must send registered claims as RFC 7519 says.",
};
const TYPE: Reason = Reason {
    code: "jwt_type",
    meaning: "The token's `typ` is not one that is accepted from this issuer.",
    fix: "Send an access token. If the issuer's access tokens have this `typ`, add it to the \
          issuer's `types`.",
};
const KIND: Reason = Reason {
    code: "jwt_kind",
    meaning: "The token is genuine and is not an access token: the detail names the claim that \
              gives away an ID, refresh or logout token.",
    fix: "Send the access token, not the ID token.",
};
const AUDIENCE: Reason = Reason {
    code: "jwt_audience",
    meaning: "The token is genuine and was issued for another API; the detail says which.",
    fix: "Ask the issuer for a token for this API. If the detail is this API, add it to the \
          issuer's `audience`, letter by letter.",
};
const BOUND: Reason = Reason {
    code: "jwt_bound",
    meaning: "The token is bound to a key or a certificate (`cnf`), and that proof can't be \
              checked here.",
    fix: "Ask the issuer for a plain bearer token for this API.",
};
const NO_EXPIRY: Reason = Reason {
    code: "jwt_no_expiry",
    meaning: "The token never expires: it has no `exp`.",
    fix: "Let the issuer put an `exp` in its tokens.",
};
const ISSUED_LATER: Reason = Reason {
    code: "jwt_issued_later",
    meaning: "The token's `iat` is in the future.",
    fix: "Compare the clocks of the issuer and of this machine.",
};
const TOKEN_ID: Reason = Reason {
    code: "jwt_token_id",
    meaning: "The token's `jti` is empty, too long or has control characters.",
    fix: "Let the issuer send a `jti` of 1 to 256 bytes, or none.",
};
const SUBJECT: Reason = Reason {
    code: "jwt_subject",
    meaning: "The token does not say whom it stands for: the subject is missing, empty, too long \
              or not a string.",
    fix: "Look at the token's claims and set the issuer's `subject_claim`.",
};
const SCOPES: Reason = Reason {
    code: "jwt_scopes",
    meaning: "The token's scopes are neither words divided by spaces nor a list of words, or are \
              too many.",
    fix: "Look at the token's claims and set the issuer's `scope_claim`.",
};
const ROLES: Reason = Reason {
    code: "jwt_roles",
    meaning: "The token's roles are neither a name nor a list of names, or are too many.",
    fix: "Look at the token's claims and set the issuer's `roles_claim`.",
};
