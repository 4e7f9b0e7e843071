//! `[message_signature]`: requests signed as RFC 9421 says. Without the section, none is read.

use std::time::Duration;

use doorward_authn::message_signature::MessageSignatureSettings;

use super::section::Section;

/// The longest time that a signature may be good.
const MAX_AGE: Duration = Duration::from_secs(3600);
/// The farthest that a caller's clock may be ahead.
const MAX_SKEW: Duration = Duration::from_secs(300);

pub(super) fn read(section: &mut Section<'_>) -> MessageSignatureSettings {
    let origin = section.origin_of("tag");
    let tag = section.text("tag");
    let legal = |byte: u8| matches!(byte, 0x20..=0x7e) && byte != b'"' && byte != b'\\';
    if tag
        .as_ref()
        .is_some_and(|tag| tag.is_empty() || tag.len() > 64 || !tag.bytes().all(legal))
    {
        let fix = "Use 1 to 64 printable characters without quotes, for example \"orders-api\".";
        section.error(origin, "`tag` cannot stand in a signature", fix);
    }
    let max_age = bounded(section, "max_age", Duration::from_secs(300), MAX_AGE);
    let skew = bounded(section, "skew", Duration::from_secs(30), MAX_SKEW);
    let needs = [("required", true), ("optional", false)];
    let replays = section.integer("replays", 100_000, 100..=10_000_000);
    MessageSignatureSettings {
        tag,
        max_age,
        skew,
        nonce: section.choice("nonce", true, &needs),
        content_digest: section.choice("content_digest", true, &needs),
        replays: usize::try_from(replays).unwrap_or(100_000),
    }
}

/// A time span of at least a second and at most so long.
pub(super) fn bounded(
    section: &mut Section<'_>,
    key: &'static str,
    default: Duration,
    most: Duration,
) -> Duration {
    let origin = section.origin_of(key);
    let span = section.duration(key, default);
    if (Duration::from_secs(1)..=most).contains(&span) {
        return span;
    }
    let message = format!("`{key}` is out of bounds");
    let fix = format!("Give a time span from 1s to {}s.", most.as_secs());
    section.error(origin, message, fix);
    default
}
