//! Gate, init, and what runs at the end.

use pintle_core::limits::MAX_LOSSES;
use pintle_core::plan::{Action, Check, OnLost, Plan, Precondition, Role, Template};
use pintle_core::run::command::FailReason;
use pintle_core::run::event::EndReason;
use pintle_core::run::{Command, Outcome, RunStatus};
use pintle_core::time::Span;

use crate::plans::{Say, forgiving, plan};
use crate::stand::{Stand, exit, fails, skipped};

const CLOSING: [Role; 4] = [Role::OnSuccess, Role::OnFailure, Role::OnAbort, Role::OnExit];

#[test]
fn preconditions_of_the_run_become_a_gate_once() {
    let check = Check::Command(Template("test -d /".to_owned()));
    let condition = Precondition { check, negate: true };
    let gated = Plan { preconditions: vec![condition.clone()], ..plan("a") }.with_gate();
    let gate = gated.handler(Role::Gate).and_then(|i| gated.step(i)).expect("a gate");
    assert_eq!((&gate.preconditions, &gate.action), (&vec![condition], &Action::noop()));
    assert!(gated.preconditions.is_empty(), "they are checked in one place");
    assert_eq!(gated.clone().with_gate(), gated);
    assert_eq!(plan("a").with_gate(), plan("a"), "nothing to check, no gate");
    let mut stand = Stand::started(gated);
    assert_eq!(stand.shows(), "running: preconditions ready");
    stand.succeed("preconditions a");
    assert_eq!(stand.run.status(), RunStatus::Succeeded);
}

#[test]
fn the_gate_gives_way_to_a_step_of_its_name() {
    let condition = || Precondition { check: Check::Command(Template("test -d /".to_owned())), negate: false };
    let gated = |plan: Plan| Plan { preconditions: vec![condition()], ..plan }.with_gate();
    let by_name = gated(plan("preconditions preconditions_2"));
    assert_eq!(by_name.steps.last().map(|s| s.name.as_str()), Some("preconditions_3"));
    let by_id = gated(plan("a").set("a", |s| s.id = Some("preconditions".to_owned())));
    assert_eq!(by_id.find("preconditions_2"), by_id.handler(Role::Gate));
    assert_eq!(by_id.find("preconditions"), by_id.find("a"), "the author's id is his");
}

#[test]
fn gate_then_init_then_steps() {
    let mut stand = Stand::started(plan("a b").with(&[Role::OnInit, Role::Gate]));
    assert_eq!(stand.shows(), "running: gate ready");
    stand.succeed("gate");
    assert_eq!(stand.shows(), "running: init ready, gate succeeded");
    stand.succeed("init");
    assert_eq!(stand.shows(), "running: a ready, b ready, init succeeded, gate succeeded");
}

#[test]
fn how_the_opening_ends_decides_whether_anything_runs() {
    let table: [(Role, &str, Outcome, &str); 6] = [
        (Role::Gate, "gate", skipped(), "running: a aborted, abort ready, gate skipped"),
        (Role::Gate, "gate", fails(FailReason::PreconditionError), "running: a aborted, failure ready, gate failed"),
        (Role::OnInit, "init", exit(1), "running: a aborted, failure ready, init failed"),
        (Role::OnInit, "init", skipped(), "running: a ready, init skipped"),
        (Role::OnInit, "init", fails(FailReason::TimedOut), "running: a aborted, failure ready, init failed"),
        (Role::OnInit, "init", exit(0), "running: a ready, init succeeded"),
    ];
    for (role, name, outcome, shows) in table {
        let mut stand = Stand::started(plan("a").with(&CLOSING).with(&[role]));
        stand.runs(name, outcome);
        assert_eq!(stand.shows(), shows);
        if stand.step("a").status.is_terminal() {
            assert_eq!(stand.end("a").reason, Some(EndReason::RunNotBegun));
        }
    }
}

#[test]
fn a_gate_that_does_not_open_makes_the_run_aborted_and_an_init_that_fails_makes_it_failed() {
    for (role, name, outcome, handler, status) in [
        (Role::Gate, "gate", skipped(), "abort", RunStatus::Aborted),
        (Role::Gate, "gate", fails(FailReason::PreconditionError), "failure", RunStatus::Failed),
        (Role::OnInit, "init", exit(1), "failure", RunStatus::Failed),
    ] {
        let mut stand = Stand::started(plan("a b<a").with(&CLOSING).with(&[role]));
        stand.runs(name, outcome);
        stand.succeed(&format!("{handler} exit"));
        assert_eq!(stand.run.status(), status);
    }
}

#[test]
fn an_init_failure_that_is_forgiven_lets_the_run_begin() {
    let plan = plan("a").with(&[Role::OnInit, Role::OnSuccess]).continue_on("init", forgiving());
    let mut stand = Stand::started(plan);
    stand.runs("init", exit(1));
    assert_eq!(stand.shows(), "running: a ready, init failed");
    stand.succeed("a success");
    assert_eq!(stand.run.status(), RunStatus::Succeeded);
}

#[test]
fn one_handler_by_status_then_exit() {
    let table = [(exit(0), "success", RunStatus::Succeeded), (exit(1), "failure", RunStatus::Failed)];
    for (outcome, handler, status) in table {
        let mut stand = Stand::started(plan("a").with(&CLOSING));
        stand.runs("a", outcome);
        assert_eq!(stand.run.head.concluded, Some(status), "handlers see it");
        stand.succeed(handler);
        assert_eq!(stand.run.status(), RunStatus::Running, "exit is still to come");
        stand.succeed("exit");
        assert_eq!(stand.run.status(), status);
        assert_eq!(stand.readied(), ["a", handler, "exit"]);
    }
    let mut partial = Stand::started(plan("a b").continue_on("a", forgiving()).with(&CLOSING));
    partial.runs("a", exit(1));
    partial.succeed("b success exit");
    assert_eq!(partial.run.status(), RunStatus::PartiallySucceeded);
}

#[test]
fn only_the_exit_handler_may_be_there() {
    for outcome in [exit(0), exit(1)] {
        let mut stand = Stand::started(plan("a").with(&[Role::OnExit]));
        stand.runs("a", outcome);
        assert_eq!(stand.readied(), ["a", "exit"]);
        stand.succeed("exit");
        assert!(stand.run.status().is_terminal());
    }
}

#[test]
fn a_handler_that_fails_makes_the_run_failed_and_exit_still_runs() {
    let mut stand = Stand::started(plan("a").with(&CLOSING));
    stand.succeed("a");
    stand.runs("success", exit(1));
    stand.succeed("exit");
    assert_eq!(stand.run.status(), RunStatus::Failed);
    assert_eq!(stand.run.head.concluded, Some(RunStatus::Succeeded), "what the steps amounted to is kept");

    let mut stand = Stand::started(plan("a").with(&CLOSING));
    stand.succeed("a success");
    stand.runs("exit", exit(1));
    assert_eq!(stand.run.status(), RunStatus::Failed);

    let forgiven = plan("a").with(&CLOSING).continue_on("exit", forgiving());
    let mut stand = Stand::started(forgiven);
    stand.succeed("a success");
    stand.runs("exit", exit(1));
    assert_eq!(stand.run.status(), RunStatus::Succeeded);
}

#[test]
fn handlers_are_tried_again_skipped_and_lost_like_any_step() {
    let plan = plan("a").with(&CLOSING).retry("success", 1, Span(5));
    let mut stand = Stand::started(plan);
    stand.succeed("a");
    stand.runs("success", exit(1));
    assert_eq!(stand.due("success"), Span(5));
    stand.claim("success");
    stand.lose("success");
    stand.succeed("success");
    stand.runs("exit", skipped());
    assert_eq!(stand.run.status(), RunStatus::Succeeded);
}

#[test]
fn i1_a_parked_gate_init_or_handler_lets_the_run_wait() {
    for (role, name) in
        [(Role::Gate, "gate"), (Role::OnInit, "init"), (Role::OnSuccess, "success"), (Role::OnExit, "exit")]
    {
        let mut stand = Stand::started(plan("a").with(&[role]));
        if matches!(role, Role::OnSuccess | Role::OnExit) {
            stand.succeed("a");
        }
        for _ in 0..=MAX_LOSSES {
            stand.claim(name);
            stand.lose(name);
        }
        assert_eq!(stand.run.status(), RunStatus::Waiting, "{name}: {}", stand.shows());
        stand.tell(Command::Resume);
        stand.succeed(name);
        if stand.run.status() == RunStatus::Running {
            stand.succeed("a");
        }
        assert_eq!(stand.run.status(), RunStatus::Succeeded, "{name}");
    }
}

#[test]
fn the_wait_handler_runs_before_the_run_waits_and_for_each_wait_once() {
    let parks = || {
        plan("a b<a")
            .set("a", |s| s.on_lost = OnLost::Park)
            .set("b", |s| s.on_lost = OnLost::Park)
            .with(&[Role::OnWait, Role::OnExit])
    };
    let mut stand = Stand::started(parks());
    stand.claim("a");
    stand.lose("a");
    assert_eq!(stand.shows(), "running: a waiting, wait ready");
    stand.succeed("wait");
    assert_eq!(stand.shows(), "waiting: a waiting, wait succeeded", "no exit handler while it waits");
    stand.tell(Command::Resume);
    stand.succeed("a");
    stand.claim("b");
    stand.lose("b");
    assert_eq!(stand.shows(), "running: a succeeded, b waiting, wait ready", "it told of another wait");
    stand.succeed("wait");
    assert_eq!(stand.shows(), "waiting: a succeeded, b waiting, wait succeeded");
    stand.tell(Command::Resume);
    stand.succeed("b exit");
    assert_eq!(stand.run.status(), RunStatus::Succeeded);
}

#[test]
fn i1_a_wait_handler_that_was_interrupted_runs_before_the_run_waits_again() {
    let mut stand = Stand::started(plan("a").set("a", |s| s.on_lost = OnLost::Park).with(&[Role::OnWait]));
    stand.claim("a");
    stand.lose("a");
    stand.tell(Command::Interrupt);
    stand.tell(Command::Resume);
    assert_eq!(stand.shows(), "running: a waiting, wait ready", "nobody has looked at the parked step");
    stand.succeed("wait");
    assert_eq!(stand.shows(), "waiting: a waiting, wait succeeded");
    stand.tell(Command::Resume);
    stand.succeed("a");
    assert_eq!(stand.run.status(), RunStatus::Succeeded);
}
