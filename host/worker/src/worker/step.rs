//! One step: from its assignment to what it settles as.

use std::fs;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use tokio::time::{Instant, sleep_until};

use pintle_core::run::command::{FailReason, Outcome};
use pintle_core::time::Span;
use pintle_plane::executor::{Limit, Performed, Task};
use pintle_plane::output::{Channel, Sink};
use pintle_plane::stop::{StopSignal, Urgency};
use pintle_plane::worker::{Assignment, Condition, Probe, Settled};

use super::Shared;
use super::log::Log;
use super::outcome::{self, Ended};
use super::place;
use super::printer::{Keeper, Printer};
use super::probe::{self, Verdict};
use super::stopper::Stopper;
use crate::claims;
use crate::limits;

/// Between the end of a step's time here and where it is performed, at most: it is told in whole milliseconds.
const CLOCKS_DIFFER: std::time::Duration = std::time::Duration::from_millis(2);
/// Action that probes are performed by.
const RUN: &str = "run";
/// Variable that names the run's own directory.
const RUN_DIR: &str = "DAG_RUN_WORK_DIR";

/// A step at work.
pub(super) struct Step {
    shared: Arc<Shared>,
    pub(super) assignment: Assignment,
    stop: Arc<Stopper>,
    log: Arc<Log>,
    claim: String,
    pub(super) output_file: PathBuf,
    env: Vec<(String, String)>,
    deadline: Option<Instant>,
}

/// What a step's own steps end with early.
pub(super) type Early<T> = Result<T, Box<Outcome>>;

impl Step {
    pub(super) fn new(shared: Arc<Shared>, mut assignment: Assignment, stop: Arc<Stopper>, log: Arc<Log>) -> Self {
        let claim = assignment.claim.to_string();
        let output_file = assignment.claim.output_file(&shared.claims_dir);
        let mut env = std::mem::take(&mut assignment.env);
        add_env(&mut env, &shared, &assignment, &output_file);
        let spent = assignment.goes_on.as_ref().map_or(Span::ZERO, |on| on.spent);
        let left = |timeout: Span| Span(timeout.as_millis().saturating_sub(spent.as_millis())).as_duration();
        let deadline = assignment.timeout.and_then(|timeout| Instant::now().checked_add(left(timeout)));
        Self { shared, assignment, stop, log, claim, output_file, env, deadline }
    }

    /// Performs it; what of the log is not stored goes with the result.
    pub(super) async fn perform(self) -> Settled {
        let outcome = match self.work().await {
            Ok(outcome) => outcome,
            Err(early) => *early,
        };
        let tail = self.log.finish().await;
        if let Err(error) = claims::remove(&self.output_file) {
            tracing::warn!(claim = self.claim, %error, "an output file could not be removed");
        }
        Settled { claim: self.assignment.claim, outcome, log_bytes: self.log.lengths(), tail }
    }

    async fn work(&self) -> Early<Outcome> {
        self.go_on()?;
        self.prepare()?;
        if self.assignment.goes_on.is_none() {
            self.check_preconditions().await?;
        }
        let terminal = self.shared.observer.as_ref().and_then(|observer| observer.begins(&self.assignment));
        let printer = Printer::new(&self.assignment, Arc::clone(&self.log), terminal).map_err(|(path, error)| {
            outcome::fault(
                FailReason::NotStarted,
                format!("the file `{}`, where the step's output was to go, cannot be opened: {error}", path.display()),
            )
        })?;
        let printer = Arc::new(printer);
        let mut task = self.task(self.assignment.action.clone(), self.assignment.input_json.clone());
        task.token = self.assignment.goes_on.as_ref().map(|on| on.token.clone());
        let ended = self.perform_task(task, Arc::clone(&printer) as Arc<dyn Sink>).await;
        let mut finished = match outcome::of(ended) {
            Outcome::Finished(finished) => finished,
            other => return Ok(other),
        };
        self.read_outputs(&mut finished, &printer).await?;
        if let Some(probe) = &self.assignment.repeat_probe
            && matches!(finished.exit_code, None | Some(0))
        {
            finished.repeat_condition = Some(self.ask(probe).await?);
        }
        Ok(Outcome::Finished(finished))
    }

    /// Somebody may have wanted it to stop before it began.
    pub(super) fn go_on(&self) -> Early<()> {
        match self.stop.urgency() {
            Urgency::None => Ok(()),
            Urgency::Gracefully | Urgency::AtOnce => Err(Box::new(Outcome::Stopped { exit_code: None })),
        }
    }

    fn prepare(&self) -> Early<()> {
        let dir = &self.assignment.working_dir;
        // The run's own directory is named to every step, also to one that works elsewhere.
        let named = self.env.iter().find(|(name, _)| name == RUN_DIR).map(|(_, dir)| Path::new(dir));
        self.stay_within(named)?;
        if let Some(elsewhere) = named.filter(|named| named != dir) {
            self.find_or_make(elsewhere)?;
        }
        if let Some(artifacts) = &self.assignment.artifacts_dir {
            fs::create_dir_all(artifacts).map_err(|error| {
                let message = format!("the directory of artifacts `{}` cannot be made: {error}", artifacts.display());
                outcome::fault(FailReason::NotStarted, message)
            })?;
        }
        if !self.find_or_make(dir)? {
            let message =
                format!("the working directory `{}` does not exist; create it, or change `working_dir`", dir.display());
            return Err(Box::new(outcome::fault(FailReason::NotStarted, message)));
        }
        if !self.assignment.declared_outputs.is_empty() {
            fs::OpenOptions::new()
                .write(true)
                .create(true)
                .truncate(true)
                .mode(0o600)
                .open(&self.output_file)
                .map_err(|error| {
                    outcome::fault(FailReason::NotStarted, format!("the step's output file cannot be made: {error}"))
                })?;
        }
        Ok(())
    }

    /// Refuses what a confined worker does not write.
    fn stay_within(&self, named: Option<&Path>) -> Early<()> {
        let root = &self.shared.options.work_root;
        let own = named.and_then(Path::parent).filter(|own| own.starts_with(root)).unwrap_or(root);
        match place::outside(&self.assignment, own).filter(|_| self.shared.options.confined) {
            None => Ok(()),
            Some((field, place)) => Err(Box::new(outcome::fault(
                FailReason::Refused,
                format!(
                    "`{field}` of the step is to be written to `{}`, outside of the run's own directory, and --sandbox \
                     writes nothing there; leave out --sandbox, or name a file of the run's",
                    place.display()
                ),
            ))),
        }
    }

    /// True if the directory is there. A run's own is made.
    fn find_or_make(&self, dir: &Path) -> Early<bool> {
        if dir.is_dir() {
            return Ok(true);
        }
        if !place::is_beneath(dir, &self.shared.options.work_root) {
            return Ok(false);
        }
        let made = fs::create_dir_all(dir).map_err(|error| {
            let message = format!("the run's directory `{}` cannot be made: {error}", dir.display());
            outcome::fault(FailReason::NotStarted, message)
        });
        made.map(|()| true).map_err(Box::new)
    }

    async fn check_preconditions(&self) -> Early<()> {
        let mut verdict = Verdict::default();
        for condition in &self.assignment.preconditions {
            match condition {
                Condition::Known { text, met } => verdict.add(text, met.clone()),
                Condition::Probe(probe) => verdict.add(&probe.text, self.ask(probe).await?),
            }
        }
        verdict.outcome().map_or(Ok(()), |outcome| Err(Box::new(outcome)))
    }

    /// Runs a probe's command. What it prints is looked at, not logged.
    async fn ask(&self, probe: &Probe) -> Early<Result<bool, String>> {
        let keeper = Arc::new(Keeper::up_to(limits::PROBE_OUTPUT));
        let task = self.task(RUN.to_owned(), probe.input_json.clone());
        let ended = self.perform_task(task, Arc::clone(&keeper) as Arc<dyn Sink>).await;
        if let Some(timeout) = ended.timed_out {
            return Err(Box::new(outcome::timed_out(timeout)));
        }
        self.go_on()?;
        let kept = keeper.take();
        Ok(probe::holds(probe, ended.performed, &kept.bytes, kept.more))
    }

    /// Has the executor perform a task, and stops it when the step's time is over.
    pub(super) async fn perform_task(&self, task: Task, sink: Arc<dyn Sink>) -> Ended {
        let stop = Arc::new(StepStop { step: Arc::clone(&self.stop), time: Stopper::default() });
        let mut action = self.shared.executor.perform(task, sink, Arc::clone(&stop) as Arc<dyn StopSignal>);
        let mut log = std::pin::pin!(self.log.watch());
        let mut timed_out = None;
        let performed: Performed = loop {
            tokio::select! {
                biased;
                performed = &mut action => {
                    // Whoever performs it has a clock of its own, which may be a moment ahead.
                    if timed_out.is_none() && self.used_up(&performed) {
                        timed_out = self.assignment.timeout;
                    }
                    break performed;
                }
                () = &mut log => {}
                () = until(self.deadline), if timed_out.is_none() => {
                    timed_out = self.assignment.timeout;
                    stop.time.raise(Urgency::Gracefully);
                }
            }
        };
        Ended { performed, timed_out, stop: self.stop.urgency() }
    }

    /// It was ended because its time was over, and that was the step's time.
    fn used_up(&self, performed: &Performed) -> bool {
        let Performed::Failed(failure) = performed else { return false };
        let soon = Instant::now() + CLOCKS_DIFFER;
        failure.limit == Some(Limit::Wall) && self.deadline.is_some_and(|deadline| deadline <= soon)
    }

    pub(super) fn task(&self, action: String, input_json: String) -> Task {
        let assignment = &self.assignment;
        Task {
            tenant: assignment.tenant.clone(),
            run: assignment.claim.run.clone(),
            step: assignment.step_name.clone(),
            attempt: assignment.attempt,
            fence: assignment.claim.fence,
            operation_key: assignment.operation_key.clone(),
            dry_run: self.shared.options.dry_run,
            action,
            input_json,
            env: self.env.clone(),
            working_dir: assignment.working_dir.clone(),
            remaining: self.deadline.map(|deadline| {
                let left = deadline.saturating_duration_since(Instant::now());
                Span(u64::try_from(left.as_millis()).unwrap_or(u64::MAX))
            }),
            claim: self.claim.clone(),
            losses: assignment.losses,
            token: None,
        }
    }
}

/// A step is stopped by somebody else or by its time; an executor sees the more urgent of the two.
#[derive(Debug)]
struct StepStop {
    step: Arc<Stopper>,
    time: Stopper,
}

impl StopSignal for StepStop {
    fn urgency(&self) -> Urgency {
        self.step.urgency().max(self.time.urgency())
    }

    fn reached(&self, level: Urgency) -> pintle_plane::BoxFuture<'_, ()> {
        let (step, time) = (self.step.reached(level), self.time.reached(level));
        Box::pin(async move {
            tokio::select! { () = step => {}, () = time => {} }
        })
    }
}

/// The paths that only this worker knows; what the plan set under these names is replaced.
fn add_env(env: &mut Vec<(String, String)>, shared: &Shared, assignment: &Assignment, output_file: &std::path::Path) {
    let mut set = |name: &str, value: String| {
        env.retain(|(known, _)| known != name);
        env.push((name.to_owned(), value));
    };
    for name in ["PINTLE_OUTPUT_FILE", "DAGU_OUTPUT_FILE"] {
        set(name, output_file.to_string_lossy().into_owned());
    }
    if let Some(log_file) = shared.options.log_file {
        for (name, channel) in
            [("DAG_RUN_STEP_STDOUT_FILE", Channel::Stdout), ("DAG_RUN_STEP_STDERR_FILE", Channel::Stderr)]
        {
            let path = log_file(&shared.options.data_dir, &assignment.claim, channel);
            set(name, path.to_string_lossy().into_owned());
        }
    }
    set("PINTLE_ATTEMPT", assignment.attempt.to_string());
    set("PINTLE_OPERATION_KEY", assignment.operation_key.clone());
    if assignment.losses > 0 {
        set("PINTLE_LOSSES", assignment.losses.to_string());
    }
}

async fn until(deadline: Option<Instant>) {
    match deadline {
        Some(deadline) => sleep_until(deadline).await,
        None => std::future::pending().await,
    }
}
