//! Trying again what failed, and running again what finished.

use pintle_core::counter::Attempt;
use pintle_core::plan::{RepeatMode, RetryPolicy};
use pintle_core::run::command::{FailReason, Failed};
use pintle_core::run::{Command, Outcome, RunStatus, StepStatus};
use pintle_core::time::Span;

use crate::plans::{Say, forgiving, plan, retry};
use crate::stand::{Stand, checked, exit, failed, fails, stop};

#[test]
fn i8_tries_are_counted_at_claim_and_end_with_the_limit() {
    let mut stand = Stand::started(plan("a b<a").retry("a", 2, Span::from_secs(3)));
    for attempt in 1..=2 {
        stand.runs("a", exit(1));
        assert_eq!(stand.step("a").attempt, Attempt(attempt));
        assert_eq!(stand.shows(), "running: a retrying");
        assert_eq!(stand.due("a"), Span::from_secs(3));
    }
    stand.runs("a", exit(1));
    assert_eq!(stand.shows(), "failed: a failed, b aborted");
    assert_eq!(stand.step("a").attempt, Attempt(3));
}

#[test]
fn a_try_that_succeeds_ends_the_trying() {
    let mut stand = Stand::started(plan("a b<a").retry("a", 5, Span::from_secs(1)));
    stand.runs("a", exit(1));
    stand.due("a");
    stand.succeed("a b");
    assert_eq!(stand.run.status(), RunStatus::Succeeded);
    assert_eq!(stand.end("a").reason, None, "the end of the last try counts");
}

#[test]
fn waits_grow_by_the_factor_up_to_the_bound() {
    let policy = RetryPolicy { backoff_milli: 2000, max_interval: Some(Span(350)), ..retry(4, Span(100)) };
    let mut stand = Stand::started(plan("a").set("a", |s| s.retry = Some(policy)));
    let waits: Vec<u64> = (0..4)
        .map(|_| {
            stand.runs("a", exit(1));
            stand.due("a").as_millis()
        })
        .collect();
    assert_eq!(waits, [100, 200, 350, 350]);
}

#[test]
fn the_plugin_may_ask_for_a_longer_wait_but_not_for_a_shorter_one() {
    for (asked, waited) in [(60, 60), (1, 5)] {
        let mut stand = Stand::started(plan("a").retry("a", 1, Span::from_secs(5)));
        let busy = Failed { retry_after: Some(Span::from_secs(asked)), ..failed(FailReason::Unavailable) };
        stand.runs("a", Outcome::Failed(busy));
        assert_eq!(stand.due("a"), Span::from_secs(waited));
    }
}

#[test]
fn a_step_is_due_when_it_is_due_and_once() {
    let mut stand = Stand::started(plan("a").retry("a", 1, Span::from_secs(5)));
    stand.runs("a", exit(1));
    let step = stand.index("a");
    assert_eq!(stand.refuses(Command::Due { step }), "step a is not due yet");
    stand.due("a");
    assert_eq!(stand.refuses(Command::Due { step }), "step a is ready: it cannot be tried again");
    stand.claim("a");
    assert_eq!(stand.refuses(Command::Due { step }), "step a is running: it cannot be tried again");
}

#[test]
fn without_a_wait_the_next_try_is_ready_at_once() {
    let mut stand = Stand::started(plan("a").retry("a", 1, Span::ZERO));
    stand.runs("a", exit(1));
    assert_eq!(stand.shows(), "running: a ready");
    stand.succeed("a");
    assert_eq!(stand.run.status(), RunStatus::Succeeded);
}

#[test]
fn only_listed_codes_and_mendable_reasons_are_tried_again() {
    let listed = || plan("a").set("a", |s| s.retry = Some(RetryPolicy { exit_code: vec![75], ..retry(9, Span(1)) }));
    let any = || plan("a").retry("a", 9, Span(1));
    let table = [
        (listed(), exit(75), StepStatus::Retrying),
        (listed(), exit(1), StepStatus::Failed),
        (listed(), fails(FailReason::Unavailable), StepStatus::Failed),
        (any(), exit(1), StepStatus::Retrying),
        (any(), fails(FailReason::Unavailable), StepStatus::Retrying),
        (any(), fails(FailReason::UnknownOutcome), StepStatus::Retrying),
        (any(), fails(FailReason::TimedOut), StepStatus::Failed),
        (any(), fails(FailReason::Refused), StepStatus::Failed),
        (any(), fails(FailReason::PreconditionError), StepStatus::Failed),
    ];
    for (plan, outcome, status) in table {
        let mut stand = Stand::started(plan);
        stand.runs("a", outcome.clone());
        assert_eq!(stand.step("a").status, status, "{outcome:?}");
    }
}

#[test]
fn a_failure_is_forgiven_after_the_last_try_only() {
    let mut stand = Stand::started(plan("a b<a").retry("a", 1, Span(1)).continue_on("a", forgiving()));
    stand.runs("a", exit(1));
    assert_eq!(stand.shows(), "running: a retrying");
    stand.due("a");
    stand.runs("a", exit(1));
    stand.succeed("b");
    assert_eq!(stand.run.status(), RunStatus::PartiallySucceeded);
}

/// Runs `a` through these outcomes; all but the last are followed by another run.
#[track_caller]
fn repeats(mode: RepeatMode, limit: Option<u32>, codes: &[i32], outcomes: &[Outcome], end: StepStatus) {
    let said = format!("{mode:?} {limit:?} {codes:?} {outcomes:?}");
    let plan = plan("a").repeat("a", mode, limit).set("a", |s| {
        s.repeat.as_mut().unwrap().exit_code = codes.to_vec();
    });
    let mut stand = Stand::started(plan);
    for (outcome, n) in outcomes.iter().zip(1u32..) {
        stand.runs("a", outcome.clone());
        if (n as usize) < outcomes.len() {
            assert_eq!(stand.step("a").status, StepStatus::Retrying, "{said}: after {n}");
            assert_eq!(stand.step("a").repetition, n);
            assert_eq!(stand.due("a"), Span::from_secs(1), "{said}");
        }
    }
    assert_eq!(stand.step("a").status, end, "{said}");
}

#[test]
fn repeats_always_while_and_until() {
    use RepeatMode::{Always, Until, While};
    use StepStatus::{Failed, Retrying, Succeeded};
    let yes = |code| checked(code, Ok(true));
    let no = |code| checked(code, Ok(false));
    repeats(Always, Some(3), &[], &[exit(0), exit(0), exit(0)], Succeeded);
    repeats(Always, Some(1), &[], &[exit(0)], Succeeded);
    repeats(Always, None, &[], &[exit(0), exit(0), exit(0)], Retrying);
    repeats(Always, None, &[], &[exit(0), exit(1)], Failed);
    repeats(While, None, &[], &[yes(0), yes(0), no(0)], Succeeded);
    repeats(While, Some(2), &[], &[yes(0), yes(0)], Succeeded);
    repeats(Until, None, &[], &[no(0), no(0), yes(0)], Succeeded);
    repeats(Until, Some(2), &[], &[no(0), no(0)], Succeeded);
    repeats(While, None, &[1], &[exit(1), exit(1), exit(0)], Succeeded);
    repeats(While, None, &[1], &[exit(1), exit(2)], Failed);
    repeats(Until, None, &[0], &[exit(1), exit(2), exit(0)], Succeeded);
    repeats(Until, Some(2), &[0], &[exit(1), exit(2)], Failed);
    repeats(While, None, &[], &[yes(0), checked(0, Err("no shell".to_owned()))], Failed);
    repeats(While, None, &[], &[yes(0), fails(FailReason::TimedOut)], Failed);
}

#[test]
fn a_condition_that_cannot_be_checked_says_so() {
    let mut stand = Stand::started(plan("a").repeat("a", RepeatMode::While, None));
    stand.runs("a", checked(0, Err("no shell".to_owned())));
    let said = "the repeat condition could not be checked: no shell";
    assert_eq!(stand.end("a").message.as_deref(), Some(said));
}

#[test]
fn i8_each_repetition_has_all_its_tries() {
    let plan = plan("a").repeat("a", RepeatMode::Always, Some(2)).retry("a", 1, Span(10));
    let mut stand = Stand::started(plan);
    for _ in 0..2 {
        stand.runs("a", exit(1));
        assert_eq!(stand.step("a").attempt, Attempt(1));
        stand.due("a");
        stand.runs("a", exit(0));
        if stand.run.status() == RunStatus::Running {
            assert_eq!(stand.step("a").attempt, Attempt(0), "the next repetition starts anew");
            stand.due("a");
        }
    }
    assert_eq!(stand.run.status(), RunStatus::Succeeded);
}

#[test]
fn a_stopping_run_neither_tries_nor_repeats_again() {
    let endless = || plan("a").retry("a", 9, Span(1)).repeat("a", RepeatMode::Always, None);
    for (outcome, status) in [(exit(1), StepStatus::Failed), (exit(0), StepStatus::Succeeded)] {
        let mut stand = Stand::started(endless());
        stand.claim("a");
        stand.tell(stop(false));
        stand.settle("a", outcome);
        assert_eq!(stand.step("a").status, status);
        assert!(stand.run.status().is_terminal());
    }
}

#[test]
fn a_delayed_step_starts_when_its_time_has_come_and_not_before() {
    let mut plan = plan("a b<a").retry("a", 1, Span::ZERO);
    plan.delay = Some(Span::from_secs(3));
    let mut stand = Stand::started(plan);
    let (step, worker) = (stand.index("a"), pintle_core::ids::WorkerId::new("w").unwrap());
    let claim = || Command::Claim { step, worker: worker.clone() };
    assert_eq!(stand.shows(), "running: a ready");
    assert_eq!(stand.refuses(claim()), "step a is not due yet");
    stand.at = stand.step("a").due.unwrap();
    stand.runs("a", exit(1));
    assert_eq!(stand.step("a").due, None, "another try waits for its policy alone");
    stand.runs("a", exit(0));
    let due = stand.step("b").due.unwrap();
    assert_eq!(due.since(stand.at), Span::from_secs(3));
    stand.at = due;
    stand.succeed("b");
    assert_eq!(stand.run.status(), RunStatus::Succeeded);
}
