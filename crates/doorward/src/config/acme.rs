//! `[acme]`: the authority that certificates come from (RFC 8555).

use std::sync::Arc;
use std::time::Duration;

use doorward_core::net::Cidrs;

use super::diagnostic::Diagnostic;
use super::document::Origin;
use super::listener::{Listener, Tls};
use super::section::Section;
use crate::outbound::check_url;

/// The most names: each has a certificate and a task of its own.
const MAX_DOMAINS: usize = 100;
/// How long it is waited after the first failure, when nothing is said.
const RETRY: Duration = Duration::from_secs(300);
/// The shortest and the longest such wait.
const RETRIES: std::ops::RangeInclusive<Duration> =
    Duration::from_millis(100)..=Duration::from_secs(86_400);

/// The authority, and what is asked of it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct AcmeSettings {
    /// The https address of the authority's directory.
    pub directory: String,
    /// Whom the authority may write to, as `mailto:` addresses.
    pub contact: Vec<String>,
    /// The names that get a certificate each, in lower case. Never empty.
    pub domains: Vec<Arc<str>>,
    /// How long it is waited after the first failure; twice as long after each further one.
    pub retry: Duration,
}

/// Reads the section where there is one, and whether listeners and section belong together.
pub(super) fn read(
    root: &mut Section<'_>,
    listeners: &[Listener],
    allow: &Cidrs,
) -> Option<AcmeSettings> {
    let users = || {
        listeners
            .iter()
            .filter(|listener| listener.tls == Tls::Acme)
    };
    if !root.has("acme") {
        // The key is known, so that nothing near it is guessed.
        let _absent = root.take("acme");
        if let Some(user) = users().next() {
            root.error(
                user.tls_origin,
                format!("listener.{}: tls = \"acme\" without [acme]", user.name),
                "Add [acme] with `directory`, `domains` and `terms_accepted`; see docs/acme.md.",
            );
        }
        return None;
    }
    let settings = super::child(root, "acme", |section| {
        if users().next().is_none() {
            section.error(
                section.origin(),
                "no listener uses it",
                "Write tls = \"acme\" in a [listener.NAME], or remove [acme].",
            );
        }
        read_section(section, allow)
    });
    let all_on_loopback = users().all(|user| user.address.ip().is_loopback());
    if let Some(user) = users().next().filter(|_| all_on_loopback) {
        root.diagnostics().push(Diagnostic::warning(
            user.origin,
            format!("listener.{}: the authority cannot reach a loopback address", user.name),
            "Write an address that port 443 of your names leads to, or forward port 443 to this one.",
        ));
    }
    settings
}

fn read_section(section: &mut Section<'_>, allow: &Cidrs) -> Option<AcmeSettings> {
    let directory = read_directory(section, allow);
    let terms_at = section.origin_of("terms_accepted");
    if !section.boolean("terms_accepted", false) {
        section.missing(
            &["terms_accepted"],
            terms_at,
            "the authority's terms of service are not accepted",
            "Read them; its directory names them. Then write `terms_accepted = true`.",
        );
    }
    let contact = read_contact(section);
    let domains = read_domains(section);
    let retry_at = section.origin_of("retry");
    let retry = section.duration("retry", RETRY);
    if !RETRIES.contains(&retry) {
        let fix = "Write a time from 100ms to 24h; authorities count failures by the hour.";
        section.error(retry_at, "`retry` is out of bounds", fix);
    }
    Some(AcmeSettings {
        directory: directory?,
        contact,
        domains,
        retry,
    })
}

fn read_directory(section: &mut Section<'_>, allow: &Cidrs) -> Option<String> {
    let origin = section.origin_of("directory");
    let example = "\"https://acme-v02.api.letsencrypt.org/directory\"";
    let directory = section.required_text("directory", example)?;
    let problem = if directory.starts_with("https://") {
        check_url(&directory, allow)
            .err()
            .map(|error| error.to_string())
    } else {
        Some("an authority is spoken to over https only".to_owned())
    };
    if let Some(problem) = problem {
        let message = format!("`directory` cannot be used: {problem}");
        section.error(origin, message, format!("Write for example {example}."));
        return None;
    }
    Some(directory)
}

fn read_contact(section: &mut Section<'_>) -> Vec<String> {
    let mut contact = Vec::new();
    for (text, origin) in section.texts("contact").unwrap_or_default() {
        let address = text.strip_prefix("mailto:").unwrap_or_default();
        // RFC 8555 section 7.3: one address, and no header fields.
        let legal = address
            .bytes()
            .all(|b| b.is_ascii_graphic() && !b"?,;<>".contains(&b));
        if address.len() > 254
            || !legal
            || address.split('@').filter(|p| !p.is_empty()).count() != 2
        {
            let message = format!("`contact` has `{}`", text.escape_debug());
            let fix = "Write one address each: contact = [\"mailto:ops@example.com\"].";
            section.error(origin, message, fix);
        }
        contact.push(text);
    }
    contact
}

fn read_domains(section: &mut Section<'_>) -> Vec<Arc<str>> {
    let at = section.origin_of("domains");
    let texts = section.texts("domains");
    let (is_written, mut all_good) = (texts.is_some(), true);
    let mut domains: Vec<Arc<str>> = Vec::new();
    for (text, origin) in texts.unwrap_or_default() {
        let domain: Arc<str> = text.to_ascii_lowercase().into();
        if let Err((what, fix)) = check_domain(&domain) {
            let message = format!("`domains` has `{}`: {what}", text.escape_debug());
            section.error(origin, message, fix);
        } else if domains.contains(&domain) {
            section.error(
                origin,
                format!("`domains` has `{domain}` twice"),
                "Remove one.",
            );
        } else {
            domains.push(domain);
            continue;
        }
        all_good = false;
    }
    if all_good {
        check_count(section, (at, is_written), domains.len());
    }
    domains
}

fn check_count(section: &mut Section<'_>, (at, is_written): (Origin, bool), count: usize) {
    let fix = "Name the hosts that callers use: domains = [\"api.example.com\"].";
    if count > MAX_DOMAINS {
        section.error(
            at,
            format!("`domains` has more than {MAX_DOMAINS} names"),
            fix,
        );
    } else if count == 0 {
        let what = if is_written {
            "names no host"
        } else {
            "is missing"
        };
        section.missing(&["domains"], at, format!("`domains` {what}"), fix);
    }
}

/// What is wrong with a name, and what to do.
type Wrong = (&'static str, &'static str);

/// Refuses what is not the DNS name of one host.
fn check_domain(domain: &str) -> Result<(), Wrong> {
    if domain.contains('*') {
        return Err((
            "a wildcard needs DNS-01, which is not built",
            "Name each host, or give the files of a certificate in `cert` and `key`.",
        ));
    }
    if domain.parse::<std::net::IpAddr>().is_ok() || domain.contains(':') {
        return Err((
            "that is not a host name",
            "Write a DNS name without scheme, port and path.",
        ));
    }
    if !domain.is_ascii() {
        return Err((
            "certificates hold ASCII names",
            "Write its form in ASCII, which begins with xn--.",
        ));
    }
    let label = |label: &str| {
        (1..=63).contains(&label.len())
            && label
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b == b'-')
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    let last_is_number = || {
        domain
            .rsplit('.')
            .next()
            .is_some_and(|last| last.bytes().all(|b| b.is_ascii_digit()))
    };
    if domain.len() > 253
        || !domain.contains('.')
        || !domain.split('.').all(label)
        || last_is_number()
    {
        return Err((
            "that is not the full DNS name of a host",
            "Write it like api.example.com: letters, digits, `-`, no dot at the end.",
        ));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::check_domain;

    #[test]
    fn domains_are_full_names_of_hosts() {
        for good in [
            "api.example.com",
            "a.b",
            "xn--bcher-kva.example",
            "1.example",
        ] {
            assert!(check_domain(good).is_ok(), "{good}");
        }
        let long = format!("{}.example", "a".repeat(64));
        for bad in [
            "",
            "localhost",
            "*.example.com",
            "a.*",
            "127.0.0.1",
            "::1",
            "[::1]",
            "example.com.",
            ".example.com",
            "a..b",
            "-a.example",
            "a-.example",
            "a_b.example",
            "b\u{fc}cher.example",
            "https://a.example",
            "a.example:443",
            "a.example/x",
            "a b.example",
            "a.1",
            &long,
        ] {
            assert!(check_domain(bad).is_err(), "{bad}");
        }
    }
}
