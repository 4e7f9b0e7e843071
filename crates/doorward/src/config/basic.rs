//! `[basic]`: user names and passwords.

use super::section::Section;

/// What a password check may cost.
#[derive(PartialEq, Eq)]
pub struct BasicSettings {
    /// Memory of one hash, in KiB.
    pub memory_kib: u32,
    /// Passes over the memory.
    pub passes: u32,
    /// Lanes.
    pub lanes: u32,
    /// Hashes computed at the same time.
    pub workers: usize,
    /// Hashes that may wait.
    pub queue: usize,
    /// Successes remembered.
    pub cache: usize,
}

pub(super) fn read(section: &mut Section<'_>) -> BasicSettings {
    let half = std::thread::available_parallelism().map_or(1, |n| (n.get() / 2).max(1));
    let default_workers = u64::try_from(half).unwrap_or(1);
    let small = |value: u64| u32::try_from(value).unwrap_or(u32::MAX);
    let size = |value: u64| usize::try_from(value).unwrap_or(usize::MAX);
    BasicSettings {
        // The floor is the second choice of the OWASP password storage guide.
        memory_kib: small(section.integer("memory_kib", 19_456, 19_456..=262_144)),
        passes: small(section.integer("passes", 2, 2..=10)),
        lanes: small(section.integer("lanes", 1, 1..=4)),
        workers: size(section.integer("workers", default_workers, 1..=64)),
        queue: size(section.integer("queue", 32, 1..=1024)),
        cache: size(section.integer("cache", 10_000, 0..=1_000_000)),
    }
}
