//! The pages as endpoints of the authorization server.

use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use doorward_core::RequestHead;
use doorward_core::scope::ScopeSet;
use doorward_oauth::check::response_type::ResponseMode;
use doorward_oauth::grant::authorization_code::{Ends, Subjects};
use doorward_oauth::{Endpoint, Metadata, Parameters, Parts};
use doorward_store::SessionRecord;
use http::{Method, Response};
use serde_json::json;

use super::account::{Apps, Done};
use super::authorize::Authorizer;
use super::form::FORM_MAX;
use super::page::see_other;
use super::pages::Pages;
use super::scope_words;
use super::visit::Visit;
use super::words::{Words, choose};

/// Which page.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Place {
    Authorize,
    SignIn,
    Consent,
    Account,
    SignOut,
    Style,
    Logo,
    Submit,
}

/// All of them.
const PLACES: [Place; 8] = [
    Place::Authorize,
    Place::SignIn,
    Place::Consent,
    Place::Account,
    Place::SignOut,
    Place::Style,
    Place::Logo,
    Place::Submit,
];

struct BrowserEndpoint {
    place: Place,
    authorizer: Arc<Authorizer>,
    ends: Arc<dyn Ends>,
}

/// The endpoints for browsers.
#[must_use]
pub fn endpoints(
    pages: Arc<Pages>,
    subjects: Arc<dyn Subjects>,
    ends: &Arc<dyn Ends>,
) -> Vec<Box<dyn Endpoint>> {
    let authorizer = Arc::new(Authorizer { pages, subjects });
    let endpoint = |place| {
        Box::new(BrowserEndpoint {
            place,
            authorizer: Arc::clone(&authorizer),
            ends: Arc::clone(ends),
        }) as Box<dyn Endpoint>
    };
    PLACES.into_iter().map(endpoint).collect()
}

#[async_trait]
impl Endpoint for BrowserEndpoint {
    fn path(&self) -> &'static str {
        match self.place {
            Place::Authorize => "/oauth2/authorize",
            Place::SignIn => "/oauth2/sign-in",
            Place::Consent => "/oauth2/consent",
            Place::Account => "/oauth2/account",
            Place::SignOut => "/oauth2/sign-out",
            Place::Style => "/oauth2/style.css",
            Place::Logo => "/oauth2/logo",
            Place::Submit => "/oauth2/submit.js",
        }
    }

    fn methods(&self) -> &'static [Method] {
        match self.place {
            Place::Style | Place::Logo | Place::Submit => &[Method::GET],
            _ => &[Method::GET, Method::POST],
        }
    }

    fn max_body(&self) -> usize {
        FORM_MAX
    }

    fn describe(&self, parts: &Parts, metadata: &mut Metadata) {
        if self.place != Place::Authorize {
            return;
        }
        let modes: Vec<&str> = ResponseMode::ALL.iter().map(|mode| mode.as_str()).collect();
        for (name, value) in [
            (
                "authorization_endpoint",
                json!(parts.issuer.at(self.path())),
            ),
            ("response_types_supported", json!(["code"])),
            ("response_modes_supported", json!(modes)),
            ("code_challenge_methods_supported", json!(["S256"])),
            (
                "authorization_response_iss_parameter_supported",
                json!(true),
            ),
            (
                "prompt_values_supported",
                json!(["none", "login", "consent", "select_account"]),
            ),
            ("ui_locales_supported", json!(["en", "de"])),
            ("subject_types_supported", json!(["public"])),
            ("id_token_signing_alg_values_supported", json!(["ES256"])),
            ("request_parameter_supported", json!(false)),
            ("request_uri_parameter_supported", json!(false)),
        ] {
            metadata.insert(name.to_owned(), value);
        }
    }

    async fn answer(&self, parts: &Parts, head: &RequestHead, body: Bytes) -> Response<Bytes> {
        let visit = Visit {
            headers: head.headers(),
            query: head.query().unwrap_or_default(),
            body: &body,
            client: head.arrival().client,
        };
        let (authorizer, posted) = (self.authorizer.as_ref(), head.method() == Method::POST);
        match self.place {
            Place::Authorize if posted => self.as_query(head, &body, visit),
            Place::Authorize => authorizer.authorize(parts, visit).await,
            Place::SignIn if posted => authorizer.sign_in(parts, visit).await,
            Place::Consent if posted => authorizer.decide(parts, visit).await,
            Place::Consent => authorizer.consent(parts, visit).await,
            Place::Style | Place::Logo | Place::Submit => self.asset(visit),
            Place::SignIn | Place::Account | Place::SignOut => {
                self.signed_in(parts, visit, posted).await
            }
        }
    }
}

impl BrowserEndpoint {
    fn pages(&self) -> &Pages {
        &self.authorizer.pages
    }

    fn asset(&self, visit: Visit<'_>) -> Response<Bytes> {
        let paths = self.pages().paths();
        let path = match self.place {
            Place::Logo => &paths.logo,
            Place::Submit => &paths.submit,
            _ => &paths.style,
        };
        let missing = || self.pages().over(choose(None, visit.headers));
        self.pages().asset(path).unwrap_or_else(missing)
    }

    /// A request that came as a form goes on as a query: the cookies of a session do not come
    /// with a form of another site.
    fn as_query(&self, head: &RequestHead, body: &[u8], visit: Visit<'_>) -> Response<Bytes> {
        let graphic = body.iter().all(|b| b.is_ascii_graphic() && *b != b'#');
        let text = str::from_utf8(body).ok().filter(|_| graphic);
        match (Parameters::of_body(head, body), text) {
            (Ok(_), Some(text)) => see_other(&format!("{}?{text}", self.pages().paths().authorize)),
            _ => {
                let words = choose(None, visit.headers);
                self.pages().error(words, "invalid_request")
            }
        }
    }

    async fn signed_in(&self, parts: &Parts, visit: Visit<'_>, posted: bool) -> Response<Bytes> {
        let words = choose(None, visit.headers);
        let session = match self.pages().signed_in(visit.headers, words).await {
            Ok(session) => session,
            Err(answer) => return answer,
        };
        match (self.place, session) {
            (Place::SignOut, None) => self.pages().signed_out(words),
            (_, None) => {
                let now = parts.clock.now();
                self.authorizer.plain_sign_in(visit, words, now, ("", None))
            }
            (Place::SignOut, Some(session)) if posted => {
                self.pages().sign_out(visit, &session, words).await
            }
            (Place::SignOut, Some(session)) => self.pages().sign_out_page(visit, &session, words),
            (Place::Account, Some(session)) => {
                self.account(parts, visit, (&session, words), posted).await
            }
            (_, Some(_)) => see_other(&self.pages().paths().account),
        }
    }

    async fn account(
        &self,
        parts: &Parts,
        visit: Visit<'_>,
        (session, words): (&SessionRecord, &'static Words),
        posted: bool,
    ) -> Response<Bytes> {
        if !posted {
            let apps = AppsOf(parts);
            return self.pages().account(visit, session, &apps, words).await;
        }
        match self.pages().change_account(visit, session, words).await {
            Done::Answer(answer) => answer,
            Done::Withdrawn { given, .. } => {
                for one in given {
                    if self.ends.end(&one.jti, one.expires_at).await.is_err() {
                        return self.pages().unavailable(words);
                    }
                }
                self.pages().back_to_account("withdrawn")
            }
        }
    }
}

struct AppsOf<'p>(&'p Parts);

impl Apps for AppsOf<'_> {
    fn name(&self, client_id: &str) -> Option<String> {
        let id = doorward_store::ClientId::parse(client_id).ok()?;
        let client = self.0.clients.lookup(&id)?;
        Some(client.record().name.clone())
    }

    fn words(&self, scopes: &ScopeSet, words: &Words) -> Vec<String> {
        let text = |scope| scope_words::in_words(&self.0.scopes, scope, words);
        scopes.iter().map(text).collect()
    }
}
