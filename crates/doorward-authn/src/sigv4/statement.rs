//! What a signed request says of itself, in either form.

use std::time::Duration;

use doorward_core::RequestHead;
use doorward_core::credential::{Place, Presented};
use doorward_core::rejection::Rejection;
use doorward_crypto::sigv4::{
    Authorization, CredentialScope, PathEncoding, Payload, Presigned, SigV4Error, SigV4Signature,
    SignedHeaders, Stamp,
};

use super::reason::{MALFORMED, PAYLOAD, TIMES, TOKEN};
use crate::message_signature::coverage::declares_body;

const DATE: &str = "x-amz-date";
const DIGEST: &str = "x-amz-content-sha256";
const TOKEN_HEADER: &str = "x-amz-security-token";

/// Where the signature stands.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Form {
    /// In `Authorization`.
    Header,
    /// In the query.
    Query {
        /// How long the link is good.
        expires: Duration,
    },
}

/// What a request says.
pub(super) struct Statement {
    pub(super) scope: CredentialScope,
    pub(super) signed: SignedHeaders,
    pub(super) signature: SigV4Signature,
    pub(super) stamp: Stamp,
    pub(super) payload: Payload,
    pub(super) form: Form,
    /// The method is GET, HEAD or another that changes nothing.
    pub(super) safe: bool,
}

impl Statement {
    /// Reads a request that was presented as signed.
    pub(super) fn read(
        presented: &Presented<'_>,
        head: &RequestHead,
        service: &str,
    ) -> Result<Self, Rejection> {
        if head.headers().contains_key(TOKEN_HEADER) {
            return Err(Rejection::invalid(&TOKEN));
        }
        let (authorization, stamp, payload, form) = match presented.place() {
            Place::Query => {
                let read = Presigned::parse(presented.expose()).map_err(refuse)?;
                let payload = link_payload(read.payload, head, service)?;
                let expires = read.expires;
                (
                    read.authorization,
                    read.stamp,
                    payload,
                    Form::Query { expires },
                )
            }
            _ => {
                let read = Authorization::parse(presented.expose()).map_err(refuse)?;
                let stamp = one(head, DATE)?.ok_or(Rejection::invalid(&TIMES))?;
                let stamp = Stamp::parse(stamp).map_err(refuse)?;
                (read, stamp, payload(head)?, Form::Header)
            }
        };
        Ok(Self {
            scope: authorization.scope,
            signed: authorization.signed,
            signature: authorization.signature,
            stamp,
            payload,
            form,
            safe: head.method().is_safe(),
        })
    }
}

fn refuse(error: SigV4Error) -> Rejection {
    let reason = match error {
        SigV4Error::Stamp | SigV4Error::Expires => &TIMES,
        SigV4Error::Payload => &PAYLOAD,
        SigV4Error::SessionToken => &TOKEN,
        _ => &MALFORMED,
    };
    Rejection::invalid_because(reason, error.to_string())
}

/// What is said of the body. A request that says nothing has none.
fn payload(head: &RequestHead) -> Result<Payload, Rejection> {
    match one(head, DIGEST)? {
        Some(text) => Payload::parse(text).map_err(refuse),
        None if declares_body(head) => Err(Rejection::invalid_because(&PAYLOAD, DIGEST)),
        None => Ok(Payload::of(b"")),
    }
}

/// As [`payload`], for links, which may say it in the query, and where S3 signs nothing.
fn link_payload(
    in_query: Option<Payload>,
    head: &RequestHead,
    service: &str,
) -> Result<Payload, Rejection> {
    match (in_query, one(head, DIGEST)?) {
        (Some(_), Some(_)) => Err(Rejection::invalid_because(&MALFORMED, DIGEST)),
        (Some(payload), None) => Ok(payload),
        (None, Some(text)) => Payload::parse(text).map_err(refuse),
        (None, None) if PathEncoding::of_service(service) == PathEncoding::Single => {
            Ok(Payload::Unsigned)
        }
        (None, None) => Ok(Payload::of(b"")),
    }
}

/// The value of a header that may come once.
fn one<'h>(head: &'h RequestHead, name: &'static str) -> Result<Option<&'h str>, Rejection> {
    let mut values = head.headers().get_all(name).iter();
    let malformed = || Rejection::invalid_because(&MALFORMED, name);
    match (values.next(), values.next()) {
        (None, _) => Ok(None),
        (Some(value), None) => value.to_str().map(Some).map_err(|_| malformed()),
        (Some(_), Some(_)) => Err(malformed()),
    }
}
