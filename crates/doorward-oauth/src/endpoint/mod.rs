//! One file per endpoint.

use async_trait::async_trait;
use bytes::Bytes;
use doorward_core::RequestHead;
use http::{Method, Response};
use serde_json::{Map, Value};

use crate::server::Parts;

pub mod authorize;
pub mod introspect;
pub mod metadata;
pub mod revoke;
pub mod token;

pub use introspect::IntrospectionEndpoint;
pub use revoke::RevocationEndpoint;
pub use token::TokenEndpoint;

/// The metadata document while it is made.
pub type Metadata = Map<String, Value>;

/// Something that answers at a path below the issuer. Whoever is in the server's list answers and
/// is in the metadata; there is no other list.
#[async_trait]
pub trait Endpoint: Send + Sync {
    /// Its path below the issuer, such as `/oauth2/token`.
    fn path(&self) -> &'static str;

    /// The methods it answers. `HEAD` and `OPTIONS` are not the endpoint's business.
    fn methods(&self) -> &'static [Method];

    /// Whether scripts of any origin may call it. It must not read cookies then.
    fn is_shared(&self) -> bool {
        false
    }

    /// The largest body, in bytes.
    fn max_body(&self) -> usize {
        16 * 1024
    }

    /// Writes into the metadata what works because this endpoint is there (RFC 8414 section 2).
    fn describe(&self, parts: &Parts, metadata: &mut Metadata);

    /// Answers. The method is one of [`Endpoint::methods`], the body whole, and the request came
    /// in a way that may carry credentials.
    async fn answer(&self, parts: &Parts, head: &RequestHead, body: Bytes) -> Response<Bytes>;
}
