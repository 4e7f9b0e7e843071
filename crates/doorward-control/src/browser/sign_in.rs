//! Signing in with a name and a password.

use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use doorward_core::Secret;
use doorward_core::clock::Timestamp;
use doorward_core::net::ClientAddress;
use doorward_store::{SessionRecord, UserName};
use http::header::RETRY_AFTER;
use http::{Response, StatusCode};

use super::cookie::{BROWSER, SESSION, Ticket, removed};
use super::form::Form;
use super::form_token::Vouched;
use super::page::{Allowed, SignInPage, render, set_cookie};
use super::pages::Pages;
use super::visit::Visit;
use super::words::Words;

/// How long a sign-in page may stay open.
const FORM_LIFE: Duration = Duration::from_secs(3600);
/// How a password is called in `amr` (RFC 8176).
const AMR: &str = "pwd";

/// What became of a name and a password.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum PasswordAnswer {
    /// They belong together, and the user may enter.
    Right,
    /// Anything else that is the caller's business: which, is not told.
    Wrong,
    /// Not now; nothing was checked.
    Later(Duration),
}

/// Checks passwords: bounded, throttled, and as long for a name that nobody has.
#[async_trait]
pub trait Passwords: Send + Sync {
    /// Checks a name and a password that came from an address.
    async fn check(
        &self,
        name: &str,
        password: &Secret<String>,
        client: ClientAddress,
    ) -> PasswordAnswer;
}

/// An authorization request that waits for somebody to sign in.
#[derive(Clone, Copy)]
pub struct Waiting<'w> {
    /// Its query.
    pub request: &'w str,
    /// When it was asked.
    pub asked_at: Timestamp,
    /// The app's name.
    pub client: Option<&'w str>,
    /// The user whom the app expects.
    pub login_hint: &'w str,
    /// The source that the answer's redirect leads to.
    pub leads_to: Option<&'w str>,
    /// The texts.
    pub words: &'static Words,
}

/// What a form to sign in led to.
pub enum SignedIn {
    /// Somebody signed in; the answer to whatever comes next takes these cookies along.
    Yes {
        /// The new session.
        session: Box<SessionRecord>,
        /// The cookie's value.
        ticket: Ticket,
        /// The request that waits, as a query; empty for none.
        request: String,
        /// When it was asked.
        asked_at: Timestamp,
    },
    /// Nobody did; this is the answer.
    No(Response<Bytes>),
    /// The name or password is wrong, or it is too early: the form again.
    Again {
        /// The request that waits, as a query; empty for none.
        request: String,
        /// When it was asked.
        asked_at: Timestamp,
        /// The name that was given.
        user: String,
        /// What to say.
        problem: Problem,
    },
}

/// Why nobody signed in.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Problem {
    /// Name or password.
    Wrong,
    /// Too many attempts, or too much to do.
    Later(Duration),
}

impl Pages {
    /// The page on which people sign in.
    #[must_use]
    pub fn sign_in_page(
        &self,
        visit: Visit<'_>,
        waiting: Waiting<'_>,
        problem: Option<Problem>,
    ) -> Response<Bytes> {
        let known = visit.browser();
        let browser = known
            .clone()
            .unwrap_or_else(|| Ticket::generate(self.entropy.as_ref()));
        let vouched = vouched(waiting.request, waiting.asked_at);
        let (status, sentence) = match problem {
            None => (StatusCode::OK, None),
            Some(Problem::Wrong) => (StatusCode::OK, Some(waiting.words.wrong)),
            Some(Problem::Later(_)) => (StatusCode::TOO_MANY_REQUESTS, Some(waiting.words.later)),
        };
        let page = SignInPage {
            frame: self.frame(waiting.words),
            client: waiting.client,
            problem: sentence,
            user: waiting.login_hint,
            request: waiting.request,
            asked_at: waiting.asked_at.millis(),
            token: self.tokens.make(&browser, vouched),
        };
        let allowed = Allowed {
            forms: true,
            leads_to: waiting.leads_to,
            script: false,
        };
        let mut response = render(status, &page, allowed);
        if let Some(Problem::Later(wait)) = problem {
            let seconds = wait.as_secs().max(1);
            response.headers_mut().insert(RETRY_AFTER, seconds.into());
        }
        if known.is_none() {
            set_cookie(&mut response, browser.cookie(BROWSER));
        }
        response
    }

    /// Takes the form of the page.
    pub async fn sign_in(&self, visit: Visit<'_>, words: &'static Words) -> SignedIn {
        let Some(form) = visit.form() else {
            return SignedIn::No(self.refused(words));
        };
        let Some((request, asked_at)) = self.vouched_for(visit, &form) else {
            return SignedIn::No(self.stale(words, form.one("request").unwrap_or_default()));
        };
        let name = form.one("username").unwrap_or_default();
        let password = Secret::new(form.one("password").unwrap_or_default().to_owned());
        let answer = self.passwords.check(name, &password, visit.client).await;
        let problem = match (answer, UserName::parse(name)) {
            (PasswordAnswer::Right, Ok(user)) => {
                return self.begin(visit, user, (request, asked_at), words).await;
            }
            (PasswordAnswer::Right, Err(_)) | (PasswordAnswer::Wrong, _) => Problem::Wrong,
            (PasswordAnswer::Later(wait), _) => Problem::Later(wait),
        };
        SignedIn::Again {
            request,
            asked_at,
            user: name.chars().take(128).collect(),
            problem,
        }
    }

    async fn begin(
        &self,
        visit: Visit<'_>,
        user: UserName,
        (request, asked_at): (String, Timestamp),
        words: &'static Words,
    ) -> SignedIn {
        let amr = vec![AMR.to_owned()];
        match self.sessions.start(user, amr, visit.headers).await {
            Ok((session, ticket)) => SignedIn::Yes {
                session: Box::new(session),
                ticket,
                request,
                asked_at,
            },
            Err(_) => SignedIn::No(self.unavailable(words)),
        }
    }

    /// The cookies of somebody who just signed in. The old ones are good for nothing any more.
    pub fn keep(&self, response: &mut Response<Bytes>, ticket: &Ticket) {
        set_cookie(response, ticket.cookie(SESSION));
        set_cookie(response, removed(BROWSER));
    }

    /// What is hidden in the form, if it is ours, of this browser and not too old.
    fn vouched_for(&self, visit: Visit<'_>, form: &Form) -> Option<(String, Timestamp)> {
        let request = form.one("request")?;
        let asked_at = Timestamp::from_millis(form.one("asked_at")?.parse().ok()?);
        let token = form.one("form")?;
        let vouched = vouched(request, asked_at);
        let ours = self
            .tokens
            .check(visit.headers, visit.browser().as_ref(), (vouched, token));
        let now = self.sessions.now();
        let young = asked_at <= now && now.since(asked_at) <= FORM_LIFE;
        (ours && young).then(|| (request.to_owned(), asked_at))
    }
}

const fn vouched(request: &str, at: Timestamp) -> Vouched<'_> {
    Vouched {
        form: "sign-in",
        content: request,
        at,
    }
}
