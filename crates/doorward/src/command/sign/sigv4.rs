//! Signing in the style of AWS.

use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result, anyhow, bail};
use doorward_authn::client_key::SIGV4_ALGORITHM;
use doorward_core::{Clock as _, RequestHead, Secret};
use doorward_crypto::sigv4::{
    Authorization, CredentialScope, PathEncoding, Payload, Presigned, SigV4Signature,
    SignedHeaders, Stamp, canonical_request, presigned, string_to_sign,
};
use http::header::{AUTHORIZATION, CONTENT_TYPE, HOST};
use http::{HeaderName, HeaderValue};

use super::Signed;
use crate::cli::Sign;
use crate::clock::SystemClock;
use crate::desk::client_key::shared_secret;

const DATE: &str = "x-amz-date";
const DIGEST: &str = "x-amz-content-sha256";

/// Signs, in headers or as a link.
pub(super) fn sign(args: &Sign, body: Option<&[u8]>) -> Result<Signed> {
    let (Some(region), Some(service)) = (&args.region, &args.service) else {
        bail!("{SIGV4_ALGORITHM} needs --region and --service, as [sigv4] has them");
    };
    if !args.cover.is_empty() || args.tag.is_some() || args.expires.is_some() {
        bail!("--cover, --tag and --expires are not for {SIGV4_ALGORITHM}: name headers with -H");
    }
    let secret = secret(args.secret_file.as_deref())?;
    let stamp = Stamp::of(SystemClock::new().now());
    let scope = CredentialScope::new(&args.keyid, stamp.day(), (region, service))?;
    match args.presign {
        None => in_headers(args, body, (&scope, &stamp, &secret)),
        Some(span) => link(args, (&scope, &stamp, &secret), span),
    }
}

/// What a signature is made with.
type With<'w> = (&'w CredentialScope, &'w Stamp, &'w Secret<Vec<u8>>);

fn in_headers(args: &Sign, body: Option<&[u8]>, with: With<'_>) -> Result<Signed> {
    let (scope, stamp, _) = with;
    let (mut head, mut added) = super::head(args, body)?;
    let payload = Payload::of(body.unwrap_or_default());
    let mut add = |name: &'static str, value: &str| -> Result<()> {
        let name = HeaderName::from_static(name);
        head.headers.insert(&name, HeaderValue::try_from(value)?);
        added.push((name, value.to_owned()));
        Ok(())
    };
    add(DATE, stamp.as_str())?;
    if body.is_some() {
        if !args.headers.iter().any(|text| is_content_type(text)) {
            // What curl sends where nothing is said: it must be signed, so it is said.
            add("content-type", "application/x-www-form-urlencoded")?;
        }
        add(DIGEST, &payload.to_field())?;
    }
    let signed = names(args, added.iter().map(|(name, _)| name.as_str()))?;
    let head = super::canonical(head)?;
    let (signature, base) = signature(&head, (&signed, &payload), with)?;
    let made = Authorization {
        scope: scope.clone(),
        signed,
        signature,
    };
    added.push((AUTHORIZATION, made.to_string()));
    Ok(Signed {
        url: args.url.clone(),
        method: head.method().clone(),
        added,
        base,
    })
}

fn link(args: &Sign, with: With<'_>, span: Duration) -> Result<Signed> {
    let (scope, stamp, _) = with;
    let (mut head, _) = super::head(args, None)?;
    let signed = names(args, [])?;
    let query = Presigned::unsigned_query(scope, &signed, (stamp, span));
    let between = if head.uri.query().is_some() { '&' } else { '?' };
    let url = args.url.split('#').next().unwrap_or_default();
    let url = format!("{url}{between}{query}");
    head.uri = url.parse().context("the URL cannot be signed")?;
    let payload = match PathEncoding::of_service(scope.service()) {
        PathEncoding::Single => Payload::Unsigned,
        PathEncoding::Double => Payload::of(b""),
    };
    let head = super::canonical(head)?;
    let (signature, base) = signature(&head, (&signed, &payload), with)?;
    let url = format!("{url}&{}={}", presigned::SIGNATURE, signature.to_hex());
    // Read as the door will read it.
    let read = url.split_once('?').map_or("", |(_, query)| query);
    Presigned::parse(read)?;
    Ok(Signed {
        url,
        method: head.method().clone(),
        added: Vec::new(),
        base,
    })
}

fn is_content_type(header: &str) -> bool {
    let name = header.split(':').next().unwrap_or_default().trim();
    name.eq_ignore_ascii_case(CONTENT_TYPE.as_str())
}

/// The host, what signing adds, and every header that was given.
fn names<'n>(args: &'n Sign, added: impl IntoIterator<Item = &'n str>) -> Result<SignedHeaders> {
    let given = args.headers.iter();
    let given = given.filter_map(|text| text.split(':').next().map(str::trim));
    let all = given.chain(added).chain([HOST.as_str()]);
    Ok(SignedHeaders::of(all)?)
}

fn signature(
    head: &RequestHead,
    (signed, payload): (&SignedHeaders, &Payload),
    (scope, stamp, secret): With<'_>,
) -> Result<(SigV4Signature, String)> {
    let encoding = PathEncoding::of_service(scope.service());
    let canonical = canonical_request(head, signed, payload, encoding)
        .map_err(|error| anyhow!("a door would refuse this request: {error}"))?;
    let text = string_to_sign(stamp, scope, &canonical);
    Ok((SigV4Signature::sign(secret, scope, &text), canonical))
}

fn secret(path: Option<&Path>) -> Result<Secret<Vec<u8>>> {
    let path = path.with_context(|| format!("{SIGV4_ALGORITHM} needs --secret-file"))?;
    let text = crate::command::client_key::read_secret(path)?;
    shared_secret(&text, SIGV4_ALGORITHM)
}
