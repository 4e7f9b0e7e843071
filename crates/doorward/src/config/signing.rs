//! What a `[[route]]` asks of signed requests.

use doorward_core::policy::Signing;
use doorward_crypto::message_signature::Component;

use super::section::Section;

/// Tells whether a route says anything of signed requests.
pub(super) fn is_written(section: &Section<'_>) -> bool {
    ["signature_components", "signature_head_only"]
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
    good.then_some(Signing {
        components,
        head_only,
        ..Signing::NOTHING
    })
}
