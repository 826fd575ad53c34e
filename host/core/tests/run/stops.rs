//! Stopping, in every phase of a run.

use pintle_core::plan::{OnLost, Plan, Role};
use pintle_core::run::command::StopCause;
use pintle_core::run::event::EndReason;
use pintle_core::run::{Command, Effect, Outcome, RunStatus, effects};
use pintle_core::time::Span;

use crate::plans::{Say, plan};
use crate::stand::{Stand, exit, skipped, stop};

const STOPPED: Outcome = Outcome::Stopped { exit_code: Some(143) };

fn handled(text: &str) -> Plan {
    plan(text).with(&[Role::OnSuccess, Role::OnFailure, Role::OnAbort, Role::OnExit])
}

#[test]
fn a_queued_run_is_over_at_once_without_handlers() {
    for at_once in [false, true] {
        let mut stand = Stand::queued(handled("a b<a").with(&[Role::Gate, Role::OnInit]));
        stand.stop(at_once);
        assert_eq!(stand.shows(), "aborted: a aborted, b aborted");
        assert_eq!(stand.end("a").reason, Some(EndReason::Stopped));
    }
}

#[test]
fn idle_steps_are_aborted_and_running_ones_are_waited_for() {
    let mut stand = Stand::started(handled("a b c<a"));
    stand.claim("a");
    stand.stop(false);
    assert_eq!(stand.shows(), "running: a running, b aborted, c aborted");
    stand.settle("a", STOPPED);
    assert_eq!(stand.shows(), "running: a aborted, b aborted, c aborted, abort ready");
    assert_eq!(stand.end("a").exit_code, Some(143));
    stand.succeed("abort exit");
    assert_eq!(stand.run.status(), RunStatus::Aborted);
}

#[test]
fn stopping_at_once_leaves_out_the_handlers() {
    let mut stand = Stand::started(handled("a b<a"));
    stand.claim("a");
    stand.stop(true);
    stand.settle("a", STOPPED);
    assert_eq!(stand.shows(), "aborted: a aborted, b aborted");
}

#[test]
fn every_running_step_is_told_under_its_own_fence() {
    let mut stand = Stand::started(plan("a b c"));
    stand.claim("a");
    stand.lose("a");
    let (a, c) = (stand.claim("a"), stand.claim("c"));
    for at_once in [false, true] {
        let events = stand.stop(at_once);
        let told = effects(&stand.run, events.first().unwrap());
        let to = |step, fence| Effect::Stop { step, fence, at_once };
        assert_eq!(told, [to(stand.index("a"), a), to(stand.index("c"), c)]);
    }
}

#[test]
fn a_stop_can_only_become_more_urgent() {
    let mut stand = Stand::started(plan("a"));
    stand.claim("a");
    stand.stop(false);
    assert!(stand.refuses(stop(false)).starts_with("run r is already being stopped"));
    stand.tell(Command::Stop { cause: StopCause::TimedOut, at_once: true });
    stand.refuses(stop(true));
    let held = stand.run.head.stop.clone().unwrap();
    assert_eq!((held.cause, held.at_once), (StopCause::Requested, true), "the first cause is kept");
}

#[test]
fn a_step_that_ends_by_itself_while_stopping_keeps_its_own_end() {
    let mut stand = Stand::started(plan("a b<a"));
    stand.claim("a");
    stand.stop(false);
    stand.settle("a", exit(0));
    assert_eq!(stand.shows(), "aborted: a succeeded, b aborted");
}

#[test]
fn a_run_whose_steps_all_succeeded_is_not_called_aborted() {
    let mut stand = Stand::started(plan("a"));
    stand.claim("a");
    stand.stop(false);
    stand.settle("a", exit(0));
    assert_eq!(stand.run.status(), RunStatus::Succeeded);
}

#[test]
fn stopping_in_the_gate_or_the_init_handler_waits_for_it() {
    for (role, name) in [(Role::Gate, "gate"), (Role::OnInit, "init")] {
        for outcome in [exit(0), STOPPED, skipped()] {
            let mut stand = Stand::started(handled("a").with(&[role]));
            stand.claim(name);
            stand.stop(false);
            assert_eq!(stand.shows(), format!("running: a aborted, {name} running"));
            stand.settle(name, outcome);
            stand.succeed("abort exit");
            assert_eq!(stand.run.status(), RunStatus::Aborted);
        }
        let mut stand = Stand::started(handled("a").with(&[role]));
        stand.stop(false);
        assert_eq!(stand.shows(), format!("running: a aborted, abort ready, {name} aborted"));
        let mut stand = Stand::started(handled("a").with(&[role]));
        stand.stop(true);
        assert_eq!(stand.shows(), format!("aborted: a aborted, {name} aborted"));
    }
}

#[test]
fn a_step_between_two_tries_is_aborted() {
    let mut stand = Stand::started(plan("a b<a").retry("a", 3, Span::from_secs(60)));
    stand.runs("a", exit(1));
    stand.stop(false);
    assert_eq!(stand.shows(), "aborted: a aborted, b aborted");
    let step = stand.index("a");
    stand.refuses(Command::Due { step });
}

#[test]
fn stopping_in_a_handler_goes_on_to_the_exit_handler_unless_at_once() {
    let mut stand = Stand::started(handled("a"));
    stand.succeed("a");
    stand.claim("success");
    stand.stop(false);
    stand.settle("success", STOPPED);
    assert_eq!(stand.shows(), "running: a succeeded, success aborted, exit ready");
    stand.succeed("exit");
    assert_eq!(stand.run.status(), RunStatus::Succeeded);

    let mut stand = Stand::started(handled("a"));
    stand.succeed("a");
    stand.claim("success");
    stand.stop(true);
    stand.settle("success", STOPPED);
    assert_eq!(stand.shows(), "succeeded: a succeeded, success aborted");
}

#[test]
fn a_handler_whose_turn_has_come_is_left_out_by_a_stop_at_once_alone() {
    let mut stand = Stand::started(handled("a"));
    stand.succeed("a");
    stand.stop(false);
    assert_eq!(stand.shows(), "running: a succeeded, success ready");
    stand.succeed("success");
    assert_eq!(stand.shows(), "running: a succeeded, success succeeded, exit ready");
    stand.stop(true);
    assert_eq!(stand.shows(), "succeeded: a succeeded, success succeeded, exit aborted");
}

#[test]
fn a_handler_that_runs_after_a_stop_with_grace_is_tried_again_unless_the_stop_becomes_urgent() {
    let tried = || {
        let mut stand = Stand::started(handled("a").retry("abort", 1, Span(5)).retry("a", 1, Span(5)));
        stand.claim("a");
        stand.stop(false);
        stand.settle("a", exit(1));
        assert_eq!(stand.shows(), "running: a failed, abort ready", "what the stop ended is not tried again");
        stand.runs("abort", exit(1));
        assert_eq!(stand.shows(), "running: a failed, abort retrying");
        stand
    };
    let mut stand = tried();
    assert_eq!(stand.due("abort"), Span(5));
    stand.succeed("abort exit");
    assert_eq!(stand.run.status(), RunStatus::Aborted);

    let mut stand = tried();
    stand.stop(true);
    assert_eq!(stand.shows(), "aborted: a failed, abort aborted");
}

#[test]
fn a_waiting_run_is_woken_to_stop() {
    let mut parked = Stand::started(handled("a b<a").set("a", |s| s.on_lost = OnLost::Park));
    parked.claim("a");
    parked.lose("a");
    assert_eq!(parked.run.status(), RunStatus::Waiting);
    parked.stop(false);
    assert_eq!(parked.shows(), "running: a aborted, b aborted, abort ready");
    parked.succeed("abort exit");
    assert_eq!(parked.run.status(), RunStatus::Aborted);

    let mut interrupted = Stand::started(handled("a b<a"));
    interrupted.claim("a");
    interrupted.tell(Command::Interrupt);
    interrupted.stop(true);
    assert_eq!(interrupted.shows(), "aborted: a aborted, b aborted");

    let mut before = Stand::queued(handled("a"));
    before.tell(Command::Interrupt);
    before.stop(false);
    assert_eq!(before.shows(), "aborted: a aborted");
}

#[test]
fn what_is_lost_or_given_back_while_stopping_is_not_run_again() {
    let mut stand = Stand::started(plan("a b"));
    stand.claim("a");
    stand.claim("b");
    stand.stop(false);
    stand.lose("a");
    stand.settle("b", Outcome::GivenBack);
    assert_eq!(stand.shows(), "aborted: a aborted, b aborted");
}

#[test]
fn an_interrupted_stop_is_gone_on_with() {
    let mut stand = Stand::started(handled("a b"));
    stand.claim("a");
    stand.stop(false);
    stand.tell(Command::Interrupt);
    assert_eq!(stand.shows(), "waiting: a aborted, b aborted, abort ready");
    stand.tell(Command::Resume);
    stand.succeed("abort exit");
    assert_eq!(stand.run.status(), RunStatus::Aborted);
}

#[test]
fn a_run_with_a_timeout_arms_one_timer_and_clears_it() {
    let mut plan = handled("a");
    plan.timeout = Some(Span::from_secs(60));
    let mut stand = Stand::queued(plan);
    let events = stand.tell(Command::Start);
    let due = stand.at.plus(Span::from_secs(60));
    assert_eq!(effects(&stand.run, events.first().unwrap()), [Effect::RunTimer { due }]);
    stand.claim("a");
    stand.at = due;
    stand.tell(Command::Stop { cause: StopCause::TimedOut, at_once: false });
    stand.settle("a", STOPPED);
    stand.succeed("abort");
    let events = stand.runs("exit", exit(0));
    let last = effects(&stand.run, events.last().unwrap());
    assert_eq!(last, [Effect::ClearTimers, Effect::Settled(RunStatus::Aborted)]);
    assert_eq!(stand.run.head.stop.as_ref().unwrap().cause, StopCause::TimedOut);
}
