//! Steps that start anew: all of a new run attempt, or some of them within one.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::plan::{Role, StepIndex};
use crate::run::check::name_of;
use crate::run::command::Refusal;
use crate::run::fold::Fold;
use crate::run::state::{Run, StepState, Talk, Tally};
use crate::run::status::StepStatus;

/// Whether everything from there on may start anew because of `step`: nothing of it is being worked on.
pub(super) fn may(run: &Run, step: StepIndex, from: &[StepIndex]) -> Result<(), Refusal> {
    let busy = |index: &StepIndex| {
        let state = run.step(*index);
        state.is_some_and(|s| s.status == StepStatus::Running || s.awaits_children() || s.awaits_below())
    };
    match run.graph.with_descendants(from).iter().find(|index| busy(index)) {
        None => Ok(()),
        Some(busy) => Err(Refusal::Busy { step: name_of(run, step), busy: name_of(run, *busy) }),
    }
}

/// Folds [`crate::run::Body::Rewound`]. `from` is the step whose answer wants it: who starts anew is told of that answer.
pub(super) fn rewound(run: &mut impl Fold, reset: &[StepIndex], from: Option<StepIndex>) -> Result<(), String> {
    let word = match from {
        None => None,
        Some(from) => {
            let talk = run.step(from).and_then(|step| step.talk.as_ref());
            Some(talk.and_then(|talk| talk.answer.clone()).ok_or("the step was not answered")?)
        }
    };
    let active = reset.iter().any(|index| run.step(*index).is_some_and(|s| s.status == StepStatus::Running));
    if active {
        return Err("a step that starts anew is being worked on".to_owned());
    }
    for index in reset {
        let step = run.step_mut(*index).ok_or("the run has no such step")?;
        let talk = word.as_ref().map(|word| {
            let mut talk = step.talk.take().unwrap_or_else(|| Box::new(Talk::default()));
            talk.push_backs.push(Arc::clone(word));
            talk.before = step.started_at.map(|_| step.fence);
            talk
        });
        let acted = step.awaits_person() && step.end.is_some();
        let redone = step.redone.saturating_add(u32::from(acted));
        step.redone = redone;
        step.reset(0);
        step.talk = talk;
    }
    recount(run, &BTreeSet::new())
}

/// Counts anew what follows from where the steps stand.
pub(super) fn recount(run: &mut impl Fold, excused: &BTreeSet<StepIndex>) -> Result<(), String> {
    let places: Vec<(StepIndex, Role, Vec<StepIndex>)> =
        run.plan().indexed().map(|(i, s)| (i, s.role, s.depends.clone())).collect();
    let mut mains = Vec::new();
    for (index, role, deps) in places {
        let not_over = |dep: &&StepIndex| run.step(**dep).is_some_and(|s: &StepState| !s.status.is_terminal());
        let open = u32::try_from(deps.iter().filter(not_over).count()).unwrap_or(u32::MAX);
        let step = run.step_mut(index).ok_or("the run has no such step")?;
        step.open_deps = open;
        step.excused |= excused.contains(&index);
        if role == Role::Main {
            mains.push(step.clone());
        }
    }
    run.head_mut().tally = Tally::recount(mains.iter());
    Ok(())
}
