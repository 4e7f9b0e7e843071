//! Whether the store answers.

use async_trait::async_trait;

use crate::error::StoreError;

/// The question readiness checks ask.
#[async_trait]
pub trait Health: Send + Sync {
    /// Succeeds when a read works now and the store still takes writes, as far as can be told
    /// without writing.
    async fn ping(&self) -> Result<(), StoreError>;
}
