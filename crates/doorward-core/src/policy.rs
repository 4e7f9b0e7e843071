//! What the gate asks a policy, and the rules it gets as answers.

use std::sync::Arc;
use std::time::Duration;

use http::header::HeaderName;

use crate::credential::Method;
use crate::limit::Limit;
use crate::rejection::{BodyFault, Denied, Rejection};
use crate::request::{RequestFault, RequestHead};
use crate::scope::ScopeSet;
use crate::verified::Principal;

mod binding;
mod pointer;
mod websocket;

pub use binding::{Binding, BodyRule, Owner, PathPlace};
pub use pointer::{Pointer, PointerError, Step};
pub use websocket::WebSocketBounds;

/// Decides which rule covers a request and what a principal may do. Evaluated on every call,
/// never cached.
pub trait Policy: Send + Sync {
    /// Finds the one rule that covers a request.
    ///
    /// # Errors
    /// [`RequestFault::PathCase`] when the path is a route in other letters.
    fn rule_for(&self, head: &RequestHead) -> Result<Option<Arc<Rule>>, RequestFault>;

    /// Finds the rule that covers the request whose permission a preflight asks for.
    ///
    /// # Errors
    /// As [`Policy::rule_for`].
    fn rule_for_preflight(&self, head: &RequestHead) -> Result<Option<Arc<Rule>>, RequestFault>;

    /// Decides what a live principal may do under a rule. A policy that fails denies.
    ///
    /// # Errors
    /// Why not.
    fn decide(&self, rule: &Rule, principal: &Principal, head: &RequestHead) -> Result<(), Denied>;

    /// Decides whether this body may be sent under a rule with a [`BodyRule`]. Asked for every
    /// such call, also with an empty body, and on public routes, where there is no principal.
    ///
    /// # Errors
    /// Why not. A policy that does not know bodies refuses them all.
    fn decide_body(&self, _: &Rule, _: Option<&Principal>, _: &[u8]) -> Result<(), Rejection> {
        Err(Rejection::Body(BodyFault::Unseen))
    }
}

/// What is required of the callers of one operation, and how their calls are passed on.
#[derive(Debug)]
pub struct Rule {
    /// The name in records: `GET /orders/{id}`.
    pub name: Arc<str>,
    /// The route's host and path template.
    pub route: Arc<str>,
    /// Who may call.
    pub access: Access,
    /// Whose objects the call may name, and what its body may set.
    pub binding: Binding,
    /// How the call is passed on.
    pub forwarding: Forwarding,
    /// Which pages of other origins may call it from a browser.
    pub cors: Option<Cors>,
    /// How often it may be called; empty where nothing is counted.
    pub limits: Vec<Arc<Limit>>,
}

/// Who may call an operation.
#[derive(Debug)]
pub enum Access {
    /// Anybody. Written explicitly in the configuration.
    Public,
    /// Callers who pass the four checks.
    Guarded(Guarded),
}

/// The requirements of a guarded operation.
#[derive(Debug)]
pub struct Guarded {
    /// Accepted methods, in the order in which they are looked for. Never empty.
    pub accepts: Vec<Accept>,
    /// Scopes that the caller needs, all of them.
    pub scopes: ScopeSet,
    /// The query parameter in which an API key may come.
    pub query_key: Option<Box<str>>,
    /// What signed requests must cover.
    pub signing: Signing,
}

/// What a rule asks of signed requests, beyond what their method always asks.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Signing {
    /// More components that a message signature must cover, as RFC 9421 spells their
    /// identifiers: `"content-type"` is written `content-type`.
    pub components: Vec<Box<str>>,
    /// A front that never sees the body may pass a call whose signature covers it.
    pub head_only: bool,
    /// A request in the style of AWS may leave its body unsigned (`UNSIGNED-PAYLOAD`).
    pub unsigned_payload: bool,
    /// A request in the style of AWS may carry its signature in the query, for at most so long.
    pub presigned: Option<Duration>,
}

impl Signing {
    /// Asks for nothing more.
    pub const NOTHING: Self = Self {
        components: Vec::new(),
        head_only: false,
        unsigned_payload: false,
        presigned: None,
    };
}

/// One accepted method.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Accept {
    /// The method.
    pub method: Method,
    /// The only issuer whose credentials are accepted; any configured one when absent.
    pub issuer: Option<Arc<str>>,
}

/// How a permitted call is passed on.
#[derive(Debug, Clone)]
pub struct Forwarding {
    /// The name of the upstream.
    pub upstream: Arc<str>,
    /// The caller's credential is passed on as well.
    pub pass_credential: bool,
    /// The largest body in bytes; no limit when absent.
    pub max_body: Option<u64>,
    /// How long the upstream may take to answer with a head.
    pub timeout: Duration,
    /// What callers may send over a WebSocket.
    pub websocket: WebSocketBounds,
}

/// Which pages of other origins may call an operation (Fetch standard, section 3.2).
#[derive(Debug, Clone)]
pub struct Cors {
    /// Origins, exact; a single `*` stands for any.
    pub origins: Vec<Box<str>>,
    /// Request headers beyond the safelisted ones.
    pub headers: Vec<HeaderName>,
    /// The page may send cookies.
    pub credentials: bool,
    /// How long a browser may remember the answer.
    pub max_age: Duration,
}

impl Cors {
    /// Tells whether pages of an origin may call.
    #[must_use]
    pub fn allows_origin(&self, origin: &str) -> bool {
        self.origins
            .iter()
            .any(|allowed| &**allowed == "*" || &**allowed == origin)
    }
}
