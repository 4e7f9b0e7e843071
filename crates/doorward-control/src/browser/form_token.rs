//! Proof that a form was made for this browser, and by us.

use doorward_core::Secret;
use doorward_core::clock::Timestamp;
use doorward_crypto::digest::ProcessKey;
use doorward_crypto::jose::b64;
use http::HeaderMap;
use http::header::ORIGIN;

use super::cookie::Ticket;

/// Makes and checks the tokens of forms.
pub struct FormTokens {
    key: ProcessKey,
    origin: String,
}

/// What a token vouches for beside the browser. Only the same comes back with a good token.
#[derive(Clone, Copy)]
pub struct Vouched<'t> {
    /// Which form.
    pub form: &'static str,
    /// What is hidden in it.
    pub content: &'t str,
    /// When it was made.
    pub at: Timestamp,
}

impl FormTokens {
    /// Tokens under a key, for pages of an origin.
    #[must_use]
    pub const fn new(key: ProcessKey, origin: String) -> Self {
        Self { key, origin }
    }

    /// The token of a form for a browser.
    #[must_use]
    pub fn make(&self, browser: &Ticket, vouched: Vouched<'_>) -> String {
        let text = format!(
            "{}\0{}\0{}\0{}",
            browser.expose(),
            vouched.form,
            vouched.at.millis(),
            vouched.content
        );
        b64::encode(self.key.digest("form", text.as_bytes()))
    }

    /// Whether a form comes from a page of ours in this browser.
    #[must_use]
    pub fn check(
        &self,
        headers: &HeaderMap,
        browser: Option<&Ticket>,
        (vouched, token): (Vouched<'_>, &str),
    ) -> bool {
        let Some(browser) = browser else {
            return false;
        };
        let expected = Secret::new(self.make(browser, vouched));
        self.comes_from_us(headers) && expected.matches(token.as_bytes())
    }

    /// Whether the browser says that a page of ours sent the form. Browsers that say nothing are
    /// held to the token alone.
    fn comes_from_us(&self, headers: &HeaderMap) -> bool {
        let site = headers.get("sec-fetch-site");
        let mut origins = headers.get_all(ORIGIN).iter();
        let ours = match (origins.next(), origins.next()) {
            (None, _) => true,
            (Some(origin), None) => origin.as_bytes() == self.origin.as_bytes(),
            (Some(_), Some(_)) => false,
        };
        ours && site.is_none_or(|site| site == "same-origin")
    }
}

#[cfg(test)]
mod tests {
    use doorward_core::Secret;
    use doorward_core::clock::Timestamp;
    use doorward_crypto::digest::ProcessKey;
    use http::{HeaderMap, HeaderName, HeaderValue};

    use super::{FormTokens, Vouched};
    use crate::browser::cookie::Ticket;

    const AT: Timestamp = Timestamp::from_secs(1000);

    fn tokens() -> FormTokens {
        let key = ProcessKey::derived(&Secret::new([7; 32]), "forms");
        FormTokens::new(key, "https://id.example".to_owned())
    }

    fn vouched(content: &str) -> Vouched<'_> {
        Vouched {
            form: "consent",
            content,
            at: AT,
        }
    }

    #[test]
    fn r082_a_token_is_good_for_one_browser_form_content_and_time() {
        let (ours, other) = ("a".repeat(43), "b".repeat(43));
        let [ours, other] = [ours, other].map(|text| Ticket::parse(&text).unwrap());
        let tokens = tokens();
        let token = tokens.make(&ours, vouched("x"));
        let check =
            |browser, vouched| tokens.check(&HeaderMap::new(), browser, (vouched, token.as_str()));
        assert!(check(Some(&ours), vouched("x")));
        assert!(!check(Some(&other), vouched("x")), "another browser");
        assert!(!check(None, vouched("x")), "no browser");
        assert!(!check(Some(&ours), vouched("y")), "another request");
        let form = "sign-in";
        assert!(!check(
            Some(&ours),
            Vouched {
                form,
                ..vouched("x")
            }
        ));
        let at = Timestamp::from_secs(1001);
        assert!(!check(Some(&ours), Vouched { at, ..vouched("x") }));
    }

    #[test]
    fn r082_a_form_of_another_origin_is_refused_with_a_good_token() {
        let browser = Ticket::parse(&"a".repeat(43)).unwrap();
        let tokens = tokens();
        let token = tokens.make(&browser, vouched("x"));
        for (name, value, good) in [
            ("origin", "https://id.example", true),
            ("origin", "https://id.example.evil", false),
            ("origin", "http://id.example", false),
            ("origin", "https://evil.example", false),
            ("origin", "null", false),
            ("sec-fetch-site", "same-origin", true),
            ("sec-fetch-site", "same-site", false),
            ("sec-fetch-site", "cross-site", false),
            ("sec-fetch-site", "none", false),
        ] {
            let name: HeaderName = name.parse().unwrap();
            let headers = HeaderMap::from_iter([(name, HeaderValue::from_static(value))]);
            let checked = tokens.check(&headers, Some(&browser), (vouched("x"), &token));
            assert_eq!(checked, good, "{value}");
        }
    }
}
