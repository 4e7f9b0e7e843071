//! The account page: apps, sessions, signing out.

use bytes::Bytes;
use doorward_core::clock::Timestamp;
use doorward_core::scope::ScopeSet;
use doorward_store::{
    Authorizations, ConsentRecord, Consents, Given, SessionRecord, Sessions, StoreError,
};
use http::{Response, StatusCode};

use super::cookie::{SESSION, removed};
use super::form::Form;
use super::page::{
    AccountPage, Allowed, AppLine, SessionLine, SignOutPage, render, see_other, set_cookie,
};
use super::pages::Pages;
use super::visit::Visit;
use super::words::Words;

/// What the account page asks others.
pub trait Apps: Send + Sync {
    /// The name of a client, if there is such a client.
    fn name(&self, client_id: &str) -> Option<String>;

    /// What each scope allows, in words.
    fn words(&self, scopes: &ScopeSet, words: &Words) -> Vec<String>;
}

/// What a form of the account page did.
pub enum Done {
    /// A page.
    Answer(Response<Bytes>),
    /// An app was shut out. What its codes gave has to be taken back, then the page is shown
    /// again.
    Withdrawn {
        /// The app.
        client_id: String,
        /// What its codes gave.
        given: Vec<Given>,
    },
}

impl Pages {
    /// Shows the account page.
    pub async fn account(
        &self,
        visit: Visit<'_>,
        session: &SessionRecord,
        apps: &dyn Apps,
        words: &'static Words,
    ) -> Response<Bytes> {
        let page = self.account_page(visit, session, apps, words).await;
        page.unwrap_or_else(|_| self.unavailable(words))
    }

    async fn account_page(
        &self,
        visit: Visit<'_>,
        session: &SessionRecord,
        apps: &dyn Apps,
        words: &'static Words,
    ) -> Result<Response<Bytes>, StoreError> {
        let (store, now) = (self.store.as_ref(), self.sessions.now());
        let consents = Consents::list(store, &session.user, now).await?;
        let sessions = Sessions::list(store, &session.user, now).await?;
        let done = match visit.query {
            "done=withdrawn" => Some(words.withdrawn),
            "done=ended" => Some(words.ended),
            _ => None,
        };
        let page = AccountPage {
            frame: self.frame(words),
            user: session.user.as_str(),
            done,
            apps: app_lines(consents, apps, words),
            sessions: sessions
                .into_iter()
                .map(|one| session_line(one, session, words))
                .collect(),
            token: self
                .session_token(visit.headers, "account", "")
                .unwrap_or_default(),
        };
        let allowed = Allowed {
            forms: true,
            ..Allowed::default()
        };
        Ok(render(StatusCode::OK, &page, allowed))
    }

    /// Takes a form of the account page.
    pub async fn change_account(
        &self,
        visit: Visit<'_>,
        session: &SessionRecord,
        words: &'static Words,
    ) -> Done {
        let Some(form) = visit.form() else {
            return Done::Answer(self.refused(words));
        };
        if !self.is_of_session(visit, &form, ("account", "")) {
            return Done::Answer(self.stale(words, ""));
        }
        let changed = self.change(session, &form).await;
        changed.unwrap_or_else(|_| Done::Answer(self.unavailable(words)))
    }

    async fn change(&self, session: &SessionRecord, form: &Form) -> Result<Done, StoreError> {
        let (store, user) = (self.store.as_ref(), &session.user);
        if form.one("action") == Some("end") {
            let sid = form.one("session").unwrap_or_default();
            Sessions::end(store, user, sid).await?;
            return Ok(Done::Answer(self.back_to_account("ended")));
        }
        let client_id = form.one("client").unwrap_or_default();
        if form.one("action") != Some("withdraw") || client_id.is_empty() {
            return Ok(Done::Answer(self.back_to_account("nothing")));
        }
        Consents::withdraw(store, user, client_id).await?;
        // After the consent, so that no new code follows these.
        let given = Authorizations::revoke(store, user, Some(client_id)).await?;
        Ok(Done::Withdrawn {
            client_id: client_id.to_owned(),
            given,
        })
    }

    /// Back to the account page, which says what was done.
    #[must_use]
    pub fn back_to_account(&self, done: &str) -> Response<Bytes> {
        see_other(&format!("{}?done={done}", self.paths.account))
    }

    /// Asks whether to sign out.
    #[must_use]
    pub fn sign_out_page(
        &self,
        visit: Visit<'_>,
        session: &SessionRecord,
        words: &'static Words,
    ) -> Response<Bytes> {
        let page = SignOutPage {
            frame: self.frame(words),
            user: session.user.as_str(),
            token: self
                .session_token(visit.headers, "account", "")
                .unwrap_or_default(),
        };
        let allowed = Allowed {
            forms: true,
            ..Allowed::default()
        };
        render(StatusCode::OK, &page, allowed)
    }

    /// Signs out, here or everywhere.
    pub async fn sign_out(
        &self,
        visit: Visit<'_>,
        session: &SessionRecord,
        words: &'static Words,
    ) -> Response<Bytes> {
        let Some(form) = visit.form() else {
            return self.refused(words);
        };
        if !self.is_of_session(visit, &form, ("account", "")) {
            return self.stale(words, "");
        }
        let (store, user) = (self.store.as_ref(), &session.user);
        let ended = if form.one("scope") == Some("everywhere") {
            Sessions::end_all(store, user).await.map(|_| ())
        } else {
            Sessions::end(store, user, &session.sid).await.map(|_| ())
        };
        match ended {
            Ok(()) => self.signed_out(words),
            Err(_) => self.unavailable(words),
        }
    }

    /// Says that nobody is signed in.
    #[must_use]
    pub fn signed_out(&self, words: &'static Words) -> Response<Bytes> {
        let texts = (words.signed_out, words.signed_out_text);
        let mut response = self.message(StatusCode::OK, words, texts, (None, None));
        set_cookie(&mut response, removed(SESSION));
        response
    }
}

/// One line for each app, over all resources.
fn app_lines(consents: Vec<ConsentRecord>, apps: &dyn Apps, words: &Words) -> Vec<AppLine> {
    let mut merged: Vec<ConsentRecord> = Vec::new();
    for consent in consents {
        match merged.last_mut() {
            Some(last) if last.client_id == consent.client_id => {
                last.scopes = last.scopes.union(&consent.scopes);
                last.granted_at = last.granted_at.min(consent.granted_at);
            }
            _ => merged.push(consent),
        }
    }
    let line = |consent: ConsentRecord| AppLine {
        name: apps
            .name(&consent.client_id)
            .unwrap_or_else(|| consent.client_id.clone()),
        scopes: apps.words(&consent.scopes, words),
        since: consent.granted_at.to_string(),
        day: day(consent.granted_at),
        id: consent.client_id,
    };
    merged.into_iter().map(line).collect()
}

fn session_line(one: SessionRecord, here: &SessionRecord, words: &Words) -> SessionLine {
    SessionLine {
        here: one.sid == here.sid,
        agent: if one.agent.is_empty() {
            words.some_browser.to_owned()
        } else {
            browser_name(&one.agent)
        },
        last_used: one.last_used_at.to_string(),
        day: day(one.last_used_at),
        sid: one.sid,
    }
}

/// `Firefox on Linux`, where the browser says so; otherwise what it calls itself.
fn browser_name(agent: &str) -> String {
    let first = |names: &[(&str, &'static str)]| {
        let found = names.iter().find(|(mark, _)| agent.contains(mark));
        found.map(|(_, name)| *name)
    };
    let browser = first(&[
        ("Edg/", "Edge"),
        ("OPR/", "Opera"),
        ("Firefox/", "Firefox"),
        ("Chrome/", "Chrome"),
        ("Safari/", "Safari"),
    ]);
    let system = first(&[
        ("Windows", "Windows"),
        ("iPhone", "iPhone"),
        ("iPad", "iPad"),
        ("Android", "Android"),
        ("Mac OS X", "macOS"),
        ("Linux", "Linux"),
    ]);
    match (browser, system) {
        (Some(browser), Some(system)) => format!("{browser} · {system}"),
        _ => agent.chars().take(60).collect(),
    }
}

/// The day in UTC, as every language reads it.
fn day(at: Timestamp) -> String {
    at.to_string().chars().take(10).collect()
}
