//! A worker at work between the two.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use pintle_core::counter::{Attempt, Fence};
use pintle_core::ids::{RunId, TenantId, WorkerId};
use pintle_core::plan::StepIndex;
use pintle_core::run::command::{FailReason, Outcome};
use pintle_plane::output::Channel;
use pintle_plane::worker::{Assignment, ClaimId};
use pintle_worker::{Error, Handle, Observer, Options, Worker};
use tokio::task::JoinHandle;

use crate::actor::Actor;
use crate::plane::Plane;

/// How long a draining worker goes on trying to report.
pub(crate) const PATIENCE: Duration = Duration::from_secs(1);

pub(crate) fn claim(step: u32) -> ClaimId {
    ClaimId { run: RunId::new("run").unwrap(), step: StepIndex(step), fence: Fence(4) }
}

pub(crate) struct Room {
    pub(crate) dir: tempfile::TempDir,
    pub(crate) plane: Arc<Plane>,
    pub(crate) actor: Arc<Actor>,
}

pub(crate) struct AtWork {
    pub(crate) handle: Handle,
    pub(crate) task: JoinHandle<Result<(), Error>>,
}

impl AtWork {
    pub(crate) async fn ended(self) -> Result<(), Error> {
        tokio::time::timeout(Duration::from_secs(40), self.task).await.expect("the worker does not end").unwrap()
    }

    pub(crate) async fn drained(self) {
        self.handle.drain();
        self.ended().await.unwrap();
    }
}

impl Room {
    pub(crate) fn new() -> Self {
        Self { dir: tempfile::tempdir().unwrap(), plane: Plane::new([]), actor: Arc::default() }
    }

    pub(crate) fn step(&self, number: u32, action: &str, input: &str) -> Assignment {
        Assignment {
            claim: claim(number),
            tenant: TenantId::default_tenant(),
            dag: "dag".to_owned(),
            step_name: format!("step-{number}"),
            lineage: None,
            attempt: Attempt(1),
            losses: 0,
            operation_key: "key".to_owned(),
            preconditions: Vec::new(),
            action: action.to_owned(),
            input_json: input.to_owned(),
            env: vec![("A".to_owned(), "1".to_owned()), ("PINTLE_OUTPUT_FILE".to_owned(), "forged".to_owned())],
            working_dir: self.dir.path().join("work/run"),
            timeout: None,
            stdout_file: None,
            stderr_file: None,
            merged_log: false,
            artifacts_dir: None,
            stdout_artifact: None,
            stderr_artifact: None,
            capture_stdout: false,
            published: Vec::new(),
            declared_outputs: Vec::new(),
            max_output: 1000,
            repeat_probe: None,
            goes_on: None,
        }
    }

    pub(crate) fn queue(&self, steps: impl IntoIterator<Item = Assignment>) {
        self.plane.state(|state| state.ready.extend(steps));
    }

    pub(crate) fn start(&self, slots: usize, observer: Option<Arc<dyn Observer>>) -> AtWork {
        let options = Options {
            worker: WorkerId::new("w").unwrap(),
            slots,
            data_dir: self.dir.path().join("data"),
            work_root: self.dir.path().join("work"),
            log_file: Some(|dir: &Path, claim: &ClaimId, channel: Channel| dir.join(format!("{claim}.{channel:?}"))),
            confined: false,
            dry_run: false,
            threads: None,
            patience: PATIENCE,
        };
        let (worker, handle) =
            Worker::new(options, Arc::clone(&self.plane) as _, Arc::clone(&self.actor) as _, observer).unwrap();
        AtWork { handle, task: tokio::spawn(worker.run()) }
    }

    /// Performs one step alone.
    pub(crate) async fn perform(&self, step: Assignment) -> Outcome {
        self.queue([step.clone()]);
        let at_work = self.start(1, None);
        let outcome = self.plane.outcome(step.claim.step.0).await;
        at_work.drained().await;
        outcome
    }
}

pub(crate) fn message(outcome: Outcome) -> (FailReason, String) {
    match outcome {
        Outcome::Failed(failed) => (failed.reason, failed.message),
        other => panic!("{other:?} is not a failure"),
    }
}
