//! What is said when a run does not add up: an event that cannot follow, a decision that contradicts itself. What a sound
//! run refuses stands in the tables of `transitions`.

use pintle_core::counter::{Attempt, Fence, RunAttempt};
use pintle_core::plan::StepIndex;
use pintle_core::run::event::{EndReason, StepEnd};
use pintle_core::run::{Body, Command, Event, Run, RunStatus, StepStatus, apply, decide};
use pintle_core::time::Timestamp;

use crate::plans::plan;
use crate::stand::{Stand, submit, worker};

/// What is said of an event that cannot follow; the run is left alone.
#[track_caller]
fn damage(run: &Run, body: Body) -> String {
    let mut folded = run.clone();
    let refused = apply(&mut folded, &Event { at: Timestamp(1), body }).unwrap_err();
    assert!(folded == *run, "an event that was refused changed the run");
    refused.to_string()
}

#[test]
fn an_event_that_cannot_follow_is_named_with_its_place_and_its_reason() {
    let unborn = Stand::unborn(plan("a")).run;
    assert_eq!(
        damage(&unborn, Body::Started),
        "event 1 (Started) cannot follow those before it: the run is not submitted"
    );
    let Command::Submit(submission) = submit() else { panic!("submit() submits") };
    let queued = Stand::queued(plan("a")).run;
    assert_eq!(
        damage(&queued, Body::Submitted(submission)),
        "event 2 (Submitted) cannot follow those before it: the run is queued"
    );
    let running = Stand::started(plan("a")).run;
    let next = running.head.version.next();
    assert_eq!(
        damage(&running, Body::Finished { status: RunStatus::Running }),
        format!("event {next} (Finished) cannot follow those before it: the run is running")
    );
    assert_eq!(
        damage(&running, Body::StepReady { step: StepIndex(9) }),
        format!("event {next} (StepReady of step 9) cannot follow those before it: the plan has no such step")
    );
    let claim = Body::StepClaimed { step: StepIndex(0), fence: Fence(0), worker: worker(), attempt: Attempt(1) };
    assert_eq!(
        damage(&running, claim),
        format!("event {next} (StepClaimed of step 0) cannot follow those before it: the step is ready under fence 0")
    );
}

#[test]
fn what_an_event_carries_is_not_said() {
    let running = Stand::started(plan("a")).run;
    let mut end = StepEnd::without_try(StepStatus::Running, EndReason::Stopped);
    end.message = Some("hush-hush-42".to_owned());
    let said = damage(&running, Body::StepEnded { step: StepIndex(0), end });
    assert!(said.contains("(StepEnded of step 0)") && !said.contains("hush"), "{said}");
}

#[test]
fn a_retry_of_a_step_that_the_run_lacks_is_damage() {
    let mut over = Stand::started(plan("a"));
    over.succeed("a");
    let retried = |reset| Body::Retried { attempt: RunAttempt(2), reset, excused: vec![] };
    let said = damage(&over.run, retried(vec![StepIndex(9)]));
    assert!(said.ends_with("(Retried) cannot follow those before it: the run has no such step"), "{said}");
    // A fold that was cut: the plan knows the step, the run does not.
    let mut cut = over.run.clone();
    cut.steps.clear();
    let said = damage(&cut, Body::StepReady { step: StepIndex(0) });
    assert!(said.ends_with("(StepReady of step 0) cannot follow those before it: the run has no such step"), "{said}");
}

#[test]
fn a_decision_that_contradicts_itself_is_told_as_a_defect_and_changes_nothing() {
    // No fence comes after the last: the claim that is decided cannot be folded.
    let mut run = Stand::started(plan("a")).run;
    run.steps.iter_mut().for_each(|step| step.fence = Fence(u64::MAX));
    let claim = Command::Claim { step: StepIndex(0), worker: worker() };
    let refused = decide(&run, claim, Timestamp(1)).unwrap_err().to_string();
    assert!(refused.starts_with("internal: event ") && refused.contains("(StepClaimed of step 0)"), "{refused}");
    assert!(refused.ends_with(&format!("the step is ready under fence {}; please report this", u64::MAX)), "{refused}");
}
