//! `[upstream.NAME]`: a protected API.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use super::document::Origin;
use super::section::Section;

/// A protected API.
pub struct UpstreamSettings {
    /// Scheme, host and port.
    pub url: http::Uri,
    /// Which HTTP it speaks.
    pub protocol: Protocol,
    /// Time to connect.
    pub connect_timeout: Duration,
    /// Certificate authorities for it, as a PEM file; the system's when absent.
    pub ca: Option<PathBuf>,
    /// The caller's Host is passed on instead of the upstream's own.
    pub preserve_host: bool,
    /// Idle connections kept.
    pub pool: usize,
    /// The audience of assertions for it.
    pub audience: String,
}

/// Which HTTP an upstream speaks.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Protocol {
    /// HTTP/2 where TLS negotiates it, else HTTP/1.1.
    Auto,
    /// HTTP/1.1.
    Http1,
    /// HTTP/2, also without TLS.
    Http2,
}

pub(super) fn read_all(
    root: &mut Section<'_>,
    folder: &Path,
) -> BTreeMap<Arc<str>, UpstreamSettings> {
    let upstreams: BTreeMap<_, _> = super::named(root, "upstream", |name, section| {
        read(section, folder).map(|settings| (Arc::from(name), settings))
    })
    .into_iter()
    .collect();
    if upstreams.is_empty() && !root.diagnostics().has_errors() {
        root.missing(
            &["upstream"],
            Origin::Absent,
            "no upstream: there is nothing to protect",
            "Add [upstream.default] with url = \"http://127.0.0.1:3000\".",
        );
    }
    upstreams
}

fn read(section: &mut Section<'_>, folder: &Path) -> Option<UpstreamSettings> {
    let origin = section.origin_of("url");
    let url = section.required_text("url", "\"http://127.0.0.1:3000\"");
    let protocol = section.choice(
        "protocol",
        Protocol::Auto,
        &[
            ("auto", Protocol::Auto),
            ("http1", Protocol::Http1),
            ("http2", Protocol::Http2),
        ],
    );
    let connect_timeout = section.duration("connect_timeout", Duration::from_secs(5));
    let ca = section.file("ca", folder);
    let preserve_host = section.boolean("preserve_host", false);
    let pool = section.integer("pool", 256, 0..=65_536);
    let audience = section.text("audience");
    let url = url?;
    let Some(uri) = parse_url(&url) else {
        section.error(
            origin,
            format!("`url = \"{url}\"` is not the address of an API"),
            "Write scheme, host and port only: http://127.0.0.1:3000 or https://api.internal.",
        );
        return None;
    };
    Some(UpstreamSettings {
        audience: audience.unwrap_or_else(|| url.trim_end_matches('/').to_owned()),
        url: uri,
        protocol,
        connect_timeout,
        ca,
        preserve_host,
        pool: usize::try_from(pool).unwrap_or(256),
    })
}

/// Parses `http://host:port` or `https://host`, without path, query or user.
pub fn parse_url(text: &str) -> Option<http::Uri> {
    let uri: http::Uri = text.parse().ok()?;
    let authority = uri.authority()?;
    let plain = matches!(uri.scheme_str(), Some("http" | "https"))
        && matches!(uri.path(), "" | "/")
        && uri.query().is_none()
        && !authority.as_str().contains('@')
        && !authority.host().is_empty();
    plain.then_some(uri)
}
