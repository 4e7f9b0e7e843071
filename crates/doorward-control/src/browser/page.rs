//! Pages: templates and the headers that every one of them has.

use askama::Template;
use bytes::Bytes;
use http::header::{
    CACHE_CONTROL, CONTENT_LENGTH, CONTENT_SECURITY_POLICY, CONTENT_TYPE, LOCATION,
    REFERRER_POLICY, SET_COOKIE, X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS,
};
use http::{HeaderName, HeaderValue, Response, StatusCode};

use super::brand::Brand;
use super::paths::Paths;
use super::words::Words;

const OPENER: HeaderName = HeaderName::from_static("cross-origin-opener-policy");
const RESOURCE: HeaderName = HeaderName::from_static("cross-origin-resource-policy");

/// What every page is made with.
#[derive(Clone, Copy)]
pub struct Frame<'p> {
    /// The texts.
    pub words: &'static Words,
    /// How it looks.
    pub brand: &'p Brand,
    /// Where its links go.
    pub paths: &'p Paths,
}

/// The page on which people sign in.
#[derive(Template)]
#[template(path = "sign_in.html")]
pub struct SignInPage<'p> {
    /// What every page has.
    pub frame: Frame<'p>,
    /// The app that waits.
    pub client: Option<&'p str>,
    /// What was wrong with the last attempt.
    pub problem: Option<&'static str>,
    /// The name of the last attempt, or the one that the app knows.
    pub user: &'p str,
    /// The authorization request that waits, as a query.
    pub request: &'p str,
    /// When it was asked, in milliseconds.
    pub asked_at: i64,
    /// The form's token.
    pub token: String,
}

/// One scope on the consent page.
pub struct ScopeLine {
    /// Its name.
    pub name: String,
    /// What it allows.
    pub words: String,
    /// Whether it cannot be left out.
    pub fixed: bool,
    /// Whether its name is shown beside the words.
    pub shows_name: bool,
}

/// The consent page.
#[derive(Template)]
#[template(path = "consent.html")]
pub struct ConsentPage<'p> {
    /// What every page has.
    pub frame: Frame<'p>,
    /// The app's name.
    pub client: &'p str,
    /// Who is asked.
    pub user: &'p str,
    /// What is asked for.
    pub scopes: Vec<ScopeLine>,
    /// The resources it is for.
    pub resources: &'p [String],
    /// The host that the answer goes to.
    pub returns_to: String,
    /// What to beware of.
    pub warning: Option<&'static str>,
    /// The name under which the request waits.
    pub id: &'p str,
    /// The form's token.
    pub token: String,
}

/// An app on the account page.
pub struct AppLine {
    /// Its `client_id`.
    pub id: String,
    /// Its name.
    pub name: String,
    /// What it may do.
    pub scopes: Vec<String>,
    /// Since when, for machines.
    pub since: String,
    /// Since when, for people.
    pub day: String,
}

/// A session on the account page.
pub struct SessionLine {
    /// Its name.
    pub sid: String,
    /// What the browser calls itself.
    pub agent: String,
    /// Whether it is this one.
    pub here: bool,
    /// When it was last used, for machines.
    pub last_used: String,
    /// When it was last used, for people.
    pub day: String,
}

/// The account page.
#[derive(Template)]
#[template(path = "account.html")]
pub struct AccountPage<'p> {
    /// What every page has.
    pub frame: Frame<'p>,
    /// Whose it is.
    pub user: &'p str,
    /// What was just done.
    pub done: Option<&'static str>,
    /// Apps with access.
    pub apps: Vec<AppLine>,
    /// Sessions.
    pub sessions: Vec<SessionLine>,
    /// The token of its forms.
    pub token: String,
}

/// The page that asks before signing out.
#[derive(Template)]
#[template(path = "sign_out.html")]
pub struct SignOutPage<'p> {
    /// What every page has.
    pub frame: Frame<'p>,
    /// Who would be signed out.
    pub user: &'p str,
    /// The form's token.
    pub token: String,
}

/// A link that looks like a button.
pub struct Link {
    /// Where it goes.
    pub href: String,
    /// What it says.
    pub text: &'static str,
}

/// A page that only says something.
#[derive(Template)]
#[template(path = "message.html")]
pub struct MessagePage<'p> {
    /// What every page has.
    pub frame: Frame<'p>,
    /// The heading.
    pub title: &'static str,
    /// The text.
    pub text: &'static str,
    /// An error's code, one of ours.
    pub code: Option<&'static str>,
    /// Where to go from here.
    pub link: Option<Link>,
}

/// The page that sends an answer as a form (OAuth 2.0 Form Post Response Mode).
#[derive(Template)]
#[template(path = "form_post.html")]
pub struct FormPostPage<'p> {
    /// What every page has.
    pub frame: Frame<'p>,
    /// Where the form goes: a registered redirection URI.
    pub action: &'p str,
    /// Its fields.
    pub fields: Vec<(&'static str, String)>,
}

/// What a page may do beside showing itself.
#[derive(Clone, Copy, Default)]
pub struct Allowed<'p> {
    /// Whether its forms come to us.
    pub forms: bool,
    /// A source to which a form, or the redirect that answers it, leads.
    pub leads_to: Option<&'p str>,
    /// Whether our one script runs.
    pub script: bool,
}

/// Makes the response of a page.
#[must_use]
pub fn render(status: StatusCode, page: &impl Template, allowed: Allowed<'_>) -> Response<Bytes> {
    let Ok(body) = page.render() else {
        return whole(
            StatusCode::INTERNAL_SERVER_ERROR,
            "text/plain; charset=utf-8",
            Bytes::from_static(b"The page could not be made.\n"),
        );
    };
    let mut response = whole(status, "text/html; charset=utf-8", body.into());
    if let Ok(policy) = HeaderValue::try_from(content_policy(allowed)) {
        response
            .headers_mut()
            .insert(CONTENT_SECURITY_POLICY, policy);
    }
    response
}

fn content_policy(allowed: Allowed<'_>) -> String {
    let mut policy = "default-src 'none'; style-src 'self'; img-src 'self'; base-uri 'none'; \
                      frame-ancestors 'none'; form-action "
        .to_owned();
    match (allowed.forms, allowed.leads_to) {
        (false, None) => policy.push_str("'none'"),
        (true, None) => policy.push_str("'self'"),
        (false, Some(source)) => policy.push_str(source),
        (true, Some(source)) => {
            policy.push_str("'self' ");
            policy.push_str(source);
        }
    }
    if allowed.script {
        policy.push_str("; script-src 'self'");
    }
    policy
}

/// A response with the headers that all of ours have.
#[must_use]
pub fn whole(status: StatusCode, kind: &'static str, body: Bytes) -> Response<Bytes> {
    let length = body.len();
    let mut response = Response::new(body);
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    headers.insert(CONTENT_LENGTH, length.into());
    for (name, value) in [
        (CACHE_CONTROL, "no-store"),
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (X_FRAME_OPTIONS, "DENY"),
        // Not `no-referrer`: browsers then send `Origin: null` with our own forms.
        (REFERRER_POLICY, "same-origin"),
        (OPENER, "same-origin"),
        (RESOURCE, "same-origin"),
        (
            CONTENT_SECURITY_POLICY,
            "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'",
        ),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    response
}

/// Sends the browser on. Always 303, so that a form's content is not sent along (RFC 9700
/// section 4.12).
#[must_use]
pub fn see_other(location: &str) -> Response<Bytes> {
    let mut response = whole(
        StatusCode::SEE_OTHER,
        "text/plain; charset=utf-8",
        Bytes::new(),
    );
    match HeaderValue::try_from(location) {
        Ok(location) => {
            response.headers_mut().insert(LOCATION, location);
        }
        Err(_) => *response.status_mut() = StatusCode::INTERNAL_SERVER_ERROR,
    }
    response
}

/// Adds a cookie to a response.
pub fn set_cookie(response: &mut Response<Bytes>, cookie: Option<HeaderValue>) {
    if let Some(cookie) = cookie {
        response.headers_mut().append(SET_COOKIE, cookie);
    }
}
