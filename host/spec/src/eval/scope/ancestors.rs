//! The steps that a step depends on, directly or through others.

use std::collections::{HashSet, VecDeque};

use pintle_core::plan::{Plan, StepIndex};

/// All of them, nearest first, each once, in the order in which steps name them where they are equally near.
pub(super) fn by_distance(plan: &Plan, step: StepIndex) -> Vec<StepIndex> {
    let mut seen = HashSet::from([step]);
    let mut open = VecDeque::from([step]);
    let mut found = Vec::new();
    while let Some(place) = open.pop_front() {
        for before in plan.step(place).into_iter().flat_map(|step| &step.depends) {
            if seen.insert(*before) {
                found.push(*before);
                open.push_back(*before);
            }
        }
    }
    found
}

/// Whether `step` depends on `other`.
pub(crate) fn reaches(plan: &Plan, step: StepIndex, other: StepIndex) -> bool {
    let mut seen = HashSet::from([step]);
    let mut open = vec![step];
    while let Some(place) = open.pop() {
        for before in plan.step(place).into_iter().flat_map(|step| &step.depends) {
            if *before == other {
                return true;
            }
            if seen.insert(*before) {
                open.push(*before);
            }
        }
    }
    false
}
