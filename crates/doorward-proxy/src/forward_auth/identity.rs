//! What an allowing answer says of the caller.

use doorward_core::Permit;
use http::HeaderValue;
use http::header::HeaderName;

use crate::door::Snapshot;
use crate::fault::Fault;
use crate::forward::told_by_a_front;

/// The header of every answer that names its decision.
pub(super) const ANSWERED: HeaderName = HeaderName::from_static("doorward-decision");

/// Every header of ours towards upstreams; nothing where the upstream must see nothing.
pub(super) type Told = Vec<(HeaderName, Option<HeaderValue>)>;

/// Writes down who calls, as the gate found.
pub(super) fn told(snapshot: &Snapshot, permit: &Permit) -> Result<Told, Fault> {
    told_by_a_front(permit, snapshot).map(Vec::from)
}
