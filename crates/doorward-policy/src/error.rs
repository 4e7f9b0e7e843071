//! What is wrong with a set of routes.

use thiserror::Error;

/// A route that cannot be part of a table.
#[derive(Debug, Error, PartialEq, Eq)]
#[error("{label}: {route}: {fault}")]
pub struct RouteError {
    /// Where the route was written.
    pub label: String,
    /// Its methods, hosts and path.
    pub route: String,
    /// What is wrong.
    pub fault: RouteFault,
}

/// What is wrong with a route.
#[derive(Debug, Error, PartialEq, Eq)]
pub enum RouteFault {
    /// Guarded, and no method is accepted.
    #[error("nothing guards it; name what it accepts, or write that it is public")]
    NothingAccepted,
    /// No HTTP method.
    #[error("it has no HTTP method; name some, or `*` for any")]
    NoMethods,
    /// A method that no request can have.
    #[error("no request can have the method `{0}`; write it in upper case, as on the wire")]
    MethodNeverArrives(String),
    /// Pages of any origin together with cookies.
    #[error("`cors` lets pages of any origin send cookies; name the origins")]
    AnyOriginWithCredentials,
    /// An owner where nobody is known.
    #[error("it is public, so there is no caller whose own something could be; drop `owner`")]
    OwnerOfPublic,
    /// An owner that is not named anywhere, or anybody's.
    #[error("`owner` names no place, or `unless_scope` no scope")]
    OwnerNowhere,
    /// The path has no such parameter at that place.
    #[error("the path has no parameter `{{{0}}}` of one segment")]
    OwnerParameter(String),
    /// Two pointers that no body can satisfy.
    #[error("no body can have both {0} and {1}: one goes through a list, the other does not")]
    Contradiction(String, String),
    /// A member that needs no scope.
    #[error("`needs` names no scope for {0}")]
    NeedsNothing(String),
    /// A body that is too large to be judged.
    #[error("a body of more than {0} bytes cannot be judged")]
    BodyTooLarge(usize),
    /// Another route covers the same requests.
    #[error("{other} already covers {methods} there; keep one of the two")]
    Overlap {
        /// Where the other route was written.
        other: String,
        /// The methods that both cover.
        methods: String,
    },
    /// Another route has the same path with or without the slash at the end.
    #[error(
        "{other} has the same path, once with and once without the slash at the end, and one \
         rule decides both; write the path in one way"
    )]
    TrailingSlash {
        /// Where the other route was written.
        other: String,
    },
    /// Another route has this literal in other letters or another encoding.
    #[error(
        "{other} writes the segment `{theirs}` where this route writes `{ours}`, which some \
         servers treat as one; write it in one way"
    )]
    Spelling {
        /// Where the other route was written.
        other: String,
        /// The other route's literal.
        theirs: String,
        /// This route's literal.
        ours: String,
    },
    /// The routes of one host branch so often that a look-up could take long.
    #[error(
        "together with the other routes of its host, a look-up could take {steps} steps of at \
         most {limit}; use fewer segments where a literal and a parameter stand at the same place"
    )]
    TooManySteps {
        /// Steps of the worst look-up.
        steps: usize,
        /// The limit.
        limit: usize,
    },
}
