//! Plans and commands made by chance.

use pintle_core::counter::Fence;
use pintle_core::plan::{
    Action, Approval, Check, ContinueOn, Json, OnLost, Plan, Precondition, RepeatMode, RepeatPolicy, Role, Step,
    StepIndex, Template,
};
use pintle_core::run::children::{ChildEnd, Expanded};
use pintle_core::run::command::{FailReason, Failed, Finished, Gathered, StopCause};
use pintle_core::run::{Answer, Command, Outcome, RunStatus, StepState, StepStatus};
use pintle_core::time::Span;
use proptest::collection::vec;
use proptest::option::{self, of};
use proptest::prelude::*;

use crate::plans::{HANDLERS, empty, handler_name, repeat, retry};
use crate::stand::{Stand, later, submit, worker};

/// What a command will be, once it meets a run: numbers choose among what stands there.
#[derive(Debug, Clone)]
pub(crate) enum Move {
    Start,
    Claim(u8),
    Settle(u8, Outcome),
    Lose(u8),
    Due(u8),
    Early(u8),
    /// A write under a fence that is off by this much, or on any step at all.
    Stray(u8, i8, Option<Outcome>),
    /// The last command once more.
    Again,
    /// Children of a step that waits for them are over, those whose bits are set; one of them may not be one.
    Children(u8, u8, bool),
    ChildrenWait(u8),
    ChildrenGoOn(u8),
    /// A person answers what a step asks; or what no step asked.
    Answer(u8, bool, Answer),
    /// Well, or not.
    Gather(u8, bool),
    Interrupt,
    Resume,
    Stop(StopCause, bool),
    Retry(u16, bool),
    Submit,
    /// Whatever comes next in a run that goes well.
    Onwards(Outcome),
}

pub(crate) fn plans() -> impl Strategy<Value = Plan> {
    let mains = vec((steps(), any::<u16>(), 0..3u32, option::weighted(0.3, approvals(12))), 1..=12);
    let handlers = vec((of(steps()), any::<bool>()), HANDLERS.len());
    (mains, handlers, of(1..4u32), of(Just(Span::from_secs(3600)))).prop_map(|(mains, handlers, active, timeout)| {
        let mut plan = Plan { max_active_steps: active, timeout, ..empty() };
        for ((mut step, mask, bits, approval), index) in mains.into_iter().zip(0u32..) {
            // Few dependencies each, or every graph would be a chain.
            step.name = format!("s{index}");
            let wanted = (0..index).filter(|i| mask >> i & 1 == 1).map(StepIndex);
            step.depends = wanted.take(bits as usize).collect();
            step.approval = approval.filter(|approval| approval.rewind_to.is_none_or(|to| to.0 <= index)).map(Box::new);
            plan.steps.push(step);
        }
        for ((step, there), role) in handlers.into_iter().zip(HANDLERS) {
            if let Some(mut step) = step.filter(|_| there) {
                step.name = handler_name(role).to_owned();
                step.role = role;
                plan.steps.push(step);
            }
        }
        plan
    })
}

fn steps() -> impl Strategy<Value = Step> {
    let retries = option::weighted(0.4, (0..3u32, 0..3u64, vec(1..4i32, 0..2)));
    let repeats = option::weighted(0.3, repeats());
    let on_lost = prop_oneof![3 => Just(OnLost::Rerun), 1 => Just(OnLost::Park), 1 => Just(OnLost::Fail)];
    let timeouts = option::weighted(0.3, 1..9u64);
    (retries, repeats, on_lost, ons(), any::<bool>(), timeouts).prop_map(
        |(retries, repeats, on_lost, on, conditional, timeout)| {
            let mut step = Step::doing("", Action::noop());
            step.retry = retries.map(|(limit, secs, exit_code)| {
                let mut policy = retry(limit, Span::from_secs(secs));
                policy.exit_code = exit_code;
                policy
            });
            step.repeat = repeats;
            step.timeout = timeout.map(Span::from_secs);
            step.on_lost = on_lost;
            step.continue_on = on;
            if conditional {
                let check = Check::Command(Template("true".to_owned()));
                step.preconditions = vec![Precondition { check, negate: false }];
            }
            step
        },
    )
}

fn repeats() -> impl Strategy<Value = RepeatPolicy> {
    let mode = prop_oneof![Just(RepeatMode::Always), Just(RepeatMode::While), Just(RepeatMode::Until)];
    (mode, 1..4u32, 0..2u64, vec(0..3i32, 0..2), any::<bool>()).prop_map(|(mode, limit, secs, codes, conditional)| {
        let check = Check::Command(Template("true".to_owned()));
        RepeatPolicy {
            interval: Span::from_secs(secs),
            exit_code: codes,
            condition: conditional.then_some(check),
            ..repeat(mode, Some(limit))
        }
    })
}

fn ons() -> impl Strategy<Value = ContinueOn> {
    let rarely = || prop::bool::weighted(0.25);
    (rarely(), rarely(), vec(1..3i32, 0..2), rarely()).prop_map(|(failure, skipped, exit_code, mark_success)| {
        ContinueOn { failure, skipped, exit_code, output: vec![], mark_success }
    })
}

pub(crate) fn outcomes() -> impl Strategy<Value = Outcome> {
    let checked = of(prop_oneof![
        4 => any::<bool>().prop_map(Ok),
        1 => Just(Err("no such shell".to_owned())),
    ]);
    let outputs = vec(("[a-z]{1,3}", "[0-9]{1,3}").prop_map(|(n, v)| (n, Json(v))), 0..2);
    let code = prop_oneof![6 => Just(Some(0)), 1 => Just(None), 3 => (1..4i32).prop_map(Some)];
    let finished = (code, checked, outputs, any::<bool>()).prop_map(|(exit_code, repeat_condition, outputs, hit)| {
        Outcome::Finished(Finished { exit_code, outputs, repeat_condition, output_matched: hit, ..Finished::default() })
    });
    prop_oneof![
        8 => finished,
        4 => failures().prop_map(Outcome::Failed),
        1 => Just(Outcome::Skipped { message: "unmet".to_owned() }),
        1 => of(1..3i32).prop_map(|exit_code| Outcome::Stopped { exit_code }),
        1 => Just(Outcome::GivenBack),
        2 => Just(Outcome::Asked { prompt: "well?".to_owned() }),
        2 => (0..3u64, any::<bool>()).prop_map(|(secs, on)| later(secs, on)),
        2 => (0..4u32).prop_map(|count| Outcome::Expanded(Expanded { count, items: Json("[]".to_owned()) })),
    ]
}

fn answers() -> impl Strategy<Value = Answer> {
    let inputs = || vec(("[A-B]", "[a-z]{0,3}"), 0..2);
    let values = vec(("[a-b]", "[0-9]{1,3}").prop_map(|(n, v)| (n, Json(v))), 0..2);
    prop_oneof![
        3 => values.prop_map(|values| Answer::Complete { values, others: vec![] }),
        3 => inputs().prop_map(|inputs| Answer::Approve { inputs }),
        1 => of("[a-z]{1,3}").prop_map(|reason| Answer::Reject { reason }),
        2 => inputs().prop_map(|inputs| Answer::PushBack { inputs, reason: None }),
    ]
}

fn approvals(place: u32) -> impl Strategy<Value = Approval> {
    (vec("[A-B]", 0..2), any::<bool>(), of(0..=place)).prop_map(|(input, required, rewind_to)| Approval {
        required: if required { input.clone() } else { vec![] },
        input,
        prompt: None,
        // Whoever reads plans lets it be a step before; the core does not mind.
        rewind_to: rewind_to.map(StepIndex),
    })
}

fn failures() -> impl Strategy<Value = Failed> {
    let after = of((0..5u64).prop_map(Span::from_secs));
    (prop::sample::select(&REASONS[..]), of(1..4i32), after, any::<bool>()).prop_map(
        |(reason, exit_code, retry_after, output_matched)| {
            let message = "by chance".to_owned();
            Failed { reason, message, exit_code, retry_after, output_matched }
        },
    )
}

/// Every reason; [`reason_name`] breaks the build when one is added.
pub(crate) const REASONS: [FailReason; 12] = [
    FailReason::ExitCode,
    FailReason::TimedOut,
    FailReason::Unavailable,
    FailReason::Refused,
    FailReason::UnknownOutcome,
    FailReason::LimitReached,
    FailReason::Trapped,
    FailReason::PreconditionError,
    FailReason::BadOutput,
    FailReason::NotStarted,
    FailReason::Lost,
    FailReason::ChildFailed,
];

pub(crate) fn reason_name(reason: FailReason) -> &'static str {
    match reason {
        FailReason::ExitCode => "exit code",
        FailReason::TimedOut => "timed out",
        FailReason::Unavailable => "unavailable",
        FailReason::Refused => "refused",
        FailReason::UnknownOutcome => "unknown outcome",
        FailReason::LimitReached => "limit reached",
        FailReason::Trapped => "trapped",
        FailReason::PreconditionError => "precondition error",
        FailReason::BadOutput => "bad output",
        FailReason::NotStarted => "not started",
        FailReason::Lost => "lost",
        FailReason::ChildFailed => "child failed",
    }
}

pub(crate) fn moves() -> impl Strategy<Value = Move> {
    let cause = prop_oneof![Just(StopCause::Interrupted), Just(StopCause::Requested), Just(StopCause::TimedOut)];
    prop_oneof![
        20 => outcomes().prop_map(Move::Onwards),
        8 => any::<u8>().prop_map(Move::Claim),
        8 => (any::<u8>(), outcomes()).prop_map(|(n, o)| Move::Settle(n, o)),
        4 => any::<u8>().prop_map(Move::Lose),
        4 => any::<u8>().prop_map(Move::Due),
        1 => any::<u8>().prop_map(Move::Early),
        3 => (any::<u8>(), -2..3i8, of(outcomes())).prop_map(|(n, d, o)| Move::Stray(n, d, o)),
        4 => (any::<u8>(), 0..32u8, any::<bool>()).prop_map(|(n, mask, well)| Move::Children(n, mask, well)),
        1 => any::<u8>().prop_map(Move::ChildrenWait),
        1 => any::<u8>().prop_map(Move::ChildrenGoOn),
        4 => (any::<u8>(), prop::bool::weighted(0.8), answers()).prop_map(|(n, asked, a)| Move::Answer(n, asked, a)),
        2 => (any::<u8>(), any::<bool>()).prop_map(|(n, well)| Move::Gather(n, well)),
        3 => Just(Move::Again),
        2 => Just(Move::Interrupt),
        3 => Just(Move::Resume),
        1 => (cause, any::<bool>()).prop_map(|(c, b)| Move::Stop(c, b)),
        2 => (prop_oneof![Just(0u16), any::<u16>()], any::<bool>()).prop_map(|(m, d)| Move::Retry(m, d)),
        1 => Just(Move::Start),
        1 => Just(Move::Submit),
    ]
}

fn nth(stand: &Stand, status: StepStatus, n: u8) -> Option<StepIndex> {
    let all: Vec<StepIndex> = stand.run.steps_in(status).collect();
    all.get(usize::from(n) % all.len().max(1)).copied()
}

/// A step that is to be gone on with at its time.
fn nth_due(stand: &Stand, n: u8) -> Option<StepIndex> {
    let due = |state: &StepState| state.status == StepStatus::Retrying || state.awaits_time();
    let all: Vec<StepIndex> =
        stand.run.plan.indexed().map(|(i, _)| i).filter(|i| due(stand.run.step(*i).unwrap())).collect();
    all.get(usize::from(n) % all.len().max(1)).copied()
}

/// A step that waits for children.
fn nth_parent(stand: &Stand, n: u8) -> Option<StepIndex> {
    nth_that(stand, n, StepState::awaits_children)
}

fn nth_that(stand: &Stand, n: u8, that: impl Fn(&StepState) -> bool) -> Option<StepIndex> {
    let waits = |i: &StepIndex| that(stand.run.step(*i).unwrap());
    let all: Vec<StepIndex> = stand.run.steps_in(StepStatus::Waiting).filter(waits).collect();
    all.get(usize::from(n) % all.len().max(1)).copied()
}

pub(crate) fn gathered(failed: Option<&str>) -> Outcome {
    Outcome::Gathered(Gathered { failed: failed.map(str::to_owned), ..Gathered::default() })
}

pub(crate) fn child_end(child: u32, well: bool) -> ChildEnd {
    let status = if well { RunStatus::Succeeded } else { RunStatus::Failed };
    ChildEnd { child, status, outputs: None, error: None }
}

fn held(stand: &Stand, step: StepIndex) -> Fence {
    stand.run.step(step).unwrap().fence
}

/// The move as a command to the run as it stands; none where there is nothing to choose from. May let time pass.
pub(crate) fn command(stand: &mut Stand, mv: &Move, last: Option<&Command>) -> Option<Command> {
    let count = u32::try_from(stand.run.plan.steps.len()).unwrap();
    Some(match mv {
        Move::Start => Command::Start,
        Move::Claim(n) => Command::Claim { step: nth(stand, StepStatus::Ready, *n)?, worker: worker() },
        Move::Settle(n, outcome) => {
            let step = nth(stand, StepStatus::Running, *n)?;
            Command::Settle { step, fence: held(stand, step), outcome: outcome.clone() }
        }
        Move::Lose(n) => {
            let step = nth(stand, StepStatus::Running, *n)?;
            Command::Lose { step, fence: held(stand, step) }
        }
        Move::Due(n) => {
            let step = nth_that(stand, *n, |state| state.due.is_some())?;
            stand.at = stand.at.max(stand.run.step(step).unwrap().due?);
            Command::Due { step }
        }
        Move::Early(n) => Command::Due { step: nth_that(stand, *n, |state| state.due.is_some())? },
        Move::Stray(n, by, outcome) => {
            let step = StepIndex(u32::from(*n) % count);
            let fence = Fence(held(stand, step).get().saturating_add_signed(i64::from(*by)));
            match outcome.clone() {
                Some(outcome) => Command::Settle { step, fence, outcome },
                None => Command::Lose { step, fence },
            }
        }
        Move::Children(n, mask, well) => {
            let step = nth_parent(stand, *n)?;
            let ended = (0..8).filter(|child| mask >> child & 1 == 1).map(|child| child_end(child, *well)).collect();
            Command::ChildrenEnded { step, fence: held(stand, step), ended }
        }
        Move::ChildrenWait(n) => {
            let step = nth_parent(stand, *n)?;
            Command::ChildrenWait { step, fence: held(stand, step) }
        }
        Move::ChildrenGoOn(n) => {
            let step = nth_that(stand, *n, StepState::awaits_below)?;
            Command::ChildrenMove { step, fence: held(stand, step) }
        }
        Move::Answer(n, true, answer) => {
            let step = nth_that(stand, *n, StepState::awaits_person)?;
            Command::Answer { step, by: "ada".to_owned(), answer: answer.clone() }
        }
        Move::Answer(n, false, answer) => {
            let step = StepIndex(u32::from(*n) % count);
            Command::Answer { step, by: "eve".to_owned(), answer: answer.clone() }
        }
        Move::Gather(n, well) => {
            let step = nth_parent(stand, *n)?;
            let outcome = gathered((!well).then_some("1 of 2 failed"));
            Command::Settle { step, fence: held(stand, step), outcome }
        }
        Move::Again => last?.clone(),
        Move::Interrupt => Command::Interrupt,
        Move::Resume => Command::Resume,
        Move::Stop(cause, at_once) => Command::Stop { cause: cause.clone(), at_once: *at_once },
        Move::Retry(mask, downstream) => {
            let named = (0..count.min(16)).filter(|i| mask >> i & 1 == 1).map(StepIndex);
            Command::Retry { steps: named.collect(), downstream: *downstream }
        }
        Move::Submit => submit(),
        Move::Onwards(outcome) => onwards(stand, outcome.clone())?,
    })
}

/// What the shell would do next; none when the run is over.
pub(crate) fn onwards(stand: &mut Stand, outcome: Outcome) -> Option<Command> {
    match stand.run.status() {
        RunStatus::Queued => return Some(Command::Start),
        // Whoever is asked answers first.
        RunStatus::Waiting => return Some(said(stand).unwrap_or(Command::Resume)),
        RunStatus::Running => {}
        RunStatus::Succeeded
        | RunStatus::PartiallySucceeded
        | RunStatus::Failed
        | RunStatus::Aborted
        | RunStatus::Rejected => return None,
    }
    let free = stand.run.plan.max_active_steps.is_none_or(|limit| stand.run.head.active < limit);
    if let Some(step) = nth(stand, StepStatus::Ready, 0).filter(|_| free) {
        return Some(Command::Claim { step, worker: worker() });
    }
    if let Some(step) = nth(stand, StepStatus::Running, 0) {
        return Some(Command::Settle { step, fence: held(stand, step), outcome });
    }
    if let Some(step) = nth_parent(stand, 0) {
        let fence = held(stand, step);
        let open: Vec<u32> = stand.run.step(step).unwrap().children.as_ref().unwrap().unfinished().collect();
        if !open.is_empty() {
            let ended = open.into_iter().map(|child| child_end(child, true)).collect();
            return Some(Command::ChildrenEnded { step, fence, ended });
        }
        return Some(Command::Settle { step, fence, outcome: gathered(None) });
    }
    if let Some(said) = said(stand) {
        return Some(said);
    }
    let step = nth_due(stand, 0)?;
    stand.at = stand.at.max(stand.run.step(step).unwrap().due?);
    Some(Command::Due { step })
}

/// Who is asked says that all is well.
fn said(stand: &Stand) -> Option<Command> {
    let step = nth_that(stand, 0, StepState::awaits_person)?;
    let late = stand.run.step(step)?.due.is_some_and(|due| due <= stand.at.plus(Span(1)));
    if late && stand.run.status() == RunStatus::Running {
        return Some(Command::Due { step });
    }
    let needed = stand.run.plan.step(step)?.approval.iter().flat_map(|approval| &approval.required);
    let inputs = needed.map(|name| (name.clone(), "yes".to_owned())).collect();
    let answer = match stand.run.step(step)?.end {
        None => Answer::Complete { values: vec![], others: vec![] },
        Some(_) => Answer::Approve { inputs },
    };
    (!late).then_some(Command::Answer { step, by: "ada".to_owned(), answer })
}

/// Whether a step of the role runs after the main steps.
pub(crate) fn is_closing(role: Role) -> bool {
    match role {
        Role::OnSuccess | Role::OnFailure | Role::OnAbort | Role::OnExit => true,
        Role::Main | Role::Gate | Role::OnInit | Role::OnWait => false,
    }
}

/// Makes all moves that fit. What was taken is refused when it comes again at once, whatever it was.
pub(crate) fn play(plan: Plan, moves: &[Move]) -> Stand {
    let mut stand = Stand::queued(plan);
    let mut last: Option<(Command, bool)> = None;
    for mv in moves {
        let Some(next) = command(&mut stand, mv, last.as_ref().map(|(c, _)| c)) else { continue };
        let answer = stand.ask(next.clone());
        let again = matches!(mv, Move::Again) && last.as_ref().is_some_and(|(_, taken)| *taken);
        assert!(!again || answer.is_err(), "{next:?} was taken twice");
        last = Some((next, answer.is_ok()));
    }
    stand
}
