//! What can be wrong with one route by itself.

use doorward_core::policy::{Access, Binding, BodyRule, Cors, Owner, Pointer};

use doorward_core::scope::ScopeSet;

use crate::error::RouteFault;
use crate::route::{Methods, Route, can_arrive};
use crate::template::Segment;

/// Every fault of a route that does not depend on other routes.
pub(super) fn faults(route: &Route) -> Vec<RouteFault> {
    let mut faults = Vec::new();
    // SECURITY: core reads an empty list as "every method"; a route must say what guards it.
    if let Access::Guarded(guarded) = &route.access
        && guarded.accepts.is_empty()
    {
        faults.push(RouteFault::NothingAccepted);
    }
    if let Methods::List(methods) = &route.methods {
        if methods.is_empty() {
            faults.push(RouteFault::NoMethods);
        }
        for method in methods.iter().filter(|method| !can_arrive(method)) {
            faults.push(RouteFault::MethodNeverArrives(method.to_string()));
        }
    }
    if route.cors.as_ref().is_some_and(shares_cookies_with_all) {
        faults.push(RouteFault::AnyOriginWithCredentials);
    }
    if let Some(owner) = &route.binding.owner {
        owner_faults(route, owner, &mut faults);
    }
    body_faults(&route.binding, &mut faults);
    faults
}

fn owner_faults(route: &Route, owner: &Owner, faults: &mut Vec<RouteFault>) {
    if matches!(route.access, Access::Public) {
        faults.push(RouteFault::OwnerOfPublic);
    }
    let nowhere = owner.path.is_none() && owner.query.is_none() && owner.body.is_none();
    if nowhere || owner.unless.as_ref().is_some_and(ScopeSet::is_empty) {
        faults.push(RouteFault::OwnerNowhere);
    }
    if let Some(place) = &owner.path {
        let segment = route.path.segments().get(place.segment);
        if !matches!(segment, Some(Segment::Parameter(name)) if *name == place.name) {
            faults.push(RouteFault::OwnerParameter(place.name.to_string()));
        }
    }
}

fn body_faults(binding: &Binding, faults: &mut Vec<RouteFault>) {
    let Some(body) = &binding.body else { return };
    if body.max_bytes > BodyRule::MOST_BYTES {
        faults.push(RouteFault::BodyTooLarge(BodyRule::MOST_BYTES));
    }
    for (pointer, scopes) in &body.needs {
        if scopes.is_empty() {
            faults.push(RouteFault::NeedsNothing(pointer.to_string()));
        }
    }
    let owner = binding.owner.as_ref().and_then(|owner| owner.body.as_ref());
    let all: Vec<&Pointer> = owner.into_iter().chain(body.pointers()).collect();
    for (n, one) in all.iter().enumerate() {
        let other = all.iter().skip(n + 1).find(|other| one.contradicts(other));
        if let Some(other) = other {
            let (one, other) = (one.to_string(), other.to_string());
            faults.push(RouteFault::Contradiction(one, other));
        }
    }
}

fn shares_cookies_with_all(cors: &Cors) -> bool {
    cors.credentials && cors.origins.iter().any(|origin| &**origin == "*")
}
