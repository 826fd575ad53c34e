//! Steps that ask a person: who may answer what, and what follows.

use pintle_core::limits::{MAX_ANSWER, MAX_PUSH_BACKS};
use pintle_core::plan::{Approval, ContinueOn, Json, Plan, Role, StepIndex};
use pintle_core::run::event::{EndReason, WaitReason};
use pintle_core::run::{Answer, Command, Effect, RunStatus, StepStatus, effects};
use pintle_core::time::Span;

use crate::plans::{Say, forgiving, plan};
use crate::stand::{Stand, asks, exit, expands, retry_all, with_output};

fn complete() -> Answer {
    Answer::Complete { values: vec![("region".to_owned(), Json(r#""eu""#.to_owned()))], others: vec![] }
}

fn approve() -> Answer {
    Answer::Approve { inputs: vec![] }
}

fn push_back(feedback: &str) -> Answer {
    Answer::PushBack { inputs: vec![("FEEDBACK".to_owned(), feedback.to_owned())], reason: None }
}

fn reject() -> Answer {
    Answer::Reject { reason: Some("not today".to_owned()) }
}

fn gated(text: &str, step: &str) -> Plan {
    plan(text).set(step, |s| s.approval = Some(Box::new(Approval::default())))
}

fn answer(stand: &Stand, step: &str, answer: Answer) -> Command {
    Command::Answer { step: stand.index(step), by: "eve".to_owned(), answer }
}

#[test]
fn a_task_is_completed_with_values_that_become_outputs() {
    let mut stand = Stand::started(plan("a b<a"));
    stand.runs("a", asks("Which region?"));
    assert_eq!(stand.shows(), "waiting: a waiting");
    assert_eq!(stand.run.head.waiting, Some(WaitReason::Person { prompt: "Which region?".to_owned() }));
    stand.answers("a", complete());
    assert_eq!(stand.end("a").outputs, [("region".to_owned(), Json(r#""eu""#.to_owned()))]);
    assert_eq!(stand.shows(), "waiting: a succeeded, b ready", "nobody goes on with it yet");
    stand.tell(Command::Resume);
    stand.succeed("b");
    assert_eq!(stand.run.status(), RunStatus::Succeeded);
}

#[test]
fn independent_branches_go_on_while_a_task_waits() {
    let mut stand = Stand::started(plan("ask a b<a after<ask,b"));
    stand.claim("a");
    stand.runs("ask", asks(""));
    assert_eq!(stand.shows(), "running: ask waiting, a running");
    stand.answers("ask", complete());
    assert_eq!(stand.shows(), "running: ask succeeded, a running", "the run goes on by itself");
    stand.settle("a", exit(0));
    stand.succeed("b after");
    assert_eq!(stand.run.status(), RunStatus::Succeeded);
}

#[test]
fn of_two_answers_the_first_counts() {
    let mut stand = Stand::started(gated("a b<a", "a"));
    stand.succeed("a");
    stand.answers("a", approve());
    for second in [approve(), reject(), push_back("x")] {
        let said = stand.refuses(answer(&stand, "a", second));
        assert_eq!(said, "step a was answered before: it was approved by ada");
    }
    stand.tell(Command::Resume);
    stand.succeed("b");
    let said = stand.refuses(answer(&stand, "a", reject()));
    assert_eq!(said, "step a was answered before: it was approved by ada", "also when all is over");
}

#[test]
fn only_what_asks_is_answered_and_as_it_asks() {
    let mut stand = Stand::started(gated("a task b<a", "a"));
    let nothing = answer(&stand, "b", approve());
    assert_eq!(stand.refuses(nothing), "step b is not_started: it asks nobody anything");
    stand.succeed("a");
    let said = stand.refuses(answer(&stand, "a", complete()));
    assert_eq!(said, "step a has run and waits for a word on that; it cannot be completed");
    stand.runs("task", asks(""));
    for wrong in [approve(), reject(), push_back("x")] {
        let said = stand.refuses(answer(&stand, "task", wrong.clone()));
        assert_eq!(said, format!("step task is a task that waits to be completed; it cannot be {}", wrong.verdict()));
    }
    let nowhere = Command::Answer { step: StepIndex(9), by: "eve".to_owned(), answer: approve() };
    assert_eq!(stand.refuses(nowhere), "the plan has no step number 9");
    stand.stop(false);
    let said = stand.refuses(answer(&stand, "a", approve()));
    assert_eq!(said, "run r is aborted: it cannot be answered");
}

#[test]
fn an_approval_gives_its_inputs_to_the_steps_behind_and_keeps_what_the_step_left() {
    let plan = gated("a b<a", "a").set("a", |s| {
        let approval = s.approval.as_mut().unwrap();
        approval.input = vec!["WHO".to_owned(), "WHEN".to_owned()];
        approval.required = vec!["WHO".to_owned()];
    });
    let mut stand = Stand::started(plan);
    stand.runs("a", with_output("rows", "3"));
    let inputs = |all: &[(&str, &str)]| all.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned())).collect();
    let short = answer(&stand, "a", Answer::Approve { inputs: inputs(&[("WHEN", "now")]) });
    assert_eq!(stand.refuses(short), "the approval of step a needs the input WHO");
    let strange = answer(&stand, "a", Answer::Approve { inputs: inputs(&[("WHO", "ada"), ("WHY", "x")]) });
    assert_eq!(stand.refuses(strange), "step a asks for no input WHY; it asks for WHO, WHEN");
    let large = answer(&stand, "a", Answer::Approve { inputs: inputs(&[("WHO", &"x".repeat(MAX_ANSWER))]) });
    assert!(stand.refuses(large).contains("holds 16387 bytes and may hold 16384"));
    stand.answers("a", Answer::Approve { inputs: inputs(&[("WHO", "ada")]) });
    assert_eq!(stand.end("a").outputs, [("rows".to_owned(), Json("3".to_owned()))]);
    assert_eq!(stand.end("a").inputs, [("WHO".to_owned(), "ada".to_owned())]);
    assert_eq!((stand.end("a").status, stand.end("a").exit_code), (StepStatus::Succeeded, Some(0)));
}

#[test]
fn a_rejection_ends_the_step_and_the_run_and_is_a_failure_to_the_handlers() {
    let mut stand = Stand::started(gated("a b<a", "a").with(&[Role::OnSuccess, Role::OnFailure, Role::OnExit]));
    stand.succeed("a");
    stand.answers("a", reject());
    stand.tell(Command::Resume);
    assert_eq!(stand.shows(), "running: a rejected, b aborted, failure ready");
    stand.succeed("failure exit");
    assert_eq!(stand.run.status(), RunStatus::Rejected);
    let end = stand.end("a");
    assert_eq!((end.reason, end.message.as_deref()), (Some(EndReason::Rejected), Some("rejected by ada: not today")));
    stand.tell(retry_all());
    stand.tell(Command::Start);
    stand.succeed("a");
    assert_eq!(stand.shows(), "waiting: a waiting", "a retry asks again");
    stand.answers("a", approve());
    stand.tell(Command::Resume);
    stand.succeed("b success exit");
    assert_eq!(stand.run.status(), RunStatus::Succeeded);
}

#[test]
fn a_push_back_runs_everything_from_there_on_again_and_says_why() {
    let plan = gated("z prepare<z draft<prepare check<prepare publish<draft other<z", "draft")
        .set("draft", |s| s.approval.as_mut().unwrap().rewind_to = Some(StepIndex(1)));
    let mut stand = Stand::started(plan);
    stand.succeed("z prepare draft check other");
    let (key, fence) = (stand.step("draft").redone, stand.step("draft").fence);
    stand.answers("draft", push_back("shorter"));
    assert_eq!(stand.shows(), "waiting: z succeeded, prepare ready, other succeeded");
    stand.tell(Command::Resume);
    for name in ["prepare", "draft", "check", "publish"] {
        let talk = stand.step(name).talk.as_ref().unwrap();
        assert_eq!(talk.push_backs.iter().map(|p| p.by.as_str()).collect::<Vec<_>>(), ["ada"], "{name}");
    }
    assert!(stand.step("other").talk.is_none());
    assert_eq!(stand.step("draft").talk.as_ref().unwrap().before, Some(fence));
    assert_eq!(stand.step("publish").talk.as_ref().unwrap().before, None, "it had not run");
    assert_eq!(stand.step("draft").redone, key + 1, "what it does is done anew on purpose");
    stand.succeed("prepare draft check");
    stand.answers("draft", push_back("longer"));
    stand.tell(Command::Resume);
    stand.succeed("prepare draft check");
    assert_eq!(stand.step("draft").talk.as_ref().unwrap().push_backs.len(), 2);
    stand.answers("draft", approve());
    stand.tell(Command::Resume);
    stand.succeed("publish");
    assert_eq!(stand.run.status(), RunStatus::Succeeded);
}

#[test]
fn what_is_worked_on_is_not_pushed_back() {
    let plan = gated("prepare draft<prepare check<prepare", "draft")
        .set("draft", |s| s.approval.as_mut().unwrap().rewind_to = Some(StepIndex(0)));
    let mut stand = Stand::started(plan);
    stand.succeed("prepare draft");
    stand.claim("check");
    let said = stand.refuses(answer(&stand, "draft", push_back("x")));
    assert!(said.starts_with("step check, which runs again when draft is pushed back, is being worked on"), "{said}");
    stand.settle("check", exit(0));
    stand.answers("draft", push_back("x"));
}

#[test]
fn i10_a_step_is_not_pushed_back_without_end() {
    let mut stand = Stand::started(gated("a", "a"));
    for _ in 0..MAX_PUSH_BACKS {
        stand.succeed("a");
        stand.answers("a", push_back("again"));
        stand.tell(Command::Resume);
    }
    stand.succeed("a");
    let said = stand.refuses(answer(&stand, "a", push_back("again")));
    assert_eq!(said, "step a was pushed back 100 times: approve it or reject it");
}

#[test]
fn a_task_with_a_time_keeps_the_run_open_and_fails_when_it_is_over() {
    let plan = plan("a b<a").set("a", |s| s.timeout = Some(Span::from_secs(60))).with(&[Role::OnWait]);
    let mut stand = Stand::started(plan);
    stand.claim("a");
    let events = stand.settle("a", asks("well?"));
    let due = stand.step("a").due.unwrap();
    let timer = Effect::StepTimer { step: StepIndex(0), due };
    assert!(events.iter().any(|event| effects(&stand.run, event).contains(&timer)));
    stand.succeed("wait");
    assert_eq!(stand.shows(), "running: a waiting, wait succeeded");
    stand.tell(Command::Interrupt);
    assert_eq!(stand.run.head.waiting, Some(WaitReason::Interrupted));
    stand.tell(Command::Resume);
    assert_eq!(stand.refuses(Command::Due { step: StepIndex(0) }), "step a is not due yet");
    stand.at = due;
    let said = stand.refuses(answer(&stand, "a", complete()));
    assert_eq!(said, "step a was to be answered within its timeout_sec, which is over");
    stand.tell(Command::Due { step: StepIndex(0) });
    let end = stand.end("a");
    assert_eq!((end.status, end.exit_code), (StepStatus::Failed, Some(124)));
    assert_eq!(end.message.as_deref(), Some("nobody answered within timeout_sec (1m00s)"));
    assert_eq!(stand.run.status(), RunStatus::Failed);
}

#[test]
fn a_failure_to_answer_may_be_forgiven() {
    let plan = plan("a b<a").set("a", |s| s.timeout = Some(Span::from_secs(60))).continue_on("a", forgiving());
    let mut stand = Stand::started(plan);
    stand.runs("a", asks(""));
    stand.at = stand.step("a").due.unwrap();
    stand.tell(Command::Due { step: StepIndex(0) });
    stand.succeed("b");
    assert_eq!(stand.run.status(), RunStatus::PartiallySucceeded);
}

#[test]
fn the_time_of_a_step_is_its_program_s_where_a_person_looks_after_it() {
    let mut stand = Stand::started(gated("a", "a").set("a", |s| s.timeout = Some(Span::from_secs(60))));
    stand.succeed("a");
    assert_eq!((stand.shows(), stand.step("a").due), ("waiting: a waiting".to_owned(), None));
}

#[test]
fn the_time_that_a_run_waits_is_not_its_time() {
    let mut stand = Stand::started(Plan { timeout: Some(Span::from_secs(60)), ..gated("a b<a", "a") });
    let started = stand.run.head.started_at.unwrap();
    assert_eq!(stand.run.due(), Some(started.plus(Span::from_secs(60))));
    stand.succeed("a");
    assert_eq!(stand.run.due(), None, "it waits");
    let since = stand.run.head.waiting_since.unwrap();
    stand.at = stand.at.plus(Span::from_secs(3600));
    stand.answers("a", approve());
    let events = stand.tell(Command::Resume);
    let waited = stand.run.head.waited;
    assert_eq!(waited, stand.at.since(since));
    let due = started.plus(Span::from_secs(60)).plus(waited);
    let timer = Effect::RunTimer { due };
    assert!(events.iter().any(|event| effects(&stand.run, event).contains(&timer)));
}

#[test]
fn a_stop_ends_what_asks_and_nothing_asks_behind_it() {
    let mut stand = Stand::started(gated("a task", "a"));
    stand.runs("task", asks(""));
    stand.claim("a");
    stand.stop(false);
    assert_eq!(stand.shows(), "running: a running, task aborted");
    stand.settle("a", exit(0));
    assert_eq!(stand.shows(), "aborted: a aborted, task aborted", "what nobody approved is not kept");
    stand.tell(retry_all());
    stand.tell(Command::Start);
    stand.runs("task", asks(""));
    stand.succeed("a");
    assert_eq!(stand.shows(), "waiting: a waiting, task waiting");
    stand.stop(true);
    assert_eq!(stand.run.status(), RunStatus::Aborted);
}

#[test]
fn who_goes_on_is_told_whom_the_run_waits_for() {
    let mut stand = Stand::started(plan("a b c<a,b"));
    stand.runs("a", asks(""));
    stand.runs("b", asks(""));
    assert_eq!(stand.refuses(Command::Resume), "run r waits for a person: step a asks, and was not answered yet");
    stand.answers("a", complete());
    assert!(stand.refuses(Command::Resume).contains("step b asks"));
    stand.answers("b", complete());
    stand.tell(Command::Resume);
    stand.succeed("c");
}

#[test]
fn what_is_marked_as_success_is_asked_about_too_and_a_failure_is_not() {
    let marked = ContinueOn { failure: true, mark_success: true, ..ContinueOn::default() };
    let mut stand = Stand::started(gated("a", "a").continue_on("a", marked));
    stand.runs("a", exit(3));
    assert_eq!(stand.shows(), "waiting: a waiting");
    let mut stand = Stand::started(gated("a", "a"));
    stand.runs("a", exit(3));
    assert_eq!(stand.run.status(), RunStatus::Failed);
}

#[test]
fn children_that_wait_for_somebody_are_waited_for_again_when_one_goes_on() {
    let mut stand = Stand::started(plan("a other b<a"));
    stand.runs("a", expands(2));
    let (step, fence) = (stand.index("a"), stand.step("a").fence);
    stand.tell(Command::ChildrenWait { step, fence });
    assert_eq!(stand.step("a").waiting, Some(WaitReason::Below));
    let fence = stand.step("a").fence;
    let old = stand.refuses(Command::ChildrenMove { step, fence: fence.mint() });
    assert!(old.starts_with("stale"), "{old}");
    stand.tell(Command::ChildrenMove { step, fence });
    assert!(stand.step("a").awaits_children());
    let fence = stand.step("a").fence;
    stand.tell(Command::ChildrenWait { step, fence });
    stand.succeed("other");
    assert_eq!(stand.run.head.waiting, Some(WaitReason::Below));
    stand.tell(Command::Resume);
    assert!(stand.step("a").awaits_children(), "who goes on with the run goes on with what is below it");
    assert_eq!(stand.step("a").children.as_ref().unwrap().open(), 2);
    let fence = stand.step("a").fence;
    stand.tell(Command::ChildrenWait { step, fence });
    let events = stand.stop(false);
    assert!(events.iter().any(|e| effects(&stand.run, e).contains(&Effect::Children(step))), "{events:?}");
}
