//! `[issuer]`: ourselves as an issuer of tokens.

use std::time::Duration;

use super::listener::Listener;
use super::section::Section;
use crate::desk::token::MAX_TTL;

/// Ourselves as an issuer.
pub struct OwnIssuer {
    /// The issuer identifier: the address under which callers reach us.
    pub url: String,
    /// The audience of our tokens.
    pub audience: String,
    /// How long a signing key is used before the next one takes over.
    pub rotate_after: Duration,
    /// How long access tokens live that clients get.
    pub access_token_ttl: Duration,
    /// Whether the endpoints of the authorization server answer.
    pub endpoints: bool,
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
    let origin = section.origin_of("access_token_ttl");
    let access_token_ttl = section.duration("access_token_ttl", Duration::from_secs(600));
    if access_token_ttl < Duration::from_secs(1) || access_token_ttl > MAX_TTL {
        let message = "`access_token_ttl` is out of bounds";
        section.error(origin, message, "Give a time span from 1s to 24h.");
    }
    let endpoints = section.boolean("endpoints", true);
    OwnIssuer {
        url,
        audience,
        rotate_after,
        access_token_ttl,
        endpoints,
    }
}
