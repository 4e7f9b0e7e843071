//! The literal children of one place in a tree, found by hash.

use crate::fold::{Hashed, folded};

/// Up to how many children are compared one by one.
const FEW: usize = 4;

/// An open-addressed table that is at most half full, or a short list.
#[derive(Debug, Default)]
pub(super) struct Literals {
    /// Indices into `edges`, plus one; zero is empty. No slots for few edges.
    slots: Box<[u32]>,
    edges: Box<[Edge]>,
}

/// One literal child.
#[derive(Debug)]
pub(super) struct Edge {
    hash: u64,
    folded: Box<str>,
    /// The segment as it must be written.
    text: Box<str>,
    /// The child's index in the tree.
    pub(super) child: usize,
}

impl Literals {
    /// Builds the table; no two texts may have the same folded form.
    pub(super) fn new(children: impl IntoIterator<Item = (Box<str>, usize)>) -> Self {
        let edges: Box<[Edge]> = children
            .into_iter()
            .map(|(text, child)| Edge {
                hash: Hashed::new(&text).hash,
                folded: folded(&text).into(),
                text,
                child,
            })
            .collect();
        let len = if edges.len() <= FEW {
            0
        } else {
            (edges.len() * 2).next_power_of_two()
        };
        let mut slots = vec![0; len].into_boxed_slice();
        for (edge, number) in edges.iter().zip(1..) {
            for at in probe(edge.hash, slots.len()) {
                if let Some(slot @ 0) = slots.get_mut(at) {
                    *slot = number;
                    break;
                }
            }
        }
        Self { slots, edges }
    }

    /// The child whose literal folds to the same form as the segment, and whether it is written
    /// the same.
    pub(super) fn find(&self, segment: &Hashed<'_>) -> Option<(usize, bool)> {
        if self.slots.is_empty() {
            return self.edges.iter().find_map(|edge| edge.meet(segment));
        }
        for at in probe(segment.hash, self.slots.len()) {
            let number = usize::try_from(*self.slots.get(at)?).ok()?;
            let edge = self.edges.get(number.checked_sub(1)?)?;
            if let Some(met) = edge.meet(segment) {
                return Some(met);
            }
        }
        None
    }

    /// The children.
    pub(super) fn iter(&self) -> impl Iterator<Item = &Edge> {
        self.edges.iter()
    }
}

impl Edge {
    fn meet(&self, segment: &Hashed<'_>) -> Option<(usize, bool)> {
        if self.hash != segment.hash {
            return None;
        }
        let exact = *self.text == *segment.text;
        (exact || segment.folds_to(&self.folded)).then_some((self.child, exact))
    }
}

/// The places where a hash may be stored, in order. `len` is a power of two.
fn probe(hash: u64, len: usize) -> impl Iterator<Item = usize> {
    let mask = len.wrapping_sub(1);
    let start = usize::try_from(hash & 0xffff_ffff).unwrap_or(0);
    (0..len).map(move |step| start.wrapping_add(step) & mask)
}

#[cfg(test)]
mod tests {
    use super::Literals;
    use crate::fold::Hashed;

    #[test]
    fn every_child_is_found_and_nothing_else() {
        for count in [0_usize, 1, 2, 4, 5, 100, 5000] {
            let name = |n: usize| format!("segment-{n}").into_boxed_str();
            let literals = Literals::new((0..count).map(|n| (name(n), n)));
            assert_eq!(literals.iter().count(), count);
            for n in 0..count {
                assert_eq!(literals.find(&Hashed::new(&name(n))), Some((n, true)));
                let upper = name(n).to_ascii_uppercase();
                assert_eq!(literals.find(&Hashed::new(&upper)), Some((n, false)));
            }
            for n in count..count + 100 {
                assert!(literals.find(&Hashed::new(&name(n))).is_none());
            }
        }
    }
}
