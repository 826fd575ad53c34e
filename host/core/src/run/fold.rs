//! What an event is folded into.

use crate::graph::Graph;
use crate::plan::{Plan, StepIndex};
use crate::run::state::{Head, Run, StepState};

/// A run, or a draft over one.
pub(super) trait Fold {
    fn plan(&self) -> &Plan;
    fn graph(&self) -> &Graph;
    fn head(&self) -> &Head;
    fn head_mut(&mut self) -> &mut Head;
    fn step(&self, index: StepIndex) -> Option<&StepState>;
    fn step_mut(&mut self, index: StepIndex) -> Option<&mut StepState>;
}

impl Fold for Run {
    fn plan(&self) -> &Plan {
        &self.plan
    }
    fn graph(&self) -> &Graph {
        &self.graph
    }
    fn head(&self) -> &Head {
        &self.head
    }
    fn head_mut(&mut self) -> &mut Head {
        &mut self.head
    }
    fn step(&self, index: StepIndex) -> Option<&StepState> {
        self.steps.get(index.get())
    }
    fn step_mut(&mut self, index: StepIndex) -> Option<&mut StepState> {
        self.steps.get_mut(index.get())
    }
}
