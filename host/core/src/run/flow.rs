//! What follows by itself: steps behind a finished step become ready, are skipped or aborted; when all are over the
//! handlers have their turn, and then the run is finished.

use crate::plan::{Role, Step, StepIndex};
use crate::run::draft::Draft;
use crate::run::event::{Body, EndReason, StepEnd, WaitReason};
use crate::run::fold::Fold;
use crate::run::state::StepState;
use crate::run::status::{RunStatus, StepStatus};
use crate::time::Timestamp;

/// Goes on from the steps in `changed` as far as it goes without a worker.
pub(super) fn advance(draft: &mut Draft<'_>, changed: &[StepIndex]) {
    cascade(draft, changed.to_vec());
    while next(draft) {}
}

/// Steps that start anew have their turn where nothing before them is open.
pub(super) fn begin_again(draft: &mut Draft<'_>, steps: &[StepIndex]) {
    let mut ended = Vec::new();
    for step in steps {
        let decidable = draft.step(*step).is_some_and(|s| s.status == StepStatus::NotStarted && s.open_deps == 0);
        if decidable && settle_fate(draft, *step) {
            ended.push(*step);
        }
    }
    advance(draft, &ended);
}

/// Decides the fate of every step whose last open dependency is among `ended`, and so on behind it.
fn cascade(draft: &mut Draft<'_>, mut ended: Vec<StepIndex>) {
    while let Some(index) = ended.pop() {
        if !draft.step(index).is_some_and(|s| s.status.is_terminal()) {
            continue;
        }
        for child in draft.run.graph.children(index).to_vec() {
            let decidable = draft.step(child).is_some_and(|s| s.status == StepStatus::NotStarted && s.open_deps == 0);
            if decidable && settle_fate(draft, child) {
                ended.push(child);
            }
        }
    }
}

/// Makes a step ready, or ends it because of what came before. True if it ended.
fn settle_fate(draft: &mut Draft<'_>, step: StepIndex) -> bool {
    match fate(draft, step) {
        None => {
            draft.emit(Body::StepReady { step });
            false
        }
        Some(end) => {
            draft.emit(Body::StepEnded { step, end });
            true
        }
    }
}

/// None: the step may run. All of its dependencies are over.
fn fate(draft: &Draft<'_>, index: StepIndex) -> Option<StepEnd> {
    if draft.head().stop.is_some() {
        return Some(StepEnd::without_try(StepStatus::Aborted, EndReason::Stopped));
    }
    let mut skipped = None;
    for dep in draft.run.plan.step(index).map(|s| s.depends.as_slice()).unwrap_or_default() {
        let (Some(plan), Some(state)) = (draft.run.plan.step(*dep), draft.step(*dep)) else { continue };
        if chosen_otherwise(plan, state, index) {
            skipped = Some(not_chosen(&plan.name));
            continue;
        }
        match state.status {
            StepStatus::Succeeded | StepStatus::PartiallySucceeded => {}
            StepStatus::Skipped if plan.continue_on.skipped || state.excused || was_not_chosen(state) => {}
            StepStatus::Skipped => {
                skipped = Some(upstream(StepStatus::Skipped, EndReason::UpstreamSkipped, &plan.name));
            }
            StepStatus::Failed if state.end.as_ref().is_some_and(|end| end.forgiven) => {}
            StepStatus::Failed | StepStatus::Aborted | StepStatus::Rejected => {
                return Some(upstream(StepStatus::Aborted, EndReason::UpstreamFailed, &plan.name));
            }
            StepStatus::NotStarted
            | StepStatus::Ready
            | StepStatus::Running
            | StepStatus::Retrying
            | StepStatus::Waiting => {}
        }
    }
    skipped
}

/// A router that is over and let others run. One whose failure was forgiven chose nobody.
fn chosen_otherwise(router: &Step, state: &StepState, index: StepIndex) -> bool {
    let Some(end) = state.end.as_ref().filter(|_| state.status.is_terminal()) else { return false };
    let decided = state.status == StepStatus::Succeeded || end.forgiven;
    decided && router.action.route().is_some_and(|route| route.leads_to(index)) && !end.chosen.contains(&index)
}

/// That a step was not chosen keeps none behind it from running.
fn was_not_chosen(state: &StepState) -> bool {
    state.end.as_ref().is_some_and(|end| end.reason == Some(EndReason::NotChosen))
}

fn not_chosen(router: &str) -> StepEnd {
    let mut end = StepEnd::without_try(StepStatus::Skipped, EndReason::NotChosen);
    end.message = Some(format!("`{router}` before it chose other steps"));
    end
}

fn upstream(status: StepStatus, reason: EndReason, name: &str) -> StepEnd {
    let mut end = StepEnd::without_try(status, reason);
    end.message = Some(match status {
        StepStatus::Skipped => format!("`{name}` before it was skipped"),
        _ => format!("`{name}` before it did not succeed"),
    });
    end
}

/// One turn of gate, init, main steps, handlers, end. True if there may be another.
fn next(draft: &mut Draft<'_>) -> bool {
    if draft.head().status != Some(RunStatus::Running) && draft.head().stop.is_none() {
        return false;
    }
    if !matches!(draft.head().status, Some(RunStatus::Running | RunStatus::Queued)) {
        return false;
    }
    if draft.head().concluded.is_some() {
        return close(draft);
    }
    if draft.head().tally.open() == 0 {
        return !early_handler_is_open(draft) && conclude(draft);
    }
    if !draft.head().begun {
        return open(draft);
    }
    hold(draft)
}

/// Gate, then init, then the first steps.
fn open(draft: &mut Draft<'_>) -> bool {
    for role in [Role::Gate, Role::OnInit] {
        match turn(draft, role) {
            Turn::Open => return false,
            Turn::Absent | Turn::Over(StepStatus::Succeeded | StepStatus::PartiallySucceeded) => {}
            Turn::Over(StepStatus::Skipped) if role == Role::OnInit => {}
            Turn::Over(StepStatus::Failed) if forgiven(draft, role) => {}
            Turn::Over(_) => {
                abandon(draft);
                return true;
            }
        }
    }
    let roots: Vec<StepIndex> = draft
        .run
        .plan
        .indexed()
        .filter(|(i, s)| {
            let state = draft.step(*i);
            s.role == Role::Main && state.is_some_and(|s| s.status == StepStatus::NotStarted && s.open_deps == 0)
        })
        .map(|(i, _)| i)
        .collect();
    let mut ended = Vec::new();
    for root in roots {
        if settle_fate(draft, root) {
            ended.push(root);
        }
    }
    cascade(draft, ended);
    draft.head().begun
}

/// The run is not to begin: nothing of it runs.
fn abandon(draft: &mut Draft<'_>) {
    let open: Vec<StepIndex> = draft
        .run
        .plan
        .indexed()
        .filter(|(i, s)| s.role == Role::Main && draft.step(*i).is_some_and(|s| !s.status.is_terminal()))
        .map(|(i, _)| i)
        .collect();
    for step in open {
        let end = StepEnd::without_try(StepStatus::Aborted, EndReason::RunNotBegun);
        draft.emit(Body::StepEnded { step, end });
    }
}

/// Main steps are open. If all that is open waits for somebody, so does the run; but a time that runs keeps it open.
fn hold(draft: &mut Draft<'_>) -> bool {
    let tally = &draft.head().tally;
    let busy = [StepStatus::Ready, StepStatus::Running, StepStatus::Retrying];
    let moving = busy.into_iter().any(|status| tally.of(status) > 0);
    if moving || tally.of(StepStatus::Waiting) == 0 {
        return false;
    }
    let waiting = Waiting::of(draft);
    if waiting.goes_on {
        return false;
    }
    tell_again(draft, waiting.since);
    match turn(draft, Role::OnWait) {
        Turn::Open => false,
        Turn::Absent | Turn::Over(_) if waiting.until => false,
        Turn::Absent | Turn::Over(_) => {
            draft.emit(Body::Waiting { reason: waiting.reason.unwrap_or(WaitReason::Parked { losses: 0 }) });
            false
        }
    }
}

/// What the main steps wait for, of which none can go on.
#[derive(Default)]
struct Waiting {
    /// Of all, the one that asks most of whoever looks: what is parked, then what is asked, then what waits below.
    reason: Option<WaitReason>,
    /// The last of them began to wait.
    since: Option<Timestamp>,
    /// One of them waits for children, or for a time: for nobody.
    goes_on: bool,
    /// One of them waits no longer than that.
    until: bool,
}

impl Waiting {
    fn of(draft: &Draft<'_>) -> Self {
        let mut all = Self::default();
        for state in draft.run.plan.indexed().filter_map(|(i, _)| draft.step(i)) {
            let Some(reason) = &state.waiting else { continue };
            all.goes_on |= state.awaits_children() || state.awaits_time();
            all.until |= state.due.is_some();
            all.since = all.since.max(state.since);
            if all.reason.as_ref().is_none_or(|held| urgency(reason) > urgency(held)) {
                all.reason = Some(reason.clone());
            }
        }
        all
    }
}

fn urgency(reason: &WaitReason) -> u8 {
    match reason {
        WaitReason::Parked { .. } => 4,
        WaitReason::Person { .. } => 3,
        WaitReason::Below => 2,
        WaitReason::Children | WaitReason::Until { .. } => 1,
        WaitReason::Interrupted => 0,
    }
}

/// The handler that tells people of a wait has told of an earlier one: it tells of this one too.
fn tell_again(draft: &mut Draft<'_>, since: Option<Timestamp>) {
    let Some(handler) = draft.run.plan.handler(Role::OnWait) else { return };
    let told = draft.step(handler).filter(|state| state.status.is_terminal()).and_then(|state| state.finished_at);
    if draft.head().stop.is_none() && told.is_some() && since > told {
        draft.emit(Body::Rewound { reset: vec![handler], from: None });
    }
}

/// A stop, or a person who went on, may end the main steps before a handler that began earlier: it is waited for.
fn early_handler_is_open(draft: &mut Draft<'_>) -> bool {
    [Role::Gate, Role::OnInit, Role::OnWait].into_iter().any(|role| {
        let state = draft.run.plan.handler(role).and_then(|i| draft.step(i));
        let begun = state.is_some_and(|s| s.status != StepStatus::NotStarted);
        begun && matches!(turn(draft, role), Turn::Open)
    })
}

fn conclude(draft: &mut Draft<'_>) -> bool {
    let status = amounts_to(draft);
    draft.emit(Body::Concluded { status });
    true
}

/// Precedence: not begun, stopped, rejected, partial, failed, succeeded.
fn amounts_to(draft: &Draft<'_>) -> RunStatus {
    let opening = |role| draft.run.plan.handler(role).and_then(|i| draft.step(i)).map(|s| s.status);
    let tally = &draft.head().tally;
    let good = tally.of(StepStatus::Succeeded) + tally.of(StepStatus::PartiallySucceeded);
    let failed = tally.of(StepStatus::Failed);
    let shut = |role| opening(role) == Some(StepStatus::Failed) && !forgiven(draft, role);
    let not_begun = shut(Role::Gate) || shut(Role::OnInit);
    let stopped = draft.head().stop.is_some() && good < tally.total();
    if not_begun {
        RunStatus::Failed
    } else if stopped || opening(Role::Gate) == Some(StepStatus::Skipped) {
        RunStatus::Aborted
    } else if tally.of(StepStatus::Rejected) > 0 {
        RunStatus::Rejected
    } else if failed > tally.forgiven() || tally.of(StepStatus::Aborted) > 0 {
        RunStatus::Failed
    } else if failed > 0 {
        if good > 0 { RunStatus::PartiallySucceeded } else { RunStatus::Failed }
    } else {
        RunStatus::Succeeded
    }
}

/// The handler for what the run amounts to, then the exit handler, then the end.
fn close(draft: &mut Draft<'_>) -> bool {
    let Some(concluded) = draft.head().concluded else { return false };
    let by_status = match concluded {
        RunStatus::Succeeded | RunStatus::PartiallySucceeded => Role::OnSuccess,
        RunStatus::Aborted => Role::OnAbort,
        RunStatus::Failed | RunStatus::Rejected | RunStatus::Queued | RunStatus::Running | RunStatus::Waiting => {
            Role::OnFailure
        }
    };
    let mut last = concluded;
    for role in [by_status, Role::OnExit] {
        match turn(draft, role) {
            Turn::Open => return false,
            Turn::Over(StepStatus::Failed) if !forgiven(draft, role) => last = RunStatus::Failed,
            Turn::Absent | Turn::Over(_) => {}
        }
    }
    draft.emit(Body::Finished { status: last });
    false
}

fn forgiven(draft: &Draft<'_>, role: Role) -> bool {
    let state = draft.run.plan.handler(role).and_then(|i| draft.step(i));
    state.and_then(|s| s.end.as_ref()).is_some_and(|end| end.forgiven)
}

enum Turn {
    /// There is no such handler, or it is not to run.
    Absent,
    /// It has its turn now.
    Open,
    /// It had its turn.
    Over(StepStatus),
}

/// Gives a handler its turn. Nothing else goes on meanwhile, so a parked one makes the run wait.
fn turn(draft: &mut Draft<'_>, role: Role) -> Turn {
    let Some(step) = draft.run.plan.handler(role) else { return Turn::Absent };
    match draft.step(step).map(|s| s.status) {
        None => Turn::Absent,
        // Stopped at once, or before anything began: what has not begun is left out.
        Some(StepStatus::NotStarted) if draft.head().stop.as_ref().is_some_and(|s| s.at_once) => Turn::Absent,
        Some(StepStatus::NotStarted) if draft.head().status == Some(RunStatus::Queued) => Turn::Absent,
        Some(StepStatus::NotStarted) => {
            draft.emit(Body::StepReady { step });
            Turn::Open
        }
        Some(StepStatus::Waiting) if !draft.step(step).is_some_and(StepState::awaits_somebody) => Turn::Open,
        Some(StepStatus::Waiting) => {
            let parked = draft.step(step).and_then(|s| s.waiting.clone());
            draft.emit(Body::Waiting { reason: parked.unwrap_or(WaitReason::Parked { losses: 0 }) });
            Turn::Open
        }
        Some(StepStatus::Ready | StepStatus::Running | StepStatus::Retrying) => Turn::Open,
        Some(over) => Turn::Over(over),
    }
}
