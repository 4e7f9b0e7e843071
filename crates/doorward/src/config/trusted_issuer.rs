//! `[trusted_issuer.NAME]`: issuers of others whose tokens are accepted.

use std::path::Path;

use doorward_core::Timestamp;
use doorward_store::{IssuerRecord, KeySource};

use super::document::Origin;
use super::issuer::OwnIssuer;
use super::section::Section;

/// Algorithms accepted when none are named: asymmetric ones only.
pub const DEFAULT_ALGORITHMS: &[&str] = &["RS256", "PS256", "ES256", "ES384", "EdDSA"];
/// Token types accepted from other issuers when none are named. The empty one stands for a
/// token without `typ`.
pub const DEFAULT_TYPES: &[&str] = &["at+jwt", "JWT", ""];

pub(super) fn read_all(
    root: &mut Section<'_>,
    folder: &Path,
    own: &OwnIssuer,
) -> Vec<IssuerRecord> {
    let mut issuers: Vec<IssuerRecord> = Vec::new();
    for (record, origin) in super::named(root, "trusted_issuer", |name, section| {
        read(name, section, folder)
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

fn read(name: &str, section: &mut Section<'_>, folder: &Path) -> Option<(IssuerRecord, Origin)> {
    let origin = section.origin();
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
    let secret = matches!(keys, Some(KeySource::SecretFile { .. }));
    let default = if secret {
        &["HS256"][..]
    } else {
        DEFAULT_ALGORITHMS
    };
    let owned = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect();
    let algorithms: Vec<String> = match section.texts("algorithms") {
        None => owned(default),
        Some(texts) => texts.into_iter().map(|(text, _)| text).collect(),
    };
    let types = match section.texts("types") {
        None => owned(DEFAULT_TYPES),
        Some(texts) => texts.into_iter().map(|(text, _)| text).collect(),
    };
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
