//! `[trusted_issuer.NAME]`: issuers of others whose tokens are accepted.

use std::path::Path;

use doorward_core::Timestamp;
use doorward_core::net::Cidrs;
use doorward_store::{IssuerRecord, KeySource};

use super::document::Origin;
use super::issuer::OwnIssuer;
use super::section::Section;
use crate::outbound;

/// Algorithms accepted when none are named: asymmetric ones only.
pub const DEFAULT_ALGORITHMS: &[&str] = &["RS256", "PS256", "ES256", "ES384", "EdDSA"];
/// Token types accepted from other issuers when none are named. The empty one stands for a
/// token without `typ`.
pub const DEFAULT_TYPES: &[&str] = &["at+jwt", "JWT", ""];

pub(super) fn read_all(
    root: &mut Section<'_>,
    (folder, outbound_allow): (&Path, &Cidrs),
    own: &OwnIssuer,
) -> Vec<IssuerRecord> {
    let mut issuers: Vec<IssuerRecord> = Vec::new();
    for (record, origin) in super::named(root, "trusted_issuer", |name, section| {
        read(name, section, (folder, outbound_allow))
    }) {
        let twice = issuers.iter().any(|known| known.issuer == record.issuer);
        if twice || record.issuer == own.url {
            root.error(
                origin,
                format!("the issuer `{}` is configured twice", record.issuer),
                "Keep one of them: one issuer has one set of rules.",
            );
        } else {
            issuers.push(record);
        }
    }
    issuers
}

fn read(
    name: &str,
    section: &mut Section<'_>,
    (folder, outbound_allow): (&Path, &Cidrs),
) -> Option<(IssuerRecord, Origin)> {
    let origin = section.origin();
    let places = (section.origin_of("issuer"), section.origin_of("jwks_url"));
    let issuer = section.required_text("issuer", "\"https://issuer.example\"");
    let audiences = section.words("audience");
    if audiences.is_empty() {
        section.missing(
            &["audience"],
            origin,
            "`audience` is missing",
            "Add audience = [\"https://api.example\"]: tokens for other APIs are refused.",
        );
    }
    let keys = read_keys(section, folder);
    check_address(
        section,
        (issuer.as_deref(), keys.as_ref()),
        places,
        outbound_allow,
    );
    let default = match keys {
        Some(KeySource::SecretFile { .. }) => &["HS256"][..],
        _ => DEFAULT_ALGORITHMS,
    };
    let algorithms = texts_or(section, "algorithms", default);
    let types = texts_or(section, "types", DEFAULT_TYPES);
    let leeway = section
        .duration("leeway", std::time::Duration::from_secs(30))
        .as_secs();
    if leeway > 60 {
        section.error(
            origin,
            "`leeway` is over 60s",
            "Mend the clocks; 60s is the most.",
        );
    }
    let subject_claim = section
        .text("subject_claim")
        .unwrap_or_else(|| "sub".to_owned());
    let scope_claim = section
        .text("scope_claim")
        .unwrap_or_else(|| "scope".to_owned());
    let roles_claim = section
        .text("roles_claim")
        .unwrap_or_else(|| "roles".to_owned());
    let record = IssuerRecord {
        name: name.to_owned(),
        issuer: issuer?,
        audiences,
        keys: keys?,
        algorithms,
        types,
        leeway_secs: u32::try_from(leeway).unwrap_or(60),
        subject_claim,
        scope_claim,
        roles_claim,
        created_at: Timestamp::from_millis(0),
    };
    Some((record, origin))
}

fn texts_or(section: &mut Section<'_>, key: &'static str, default: &[&str]) -> Vec<String> {
    match section.texts(key) {
        None => default.iter().map(|text| (*text).to_owned()).collect(),
        Some(texts) => texts.into_iter().map(|(text, _)| text).collect(),
    }
}

/// Refuses an address from which the running server would not fetch keys, as `issuer add` does.
fn check_address(
    section: &mut Section<'_>,
    (issuer, keys): (Option<&str>, Option<&KeySource>),
    (issuer_at, url_at): (Origin, Origin),
    allow: &Cidrs,
) {
    let (url, origin) = match (keys, issuer) {
        (Some(KeySource::Discovery), Some(issuer)) => (issuer, issuer_at),
        (Some(KeySource::JwksUrl(url)), _) => (url.as_str(), url_at),
        _ => return,
    };
    if let Err(error) = outbound::check_url(url, allow) {
        let message = format!("the keys could not be fetched from there: {error}");
        let fix = "Name an https address of another machine, or list its address block in \
                   [outbound] allow.";
        section.error(origin, message, fix);
    }
}

fn read_keys(section: &mut Section<'_>, folder: &Path) -> Option<KeySource> {
    let shown = |path: std::path::PathBuf| path.to_string_lossy().into_owned();
    let url = section.text("jwks_url").map(KeySource::JwksUrl);
    let file = section
        .file("jwks_file", folder)
        .map(|path| KeySource::JwksFile(shown(path)));
    let algorithm = section
        .text("key_algorithm")
        .unwrap_or_else(|| "RS256".to_owned());
    let key = section
        .file("key_file", folder)
        .map(|path| KeySource::PublicKeyFile {
            path: shown(path),
            algorithm,
        });
    let secret = section
        .file("secret_file", folder)
        .map(|path| KeySource::SecretFile { path: shown(path) });
    let mut named = [url, file, key, secret].into_iter().flatten();
    let first = named.next();
    if named.next().is_some() {
        section.error(
            section.origin(),
            "the keys are said to be in two places",
            "Keep one of jwks_url, jwks_file, key_file and secret_file; none means discovery.",
        );
        return None;
    }
    Some(first.unwrap_or(KeySource::Discovery))
}
