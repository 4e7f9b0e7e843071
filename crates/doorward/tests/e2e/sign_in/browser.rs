//! A browser without a window: it keeps cookies, reads hidden fields and sends forms.

use crate::curl::Answer;
use crate::door::Door;

use super::{ISSUER, encoded};

#[derive(Clone, Default)]
pub(crate) struct Browser {
    pub(crate) cookies: Vec<(String, String)>,
    pub(crate) language: Option<&'static str>,
}

impl Browser {
    pub(crate) fn get(&mut self, door: &Door, path: &str) -> Answer {
        self.send(door, path, &[])
    }

    /// Sends a form from a page of ours.
    pub(crate) fn post(&mut self, door: &Door, path: &str, form: &str) -> Answer {
        let origin = format!("Origin: {ISSUER}");
        self.send(door, path, &["--data", form, "-H", &origin])
    }

    pub(crate) fn send(&mut self, door: &Door, path: &str, args: &[&str]) -> Answer {
        let pairs: Vec<_> = self
            .cookies
            .iter()
            .map(|(k, v)| format!("{k}={v}"))
            .collect();
        let cookie = format!("Cookie: {}", pairs.join("; "));
        let language = format!("Accept-Language: {}", self.language.unwrap_or("en"));
        let mut all = vec!["-H", language.as_str()];
        if !pairs.is_empty() {
            all.extend(["-H", cookie.as_str()]);
        }
        all.extend(args);
        let answer = door.curl(path, &all);
        self.keep(&answer);
        answer
    }

    fn keep(&mut self, answer: &Answer) {
        for line in answer.all("set-cookie") {
            let (pair, rest) = line.split_once(';').unwrap();
            let (name, value) = pair.split_once('=').unwrap();
            for part in ["Path=/", "Secure", "HttpOnly", "SameSite=Lax"] {
                assert!(rest.contains(part), "r080 {part} in {line}");
            }
            assert!(
                name.starts_with("__Host-") && !rest.contains("Domain"),
                "r080 {line}"
            );
            self.cookies.retain(|(known, _)| known != name);
            if !rest.contains("Max-Age=0") {
                self.cookies.push((name.to_owned(), value.to_owned()));
            }
        }
    }

    pub(crate) fn cookie(&self, name: &str) -> Option<&str> {
        let found = self.cookies.iter().find(|(known, _)| known.ends_with(name));
        found.map(|(_, value)| value.as_str())
    }

    /// Fills in the form of a sign-in page.
    pub(crate) fn sign_in(
        &mut self,
        door: &Door,
        page: &Answer,
        user: &str,
        password: &str,
    ) -> Answer {
        assert_eq!(page.status, 200, "{page:?}");
        let form = format!(
            "{}&username={}&password={}",
            hidden(page, &["form", "asked_at", "request"]),
            encoded(user),
            encoded(password)
        );
        self.post(door, "/oauth2/sign-in", &form)
    }

    /// Goes where an answer sends the browser, which is a page of ours.
    pub(crate) fn follow(&mut self, door: &Door, answer: &Answer) -> Answer {
        assert_eq!(answer.status, 303, "r046 {answer:?}");
        let location = answer.one("location").to_owned();
        assert!(location.starts_with('/'), "{location}");
        self.get(door, &location)
    }

    /// Presses "Allow" on a consent page, with these scopes; with all where none are given.
    pub(crate) fn allow(&mut self, door: &Door, page: &Answer, scopes: &[&str]) -> Answer {
        self.decide(door, page, scopes, "allow")
    }

    pub(crate) fn decide(
        &mut self,
        door: &Door,
        page: &Answer,
        scopes: &[&str],
        decision: &str,
    ) -> Answer {
        let html = page.text();
        let all: Vec<&str> = html
            .split("name=\"scope\" value=\"")
            .skip(1)
            .map(|rest| rest.split('"').next().unwrap())
            .collect();
        assert!(!all.is_empty(), "no consent page: {page:?}");
        let chosen = if scopes.is_empty() {
            all
        } else {
            scopes.to_vec()
        };
        let mut form = hidden(page, &["form", "id"]);
        for scope in chosen {
            form.push_str(&format!("&scope={}", encoded(scope)));
        }
        self.post(
            door,
            "/oauth2/consent",
            &format!("{form}&decision={decision}"),
        )
    }
}

/// Hidden fields of a page, as a form.
pub(crate) fn hidden(page: &Answer, names: &[&str]) -> String {
    let fields = names
        .iter()
        .map(|name| format!("{name}={}", encoded(&field(page, name))));
    fields.collect::<Vec<_>>().join("&")
}

/// A hidden field of a page.
pub(crate) fn field(page: &Answer, name: &str) -> String {
    let html = page.text();
    let mark = format!("name=\"{name}\" value=\"");
    let (_, rest) = html
        .split_once(&mark)
        .unwrap_or_else(|| panic!("no field {name} in {html}"));
    let raw = rest.split('"').next().unwrap();
    raw.replace("&#38;", "&")
        .replace("&amp;", "&")
        .replace("&#39;", "'")
}
