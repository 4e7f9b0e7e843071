//! Imported htpasswd files.

use doorward_crypto::hash::htpasswd::Htpasswd;

/// Every user of a file that passes can be looked up.
pub(super) fn run(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else {
        return;
    };
    let Ok(file) = Htpasswd::parse(text) else {
        return;
    };
    for (name, _) in file.iter() {
        assert!(!name.is_empty() && !name.contains([':', '\n']));
        assert!(file.lookup(name).is_some(), "{name:?}");
    }
}
