//! The authorization code grant (RFC 6749 section 4.1.3, RFC 7636, OpenID Connect Core section
//! 3.1.3).

use std::sync::Arc;

use async_trait::async_trait;
use doorward_core::{ScopeSet, Timestamp};
use doorward_crypto::digest::sha256;
use doorward_store::{
    ApprovedAuthorization, Authorizations, Given, GrantType, Redemption, StoreError, UserName,
};

use super::{Ask, Grant, Offer, Redeemed, Settled, Subject, Terms};
use crate::check::pkce;
use crate::error::OAuthError;
use crate::server::Parts;
use crate::token::id::IdToken;

/// What a user may do now.
#[derive(Clone, Debug)]
pub struct UserRights {
    /// Their scopes, those of the roles among them.
    pub scopes: ScopeSet,
}

/// Tells what users may do.
pub trait Subjects: Send + Sync {
    /// What a user may do; none when the user is gone or shut out.
    fn rights(&self, user: &UserName) -> Option<UserRights>;
}

/// Ends tokens before their time.
#[async_trait]
pub trait Ends: Send + Sync {
    /// Ends the token with this `jti`, which expires at `until`.
    ///
    /// # Errors
    /// When the store cannot be written.
    async fn end(&self, jti: &str, until: Timestamp) -> Result<(), StoreError>;
}

/// The grant.
pub struct AuthorizationCode {
    codes: Arc<dyn Authorizations>,
    subjects: Arc<dyn Subjects>,
    ends: Arc<dyn Ends>,
}

impl AuthorizationCode {
    /// The grant, with where codes are, who users are, and what ends a grant.
    #[must_use]
    pub fn new(
        codes: Arc<dyn Authorizations>,
        subjects: Arc<dyn Subjects>,
        ends: Arc<dyn Ends>,
    ) -> Self {
        Self {
            codes,
            subjects,
            ends,
        }
    }
}

struct OfCode<'a> {
    grant: &'a AuthorizationCode,
    parts: &'a Parts,
    code: ApprovedAuthorization,
    terms: Terms,
}

#[async_trait]
impl Grant for AuthorizationCode {
    fn grant_type(&self) -> GrantType {
        GrantType::AuthorizationCode
    }

    async fn offer<'a>(&'a self, ask: &Ask<'a>) -> Result<Box<dyn Offer + 'a>, OAuthError> {
        let form = ask.form;
        let shown = form.required("code", "The code is missing.")?;
        let digest = sha256(shown.as_bytes());
        let found = self.codes.lookup_approved(&digest, ask.now).await;
        let code = found.map_err(|e| OAuthError::unavailable(e.to_string()))?;
        // SECURITY: one answer, whether there is no such code or it is somebody else's.
        let code = code
            .filter(|code| code.client_id == ask.client.id().as_str())
            .ok_or_else(unknown)?;
        if form.get("redirect_uri").unwrap_or_default() != code.redirect_uri {
            let sentence = "The redirect_uri is not the one of this code.";
            return Err(OAuthError::invalid_grant(sentence));
        }
        pkce::verify(code.code_challenge.as_deref(), form.get("code_verifier"))?;
        let rights = self.subjects.rights(&code.user).ok_or_else(unknown)?;
        let terms = terms(ask, &code, &rights);
        Ok(Box::new(OfCode {
            grant: self,
            parts: ask.parts,
            code,
            terms,
        }))
    }
}

#[async_trait]
impl Offer for OfCode<'_> {
    fn terms(&self) -> &Terms {
        &self.terms
    }

    async fn redeem(self: Box<Self>, settled: &Settled) -> Result<Redeemed, OAuthError> {
        let gives = Given {
            jti: settled.jti.clone(),
            expires_at: settled.expires_at,
            family: None,
        };
        let codes = &self.grant.codes;
        let redeemed = codes.redeem(&self.code.digest, gives, settled.now).await;
        match redeemed.map_err(|e| OAuthError::unavailable(e.to_string()))? {
            Redemption::Unknown => Err(unknown()),
            // SECURITY: one of the two was not the client. Neither goes on.
            Redemption::Replayed(gave) => {
                let ended = self.grant.ends.end(&gave.jti, gave.expires_at).await;
                ended.map_err(|e| OAuthError::unavailable(e.to_string()))?;
                Err(unknown().because("the code was redeemed before; what it gave is revoked"))
            }
            Redemption::Redeemed(code) => Ok(Redeemed {
                refresh_token: None,
                id_token: self.id_token(&code, settled.now)?,
            }),
        }
    }
}

impl OfCode<'_> {
    fn id_token(
        &self,
        code: &ApprovedAuthorization,
        now: Timestamp,
    ) -> Result<Option<String>, OAuthError> {
        if !code.scopes.iter().any(|scope| scope.as_str() == "openid") {
            return Ok(None);
        }
        let token = IdToken {
            subject: code.user.as_str(),
            client_id: &code.client_id,
            sid: &code.sid,
            nonce: code.nonce.as_deref(),
            auth_time: code.auth_time,
            amr: &code.amr,
            acr: code.acr.as_deref(),
        };
        token.sign(self.parts, now).map(Some)
    }
}

fn terms(ask: &Ask<'_>, code: &ApprovedAuthorization, rights: &UserRights) -> Terms {
    // SECURITY: what the user may do now, not when the code was made.
    let may = |declared: &ScopeSet| -> ScopeSet {
        let all = ask.parts.scopes.closure(declared);
        let rights = ask.parts.scopes.closure(&rights.scopes);
        let allowed = |scope: &&doorward_core::Scope| {
            is_about_people(scope.as_str()) || rights.contains(scope)
        };
        all.iter().filter(allowed).cloned().collect()
    };
    let scopes = may(&code.scopes);
    Terms {
        default_scopes: scopes.clone(),
        scopes,
        is_strict: false,
        audiences: code.resources.clone(),
        grant_id: None,
        not_after: None,
        subject: Subject::User {
            sub: code.user.as_str().to_owned(),
            // SECURITY: a role would grant more than the user allowed this client.
            roles: Vec::new(),
            auth_time: Some(code.auth_time),
            acr: code.acr.clone(),
        },
    }
}

/// Whether a scope is about who the user is: everybody may allow those for themselves (OpenID
/// Connect Core section 5.4 and 11).
#[must_use]
pub fn is_about_people(scope: &str) -> bool {
    matches!(scope, "openid" | "profile" | "email" | "offline_access")
}

fn unknown() -> OAuthError {
    OAuthError::invalid_grant("The code is unknown, used, or too old.")
}
