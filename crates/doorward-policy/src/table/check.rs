//! What can be wrong with one route by itself.

use doorward_core::policy::{Access, Cors};

use crate::error::RouteFault;
use crate::route::{Methods, Route, can_arrive};

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
    faults
}

fn shares_cookies_with_all(cors: &Cors) -> bool {
    cors.credentials && cors.origins.iter().any(|origin| &**origin == "*")
}
