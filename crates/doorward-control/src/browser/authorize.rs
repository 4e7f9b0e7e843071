//! The authorization endpoint and the consent page: from an app's request to its answer.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use doorward_core::clock::Timestamp;
use doorward_core::scope::ScopeSet;
use doorward_oauth::check::redirect_uri;
use doorward_oauth::endpoint::authorize::{
    AuthorizationRequest, Column, Next, Refused, SignedInUser, check, next,
};
use doorward_oauth::grant::authorization_code::{Subjects, is_about_people};
use doorward_oauth::{
    AuthorizationError, AuthorizationErrorCode, AuthorizationResponse, Parameters, Parts, ReturnTo,
};
use doorward_store::{
    ApprovedAuthorization, Authorizations, ConsentRecord, Consents, PendingAuthorization,
    SessionRecord,
};
use http::{Response, StatusCode};

use super::cookie::Ticket;
use super::page::{Allowed, ConsentPage, FormPostPage, ScopeLine, render, see_other};
use super::pages::Pages;
use super::sign_in::{Problem, SignedIn, Waiting};
use super::visit::Visit;
use super::words::{Words, choose};
use super::{record, scope_words};

/// How long a code is good (FAPI 2.0: at most a minute).
const CODE_LIFE: Duration = Duration::from_secs(60);
/// How long a request waits for its user.
const PENDING_LIFE: Duration = Duration::from_secs(600);
/// How long a consent is remembered.
const CONSENT_LIFE: Duration = Duration::from_secs(365 * 86_400);

/// Takes requests for authorization, and the people they concern, through to an answer.
pub struct Authorizer {
    pub(super) pages: Arc<Pages>,
    pub(super) subjects: Arc<dyn Subjects>,
}

/// A request, as it was sent and as it was understood.
#[derive(Clone, Copy)]
struct Asked<'a> {
    parts: &'a Parts,
    query: &'a str,
    request: &'a AuthorizationRequest,
    at: Timestamp,
    words: &'static Words,
}

impl Authorizer {
    /// Answers an app's request.
    pub async fn authorize(&self, parts: &Parts, visit: Visit<'_>) -> Response<Bytes> {
        let at = parts.clock.now();
        let (request, words) = match self.understand(parts, visit, visit.query) {
            Ok(understood) => understood,
            Err(answer) => return *answer,
        };
        let session = match self.pages.signed_in(visit.headers, words).await {
            Ok(session) => session,
            Err(answer) => return answer,
        };
        let asked = Asked {
            parts,
            query: visit.query,
            request: &request,
            at,
            words,
        };
        self.proceed(asked, visit, session.as_ref()).await
    }

    /// Takes a name and a password, and goes on with what waits.
    pub async fn sign_in(&self, parts: &Parts, visit: Visit<'_>) -> Response<Bytes> {
        let words = choose(None, visit.headers);
        match self.pages.sign_in(visit, words).await {
            SignedIn::No(answer) => answer,
            SignedIn::Again {
                request,
                asked_at,
                user,
                problem,
            } => {
                // Whether it can be written or not: nobody got anything.
                let _recorded = record::not_signed_in(parts, problem);
                self.again(parts, visit, (&request, asked_at), (&user, problem))
            }
            SignedIn::Yes {
                session,
                ticket,
                request,
                asked_at,
            } => {
                // SECURITY: who cannot be recorded is not let in; the ticket stays with us.
                if !record::signed_in(parts, &session) {
                    return self.pages.unavailable(words);
                }
                let waits = (request.as_str(), asked_at);
                let mut response = self.go_on(parts, visit, waits, &session).await;
                self.pages.keep(&mut response, &ticket);
                response
            }
        }
    }

    async fn go_on(
        &self,
        parts: &Parts,
        visit: Visit<'_>,
        (query, at): (&str, Timestamp),
        session: &SessionRecord,
    ) -> Response<Bytes> {
        if query.is_empty() {
            return see_other(&self.pages.paths().account);
        }
        let (request, words) = match self.understand(parts, visit, query) {
            Ok(understood) => understood,
            Err(answer) => return *answer,
        };
        let request = &request;
        let asked = Asked {
            parts,
            query,
            request,
            at,
            words,
        };
        self.proceed(asked, visit, Some(session)).await
    }

    fn again(
        &self,
        parts: &Parts,
        visit: Visit<'_>,
        (query, at): (&str, Timestamp),
        (user, problem): (&str, Problem),
    ) -> Response<Bytes> {
        if query.is_empty() {
            let words = choose(None, visit.headers);
            return self.plain_sign_in(visit, words, at, (user, Some(problem)));
        }
        match self.understand(parts, visit, query) {
            Err(answer) => *answer,
            Ok((request, words)) => {
                let request = &request;
                let asked = Asked {
                    parts,
                    query,
                    request,
                    at,
                    words,
                };
                self.ask_who(asked, visit, (user, Some(problem)))
            }
        }
    }

    /// The page to sign in on where no app waits.
    pub fn plain_sign_in(
        &self,
        visit: Visit<'_>,
        words: &'static Words,
        asked_at: Timestamp,
        (login_hint, problem): (&str, Option<Problem>),
    ) -> Response<Bytes> {
        let waiting = Waiting {
            request: "",
            asked_at,
            client: None,
            login_hint,
            leads_to: None,
            words,
        };
        self.pages.sign_in_page(visit, waiting, problem)
    }

    /// Parses and checks a request, and chooses the language to speak of it.
    fn understand(
        &self,
        parts: &Parts,
        visit: Visit<'_>,
        query: &str,
    ) -> Result<(AuthorizationRequest, &'static Words), Box<Response<Bytes>>> {
        let Ok(form) = Parameters::parse(query.as_bytes()) else {
            let words = choose(None, visit.headers);
            return Err(Box::new(self.pages.error(words, "invalid_request")));
        };
        let words = choose(form.get("ui_locales"), visit.headers);
        let checked = check(parts, &form, Column::Authorize, None);
        match checked {
            Ok(request) => Ok((request, words)),
            Err(Refused::OnPage(error)) => {
                Err(Box::new(self.pages.error(words, error.code.as_str())))
            }
            Err(Refused::OnRedirect(to, error)) => {
                Err(Box::new(self.deliver(parts, &to, Err(error), words)))
            }
        }
    }

    async fn proceed(
        &self,
        asked: Asked<'_>,
        visit: Visit<'_>,
        session: Option<&SessionRecord>,
    ) -> Response<Bytes> {
        let user = session.map(|session| SignedInUser {
            subject: session.user.as_str(),
            auth_time: session.auth_time,
        });
        let moments = (asked.at, asked.parts.clock.now());
        match (next(asked.request, user, moments), session) {
            (Next::Refuse(error), _) => self.refuse(asked, error),
            (Next::Consent, Some(session)) => self.ask_or_approve(asked, session).await,
            (Next::SignIn | Next::Consent, _) => {
                let hint = asked.request.login_hint.as_deref().unwrap_or_default();
                let hint: String = hint.chars().take(128).collect();
                self.ask_who(asked, visit, (&hint, None))
            }
        }
    }

    fn ask_who(
        &self,
        asked: Asked<'_>,
        visit: Visit<'_>,
        (login_hint, problem): (&str, Option<Problem>),
    ) -> Response<Bytes> {
        let shown = redirect_uri::shown(&asked.request.return_to.uri);
        let waiting = Waiting {
            request: asked.query,
            asked_at: asked.at,
            client: Some(&asked.request.client.record().name),
            login_hint,
            leads_to: shown.as_ref().map(|(_, source)| source.as_str()),
            words: asked.words,
        };
        self.pages.sign_in_page(visit, waiting, problem)
    }

    async fn ask_or_approve(&self, asked: Asked<'_>, session: &SessionRecord) -> Response<Bytes> {
        let request = asked.request;
        let possible = self.possible(asked.parts, request, session);
        if possible.is_empty() {
            return self.refuse(asked, DENIED);
        }
        let store = self.pages.store.as_ref();
        let (client, resource) = (request.client.id().as_str(), request.resources.join(" "));
        let now = asked.parts.clock.now();
        let known = Consents::lookup(store, &session.user, client, &resource, now).await;
        let Ok(known) = known else {
            return self.refuse(asked, UNAVAILABLE);
        };
        let stands = known.is_some_and(|known| possible.is_subset_of(&known.scopes));
        // SECURITY: whoever can start a native app's scheme or listen on a local port is not
        // known to be the app: people are asked each time (RFC 8252 section 8.6).
        let local = redirect_uri::is_local(&request.return_to.uri) && request.client.is_public();
        if stands && !request.prompt.consent && !local {
            return self.approve(asked, session, possible, None).await;
        }
        if request.prompt.none {
            let sentence = "The user has to allow it first.";
            let code = AuthorizationErrorCode::ConsentRequired;
            return self.refuse(asked, AuthorizationError::new(code, sentence));
        }
        self.wait_for_consent(asked, session, now).await
    }

    async fn wait_for_consent(
        &self,
        asked: Asked<'_>,
        session: &SessionRecord,
        now: Timestamp,
    ) -> Response<Bytes> {
        let id = Ticket::generate(self.pages.entropy.as_ref());
        let pending = PendingAuthorization {
            digest: id.digest(),
            client_id: asked.request.client.id().as_str().to_owned(),
            session: Some(session.digest),
            parameters: asked.query.to_owned(),
            asked_at: asked.at,
            expires_at: now.plus(PENDING_LIFE),
        };
        match Authorizations::ask(self.pages.store.as_ref(), pending).await {
            Ok(true) => {
                let consent = &self.pages.paths().consent;
                see_other(&format!("{consent}?id={}", id.expose()))
            }
            Ok(false) | Err(_) => self.refuse(asked, UNAVAILABLE),
        }
    }

    /// What the user could allow of what is asked for.
    fn possible(
        &self,
        parts: &Parts,
        request: &AuthorizationRequest,
        session: &SessionRecord,
    ) -> ScopeSet {
        let Some(rights) = self.subjects.rights(&session.user) else {
            return ScopeSet::EMPTY;
        };
        let rights = parts.scopes.closure(&rights.scopes);
        let may = |scope: &&doorward_core::Scope| {
            is_about_people(scope.as_str()) || rights.contains(scope)
        };
        request.scopes.iter().filter(may).cloned().collect()
    }

    /// Shows the consent page.
    pub async fn consent(&self, parts: &Parts, visit: Visit<'_>) -> Response<Bytes> {
        let words = choose(None, visit.headers);
        let id = visit.query.strip_prefix("id=").and_then(Ticket::parse);
        let (pending, session) = match self.waiting(parts, visit, id.as_ref(), words).await {
            Ok(found) => found,
            Err(answer) => return *answer,
        };
        let (request, words) = match self.understand(parts, visit, &pending.parameters) {
            Ok(understood) => understood,
            Err(answer) => return *answer,
        };
        let (Some(id), Some((returns_to, source))) =
            (id, redirect_uri::shown(&request.return_to.uri))
        else {
            return self.pages.over(words);
        };
        let possible = self.possible(parts, &request, &session);
        let token = self
            .pages
            .session_token(visit.headers, "consent", id.expose());
        let local = redirect_uri::is_local(&request.return_to.uri);
        let page = ConsentPage {
            frame: self.pages.frame(words),
            client: &request.client.record().name,
            user: session.user.as_str(),
            scopes: scope_lines(parts, &possible, words),
            resources: &request.resources,
            returns_to,
            warning: local.then_some(words.consent_local),
            id: id.expose(),
            token: token.unwrap_or_default(),
        };
        let allowed = Allowed {
            forms: true,
            leads_to: Some(&source),
            script: false,
        };
        render(StatusCode::OK, &page, allowed)
    }

    /// Finds the request that waits under an id, for the session that the browser shows.
    async fn waiting(
        &self,
        parts: &Parts,
        visit: Visit<'_>,
        id: Option<&Ticket>,
        words: &'static Words,
    ) -> Result<(PendingAuthorization, SessionRecord), Box<Response<Bytes>>> {
        let session = self.pages.signed_in(visit.headers, words).await?;
        let (Some(session), Some(id)) = (session, id) else {
            return Err(Box::new(self.pages.over(words)));
        };
        let (store, now) = (self.pages.store.as_ref(), parts.clock.now());
        let pending = Authorizations::lookup_pending(store, &id.digest(), now).await;
        let pending = pending.map_err(|_| Box::new(self.pages.unavailable(words)))?;
        // SECURITY: what waits in one browser is not answered in another.
        let own = pending.filter(|pending| pending.session == Some(session.digest));
        match own {
            Some(pending) => Ok((pending, session)),
            None => Err(Box::new(self.pages.over(words))),
        }
    }

    /// Takes the form of the consent page.
    pub async fn decide(&self, parts: &Parts, visit: Visit<'_>) -> Response<Bytes> {
        let words = choose(None, visit.headers);
        let Some(form) = visit.form() else {
            return self.pages.refused(words);
        };
        let id = form.one("id").unwrap_or_default();
        if !self.pages.is_of_session(visit, &form, ("consent", id)) {
            return self.pages.stale(words, "");
        }
        let id = Ticket::parse(id);
        let (pending, session) = match self.waiting(parts, visit, id.as_ref(), words).await {
            Ok(found) => found,
            Err(answer) => return *answer,
        };
        let (request, words) = match self.understand(parts, visit, &pending.parameters) {
            Ok(understood) => understood,
            Err(answer) => return *answer,
        };
        let asked = Asked {
            parts,
            query: &pending.parameters,
            request: &request,
            at: pending.asked_at,
            words,
        };
        let possible = self.possible(parts, &request, &session);
        let chosen = chosen(&possible, form.all("scope"));
        if form.one("decision") != Some("allow") || chosen.is_empty() {
            return self.deny(asked, &pending).await;
        }
        self.allow(asked, &session, chosen, pending.digest).await
    }

    async fn deny(&self, asked: Asked<'_>, pending: &PendingAuthorization) -> Response<Bytes> {
        let (store, now) = (self.pages.store.as_ref(), asked.parts.clock.now());
        match Authorizations::take_pending(store, &pending.digest, now).await {
            Ok(Some(_)) => self.refuse(asked, DENIED),
            Ok(None) => self.pages.over(asked.words),
            Err(_) => self.pages.unavailable(asked.words),
        }
    }

    async fn allow(
        &self,
        asked: Asked<'_>,
        session: &SessionRecord,
        scopes: ScopeSet,
        answers: [u8; 32],
    ) -> Response<Bytes> {
        let now = asked.parts.clock.now();
        let consent = ConsentRecord {
            user: session.user.clone(),
            client_id: asked.request.client.id().as_str().to_owned(),
            resource: asked.request.resources.join(" "),
            scopes: scopes.clone(),
            granted_at: now,
            expires_at: now.plus(CONSENT_LIFE),
        };
        // Before the code, so that whoever takes it back finds it.
        let remembered = Consents::remember(self.pages.store.as_ref(), consent).await;
        if remembered.is_err() {
            return self.pages.unavailable(asked.words);
        }
        self.approve(asked, session, scopes, Some(answers)).await
    }

    async fn approve(
        &self,
        asked: Asked<'_>,
        session: &SessionRecord,
        scopes: ScopeSet,
        answers: Option<[u8; 32]>,
    ) -> Response<Bytes> {
        let Asked { parts, request, .. } = asked;
        let code = Ticket::generate(self.pages.entropy.as_ref());
        let end = parts.clock.now().plus(CODE_LIFE);
        let approved = ApprovedAuthorization {
            digest: code.digest(),
            client_id: request.client.id().as_str().to_owned(),
            redirect_uri: request.sent_redirect_uri.clone(),
            user: session.user.clone(),
            sid: session.sid.clone(),
            scopes,
            resources: request.resources.clone(),
            code_challenge: request.code_challenge.clone(),
            nonce: request.nonce.clone(),
            dpop_jkt: None,
            auth_time: session.auth_time,
            amr: session.amr.clone(),
            acr: None,
            expires_at: end,
            kept_until: end,
        };
        // SECURITY: before the code exists; what cannot be recorded does not happen.
        if !record::allowed(parts, &approved) {
            return self.pages.unavailable(asked.words);
        }
        let store = self.pages.store.as_ref();
        match Authorizations::approve(store, approved, answers).await {
            Ok(true) => self.deliver(parts, &request.return_to, Ok(code.expose()), asked.words),
            Ok(false) => self.pages.over(asked.words),
            Err(_) => self.pages.unavailable(asked.words),
        }
    }

    fn refuse(&self, asked: Asked<'_>, error: AuthorizationError) -> Response<Bytes> {
        self.deliver(
            asked.parts,
            &asked.request.return_to,
            Err(error),
            asked.words,
        )
    }

    /// Sends the answer to the app.
    fn deliver(
        &self,
        parts: &Parts,
        to: &ReturnTo,
        outcome: Result<&str, AuthorizationError>,
        words: &'static Words,
    ) -> Response<Bytes> {
        match to.answer(&parts.issuer, outcome) {
            AuthorizationResponse::Redirect(location) => see_other(&location),
            AuthorizationResponse::FormPost { action, fields } => {
                let Some((_, source)) = redirect_uri::shown(&action) else {
                    return self.pages.error(words, "invalid_request");
                };
                let page = FormPostPage {
                    frame: self.pages.frame(words),
                    action: &action,
                    fields,
                };
                let allowed = Allowed {
                    forms: false,
                    leads_to: Some(&source),
                    script: true,
                };
                render(StatusCode::OK, &page, allowed)
            }
        }
    }
}

const DENIED: AuthorizationError = AuthorizationError::new(
    AuthorizationErrorCode::AccessDenied,
    "The user did not allow it.",
);
const UNAVAILABLE: AuthorizationError = AuthorizationError::new(
    AuthorizationErrorCode::TemporarilyUnavailable,
    "This cannot be answered just now.",
);

/// What was ticked of what was possible. Who somebody is cannot be left out where it is asked for.
fn chosen<'f>(possible: &ScopeSet, mut ticked: impl Iterator<Item = &'f str>) -> ScopeSet {
    let ticked: Vec<&str> = ticked.by_ref().take(128).collect();
    let kept = |scope: &&doorward_core::Scope| {
        scope.as_str() == "openid" || ticked.contains(&scope.as_str())
    };
    possible.iter().filter(kept).cloned().collect()
}

fn scope_lines(parts: &Parts, scopes: &ScopeSet, words: &Words) -> Vec<ScopeLine> {
    let mut lines: Vec<ScopeLine> = scopes
        .iter()
        .map(|scope| ScopeLine {
            name: scope.as_str().to_owned(),
            words: scope_words::in_words(&parts.scopes, scope, words),
            fixed: scope.as_str() == "openid",
            shows_name: !is_about_people(scope.as_str()),
        })
        .collect();
    lines.sort_by_key(|line| !line.fixed);
    lines
}
