//! The last decisions, for `explain`.

use std::sync::atomic::{AtomicUsize, Ordering};

use doorward_core::decision::DecisionId;
use parking_lot::Mutex;

/// The longest line that is remembered, in bytes; bounds the memory that callers can fill.
const MAX_LINE: usize = 4096;

/// Lines of the last decisions. Every slot keeps its memory for the next line.
pub(super) struct Ring {
    slots: Box<[Mutex<Slot>]>,
    next: AtomicUsize,
}

#[derive(Default)]
struct Slot {
    id: Option<DecisionId>,
    line: Vec<u8>,
}

impl Ring {
    /// A ring of `len` slots.
    pub(super) fn new(len: usize) -> Self {
        Self {
            slots: (0..len).map(|_| Mutex::default()).collect(),
            next: AtomicUsize::new(0),
        }
    }

    /// Remembers a line in place of the oldest one.
    pub(super) fn remember(&self, id: DecisionId, line: &[u8]) {
        let at = self.next.fetch_add(1, Ordering::Relaxed) % self.slots.len().max(1);
        if let Some(slot) = self.slots.get(at) {
            let mut slot = slot.lock();
            slot.line.clear();
            slot.id = (line.len() <= MAX_LINE).then_some(id);
            if slot.id.is_some() {
                slot.line.extend_from_slice(line);
            }
        }
    }

    /// The line of a decision, without its line end.
    pub(super) fn find(&self, id: &str) -> Option<String> {
        let line = self.slots.iter().find_map(|slot| {
            let slot = slot.lock();
            let found = slot.id.is_some_and(|known| known.to_string() == id);
            found.then(|| slot.line.clone())
        })?;
        String::from_utf8(line)
            .ok()
            .map(|text| text.trim_end().to_owned())
    }
}
