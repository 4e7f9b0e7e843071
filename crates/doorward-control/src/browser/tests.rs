//! What the pages promise, without a browser.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use doorward_core::clock::Timestamp;
use doorward_core::net::ClientAddress;
use doorward_core::scope::ScopeSet;
use doorward_core::{Clock, Entropy, Secret};
use doorward_crypto::digest::ProcessKey;
use doorward_store::{ConsentRecord, Consents, MemoryStore, UserName, UserRecord, Users};
use http::header::{
    CONTENT_SECURITY_POLICY, CONTENT_TYPE, COOKIE, LOCATION, SET_COOKIE, USER_AGENT,
};
use http::{HeaderMap, HeaderValue, Response, StatusCode};
use parking_lot::Mutex;

use super::account::{Apps, Done};
use super::brand::{Brand, Colour};
use super::cookie::{BROWSER, SESSION};
use super::pages::{Pages, PagesParts};
use super::session::SessionTimes;
use super::sign_in::{PasswordAnswer, Passwords, Problem, SignedIn, Waiting};
use super::visit::Visit;
use super::words::{Words, choose};

struct At(Mutex<Timestamp>);

impl Clock for At {
    fn now(&self) -> Timestamp {
        *self.0.lock()
    }

    fn monotonic_micros(&self) -> u64 {
        0
    }
}

struct Counting(Mutex<u8>);

impl Entropy for Counting {
    fn fill(&self, into: &mut [u8]) {
        let mut next = self.0.lock();
        *next = next.wrapping_add(1);
        into.fill(*next);
    }
}

struct OnlySecret;

#[async_trait]
impl Passwords for OnlySecret {
    async fn check(
        &self,
        _name: &str,
        password: &Secret<String>,
        _client: ClientAddress,
    ) -> PasswordAnswer {
        match password.expose().as_str() {
            "secret" => PasswordAnswer::Right,
            "later" => PasswordAnswer::Later(Duration::from_secs(7)),
            _ => PasswordAnswer::Wrong,
        }
    }
}

impl Apps for OnlySecret {
    fn name(&self, client_id: &str) -> Option<String> {
        Some(format!("<b>{client_id}</b>"))
    }

    fn words(&self, scopes: &ScopeSet, _words: &Words) -> Vec<String> {
        scopes.iter().map(ToString::to_string).collect()
    }
}

struct World {
    pages: Pages,
    store: MemoryStore,
    clock: Arc<At>,
}

fn alice() -> UserName {
    UserName::parse("alice").unwrap()
}

async fn world() -> World {
    let store = MemoryStore::new();
    let user = UserRecord {
        name: alice(),
        password_hash: Secret::new("x".to_owned()),
        scopes: ScopeSet::EMPTY,
        roles: Vec::new(),
        disabled_at: None,
        created_at: Timestamp::from_secs(0),
        password_changed_at: Timestamp::from_secs(0),
    };
    Users::create(&store, user).await.unwrap();
    let clock = Arc::new(At(Mutex::new(Timestamp::from_secs(1000))));
    let pages = Pages::new(PagesParts {
        store: Arc::new(store.clone()),
        clock: Arc::<At>::clone(&clock),
        entropy: Arc::new(Counting(Mutex::new(0))),
        passwords: Arc::new(OnlySecret),
        form_key: ProcessKey::derived(&Secret::new([1; 32]), "forms"),
        origin: "https://id.example".to_owned(),
        base: String::new(),
        brand: Brand {
            name: "<script>alert(1)</script>".to_owned(),
            host: "id.example".to_owned(),
            colour: Colour::DEFAULT,
            logo: None,
        },
        times: SessionTimes {
            idle: Duration::from_secs(600),
            absolute: Duration::from_secs(3600),
        },
    });
    World {
        pages,
        store,
        clock,
    }
}

/// A browser that keeps its cookies.
#[derive(Default)]
struct Browser {
    cookies: Vec<(String, String)>,
    query: String,
    body: String,
}

impl Browser {
    fn headers(&self) -> HeaderMap {
        let pairs: Vec<_> = self
            .cookies
            .iter()
            .map(|(k, v)| format!("{k}={v}"))
            .collect();
        let mut headers = HeaderMap::new();
        headers.insert(COOKIE, HeaderValue::from_str(&pairs.join("; ")).unwrap());
        headers.insert(USER_AGENT, HeaderValue::from_static("Firefox/1 (Linux)"));
        let form = HeaderValue::from_static("application/x-www-form-urlencoded");
        headers.insert(CONTENT_TYPE, form);
        headers
    }

    fn visit<'v>(&'v self, headers: &'v HeaderMap) -> Visit<'v> {
        Visit {
            headers,
            query: &self.query,
            body: self.body.as_bytes(),
            client: ClientAddress::new([127, 0, 0, 1].into()),
        }
    }

    fn keep(&mut self, response: &Response<Bytes>) {
        for line in response.headers().get_all(SET_COOKIE) {
            let line = line.to_str().unwrap();
            let (pair, rest) = line.split_once(';').unwrap();
            let (name, value) = pair.split_once('=').unwrap();
            self.cookies.retain(|(known, _)| known != name);
            if !rest.contains("Max-Age=0") {
                self.cookies.push((name.to_owned(), value.to_owned()));
            }
        }
    }

    fn cookie(&self, name: &str) -> Option<&str> {
        let found = self.cookies.iter().find(|(known, _)| known == name);
        found.map(|(_, value)| value.as_str())
    }
}

fn text(response: &Response<Bytes>) -> &str {
    str::from_utf8(response.body()).unwrap()
}

/// The value of a hidden field.
fn hidden(response: &Response<Bytes>, name: &str) -> String {
    let mark = format!("name=\"{name}\" value=\"");
    let (_, rest) = text(response).split_once(&mark).unwrap();
    rest.split('"').next().unwrap().to_owned()
}

fn english() -> &'static Words {
    choose(Some("en"), &HeaderMap::new())
}

fn waiting(world: &World, request: &'static str) -> Waiting<'static> {
    Waiting {
        request,
        asked_at: world.clock.now(),
        client: Some("<i>Shop</i>"),
        login_hint: "\"><script>",
        leads_to: Some("https://shop.example"),
        words: english(),
    }
}

/// Signs in; the browser keeps what it is given.
async fn sign_in(world: &World, browser: &mut Browser, password: &str) -> SignedIn {
    let headers = browser.headers();
    let page = world
        .pages
        .sign_in_page(browser.visit(&headers), waiting(world, "a=b"), None);
    browser.keep(&page);
    browser.body = format!(
        "form={}&asked_at={}&request=a%3Db&username=alice&password={password}",
        hidden(&page, "form"),
        hidden(&page, "asked_at"),
    );
    let headers = browser.headers();
    let answer = world
        .pages
        .sign_in(browser.visit(&headers), english())
        .await;
    if let SignedIn::Yes { ticket, .. } = &answer {
        let mut response = Response::new(Bytes::new());
        world.pages.keep(&mut response, ticket);
        browser.keep(&response);
    }
    answer
}

async fn is_in(world: &World, browser: &Browser) -> bool {
    let found = world.pages.signed_in(&browser.headers(), english()).await;
    found.unwrap().is_some()
}

#[tokio::test]
async fn i26_nothing_that_somebody_named_becomes_markup() {
    let world = world().await;
    let browser = Browser::default();
    let headers = browser.headers();
    let page = world
        .pages
        .sign_in_page(browser.visit(&headers), waiting(&world, "\"><img>"), None);
    let html = text(&page);
    for raw in ["<script>", "<i>", "<img>"] {
        assert!(!html.contains(raw), "{raw} in {html}");
    }
    assert!(
        html.contains("&#60;i&#62;Shop") || html.contains("&lt;i&gt;Shop"),
        "{html}"
    );
    let policy = page.headers()[CONTENT_SECURITY_POLICY].to_str().unwrap();
    assert!(policy.starts_with("default-src 'none'"), "{policy}");
    assert!(policy.contains("frame-ancestors 'none'"), "{policy}");
    assert!(
        policy.ends_with("form-action 'self' https://shop.example"),
        "{policy}"
    );
    assert!(
        !policy.contains("unsafe") && !policy.contains("script-src"),
        "{policy}"
    );
    for inline in ["style=\"", " onclick", "<style", "javascript:"] {
        assert!(!html.contains(inline), "{inline}");
    }
}

#[tokio::test]
async fn r080_signing_in_makes_a_new_session_and_ends_the_old_one() {
    let world = world().await;
    let mut browser = Browser::default();
    assert!(matches!(
        sign_in(&world, &mut browser, "secret").await,
        SignedIn::Yes { .. }
    ));
    assert!(is_in(&world, &browser).await);
    let old = Browser {
        cookies: browser.cookies.clone(),
        ..Browser::default()
    };
    assert_eq!(
        browser.cookie(BROWSER),
        None,
        "forms of before are good no more"
    );
    assert!(matches!(
        sign_in(&world, &mut browser, "secret").await,
        SignedIn::Yes { .. }
    ));
    assert_ne!(browser.cookie(SESSION), old.cookie(SESSION));
    assert!(is_in(&world, &browser).await);
    assert!(!is_in(&world, &old).await);
}

#[tokio::test]
async fn i19_a_form_from_another_browser_signs_nobody_in() {
    let world = world().await;
    let mut attacker = Browser::default();
    let answer = sign_in(&world, &mut attacker, "wrong").await;
    assert!(matches!(
        answer,
        SignedIn::Again {
            problem: Problem::Wrong,
            ..
        }
    ));
    let body = attacker.body.replace("wrong", "secret");
    let planted = Browser {
        cookies: Vec::new(),
        query: String::new(),
        body: body.clone(),
    };
    let other = Browser {
        cookies: vec![(BROWSER.to_owned(), "z".repeat(43))],
        query: String::new(),
        body: body.clone(),
    };
    for victim in [planted, other] {
        let headers = victim.headers();
        let answer = world.pages.sign_in(victim.visit(&headers), english()).await;
        let SignedIn::No(response) = answer else {
            panic!("login CSRF");
        };
        assert_eq!(response.status(), StatusCode::FORBIDDEN);
        assert_eq!(response.headers().get(SET_COOKIE), None);
    }
    // The same form is good in its own browser, and not with another request in it.
    attacker.body = body.replace("request=a%3Db", "request=client_id%3Devil");
    let headers = attacker.headers();
    let answer = world
        .pages
        .sign_in(attacker.visit(&headers), english())
        .await;
    assert!(matches!(answer, SignedIn::No(_)));
    attacker.body = body;
    let answer = world
        .pages
        .sign_in(attacker.visit(&headers), english())
        .await;
    assert!(matches!(answer, SignedIn::Yes { .. }));
}

#[tokio::test]
async fn r078_too_many_attempts_are_told_to_wait() {
    let world = world().await;
    let mut browser = Browser::default();
    let answer = sign_in(&world, &mut browser, "later").await;
    let SignedIn::Again { problem, .. } = answer else {
        panic!("nothing was checked");
    };
    let headers = browser.headers();
    let visit = browser.visit(&headers);
    let page = world
        .pages
        .sign_in_page(visit, waiting(&world, "a=b"), Some(problem));
    assert_eq!(page.status(), StatusCode::TOO_MANY_REQUESTS);
    assert_eq!(page.headers()["retry-after"], "7");
}

#[tokio::test]
async fn r081_sessions_end_by_time_and_with_their_user() {
    let world = world().await;
    for what in ["idle", "disabled", "password", "removed", "out"] {
        let mut browser = Browser::default();
        sign_in(&world, &mut browser, "secret").await;
        assert!(is_in(&world, &browser).await, "{what}");
        let now = world.clock.now();
        *world.clock.0.lock() = now.plus(Duration::from_secs(1));
        match what {
            "idle" => *world.clock.0.lock() = now.plus(Duration::from_secs(601)),
            "disabled" => {
                Users::disable(&world.store, &alice(), now).await.unwrap();
            }
            "password" => {
                let hash = Secret::new("y".to_owned());
                let at = now.plus(Duration::from_secs(1));
                Users::set_password(&world.store, &alice(), hash, at)
                    .await
                    .unwrap();
            }
            "removed" => {
                let user = Users::lookup(&world.store, &alice())
                    .await
                    .unwrap()
                    .unwrap();
                Users::remove(&world.store, &alice()).await.unwrap();
                assert!(!is_in(&world, &browser).await, "{what}");
                Users::create(&world.store, user).await.unwrap();
                continue;
            }
            _ => {
                let headers = browser.headers();
                let session = world.pages.signed_in(&headers, english()).await;
                let session = session.unwrap().unwrap();
                let visit = browser.visit(&headers);
                let page = world.pages.account(visit, &session, &OnlySecret, english());
                let token = hidden(&page.await, "form");
                browser.body = format!("form={token}&scope=here");
                let headers = browser.headers();
                let session = world
                    .pages
                    .signed_in(&headers, english())
                    .await
                    .unwrap()
                    .unwrap();
                let answer = world
                    .pages
                    .sign_out(browser.visit(&headers), &session, english());
                assert_eq!(answer.await.status(), StatusCode::OK);
            }
        }
        assert!(!is_in(&world, &browser).await, "{what}");
        Users::enable(&world.store, &alice()).await.unwrap();
    }
}

#[tokio::test]
async fn r086_an_app_is_shut_out_from_the_account_page_by_its_own_form_only() {
    let world = world().await;
    let consent = ConsentRecord {
        user: alice(),
        client_id: "shop".to_owned(),
        resource: String::new(),
        scopes: ScopeSet::parse("orders:read").unwrap(),
        granted_at: Timestamp::from_secs(900),
        expires_at: Timestamp::from_secs(90_000),
    };
    Consents::remember(&world.store, consent).await.unwrap();
    let mut browser = Browser::default();
    sign_in(&world, &mut browser, "secret").await;
    let headers = browser.headers();
    let session = world
        .pages
        .signed_in(&headers, english())
        .await
        .unwrap()
        .unwrap();
    let page = world
        .pages
        .account(browser.visit(&headers), &session, &OnlySecret, english());
    let page = page.await;
    assert!(text(&page).contains("orders:read") && !text(&page).contains("<b>"));
    let token = hidden(&page, "form");
    for (form, answer) in [("x".repeat(43), 403), (String::new(), 403)] {
        browser.body = format!("form={form}&action=withdraw&client=shop");
        let done = world
            .pages
            .change_account(browser.visit(&headers), &session, english());
        let Done::Answer(response) = done.await else {
            panic!("CSRF");
        };
        assert_eq!(response.status().as_u16(), answer);
    }
    let now = world.clock.now();
    let left = Consents::list(&world.store, &alice(), now).await.unwrap();
    assert_eq!(left.len(), 1);
    browser.body = format!("form={token}&action=withdraw&client=shop");
    let done = world
        .pages
        .change_account(browser.visit(&headers), &session, english());
    assert!(matches!(done.await, Done::Withdrawn { .. }));
    let left = Consents::list(&world.store, &alice(), now).await.unwrap();
    assert!(left.is_empty());
    let back = world.pages.back_to_account("withdrawn");
    assert_eq!(back.status(), StatusCode::SEE_OTHER);
    assert_eq!(back.headers()[LOCATION], "/oauth2/account?done=withdrawn");
}

#[test]
fn every_field_has_a_label_and_every_page_a_language() {
    for page in ["sign_in", "consent"] {
        let path = format!("{}/templates/{page}.html", env!("CARGO_MANIFEST_DIR"));
        let html = std::fs::read_to_string(path).unwrap();
        for input in html.split("<input ").skip(1) {
            let tag = input.split('>').next().unwrap();
            if tag.contains("type=\"hidden\"") {
                continue;
            }
            let id = tag
                .split("id=\"")
                .nth(1)
                .unwrap()
                .split('"')
                .next()
                .unwrap();
            assert!(html.contains(&format!("for=\"{id}\"")), "{page}: {tag}");
        }
    }
}
