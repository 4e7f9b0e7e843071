//! Path templates of routes.

use doorward_policy::PathTemplate;

/// A template's text is its own spelling.
pub(super) fn run(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else {
        return;
    };
    let Ok(template) = PathTemplate::parse(text) else {
        return;
    };
    let again = PathTemplate::parse(template.as_str());
    assert!(again.is_ok_and(|again| again.segments().len() == template.segments().len()));
}
