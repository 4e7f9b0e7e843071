//! Route table, roles and the decision: which rule covers a request, and who may pass it.
//!
//! What it is: path templates, host patterns and methods, put together at start into a table
//! that finds the one rule of a request in a bounded number of steps; and roles, which stand
//! for scopes; and what a call may name and set: whose objects, which members of its body.
//!
//! What it never does: I/O, reading configuration files, caching a decision, rewriting a path,
//! guessing. What no rule covers is refused by the gate.
//!
//! Where to start: [`RouteTable::build`], then [`Route`] and [`PathTemplate`].

mod error;
mod fold;
mod host;
mod limiter;
mod object;
mod role;
mod route;
mod table;
mod template;

pub use error::{RouteError, RouteFault};
pub use host::{HostError, HostPattern};
pub use limiter::{CallLimiter, Counts, LongKeyDigest, QuotaUse};
pub use role::{RoleError, Roles};
pub use route::{MethodError, Methods, Route};
pub use table::RouteTable;
pub use template::{PathTemplate, Segment, TemplateError, TemplateFault};
