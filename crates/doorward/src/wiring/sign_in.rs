//! The pages for people, with what they need of the rest.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use doorward_authn::basic::BasicState;
use doorward_control::browser::brand::Brand;
use doorward_control::browser::endpoint;
use doorward_control::browser::pages::{Pages, PagesParts};
use doorward_control::browser::session::SessionTimes;
use doorward_control::browser::sign_in::{PasswordAnswer, Passwords};
use doorward_core::net::ClientAddress;
use doorward_core::rejection::Rejection;
use doorward_core::{Clock, Secret, Timestamp};
use doorward_crypto::entropy::OsEntropy;
use doorward_oauth::grant::authorization_code::{AuthorizationCode, Ends, Subjects, UserRights};
use doorward_oauth::{Endpoint, Grant, Issuer};
use doorward_policy::RouteTable;
use doorward_store::{Authorizations, RevokedToken, RevokedTokens, Store, StoreError, UserName};

use super::memory::Memory;
use crate::config::Config;

/// The pages as endpoints, and the grant that goes with them.
pub(super) fn build(
    config: &Config,
    memory: &Arc<Memory>,
    issuer: &Issuer,
) -> (Vec<Box<dyn Endpoint>>, Arc<dyn Grant>) {
    let store: Arc<dyn Store> = Arc::clone(&memory.state.store);
    let subjects: Arc<dyn Subjects> = Arc::new(Rights {
        memory: Arc::clone(memory),
        policy: Arc::clone(&config.policy),
    });
    let ends: Arc<dyn Ends> = Arc::new(Revoker {
        memory: Arc::clone(memory),
        issuer: config.issuer.url.clone(),
    });
    let host = issuer.origin().split("://").nth(1).unwrap_or_default();
    let settings = &config.sign_in;
    let pages = Arc::new(Pages::new(PagesParts {
        store: Arc::clone(&store),
        clock: Arc::<dyn Clock>::clone(&memory.clock),
        entropy: Arc::new(OsEntropy::new()),
        passwords: Arc::new(Checker(Arc::clone(&memory.basic))),
        form_key: memory.state.secrets.digest_key("forms"),
        origin: issuer.origin().to_owned(),
        base: issuer.path().to_owned(),
        brand: Brand {
            name: settings.name.clone(),
            host: host.to_owned(),
            colour: settings.colour,
            logo: settings.logo.clone(),
        },
        times: SessionTimes {
            idle: settings.idle,
            absolute: settings.lifetime,
        },
    }));
    let codes: Arc<dyn Authorizations> = store;
    let grant = AuthorizationCode::new(codes, Arc::clone(&subjects), Arc::clone(&ends));
    (endpoint::endpoints(pages, subjects, &ends), Arc::new(grant))
}

/// Checks passwords as Basic authentication does: the same queue, the same bounds.
struct Checker(Arc<BasicState>);

#[async_trait]
impl Passwords for Checker {
    async fn check(
        &self,
        name: &str,
        password: &Secret<String>,
        client: ClientAddress,
    ) -> PasswordAnswer {
        match self.0.check(name, password, client).await {
            Ok(_) => PasswordAnswer::Right,
            Err(Rejection::Throttled { retry_after, .. }) => PasswordAnswer::Later(retry_after),
            Err(Rejection::Unavailable { .. }) => PasswordAnswer::Later(Duration::from_secs(1)),
            Err(_) => PasswordAnswer::Wrong,
        }
    }
}

struct Rights {
    memory: Arc<Memory>,
    policy: Arc<RouteTable>,
}

impl Subjects for Rights {
    fn rights(&self, user: &UserName) -> Option<UserRights> {
        let grants = self.memory.basic.index().grants(user)?;
        let roles = self.policy.roles();
        let of_roles = grants.roles.iter().map(|role| roles.scopes(role));
        let scopes = of_roles.fold(grants.scopes.clone(), |all, more| all.union(more));
        Some(UserRights { scopes })
    }
}

/// Revokes what a code gave.
struct Revoker {
    memory: Arc<Memory>,
    issuer: String,
}

#[async_trait]
impl Ends for Revoker {
    async fn end(&self, jti: &str, until: Timestamp) -> Result<(), StoreError> {
        let token = RevokedToken {
            issuer: self.issuer.clone(),
            jti: jti.to_owned(),
            expires_at: until,
            revoked_at: self.memory.clock.now(),
        };
        RevokedTokens::revoke(self.memory.state.store.as_ref(), token.clone()).await?;
        // Here at once; other processes hear of it by the change log.
        self.memory.revocations.insert(token);
        self.memory.endings.note(jti);
        Ok(())
    }
}
