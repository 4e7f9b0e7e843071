//! Whether the database answers.

use async_trait::async_trait;
use doorward_store::{ChangeFeed, Health, StoreError};

use crate::sqlite::SqliteStore;

#[async_trait]
impl Health for SqliteStore {
    async fn ping(&self) -> Result<(), StoreError> {
        self.writer.check_alive()?;
        self.head().await.map(|_| ())
    }
}
