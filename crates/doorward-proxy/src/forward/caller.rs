//! Who calls, as header values.

use std::cell::RefCell;
use std::fmt::Write as _;
use std::sync::Arc;

use doorward_core::verified::Identity;
use http::HeaderValue;

use crate::fault::Fault;

/// An identity as the upstream is told. Cloning it copies pointers.
#[derive(Clone)]
pub(super) struct Caller {
    pub(super) subject: HeaderValue,
    pub(super) method: HeaderValue,
    pub(super) credential: HeaderValue,
    pub(super) scopes: HeaderValue,
    pub(super) issuer: Option<HeaderValue>,
}

/// How many callers each thread remembers.
const REMEMBERED: usize = 256;

/// A caller, and the very identity that it was written for.
struct Known {
    identity: Identity,
    caller: Caller,
}

thread_local! {
    static KNOWN: RefCell<Vec<Option<Known>>> = const { RefCell::new(Vec::new()) };
}

impl Caller {
    /// Writes an identity down, or finds it written down already.
    pub(super) fn of(identity: &Identity) -> Result<Self, Fault> {
        let slot = slot(identity);
        KNOWN.with_borrow_mut(|known| {
            if known.is_empty() {
                known.resize_with(REMEMBERED, || None);
            }
            match known.get_mut(slot) {
                Some(Some(known)) if known.is_of(identity) => Ok(known.caller.clone()),
                Some(place) => {
                    let caller = Self::written(identity)?;
                    *place = Some(Known {
                        identity: identity.clone(),
                        caller: caller.clone(),
                    });
                    Ok(caller)
                }
                None => Self::written(identity),
            }
        })
    }

    fn written(identity: &Identity) -> Result<Self, Fault> {
        Ok(Self {
            subject: text(&identity.subject)?,
            method: HeaderValue::from_static(identity.method.as_str()),
            credential: text(identity.credential_id.as_str())?,
            scopes: value(identity.grants.scopes.to_string())?,
            issuer: identity.grants.issuer.as_deref().map(text).transpose()?,
        })
    }
}

impl Known {
    /// Tells whether it is the same identity in the same place, which cannot have changed.
    fn is_of(&self, identity: &Identity) -> bool {
        Arc::ptr_eq(&self.identity.subject, &identity.subject)
            && Arc::ptr_eq(&self.identity.grants, &identity.grants)
            && self.identity.method == identity.method
            && self.identity.credential_id == identity.credential_id
    }
}

/// Where an identity is remembered.
fn slot(identity: &Identity) -> usize {
    let place = Arc::as_ptr(&identity.subject).addr() ^ Arc::as_ptr(&identity.grants).addr() << 7;
    let id = identity.credential_id.as_str().as_bytes();
    let mixed = id
        .iter()
        .rev()
        .take(8)
        .fold(place, |hash, byte| hash.rotate_left(5) ^ usize::from(*byte));
    mixed.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> (usize::BITS - REMEMBERED.ilog2())
}

fn value(text: String) -> Result<HeaderValue, Fault> {
    HeaderValue::try_from(text).map_err(|_| Fault::Request)
}

/// A header value for any text: what is not visible ASCII is percent-encoded, and so is `%`, so
/// that two different subjects never look the same.
fn text(text: &str) -> Result<HeaderValue, Fault> {
    if text.bytes().all(is_plain) {
        return HeaderValue::from_str(text).map_err(|_| Fault::Request);
    }
    let mut out = String::with_capacity(text.len() * 3);
    for byte in text.bytes() {
        if is_plain(byte) {
            out.push(char::from(byte));
        } else {
            let _written = write!(out, "%{byte:02X}");
        }
    }
    value(out)
}

/// Visible ASCII but `%`; and no comma, where some servers split values.
const fn is_plain(byte: u8) -> bool {
    byte.is_ascii_graphic() && byte != b'%' && byte != b','
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use doorward_core::credential::{CredentialId, Method};
    use doorward_core::scope::ScopeSet;
    use doorward_core::verified::{Grants, Identity};

    use super::{Caller, text};

    fn identity(key: &str, subject: &str, scope: &str) -> Identity {
        Identity {
            method: Method::ApiKey,
            credential_id: CredentialId::new(key),
            subject: subject.into(),
            grants: Arc::new(Grants {
                scopes: ScopeSet::parse(scope).unwrap(),
                ..Grants::default()
            }),
        }
    }

    fn shown(identity: &Identity) -> [String; 4] {
        let caller = Caller::of(identity).map_err(drop).unwrap();
        [
            caller.subject,
            caller.method,
            caller.credential,
            caller.scopes,
        ]
        .map(|value| value.to_str().unwrap().to_owned())
    }

    #[test]
    fn r100_nobody_is_shown_as_somebody_else() {
        // Many more than are remembered, and every second time another identity of the same
        // texts, whose memory may be where a forgotten one's was.
        for round in 0..4 {
            for n in 0..2000 {
                let (key, subject, scope) = (format!("key_{n}"), format!("s{}", n / 2), "a b");
                let identity = identity(&key, &subject, scope);
                for _ in 0..2 {
                    assert_eq!(
                        shown(&identity),
                        [&*subject, "api_key", &*key, scope],
                        "{round}"
                    );
                }
            }
        }
        let one = identity("key_1", "alice", "a");
        let changed = Identity {
            grants: Arc::new(Grants::default()),
            ..one.clone()
        };
        assert_eq!(shown(&one)[3], "a");
        assert_eq!(shown(&changed)[3], "");
    }

    #[test]
    fn r100_a_subject_is_one_unambiguous_header_value() {
        for (subject, sent) in [
            ("alice", "alice"),
            ("jo\u{e9}", "jo%C3%A9"),
            ("jo%C3%A9", "jo%25C3%25A9"),
            ("a b", "a%20b"),
            ("a,b", "a%2Cb"),
            (
                "a\r\nX-Doorward-Scopes: admin",
                "a%0D%0AX-Doorward-Scopes:%20admin",
            ),
            ("", ""),
        ] {
            assert_eq!(text(subject).unwrap(), sent, "{subject:?}");
        }
    }
}
