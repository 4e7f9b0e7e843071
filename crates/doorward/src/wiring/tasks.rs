//! What goes on in the background. No request waits for any of it.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Result;
use doorward_control::Metrics;
use doorward_core::{Clock, Entropy, Timestamp};
use doorward_store::revoked_token::SWEEP_MARGIN;
use doorward_store::{
    Authorizations, ChangeFeed, Consents, IssuedCertificates, RefreshFamilies, RevokedTokens,
    Sessions, SigningKeys, Store, StoreError,
};
use tokio::task::JoinHandle;
use tokio::time::{MissedTickBehavior, interval};

use super::memory::Memory;
use crate::desk::signing_key;

/// How often the change log is looked at. Commands on this machine do not wait for it: they tell
/// us through the control socket.
const FOLLOW: Duration = Duration::from_millis(250);
/// How often it is looked which key sets are due.
const KEY_SETS: Duration = Duration::from_secs(1);
/// How often last uses are written.
const WRITE_BACK: Duration = Duration::from_secs(5);
/// How often what has ended is removed.
const SWEEP: Duration = Duration::from_secs(3600);
/// How many rows are removed at a time.
const PORTION: usize = 500;
/// How long changes are kept for servers that were away. One that was away longer loads all.
const KEPT_CHANGES: i64 = 100_000;

/// Running tasks; they end when this is dropped.
pub struct Tasks(Vec<JoinHandle<()>>);

impl Drop for Tasks {
    fn drop(&mut self) {
        self.0.iter().for_each(JoinHandle::abort);
    }
}

/// Starts the tasks.
pub fn start(
    memory: &Arc<Memory>,
    metrics: Arc<Metrics>,
    entropy: Arc<dyn Entropy>,
    rotate_after: Duration,
) -> Tasks {
    let follow = Arc::clone(memory);
    let write_back = Arc::clone(memory);
    let key_sets = Arc::clone(memory);
    let sweep = Arc::clone(memory);
    Tasks(vec![
        every(FOLLOW, "reading changes", move || {
            let memory = Arc::clone(&follow);
            async move { memory.catch_up().await }
        }),
        every(KEY_SETS, "refreshing key sets", move || {
            // The handles of running fetches need not be kept.
            let _fetching = key_sets.issuers.tick();
            key_sets.measure(&metrics);
            std::future::ready(Ok(()))
        }),
        every(WRITE_BACK, "writing last uses", move || {
            let memory = Arc::clone(&write_back);
            async move { memory.write_back().await }
        }),
        every(SWEEP, "sweeping", move || {
            let (memory, entropy) = (Arc::clone(&sweep), Arc::clone(&entropy));
            async move {
                rotate_when_due(&memory, entropy.as_ref(), rotate_after).await?;
                remove_what_ended(&memory).await
            }
        }),
    ])
}

/// Runs work again and again. A failure is reported when it starts and when it is over, not
/// every time.
fn every<F, W>(period: Duration, what: &'static str, work: F) -> JoinHandle<()>
where
    F: Fn() -> W + Send + 'static,
    W: Future<Output = Result<()>> + Send,
{
    tokio::spawn(async move {
        let mut ticks = interval(period);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut failing = false;
        loop {
            ticks.tick().await;
            match work().await {
                Ok(()) if failing => {
                    failing = false;
                    eprintln!("doorward: {what} works again");
                }
                Err(error) if !failing => {
                    failing = true;
                    eprintln!("doorward: {what} failed, and is tried again: {error:#}");
                }
                _ => {}
            }
        }
    })
}

async fn rotate_when_due(
    memory: &Arc<Memory>,
    entropy: &dyn Entropy,
    after: Duration,
) -> Result<()> {
    let clock: &dyn Clock = memory.clock.as_ref();
    let keys = signing_key::ensure(&memory.state, clock, entropy).await?;
    let active = signing_key::active(&keys)?;
    if clock
        .now()
        .since(active.activated_at.unwrap_or(active.created_at))
        < after
    {
        return Ok(());
    }
    signing_key::rotate(&memory.state, clock, entropy).await?;
    memory.catch_up().await
}

async fn remove_what_ended(memory: &Memory) -> Result<()> {
    let (store, now) = (memory.state.store.as_ref(), memory.clock.now());
    RevokedTokens::sweep(store, now).await?;
    memory.revocations.sweep(now);
    IssuedCertificates::sweep(store, now).await?;
    memory.issued.sweep(now.minus(SWEEP_MARGIN));
    SigningKeys::sweep(store, now).await?;
    remove_what_people_left(store, now).await?;
    // In pieces, so that no request waits long for the one writer.
    while RefreshFamilies::sweep(store, now, PORTION).await? > 0 {}
    let head = ChangeFeed::head(store).await?;
    ChangeFeed::sweep(store, head.saturating_sub(KEPT_CHANGES)).await?;
    Ok(())
}

/// Sessions, consents and authorizations, in portions: between two of them others write.
async fn remove_what_people_left(store: &dyn Store, now: Timestamp) -> Result<(), StoreError> {
    loop {
        let sessions = Sessions::sweep(store, now, PORTION).await?;
        let consents = Consents::sweep(store, now, PORTION).await?;
        let authorizations = Authorizations::sweep(store, now, PORTION).await?;
        if sessions + consents + authorizations == 0 {
            return Ok(());
        }
        tokio::task::yield_now().await;
    }
}
