//! Parameters that a command computes (`params[].eval`), of DAGs that steps run.
//!
//! The danger: a command takes as long as it likes, and whoever looks after a run's children looks after every run's. The
//! rule: it runs on a thread of its own, and leaves a note when it is over.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use pintle_core::ids::RunId;
use pintle_core::plan::StepIndex;
use pintle_spec::bind::{Binding, BoundParams};

use crate::service::Coordinator;

/// Runs commands of computed parameters.
pub trait Compute: std::fmt::Debug + Send + Sync {
    /// Runs a command for `sh -c` in `dir`, with these variables over the process's own; what it printed, or in a few
    /// words why it failed. May block. May be asked again after a crash.
    fn compute(&self, command: &str, variables: &[(String, String)], dir: &Path) -> Result<String, String>;
}

/// Runs none: for a process that drives no runs.
#[derive(Debug)]
pub struct NoCommands;

impl Compute for NoCommands {
    fn compute(&self, _: &str, _: &[(String, String)], _: &Path) -> Result<String, String> {
        Err("this process runs no commands".to_owned())
    }
}

/// What was computed for children that were not submitted yet, or is being computed (none).
#[derive(Debug, Default)]
pub(crate) struct Computed(Mutex<HashMap<RunId, Option<Result<BoundParams, String>>>>);

/// How far it is.
#[derive(Debug)]
pub(crate) enum Progress {
    Unasked,
    UnderWay,
    Done(Result<BoundParams, String>),
}

impl Computed {
    /// Takes what was computed for a child.
    pub(crate) fn take(&self, child: &RunId) -> Progress {
        let mut held = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match held.remove(child) {
            None => Progress::Unasked,
            Some(None) => {
                held.insert(child.clone(), None);
                Progress::UnderWay
            }
            Some(Some(done)) => Progress::Done(done),
        }
    }

    fn put(&self, child: &RunId, done: Option<Result<BoundParams, String>>) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(child.clone(), done);
    }
}

impl Coordinator {
    /// Computes a child's parameters, and then leaves a note at its parent.
    pub(crate) fn compute(
        &self,
        child: &RunId,
        (parent, step, place): (RunId, StepIndex, u32),
        dir: PathBuf,
        binding: Binding,
    ) {
        self.computed.put(child, None);
        let (computed, tending) = (Arc::clone(&self.computed), Arc::clone(&self.tending));
        let (compute, child) = (Arc::clone(&self.options.compute), child.clone());
        tokio::task::spawn_blocking(move || {
            let bound = binding.finish(|command, variables| compute.compute(command, variables, &dir));
            computed.put(&child, Some(bound.map_err(|faults| faults.to_string())));
            tending.want(&parent, Some((step, place)));
        });
    }
}
