//! The authorization endpoint's checks (RFC 6749 section 3.1, OAuth 2.1, RFC 9700, OpenID Connect
//! Core section 3.1.2): one table, run from top to bottom.
//!
//! Until a row has said where an answer may go, a refusal is shown to the person in the browser.
//! From there on the client hears it. What comes after the checks depends on who is signed in and
//! what they allowed: [`next`].

use std::sync::Arc;
use std::time::Duration;

use doorward_core::{ScopeSet, Timestamp};
use doorward_store::GrantType;

use crate::authorization_error::{AuthorizationError, AuthorizationErrorCode};
use crate::authorization_response::ReturnTo;
use crate::check::prompt::Prompt;
use crate::check::response_type::ResponseMode;
use crate::check::{pkce, prompt, redirect_uri, resource, response_type, scope};
use crate::client::Client;
use crate::parameters::Parameters;
use crate::server::Parts;

/// The longest `nonce`, in bytes.
const NONCE_MAX: usize = 1024;
/// The longest `state`, in bytes.
const STATE_MAX: usize = 4096;

/// A request that passed every check.
#[derive(Clone, Debug)]
pub struct AuthorizationRequest {
    /// Who asks.
    pub client: Arc<Client>,
    /// Where the answer goes.
    pub return_to: ReturnTo,
    /// `redirect_uri` as it was sent; empty when it was not.
    pub sent_redirect_uri: String,
    /// What is asked for. What it implies is in it.
    pub scopes: ScopeSet,
    /// The resources that it is for; the client's default when empty.
    pub resources: Vec<String>,
    /// The S256 challenge.
    pub code_challenge: Option<String>,
    /// For the ID token.
    pub nonce: Option<String>,
    /// What the user is to be asked.
    pub prompt: Prompt,
    /// How long ago the user may have signed in.
    pub max_age: Option<Duration>,
    /// The user whom the client expects; only ever fills in a field.
    pub login_hint: Option<String>,
    /// The subject that a token names which the client still has. Not verified: it can only make
    /// us refuse.
    pub hinted_subject: Option<String>,
    /// The languages that the client asks for.
    pub ui_locales: Option<String>,
}

/// Why a request is refused, and who hears it.
#[derive(Clone, Debug)]
pub enum Refused {
    /// The person in the browser: nothing says that the redirection URI is the client's.
    OnPage(AuthorizationError),
    /// The client.
    OnRedirect(Box<ReturnTo>, AuthorizationError),
}

/// What the checks fill in.
#[derive(Default)]
struct Draft {
    client: Option<Arc<Client>>,
    uri: Option<String>,
    state: Option<String>,
    mode: ResponseMode,
    scopes: ScopeSet,
    resources: Vec<String>,
    code_challenge: Option<String>,
    nonce: Option<String>,
    prompt: Prompt,
    max_age: Option<Duration>,
}

type Check = fn(&Parts, &Parameters, &mut Draft) -> Result<(), AuthorizationError>;

/// An endpoint that runs the table.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Column {
    /// A browser came.
    Authorize,
    /// The client pushes its request (RFC 9126).
    Pushed,
}

struct Row {
    check: Check,
    authorize: bool,
    pushed: bool,
}

const fn row(check: Check, authorize: bool, pushed: bool) -> Row {
    Row {
        check,
        authorize,
        pushed,
    }
}

/// The checks, in order.
const TABLE: &[Row] = &[
    //  check          authorize  pushed
    row(client, true, false),
    row(redirect, true, true),
    row(state, true, true),
    row(mode, true, true),
    row(may_use_grant, true, true),
    row(no_object, true, true),
    row(kind, true, true),
    row(challenge, true, true),
    row(no_key, true, true),
    row(scopes, true, true),
    row(resources, true, true),
    row(questions, true, true),
    row(nonce, true, true),
];

/// Runs the table.
///
/// # Errors
/// [`Refused`], with whom to tell.
pub fn check(
    parts: &Parts,
    form: &Parameters,
    column: Column,
    known: Option<Arc<Client>>,
) -> Result<AuthorizationRequest, Refused> {
    let mut draft = Draft {
        client: known,
        ..Draft::default()
    };
    let rows = TABLE.iter().filter(|row| match column {
        Column::Authorize => row.authorize,
        Column::Pushed => row.pushed,
    });
    for row in rows {
        if let Err(error) = (row.check)(parts, form, &mut draft) {
            return Err(draft.refused(error));
        }
    }
    draft.finish(form)
}

impl Draft {
    fn return_to(&self) -> Option<ReturnTo> {
        self.uri.as_ref().map(|uri| ReturnTo {
            uri: uri.clone(),
            mode: self.mode,
            state: self.state.clone(),
        })
    }

    fn refused(&self, error: AuthorizationError) -> Refused {
        match self.return_to() {
            Some(to) => Refused::OnRedirect(Box::new(to), error),
            None => Refused::OnPage(error),
        }
    }

    fn client(&self) -> Result<&Arc<Client>, AuthorizationError> {
        self.client.as_ref().ok_or(UNKNOWN_CLIENT)
    }

    fn finish(self, form: &Parameters) -> Result<AuthorizationRequest, Refused> {
        let (Some(client), Some(return_to)) = (self.client.clone(), self.return_to()) else {
            return Err(Refused::OnPage(UNKNOWN_CLIENT));
        };
        let text = |name| form.get(name).map(str::to_owned);
        Ok(AuthorizationRequest {
            client,
            return_to,
            sent_redirect_uri: text("redirect_uri").unwrap_or_default(),
            scopes: self.scopes,
            resources: self.resources,
            code_challenge: self.code_challenge,
            nonce: self.nonce,
            prompt: self.prompt,
            max_age: self.max_age,
            login_hint: text("login_hint"),
            hinted_subject: form
                .get("id_token_hint")
                .and_then(crate::token::id::subject),
            ui_locales: text("ui_locales"),
        })
    }
}

const UNKNOWN_CLIENT: AuthorizationError = AuthorizationError::new(
    AuthorizationErrorCode::UnauthorizedClient,
    "The client is not known here.",
);

fn client(parts: &Parts, form: &Parameters, draft: &mut Draft) -> Result<(), AuthorizationError> {
    let named = form.get("client_id").unwrap_or_default();
    let id = doorward_store::ClientId::parse(named).map_err(|_| UNKNOWN_CLIENT)?;
    draft.client = parts.clients.lookup(&id);
    draft.client().map(|_| ())
}

fn redirect(_: &Parts, form: &Parameters, draft: &mut Draft) -> Result<(), AuthorizationError> {
    let sent = form.get("redirect_uri");
    let uri = redirect_uri::find(sent, draft.client()?);
    let sentence = "The redirect_uri is not one of this client's.";
    draft.uri = Some(uri.ok_or(AuthorizationError::invalid_request(sentence))?);
    Ok(())
}

fn state(_: &Parts, form: &Parameters, draft: &mut Draft) -> Result<(), AuthorizationError> {
    let state = form.get("state");
    if state.is_some_and(|state| state.len() > STATE_MAX) {
        let sentence = "The state is too long.";
        return Err(AuthorizationError::invalid_request(sentence));
    }
    draft.state = state.map(str::to_owned);
    Ok(())
}

fn mode(_: &Parts, form: &Parameters, draft: &mut Draft) -> Result<(), AuthorizationError> {
    draft.mode = response_type::response_mode(form)?;
    Ok(())
}

fn may_use_grant(_: &Parts, _: &Parameters, draft: &mut Draft) -> Result<(), AuthorizationError> {
    if draft.client()?.may_use(GrantType::AuthorizationCode) {
        return Ok(());
    }
    Err(AuthorizationError::new(
        AuthorizationErrorCode::UnauthorizedClient,
        "The client is not registered for this.",
    ))
}

/// SECURITY: a request object that nobody reads must not seem to be obeyed.
fn no_object(_: &Parts, form: &Parameters, _: &mut Draft) -> Result<(), AuthorizationError> {
    for (name, code) in [
        ("request", AuthorizationErrorCode::RequestNotSupported),
        (
            "request_uri",
            AuthorizationErrorCode::RequestUriNotSupported,
        ),
    ] {
        if form.get(name).is_some() {
            let sentence = "Request objects are not read here.";
            return Err(AuthorizationError::new(code, sentence));
        }
    }
    Ok(())
}

fn kind(_: &Parts, form: &Parameters, _: &mut Draft) -> Result<(), AuthorizationError> {
    response_type::response_type(form)
}

fn challenge(_: &Parts, form: &Parameters, draft: &mut Draft) -> Result<(), AuthorizationError> {
    draft.code_challenge = pkce::challenge(form, draft.client()?)?;
    Ok(())
}

/// SECURITY: a client that binds its code to a key must not get one that is not bound.
fn no_key(_: &Parts, form: &Parameters, _: &mut Draft) -> Result<(), AuthorizationError> {
    if form.get("dpop_jkt").is_none() {
        return Ok(());
    }
    let sentence = "Codes are not bound to keys here.";
    Err(AuthorizationError::invalid_request(sentence))
}

fn scopes(parts: &Parts, form: &Parameters, draft: &mut Draft) -> Result<(), AuthorizationError> {
    let client = draft.client()?;
    let asked = scope::requested(form, client, &parts.scopes)?;
    let asked = asked.unwrap_or_else(|| client.record().scopes.clone());
    let all = parts.scopes.closure(&asked);
    draft.scopes = parts.scopes.filter(&all, |declared| declared.by_user);
    if draft.scopes.is_empty() {
        return Err(AuthorizationError::new(
            AuthorizationErrorCode::InvalidScope,
            "Nothing is asked for that a user could allow.",
        ));
    }
    Ok(())
}

fn resources(
    parts: &Parts,
    form: &Parameters,
    draft: &mut Draft,
) -> Result<(), AuthorizationError> {
    draft.resources = resource::requested(form, draft.client()?, &parts.audience)?;
    Ok(())
}

fn questions(_: &Parts, form: &Parameters, draft: &mut Draft) -> Result<(), AuthorizationError> {
    draft.prompt = prompt::prompt(form)?;
    draft.max_age = prompt::max_age(form)?;
    Ok(())
}

fn nonce(_: &Parts, form: &Parameters, draft: &mut Draft) -> Result<(), AuthorizationError> {
    let nonce = form.get("nonce");
    if nonce.is_some_and(|nonce| nonce.len() > NONCE_MAX) {
        let sentence = "The nonce is too long.";
        return Err(AuthorizationError::invalid_request(sentence));
    }
    draft.nonce = nonce.map(str::to_owned);
    Ok(())
}

/// Who is signed in, as far as the next step depends on it.
#[derive(Clone, Copy, Debug)]
pub struct SignedInUser<'s> {
    /// The subject.
    pub subject: &'s str,
    /// When they proved who they are.
    pub auth_time: Timestamp,
}

/// What has to happen before the answer.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Next {
    /// Somebody has to sign in.
    SignIn,
    /// Ask about consent, or answer where it is not needed.
    Consent,
    /// The client hears no.
    Refuse(AuthorizationError),
}

/// Finds out whether who is signed in will do. A request was asked for at a moment; whoever
/// signed in since then did so for it.
#[must_use]
pub fn next(
    request: &AuthorizationRequest,
    user: Option<SignedInUser<'_>>,
    (asked_at, now): (Timestamp, Timestamp),
) -> Next {
    let fresh = |user: &SignedInUser<'_>| user.auth_time >= asked_at;
    let young = |user: &SignedInUser<'_>| {
        request
            .max_age
            .is_none_or(|max| now.since(user.auth_time) <= max)
    };
    let expected = |user: &SignedInUser<'_>| {
        let mut hint = request.hinted_subject.iter();
        hint.all(|hint| hint == user.subject)
    };
    let suits = |user: &SignedInUser<'_>| {
        expected(user) && (fresh(user) || (young(user) && !request.prompt.login))
    };
    match user.filter(suits) {
        Some(_) => Next::Consent,
        // SECURITY: whoever just signed in as somebody else is told, not asked for ever.
        None if request.prompt.none || user.as_ref().is_some_and(fresh) => {
            Next::Refuse(AuthorizationError::new(
                AuthorizationErrorCode::LoginRequired,
                "The user has to sign in.",
            ))
        }
        None => Next::SignIn,
    }
}
