//! Redaction of keys in text for people.

use doorward_crypto::api_key::{ApiKeyText, Environment, KeyKind, KeyPrefix};
use doorward_crypto::entropy::OsEntropy;
use doorward_crypto::redact::Redactor;

/// A key in the middle of any text does not come through.
pub(super) fn run(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let Ok(prefix) = KeyPrefix::parse("dw") else {
        return;
    };
    let key = ApiKeyText::generate(
        &prefix,
        KeyKind::Secret,
        Environment::Live,
        &OsEntropy::new(),
    );
    let key = key.secret().expose();
    let half = text
        .char_indices()
        .nth(text.chars().count() / 2)
        .map_or(0, |(at, _)| at);
    let (before, after) = text.split_at_checked(half).unwrap_or((&text, ""));
    let whole = format!("{before}{key}{after}");
    let redacted = Redactor::new([&prefix]).redact(&whole).into_owned();
    let random = key.get(11..).unwrap_or("");
    assert!(!redacted.contains(random), "{redacted:?}");
}
