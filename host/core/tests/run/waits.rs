//! Steps that wait for a time: without a slot, through an interruption, and no longer than they may.

use pintle_core::plan::{OnLost, Output, RepeatMode, Role, StepIndex};
use pintle_core::run::command::FailReason;
use pintle_core::run::effect::{Effect, effects};
use pintle_core::run::event::{EndReason, Event};
use pintle_core::run::{Body, Command, RunStatus, StepStatus};
use pintle_core::time::{Span, Timestamp};

use crate::plans::{Say, plan};
use crate::stand::{Stand, exit, later, worker};

#[test]
fn a_waiting_step_leaves_its_place_to_others_and_counts_as_one_try() {
    let mut bounded = plan("a b c<a");
    bounded.max_active_steps = Some(1);
    let mut stand = Stand::started(bounded);
    stand.runs("a", later(60, true));
    assert_eq!((stand.run.head.active, stand.run.status()), (0, RunStatus::Running));
    stand.succeed("b");
    assert_eq!(stand.run.status(), RunStatus::Running, "somebody must be there when the time comes");
    let began = stand.step("a").started_at;
    stand.due("a");
    stand.runs("a", later(60, true));
    stand.due("a");
    stand.claim("a");
    assert_eq!((stand.step("a").attempt.get(), stand.step("a").started_at), (1, began), "the wait is one try");
    stand.settle("a", exit(0));
    stand.succeed("c");
    assert_eq!(stand.run.status(), RunStatus::Succeeded);
}

#[test]
fn a_wait_that_goes_on_with_nothing_is_over_when_its_time_comes() {
    let with_output = plan("a b<a").set("a", |s| s.output = Some(Output::Variable("X".to_owned())));
    let mut stand = Stand::started(with_output);
    let waits = stand.runs("a", later(5, false));
    let due = stand.step("a").due.unwrap();
    assert_eq!(effects(&stand.run, waits.last().unwrap()), [Effect::StepTimer { step: StepIndex(0), due }]);
    assert_eq!(stand.refuses(Command::Due { step: StepIndex(0) }), "step a is not due yet");
    assert_eq!(
        stand.refuses(Command::Claim { step: StepIndex(0), worker: worker() }),
        "step a is waiting: it cannot be claimed"
    );
    stand.due("a");
    assert_eq!((stand.end("a").status, stand.end("a").variable.as_deref()), (StepStatus::Succeeded, Some("")));
    assert_eq!(stand.step("b").status, StepStatus::Ready);
}

#[test]
fn an_interruption_does_not_lengthen_a_wait() {
    let mut stand = Stand::started(plan("a b<a").set("a", |s| s.on_lost = OnLost::Park));
    stand.runs("a", later(5, false));
    let due = stand.step("a").due.unwrap();
    stand.tell(Command::Interrupt);
    assert_eq!(stand.shows(), "waiting: a waiting");
    let early = stand.refuses(Command::Due { step: StepIndex(0) });
    assert_eq!(early, "run r is waiting: it cannot be gone on with");
    let resumed = stand.tell(Command::Resume);
    assert_eq!(effects(&stand.run, resumed.first().unwrap()), [Effect::StepTimer { step: StepIndex(0), due }]);
    assert_eq!(stand.step("a").due, Some(due));
    stand.due("a");
    assert_eq!(stand.shows(), "running: a succeeded, b ready");
}

#[test]
fn the_steps_time_bounds_all_looks_together() {
    let mut stand =
        Stand::started(plan("a").set("a", |s| s.timeout = Some(Span::from_secs(10))).retry("a", 3, Span::ZERO));
    stand.claim("a");
    let deadline = stand.step("a").started_at.unwrap().plus(Span::from_secs(10));
    stand.settle("a", later(6, true));
    stand.due("a");
    stand.runs("a", later(6, true));
    assert_eq!(stand.step("a").due, Some(deadline), "it is not waited for longer than the step may");
    stand.due("a");
    let end = stand.end("a");
    assert_eq!((end.exit_code, end.reason), (Some(124), Some(EndReason::Failed(FailReason::TimedOut))));
    assert_eq!(end.message.as_deref(), Some("the step waited longer than its timeout of 10.0s"));
}

#[test]
fn a_wait_that_ended_while_nobody_was_there_is_no_timeout() {
    let mut stand = Stand::started(plan("a").set("a", |s| s.timeout = Some(Span::from_secs(10))));
    stand.runs("a", later(6, false));
    stand.tell(Command::Interrupt);
    stand.at = stand.at.plus(Span::from_secs(3600));
    stand.tell(Command::Resume);
    stand.tell(Command::Due { step: StepIndex(0) });
    assert_eq!(stand.run.status(), RunStatus::Succeeded);
}

#[test]
fn a_stop_ends_a_wait_at_once() {
    for at_once in [false, true] {
        let mut stand = Stand::started(plan("a b<a"));
        stand.runs("a", later(3600, true));
        stand.stop(at_once);
        assert_eq!(stand.shows(), "aborted: a aborted, b aborted");
        let mut claimed = Stand::started(plan("a"));
        claimed.claim("a");
        claimed.stop(at_once);
        claimed.settle("a", later(3600, true));
        assert_eq!(claimed.shows(), "aborted: a aborted", "it was told to stop and waits");
    }
}

#[test]
fn a_lost_look_is_looked_again_and_not_begun_anew() {
    let mut stand = Stand::started(plan("a"));
    stand.runs("a", later(1, true));
    let began = stand.step("a").started_at;
    stand.due("a");
    stand.claim("a");
    stand.lose("a");
    stand.claim("a");
    assert_eq!((stand.step("a").token.as_deref(), stand.step("a").started_at), (Some("token"), began));
    stand.lose("a");
    for _ in 0..2 {
        stand.claim("a");
        stand.lose("a");
    }
    assert_eq!(stand.shows(), "waiting: a waiting");
    stand.tell(Command::Resume);
    stand.claim("a");
    assert_eq!(stand.step("a").token, None, "who looked at a parked step begins it anew");
}

#[test]
fn a_repetition_waits_anew() {
    let mut stand = Stand::started(plan("a").repeat("a", RepeatMode::Always, Some(2)));
    stand.runs("a", later(1, false));
    stand.due("a");
    assert_eq!(stand.step("a").status, StepStatus::Retrying);
    stand.due("a");
    stand.runs("a", later(1, false));
    stand.due("a");
    assert_eq!(stand.run.status(), RunStatus::Succeeded);
}

#[test]
fn a_handler_may_wait() {
    let mut stand = Stand::started(plan("a").with(&[Role::OnInit, Role::OnExit]));
    stand.runs("init", later(1, false));
    assert_eq!(stand.run.status(), RunStatus::Running);
    stand.due("init");
    stand.succeed("a");
    stand.runs("exit", later(1, false));
    assert_eq!(stand.run.status(), RunStatus::Running);
    stand.due("exit");
    assert_eq!(stand.run.status(), RunStatus::Succeeded);
}

#[test]
fn a_wait_is_one_line_with_its_due_time() {
    let body =
        Body::StepLater { step: StepIndex(3), fence: pintle_core::counter::Fence(2), due: Timestamp(9), token: None };
    let text = serde_json::to_string(&Event { at: Timestamp(7), body }).unwrap();
    assert_eq!(text, r#"{"at":7,"event":"step_later","step":3,"fence":2,"due":9}"#);
}
