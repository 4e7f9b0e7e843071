//! Credentials in the query.

use std::sync::OnceLock;

use doorward_authn::query::QueryWatch;
use doorward_crypto::api_key::{ApiKeyText, Environment, KeyKind, KeyPrefix};
use doorward_crypto::entropy::OsEntropy;

/// A credential beside any query is found, and what is allowed once is given back as it was sent.
pub(super) fn run(data: &[u8]) {
    let (Ok(query), Ok(prefix)) = (std::str::from_utf8(data), KeyPrefix::parse("dw")) else {
        return;
    };
    static KEY: OnceLock<String> = OnceLock::new();
    let key = KEY.get_or_init(|| {
        let (kind, env) = (KeyKind::Secret, Environment::Live);
        let key = ApiKeyText::generate(&prefix, kind, env, &OsEntropy::new());
        key.secret().expose().clone()
    });
    let keys = QueryWatch::for_keys(prefix, ["x-api-key"]);
    let tokens = QueryWatch::for_tokens();
    for watch in [&keys, &tokens] {
        for pair in ["access_token=x", "API-Key[]=x"] {
            for whole in [format!("{query}&{pair}"), format!("{pair}&{query}")] {
                assert!(watch.find(Some(&whole), None).is_err(), "{whole:?}");
            }
        }
        if let Ok(found) = watch.find(Some(query), Some("key")) {
            assert!(found.is_none_or(|value| query.contains(value)));
        }
    }
    for pair in [format!("q={key}"), key.clone()] {
        for whole in [format!("{query}&{pair}"), format!("{pair}&{query}")] {
            assert!(keys.find(Some(&whole), None).is_err(), "{whole:?}");
        }
    }
    if let Ok(None) = keys.find(Some(query), Some("key")) {
        let whole = format!("{query}&key={key}");
        assert_eq!(keys.find(Some(&whole), Some("key")), Ok(Some(key.as_str())));
    }
}
