//! Every state against every command. The tables say what the code does; a change of them is a change of what Pintle
//! promises, and is looked at as one.

use std::fmt::Write as _;

use pintle_core::counter::Fence;
use pintle_core::plan::{ContinueOn, OnLost, Plan, RepeatMode, Role, StepIndex};
use pintle_core::run::command::{FailReason, Finished, StopCause};
use pintle_core::run::event::{Again, EndReason, StepEnd, WaitReason};
use pintle_core::run::{Body, Command, Event, Outcome, Run, RunStatus, StepStatus, apply, decide};
use pintle_core::time::Span;

use crate::golden;
use crate::plans::{Say, forgiving, plan};
use crate::random::{REASONS, reason_name};
use crate::stand::{Stand, exit, fails, retry_all, skipped, stop, submit, worker};

/// Commands of every kind, about the step `a`; [`command_name`] breaks the build when one is added.
fn commands(run: &Run) -> Vec<Command> {
    let step = run.plan.find("a").unwrap();
    let fence = run.step(step).unwrap().fence;
    vec![
        submit(),
        Command::Start,
        Command::Claim { step, worker: worker() },
        Command::Settle { step, fence, outcome: exit(0) },
        Command::Lose { step, fence },
        Command::Due { step },
        Command::Interrupt,
        Command::Resume,
        stop(false),
        stop(true),
        retry_all(),
        Command::Retry { steps: vec![step], downstream: false },
        Command::Retry { steps: vec![step], downstream: true },
        Command::Retry { steps: vec![StepIndex(99)], downstream: false },
    ]
}

fn command_name(command: &Command) -> String {
    match command {
        Command::Submit(_) => "submit".to_owned(),
        Command::Start => "start".to_owned(),
        Command::Claim { .. } => "claim".to_owned(),
        Command::Settle { outcome, .. } => format!("settle, {}", outcome_name(outcome)),
        Command::Lose { .. } => "lose".to_owned(),
        Command::Due { .. } => "due".to_owned(),
        Command::Interrupt => "interrupt".to_owned(),
        Command::Resume => "resume".to_owned(),
        Command::Stop { at_once: false, .. } => "stop".to_owned(),
        Command::Stop { at_once: true, .. } => "stop at once".to_owned(),
        Command::Retry { steps, .. } if steps.is_empty() => "retry".to_owned(),
        Command::Retry { steps, .. } if steps.contains(&StepIndex(99)) => "retry what is not there".to_owned(),
        Command::Retry { downstream: false, .. } => "retry a".to_owned(),
        Command::Retry { downstream: true, .. } => "retry a and what is behind".to_owned(),
    }
}

fn outcome_name(outcome: &Outcome) -> String {
    match outcome {
        Outcome::Finished(done) => match (done.exit_code, &done.repeat_condition) {
            (None, _) => "finished without a code".to_owned(),
            (Some(code), None) => format!("exit {code}"),
            (Some(code), Some(Ok(met))) => format!("exit {code} and condition {met}"),
            (Some(code), Some(Err(_))) => format!("exit {code} and condition unknown"),
        },
        Outcome::Failed(failed) => reason_name(failed.reason).to_owned(),
        Outcome::Skipped { .. } => "skipped".to_owned(),
        Outcome::Stopped { .. } => "stopped".to_owned(),
        Outcome::GivenBack => "given back".to_owned(),
    }
}

/// `a < b`, an exit handler beside them.
fn two() -> Plan {
    plan("a b<a").with(&[Role::OnExit])
}

/// Runs that stand in a status, and how they came there. A new status breaks the build here.
fn runs_in(status: RunStatus) -> Vec<(&'static str, Stand)> {
    match status {
        RunStatus::Queued => vec![
            ("new", Stand::queued(two())),
            ("retried", {
                let mut stand = over(exit(1));
                stand.tell(retry_all());
                stand
            }),
        ],
        RunStatus::Running => running(),
        RunStatus::Waiting => vec![
            ("interrupted", {
                let mut stand = Stand::started(two());
                stand.claim("a");
                stand.tell(Command::Interrupt);
                stand
            }),
            ("interrupted before it began", {
                let mut stand = Stand::queued(two());
                stand.tell(Command::Interrupt);
                stand
            }),
            ("interrupted while it stopped", {
                let mut stand = Stand::started(two());
                stand.claim("a");
                stand.stop(false);
                stand.tell(Command::Interrupt);
                stand
            }),
            ("parked", {
                let mut stand = Stand::started(two().set("a", |s| s.on_lost = OnLost::Park));
                stand.claim("a");
                stand.lose("a");
                stand
            }),
        ],
        RunStatus::Succeeded => vec![("", over(exit(0)))],
        RunStatus::PartiallySucceeded => vec![("", {
            let mut stand = Stand::started(plan("a b<a").continue_on("a", forgiving()));
            stand.runs("a", exit(1));
            stand.succeed("b");
            stand
        })],
        RunStatus::Failed => vec![("", over(exit(1)))],
        RunStatus::Aborted => vec![
            ("stopped", {
                let mut stand = Stand::started(plan("a b<a"));
                stand.stop(false);
                stand
            }),
            ("gate", {
                let mut stand = Stand::started(plan("a b<a").with(&[Role::Gate]));
                stand.runs("gate", skipped());
                stand
            }),
        ],
        RunStatus::Rejected => vec![("folded", {
            let mut stand = Stand::started(plan("a b<a"));
            let rejected = StepEnd::without_try(StepStatus::Rejected, EndReason::Stopped);
            let aborted = StepEnd::without_try(StepStatus::Aborted, EndReason::UpstreamFailed);
            fold(&mut stand.run, Body::StepEnded { step: StepIndex(0), end: rejected });
            fold(&mut stand.run, Body::StepEnded { step: StepIndex(1), end: aborted });
            fold(&mut stand.run, Body::Concluded { status: RunStatus::Rejected });
            fold(&mut stand.run, Body::Finished { status: RunStatus::Rejected });
            stand
        })],
    }
}

/// No command of today ends so; events of tomorrow may.
fn fold(run: &mut Run, body: Body) {
    apply(run, &Event { at: run.head.submitted_at.unwrap(), body }).unwrap();
}

fn over(outcome: Outcome) -> Stand {
    let mut stand = Stand::started(plan("a b<a"));
    stand.runs("a", outcome);
    if stand.run.status() == RunStatus::Running {
        stand.succeed("b");
    }
    stand
}

fn running() -> Vec<(&'static str, Stand)> {
    let mut stands = vec![("begun", Stand::started(two()))];
    let phases = [("gate", Role::Gate), ("init", Role::OnInit)];
    for (name, role) in phases {
        let mut stand = Stand::started(two().with(&[role]));
        stand.claim(name);
        stands.push((name, stand));
    }
    let mut claimed = Stand::started(two());
    claimed.claim("a");
    let mut stopping = claimed.clone();
    stopping.stop(false);
    let mut killing = claimed.clone();
    killing.stop(true);
    let mut closing = Stand::started(two());
    closing.succeed("a b");
    let mut closing_claimed = closing.clone();
    closing_claimed.claim("exit");
    stands.extend([
        ("a claimed", claimed),
        ("stopping", stopping),
        ("stopping at once", killing),
        ("exit handler ready", closing),
        ("exit handler claimed", closing_claimed),
    ]);
    stands
}

#[test]
fn every_run_status_against_every_command() {
    let mut text = String::new();
    for status in RunStatus::ALL {
        for (how, stand) in runs_in(status) {
            assert_eq!(stand.run.status(), status, "{how}: {}", stand.shows());
            let state = if how.is_empty() { status.to_string() } else { format!("{status} ({how})") };
            for command in commands(&stand.run) {
                line(&mut text, &state, &stand, command);
            }
        }
    }
    golden::holds("transitions/run.txt", &text);
}

/// Steps `a` that stand in a status. A new status breaks the build here.
fn steps_in(status: StepStatus) -> Stand {
    let mut stand = Stand::started(two().retry("a", 1, Span::from_secs(1)));
    match status {
        StepStatus::NotStarted => stand = Stand::queued(two()),
        StepStatus::Ready => {}
        StepStatus::Running => {
            stand.claim("a");
        }
        StepStatus::Retrying => {
            stand.runs("a", exit(1));
        }
        StepStatus::Waiting => {
            stand = Stand::started(plan("a z b<a").set("a", |s| s.on_lost = OnLost::Park));
            stand.claim("a");
            stand.lose("a");
        }
        StepStatus::Succeeded => {
            stand.runs("a", exit(0));
        }
        StepStatus::Failed => {
            stand = Stand::started(two());
            stand.runs("a", exit(1));
        }
        StepStatus::Skipped => {
            stand.runs("a", skipped());
        }
        StepStatus::Aborted => {
            stand.stop(false);
        }
        StepStatus::PartiallySucceeded | StepStatus::Rejected => {
            let end = StepEnd::without_try(status, EndReason::Stopped);
            fold(&mut stand.run, Body::StepEnded { step: StepIndex(0), end });
        }
    }
    stand
}

#[test]
fn every_step_status_against_every_command() {
    let mut text = String::new();
    for status in StepStatus::ALL {
        let stand = steps_in(status);
        assert_eq!(stand.step("a").status, status);
        against(&mut text, &status.to_string(), &stand);
    }
    for (how, stand) in claimed() {
        assert_eq!(stand.step("a").status, StepStatus::Running, "{how}");
        against(&mut text, &format!("running ({how})"), &stand);
    }
    golden::holds("transitions/step.txt", &text);
}

/// Claimed steps with something to say about how they end.
fn claimed() -> Vec<(&'static str, Stand)> {
    let codes = ContinueOn { exit_code: vec![1], ..ContinueOn::default() };
    let plans = [
        ("on_lost: park", two().set("a", |s| s.on_lost = OnLost::Park)),
        ("on_lost: fail", two().set("a", |s| s.on_lost = OnLost::Fail)),
        ("continue_on failure", two().continue_on("a", forgiving())),
        ("continue_on exit_code", two().continue_on("a", codes)),
        ("continue_on skipped", two().continue_on("a", ContinueOn { skipped: true, ..ContinueOn::default() })),
        ("mark_success", two().continue_on("a", ContinueOn { mark_success: true, ..forgiving() })),
        ("retry without a wait", two().retry("a", 1, Span::ZERO)),
        ("repeat always", two().repeat("a", RepeatMode::Always, None)),
        ("repeat while", two().repeat("a", RepeatMode::While, None)),
        ("repeat until exit 1", {
            two().repeat("a", RepeatMode::Until, None).set("a", |s| s.repeat.as_mut().unwrap().exit_code = vec![1])
        }),
    ];
    let mut stands: Vec<(&str, Stand)> = Vec::new();
    for (how, plan) in plans {
        let mut stand = Stand::started(plan);
        stand.claim("a");
        stands.push((how, stand));
    }
    let mut stopping = Stand::started(two().retry("a", 9, Span::from_secs(1)).repeat("a", RepeatMode::Always, None));
    stopping.claim("a");
    stopping.stop(false);
    let mut often = Stand::started(two());
    for _ in 0..pintle_core::limits::MAX_LOSSES {
        often.claim("a");
        often.lose("a");
    }
    often.claim("a");
    stands.extend([("stopping", stopping), ("lost as often as it may be", often)]);
    stands
}

fn against(text: &mut String, state: &str, stand: &Stand) {
    let step = stand.index("a");
    let fence = stand.step("a").fence;
    let old = Fence(fence.get().wrapping_sub(1));
    line(text, state, stand, Command::Claim { step, worker: worker() });
    for outcome in outcomes() {
        line(text, state, stand, Command::Settle { step, fence, outcome });
    }
    line(text, state, stand, Command::Lose { step, fence });
    for fence in [old, fence.mint()] {
        line(text, &format!("{state}, under fence {fence}"), stand, Command::Lose { step, fence });
        let outcome = exit(0);
        line(text, &format!("{state}, under fence {fence}"), stand, Command::Settle { step, fence, outcome });
    }
    line(text, &format!("{state}, early"), stand, Command::Due { step });
    let mut later = stand.clone();
    later.at = later.at.plus(Span::from_secs(1));
    line(text, state, &later, Command::Due { step });
}

/// Outcomes of every kind; [`outcome_name`] breaks the build when one is added.
fn outcomes() -> Vec<Outcome> {
    let mut all = vec![exit(0), exit(1), exit(2), Outcome::Finished(Finished::default())];
    for (code, condition) in [(0, Ok(true)), (0, Ok(false)), (1, Ok(true)), (1, Ok(false)), (0, Err("e".to_owned()))] {
        all.push(crate::stand::checked(code, condition));
    }
    all.extend(REASONS.map(fails));
    all.extend([skipped(), Outcome::Stopped { exit_code: Some(143) }, Outcome::GivenBack]);
    all
}

fn line(text: &mut String, state: &str, stand: &Stand, command: Command) {
    let name = command_name(&command);
    let answer = match decide(&stand.run, command, stand.at.plus(Span(1))) {
        Ok(events) => {
            let said: Vec<String> = events.iter().map(|e| say(&stand.run, e)).collect();
            said.join("; ")
        }
        Err(refusal) => format!("refused: {refusal}"),
    };
    let _ = writeln!(text, "{state} | {name} | {answer}");
}

/// An event in few words.
fn say(run: &Run, event: &Event) -> String {
    let name = |step: &StepIndex| run.plan.step(*step).unwrap().name.clone();
    match &event.body {
        Body::Submitted(_) => "submitted".to_owned(),
        Body::Started => "started".to_owned(),
        Body::StepReady { step } => format!("{} ready", name(step)),
        Body::StepClaimed { step, fence, attempt, .. } => {
            format!("{} claimed under fence {fence} as try {attempt}", name(step))
        }
        Body::StepGivenBack { step, fence } => format!("{} given back, fence {fence}", name(step)),
        Body::StepEnded { step, end } => format!("{} {}", name(step), say_end(end)),
        Body::StepRetrying { step, due, again, end } => {
            let why = match again {
                Again::Retry => "retrying",
                Again::Repeat => "repeating",
            };
            format!("{} {why} after {}, was {}", name(step), due.since(event.at), say_end(end))
        }
        Body::StepLost { step, fence } => format!("{} lost, fence {fence}", name(step)),
        Body::StepWaiting { step, fence, reason } => {
            format!("{} waiting, fence {fence}, {}", name(step), say_reason(reason))
        }
        Body::StopRequested { cause, at_once } => {
            let cause = match cause {
                StopCause::Interrupted => "interrupted",
                StopCause::Requested => "requested",
                StopCause::TimedOut => "timed out",
            };
            format!("stop {cause}{}", if *at_once { " at once" } else { "" })
        }
        Body::Waiting { reason } => format!("run waiting, {}", say_reason(reason)),
        Body::Resumed => "resumed".to_owned(),
        Body::Concluded { status } => format!("concluded {status}"),
        Body::Finished { status } => format!("finished {status}"),
        Body::Retried { attempt, reset } => {
            let reset: Vec<String> = reset.iter().map(name).collect();
            format!("run attempt {attempt} with {}", reset.join(" "))
        }
    }
}

fn say_end(end: &StepEnd) -> String {
    let mut text = end.status.to_string();
    match end.reason {
        None => {}
        Some(EndReason::Failed(reason)) => {
            let _ = write!(text, " ({})", reason_name(reason));
        }
        Some(EndReason::UpstreamFailed) => text.push_str(" (upstream failed)"),
        Some(EndReason::UpstreamSkipped) => text.push_str(" (upstream skipped)"),
        Some(EndReason::PreconditionUnmet) => text.push_str(" (precondition unmet)"),
        Some(EndReason::Stopped) => text.push_str(" (stopped)"),
        Some(EndReason::RunNotBegun) => text.push_str(" (run not begun)"),
    }
    if end.forgiven {
        text.push_str(", forgiven");
    }
    text
}

fn say_reason(reason: &WaitReason) -> String {
    match reason {
        WaitReason::Interrupted => "interrupted".to_owned(),
        WaitReason::Parked { losses } => format!("parked after {losses} losses"),
    }
}

/// The list of reasons is whole: each that is known is in it once.
#[test]
fn reasons_are_listed_once() {
    let names: std::collections::BTreeSet<&str> = REASONS.map(reason_name).into();
    assert_eq!(names.len(), REASONS.len());
    assert!(REASONS.contains(&FailReason::Lost));
}
