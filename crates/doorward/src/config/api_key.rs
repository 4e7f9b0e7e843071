//! `[api_key]`: the operator's API keys.

use doorward_store::Environment;

use super::section::Section;

/// How API keys look and where they may come.
pub struct ApiKeySettings {
    /// The operator's prefix.
    pub prefix: String,
    /// Environments whose keys open this door.
    pub environments: Vec<Environment>,
    /// Headers that may carry a key, beside `Authorization`.
    pub headers: Vec<String>,
}

pub(super) fn read(section: &mut Section<'_>) -> ApiKeySettings {
    let origin = section.origin_of("prefix");
    let prefix = section.text("prefix").unwrap_or_else(|| "dw".to_owned());
    let legal = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit();
    if !(1..=16).contains(&prefix.len()) || !prefix.bytes().all(legal) {
        section.error(
            origin,
            format!("`prefix = \"{prefix}\"` cannot start a key"),
            "Use 1 to 16 lower-case letters and digits.",
        );
    }
    let mut environments = Vec::new();
    let origin = section.origin_of("environments");
    let named = section.texts("environments");
    if named.as_ref().is_some_and(Vec::is_empty) {
        let fix = "Write environments = [\"live\"], or leave the key out.";
        section.error(origin, "`environments` is empty: no key would work", fix);
    }
    for (text, origin) in named.unwrap_or_else(|| vec![("live".to_owned(), section.origin())]) {
        match Environment::parse(&text) {
            Some(environment) => environments.push(environment),
            None => section.error(
                origin,
                format!("`{text}` is not an environment"),
                "Write \"live\" or \"test\".",
            ),
        }
    }
    let mut headers = Vec::new();
    let named = section.texts("headers");
    for (text, origin) in named.unwrap_or_else(|| vec![("x-api-key".to_owned(), section.origin())])
    {
        let name = text.to_ascii_lowercase();
        let taken = matches!(
            name.as_str(),
            "authorization" | "host" | "cookie" | "connection"
        );
        if taken || http::HeaderName::from_bytes(name.as_bytes()).is_err() {
            section.error(
                origin,
                format!("`{text}` cannot carry a key"),
                "Name a header of its own, for example x-api-key.",
            );
        } else {
            headers.push(name);
        }
    }
    ApiKeySettings {
        prefix,
        environments,
        headers,
    }
}
