//! `[issuer]`: ourselves as an issuer of tokens.

use std::time::Duration;

use super::listener::Listener;
use super::section::Section;

/// Ourselves as an issuer.
pub struct OwnIssuer {
    /// The issuer identifier: the address under which callers reach us.
    pub url: String,
    /// The audience of our tokens.
    pub audience: String,
    /// How long a signing key is used before the next one takes over.
    pub rotate_after: Duration,
}

pub(super) fn read(section: &mut Section<'_>, listeners: &[Listener]) -> OwnIssuer {
    let origin = section.origin_of("url");
    let url = section.text("url").unwrap_or_else(|| {
        let port = listeners
            .iter()
            .find(|listener| listener.forward_auth.is_none())
            .map_or(8443, |listener| listener.address.port());
        format!("https://localhost:{port}")
    });
    let good = (url.starts_with("https://") || url.starts_with("http://localhost:"))
        && !url.ends_with('/')
        && !url.contains(['?', '#', ' ']);
    if !good {
        section.error(
            origin,
            format!("`url = \"{url}\"` is not an issuer identifier"),
            "Write the https address under which callers reach Doorward, without a final slash.",
        );
    }
    let audience = section.text("audience").unwrap_or_else(|| url.clone());
    let rotate_after = section.duration("rotate_after", Duration::from_secs(30 * 86_400));
    OwnIssuer {
        url,
        audience,
        rotate_after,
    }
}
