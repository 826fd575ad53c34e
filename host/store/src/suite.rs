//! The conformance suite of the ports: one model of what they promise, run against every adapter.
//!
//! An adapter writes `pintle_store::conformance!(with_store);` in a test, where `with_store` opens a fresh store and
//! drives one [`Case`] to its end; every case becomes a test of its own name.
#![expect(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a case says so by failing")]

mod files;
mod keys;
mod liveness;
mod make;
mod reads;
mod writes;

pub use files::*;
pub use keys::*;
pub use liveness::*;
pub use make::{claimed, ended, plan_digest, row, steps, submission};
pub use reads::*;
pub use writes::*;

use crate::{BoxFuture, Store};

/// One promise.
pub type Case = for<'a> fn(&'a dyn Store) -> BoxFuture<'a, ()>;

/// Declares cases as functions that hand back a future.
macro_rules! cases {
    ($($(#[$doc:meta])* async fn $name:ident($store:ident) $body:block)+) => {
        $($(#[$doc])* pub fn $name($store: &dyn $crate::Store) -> $crate::BoxFuture<'_, ()> {
            Box::pin(async move $body)
        })+
    };
}
pub(crate) use cases;

/// A test for each case; the argument is a function that takes a [`Case`] and runs it on a fresh store.
#[macro_export]
macro_rules! conformance {
    ($with_store:path) => {
        $crate::conformance!(@each $with_store:
            a_submitted_run_is_read_back_whole,
            an_append_needs_the_version_it_was_decided_on,
            a_submission_sent_again_is_told_what_stands,
            a_transaction_is_taken_whole_or_not_at_all,
            one_refusal_in_a_batch_is_nobody_elses,
            i3_an_old_fence_changes_nothing,
            appends_at_the_same_time_are_one_after_another,
            rows_alone_can_change,
            a_dropped_commit_still_happens,
            a_plan_is_kept_once,
            events_after_a_version_are_the_later_ones,
            a_person_finds_a_run_by_id_prefix_or_dag,
            pages_are_newest_first_and_complete,
            filters_hold_on_every_page,
            open_runs_are_listed_by_owner,
            versions_are_those_of_known_runs,
            timers_are_due_once_set_and_gone_once_cleared,
            timers_belong_to_the_owner_of_their_run,
            a_write_leaves_another_mark_and_a_look_does_not,
            time_does_not_run_backwards,
            a_registered_node_lives_and_an_unknown_one_does_not,
            dead_owners_of_open_runs_are_found,
            keys_have_versions_that_never_come_back,
            conditions_of_a_write_hold_or_nothing_happens,
            keys_expire,
            keys_are_listed_in_order_and_by_scope,
            i5_a_write_of_a_claim_that_is_gone_is_refused,
            staged_rows_are_kept_and_replaced,
            chunks_of_a_log_go_where_they_belong,
            logs_of_a_run_are_listed,
            a_sealed_log_is_read_as_before,
            what_is_left_of_a_log_is_stored_as_it_is_sealed,
            a_log_stays_below_its_run_whatever_the_run_is_called,
            blobs_are_kept_by_digest,
        );
    };
    (@each $with_store:path: $($case:ident),+ $(,)?) => {
        $(#[test] fn $case() { $with_store($crate::suite::$case); })+
    };
}
