//! The vocabulary of Doorward and the gate itself.
//!
//! What it is: the four checks of a call (present, valid, expired, allowed), the types that
//! carry their results, and the one canonical form of a request that matching, policy and
//! forwarding share.
//!
//! What it never does: I/O, async runtimes, wall clocks, ambient randomness, SQL, cryptography.
//!
//! Where to start: [`gate`], then [`rejection`] and [`request`].

pub mod api_key;
pub mod body;
pub mod challenge;
pub mod client_certificate;
pub mod clock;
pub mod cors;
pub mod credential;
pub mod decision;
pub mod entropy;
pub mod front;
pub mod gate;
pub mod json;
pub mod limit;
pub mod net;
pub mod permit;
pub mod policy;
pub mod refusal;
pub mod rejection;
pub mod request;
pub mod room;
pub mod scope;
pub mod secret;
pub mod verified;

pub use clock::{Clock, Timestamp};
pub use entropy::Entropy;
pub use front::Front;
pub use gate::{Authenticator, Gate, Verdict};
pub use permit::Permit;
pub use refusal::Refusal;
pub use rejection::Rejection;
pub use request::RequestHead;
pub use scope::{Scope, ScopeSet};
pub use secret::Secret;
pub use verified::{Principal, Verified};
