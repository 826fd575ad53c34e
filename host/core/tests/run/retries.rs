//! A new attempt of a finished run.

use pintle_core::plan::{Role, StepIndex};
use pintle_core::run::{Command, Outcome, RunStatus, StepStatus};

use crate::plans::{Say, forgiving, plan};
use crate::stand::{Stand, exit, retry_all, skipped, stop, with_output};

fn failed_half() -> Stand {
    let mut stand = Stand::started(plan("a b<a c<b x"));
    stand.runs("a", with_output("rows", "42"));
    stand.runs("b", exit(1));
    stand.succeed("x");
    assert_eq!(stand.shows(), "failed: a succeeded, b failed, c aborted, x succeeded");
    stand
}

fn named(stand: &Stand, names: &[&str], downstream: bool) -> Command {
    Command::Retry { steps: names.iter().map(|n| stand.index(n)).collect(), downstream }
}

#[test]
fn i2_what_succeeded_is_kept_with_its_outputs() {
    let mut stand = failed_half();
    let (a, x, fence) = (stand.step("a").clone(), stand.step("x").clone(), stand.step("b").fence);
    stand.tell(retry_all());
    assert_eq!(stand.shows(), "queued: a succeeded, x succeeded");
    assert_eq!(stand.run.head.attempt.get(), 2);
    stand.tell(Command::Start);
    assert_eq!(stand.shows(), "running: a succeeded, b ready, x succeeded");
    assert!(stand.claim("b") > fence, "fences are never reset");
    assert_eq!(stand.step("b").attempt.get(), 1, "tries are");
    stand.settle("b", exit(0));
    stand.succeed("c");
    assert_eq!(stand.run.status(), RunStatus::Succeeded);
    assert_eq!((stand.step("a"), stand.step("x")), (&a, &x));
}

#[test]
fn all_behind_what_failed_runs_again() {
    let mut stand = Stand::started(plan("a b<a c<b").continue_on("a", forgiving()));
    stand.runs("a", exit(1));
    stand.succeed("b c");
    assert_eq!(stand.run.status(), RunStatus::PartiallySucceeded);
    stand.tell(retry_all());
    assert_eq!(stand.shows(), "queued:");
    stand.tell(Command::Start);
    stand.succeed("a b c");
    assert_eq!(stand.run.status(), RunStatus::Succeeded);
}

#[test]
fn named_steps_run_alone_or_with_what_is_behind() {
    for (downstream, shows) in
        [(false, "queued: a succeeded, c succeeded, x succeeded"), (true, "queued: a succeeded, x succeeded")]
    {
        let mut stand = Stand::started(plan("a b<a c<b x"));
        stand.succeed("a b c x");
        let retry = named(&stand, &["b"], downstream);
        stand.tell(retry);
        assert_eq!(stand.shows(), shows);
        stand.tell(Command::Start);
        stand.succeed(if downstream { "b c" } else { "b" });
        assert_eq!(stand.run.status(), RunStatus::Succeeded);
    }
}

#[test]
fn a_step_behind_one_that_still_failed_is_aborted_again() {
    let mut stand = failed_half();
    let retry = named(&stand, &["c"], false);
    stand.tell(retry);
    stand.tell(Command::Start);
    assert_eq!(stand.shows(), "failed: a succeeded, b failed, c aborted, x succeeded");
}

/// `a` is done, `side` was skipped, and with it `join`, which wants both.
fn skipped_side() -> Stand {
    let mut stand = Stand::started(plan("a side join<a,side after<join"));
    stand.succeed("a");
    stand.runs("side", skipped());
    assert_eq!(stand.shows(), "succeeded: a succeeded, side skipped, join skipped, after skipped");
    stand
}

#[test]
fn a_named_step_runs_although_one_before_it_was_skipped() {
    for names in [["a"].as_slice(), &["join"]] {
        let mut stand = skipped_side();
        let retry = named(&stand, names, true);
        stand.tell(retry);
        stand.tell(Command::Start);
        stand.succeed(if names == ["a"] { "a join after" } else { "join after" });
        assert_eq!(stand.shows(), "succeeded: a succeeded, side skipped, join succeeded, after succeeded");
    }
    let mut stand = skipped_side();
    let retry = named(&stand, &["join"], false);
    stand.tell(retry);
    stand.tell(Command::Start);
    stand.succeed("join");
    assert_eq!(stand.shows(), "succeeded: a succeeded, side skipped, join succeeded, after skipped");
}

#[test]
fn what_is_skipped_in_the_retry_itself_skips_what_is_behind_it() {
    let mut stand = skipped_side();
    let retry = named(&stand, &["side"], true);
    stand.tell(retry);
    stand.tell(Command::Start);
    stand.runs("side", skipped());
    assert_eq!(stand.shows(), "succeeded: a succeeded, side skipped, join skipped, after skipped");
}

#[test]
fn an_excuse_is_good_for_the_attempt_that_it_was_made_for() {
    let mut stand = skipped_side();
    let retry = named(&stand, &["join"], false);
    stand.tell(retry);
    stand.tell(Command::Start);
    stand.runs("join", exit(1));
    assert_eq!(stand.run.status(), RunStatus::Failed);
    stand.tell(retry_all());
    stand.tell(Command::Start);
    assert_eq!(stand.shows(), "succeeded: a succeeded, side skipped, join skipped, after skipped");
}

#[test]
fn handlers_run_in_every_attempt_and_a_good_opening_in_the_first() {
    let roles = [Role::Gate, Role::OnInit, Role::OnFailure, Role::OnSuccess, Role::OnExit];
    let mut stand = Stand::started(plan("a b<a").with(&roles));
    stand.succeed("gate init a");
    stand.runs("b", exit(1));
    stand.succeed("failure exit");
    stand.tell(retry_all());
    stand.tell(Command::Start);
    assert_eq!(stand.shows(), "running: a succeeded, b ready, gate succeeded, init succeeded");
    stand.succeed("b success exit");
    assert_eq!(stand.run.status(), RunStatus::Succeeded);
}

#[test]
fn an_opening_that_kept_the_run_shut_is_tried_again() {
    let table: [(&str, Outcome); 3] = [("gate", skipped()), ("gate", exit(1)), ("init", exit(1))];
    for (name, outcome) in table {
        let mut stand = Stand::started(plan("a").with(&[Role::Gate, Role::OnInit]));
        if name == "init" {
            stand.succeed("gate");
        }
        stand.runs(name, outcome);
        stand.tell(retry_all());
        stand.tell(Command::Start);
        assert_eq!(stand.step(name).status, StepStatus::Ready, "{name}");
        stand.succeed(if name == "init" { "init a" } else { "gate init a" });
        assert_eq!(stand.run.status(), RunStatus::Succeeded);
    }
}

#[test]
fn a_run_whose_handler_failed_runs_its_handlers_again() {
    let mut stand = Stand::started(plan("a").with(&[Role::OnExit]));
    stand.succeed("a");
    stand.runs("exit", exit(1));
    assert_eq!(stand.run.status(), RunStatus::Failed);
    stand.tell(retry_all());
    stand.tell(Command::Start);
    assert_eq!(stand.shows(), "running: a succeeded, exit ready");
    stand.succeed("exit");
    assert_eq!(stand.run.status(), RunStatus::Succeeded);
}

#[test]
fn a_stopped_run_is_retried_from_where_it_was() {
    let mut stand = Stand::started(plan("a b<a c<b"));
    stand.succeed("a");
    stand.claim("b");
    stand.tell(stop(false));
    stand.settle("b", Outcome::Stopped { exit_code: None });
    assert_eq!(stand.shows(), "aborted: a succeeded, b aborted, c aborted");
    stand.tell(retry_all());
    stand.tell(Command::Start);
    stand.succeed("b c");
    assert_eq!(stand.run.status(), RunStatus::Succeeded);
}

#[test]
fn only_a_finished_run_is_retried_and_only_what_is_there() {
    let mut live = Stand::started(plan("a"));
    assert_eq!(live.refuses(retry_all()), "run r is running: it cannot be retried");
    live.succeed("a");
    let said = "every step of run r succeeded: nothing to retry; name steps to run them again";
    assert_eq!(live.refuses(retry_all()), said);
    let missing = Command::Retry { steps: vec![StepIndex(9)], downstream: true };
    assert_eq!(live.refuses(missing), "the plan has no step number 9");
}

#[test]
fn i1_a_retried_attempt_can_be_interrupted_stopped_and_retried_again() {
    let mut stand = failed_half();
    stand.tell(retry_all());
    stand.tell(Command::Interrupt);
    stand.tell(Command::Resume);
    stand.claim("b");
    stand.tell(Command::Interrupt);
    stand.tell(stop(false));
    assert_eq!(stand.shows(), "aborted: a succeeded, b aborted, c aborted, x succeeded");
    stand.tell(retry_all());
    assert_eq!(stand.run.head.attempt.get(), 3);
    stand.tell(Command::Start);
    stand.succeed("b c");
    assert_eq!(stand.run.status(), RunStatus::Succeeded);
}
