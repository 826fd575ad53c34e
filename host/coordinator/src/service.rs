//! The coordinator: submit, resume, retry, stop, wait.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use pintle_core::ids::{Digest, NodeId, RunId, TenantId};
use pintle_core::plan::{Json, Plan, StepIndex, Template};
use pintle_core::run::command::{Refusal, StopCause, Submission};
use pintle_core::run::{Command, Effect, Run, RunStatus};
use pintle_core::time::Timestamp;
use pintle_plane::stop::Urgency;
use pintle_plane::worker::{ClaimId, Notice};
use pintle_spec::KnownActions;
use pintle_spec::bind::BoundParams;
use pintle_store::{CommitError, Store};
use sha2::{Digest as _, Sha256};
use tokio::sync::{Mutex as AsyncMutex, mpsc, watch};

use crate::commit::Batch;
use crate::context::{self, Context};
use crate::error::Error;
use crate::live::{Live, NewRow, Snapshot, Update, new_row};
use crate::plane::Notices;
use crate::timer::{Due, Timers};

/// A decision is made anew this often when other processes append first.
const CONTENTION: usize = 16;

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
    /// Seals what a run remembers of its submission.
    pub key: [u8; 32],
    /// Environment that steps start from: the process's own, filtered.
    pub env: Vec<(String, String)>,
    /// Captured output, output file and outputs of one step, in bytes.
    pub max_output: usize,
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
    /// 24 random bytes that were never used before.
    pub nonce: [u8; 24],
}

/// Drives runs. Cheap to make; spawns nothing by itself.
pub struct Coordinator {
    pub(crate) options: Options,
    pub(crate) store: Arc<dyn Store>,
    pub(crate) actions: Arc<dyn KnownActions + Send + Sync>,
    pub(crate) timers: Timers,
    pub(crate) notices: Notices,
    pub(crate) ending: watch::Sender<bool>,
    runs: Mutex<HashMap<RunId, Arc<AsyncMutex<Live>>>>,
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
            ending: watch::channel(false).0,
            runs: Mutex::default(),
        })
    }

    /// Ends [`Coordinator::run_duties`] and every waiting [`pintle_plane::worker::WorkerPlane::notice`].
    pub fn shutdown(&self) {
        self.ending.send_replace(true);
        self.notices.send_all(&Notice::Drain);
    }

    /// Accepts a run and starts it. When this returns, the run is durable (I-1). May be repeated: the second time it
    /// answers [`Error::IdTaken`].
    pub async fn submit(&self, submit: Submit) -> Result<(), Error> {
        let plan = submit.plan.with_gate();
        let text = serde_json::to_string(&plan)
            .map_err(|error| Error::Plan { run: submit.run.clone(), reason: error.to_string() })?;
        let digest = Digest::from_bytes(Sha256::digest(text.as_bytes()).into());
        let context = Context { source: submit.source.clone(), dag_dir: submit.dag_dir, dotenv: submit.dotenv };
        let sealed = context::seal(&context, &submit.run, &self.options.key, submit.nonce)
            .map_err(|reason| Error::Context { run: submit.run.clone(), reason })?;
        let row = new_row(NewRow {
            run: &submit.run,
            tenant: &self.options.tenant,
            dag: &plan.name,
            params: Json(submit.params.to_json()),
            node: &self.options.node,
            pid: self.options.pid,
            at: self.now(),
            plan: digest.clone(),
            source: submit.source.map(|path| path.display().to_string()),
        });
        let run = Run::unborn(submit.run.clone(), Arc::new(plan));
        let mut live = Live::unborn(run, row, context);
        let mut batch = Batch::new(&mut live, self.now());
        let params = serde_json::to_string(&submit.params).map(Json);
        let params = params.map_err(|error| Error::Plan { run: submit.run.clone(), reason: error.to_string() })?;
        let submission = Submission { plan: digest.clone(), params, context: sealed };
        batch.command(Command::Submit(submission))?;
        batch.command(Command::Start)?;
        let done = batch.commit(&*self.store, &self.options.tenant, Some((digest, text))).await;
        let committed = done.map_err(|error| match error {
            CommitError::Store(error) => Error::Store(error),
            CommitError::DuplicateRun { run, .. }
            | CommitError::VersionConflict { run, .. }
            | CommitError::StaleFence { run, .. } => Error::IdTaken(run),
        })?;
        self.keep(live, &committed.effects);
        Ok(())
    }

    /// Goes on with a run that waits. After an interruption its parked steps stay parked, for nobody has looked at them;
    /// a run that waits for its parked steps runs them again. This process becomes its home. Refused while another
    /// process works on it.
    pub async fn resume(&self, run: &RunId) -> Result<(), Error> {
        self.take_over(run, |batch| {
            if batch.live.run.status() != RunStatus::Waiting {
                batch.command(Command::Interrupt)?;
            }
            batch.command(Command::Resume)
        })
        .await
    }

    /// Begins the next attempt of a finished run: everything that did not succeed and what is behind it, or the named
    /// steps (`downstream`: and what is behind them). A run that is not over is resumed.
    pub async fn retry(&self, run: &RunId, steps: &[StepIndex], downstream: bool) -> Result<(), Error> {
        self.take_over(run, |batch| {
            if !batch.live.run.status().is_terminal() {
                if batch.live.run.status() != RunStatus::Waiting {
                    batch.command(Command::Interrupt)?;
                }
                return batch.command(Command::Resume);
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
        for _ in 0..CONTENTION {
            let mut live = self.load(run).await?;
            let at_once = at_once || !self.home_lives(&live).await?;
            let mut batch = Batch::new(&mut live, self.now());
            batch.command(Command::Stop { cause: cause.clone(), at_once })?;
            match batch.commit(&*self.store, &self.options.tenant, None).await {
                Ok(_) => return Ok(()),
                Err(CommitError::Store(error)) => return Err(error.into()),
                Err(_) => {}
            }
        }
        Err(Error::Contended(run.clone()))
    }

    /// Resolves when the run is over or waits, with where it then stands. The run must be one of this home's.
    pub async fn settled(&self, run: &RunId) -> Result<RunStatus, Error> {
        let live = self.live(run).ok_or_else(|| Error::NoSuchRun(run.clone()))?;
        let mut status = live.lock().await.status.subscribe();
        let over = |status: &RunStatus| status.is_terminal() || *status == RunStatus::Waiting;
        let last = status.wait_for(over).await.map(|held| *held);
        last.map_err(|_| Error::NoSuchRun(run.clone()))
    }

    /// Begins to watch a run of this home.
    pub async fn updates(&self, run: &RunId) -> Result<(Snapshot, mpsc::UnboundedReceiver<Update>), Error> {
        let live = self.live(run).ok_or_else(|| Error::NoSuchRun(run.clone()))?;
        let mut live = live.lock().await;
        Ok(live.watch())
    }

    /// Records the interruption of runs whose process is gone, and names them. Cheap when there are none.
    pub async fn recover_dead(&self) -> Result<Vec<RunId>, Error> {
        let mut interrupted = Vec::new();
        for node in self.store.dead_with_open_runs().await? {
            for row in self.store.open_runs_of(Some(&node)).await? {
                if row.status != RunStatus::Waiting && self.interrupt(&row.id).await? {
                    interrupted.push(row.id);
                }
            }
        }
        Ok(interrupted)
    }

    async fn interrupt(&self, run: &RunId) -> Result<bool, Error> {
        let mut live = self.load(run).await?;
        let mut batch = Batch::new(&mut live, self.now());
        if batch.attempt(Command::Interrupt)?.is_err() {
            return Ok(false);
        }
        match batch.commit(&*self.store, &self.options.tenant, None).await {
            Ok(_) => Ok(true),
            Err(CommitError::Store(error)) => Err(error.into()),
            // Another process was as quick, and said the same.
            Err(_) => Ok(false),
        }
    }

    async fn take_over(&self, run: &RunId, decide: impl Fn(&mut Batch<'_>) -> Result<(), Error>) -> Result<(), Error> {
        for _ in 0..CONTENTION {
            let mut live = self.load(run).await?;
            let mine = live.row.home.as_ref() == Some(&self.options.node);
            if !live.run.status().is_terminal() && !mine && self.home_lives(&live).await? {
                return Err(Error::Owned { run: run.clone(), pid: live.row.pid.unwrap_or_default() });
            }
            live.row.home = Some(self.options.node.clone());
            live.row.pid = Some(self.options.pid);
            let mut batch = Batch::new(&mut live, self.now());
            decide(&mut batch)?;
            match batch.commit(&*self.store, &self.options.tenant, None).await {
                Ok(committed) => {
                    self.keep(live, &committed.effects);
                    return Ok(());
                }
                Err(CommitError::Store(error)) => return Err(error.into()),
                Err(_) => {}
            }
        }
        Err(Error::Contended(run.clone()))
    }

    async fn home_lives(&self, live: &Live) -> Result<bool, Error> {
        match &live.row.home {
            None => Ok(false),
            Some(node) if *node == self.options.node => Ok(true),
            Some(node) => Ok(self.store.is_alive(node).await?),
        }
    }

    async fn load(&self, run: &RunId) -> Result<Live, Error> {
        let stored = self.store.load(run).await?.ok_or_else(|| Error::NoSuchRun(run.clone()))?;
        Live::load(stored, &self.options.key)
    }

    /// The run becomes one of this home's, with its timers armed.
    fn keep(&self, live: Live, effects: &[Effect]) {
        for (index, state) in (0u32..).map(StepIndex).zip(&live.run.steps) {
            if let Some(due) = state.due {
                self.timers.arm(Due { at: due, run: live.run.id.clone(), step: Some(index) });
            }
        }
        if let (Some(started), Some(timeout)) = (live.run.head.started_at, live.run.plan.timeout) {
            self.timers.arm(Due { at: started.plus(timeout), run: live.run.id.clone(), step: None });
        }
        self.perform(&live, effects);
        self.notices.send_all(&Notice::Wake);
        let id = live.run.id.clone();
        let mut runs = self.runs.lock().unwrap_or_else(PoisonError::into_inner);
        runs.insert(id, Arc::new(AsyncMutex::new(live)));
    }

    /// A run of this home.
    pub(crate) fn live(&self, run: &RunId) -> Option<Arc<AsyncMutex<Live>>> {
        let runs = self.runs.lock().unwrap_or_else(PoisonError::into_inner);
        runs.get(run).cloned()
    }

    /// All runs of this home.
    pub(crate) fn all_live(&self) -> Vec<(RunId, Arc<AsyncMutex<Live>>)> {
        let runs = self.runs.lock().unwrap_or_else(PoisonError::into_inner);
        runs.iter().map(|(id, live)| (id.clone(), live.clone())).collect()
    }

    pub(crate) fn now(&self) -> Timestamp {
        pintle_store::Clock::now(&*self.store)
    }

    /// Decides one command on a live run until it is committed or refused.
    pub(crate) async fn drive(&self, live: &mut Live, command: &Command) -> Result<(), Error> {
        for _ in 0..CONTENTION {
            self.refresh(live).await?;
            let mut batch = Batch::new(live, self.now());
            batch.command(command.clone())?;
            match batch.commit(&*self.store, &self.options.tenant, None).await {
                Ok(committed) => {
                    self.perform(live, &committed.effects);
                    return Ok(());
                }
                Err(CommitError::Store(error)) => return Err(error.into()),
                Err(_) => {}
            }
        }
        Err(Error::Contended(live.run.id.clone()))
    }

    /// Loads a live run anew if its last commit failed.
    pub(crate) async fn refresh(&self, live: &mut Live) -> Result<(), Error> {
        if !live.stale {
            return Ok(());
        }
        let id = live.run.id.clone();
        let stored = self.store.load(&id).await?.ok_or(Error::NoSuchRun(id))?;
        let missed = live.reload(stored)?;
        live.announce(&missed);
        for event in &missed {
            self.perform(live, &pintle_core::run::effects(&live.run, event));
        }
        Ok(())
    }

    /// Does what an event asks for.
    pub(crate) fn perform(&self, live: &Live, effects: &[Effect]) {
        let run = &live.run.id;
        for effect in effects {
            match effect {
                Effect::Wake(_) => self.notices.send_all(&Notice::Wake),
                Effect::Stop { step, fence, at_once } => {
                    let claim = ClaimId { run: run.clone(), step: *step, fence: *fence };
                    let urgency = if *at_once { Urgency::AtOnce } else { Urgency::Gracefully };
                    self.notices.send_all(&Notice::Stop(claim, urgency));
                }
                Effect::StepTimer { step, due } => {
                    self.timers.arm(Due { at: *due, run: run.clone(), step: Some(*step) });
                }
                Effect::RunTimer { due } => {
                    self.timers.arm(Due { at: *due, run: run.clone(), step: None });
                }
                // The worker kills what is left of an old claim before it performs the next; a timer that is not
                // wanted any more is refused; whoever waits was told with the event.
                Effect::Recover { .. } | Effect::ClearTimers | Effect::Settled(_) => {}
            }
        }
    }

    /// Fires due timers and folds in what other processes did, until [`Coordinator::shutdown`].
    pub async fn run_duties(self: Arc<Self>) {
        let mut ending = self.ending.subscribe();
        let mut changes = crate::change::Watcher::new(&*self.store);
        loop {
            self.fire().await;
            let wait = self.next_look();
            tokio::select! {
                () = tokio::time::sleep(wait) => {}
                () = self.timers.earlier() => {}
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

    async fn fire(&self) {
        for due in self.timers.take_due(self.now()) {
            let Some(live) = self.live(&due.run) else { continue };
            let mut live = live.lock().await;
            let command = match due.step {
                Some(step) => Command::Due { step },
                None => Command::Stop { cause: StopCause::TimedOut, at_once: false },
            };
            match self.drive(&mut live, &command).await {
                Ok(()) => {}
                // Fired before, moved, or no longer wanted.
                Err(Error::Refused(Refusal::NotDue(_) | Refusal::WrongStepStatus { .. })) => {}
                Err(Error::Refused(Refusal::WrongRunStatus { .. } | Refusal::AlreadyStopping(_))) => {}
                Err(error) => {
                    tracing::warn!(run = %due.run, %error, "a timer could not be fired; it is tried again");
                    let later = self.now().plus(pintle_core::time::Span::from_secs(1));
                    self.timers.arm(Due { at: later, ..due });
                }
            }
        }
    }
}
