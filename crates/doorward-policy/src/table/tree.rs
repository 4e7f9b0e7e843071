//! The paths of one host.

use super::leaf::Leaf;
use super::literals::Literals;
use crate::fold::Hashed;
use crate::template::MAX_SEGMENTS;

/// More than a template can have, so that a look-up does not allocate.
const INLINE: usize = 36;
const _: () = assert!(INLINE > MAX_SEGMENTS);

/// The paths of one host, segment by segment.
#[derive(Debug, Default)]
pub(super) struct Tree {
    nodes: Vec<Node>,
    depth: usize,
}

/// One place in a tree. Node 0 is the root; children come after their parents.
#[derive(Debug, Default)]
pub(super) struct Node {
    pub(super) literals: Literals,
    pub(super) parameter: Option<usize>,
    /// The rules of paths that end here.
    pub(super) end: Option<Leaf>,
    /// The rules of paths that go on here, or end here where nothing else ends.
    pub(super) rest: Option<Leaf>,
}

/// What a tree knows of a path.
pub(super) enum Found<'t> {
    /// No template covers it.
    Nothing,
    /// The most specific template covers it in other letters or another encoding only.
    OtherSpelling,
    /// The most specific template's rules.
    Leaf(&'t Leaf),
}

impl Tree {
    /// Takes nodes of which none is deeper than `depth`.
    pub(super) const fn new(nodes: Vec<Node>, depth: usize) -> Self {
        Self { nodes, depth }
    }

    /// Finds the most specific template that covers a canonical path.
    pub(super) fn find(&self, path: &str) -> Found<'_> {
        if self.nodes.is_empty() {
            return Found::Nothing;
        }
        let inner = path.strip_prefix('/').unwrap_or(path);
        let inner = inner.strip_suffix('/').unwrap_or(inner);
        let mut segments = [Hashed::EMPTY; INLINE];
        let mut count = 0;
        for segment in inner.split('/').filter(|segment| !segment.is_empty()) {
            // A path that is deeper than every template ends nowhere, however deep it is.
            let Some(slot) = segments
                .get_mut(..=self.depth)
                .and_then(|s| s.get_mut(count))
            else {
                break;
            };
            *slot = Hashed::new(segment);
            count += 1;
        }
        match self.walk(0, segments.get(..count).unwrap_or_default(), true) {
            None => Found::Nothing,
            Some((_, false)) => Found::OtherSpelling,
            Some((leaf, true)) => Found::Leaf(leaf),
        }
    }

    /// Walks on from a node; `exact` tells whether all literals so far were met exactly.
    fn walk(&self, at: usize, left: &[Hashed<'_>], exact: bool) -> Option<(&Leaf, bool)> {
        let node = self.nodes.get(at)?;
        let rest = || node.rest.as_ref().map(|leaf| (leaf, exact));
        let Some((segment, left)) = left.split_first() else {
            return node.end.as_ref().map(|leaf| (leaf, exact)).or_else(rest);
        };
        let literal = || {
            let (child, same) = node.literals.find(segment)?;
            self.walk(child, left, exact && same)
        };
        let parameter = || self.walk(node.parameter?, left, exact);
        literal().or_else(parameter).or_else(rest)
    }

    /// How many nodes the worst look-up visits.
    pub(super) fn worst_steps(&self) -> usize {
        let mut steps = vec![0_usize; self.nodes.len()];
        for (at, node) in self.nodes.iter().enumerate().rev() {
            let of = |child: usize| steps.get(child).copied().unwrap_or(0);
            let literal = node.literals.iter().map(|edge| of(edge.child)).max();
            let total = literal
                .unwrap_or(0)
                .saturating_add(node.parameter.map_or(0, of))
                .saturating_add(1);
            if let Some(slot) = steps.get_mut(at) {
                *slot = total;
            }
        }
        steps.first().copied().unwrap_or(0)
    }
}
