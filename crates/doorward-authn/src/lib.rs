//! The authentication methods of Doorward, one file per method.
//!
//! What it is: [`api_key`], [`jwt`], [`basic`], [`mtls`], [`message_signature`] and [`sigv4`], each one of
//! [`doorward_core::Authenticator`], with the state they need in memory: the keys, the key sets
//! of issuers, the users. The state is shared by `Arc` and survives a reload of the
//! configuration; the authenticators around it are made anew.
//!
//! What it never does: SQL, HTTP, TLS, reading clocks, deciding what a caller may do. A request
//! never waits for a store. What must be fetched, kept or written is asked of traits or handed
//! out by functions named `take_...`, for the binary to do.
//!
//! Where to start: [`api_key`], the shortest of them.

pub mod api_key;
pub mod basic;
mod bearer;
pub mod client_key;
mod interner;
pub mod jwt;
pub mod message_signature;
pub mod mtls;
pub mod query;
pub mod sigv4;

#[cfg(test)]
mod testing;

use doorward_core::rejection::Reason;

/// The reasons of each method.
const GROUPS: [&[&Reason]; 7] = [
    api_key::REASONS,
    basic::REASONS,
    jwt::REASONS,
    jwt::CLAIM_REASONS,
    mtls::REASONS,
    message_signature::REASONS,
    sigv4::REASONS,
];
const COUNT: usize = count(&GROUPS);
const ALL: [&Reason; COUNT] = join(&GROUPS);

/// The reasons of all methods, for explaining a recorded decision.
pub const REASONS: &[&Reason] = &ALL;

const fn count(groups: &[&[&Reason]]) -> usize {
    match groups.split_first() {
        Some((first, rest)) => first.len() + count(rest),
        None => 0,
    }
}

#[expect(
    clippy::indexing_slicing,
    reason = "the compiler runs it, and stops at a wrong index"
)]
const fn join(groups: &[&[&'static Reason]]) -> [&'static Reason; COUNT] {
    let mut all = [groups[0][0]; COUNT];
    let (mut group, mut from, mut to) = (0, 0, 0);
    while to < COUNT {
        if from < groups[group].len() {
            all[to] = groups[group][from];
            from += 1;
            to += 1;
        } else {
            group += 1;
            from = 0;
        }
    }
    all
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::REASONS;

    #[test]
    fn every_reason_has_a_code_of_its_own_and_two_sentences() {
        let codes: HashSet<_> = REASONS.iter().map(|reason| reason.code).collect();
        assert_eq!(codes.len(), REASONS.len());
        for reason in REASONS {
            assert!(!reason.code.is_empty());
            for sentence in [reason.meaning, reason.fix] {
                assert!(
                    sentence.ends_with('.') || sentence.ends_with('?'),
                    "{}",
                    reason.code
                );
            }
        }
    }
}
