//! The text of an API key.

use doorward_crypto::api_key::{ApiKeyText, KeyPrefix};

/// A text that passes is made of the four parts, and no edit of one character of it passes.
pub(super) fn run(data: &[u8]) {
    let (Ok(text), Ok(prefix)) = (std::str::from_utf8(data), KeyPrefix::parse("dw")) else {
        return;
    };
    let Ok((kind, env)) = ApiKeyText::check(text, &prefix) else {
        return;
    };
    let head = format!("dw_{}_{}_", kind.as_str(), env.as_str());
    let tail = text.strip_prefix(&head).unwrap_or("");
    assert!(tail.len() >= 36 && tail.bytes().all(|b| b.is_ascii_alphanumeric()));
    for (at, old) in text.char_indices() {
        let new = if old == 'a' { "b" } else { "a" };
        let mut edited = text.to_owned();
        edited.replace_range(at..=at, new);
        assert!(ApiKeyText::check(&edited, &prefix).is_err(), "{at}");
    }
}
