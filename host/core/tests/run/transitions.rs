//! Every state against every command. The tables say what the code does; a change of them is a change of what Pintle
//! promises, and is looked at as one.

use std::fmt::Write as _;

use pintle_core::counter::Fence;
use pintle_core::limits::MAX_ANSWER;
use pintle_core::plan::{Approval, ContinueOn, Json, OnLost, Plan, RepeatMode, Role, StepIndex};
use pintle_core::run::command::{FailReason, Finished};
use pintle_core::run::event::{EndReason, StepEnd};
use pintle_core::run::{Answer, Body, Command, Event, Outcome, Run, RunStatus, StepStatus, apply, decide};
use pintle_core::time::Span;

use crate::golden;
use crate::plans::{Say, forgiving, plan};
use crate::random::{REASONS, child_end, gathered, reason_name};
use crate::stand::{Stand, asks, exit, expands, fails, later, retry_all, skipped, stop, submit, worker};
use crate::words::{command_name, say};

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
        Command::ChildrenEnded { step, fence, ended: vec![child_end(0, true), child_end(9, true)] },
        Command::ChildrenWait { step, fence },
        Command::ChildrenMove { step, fence },
        answer(step, Answer::Complete { values: vec![], others: vec![] }),
        answer(step, Answer::Approve { inputs: vec![] }),
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

fn answer(step: StepIndex, answer: Answer) -> Command {
    Command::Answer { step, by: "ada".to_owned(), answer }
}

/// Answers of every kind; `answer_name` breaks the build when one is added.
fn answers() -> Vec<Answer> {
    let input = |name: &str| vec![(name.to_owned(), "x".to_owned())];
    vec![
        Answer::Complete { values: vec![], others: vec![] },
        Answer::Complete { values: vec![("n".to_owned(), Json("1".to_owned()))], others: vec![] },
        Answer::Approve { inputs: vec![] },
        Answer::Approve { inputs: input("WHO") },
        Answer::Approve { inputs: input("ELSE") },
        Answer::Approve { inputs: vec![("WHO".to_owned(), "x".repeat(MAX_ANSWER))] },
        Answer::Reject { reason: None },
        Answer::Reject { reason: Some("no".to_owned()) },
        Answer::PushBack { inputs: vec![], reason: None },
        Answer::PushBack { inputs: input("WHO"), reason: None },
        Answer::PushBack { inputs: input("ELSE"), reason: None },
    ]
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
            ("asked", {
                let mut stand = Stand::started(two());
                stand.runs("a", asks("well?"));
                stand
            }),
            ("asked whether it is good", {
                let mut stand = Stand::started(two().set("a", |s| s.approval = Some(Box::default())));
                stand.succeed("a");
                stand
            }),
            ("answered", {
                let mut stand = Stand::started(two());
                stand.runs("a", asks("well?"));
                stand.answers("a", Answer::Complete { values: vec![], others: vec![] });
                stand
            }),
            ("children wait", {
                let mut stand = Stand::started(two());
                stand.runs("a", expands(2));
                let (step, fence) = (stand.index("a"), stand.step("a").fence);
                stand.tell(Command::ChildrenWait { step, fence });
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
        RunStatus::Rejected => vec![("", {
            let mut stand = Stand::started(plan("a b<a").set("a", |s| s.approval = Some(Box::default())));
            stand.succeed("a");
            stand.answers("a", Answer::Reject { reason: None });
            stand.tell(Command::Resume);
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
        ("a asks, with a time", {
            let mut stand = Stand::started(two().set("a", |s| s.timeout = Some(Span::from_secs(60))));
            stand.runs("a", asks("well?"));
            stand
        }),
        ("a waits for a time", {
            let mut stand = Stand::started(two());
            stand.runs("a", later(1, true));
            stand
        }),
        ("a waits for children", {
            let mut stand = Stand::started(two());
            stand.runs("a", expands(2));
            stand
        }),
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
        let held = stand.step("a");
        assert!(matches!(held.status, StepStatus::Running | StepStatus::Waiting), "{how}");
        against(&mut text, &format!("{} ({how})", held.status), &stand);
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
    stands.extend(expanded());
    stands.extend(asked());
    stands.extend(waiting());
    stands
}

/// Steps that ask, and some that may.
fn asked() -> Vec<(&'static str, Stand)> {
    let approval = || {
        let (input, required) = (vec!["WHO".to_owned(), "WHEN".to_owned()], vec!["WHO".to_owned()]);
        Some(Box::new(Approval { input, required, ..Approval::default() }))
    };
    let gated = || plan("z y<z a<y b<a c<z").set("a", |s| s.approval = approval());
    let far = || gated().set("a", |s| s.approval.as_mut().unwrap().rewind_to = Some(StepIndex(0)));
    let stand = |plan: Plan, done: &str| {
        let mut stand = Stand::started(plan);
        stand.succeed(done);
        stand
    };
    let mut stands = vec![("with an approval, claimed", {
        let mut stand = stand(gated(), "z y");
        stand.claim("a");
        stand
    })];
    stands.push(("with an approval, stopping", {
        let mut stand = stands.first().unwrap().1.clone();
        stand.stop(false);
        stand
    }));
    stands.extend([
        ("asks whether it is good", stand(gated(), "z y a c")),
        ("asks whether it is good, another runs", stand(gated(), "z y a")),
        ("asks whether z to a are good", stand(far(), "z y a c")),
        ("asks whether z to a are good, another runs", {
            let mut stand = stand(far(), "z y a");
            stand.claim("c");
            stand
        }),
        ("asks for the second time", {
            let mut stand = stand(gated(), "z y a c");
            stand.answers("a", Answer::PushBack { inputs: vec![], reason: None });
            stand.tell(Command::Resume);
            stand.succeed("a");
            stand
        }),
        ("asks", {
            let mut stand = Stand::started(plan("a b<a c"));
            stand.runs("a", asks("well?"));
            stand
        }),
        ("asks for a minute", {
            let mut stand = Stand::started(plan("a b<a c").set("a", |s| s.timeout = Some(Span::from_secs(1))));
            stand.runs("a", asks("well?"));
            stand
        }),
        ("children waiting for somebody", {
            let mut stand = Stand::started(plan("a b<a c"));
            stand.runs("a", expands(2));
            let (step, fence) = (stand.index("a"), stand.step("a").fence);
            stand.tell(Command::ChildrenWait { step, fence });
            stand
        }),
        ("children over, with an approval", {
            let mut stand = stand(gated(), "z y");
            stand.runs("a", expands(1));
            let (step, fence) = (stand.index("a"), stand.step("a").fence);
            stand.tell(Command::ChildrenEnded { step, fence, ended: vec![child_end(0, true)] });
            stand
        }),
    ]);
    stands
}

/// Steps that wait for two children.
fn expanded() -> Vec<(&'static str, Stand)> {
    let waits = |plan: Plan| {
        let mut stand = Stand::started(plan);
        stand.runs("a", expands(2));
        stand
    };
    let told = |stand: &Stand, children: &[u32]| {
        let mut stand = stand.clone();
        let (step, fence) = (stand.index("a"), stand.step("a").fence);
        let ended = children.iter().map(|child| child_end(*child, true)).collect();
        stand.tell(Command::ChildrenEnded { step, fence, ended });
        stand
    };
    let (open, parking) = (waits(two()), waits(two().set("a", |s| s.on_lost = OnLost::Park)));
    let mut stopping = told(&open, &[0]);
    stopping.stop(false);
    let retrying = waits(two().retry("a", 1, Span::from_secs(1)));
    vec![
        ("children open", open.clone()),
        ("one child over", told(&open, &[1])),
        ("children over", told(&open, &[0, 1])),
        ("children over, on_lost: park", told(&parking, &[0, 1])),
        ("children over, with a retry", told(&retrying, &[0, 1])),
        ("a child open, stopping", stopping),
    ]
}

/// Steps that wait for a time: a second.
fn waiting() -> Vec<(&'static str, Stand)> {
    let waits = |plan: Plan, goes_on: bool| {
        let mut stand = Stand::started(plan);
        stand.runs("a", later(1, goes_on));
        stand
    };
    let bounded = |span: Span| two().set("a", |s| s.timeout = Some(span));
    let mut again = waits(bounded(Span::from_secs(9)), true);
    again.at = again.at.plus(Span::from_secs(1));
    again.tell(Command::Due { step: again.index("a") });
    again.claim("a");
    vec![
        ("for a time", waits(two(), false)),
        ("for a time, to go on", waits(two(), true)),
        ("for a time, with a timeout of 500ms", waits(bounded(Span(500)), false)),
        ("for a time, to go on, with a timeout of 500ms", waits(bounded(Span(500)), true)),
        ("for a time, with a repetition", waits(two().repeat("a", RepeatMode::Always, None), false)),
        ("going on after a wait", again),
    ]
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
    for children in [&[0][..], &[0, 0, 1], &[7]] {
        let ended = children.iter().map(|child| child_end(*child, true)).collect();
        line(text, state, stand, Command::ChildrenEnded { step, fence, ended });
    }
    line(text, state, stand, Command::ChildrenWait { step, fence });
    line(text, state, stand, Command::ChildrenMove { step, fence });
    for said in answers() {
        line(text, state, stand, answer(step, said));
    }
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
    all.extend([later(1, false), later(1, true), expands(0), expands(2), gathered(None), gathered(Some("1 of 2"))]);
    all.extend([asks("well?"), skipped(), Outcome::Stopped { exit_code: Some(143) }, Outcome::GivenBack]);
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

/// The list of reasons is whole: each that is known is in it once.
#[test]
fn reasons_are_listed_once() {
    let names: std::collections::BTreeSet<&str> = REASONS.map(reason_name).into();
    assert_eq!(names.len(), REASONS.len());
    assert!(REASONS.contains(&FailReason::Lost));
}
