//! People sign in, allow an app to act for them, and the gate enforces what they allowed.

mod attacks;
mod browser;
mod chromium;
mod code;
mod pages;
mod requests;

use serde_json::Value;

use crate::curl::Answer;
use crate::door::{Door, Home, text};
use crate::peer::Recorder;
use browser::Browser;

const ROUTES: &str = r#"
[sign_in]
name = "Example Bank"
[scope."orders:read"]
name = "See your orders"
[scope."orders:write"]
name = "Change your orders"
implies = ["orders:read"]
[roles]
clerk = ["orders:write"]
[[route]]
path = "/{*path}"
methods = ["GET"]
scopes = ["orders:read"]
[[route]]
path = "/{*path}"
methods = ["DELETE"]
scopes = ["orders:write"]
"#;

pub(crate) const PASSWORD: &str = "correct horse battery";
pub(crate) const CALLBACK: &str = "https://shop.example/callback?from=door";
/// The pair of RFC 7636 appendix B.
pub(crate) const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";
pub(crate) const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
pub(crate) const ISSUER: &str = "https://door.example";

/// A door with a user, a confidential and a public client.
pub(crate) struct World {
    _upstream: Recorder,
    pub(crate) secret: String,
    pub(crate) door: Door,
}

pub(crate) fn world() -> World {
    let upstream = Recorder::start();
    let home = Home::before(upstream.port, ROUTES);
    home.user("alice", PASSWORD, "orders:read orders:write");
    home.user("bob", PASSWORD, "orders:read");
    let scope = "openid orders:read orders:write";
    let shop = [
        "client",
        "add",
        "shop",
        "--redirect-uri",
        CALLBACK,
        "--scope",
        scope,
    ];
    let made = home.json(&shop);
    let app = ["client", "add", "app", "--public", "--scope", scope];
    home.json(&[&app[..], &["--redirect-uri", "http://127.0.0.1/cb"]].concat());
    World {
        _upstream: upstream,
        secret: text(&made, "client_secret"),
        door: home.serve(),
    }
}

/// The parameters of a good request of the shop, as a query.
pub(crate) fn request(more: &str) -> String {
    format!(
        "response_type=code&client_id=shop&redirect_uri={}&scope=openid%20orders:read%20orders:write\
         &state=s%26t&nonce=n1&code_challenge={CHALLENGE}&code_challenge_method=S256{more}",
        encoded(CALLBACK)
    )
}

pub(crate) fn encoded(text: &str) -> String {
    let legal = |b: u8| b.is_ascii_alphanumeric() || b"-._~".contains(&b);
    let one = |b: u8| {
        if legal(b) {
            char::from(b).to_string()
        } else {
            format!("%{b:02X}")
        }
    };
    text.bytes().map(one).collect()
}

/// A parameter of the address that an answer sends the browser to.
pub(crate) fn parameter(location: &str, name: &str) -> Option<String> {
    let query = location.split_once('?')?.1;
    let pairs = query.split('&').filter_map(|pair| pair.split_once('='));
    let found = pairs
        .filter(|(key, _)| *key == name)
        .map(|(_, value)| value.to_owned());
    let all: Vec<_> = found.collect();
    assert!(all.len() <= 1, "{name} twice in {location}");
    all.into_iter().next()
}

impl World {
    /// Signs in and allows everything; where the browser is sent.
    pub(crate) fn allowed(&self, browser: &mut Browser, request: &str) -> String {
        let page = browser.get(&self.door, &format!("/oauth2/authorize?{request}"));
        let page = browser.sign_in(&self.door, &page, "alice", PASSWORD);
        let page = browser.follow(&self.door, &page);
        let answer = browser.allow(&self.door, &page, &[]);
        assert_eq!(answer.status, 303, "{answer:?}");
        answer.one("location").to_owned()
    }

    /// A code for the shop.
    pub(crate) fn code(&self, browser: &mut Browser) -> String {
        let location = self.allowed(browser, &request(""));
        parameter(&location, "code").unwrap_or_else(|| panic!("no code in {location}"))
    }

    /// Redeems a code as the shop.
    pub(crate) fn redeem(&self, code: &str, more: &str) -> Answer {
        let form = format!(
            "grant_type=authorization_code&code={code}&redirect_uri={}&code_verifier={VERIFIER}{more}",
            encoded(CALLBACK)
        );
        let pair = format!("shop:{}", self.secret);
        self.door
            .curl("/oauth2/token", &["-u", &pair, "--data", &form])
    }
}

/// The claims of a token, not verified.
pub(crate) fn claims(token: &str) -> Value {
    let part = token.split('.').nth(1).unwrap();
    let bytes = doorward_crypto::jose::b64::decode(part).unwrap();
    serde_json::from_slice(&bytes).unwrap()
}
