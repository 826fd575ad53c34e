//! Events of old. `tests/golden/events/v1.jsonl` holds runs as they were once written: for each run its plan, its
//! events and what they amounted to. Every later release must read and fold them so. The file is added to, never
//! written anew: delete it and say `UPDATE_GOLDEN=1` only while no release has written such events.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use pintle_core::counter::Fence;
use pintle_core::ids::RunId;
use pintle_core::plan::{Approval, ContinueOn, Json, OnLost, Output, Plan, RepeatMode, Role, StepIndex};
use pintle_core::run::children::ChildEnd;
use pintle_core::run::command::{Finished, StopCause};
use pintle_core::run::event::{Again, EndReason, StepEnd, WaitReason};
use pintle_core::run::{Answer, Body, Command, Event, Outcome, Run, StepStatus, apply};
use pintle_core::time::{Span, Timestamp};
use proptest::collection::vec;
use proptest::option::of;
use proptest::prelude::*;
use serde::{Deserialize, Serialize};

use crate::golden;
use crate::plans::{Say, forgiving, plan};
use crate::random::{REASONS, child_end, gathered, reason_name};
use crate::stand::{Stand, asks, checked, chooses, exit, expands, fails, later, retry_all, skipped, stop, with_output};

const FILE: &str = "events/v1.jsonl";

/// A line of the corpus.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Line {
    /// A run begins.
    Plan(Box<Plan>),
    /// It goes on.
    Event(Event),
    /// How it stands now.
    Amounts(Amounts),
}

/// What a run's events amount to.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Amounts {
    version: u64,
    attempt: u32,
    status: String,
    steps: Vec<String>,
}

impl Amounts {
    fn of(run: &Run) -> Self {
        let step = |(step, state): (&pintle_core::plan::Step, &pintle_core::run::StepState)| {
            format!("{} {} try {} fence {}", step.name, state.status, state.attempt, state.fence)
        };
        Self {
            version: run.head.version.get(),
            attempt: run.head.attempt.get(),
            status: run.status().to_string(),
            steps: run.plan.steps.iter().zip(&run.steps).map(step).collect(),
        }
    }
}

/// Runs in which everything happens that can happen.
fn runs() -> Vec<Stand> {
    let mut all = vec![whole(), lost(), stopped(), shut(exit(1)), shut(skipped())];
    for reason in REASONS {
        let mut stand = Stand::started(plan("a"));
        stand.runs("a", fails(reason));
        all.push(stand);
    }
    all.push(chosen());
    all.push(expanded());
    all.extend([asked(), below()]);
    all.push(waited());
    all.push(routed());
    all
}

/// A task, an approval that is pushed back and given, one that is not, and a handler that tells of each wait.
fn asked() -> Stand {
    let plan = plan("task draft<task publish<draft")
        .set("draft", |s| s.approval = Some(Box::new(Approval::default())))
        .set("publish", |s| s.approval = Some(Box::new(Approval::default())))
        .with(&[Role::OnWait]);
    let mut stand = Stand::started(plan);
    stand.runs("task", asks("Which region?"));
    stand.succeed("wait");
    let values = vec![("region".to_owned(), Json(r#""eu""#.to_owned()))];
    stand.answers("task", Answer::Complete { values, others: vec![("note".to_owned(), Json("[1]".to_owned()))] });
    stand.tell(Command::Resume);
    stand.succeed("draft wait");
    let inputs = vec![("FEEDBACK".to_owned(), "shorter".to_owned())];
    stand.answers("draft", Answer::PushBack { inputs: inputs.clone(), reason: Some("too long".to_owned()) });
    stand.tell(Command::Resume);
    stand.succeed("draft wait");
    stand.answers("draft", Answer::Approve { inputs });
    stand.tell(Command::Resume);
    stand.succeed("publish wait");
    stand.answers("publish", Answer::Reject { reason: Some("not today".to_owned()) });
    stand.tell(Command::Resume);
    stand
}

fn below() -> Stand {
    let mut stand = Stand::started(plan("a"));
    stand.runs("a", expands(2));
    let fence = stand.step("a").fence;
    stand.tell(Command::ChildrenWait { step: stand.index("a"), fence });
    stand.tell(Command::Resume);
    stand
}

fn expanded() -> Stand {
    let mut stand = Stand::started(plan("a b<a").retry("a", 1, Span::ZERO));
    stand.runs("a", expands(3));
    let (step, fence) = (stand.index("a"), stand.step("a").fence);
    let left = ChildEnd { outputs: Some(Json(r#"{"n":1}"#.to_owned())), ..child_end(2, true) };
    stand.tell(Command::ChildrenEnded { step, fence, ended: vec![left] });
    let failed = ChildEnd { error: Some("step `x`: exit code 1".to_owned()), ..child_end(0, false) };
    stand.tell(Command::ChildrenEnded { step, fence, ended: vec![child_end(1, true), failed] });
    stand.settle("a", gathered(Some("1 of 3 children failed")));
    stand.runs("a", expands(1));
    let fence = stand.step("a").fence;
    stand.tell(Command::ChildrenWait { step, fence });
    stand.tell(Command::Resume);
    let fence = stand.step("a").fence;
    stand.tell(Command::ChildrenEnded { step, fence, ended: vec![child_end(0, true)] });
    stand.settle("a", gathered(None));
    stand.succeed("b");
    stand
}

fn waited() -> Stand {
    let mut stand = Stand::started(plan("a b<a").set("b", |s| s.timeout = Some(Span::from_secs(3))));
    stand.runs("a", later(2, false));
    stand.due("a");
    stand.runs("b", later(1, true));
    stand.due("b");
    stand.runs("b", later(9, true));
    stand.due("b");
    stand
}

fn routed() -> Stand {
    let mut stand = Stand::started(plan("pick a<pick b<pick c<a,b").routes("pick", &[("x", &["a"]), ("y", &["b"])]));
    stand.runs("pick", chooses(&[1]));
    stand.succeed("a c");
    stand
}

fn chosen() -> Stand {
    let mut stand = Stand::started(plan("a side join<a,side"));
    stand.succeed("a");
    stand.runs("side", skipped());
    let join = stand.index("join");
    stand.tell(Command::Retry { steps: vec![join], downstream: false });
    stand.tell(Command::Start);
    stand.succeed("join");
    stand
}

fn whole() -> Stand {
    let plan = plan("fetch shape<fetch check<fetch poll report<shape,check,poll skip after<skip flaky")
        .retry("shape", 2, Span::from_secs(2))
        .repeat("poll", RepeatMode::Until, Some(5))
        .continue_on("flaky", forgiving())
        .continue_on("check", ContinueOn { exit_code: vec![3], mark_success: true, ..ContinueOn::default() })
        .set("shape", |s| s.output = Some(Output::Variable("SHAPE".to_owned())))
        .with(&[Role::Gate, Role::OnInit, Role::OnSuccess, Role::OnFailure, Role::OnExit]);
    let mut stand = Stand::started(plan);
    stand.succeed("gate init");
    stand.runs("fetch", with_output("rows", r#"{"count":42,"text":"ü \"quoted\"\n"}"#));
    stand.runs("shape", exit(75));
    stand.runs("poll", checked(0, Ok(false)));
    stand.due("poll");
    stand.runs("poll", checked(0, Ok(true)));
    stand.due("shape");
    let said = Finished { exit_code: Some(0), stdout: Some("round\n".to_owned()), ..Finished::default() };
    stand.runs("shape", Outcome::Finished(said));
    stand.runs("check", exit(3));
    stand.runs("skip", skipped());
    stand.runs("flaky", exit(1));
    stand.runs("report", exit(1));
    stand.succeed("failure exit");
    stand.tell(retry_all());
    stand.tell(Command::Start);
    stand.succeed("flaky report success exit");
    stand
}

fn lost() -> Stand {
    let mut stand = Stand::started(plan("a b<a c").set("b", |s| s.on_lost = OnLost::Park));
    stand.claim("a");
    stand.lose("a");
    stand.runs("a", Outcome::GivenBack);
    stand.claim("a");
    stand.tell(Command::Interrupt);
    stand.tell(Command::Resume);
    stand.succeed("a c");
    stand.claim("b");
    stand.lose("b");
    stand.tell(Command::Resume);
    stand.succeed("b");
    stand
}

fn stopped() -> Stand {
    let mut stand = Stand::started(plan("a b<a").with(&[Role::OnAbort, Role::OnExit]));
    stand.claim("a");
    stand.tell(Command::Stop { cause: StopCause::TimedOut, at_once: false });
    stand.tell(stop(true));
    stand.settle("a", Outcome::Stopped { exit_code: Some(137) });
    stand.tell(retry_all());
    stand.tell(Command::Start);
    stand.claim("a");
    stand.tell(Command::Stop { cause: StopCause::Interrupted, at_once: false });
    stand.settle("a", exit(0));
    stand.succeed("abort exit");
    stand
}

fn shut(outcome: Outcome) -> Stand {
    let mut stand = Stand::started(plan("a b<a").with(&[Role::Gate]));
    stand.runs("gate", outcome);
    stand.tell(retry_all());
    stand.tell(Command::Start);
    stand.succeed("gate");
    stand.runs("a", exit(1));
    stand.tell(retry_all());
    stand.tell(stop(false));
    stand
}

fn written() -> String {
    let mut text = String::new();
    let mut line = |line: &Line| {
        let _ = writeln!(text, "{}", serde_json::to_string(line).unwrap());
    };
    for stand in runs() {
        line(&Line::Plan(Box::new((*stand.run.plan).clone())));
        stand.events.iter().for_each(|event| line(&Line::Event(event.clone())));
        line(&Line::Amounts(Amounts::of(&stand.run)));
    }
    text
}

#[test]
fn i1_events_of_old_are_read_written_and_folded_as_ever() {
    if golden::updating() && !golden::path(FILE).exists() {
        golden::write(FILE, &written());
    }
    let text = std::fs::read_to_string(golden::path(FILE)).expect("the corpus; UPDATE_GOLDEN=1 begins one");
    let mut run: Option<Run> = None;
    let mut folded = 0;
    for (number, text) in (1..).zip(text.lines()) {
        let line: Line = serde_json::from_str(text).unwrap_or_else(|error| panic!("line {number}: {error}"));
        assert_eq!(serde_json::to_string(&line).unwrap(), text, "line {number} is written otherwise now");
        match line {
            Line::Plan(plan) => run = Some(Run::unborn(RunId::new("old").unwrap(), plan.into())),
            Line::Event(event) => {
                let run = run.as_mut().expect("a plan before its events");
                apply(run, &event).unwrap_or_else(|corrupt| panic!("line {number}: {corrupt}"));
                folded += 1;
            }
            Line::Amounts(amounts) => {
                assert_eq!(Amounts::of(run.as_ref().unwrap()), amounts, "line {number}");
            }
        }
    }
    assert!(folded > 100, "{folded} events are no corpus");
}

#[test]
fn the_corpus_holds_an_event_of_every_kind() {
    let text = std::fs::read_to_string(golden::path(FILE)).expect("the corpus; UPDATE_GOLDEN=1 begins one");
    let mut kinds = BTreeSet::new();
    for line in text.lines() {
        if let Ok(Line::Event(event)) = serde_json::from_str(line) {
            kinds.extend(kinds_of(&event.body));
        }
    }
    let missing: Vec<&str> = KINDS.split_whitespace().filter(|kind| !kinds.contains(*kind)).collect();
    assert!(missing.is_empty(), "the corpus lacks {missing:?}");
    for reason in REASONS.map(reason_name) {
        assert!(kinds.contains(reason), "the corpus lacks a failure: {reason}");
    }
}

/// What [`kinds_of`] can say, but for the reasons of failures.
const KINDS: &str = "submitted started step_ready step_claimed step_given_back step_ended step_retrying step_lost \
    step_waiting stop_requested waiting resumed concluded finished retried retry repeat interrupted parked \
    by_signal by_request by_timeout upstream_failed upstream_skipped precondition_unmet stopped run_not_begun \
    outputs variable forgiven excused step_expanded children_ended child_outputs \
    children_moved step_asked step_asked_after step_answered complete approve reject push_back rewound rewound_handler \
    rejected inputs for_person for_below step_later token not_chosen chosen";

/// A new body, reason or cause breaks the build here, and is added to the corpus.
fn kinds_of(body: &Body) -> Vec<&'static str> {
    match body {
        Body::Submitted(_) => vec!["submitted"],
        Body::Started => vec!["started"],
        Body::StepReady { .. } => vec!["step_ready"],
        Body::StepClaimed { .. } => vec!["step_claimed"],
        Body::StepGivenBack { .. } => vec!["step_given_back"],
        Body::StepEnded { end, .. } => kinds_of_end("step_ended", end),
        Body::StepRetrying { again: Again::Retry, end, .. } => {
            [kinds_of_end("step_retrying", end), vec!["retry"]].concat()
        }
        Body::StepRetrying { again: Again::Repeat, end, .. } => {
            [kinds_of_end("step_retrying", end), vec!["repeat"]].concat()
        }
        Body::StepLost { .. } => vec!["step_lost"],
        Body::StepWaiting { reason, .. } => vec!["step_waiting", kind_of_wait(reason)],
        Body::StopRequested { cause: StopCause::Interrupted, .. } => vec!["stop_requested", "by_signal"],
        Body::StopRequested { cause: StopCause::Requested, .. } => vec!["stop_requested", "by_request"],
        Body::StopRequested { cause: StopCause::TimedOut, .. } => vec!["stop_requested", "by_timeout"],
        Body::Waiting { reason } => vec!["waiting", kind_of_wait(reason)],
        Body::Resumed => vec!["resumed"],
        Body::Concluded { .. } => vec!["concluded"],
        Body::Finished { .. } => vec!["finished"],
        Body::Retried { excused, .. } if !excused.is_empty() => vec!["retried", "excused"],
        Body::Retried { .. } => vec!["retried"],
        Body::StepExpanded { .. } => vec!["step_expanded"],
        Body::ChildrenMoved { .. } => vec!["children_moved"],
        Body::StepAsked { end: None, .. } => vec!["step_asked"],
        Body::StepAsked { end: Some(end), .. } => kinds_of_end("step_asked_after", end),
        Body::StepAnswered { answer, .. } => vec![
            "step_answered",
            match answer {
                Answer::Complete { .. } => "complete",
                Answer::Approve { .. } => "approve",
                Answer::Reject { .. } => "reject",
                Answer::PushBack { .. } => "push_back",
            },
        ],
        Body::Rewound { from: None, .. } => vec!["rewound_handler"],
        Body::Rewound { from: Some(_), .. } => vec!["rewound"],
        Body::StepLater { token: None, .. } => vec!["step_later"],
        Body::StepLater { token: Some(_), .. } => vec!["step_later", "token"],
        Body::ChildrenEnded { ended, .. } if ended.iter().any(|end| end.outputs.is_some()) => {
            vec!["children_ended", "child_outputs"]
        }
        Body::ChildrenEnded { .. } => vec!["children_ended"],
    }
}

fn kind_of_wait(reason: &WaitReason) -> &'static str {
    match reason {
        WaitReason::Interrupted => "interrupted",
        WaitReason::Parked { .. } => "parked",
        WaitReason::Children => "for_children",
        WaitReason::Person { .. } => "for_person",
        WaitReason::Below => "for_below",
        WaitReason::Until { .. } => "for_a_time",
    }
}

fn kinds_of_end(name: &'static str, end: &StepEnd) -> Vec<&'static str> {
    let reason = end.reason.map(|reason| match reason {
        EndReason::Failed(reason) => reason_name(reason),
        EndReason::UpstreamFailed => "upstream_failed",
        EndReason::UpstreamSkipped => "upstream_skipped",
        EndReason::NotChosen => "not_chosen",
        EndReason::PreconditionUnmet => "precondition_unmet",
        EndReason::Stopped => "stopped",
        EndReason::RunNotBegun => "run_not_begun",
        EndReason::Rejected => "rejected",
    });
    let parts = [
        Some(name),
        reason,
        (!end.outputs.is_empty()).then_some("outputs"),
        end.variable.as_ref().map(|_| "variable"),
        end.forgiven.then_some("forgiven"),
        (!end.inputs.is_empty()).then_some("inputs"),
        (!end.chosen.is_empty()).then_some("chosen"),
    ];
    parts.into_iter().flatten().collect()
}

#[test]
fn an_unknown_event_is_refused_and_not_misread() {
    let said = serde_json::from_str::<Event>(r#"{"at":1,"event":"teleported","step":0}"#).unwrap_err();
    assert!(said.to_string().contains("teleported"), "{said}");
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_an_event_says_survives_being_written(
        at: u64,
        step: u32,
        fence: u64,
        message in of(any::<String>()),
        exit_code: Option<i32>,
        outputs in vec((any::<String>(), any::<String>()), 0..4),
        variable in of(any::<String>()),
        forgiven: bool,
    ) {
        let end = StepEnd {
            message,
            exit_code,
            outputs: outputs.into_iter().map(|(name, json)| (name, Json(json))).collect(),
            variable,
            forgiven,
            ..StepEnd::without_try(StepStatus::Failed, EndReason::UpstreamFailed)
        };
        let step = StepIndex(step);
        for body in [
            Body::StepEnded { step, end: end.clone() },
            Body::StepRetrying { step, due: Timestamp(at), again: Again::Repeat, end },
            Body::StepWaiting { step, fence: Fence(fence), reason: WaitReason::Parked { losses: step.0 } },
        ] {
            let event = Event { at: Timestamp(at), body };
            let text = serde_json::to_string(&event).unwrap();
            prop_assert_eq!(&serde_json::from_str::<Event>(&text).unwrap(), &event, "{}", text);
            prop_assert!(!text.contains('\n'), "one event is one line");
        }
    }
}
