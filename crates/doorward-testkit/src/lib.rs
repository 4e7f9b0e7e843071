//! Development only: fake clock, seeded randomness, test upstreams.
