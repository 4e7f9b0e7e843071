//! A tree while routes are added to it.

use std::collections::BTreeMap;

use super::leaf::Leaf;
use super::literals::Literals;
use super::tree::{Node, Tree};
use crate::error::RouteFault;
use crate::fold::folded;
use crate::route::{Methods, Route};
use crate::template::{PathTemplate, Segment};

/// A tree of one host while routes are added to it.
pub(super) struct Sapling {
    nodes: Vec<Growing>,
    depth: usize,
    last_route: usize,
}

#[derive(Default)]
struct Growing {
    /// By folded form.
    literals: BTreeMap<String, Child>,
    parameter: Option<usize>,
    end: Option<Leaf>,
    rest: Option<Leaf>,
}

struct Child {
    text: Box<str>,
    node: usize,
    /// The route that wrote it first.
    route: usize,
}

impl Default for Sapling {
    fn default() -> Self {
        Self {
            nodes: vec![Growing::default()],
            depth: 0,
            last_route: 0,
        }
    }
}

impl Sapling {
    /// Adds a route, and returns what contradicts routes added before.
    pub(super) fn insert(&mut self, index: usize, routes: &[Route]) -> Vec<RouteFault> {
        let Some(route) = routes.get(index) else {
            return Vec::new();
        };
        self.last_route = index;
        let mut at = 0;
        let mut is_rest = false;
        for segment in route.path.segments() {
            match segment {
                Segment::CatchAll(_) => is_rest = true,
                Segment::Parameter(_) => at = self.parameter(at),
                Segment::Literal(text) => match self.literal(at, text, index) {
                    Ok(child) => at = child,
                    Err((other, theirs)) => {
                        let ours = text.to_string();
                        let other = label(routes, other);
                        return vec![RouteFault::Spelling {
                            other,
                            theirs,
                            ours,
                        }];
                    }
                },
            }
        }
        self.depth = self.depth.max(route.path.segments().len());
        let Some(node) = self.nodes.get_mut(at) else {
            return Vec::new();
        };
        let place = if is_rest {
            &mut node.rest
        } else {
            &mut node.end
        };
        add(place.get_or_insert_default(), index, route, routes)
    }

    /// The route that was added last.
    pub(super) const fn last_route(&self) -> usize {
        self.last_route
    }

    /// Finishes the tree.
    pub(super) fn grow(self) -> Tree {
        let finish = |node: Growing| Node {
            literals: Literals::new(
                node.literals
                    .into_values()
                    .map(|child| (child.text, child.node)),
            ),
            parameter: node.parameter,
            end: node.end,
            rest: node.rest,
        };
        Tree::new(self.nodes.into_iter().map(finish).collect(), self.depth)
    }

    /// The literal child of a node, made when it is not there; the route and text of another
    /// spelling when there is one.
    fn literal(&mut self, at: usize, text: &str, route: usize) -> Result<usize, (usize, String)> {
        let new = self.nodes.len();
        let Some(parent) = self.nodes.get_mut(at) else {
            return Ok(0);
        };
        let child = parent.literals.entry(folded(text)).or_insert(Child {
            text: text.into(),
            node: new,
            route,
        });
        if *child.text != *text {
            return Err((child.route, child.text.to_string()));
        }
        let node = child.node;
        if node == new {
            self.nodes.push(Growing::default());
        }
        Ok(node)
    }

    /// The parameter child of a node, made when it is not there.
    fn parameter(&mut self, at: usize) -> usize {
        let new = self.nodes.len();
        let Some(parent) = self.nodes.get_mut(at) else {
            return 0;
        };
        let node = *parent.parameter.get_or_insert(new);
        if node == new {
            self.nodes.push(Growing::default());
        }
        node
    }
}

fn label(routes: &[Route], index: usize) -> String {
    routes
        .get(index)
        .map(|route| route.label.clone())
        .unwrap_or_default()
}

/// Adds a route's methods to a leaf, and returns what contradicts the methods that are there.
fn add(leaf: &mut Leaf, index: usize, route: &Route, routes: &[Route]) -> Vec<RouteFault> {
    let mut faults = Vec::new();
    let slash = PathTemplate::has_trailing_slash;
    if let Some(other) = leaf.first()
        && routes
            .get(other)
            .is_some_and(|other| slash(&other.path) != slash(&route.path))
    {
        let other = label(routes, other);
        faults.push(RouteFault::TrailingSlash { other });
    }
    let mut overlaps: BTreeMap<usize, Vec<&str>> = BTreeMap::new();
    match &route.methods {
        Methods::Any => match leaf.first() {
            Some(other) => overlaps.entry(other).or_default().push("all methods"),
            None => leaf.cover_any(index),
        },
        Methods::List(methods) => {
            for (n, method) in methods.iter().enumerate() {
                match leaf.any().or_else(|| leaf.listed(method)) {
                    // A method that is written twice in one list is harmless.
                    Some(other)
                        if other == index && methods.iter().take(n).any(|m| m == method) => {}
                    Some(other) => overlaps.entry(other).or_default().push(method.as_str()),
                    None => leaf.list(method.clone(), index),
                }
            }
        }
    }
    for (other, methods) in overlaps {
        faults.push(RouteFault::Overlap {
            other: label(routes, other),
            methods: methods.join(","),
        });
    }
    faults
}
