//! Workers and processes that are gone.

use pintle_core::counter::{Attempt, Fence};
use pintle_core::limits::MAX_LOSSES;
use pintle_core::plan::{ContinueOn, OnLost};
use pintle_core::run::command::FailReason;
use pintle_core::run::event::{EndReason, WaitReason};
use pintle_core::run::{Command, Effect, Outcome, RunStatus, StepStatus, effects};
use pintle_core::time::Span;

use crate::plans::{Say, forgiving, plan};
use crate::stand::{Stand, exit, fails, with_output};

#[test]
fn i8_a_loss_is_no_try_and_too_many_park() {
    let mut stand = Stand::started(plan("a").retry("a", 1, Span::from_secs(1)));
    for losses in 1..=MAX_LOSSES {
        stand.claim("a");
        assert_eq!(stand.step("a").attempt, Attempt(1), "a loss counted as a try");
        stand.lose("a");
        assert_eq!((stand.step("a").status, stand.step("a").losses), (StepStatus::Ready, losses));
    }
    stand.claim("a");
    stand.lose("a");
    assert_eq!(stand.shows(), "waiting: a waiting");
    let parked = WaitReason::Parked { losses: MAX_LOSSES + 1 };
    assert_eq!((&stand.step("a").waiting, &stand.run.head.waiting), (&Some(parked.clone()), &Some(parked)));

    stand.tell(Command::Resume);
    assert_eq!(stand.step("a").losses, MAX_LOSSES + 1, "the next try is told");
    for _ in 0..MAX_LOSSES {
        stand.claim("a");
        stand.lose("a");
        assert_eq!(stand.step("a").status, StepStatus::Ready, "losses that a person has seen were counted again");
    }
    stand.runs("a", exit(1));
    assert_eq!(stand.step("a").attempt, Attempt(1), "the first try ended only now");
    stand.due("a");
    stand.succeed("a");
    assert_eq!(stand.run.status(), RunStatus::Succeeded);
}

#[test]
fn i8_a_claim_given_back_is_not_counted() {
    let mut stand = Stand::started(plan("a").retry("a", 1, Span::from_secs(1)));
    for _ in 0..10 {
        stand.runs("a", Outcome::GivenBack);
        assert_eq!(stand.shows(), "running: a ready");
    }
    assert_eq!((stand.step("a").attempt, stand.step("a").losses), (Attempt(1), 0));
    stand.runs("a", exit(1));
    assert_eq!(stand.shows(), "running: a retrying", "no try was used up");
}

#[test]
fn on_lost_park_and_fail() {
    let mut parks = Stand::started(plan("a b<a").set("a", |s| s.on_lost = OnLost::Park));
    parks.claim("a");
    parks.lose("a");
    assert_eq!(parks.shows(), "waiting: a waiting");
    parks.tell(Command::Resume);
    parks.succeed("a b");
    assert_eq!(parks.run.status(), RunStatus::Succeeded);

    let mut lost = Stand::started(plan("a b<a").set("a", |s| s.on_lost = OnLost::Fail));
    lost.claim("a");
    lost.lose("a");
    assert_eq!(lost.shows(), "failed: a failed, b aborted");
    assert_eq!(lost.end("a").reason, Some(EndReason::Failed(FailReason::Lost)));
}

#[test]
fn a_loss_that_fails_is_forgiven_like_any_failure() {
    let fail = || plan("a b<a").set("a", |s| s.on_lost = OnLost::Fail);
    for (on, status) in [
        (forgiving(), RunStatus::PartiallySucceeded),
        (ContinueOn { mark_success: true, ..forgiving() }, RunStatus::Succeeded),
    ] {
        let mut stand = Stand::started(fail().continue_on("a", on));
        stand.claim("a");
        stand.lose("a");
        stand.succeed("b");
        assert_eq!(stand.run.status(), status);
    }
}

#[test]
fn an_unknown_outcome_is_parked_where_the_step_says_so() {
    let mut stand = Stand::started(plan("a").retry("a", 9, Span(1)).set("a", |s| s.on_lost = OnLost::Park));
    stand.runs("a", fails(FailReason::UnknownOutcome));
    assert_eq!(stand.shows(), "waiting: a waiting");
    assert_eq!(stand.step("a").waiting, Some(WaitReason::Parked { losses: 0 }));
}

#[test]
fn a_parked_step_lets_the_others_go_on() {
    let mut stand = Stand::started(plan("a b c<b d<a").set("a", |s| s.on_lost = OnLost::Park));
    stand.claim("a");
    stand.lose("a");
    assert_eq!(stand.shows(), "running: a waiting, b ready");
    stand.succeed("b c");
    assert_eq!(stand.shows(), "waiting: a waiting, b succeeded, c succeeded");
    stand.tell(Command::Resume);
    stand.succeed("a d");
    assert_eq!(stand.run.status(), RunStatus::Succeeded);
}

#[test]
fn i3_an_old_claim_writes_nothing() {
    let mut stand = Stand::started(plan("a b<a"));
    let step = stand.index("a");
    let old = stand.claim("a");
    stand.lose("a");
    let stale = |fence| Command::Settle { step, fence, outcome: exit(0) };
    assert!(stand.refuses(stale(old)).starts_with("stale: "), "after the loss");
    let minted = stand.step("a").fence;
    assert!(stand.refuses(stale(minted)).starts_with("stale: "), "nobody holds what the loss minted");
    let new = stand.claim("a");
    assert!(old < minted && minted < new);
    stand.refuses(stale(old));
    stand.refuses(Command::Lose { step, fence: old });
    stand.refuses(stale(Fence(new.get() + 1)));
    assert_eq!(stand.shows(), "running: a running");
    stand.tell(stale(new));
    assert!(stand.refuses(stale(new)).starts_with("stale: "), "the same word twice");
    assert_eq!(stand.shows(), "running: a succeeded, b ready");
}

#[test]
fn i2_an_interrupted_run_goes_on_with_what_was_not_finished() {
    let mut stand = Stand::started(plan("a b<a c<a d<b,c"));
    stand.runs("a", with_output("rows", "42"));
    let first = (stand.step("a").clone(), stand.claim("b"));
    stand.runs("c", exit(0));
    stand.tell(Command::Interrupt);
    assert_eq!(stand.shows(), "waiting: a succeeded, b ready, c succeeded");
    assert_eq!(stand.run.head.waiting, Some(WaitReason::Interrupted));
    assert_eq!(stand.refuses(Command::Interrupt), "run r is waiting: it cannot be interrupted");

    let events = stand.tell(Command::Resume);
    assert_eq!(effects(&stand.run, events.first().unwrap()), [Effect::Wake(stand.index("b"))]);
    stand.succeed("b d");
    assert_eq!(stand.run.status(), RunStatus::Succeeded);
    assert_eq!(stand.step("a"), &first.0, "a ran again or lost its outputs");
    assert!(stand.step("b").fence > first.1);
    assert_eq!(stand.run.head.attempt.get(), 1, "the same run attempt");
    assert_eq!(stand.readied(), ["a", "b", "c", "d"]);
}

#[test]
fn a_retry_wait_outlives_the_interruption() {
    let mut stand = Stand::started(plan("a").retry("a", 1, Span::from_secs(60)));
    stand.runs("a", exit(1));
    stand.tell(Command::Interrupt);
    let step = stand.index("a");
    let due = stand.step("a").due.unwrap();
    assert_eq!(stand.refuses(Command::Due { step }), "run r is waiting: it cannot be gone on with");
    let events = stand.tell(Command::Resume);
    let armed = effects(&stand.run, events.first().unwrap());
    assert_eq!(armed, [Effect::StepTimer { step, due }], "the old timer may have fired for nothing");
    stand.due("a");
    stand.succeed("a");
    assert_eq!(stand.run.status(), RunStatus::Succeeded);
}

#[test]
fn interrupted_before_it_was_admitted_a_run_is_admitted_by_resume() {
    let mut stand = Stand::queued(plan("a"));
    stand.tell(Command::Interrupt);
    assert_eq!(stand.shows(), "waiting:");
    stand.tell(Command::Resume);
    assert_eq!(stand.shows(), "running: a ready");
}

#[test]
fn interruptions_park_what_says_so() {
    let mut stand =
        Stand::started(plan("a b c").set("a", |s| s.on_lost = OnLost::Park).set("b", |s| s.on_lost = OnLost::Fail));
    for name in ["a", "b", "c"] {
        stand.claim(name);
    }
    stand.tell(Command::Interrupt);
    assert_eq!(stand.shows(), "waiting: a waiting, b failed, c ready");
    stand.tell(Command::Resume);
    assert_eq!(stand.shows(), "running: a waiting, b failed, c ready");
}

#[test]
fn what_a_claim_left_behind_is_cleared_before_the_next() {
    let mut stand = Stand::started(plan("a"));
    let fence = stand.claim("a");
    let events = stand.lose("a");
    let step = stand.index("a");
    assert_eq!(effects(&stand.run, events.first().unwrap()), [Effect::Recover { step, fence }, Effect::Wake(step)]);
}
