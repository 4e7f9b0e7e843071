//! `[upstream.NAME]`: a protected API.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use doorward_proxy::{Balance, BreakerConfig, Eject, HealthCheck, MAX_SERVERS};

use super::diagnostic::Diagnostic;
use super::document::Origin;
use super::section::Section;

mod resilience;

/// A protected API.
pub struct UpstreamSettings {
    /// Scheme, host and port of each server; at least one, all of one scheme.
    pub urls: Vec<http::Uri>,
    /// Which HTTP it speaks.
    pub protocol: Protocol,
    /// Time to connect.
    pub connect_timeout: Duration,
    /// Certificate authorities for it, as a PEM file; the system's when absent.
    pub ca: Option<PathBuf>,
    /// The name that its certificate must have, in place of the URL's host.
    pub server_name: Option<String>,
    /// What the door shows to it: certificate chain and key, PEM files.
    pub client_certificate: Option<(PathBuf, PathBuf)>,
    /// Calls on one HTTP/2 connection.
    pub http2_streams: usize,
    /// Its connections begin with a PROXY protocol header.
    pub proxy_protocol: bool,
    /// How a server is chosen.
    pub balance: Balance,
    /// Other servers that are tried.
    pub retries: u8,
    /// The share of available servers, in percent, below which all are used.
    pub panic: u8,
    /// When a failing server is left out.
    pub eject: Eject,
    /// What servers are asked from time to time.
    pub health: Option<HealthCheck>,
    /// How much it takes at once.
    pub breaker: BreakerConfig,
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
    let urls = read_urls(section);
    let protocol_origin = section.origin_of("protocol");
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
    let http2_streams = section.integer("http2_streams", 100, 1..=10_000);
    let proxy_protocol = section.boolean("proxy_protocol", false);
    if proxy_protocol && protocol == Protocol::Http2 {
        section.error(
            protocol_origin,
            "a connection that tells its caller has one call, which is not HTTP/2",
            "Remove `protocol`, or `proxy_protocol`.",
        );
    }
    let server_name = read_server_name(section, &urls);
    let client_certificate = read_client_certificate(section, folder, &urls);
    let (balance, retries, panic) = resilience::balance(section, urls.len());
    let eject = resilience::eject(section, urls.len());
    let health = resilience::health(section);
    let negotiated = protocol == Protocol::Auto && !proxy_protocol && is_tls(&urls);
    let breaker = resilience::breaker(section, negotiated);
    let first = urls.first()?.to_string();
    Some(UpstreamSettings {
        audience: audience.unwrap_or_else(|| first.trim_end_matches('/').to_owned()),
        urls,
        protocol,
        connect_timeout,
        ca,
        server_name,
        client_certificate,
        http2_streams: usize::try_from(http2_streams).unwrap_or(100),
        proxy_protocol,
        balance,
        retries,
        panic,
        eject,
        health,
        breaker,
        preserve_host,
        pool: usize::try_from(pool).unwrap_or(256),
    })
}

/// Reads `url`, or `urls`.
fn read_urls(section: &mut Section<'_>) -> Vec<http::Uri> {
    let several = section.origin_of("urls");
    let written = if section.has("urls") {
        if section.has("url") {
            section.error(
                several,
                "both `url` and `urls` are written",
                "Write all servers in `urls`, and remove `url`.",
            );
        }
        let _known = section.text("url");
        section.texts("urls").unwrap_or_default()
    } else {
        let _known = section.texts("urls");
        let origin = section.origin_of("url");
        let url = section.required_text("url", "\"http://127.0.0.1:3000\"");
        url.into_iter().map(|url| (url, origin)).collect()
    };
    let count = written.len();
    let mut urls: Vec<http::Uri> = Vec::with_capacity(count);
    for (text, origin) in written {
        let Some(uri) = parse_url(&text) else {
            section.error(
                origin,
                format!("`url = \"{text}\"` is not the address of an API"),
                "Write scheme, host and port only: http://127.0.0.1:3000 or https://api.internal.",
            );
            continue;
        };
        if urls.contains(&uri) {
            section.error(origin, format!("`{text}` is written twice"), "Remove one.");
        }
        if urls.first().is_some_and(|one| one.scheme() != uri.scheme()) {
            section.error(
                origin,
                "the servers of an upstream are reached all with TLS, or all without",
                "Write https:// for all of them.",
            );
        }
        urls.push(uri);
    }
    if count > MAX_SERVERS {
        let message = format!("`urls` has {count} servers");
        section.error(several, message, format!("At most {MAX_SERVERS} are used."));
    }
    if count == 0 && !section.diagnostics().has_errors() {
        section.error(several, "`urls` is empty", "Write at least one server.");
    }
    urls
}

fn is_tls(urls: &[http::Uri]) -> bool {
    urls.first()
        .is_some_and(|url| url.scheme_str() == Some("https"))
}

fn read_server_name(section: &mut Section<'_>, urls: &[http::Uri]) -> Option<String> {
    let origin = section.origin_of("server_name");
    let name = section.text("server_name")?;
    if rustls::pki_types::ServerName::try_from(name.as_str()).is_err() {
        section.error(
            origin,
            format!("`server_name = \"{name}\"` is not the name of a server"),
            "Write a host name or an address, without scheme and port.",
        );
    }
    needs_tls(section, origin, "server_name", urls);
    Some(name)
}

fn read_client_certificate(
    section: &mut Section<'_>,
    folder: &Path,
    urls: &[http::Uri],
) -> Option<(PathBuf, PathBuf)> {
    let origin = section.origin_of("client_cert");
    let key_origin = section.origin_of("client_key");
    let cert = section.file("client_cert", folder);
    let key = section.file("client_key", folder);
    match (cert, key) {
        (Some(cert), Some(key)) => {
            needs_tls(section, origin, "client_cert", urls);
            Some((cert, key))
        }
        (None, None) => None,
        (cert, _) => {
            section.missing(
                &["client_cert", "client_key"],
                if cert.is_some() { origin } else { key_origin },
                "the client certificate is half written",
                "Write both `client_cert` and `client_key`, as PEM files.",
            );
            None
        }
    }
}

fn needs_tls(section: &mut Section<'_>, origin: Origin, key: &str, urls: &[http::Uri]) {
    if !urls.is_empty() && !is_tls(urls) {
        section.error(
            origin,
            format!("`{key}` has no effect without TLS"),
            format!("Write https:// in the url, or remove `{key}`."),
        );
    }
}

/// Warns of something that does nothing where it is written.
fn no_effect(section: &mut Section<'_>, origin: Origin, what: &str, fix: &str) {
    let warning = Diagnostic::warning(origin, format!("upstream: {what}"), fix);
    section.diagnostics().push(warning);
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
