//! The texts of the pages, one catalogue for each language.

use http::HeaderMap;
use http::header::ACCEPT_LANGUAGE;

mod de;
mod en;

/// The texts in one language. A text that is missing does not compile.
pub struct Words {
    /// The language's tag (RFC 5646).
    pub lang: &'static str,
    /// Heading and button.
    pub sign_in: &'static str,
    /// Before the name of an app.
    pub sign_in_for: &'static str,
    /// A label.
    pub user_name: &'static str,
    /// A label.
    pub password: &'static str,
    /// Name or password are not right.
    pub wrong: &'static str,
    /// Too many attempts.
    pub later: &'static str,
    /// The form is too old, or of another browser.
    pub stale: &'static str,
    /// What the title of a page with a problem starts with.
    pub error_prefix: &'static str,
    /// Before the name of an app that asks.
    pub consent_before: &'static str,
    /// After it.
    pub consent_after: &'static str,
    /// A title.
    pub consent_title: &'static str,
    /// Above the list of scopes.
    pub consent_asks: &'static str,
    /// Before the resources.
    pub consent_resources: &'static str,
    /// Before the host that the app is on.
    pub consent_returns: &'static str,
    /// What else to know.
    pub consent_hint: &'static str,
    /// The app is on this machine.
    pub consent_local: &'static str,
    /// A button.
    pub allow: &'static str,
    /// A button.
    pub deny: &'static str,
    /// Before the user's name.
    pub signed_in_as: &'static str,
    /// A heading.
    pub account: &'static str,
    /// A heading.
    pub apps: &'static str,
    /// There are none.
    pub no_apps: &'static str,
    /// Before a date.
    pub since: &'static str,
    /// A button.
    pub withdraw: &'static str,
    /// It is done.
    pub withdrawn: &'static str,
    /// A heading.
    pub sessions: &'static str,
    /// A mark.
    pub this_browser: &'static str,
    /// Before a date.
    pub last_used: &'static str,
    /// A button.
    pub end_session: &'static str,
    /// It is done.
    pub ended: &'static str,
    /// A browser that does not say what it is.
    pub some_browser: &'static str,
    /// A button.
    pub sign_out: &'static str,
    /// A button.
    pub sign_out_everywhere: &'static str,
    /// A heading.
    pub sign_out_question: &'static str,
    /// A heading.
    pub signed_out: &'static str,
    /// What it means.
    pub signed_out_text: &'static str,
    /// A heading.
    pub error: &'static str,
    /// What to do about it.
    pub error_text: &'static str,
    /// The request waits no more.
    pub over_text: &'static str,
    /// It is our fault.
    pub unavailable_text: &'static str,
    /// Before an error's code.
    pub code: &'static str,
    /// A heading.
    pub going_back: &'static str,
    /// A button.
    pub continue_: &'static str,
    /// Before the host of the page.
    pub footer: &'static str,
    /// `openid` in words.
    pub scope_openid: &'static str,
    /// `profile` in words.
    pub scope_profile: &'static str,
    /// `email` in words.
    pub scope_email: &'static str,
    /// `offline_access` in words.
    pub scope_offline: &'static str,
    /// Before the name of a scope that nobody described.
    pub scope_other: &'static str,
}

static ALL: [&Words; 2] = [&en::WORDS, &de::WORDS];

/// The catalogue for a request: the first language of `ui_locales` that there is, else the best
/// of `Accept-Language` (RFC 9110 section 12.5.4), else English.
#[must_use]
pub fn choose(ui_locales: Option<&str>, headers: &HeaderMap) -> &'static Words {
    let asked = ui_locales.unwrap_or_default().split(' ').find_map(named);
    let accepted = || {
        let line = headers.get(ACCEPT_LANGUAGE)?.to_str().ok()?;
        accepted(line)
    };
    asked.or_else(accepted).unwrap_or(&en::WORDS)
}

fn named(tag: &str) -> Option<&'static Words> {
    let primary = tag.split('-').next().unwrap_or_default();
    ALL.into_iter()
        .find(|words| words.lang.eq_ignore_ascii_case(primary))
}

fn accepted(line: &str) -> Option<&'static Words> {
    let mut best: Option<(u16, &'static Words)> = None;
    // A browser sends few; a caller may send many.
    for range in line.split(',').take(32) {
        let mut parts = range.split(';');
        let Some(words) = named(parts.next().unwrap_or_default().trim()) else {
            continue;
        };
        let weight = parts.find_map(|part| part.trim().strip_prefix("q="));
        let weight = weight.map_or(1000, thousandths);
        if weight > 0 && best.is_none_or(|(known, _)| weight > known) {
            best = Some((weight, words));
        }
    }
    best.map(|(_, words)| words)
}

/// A weight in thousandths; what is no weight counts as none.
fn thousandths(text: &str) -> u16 {
    let (whole, part) = text.split_once('.').unwrap_or((text, ""));
    let digits: String = part.chars().chain("000".chars()).take(3).collect();
    match (whole, digits.parse::<u16>()) {
        ("1", Ok(0)) => 1000,
        ("0", Ok(part)) => part,
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use http::header::ACCEPT_LANGUAGE;
    use http::{HeaderMap, HeaderValue};

    use super::choose;

    #[test]
    fn the_language_is_what_the_reader_asked_for() {
        for (locales, accept, lang) in [
            (None, "", "en"),
            (None, "de", "de"),
            (None, "de-AT,de;q=0.9,en;q=0.8", "de"),
            (None, "fr, en;q=0.7, de;q=0.8", "de"),
            (None, "de;q=0, fr", "en"),
            (None, "de;q=zzz, en;q=0.1", "en"),
            (Some("fr de"), "en", "de"),
            (Some("de-DE"), "en", "de"),
            (Some("xx"), "de", "de"),
        ] {
            let headers =
                HeaderMap::from_iter([(ACCEPT_LANGUAGE, HeaderValue::from_str(accept).unwrap())]);
            assert_eq!(choose(locales, &headers).lang, lang, "{locales:?} {accept}");
        }
    }
}
