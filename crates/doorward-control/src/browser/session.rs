//! Sessions of browsers: found, judged, started and ended.

use std::sync::Arc;
use std::time::Duration;

use doorward_core::clock::Timestamp;
use doorward_core::{Clock, Entropy};
use doorward_store::session::AGENT_MAX;
use doorward_store::{SessionRecord, Sessions, Store, StoreError, UserName, Users};
use http::HeaderMap;
use http::header::USER_AGENT;

use super::cookie::{SESSION, Ticket};

/// How long sessions live.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct SessionTimes {
    /// Without use.
    pub idle: Duration,
    /// In any case.
    pub absolute: Duration,
}

/// How much later use is noted again: not every request writes.
const TOUCH_EVERY: Duration = Duration::from_secs(300);

/// The sessions of browsers.
pub struct BrowserSessions {
    store: Arc<dyn Store>,
    clock: Arc<dyn Clock>,
    entropy: Arc<dyn Entropy>,
    times: SessionTimes,
}

impl BrowserSessions {
    /// Sessions in a store.
    #[must_use]
    pub const fn new(
        store: Arc<dyn Store>,
        clock: Arc<dyn Clock>,
        entropy: Arc<dyn Entropy>,
        times: SessionTimes,
    ) -> Self {
        Self {
            store,
            clock,
            entropy,
            times,
        }
    }

    /// The session that a browser shows, if it is live now.
    ///
    /// # Errors
    /// When the store cannot be read; then nobody is signed in.
    pub async fn find(&self, headers: &HeaderMap) -> Result<Option<SessionRecord>, StoreError> {
        let Some(ticket) = Ticket::of_cookie(headers, SESSION) else {
            return Ok(None);
        };
        let (store, now) = (self.store.as_ref(), self.clock.now());
        let Some(session) = Sessions::lookup(store, &ticket.digest(), now).await? else {
            return Ok(None);
        };
        let user = Users::lookup(store, &session.user).await?;
        // SECURITY: whoever is shut out or got a new password since has no session any more,
        // whether or not somebody ended it.
        let stands = user.is_some_and(|user| {
            user.disabled_at.is_none() && user.password_changed_at <= session.auth_time
        });
        if !stands {
            return Ok(None);
        }
        if now.since(session.last_used_at) >= TOUCH_EVERY {
            let idle = now.plus(self.times.idle);
            if !Sessions::touch(store, &session.digest, now, idle).await? {
                return Ok(None);
            }
        }
        Ok(Some(session))
    }

    /// Starts a session of a user who just proved who they are, in place of the one that the
    /// browser shows. Returns it with the ticket for the cookie.
    ///
    /// # Errors
    /// When the store cannot be written.
    pub async fn start(
        &self,
        user: UserName,
        amr: Vec<String>,
        headers: &HeaderMap,
    ) -> Result<(SessionRecord, Ticket), StoreError> {
        let ticket = Ticket::generate(self.entropy.as_ref());
        let now = self.clock.now();
        let session = SessionRecord {
            digest: ticket.digest(),
            sid: sid(self.entropy.as_ref()),
            user,
            auth_time: now,
            amr,
            agent: agent(headers),
            last_used_at: now,
            idle_expires_at: now.plus(self.times.idle),
            expires_at: now.plus(self.times.absolute),
        };
        let old = Ticket::of_cookie(headers, SESSION).map(|ticket| ticket.digest());
        let started = Sessions::start(self.store.as_ref(), session.clone(), old).await?;
        if !started {
            let text = "a new session has the digest of another".to_owned();
            return Err(StoreError::Unavailable(text));
        }
        Ok((session, ticket))
    }

    /// The present moment, by the clock that judges sessions.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }
}

fn sid(entropy: &dyn Entropy) -> String {
    let mut bytes = [0; 16];
    entropy.fill(&mut bytes);
    format!("ses_{}", doorward_crypto::jose::b64::encode(bytes))
}

/// What the browser calls itself, without what could disturb a page or a log.
fn agent(headers: &HeaderMap) -> String {
    let text = headers
        .get(USER_AGENT)
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default();
    let visible = text.chars().filter(|c| !c.is_control());
    visible.take(AGENT_MAX).collect()
}
