//! What calls that are counted together have in common, as a text.

use std::fmt::Write;
use std::net::IpAddr;

use doorward_core::limit::{By, Counted, Limit};
use doorward_core::net::ClientAddress;

/// The longest text that is kept as it is, in bytes.
const LONGEST: usize = 200;

/// What a call is counted under. The parts are told apart by their lengths, and a text that is
/// too long to keep is kept as a digest.
pub(super) fn of(limit: &Limit, call: &Counted<'_>, digest: &dyn Fn(&[u8]) -> [u8; 32]) -> String {
    let mut key = String::with_capacity(64);
    for by in &limit.by {
        match (by, call.identity) {
            (By::Route, _) => put(&mut key, 'r', call.rule),
            (By::Credential, Some(identity)) => {
                put(&mut key, 'm', identity.method.as_str());
                put(
                    &mut key,
                    'i',
                    identity.grants.issuer.as_deref().unwrap_or(""),
                );
                put(&mut key, 'c', identity.credential_id.as_str());
            }
            (By::Subject, Some(identity)) => {
                put(
                    &mut key,
                    'i',
                    identity.grants.issuer.as_deref().unwrap_or(""),
                );
                put(&mut key, 's', &identity.subject);
            }
            // SECURITY: who is not known is counted all the same.
            (By::Address, _) | (By::Credential | By::Subject, None) => {
                put(&mut key, 'a', &network(call.client).to_string());
            }
        }
    }
    if key.len() > LONGEST {
        // SECURITY: under a secret key. Who could find two texts with one digest could use up what
        // another caller may do, or share a count with themselves.
        shown(digest(key.as_bytes()))
    } else {
        key
    }
}

fn put(key: &mut String, kind: char, text: &str) {
    // Writing to a text cannot fail.
    let _written = write!(key, "{kind}{}:{text}", text.len());
}

/// One caller of IPv6 holds a whole /64.
fn network(client: ClientAddress) -> IpAddr {
    match client.ip() {
        IpAddr::V6(v6) => IpAddr::V6((v6.to_bits() >> 64 << 64).into()),
        v4 @ IpAddr::V4(_) => v4,
    }
}

/// No key that is kept as it is begins like this.
fn shown(digest: [u8; 32]) -> String {
    let mut text = String::with_capacity(65);
    text.push('d');
    for byte in digest {
        // Writing to a text cannot fail.
        let _written = write!(text, "{byte:02x}");
    }
    text
}
