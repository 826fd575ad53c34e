//! Every bound of the core, and how the bounds relate (I-10).

use crate::time::Span;

/// A claim without a word from its worker is trusted this long.
pub const LEASE: Span = Span(5_000);
/// A worker renews this often.
pub const LEASE_RENEWAL: Span = Span(1_250);
/// A worker trusts its lease for less than the store does, by this.
pub const LEASE_MARGIN: Span = Span(500);
/// A step that was lost more often is parked (I-8).
pub const MAX_LOSSES: u32 = 3;
/// No retry or repetition waits longer: seven days.
pub const MAX_WAIT: Span = Span::from_secs(7 * 24 * 3600);
/// Steps of one plan, handlers included.
pub const MAX_STEPS: usize = 100_000;
/// Captured standard output, output file and outputs of one step, in bytes, where neither DAG nor settings say more.
pub const MAX_OUTPUT: usize = 1 << 20;
/// The most that `max_output_size` of a DAG may say, in bytes.
pub const MOST_OUTPUT: usize = 16 << 20;
/// A payload above this is a blob, in bytes.
pub const MAX_INLINE: usize = 64 << 10;
/// What a person may give with one answer, names and values together, in bytes: it becomes variables of programs.
pub const MAX_ANSWER: usize = 16 << 10;
/// A step is pushed back so often within a run attempt.
pub const MAX_PUSH_BACKS: usize = 100;
/// Of a step's name, in bytes.
pub const MAX_STEP_NAME: usize = 255;
/// Of a step's id, in bytes.
pub const MAX_STEP_ID: usize = 40;
/// Grace between the stop signal and the kill, where the DAG says nothing.
pub const CLEAN_UP: Span = Span::from_secs(5);
/// A page of a list.
pub const MAX_PAGE: u32 = 1_000;

const _: () = {
    assert!(3 * LEASE_RENEWAL.as_millis() < LEASE.as_millis() - LEASE_MARGIN.as_millis());
    assert!(MAX_INLINE < MAX_OUTPUT);
    assert!(MAX_OUTPUT <= MOST_OUTPUT && MOST_OUTPUT <= u32::MAX as usize);
    assert!(MAX_ANSWER < MAX_INLINE);
    assert!(MAX_STEP_ID < MAX_STEP_NAME);
    assert!(MAX_STEPS <= u32::MAX as usize);
};
