//! The coordinator: submit, enqueue, resume, retry, stop, wait.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use pintle_core::ids::{NodeId, RunId, TenantId};
use pintle_core::plan::{Plan, StepIndex, Template};
use pintle_core::run::command::{StopCause, Submission};
use pintle_core::run::{Command, RunStatus};
use pintle_core::time::Timestamp;
use pintle_plane::worker::Notice;
use pintle_spec::KnownActions;
use pintle_spec::bind::BoundParams;
use pintle_store::{CommitError, RunRow, Store};
use tokio::sync::{Mutex as AsyncMutex, mpsc, watch};

use crate::begin::{Beginning, Pinned};
use crate::children::Tending;
use crate::commit::Batch;
use crate::compute::{Compute, Computed};
use crate::context::{Context, SubDag};
use crate::error::Error;
use crate::live::{Live, Snapshot, Update};
use crate::plane::Notices;
use crate::timer::Timers;

/// What a coordinator is made with.
#[derive(Debug, Clone)]
pub struct Options {
    /// Whose runs.
    pub tenant: TenantId,
    /// This process on its data directory; home of the runs that it submits or takes over.
    pub node: NodeId,
    /// To name this process to people.
    pub pid: u32,
    /// Runs' directories are below it.
    pub data_dir: PathBuf,
    /// Files of claims, where worker and coordinator share a machine.
    pub claims_dir: PathBuf,
    /// Seals what a run remembers of its submission.
    pub key: [u8; 32],
    /// Environment that steps start from: the process's own, filtered.
    pub env: Vec<(String, String)>,
    /// Captured output, output file and outputs of one step, in bytes.
    pub max_output: usize,
    /// Computes parameters of DAGs that steps run.
    pub compute: Arc<dyn Compute>,
}

/// A run to be started.
#[derive(Debug, Clone)]
pub struct Submit {
    /// Its id, made by the caller.
    pub run: RunId,
    /// What it runs.
    pub plan: Plan,
    /// Bound parameters.
    pub params: BoundParams,
    /// The DAG file, if there is one.
    pub source: Option<PathBuf>,
    /// Where relative paths of the DAG start.
    pub dag_dir: PathBuf,
    /// What the dotenv files said.
    pub dotenv: Vec<(String, Template)>,
    /// Where the DAGs come from that the plan brings along.
    pub dags: Vec<SubDag>,
    /// Who wants it, for people; none: nobody said.
    pub actor: Option<String>,
    /// 24 random bytes that were never used before.
    pub nonce: [u8; 24],
}

/// What became of a submission.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Accepted {
    /// It is a new run: it has started, or it stands in the queue.
    New,
    /// The same was submitted before under the same id (decision 17): nothing was done.
    Before,
}

/// Drives runs. Cheap to make; spawns nothing by itself.
pub struct Coordinator {
    pub(crate) options: Options,
    pub(crate) store: Arc<dyn Store>,
    pub(crate) actions: Arc<dyn KnownActions + Send + Sync>,
    pub(crate) timers: Timers,
    pub(crate) notices: Notices,
    pub(crate) tending: Arc<Tending>,
    pub(crate) computed: Arc<Computed>,
    pub(crate) ending: watch::Sender<bool>,
    pub(crate) runs: Mutex<HashMap<RunId, Arc<AsyncMutex<Live>>>>,
}

impl std::fmt::Debug for Coordinator {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Coordinator").field("node", &self.options.node).finish_non_exhaustive()
    }
}

impl Coordinator {
    /// A coordinator over `store`; `actions` are the rows of the plugins that its workers have. Spawn
    /// [`Coordinator::run_duties`] beside it.
    #[must_use]
    pub fn new(options: Options, store: Arc<dyn Store>, actions: Arc<dyn KnownActions + Send + Sync>) -> Arc<Self> {
        Arc::new(Self {
            options,
            store,
            actions,
            timers: Timers::default(),
            notices: Notices::default(),
            tending: Arc::default(),
            computed: Arc::default(),
            ending: watch::channel(false).0,
            runs: Mutex::default(),
        })
    }

    /// Ends [`Coordinator::run_duties`] and every waiting [`pintle_plane::worker::WorkerPlane::notice`].
    pub fn shutdown(&self) {
        self.ending.send_replace(true);
        self.notices.send_all(&Notice::Drain);
    }

    /// Accepts a run and starts it. When this returns, the run is durable (I-1). May be repeated: the same plan with the
    /// same parameters is accepted once, and [`Accepted::Before`] the second time; anything else under an id that is
    /// taken is [`Error::IdTaken`].
    pub async fn submit(&self, submit: Submit) -> Result<Accepted, Error> {
        let (mut live, submission, pinned) = self.submitted(submit)?;
        match self.begin(&mut live, submission, pinned).await? {
            Ok(committed) => {
                self.keep(live, &committed.effects);
                Ok(Accepted::New)
            }
            Err(error) => self.accepted_before(&live, error).await,
        }
    }

    /// Accepts a run and leaves it in the queue, where it belongs to no process: see [`Coordinator::queue`]. When this
    /// returns, the run is durable (I-1). May be repeated, as [`Coordinator::submit`].
    pub async fn enqueue(&self, submit: Submit) -> Result<Accepted, Error> {
        let (mut live, submission, pinned) = self.submitted(submit)?;
        match self.queue_up(&mut live, submission, pinned).await? {
            Ok(_) => Ok(Accepted::New),
            Err(error) => self.accepted_before(&live, error).await,
        }
    }

    /// What is queued, in the order in which it came. [`Coordinator::resume`] takes a run over and starts it; of two
    /// processes that ask for the same run one gets it, and the other is told [`Error::Owned`].
    pub async fn queue(&self) -> Result<Vec<RunRow>, Error> {
        let mut queued = self.store.open_runs_of(None).await?;
        queued.retain(|row| row.status == RunStatus::Queued);
        queued.sort_by(|a, b| (a.submitted_at, a.id.as_str()).cmp(&(b.submitted_at, b.id.as_str())));
        Ok(queued)
    }

    fn submitted(&self, submit: Submit) -> Result<(Live, Submission, Pinned), Error> {
        let dag = submit.plan.name.clone();
        let pinned = Pinned::new(submit.plan)
            .map_err(|error| Error::Plan { run: submit.run.clone(), reason: error.to_string() })?;
        let context = Context {
            source: submit.source,
            dag_dir: submit.dag_dir,
            dotenv: submit.dotenv,
            dags: submit.dags,
            actor: submit.actor,
            child: None,
        };
        let (run, params, nonce) = (submit.run, submit.params, submit.nonce);
        let (live, submission) = self.unborn(Beginning { run, dag, pinned: pinned.clone(), params, context, nonce })?;
        Ok((live, submission, pinned))
    }

    /// The store did not take a submission: was it there before?
    async fn accepted_before(&self, live: &Live, error: CommitError) -> Result<Accepted, Error> {
        match error {
            CommitError::Store(error) => Err(Error::Store(error)),
            CommitError::DuplicateRun { run, .. }
            | CommitError::VersionConflict { run, .. }
            | CommitError::StaleFence { run, .. } => {
                let row = self.store.row(&run).await?;
                let same = row.is_some_and(|row| row.plan == live.row.plan && row.params == live.row.params);
                if same { Ok(Accepted::Before) } else { Err(Error::IdTaken(run)) }
            }
        }
    }

    /// Goes on with a run that waits, or begins one that is queued. After an interruption its parked steps stay parked, for nobody has looked at them;
    /// a run that waits for its parked steps runs them again. This process becomes its home. Refused while another
    /// process works on it.
    pub async fn resume(&self, run: &RunId) -> Result<(), Error> {
        self.take_over(run, go_on).await
    }

    /// Begins the next attempt of a finished run: everything that did not succeed and what is behind it, or the named
    /// steps (`downstream`: and what is behind them). A run that is not over is resumed.
    pub async fn retry(&self, run: &RunId, steps: &[StepIndex], downstream: bool) -> Result<(), Error> {
        self.take_over(run, |batch| {
            if !batch.live.run.status().is_terminal() {
                return go_on(batch);
            }
            batch.command(Command::Retry { steps: steps.to_vec(), downstream })?;
            batch.command(Command::Start)
        })
        .await
    }

    /// Stops a run, whoever runs it. A run whose process is gone is over at once; the home of any other sees the stop
    /// within milliseconds.
    pub async fn stop(&self, run: &RunId, cause: StopCause, at_once: bool) -> Result<(), Error> {
        if let Some(live) = self.live(run) {
            let mut live = live.lock().await;
            return self.drive(&mut live, &Command::Stop { cause, at_once }).await;
        }
        let mut live = self.load(run).await?;
        let decided = self.commit(&mut live, |batch| {
            let at_once = at_once || !batch.home_lives;
            batch.command(Command::Stop { cause: cause.clone(), at_once })
        });
        // What a stop asks for is performed by the run's home, which reads the event; where it is gone, here.
        decided.await?;
        if self.home_lives(&live).await? { Ok(()) } else { self.stop_orphans(&mut live, cause).await }
    }

    /// Stops a run whose process is gone, as one of this home's: its handlers run here, and its steps are over. Refused
    /// while another process works on it.
    pub async fn stop_here(&self, run: &RunId, cause: StopCause) -> Result<(), Error> {
        self.take_over(run, |batch| batch.command(Command::Stop { cause: cause.clone(), at_once: false })).await
    }

    /// Resolves when the run is over or waits, with where it then stands. The run must be one of this home's.
    pub async fn settled(&self, run: &RunId) -> Result<RunStatus, Error> {
        let live = self.live(run).ok_or_else(|| Error::NoSuchRun(run.clone()))?;
        let mut status = live.lock().await.status.subscribe();
        let over = |status: &RunStatus| status.is_terminal() || *status == RunStatus::Waiting;
        let last = status.wait_for(over).await.map(|held| *held);
        last.map_err(|_| Error::NoSuchRun(run.clone()))
    }

    /// Where a run of this home stands.
    pub async fn standing(&self, run: &RunId) -> Result<RunStatus, Error> {
        let live = self.live(run).ok_or_else(|| Error::NoSuchRun(run.clone()))?;
        let live = live.lock().await;
        Ok(live.run.status())
    }

    /// Takes back a [`Coordinator::shutdown`] whose duties and workers have ended: others may be begun.
    pub fn reopen(&self) {
        self.ending.send_replace(false);
        self.notices.clear();
    }

    /// Begins to watch a run of this home.
    pub async fn updates(&self, run: &RunId) -> Result<(Snapshot, mpsc::UnboundedReceiver<Update>), Error> {
        let live = self.live(run).ok_or_else(|| Error::NoSuchRun(run.clone()))?;
        let mut live = live.lock().await;
        Ok(live.watch())
    }

    /// Fires due timers and folds in what other processes did, until [`Coordinator::shutdown`].
    pub async fn run_duties(self: Arc<Self>) {
        let mut ending = self.ending.subscribe();
        let mut changes = crate::change::Watcher::new(&*self.store);
        loop {
            self.fire().await;
            self.tend().await;
            let wait = self.next_look();
            tokio::select! {
                () = tokio::time::sleep(wait) => {}
                () = self.timers.earlier() => {}
                () = self.tending.woken() => {}
                _ = ending.wait_for(|ending| *ending) => return,
            }
            if changes.changed(&*self.store) {
                self.fold_changes().await;
            }
        }
    }

    fn next_look(&self) -> std::time::Duration {
        let look = crate::change::interval(!self.all_live().is_empty());
        let due = self.timers.next().map(|due| due.micros_since(self.now()));
        due.map_or(look, |micros| look.min(std::time::Duration::from_micros(micros)))
    }

    pub(crate) fn now(&self) -> Timestamp {
        pintle_store::Clock::now(&*self.store)
    }
}

/// A run that is not over goes on in this process.
fn go_on(batch: &mut Batch<'_>) -> Result<(), Error> {
    match batch.live.run.status() {
        RunStatus::Queued => return batch.command(Command::Start),
        RunStatus::Waiting => {}
        RunStatus::Running
        | RunStatus::Succeeded
        | RunStatus::PartiallySucceeded
        | RunStatus::Failed
        | RunStatus::Aborted
        | RunStatus::Rejected => batch.command(Command::Interrupt)?,
    }
    batch.command(Command::Resume)
}
