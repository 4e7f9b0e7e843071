//! What all pages are made with, and those that only say something.

use std::sync::Arc;

use bytes::Bytes;
use doorward_core::clock::Timestamp;
use doorward_core::{Clock, Entropy};
use doorward_crypto::digest::ProcessKey;
use doorward_store::{SessionRecord, Store};
use http::{HeaderMap, Response, StatusCode};

use super::asset::Assets;
use super::brand::Brand;
use super::cookie::{SESSION, Ticket};
use super::form::Form;
use super::form_token::{FormTokens, Vouched};
use super::page::{Allowed, Frame, Link, MessagePage, render};
use super::paths::Paths;
use super::session::{BrowserSessions, SessionTimes};
use super::sign_in::Passwords;
use super::visit::Visit;
use super::words::Words;

/// What [`Pages`] are made of.
pub struct PagesParts {
    /// Where sessions and consents are.
    pub store: Arc<dyn Store>,
    /// Tells the time.
    pub clock: Arc<dyn Clock>,
    /// Draws tickets.
    pub entropy: Arc<dyn Entropy>,
    /// Checks passwords.
    pub passwords: Arc<dyn Passwords>,
    /// Vouches for forms; the same after a restart.
    pub form_key: ProcessKey,
    /// Scheme and host of the issuer.
    pub origin: String,
    /// The issuer's path, without a final slash.
    pub base: String,
    /// How the pages look.
    pub brand: Brand,
    /// How long sessions live.
    pub times: SessionTimes,
}

/// The pages.
pub struct Pages {
    pub(super) store: Arc<dyn Store>,
    pub(super) entropy: Arc<dyn Entropy>,
    pub(super) passwords: Arc<dyn Passwords>,
    pub(super) sessions: BrowserSessions,
    pub(super) tokens: FormTokens,
    pub(super) paths: Paths,
    brand: Brand,
    assets: Assets,
}

/// What the forms of one session vouch for: that they are of this session, whenever it was.
const SESSION_FORM_AT: Timestamp = Timestamp::from_millis(0);

impl Pages {
    /// Makes the pages.
    #[must_use]
    pub fn new(parts: PagesParts) -> Self {
        let PagesParts {
            store,
            clock,
            entropy,
            passwords,
            form_key,
            origin,
            base,
            brand,
            times,
        } = parts;
        Self {
            sessions: BrowserSessions::new(Arc::clone(&store), clock, Arc::clone(&entropy), times),
            store,
            entropy,
            passwords,
            tokens: FormTokens::new(form_key, origin),
            paths: Paths::below(&base),
            assets: Assets::new(&brand),
            brand,
        }
    }

    /// Where the pages are.
    #[must_use]
    pub const fn paths(&self) -> &Paths {
        &self.paths
    }

    /// The sessions.
    #[must_use]
    pub const fn sessions(&self) -> &BrowserSessions {
        &self.sessions
    }

    /// The stylesheet, the script or the logo; `None` when the path is none of these.
    #[must_use]
    pub fn asset(&self, path: &str) -> Option<Response<Bytes>> {
        self.assets.answer(path, &self.paths, &self.brand)
    }

    /// What every page is made with.
    #[must_use]
    pub const fn frame(&self, words: &'static Words) -> Frame<'_> {
        Frame {
            words,
            brand: &self.brand,
            paths: &self.paths,
        }
    }

    /// The token of a form in a session.
    pub(super) fn session_token(
        &self,
        headers: &HeaderMap,
        form: &'static str,
        content: &str,
    ) -> Option<String> {
        let ticket = Ticket::of_cookie(headers, SESSION)?;
        Some(self.tokens.make(&ticket, in_session(form, content)))
    }

    /// Whether a form was made for the session that the browser shows.
    pub(super) fn is_of_session(
        &self,
        visit: Visit<'_>,
        sent: &Form,
        (form, content): (&'static str, &str),
    ) -> bool {
        let ticket = Ticket::of_cookie(visit.headers, SESSION);
        let token = sent.one("form").unwrap_or_default();
        let vouched = (in_session(form, content), token);
        self.tokens.check(visit.headers, ticket.as_ref(), vouched)
    }

    /// Who is signed in.
    ///
    /// # Errors
    /// The page to answer with, when that cannot be told.
    pub async fn signed_in(
        &self,
        headers: &HeaderMap,
        words: &'static Words,
    ) -> Result<Option<SessionRecord>, Response<Bytes>> {
        let found = self.sessions.find(headers).await;
        found.map_err(|_| self.unavailable(words))
    }

    /// A page that says one thing.
    #[must_use]
    pub fn message(
        &self,
        status: StatusCode,
        words: &'static Words,
        (title, text): (&'static str, &'static str),
        (code, link): (Option<&'static str>, Option<Link>),
    ) -> Response<Bytes> {
        let frame = self.frame(words);
        let page = MessagePage {
            frame,
            title,
            text,
            code,
            link,
        };
        render(status, &page, Allowed::default())
    }

    /// A request that nothing can be done about here.
    #[must_use]
    pub fn error(&self, words: &'static Words, code: &'static str) -> Response<Bytes> {
        let texts = (words.error, words.error_text);
        self.message(StatusCode::BAD_REQUEST, words, texts, (Some(code), None))
    }

    /// A form that is not one of ours.
    #[must_use]
    pub fn refused(&self, words: &'static Words) -> Response<Bytes> {
        let texts = (words.error, words.error_text);
        self.message(StatusCode::FORBIDDEN, words, texts, (None, None))
    }

    /// A request that waits no more.
    #[must_use]
    pub fn over(&self, words: &'static Words) -> Response<Bytes> {
        let texts = (words.error, words.over_text);
        self.message(StatusCode::BAD_REQUEST, words, texts, (None, None))
    }

    /// Our fault.
    #[must_use]
    pub fn unavailable(&self, words: &'static Words) -> Response<Bytes> {
        let texts = (words.error, words.unavailable_text);
        self.message(StatusCode::SERVICE_UNAVAILABLE, words, texts, (None, None))
    }

    /// A form that was open for too long, or is of another browser. What waited can be asked for
    /// again: that is a link to ourselves like any other, and promises nothing.
    #[must_use]
    pub(super) fn stale(&self, words: &'static Words, request: &str) -> Response<Bytes> {
        let href = if request.is_empty() {
            self.paths.account.clone()
        } else {
            format!("{}?{request}", self.paths.authorize)
        };
        let link = Link {
            href,
            text: words.continue_,
        };
        let texts = (words.error, words.stale);
        self.message(StatusCode::FORBIDDEN, words, texts, (None, Some(link)))
    }
}

const fn in_session<'t>(form: &'static str, content: &'t str) -> Vouched<'t> {
    Vouched {
        form,
        content,
        at: SESSION_FORM_AT,
    }
}
