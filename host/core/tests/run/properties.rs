//! Any plan, any commands: what must hold holds. The checks themselves are in `watch`; they run after every command.

use std::collections::BTreeSet;

use pintle_core::plan::Role;
use pintle_core::run::command::{FailReason, Finished, StopCause};
use pintle_core::run::event::EndReason;
use pintle_core::run::{Body, Command, Outcome, Refusal, RunStatus, StepStatus, apply, decide};
use proptest::collection::vec;
use proptest::prelude::*;

use crate::plans::{Say, plan};
use crate::random::{Move, command, is_closing, moves, onwards, outcomes, plans, play};
use crate::stand::{Stand, fails, retry_all, submit};

/// More commands than any run of these plans can need from one look of a person to the end.
const ENOUGH: usize = 3_000;

fn config(cases: u32) -> ProptestConfig {
    ProptestConfig { cases, failure_persistence: None, max_shrink_iters: 20_000, ..ProptestConfig::default() }
}

/// Goes on as a shell would, with these outcomes first and success after them.
fn finish(stand: &mut Stand, outcomes: &[Outcome]) {
    let mut outcomes = outcomes.iter().cloned();
    for _ in 0..ENOUGH {
        let outcome = outcomes.next().unwrap_or_else(all_well);
        let Some(next) = onwards(stand, outcome) else { break };
        stand.tell(next);
    }
    assert!(stand.run.status().is_terminal(), "no end in {ENOUGH} commands: {}", stand.shows());
    assert!(matches!(stand.events.last().unwrap().body, Body::Finished { .. }));
}

fn all_well() -> Outcome {
    Outcome::Finished(Finished { exit_code: Some(0), ..Finished::default() })
}

proptest! {
    #![proptest_config(config(600))]

    #[test]
    fn i2_i3_i8_hold_under_any_commands(plan in plans(), moves in vec(moves(), 0..120)) {
        let stand = play(plan, &moves);
        prop_assert_eq!(&stand.replayed(), &stand.run, "replayed events give another run");
    }

    #[test]
    fn i1_every_run_ends(plan in plans(), moves in vec(moves(), 0..40), last in vec(outcomes(), 0..60)) {
        let mut stand = play(plan, &moves);
        finish(&mut stand, &last);
    }

    #[test]
    fn i1_a_stopped_run_ends_and_starts_nothing_but_handlers(
        plan in plans(),
        moves in vec(moves(), 0..40),
        at_once: bool,
        last in vec(outcomes(), 0..20),
    ) {
        let mut stand = play(plan, &moves);
        if stand.ask(Command::Stop { cause: StopCause::Requested, at_once }).is_ok() {
            let from = stand.events.len();
            finish(&mut stand, &last);
            for event in stand.events.iter().skip(from) {
                if let Body::StepReady { step } = event.body {
                    let role = stand.run.plan.step(step).unwrap().role;
                    prop_assert!(is_closing(role) && !at_once, "{role:?} was started by a stop");
                }
            }
        }
    }

    #[test]
    fn i3_a_command_to_a_finished_run_changes_nothing_but_by_retry(
        plan in plans(),
        last in vec(outcomes(), 0..60),
        strays in vec(moves(), 1..20),
    ) {
        let mut stand = Stand::queued(plan);
        finish(&mut stand, &last);
        let was = stand.run.clone();
        for mv in strays.iter().filter(|mv| !matches!(mv, Move::Retry(..))) {
            let Some(next) = command(&mut stand, mv, None) else { continue };
            prop_assert!(stand.ask(next).is_err());
        }
        prop_assert_eq!(was, stand.run);
    }

    #[test]
    fn i2_a_retry_keeps_what_succeeded(plan in plans(), last in vec(outcomes(), 0..60)) {
        let mut stand = Stand::queued(plan);
        finish(&mut stand, &last);
        let was = stand.run.clone();
        let answer = stand.ask(Command::Retry { steps: vec![], downstream: false });
        if answer == Err(Refusal::NothingToRetry(was.id.clone())) {
            prop_assert_eq!(was.status(), RunStatus::Succeeded);
            return Ok(());
        }
        prop_assert_eq!(stand.run.head.attempt, was.head.attempt.next());
        finish(&mut stand, &[]);
        // Dependencies stand before what depends on them: one pass finds all that is behind a failure.
        let mut anew = BTreeSet::new();
        for (index, step) in stand.run.plan.indexed().filter(|(_, s)| s.role == Role::Main) {
            let (old, new) = (was.step(index).unwrap(), stand.run.step(index).unwrap());
            let unmet = old.end.as_ref().is_some_and(|end| end.reason == Some(EndReason::PreconditionUnmet));
            if (old.status != StepStatus::Succeeded && !unmet) || step.depends.iter().any(|d| anew.contains(d)) {
                anew.insert(index);
            } else {
                prop_assert_eq!((&old.end, old.fence), (&new.end, new.fence), "{} ran again", step.name);
            }
        }
    }

    #[test]
    fn an_event_that_cannot_follow_leaves_the_run_alone(
        plan in plans(),
        moves in vec(moves(), 0..40),
        other in plans(),
        others in vec(moves(), 0..40),
    ) {
        let stand = play(plan, &moves);
        let mut run = stand.run.clone();
        for event in play(other, &others).events {
            if apply(&mut run, &event).is_err() {
                prop_assert_eq!(&run, &stand.run, "{:?} was refused and left its mark", event);
            }
            run.clone_from(&stand.run);
        }
    }

    #[test]
    fn a_decision_depends_on_run_command_and_time_alone(plan in plans(), moves in vec(moves(), 1..60)) {
        let mut stand = play(plan, &moves);
        for mv in &moves {
            if let Some(next) = command(&mut stand, mv, None) {
                prop_assert_eq!(decide(&stand.run, next.clone(), stand.at), decide(&stand.run, next, stand.at));
            }
        }
    }
}

#[test]
fn i1_losses_without_end_are_parked_and_a_person_can_go_on() {
    let mut stand = Stand::queued(plan("a b<a").with(&[Role::Gate, Role::OnExit]));
    for round in 0..ENOUGH {
        match onwards(&mut stand, all_well()) {
            Some(Command::Settle { step, fence, .. }) if round < 50 => {
                stand.tell(Command::Lose { step, fence });
            }
            Some(next) => {
                stand.tell(next);
            }
            None => break,
        }
    }
    assert_eq!(stand.run.status(), RunStatus::Succeeded);
}

#[test]
fn nothing_but_submit_is_taken_before_submit() {
    let mut stand = Stand::unborn(plan("a"));
    for next in [Command::Start, Command::Interrupt, Command::Resume, retry_all()] {
        assert_eq!(stand.refuses(next), "run r does not exist yet");
    }
    stand.tell(submit());
    assert_eq!(stand.refuses(submit()), "run r was already submitted");
    stand.tell(Command::Start);
    stand.runs("a", fails(FailReason::Refused));
    assert_eq!(stand.run.status(), RunStatus::Failed);
}
