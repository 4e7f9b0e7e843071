//! Scopes in words.

use doorward_core::Scope;
use doorward_oauth::ScopeCatalogue;

use super::words::Words;

/// What a scope allows: as the operator described it, or as the standards do.
#[must_use]
pub fn in_words(all: &ScopeCatalogue, scope: &Scope, words: &Words) -> String {
    let standard = match scope.as_str() {
        "openid" => Some(words.scope_openid),
        "profile" => Some(words.scope_profile),
        "email" => Some(words.scope_email),
        "offline_access" => Some(words.scope_offline),
        _ => None,
    };
    let declared = all.get(scope).filter(|known| known.name != scope.as_str());
    match (declared, standard) {
        (Some(known), _) if known.description.is_empty() => known.name.clone(),
        (Some(known), _) => format!("{}: {}", known.name, known.description),
        (None, Some(text)) => text.to_owned(),
        (None, None) => format!("{} {scope}", words.scope_other),
    }
}
