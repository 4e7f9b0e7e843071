//! What a `[[route]]` asks of signed requests.

use std::time::Duration;

use doorward_core::policy::Signing;
use doorward_crypto::message_signature::Component;

use super::message_signature::bounded;
use super::section::Section;

/// The longest time that a link may be good, as AWS has it.
const MAX_PRESIGNED: Duration = Duration::from_secs(7 * 24 * 3600);

/// Tells whether a route says anything of signed requests.
pub(super) fn is_written(section: &Section<'_>) -> bool {
    [
        "signature_components",
        "signature_head_only",
        "sigv4_unsigned_payload",
        "sigv4_presigned",
    ]
    .iter()
    .any(|key| section.has(key))
}

/// Reads what a route asks; `None` when it is wrong.
pub(super) fn read(section: &mut Section<'_>) -> Option<Signing> {
    let mut good = true;
    let mut components = Vec::new();
    for (text, origin) in section.texts("signature_components").unwrap_or_default() {
        match Component::parse(&text) {
            Ok(_) => components.push(text.into_boxed_str()),
            Err(error) => {
                good = false;
                let message = format!("`{text}` cannot be signed: {error}");
                let fix = "Name a header in lower case, or @target-uri; see docs/signatures.md.";
                section.error(origin, message, fix);
            }
        }
    }
    let head_only = section.boolean("signature_head_only", false);
    let unsigned_payload = section.boolean("sigv4_unsigned_payload", false);
    let presigned = section.has("sigv4_presigned").then(|| {
        let default = Duration::from_secs(900);
        bounded(section, "sigv4_presigned", default, MAX_PRESIGNED)
    });
    good.then_some(Signing {
        components,
        head_only,
        unsigned_payload,
        presigned,
    })
}
