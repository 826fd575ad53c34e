//! What a decision works on: the run as it stands, and over it the steps that the decision has touched.

use std::collections::BTreeMap;

use crate::graph::Graph;
use crate::plan::{Plan, StepIndex};
use crate::run::apply::{Corrupt, fold};
use crate::run::event::{Body, Event};
use crate::run::fold::Fold;
use crate::run::state::{Head, Run, StepState};
use crate::time::Timestamp;

pub(super) struct Draft<'a> {
    pub(super) run: &'a Run,
    pub(super) at: Timestamp,
    head: Head,
    touched: BTreeMap<StepIndex, StepState>,
    events: Vec<Event>,
    corrupt: Option<Corrupt>,
}

impl<'a> Draft<'a> {
    pub(super) fn new(run: &'a Run, at: Timestamp) -> Self {
        Self { run, at, head: run.head.sketch(), touched: BTreeMap::new(), events: Vec::new(), corrupt: None }
    }

    /// Decides that this happens, and goes on from there.
    pub(super) fn emit(&mut self, body: Body) {
        if self.corrupt.is_some() {
            return;
        }
        let event = Event { at: self.at, body };
        match fold(self, &event) {
            Ok(()) => self.events.push(event),
            Err(corrupt) => self.corrupt = Some(corrupt),
        }
    }

    /// How many events there are.
    pub(super) fn count(&self) -> usize {
        self.events.len()
    }

    /// The events. An event that its own fold refuses is a defect of `decide`; it is said, not stored.
    pub(super) fn finish(self) -> Result<Vec<Event>, Corrupt> {
        match self.corrupt {
            None => Ok(self.events),
            Some(corrupt) => Err(corrupt),
        }
    }
}

impl Fold for Draft<'_> {
    fn plan(&self) -> &Plan {
        &self.run.plan
    }
    fn graph(&self) -> &Graph {
        &self.run.graph
    }
    fn head(&self) -> &Head {
        &self.head
    }
    fn head_mut(&mut self) -> &mut Head {
        &mut self.head
    }
    fn step(&self, index: StepIndex) -> Option<&StepState> {
        self.touched.get(&index).or_else(|| self.run.step(index))
    }
    fn step_mut(&mut self, index: StepIndex) -> Option<&mut StepState> {
        match self.touched.entry(index) {
            std::collections::btree_map::Entry::Occupied(held) => Some(held.into_mut()),
            std::collections::btree_map::Entry::Vacant(free) => {
                Some(free.insert(self.run.steps.get(index.get())?.clone()))
            }
        }
    }
}
