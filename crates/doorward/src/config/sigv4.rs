//! `[sigv4]`: requests signed in the style of AWS. Without the section, none is read.

use std::time::Duration;

use doorward_authn::sigv4::{Replay, SigV4Settings};
use doorward_crypto::sigv4::scope::is_part;

use super::message_signature::bounded;
use super::section::Section;

/// The longest time that a signature may be good; AWS takes 15 minutes.
const MAX_AGE: Duration = Duration::from_secs(3600);
/// The farthest that a caller's clock may be ahead.
const MAX_SKEW: Duration = Duration::from_secs(900);

pub(super) fn read(section: &mut Section<'_>) -> Option<SigV4Settings> {
    let region = part(section, "region", "\"eu-1\"");
    let service = part(section, "service", "\"orders\"");
    let max_age = bounded(section, "max_age", Duration::from_secs(300), MAX_AGE);
    let skew = bounded(section, "skew", Duration::from_secs(30), MAX_SKEW);
    let replay = [
        ("never", Replay::Never),
        ("safe_methods", Replay::SafeMethods),
    ];
    let replay = section.choice("replay", Replay::Never, &replay);
    let replays = section.integer("replays", 100_000, 100..=10_000_000);
    Some(SigV4Settings {
        region: region?,
        service: service?,
        max_age,
        skew,
        replay,
        replays: usize::try_from(replays).unwrap_or(100_000),
    })
}

fn part(section: &mut Section<'_>, key: &'static str, example: &str) -> Option<Box<str>> {
    let origin = section.origin_of(key);
    let text = section.required_text(key, example)?;
    if is_part(&text) {
        return Some(text.into_boxed_str());
    }
    let fix = "Use 1 to 64 of A-Z, a-z, 0-9, '.', '_' and '-'; clients must be told the same.";
    section.error(origin, format!("`{key}` cannot stand in a signature"), fix);
    None
}
