//! The last decisions, for `explain`.

use std::sync::atomic::{AtomicUsize, Ordering};

use doorward_core::clock::Timestamp;
use doorward_core::credential::{CredentialId, Method};
use doorward_core::decision::{Decision, DecisionId};
use doorward_core::front::Front;
use doorward_core::net::ClientAddress;
use parking_lot::Mutex;

/// The largest record that is remembered, in bytes; bounds the memory that callers can fill.
const MAX_RECORD: usize = 4096;

/// The last decisions. Every slot keeps its memory for the next one.
pub(super) struct Ring {
    slots: Box<[Mutex<Slot>]>,
    next: AtomicUsize,
}

#[derive(Default)]
struct Slot {
    /// Whose record it is, and in which form; nothing when it was too large.
    id: Option<(DecisionId, Form)>,
    text: Vec<u8>,
}

/// How a decision is remembered.
#[derive(Clone, Copy)]
enum Form {
    /// As its line.
    Line,
    /// As its texts, one after the other: a call that was allowed is remembered far more often
    /// than it is asked for, and its line is written when it is.
    Texts(Texts),
}

#[derive(Clone, Copy)]
struct Texts {
    at: Timestamp,
    method: Option<Method>,
    client: ClientAddress,
    front: Front,
    latency_us: u64,
    /// Where each text ends.
    ends: [Option<u16>; 7],
}

impl Ring {
    /// A ring of `len` slots.
    pub(super) fn new(len: usize) -> Self {
        Self {
            slots: (0..len).map(|_| Mutex::default()).collect(),
            next: AtomicUsize::new(0),
        }
    }

    /// Remembers a decision in place of the oldest one.
    pub(super) fn remember(&self, decision: &Decision<'_>) {
        let at = self.next.fetch_add(1, Ordering::Relaxed) % self.slots.len().max(1);
        let Some(slot) = self.slots.get(at) else {
            return;
        };
        let mut slot = slot.lock();
        let Slot { id, text } = &mut *slot;
        text.clear();
        let texts = match decision.rejection {
            None => Texts::put(decision, text).map(Form::Texts),
            Some(_) => None,
        };
        let form = texts.or_else(|| {
            text.clear();
            decision.write_json(text);
            (text.len() <= MAX_RECORD).then_some(Form::Line)
        });
        *id = form.map(|form| (decision.id, form));
        if id.is_none() {
            // What is too large is not kept in memory either.
            *text = Vec::new();
        }
    }

    /// The line of a decision, without its line end.
    pub(super) fn find(&self, id: &str) -> Option<String> {
        let line = self.slots.iter().find_map(|slot| {
            let slot = slot.lock();
            let (known, form) = slot.id?;
            (known.to_string() == id).then(|| match form {
                Form::Line => slot.text.clone(),
                Form::Texts(texts) => texts.line(known, &slot.text),
            })
        })?;
        String::from_utf8(line)
            .ok()
            .map(|text| text.trim_end().to_owned())
    }
}

impl Texts {
    /// Puts the texts of a decision one after the other; `None` when they are too long.
    fn put(decision: &Decision<'_>, text: &mut Vec<u8>) -> Option<Self> {
        let texts = [
            decision.credential_id.map(CredentialId::as_str),
            decision.subject,
            decision.route,
            decision.rule,
            Some(decision.http_method),
            decision.host,
            Some(decision.path),
        ];
        let mut ends = [None; 7];
        for (end, part) in ends.iter_mut().zip(texts) {
            let Some(part) = part else { continue };
            if text.len().saturating_add(part.len()) > MAX_RECORD {
                return None;
            }
            text.extend_from_slice(part.as_bytes());
            *end = u16::try_from(text.len()).ok();
        }
        Some(Self {
            at: decision.at,
            method: decision.method,
            client: decision.client,
            front: decision.front,
            latency_us: decision.latency_us,
            ends,
        })
    }

    /// Writes the line.
    fn line(&self, id: DecisionId, text: &[u8]) -> Vec<u8> {
        let mut begin = 0;
        let [credential, subject, route, rule, http_method, host, path] = self.ends.map(|end| {
            let end = usize::from(end?);
            let part = text.get(begin..end)?;
            begin = end;
            str::from_utf8(part).ok()
        });
        let credential_id = credential.map(CredentialId::new);
        let mut line = Vec::with_capacity(512);
        Decision {
            at: self.at,
            id,
            rejection: None,
            method: self.method,
            credential_id: credential_id.as_ref(),
            subject,
            route,
            rule,
            http_method: http_method.unwrap_or_default(),
            host,
            path: path.unwrap_or_default(),
            client: self.client,
            front: self.front,
            latency_us: self.latency_us,
        }
        .write_json(&mut line);
        line
    }
}

#[cfg(test)]
mod tests {
    use doorward_core::credential::{CredentialId, Method};
    use doorward_core::decision::Decision;
    use doorward_core::rejection::Rejection;

    use super::super::sample;
    use super::Ring;

    #[test]
    fn a_decision_is_remembered_word_for_word() {
        let ring = Ring::new(2);
        let credential = CredentialId::new("key_1");
        let known = Decision {
            credential_id: Some(&credential),
            method: Some(Method::ApiKey),
            ..sample::decision(1)
        };
        let anonymous = Decision {
            subject: None,
            host: None,
            ..sample::decision(2)
        };
        let refused = Decision {
            rejection: Some(&Rejection::Missing),
            ..sample::decision(3)
        };
        for decision in [known, anonymous, refused] {
            ring.remember(&decision);
            let mut line = Vec::new();
            decision.write_json(&mut line);
            let line = String::from_utf8(line).unwrap();
            let found = ring.find(&decision.id.to_string()).unwrap();
            assert_eq!(found, line.trim_end());
        }
    }
}
