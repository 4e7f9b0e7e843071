//! The end of a path in a tree: which rule each method has.

use http::Method;

/// Rules by method. A rule is named by its index.
#[derive(Debug, Default)]
pub(super) struct Leaf {
    listed: Vec<(Method, usize)>,
    any: Option<usize>,
}

impl Leaf {
    /// The rule of a method, compared byte for byte. HEAD has GET's rule unless it has its own.
    pub(super) fn rule(&self, method: &Method) -> Option<usize> {
        self.listed(method)
            .or_else(|| {
                (*method == Method::HEAD)
                    .then(|| self.listed(&Method::GET))
                    .flatten()
            })
            .or(self.any)
    }

    /// The rule that lists a method.
    pub(super) fn listed(&self, method: &Method) -> Option<usize> {
        self.listed
            .iter()
            .find(|(listed, _)| listed == method)
            .map(|(_, rule)| *rule)
    }

    /// The rule for any method.
    pub(super) const fn any(&self) -> Option<usize> {
        self.any
    }

    /// Every rule of this leaf, in the order of the methods.
    pub(super) fn all(&self) -> impl Iterator<Item = usize> + '_ {
        self.listed.iter().map(|(_, rule)| *rule).chain(self.any)
    }

    /// Some rule of this leaf.
    pub(super) fn first(&self) -> Option<usize> {
        self.any
            .or_else(|| self.listed.first().map(|(_, rule)| *rule))
    }

    /// Adds a method that is not there yet.
    pub(super) fn list(&mut self, method: Method, rule: usize) {
        self.listed.push((method, rule));
    }

    /// Makes one rule cover every method.
    pub(super) const fn cover_any(&mut self, rule: usize) {
        self.any = Some(rule);
    }
}
