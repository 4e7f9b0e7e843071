//! `doorward sign`: signs a request and prints the call.

use std::path::Path;
use std::process::ExitCode;

use anyhow::{Context, Result, anyhow, bail};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use doorward_authn::client_key::SIGV4_ALGORITHM;
use doorward_core::net::ClientAddress;
use doorward_core::request::{Arrival, ManagedHeaders, Transport};
use doorward_core::{Clock as _, Entropy as _, RequestHead, Secret};
use doorward_crypto::entropy::OsEntropy;
use doorward_crypto::message_signature::{
    Component, ContentDigest, Covered, DigestAlgorithm, PrivateKey, SignatureAlgorithm,
    SignatureParams, signature_base,
};
use http::header::{CONTENT_LENGTH, HOST};
use http::{HeaderName, HeaderValue, Method, Request, Uri};
use serde_json::json;

use crate::cli::Sign;
use crate::clock::SystemClock;
use crate::desk::client_key::shared_secret;
use crate::output;

mod sigv4;

/// A request that was signed.
struct Signed {
    /// Where it goes: the URL that was given, or the link that was made of it.
    url: String,
    method: Method,
    /// What signing added.
    added: Vec<(HeaderName, String)>,
    base: String,
}

/// Runs the command.
pub(super) fn run(args: &Sign) -> Result<ExitCode> {
    let body = match (&args.data, &args.data_file) {
        (Some(text), _) => Some(text.clone().into_bytes()),
        (None, Some(path)) => {
            Some(std::fs::read(path).with_context(|| format!("cannot read {}", path.display()))?)
        }
        (None, None) => None,
    };
    let signed = if args.algorithm == SIGV4_ALGORITHM {
        sigv4::sign(args, body.as_deref())?
    } else if args.region.is_some() {
        bail!("--region and --service are for {SIGV4_ALGORITHM}");
    } else {
        sign(args, body.as_deref())?
    };
    if args.json {
        let headers = signed.added.iter();
        let headers: serde_json::Map<_, _> = headers
            .map(|(name, value)| (name.to_string(), json!(value)))
            .collect();
        output::json(&json!({
            "method": signed.method.as_str(),
            "url": signed.url,
            "headers": headers,
            "signature_base": signed.base,
        }));
    } else if args.only_headers {
        for (name, value) in &signed.added {
            output::line(format_args!("{name}: {value}"));
        }
    } else {
        output::line(curl(args, &signed));
    }
    Ok(ExitCode::SUCCESS)
}

fn sign(args: &Sign, body: Option<&[u8]>) -> Result<Signed> {
    let (mut head, mut added) = head(args, body)?;
    if let Some(body) = body {
        let digest = ContentDigest::of(DigestAlgorithm::Sha256, body).to_field();
        added.push((HeaderName::from_static("content-digest"), digest.clone()));
        head.headers
            .insert("content-digest", HeaderValue::try_from(digest)?);
    }
    let components = components(args, &head, body.is_some())?;
    let method = head.method.clone();
    let head = canonical(head)?;
    let covered = Covered::new(components, &params(args))?;
    let base = signature_base(&head, &covered)?;
    let signature = STANDARD.encode(private_key(args)?.sign(base.as_bytes())?);
    let input = format!("sig1={}", covered.list());
    added.push((HeaderName::from_static("signature-input"), input));
    let signature = format!("sig1=:{signature}:");
    added.push((HeaderName::from_static("signature"), signature));
    Ok(Signed {
        url: args.url.clone(),
        method,
        added,
        base,
    })
}

/// The head as a door would read it.
fn canonical(head: http::request::Parts) -> Result<RequestHead> {
    let transport = match head.uri.scheme_str() {
        Some("https") => Transport::Tls,
        _ => Transport::Loopback,
    };
    let arrival = Arrival {
        client: ClientAddress::new(std::net::Ipv4Addr::LOCALHOST.into()),
        transport,
    };
    RequestHead::canonicalise(head, arrival, &ManagedHeaders::default())
        .map_err(|fault| anyhow!("a door would refuse this request: {fault}"))
}

/// The request as it would arrive.
fn head(
    args: &Sign,
    body: Option<&[u8]>,
) -> Result<(http::request::Parts, Vec<(HeaderName, String)>)> {
    let uri: Uri = args.url.parse().context("the URL cannot be read")?;
    let host = uri.authority().context("the URL names no host")?;
    let method = match (&args.method, body) {
        (Some(method), _) => method.parse().context("the method cannot be read")?,
        (None, Some(_)) => Method::POST,
        (None, None) => Method::GET,
    };
    let mut request = Request::builder()
        .method(method)
        .uri(uri.clone())
        .header(HOST, host.as_str());
    for header in &args.headers {
        let (name, value) = header
            .split_once(':')
            .with_context(|| format!("-H {header:?}: write NAME: VALUE"))?;
        request = request.header(name.trim(), value.trim());
    }
    if let Some(body) = body {
        request = request.header(CONTENT_LENGTH, body.len());
    }
    let (parts, ()) = request.body(())?.into_parts();
    Ok((parts, Vec::new()))
}

fn components(args: &Sign, head: &http::request::Parts, body: bool) -> Result<Vec<Component>> {
    let mut names = vec!["@method", "@authority", "@path"];
    if head.uri.query().is_some() {
        names.push("@query");
    }
    if body {
        names.push("content-digest");
    }
    names.extend(args.cover.iter().map(String::as_str));
    let mut components: Vec<Component> = Vec::new();
    for name in names {
        let component =
            Component::parse(name).map_err(|error| anyhow!("--cover {name:?}: {error}"))?;
        if !components.contains(&component) {
            components.push(component);
        }
    }
    Ok(components)
}

fn params(args: &Sign) -> SignatureParams {
    let now = SystemClock::new().now();
    let mut nonce = [0_u8; 16];
    OsEntropy::new().fill(&mut nonce);
    SignatureParams {
        created: Some(now.secs()),
        expires: args.expires.map(|span| now.plus(span).secs()),
        nonce: Some(URL_SAFE_NO_PAD.encode(nonce)),
        alg: None,
        keyid: Some(args.keyid.clone()),
        tag: args.tag.clone(),
    }
}

fn private_key(args: &Sign) -> Result<PrivateKey> {
    let algorithm = SignatureAlgorithm::parse(&args.algorithm)
        .with_context(|| format!("{} is not known", args.algorithm))?;
    let named = |path: &Path| path.display().to_string();
    match (&args.key, &args.secret_file) {
        (Some(path), _) => {
            let pem = super::client_key::read_secret(path)?;
            PrivateKey::from_pem(pem.expose(), algorithm).with_context(|| named(path))
        }
        (None, Some(path)) if algorithm == SignatureAlgorithm::HmacSha256 => {
            let text: Secret<String> = super::client_key::read_secret(path)?;
            let secret = shared_secret(&text, &args.algorithm)?;
            PrivateKey::shared(&secret).with_context(|| named(path))
        }
        _ => bail!("{algorithm} needs --key"),
    }
}

/// The call as one line for a shell.
fn curl(args: &Sign, signed: &Signed) -> String {
    let mut words = vec![
        "curl".to_owned(),
        "-X".to_owned(),
        signed.method.to_string(),
    ];
    let given = args.headers.iter().cloned();
    let added = signed
        .added
        .iter()
        .map(|(name, value)| format!("{name}: {value}"));
    for header in given.chain(added) {
        words.extend(["-H".to_owned(), quoted(&header)]);
    }
    match (&args.data, &args.data_file) {
        (Some(text), _) => words.extend(["--data-raw".to_owned(), quoted(text)]),
        (None, Some(path)) => {
            let from = format!("@{}", path.display());
            words.extend(["--data-binary".to_owned(), quoted(&from)]);
        }
        (None, None) => {}
    }
    words.push(quoted(&signed.url));
    words.join(" ")
}

fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', "'\\''"))
}
