//! Counting a call that has passed the four checks. A call that any check refuses is not counted.

use std::sync::Arc;

use crate::limit::{Counted, Limit, Limiter, Standing};
use crate::net::ClientAddress;
use crate::permit::Permit;
use crate::policy::Rule;
use crate::rejection::Rejection;
use crate::verified::Principal;

/// Counts a call by the limits of its rule.
pub(super) fn count(
    limiter: &dyn Limiter,
    permit: Permit,
    client: ClientAddress,
) -> Result<Permit, Rejection> {
    if permit.rule().limits.is_empty() {
        return Ok(permit);
    }
    let standings = take(limiter, &counted(&permit, client))?;
    Ok(permit.counted(standings))
}

/// Refuses a call that would not pass, and counts nothing yet.
pub(super) fn look(
    limiter: &dyn Limiter,
    permit: &Permit,
    client: ClientAddress,
) -> Result<(), Rejection> {
    if permit.rule().limits.is_empty() {
        return Ok(());
    }
    limiter
        .look(&counted(permit, client))
        .map_err(|exceeded| Rejection::Limited(Box::new(exceeded)))
}

/// Counts a preflight, by those limits of the rule that count addresses.
pub(super) fn count_preflight(
    limiter: &dyn Limiter,
    rule: &Rule,
    client: ClientAddress,
) -> Result<(), Rejection> {
    let known = rule.limits.iter();
    let limits: Vec<Arc<Limit>> = known.filter(|l| l.counts_preflights()).cloned().collect();
    if limits.is_empty() {
        return Ok(());
    }
    let call = Counted {
        limits: &limits,
        rule: &rule.name,
        identity: None,
        client,
    };
    take(limiter, &call).map(drop)
}

fn take(limiter: &dyn Limiter, call: &Counted<'_>) -> Result<Vec<Standing>, Rejection> {
    limiter
        .take(call)
        .map_err(|exceeded| Rejection::Limited(Box::new(exceeded)))
}

fn counted(permit: &Permit, client: ClientAddress) -> Counted<'_> {
    let rule = permit.rule();
    Counted {
        limits: &rule.limits,
        rule: &rule.name,
        identity: permit.principal().map(Principal::identity),
        client,
    }
}
