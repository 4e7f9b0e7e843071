//! Cookies (RFC 6265) that only this origin sets and reads.

use doorward_core::Entropy;
use doorward_crypto::digest::sha256;
use doorward_crypto::jose::b64;
use http::header::COOKIE;
use http::{HeaderMap, HeaderValue};

/// The cookie of a session.
pub const SESSION: &str = "__Host-doorward-session";
/// The cookie that forms are bound to before and after signing in.
pub const BROWSER: &str = "__Host-doorward-browser";

const BYTES: usize = 32;
/// 32 bytes in base64url.
const TEXT_LEN: usize = 43;

/// A random value that a browser holds. It is shown once, in a cookie or a page.
#[derive(Clone)]
pub struct Ticket(String);

impl Ticket {
    /// Draws a fresh one (256 bits).
    #[must_use]
    pub fn generate(entropy: &dyn Entropy) -> Self {
        let mut bytes = [0; BYTES];
        entropy.fill(&mut bytes);
        Self(b64::encode(bytes))
    }

    /// Takes what a browser sent; `None` for what no ticket looks like.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let legal = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_');
        (text.len() == TEXT_LEN && text.bytes().all(legal)).then(|| Self(text.to_owned()))
    }

    /// Finds a cookie. `None` when it is absent, malformed or there more than once.
    #[must_use]
    pub fn of_cookie(headers: &HeaderMap, name: &str) -> Option<Self> {
        let mut found = headers
            .get_all(COOKIE)
            .iter()
            .filter_map(|value| value.to_str().ok())
            .flat_map(|line| line.split(';'))
            .filter_map(|pair| pair.trim().split_once('='))
            .filter(|(key, _)| *key == name);
        let (_, text) = found.next()?;
        // SECURITY: of two, one was planted.
        if found.next().is_some() {
            return None;
        }
        Self::parse(text)
    }

    /// The digest under which the store knows it.
    #[must_use]
    pub fn digest(&self) -> [u8; 32] {
        sha256(self.0.as_bytes())
    }

    /// The text, for a cookie or a page.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// The header that sets it as a cookie until the browser ends.
    #[must_use]
    pub fn cookie(&self, name: &str) -> Option<HeaderValue> {
        header(name, &self.0, "")
    }
}

/// The header that removes a cookie.
#[must_use]
pub fn removed(name: &str) -> Option<HeaderValue> {
    header(name, "", "; Max-Age=0")
}

fn header(name: &str, value: &str, more: &str) -> Option<HeaderValue> {
    let text = format!("{name}={value}; Path=/; Secure; HttpOnly; SameSite=Lax{more}");
    let mut header = HeaderValue::try_from(text).ok()?;
    header.set_sensitive(true);
    Some(header)
}

#[cfg(test)]
mod tests {
    use http::header::COOKIE;
    use http::{HeaderMap, HeaderValue};

    use super::{BROWSER, SESSION, Ticket};

    fn sent(lines: &[&str]) -> HeaderMap {
        let lines = lines
            .iter()
            .map(|line| HeaderValue::from_str(line).unwrap());
        lines.map(|line| (COOKIE, line)).collect()
    }

    #[test]
    fn r080_a_cookie_that_is_there_twice_is_not_believed() {
        let (one, two) = ("a".repeat(43), "b".repeat(43));
        let found = |lines: &[&str]| {
            Ticket::of_cookie(&sent(lines), SESSION).map(|ticket| ticket.expose().to_owned())
        };
        assert_eq!(
            found(&[&format!("x=1; {SESSION}={one}")]),
            Some(one.clone())
        );
        assert_eq!(found(&[&format!("{SESSION}={one}; {SESSION}={two}")]), None);
        let lines = [format!("{SESSION}={one}"), format!("{SESSION}={one}")];
        assert_eq!(found(&[&lines[0], &lines[1]]), None);
        assert_eq!(found(&[&format!("{BROWSER}={one}")]), None);
        assert_eq!(found(&[&format!("{SESSION}={one}x")]), None);
        assert_eq!(found(&[&format!("{SESSION}=\"{one}\"")]), None);
        assert_eq!(found(&[]), None);
    }

    #[test]
    fn r080_cookies_are_bound_to_the_host() {
        let ticket = Ticket::parse(&"a".repeat(43)).unwrap();
        let header = ticket.cookie(SESSION).unwrap();
        let text = header.to_str().unwrap();
        for part in [
            "__Host-",
            "; Path=/;",
            "; Secure",
            "; HttpOnly",
            "; SameSite=Lax",
        ] {
            assert!(text.contains(part), "{text}");
        }
        assert!(!text.contains("Domain"), "{text}");
        assert!(header.is_sensitive());
    }
}
