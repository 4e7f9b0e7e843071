//! The value of an Authorization header, as the Basic method reads it.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use doorward_authn::basic::UserPass;

/// What passes is exactly one name and one password, and is encoded in one way only.
pub(super) fn run(data: &[u8]) {
    let Ok(value) = http::HeaderValue::from_bytes(data) else {
        return;
    };
    let Some((scheme, text)) = value.to_str().ok().and_then(|text| text.split_once(' ')) else {
        return;
    };
    if !scheme.eq_ignore_ascii_case("basic") {
        return;
    }
    let text = text.trim_start_matches(' ');
    let Ok(pair) = UserPass::parse(text) else {
        return;
    };
    let (name, password) = (pair.name(), pair.password());
    assert!(!name.is_empty() && name.len() <= 128 && !name.contains(':'));
    assert!(!password.is_empty() && password.len() <= 1024);
    assert!(!name.contains(char::is_control));
    assert!(std::str::from_utf8(password).is_ok_and(|text| !text.contains(char::is_control)));
    let whole = [name.as_bytes(), b":", password].concat();
    assert_eq!(STANDARD.encode(whole), text);
}
