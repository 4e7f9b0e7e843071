//! The change log in memory.

use async_trait::async_trait;

use super::MemoryStore;
use crate::change::{ChangeFeed, Changes};
use crate::error::StoreError;

#[async_trait]
impl ChangeFeed for MemoryStore {
    async fn head(&self) -> Result<i64, StoreError> {
        Ok(self.rows().head)
    }

    async fn since(&self, seq: i64, limit: usize) -> Result<Changes, StoreError> {
        let rows = self.rows();
        let start = rows.changes.partition_point(|change| change.seq <= seq);
        Ok(Changes {
            entries: rows
                .changes
                .iter()
                .skip(start)
                .take(limit)
                .cloned()
                .collect(),
            complete_from_seq: rows.floor <= seq && seq <= rows.head,
        })
    }

    async fn sweep(&self, before: i64) -> Result<u64, StoreError> {
        let mut rows = self.rows();
        let end = rows.changes.partition_point(|change| change.seq < before);
        let swept = rows.changes.drain(..end).next_back().map(|last| last.seq);
        if let Some(last) = swept {
            rows.floor = last;
        }
        Ok(u64::try_from(end).unwrap_or(u64::MAX))
    }
}
