//! The suite that every store passes: one file per entity, with concurrent callers.
//!
//! A store's tests hold a function that opens a fresh store and
//! `doorward_store::conformance_suite!(that_function)`; each case becomes one test.
#![expect(
    clippy::unwrap_used,
    reason = "this is test code that other crates run; a failing case must panic"
)]

pub mod acme;
pub mod api_key;
pub mod authorization;
pub mod change;
pub mod client;
pub mod client_key;
pub mod consent;
pub mod issued_certificate;
pub mod issuer;
pub mod refresh_family;
pub mod revoked_token;
pub mod sample;
pub mod session;
pub mod signing_key;
pub mod user;

use std::any::Any;
use std::future::Future;
use std::sync::Arc;

use crate::store::Store;

/// How many callers race in the concurrent cases.
pub const CALLERS: u16 = 50;

/// Two handles on the same empty store, as two processes would have them. A store that allows one
/// handle only gives it twice.
pub struct Handles {
    /// One handle.
    pub first: Arc<dyn Store>,
    /// The other handle.
    pub second: Arc<dyn Store>,
    _keep: Box<dyn Any + Send + Sync>,
}

impl Handles {
    /// Takes both handles and something to keep alive as long as they are, such as a directory.
    pub fn new(
        first: Arc<dyn Store>,
        second: Arc<dyn Store>,
        keep: impl Any + Send + Sync,
    ) -> Self {
        Self {
            first,
            second,
            _keep: Box::new(keep),
        }
    }

    fn either(&self, n: u16) -> Arc<dyn Store> {
        if n.is_multiple_of(2) {
            self.first.clone()
        } else {
            self.second.clone()
        }
    }

    /// Runs [`CALLERS`] calls at once, half of them on each handle, and returns all answers.
    async fn race<T, F>(&self, call: impl Fn(u16, Arc<dyn Store>) -> F) -> Vec<T>
    where
        T: Send + 'static,
        F: Future<Output = T> + Send + 'static,
    {
        let tasks: Vec<_> = (0..CALLERS)
            .map(|n| tokio::spawn(call(n, self.either(n))))
            .collect();
        let mut answers = Vec::new();
        for task in tasks {
            answers.push(task.await.unwrap());
        }
        answers
    }
}

/// Makes one test of every case for the store that the given function opens.
///
/// The function takes nothing and returns [`Handles`]. The crate that uses this needs tokio with
/// `macros` and `rt-multi-thread`.
#[macro_export]
macro_rules! conformance_suite {
    ($fresh:ident) => {
        $crate::conformance_cases!($fresh, api_key:
            create_refuses_a_taken_identifier_or_digest, create_keeps_every_field,
            list_pages_in_order, for_each_visits_all,
            visit_all_lends_what_lookup_finds,
            r125_revoke_keeps_the_earliest_moment, r125_parallel_revokes_agree,
            r125_no_write_revives_a_revoked_key, r026_rotate_ends_the_old_key_no_later_than_asked,
            rotate_refuses_revoked_replaced_and_unknown, r129_parallel_rotations_have_one_winner,
            r129_revoke_racing_rotate_leaves_the_old_key_revoked,
            rotate_conflict_changes_nothing, amend_changes_what_is_given_and_nothing_else,
            amend_refuses_revoked_replaced_and_unknown, rehash_compares_and_swaps,
            parallel_rehashes_have_one_winner, parallel_creates_have_one_winner,
            touch_moves_forward_only, mark_exposed_keeps_the_earliest_moment,
            k01_hostile_text_is_only_text);
        $crate::conformance_cases!($fresh, client:
            add_keeps_every_field, add_refuses_a_taken_identifier,
            r026_rotate_keeps_one_old_secret, rotate_leaves_public_clients_alone,
            parallel_adds_have_one_winner, remove_forgets);
        $crate::conformance_cases!($fresh, client_key:
            add_keeps_every_field, add_refuses_a_taken_identifier,
            parallel_adds_have_one_winner, r125_revoke_keeps_the_earliest_moment);
        $crate::conformance_cases!($fresh, user:
            create_refuses_a_taken_name, import_is_all_or_nothing, list_pages_in_order,
            set_password_and_upgrade, upgrade_never_undoes_a_new_password,
            parallel_upgrades_have_one_winner, disable_keeps_the_earliest_moment,
            set_grants_replaces, remove_makes_the_name_free, k01_hostile_names_are_only_names);
        $crate::conformance_cases!($fresh, issuer:
            put_replaces_by_name, put_refuses_a_second_name_for_one_issuer,
            parallel_puts_of_one_issuer_have_one_winner, remove_forgets);
        $crate::conformance_cases!($fresh, signing_key:
            r125_parallel_ensures_agree_on_one_key, ensure_keeps_what_is_there,
            rotate_moves_every_stage, r125_parallel_rotations_have_one_winner,
            rotate_conflict_changes_nothing, sweep_removes_expired_retired_keys_only);
        $crate::conformance_cases!($fresh, refresh_family:
            start_keeps_every_field, r051_rotation_replay_and_reuse,
            r051_the_grace_is_for_the_last_token_only, r051_ended_families_give_nothing,
            i09_parallel_rotations_have_one_successor,
            i09_revoke_racing_rotate_leaves_the_family_revoked,
            list_and_sweep_go_by_what_is_live);
        $crate::conformance_cases!($fresh, revoked_token:
            revoke_keeps_the_stricter_moments, names_do_not_run_together,
            r127_sweep_keeps_what_a_clock_could_revive, r129_parallel_revokes_are_all_kept);
        $crate::conformance_cases!($fresh, issued_certificate:
            r125_parallel_ensures_agree_on_one_authority,
            add_keeps_every_field_and_refuses_taken_names,
            r125_revoke_keeps_the_earliest_moment, r129_parallel_revokes_are_all_kept,
            r127_sweep_keeps_what_a_clock_could_revive);
        $crate::conformance_cases!($fresh, session:
            start_keeps_every_field_until_the_end, r080_start_ends_what_it_replaces,
            r081_touch_moves_the_idle_end_forward_only, r081_end_takes_the_users_own_only,
            sweep_takes_portions_of_what_is_over, r080_parallel_starts_leave_no_old_session);
        $crate::conformance_cases!($fresh, consent:
            remember_adds_to_what_stands, r086_consents_do_not_run_together,
            r086_withdraw_forgets_one_client, r129_parallel_consents_are_all_kept);
        $crate::conformance_cases!($fresh, authorization:
            every_field_is_kept, r040_a_request_is_answered_once, approve_is_all_or_nothing,
            r041_of_parallel_redemptions_one_wins, r042_codes_end_and_replays_are_remembered,
            r086_revoke_returns_what_was_given, sweep_takes_portions_of_what_is_over);
        $crate::conformance_cases!($fresh, acme:
            an_account_is_of_one_authority, certificates_keep_every_field,
            r129_an_older_certificate_does_not_replace_a_newer_one, sweep_forgets_what_has_ended);
        $crate::conformance_cases!($fresh, change:
            every_change_is_noted_once, refused_writes_note_nothing, since_pages,
            sweep_makes_old_readers_reload, a_reader_ahead_of_the_log_reloads,
            r129_nothing_is_missed_under_concurrent_writers, ping_answers);
    };
}

/// Makes one test of every named case of one entity; used by [`conformance_suite`].
#[doc(hidden)]
#[macro_export]
macro_rules! conformance_cases {
    ($fresh:ident, $entity:ident: $($case:ident),+ $(,)?) => {
        mod $entity {
            $(
                #[tokio::test(flavor = "multi_thread", worker_threads = 4)]
                async fn $case() {
                    $crate::conformance::$entity::$case(&super::$fresh()).await;
                }
            )+
        }
    };
}
