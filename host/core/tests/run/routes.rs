//! Routers: which of the steps behind them run.

use pintle_core::plan::{ContinueOn, Plan, StepIndex};
use pintle_core::run::event::EndReason;
use pintle_core::run::{Command, RunStatus, StepStatus};

use crate::plans::{Say, forgiving, plan};
use crate::stand::{Stand, chooses, exit, retry_all};

/// A router, two steps that it decides about, one behind each, and a join.
fn fork() -> Plan {
    plan("pick a<pick b<pick c<a d<b join<a,b").routes("pick", &[("x", &["a"]), ("y", &["b"])])
}

#[test]
fn what_is_not_chosen_is_skipped_and_keeps_nobody_from_running() {
    let mut stand = Stand::started(fork());
    stand.runs("pick", chooses(&[1]));
    assert_eq!(stand.shows(), "running: pick succeeded, a ready, b skipped, d ready");
    let end = stand.end("b");
    assert_eq!(
        (end.reason, end.message.as_deref()),
        (Some(EndReason::NotChosen), Some("`pick` before it chose other steps"))
    );
    stand.succeed("a c d join");
    assert_eq!(stand.run.status(), RunStatus::Succeeded);
}

#[test]
fn all_or_none_may_be_chosen() {
    let mut stand = Stand::started(fork());
    stand.runs("pick", chooses(&[1, 2]));
    assert_eq!(stand.shows(), "running: pick succeeded, a ready, b ready");
    let mut stand = Stand::started(fork());
    stand.runs("pick", chooses(&[]));
    assert_eq!(stand.shows(), "running: pick succeeded, a skipped, b skipped, c ready, d ready, join ready");
    stand.succeed("c d join");
    assert_eq!(stand.run.status(), RunStatus::Succeeded);
}

#[test]
fn a_step_beside_the_routes_runs_whatever_is_chosen() {
    let mut stand = Stand::started(plan("pick a<pick beside<pick").routes("pick", &[("x", &["a"])]));
    stand.runs("pick", chooses(&[]));
    assert_eq!(stand.shows(), "running: pick succeeded, a skipped, beside ready");
}

#[test]
fn two_routers_before_a_step_must_both_choose_it() {
    let two = plan("one two a<one,two").routes("one", &[("x", &["a"])]).routes("two", &[("x", &["a"])]);
    let mut stand = Stand::started(two);
    stand.runs("one", chooses(&[2]));
    stand.runs("two", chooses(&[]));
    assert_eq!(stand.step("a").status, StepStatus::Skipped);
}

#[test]
fn a_router_that_failed_chooses_nobody() {
    let mut stand = Stand::started(fork());
    stand.runs("pick", exit(1));
    assert_eq!(stand.step("a").status, StepStatus::Aborted);
    let mut stand = Stand::started(fork().continue_on("pick", forgiving()));
    stand.runs("pick", exit(1));
    assert_eq!(stand.shows(), "running: pick failed, a skipped, b skipped, c ready, d ready, join ready");
    let marked = ContinueOn { mark_success: true, ..forgiving() };
    let mut stand = Stand::started(fork().continue_on("pick", marked));
    stand.runs("pick", exit(1));
    assert_eq!(stand.step("a").status, StepStatus::Skipped);
}

#[test]
fn a_retry_goes_by_what_was_chosen_and_a_router_that_runs_again_chooses_anew() {
    let mut stand = Stand::started(fork());
    stand.runs("pick", chooses(&[1]));
    stand.runs("a", exit(1));
    stand.succeed("d");
    assert_eq!(stand.run.status(), RunStatus::Failed);
    stand.tell(retry_all());
    stand.tell(Command::Start);
    assert_eq!(stand.shows(), "running: pick succeeded, a ready, b skipped, d succeeded");
    stand.succeed("a c join");
    stand.tell(Command::Retry { steps: vec![StepIndex(0)], downstream: true });
    stand.tell(Command::Start);
    stand.runs("pick", chooses(&[2]));
    assert_eq!(stand.shows(), "running: pick succeeded, a skipped, b ready, c ready");
}
