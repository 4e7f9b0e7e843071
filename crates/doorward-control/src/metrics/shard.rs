//! Counters of the hot path, spread so that threads do not write to one cache line.

use std::cell::Cell;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use doorward_core::credential::Method;

use super::codes::CODES;

/// Allowed, and one per check that can refuse.
pub(super) const OUTCOMES: usize = 6;
/// No method, and one per method.
pub(super) const METHODS: usize = Method::ALL.len() + 1;
/// Upper bounds of the latency buckets, in microseconds.
pub(super) const BOUNDS_US: [u64; 16] = [
    10, 25, 50, 100, 250, 500, 1_000, 2_500, 5_000, 10_000, 25_000, 50_000, 100_000, 250_000,
    500_000, 1_000_000,
];
const SHARDS: usize = 16;

/// The counters that one group of threads writes.
#[repr(align(128))]
pub(super) struct Shard {
    /// By outcome, then method.
    pub(super) decisions: [AtomicU64; OUTCOMES * METHODS],
    pub(super) refusals: [AtomicU64; CODES + 1],
    pub(super) upstream_errors: [AtomicU64; CODES + 1],
    /// Not cumulative; the last is everything above the last bound.
    pub(super) latency: [AtomicU64; BOUNDS_US.len() + 1],
    pub(super) latency_sum_us: [AtomicU64; 1],
    /// 1xx to 5xx.
    pub(super) responses: [AtomicU64; 5],
    pub(super) response_bytes: [AtomicU64; 1],
    /// Started and finished requests.
    pub(super) requests: [AtomicU64; 2],
}

/// All shards.
pub(super) struct Shards(Box<[Shard]>);

impl Shards {
    pub(super) fn new() -> Self {
        Self((0..SHARDS).map(|_| Shard::new()).collect())
    }

    /// Adds to a counter of the calling thread's shard; `cell` picks the counters and `at` one
    /// of them.
    pub(super) fn add(&self, cells: fn(&Shard) -> &[AtomicU64], at: usize, by: u64) {
        if let Some(counter) = self
            .0
            .get(shard_of_thread())
            .and_then(|shard| cells(shard).get(at))
        {
            counter.fetch_add(by, Ordering::Relaxed);
        }
    }

    /// The sum of a counter over all shards.
    pub(super) fn sum(&self, cells: fn(&Shard) -> &[AtomicU64], at: usize) -> u64 {
        let counters = self.0.iter().filter_map(|shard| cells(shard).get(at));
        counters.fold(0, |sum, counter| {
            sum.wrapping_add(counter.load(Ordering::Relaxed))
        })
    }
}

impl Shard {
    const fn new() -> Self {
        Self {
            decisions: zeros(),
            refusals: zeros(),
            upstream_errors: zeros(),
            latency: zeros(),
            latency_sum_us: zeros(),
            responses: zeros(),
            response_bytes: zeros(),
            requests: zeros(),
        }
    }
}

const fn zeros<const N: usize>() -> [AtomicU64; N] {
    [const { AtomicU64::new(0) }; N]
}

fn shard_of_thread() -> usize {
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    thread_local! {
        static OWN: Cell<usize> = Cell::new(NEXT.fetch_add(1, Ordering::Relaxed) % SHARDS);
    }
    OWN.try_with(Cell::get).unwrap_or(0)
}
