//! Where the parts meet: store, coordinator, runtime and worker in one process. No other file makes one of them.

mod kv;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, bail};
use pintle_coordinator::{Coordinator, Options};
use pintle_core::ids::{NodeId, RunId, TenantId, WorkerId};
use pintle_core::plugin::Staged;
use pintle_core::time::Timestamp;
use pintle_plane::output::Channel;
use pintle_plane::stop::Urgency;
use pintle_plane::worker::ClaimId;
use pintle_runtime::{Compiler, Embedded, Executors, GrantPolicy, Settings as RuntimeSettings};
use pintle_store::{Clock as _, LogName, Nodes as _, Runs as _};
use pintle_store_sqlite::{Layout, Mode, Sqlite};
use pintle_worker::{CoreActions, Handle, Launcher, ReaperCommand, Worker};
use tokio::task::JoinHandle;

use crate::dag::Shell;
use crate::embedded::{self, EMBEDDED};
use crate::feed::{Feed, Watch};
use crate::home;
use crate::render::scene::Scene;
use crate::settings::{Durability, Limits, Settings};

/// How long steps may take to end when a process ends without having seen them to their end.
const LAST_GRACE: Duration = Duration::from_secs(10);

/// How long killed steps may take to be gone.
const KILLED: Duration = Duration::from_secs(2);

/// Store and coordinator: what every command about runs needs.
pub(crate) struct House {
    pub(crate) store: Sqlite,
    pub(crate) coordinator: Arc<Coordinator>,
    /// What steps are given of this process's environment.
    pub(crate) env: Vec<(String, String)>,
    node: NodeId,
    home: PathBuf,
}

impl House {
    /// Opens the data directory, and makes it where there is none.
    pub(crate) fn open(settings: &Settings, known: Vec<Staged>) -> anyhow::Result<Self> {
        let mode = match settings.durability {
            Durability::Power => Mode::Power,
            Durability::Process => Mode::Process,
        };
        let store = Sqlite::open(pintle_store_sqlite::Options::new(&settings.home).mode(mode).alone())?;
        let node = home::node()?;
        let env = env(settings);
        let options = Options {
            tenant: TenantId::default_tenant(),
            node: node.clone(),
            pid: std::process::id(),
            data_dir: settings.home.clone(),
            claims_dir: store.layout().claims(),
            key: home::key(&settings.home)?,
            env: env.clone(),
            max_output: settings.max_output,
            compute: Arc::new(Shell { env: env.clone(), sandbox: settings.sandbox }),
        };
        let coordinator = Coordinator::new(options, Arc::new(store.clone()), Arc::new(known));
        Ok(Self { store, coordinator, env, node, home: settings.home.clone() })
    }

    /// Declares this process alive: needed before it becomes the home of a run.
    pub(crate) async fn move_in(&self) -> anyhow::Result<()> {
        let registered = self.store.register(&self.node).await?;
        anyhow::ensure!(registered, "another process lives under the fresh node id {}; try again", self.node);
        Ok(())
    }

    /// Store time.
    pub(crate) fn now(&self) -> Timestamp {
        self.store.now()
    }

    /// Where things lie.
    pub(crate) fn layout(&self) -> &Layout {
        self.store.layout()
    }

    /// Hires who performs the steps. They begin with [`Crew::begin`]: what can fail is done before a run is accepted.
    pub(crate) fn hire(&self, settings: &Settings) -> anyhow::Result<Crew> {
        let feed = Arc::new(Feed::default());
        let executors = executors(settings, Some(Arc::new(kv::StoreKv::new(self.store.clone()))))?;
        let options = pintle_worker::Options {
            worker: WorkerId::new(self.node.as_str())?,
            slots: settings.slots,
            data_dir: self.home.clone(),
            work_root: self.home.join("runs"),
            log_file: Some(log_file),
            confined: settings.sandbox,
            dry_run: false,
            threads: Some(executors.threads().context("no threads can be started: see `ulimit -u`")?),
            patience: pintle_worker::DRAIN_PATIENCE,
        };
        let watch = Arc::new(Watch(feed.clone()));
        let executor = CoreActions::before(Arc::new(executors));
        let (worker, handle) = Worker::new(options, self.coordinator.clone(), Arc::new(executor), Some(watch))?;
        Ok(Crew { handle, hired: Some(worker), worker: None, duties: None, feed })
    }

    /// A stored run as a scene.
    pub(crate) async fn scene(&self, run: &RunId) -> anyhow::Result<Scene> {
        let Some(stored) = self.store.load(run).await? else { bail!("run {run} is not in the store any more") };
        Ok(Scene::of(pintle_coordinator::live::view(&stored)?))
    }

    /// Records runs whose process is gone, so that they are seen as what they are, and names them.
    pub(crate) async fn recover_dead(&self) -> anyhow::Result<Vec<RunId>> {
        let interrupted = self.coordinator.recover_dead().await?;
        for run in &interrupted {
            tracing::info!(%run, "its process is gone");
        }
        Ok(interrupted)
    }
}

/// Who performs the steps: the worker's task, and the coordinator's.
pub(crate) struct Crew {
    /// What the steps print.
    pub(crate) feed: Arc<Feed>,
    handle: Handle,
    hired: Option<Worker>,
    worker: Option<JoinHandle<Result<(), pintle_worker::Error>>>,
    duties: Option<JoinHandle<()>>,
}

impl Crew {
    /// Sets them to work. A second time nothing happens.
    pub(crate) fn begin(&mut self, house: &House) {
        if let Some(worker) = self.hired.take() {
            self.worker = Some(tokio::spawn(worker.run()));
            self.duties = Some(tokio::spawn(house.coordinator.clone().run_duties()));
        }
    }

    /// Resolves when the worker ended although nobody sent it home: why. Without it nothing goes on.
    pub(crate) async fn broken(&mut self) -> anyhow::Error {
        let Some(worker) = &mut self.worker else { return std::future::pending().await };
        let ended = worker.await;
        self.worker = None;
        match ended {
            Ok(Ok(())) => anyhow::anyhow!("the worker went home before the run was over; please report this"),
            Ok(Err(error)) => error.into(),
            Err(error) => anyhow::Error::new(error).context("the worker failed; please report this"),
        }
    }

    /// Kills what the steps run and lets go of the worker: nobody is told of it any more.
    pub(crate) async fn abandon(&mut self) {
        self.handle.stop(Urgency::AtOnce);
        let Some(mut worker) = self.worker.take() else { return };
        if tokio::time::timeout(KILLED, &mut worker).await.is_err() {
            worker.abort();
        }
    }

    /// Sends them home: first the worker, which reports what it still has, then the coordinator.
    pub(crate) async fn dismiss(self, house: &House) {
        self.handle.stop(Urgency::AtOnce);
        if let Some(worker) = self.worker {
            match tokio::time::timeout(LAST_GRACE, worker).await {
                Ok(Ok(Ok(()))) => {}
                Ok(Ok(Err(error))) => tracing::warn!(%error, "the worker ended badly"),
                Ok(Err(error)) => tracing::error!(%error, "the worker failed; please report this"),
                Err(_) => tracing::warn!("the worker did not end in time; its steps count as lost"),
            }
        }
        house.coordinator.shutdown();
        let Some(duties) = self.duties else { return };
        if let Err(error) = duties.await {
            tracing::error!(%error, "the coordinator failed; please report this");
        }
    }
}

/// The executors alone: nothing is loaded before the first step.
pub(crate) fn executors(settings: &Settings, kv: Option<Arc<dyn pintle_runtime::Kv>>) -> anyhow::Result<Executors> {
    let launcher = Arc::new(Launcher::new(&settings.home, ReaperCommand::default())?);
    let compiler = Compiler::child(PathBuf::from("/proc/self/exe"));
    let mut runtime = RuntimeSettings::below(&settings.home, compiler, launcher);
    runtime.kv = kv;
    runtime.guarded = vec![Layout::new(&settings.home).database()];
    let policy = if settings.sandbox { GrantPolicy::sandbox() } else { GrantPolicy::trusted() };
    if settings.plugins.is_empty() {
        return Ok(Executors::new(runtime, &policy, EMBEDDED)?);
    }
    let limited = limited(settings)?;
    runtime.max_memory_mib = limited
        .iter()
        .filter_map(|plugin| Some(plugin.staged().ok()?.limits.memory_mib))
        .chain([runtime.max_memory_mib])
        .max()
        .unwrap_or(runtime.max_memory_mib);
    Ok(Executors::new(runtime, &policy, &limited)?)
}

/// The embedded plugins with the limits that the operator set. An embedded row lives as long as the program; so does
/// the changed one, of which there is one per plugin.
fn limited(settings: &Settings) -> anyhow::Result<Vec<Embedded>> {
    let rows = embedded::staged()?;
    if let Some(unknown) = settings.plugins.keys().find(|name| rows.iter().all(|row| row.name != **name)) {
        let names: Vec<&str> = rows.iter().map(|row| row.name.as_str()).collect();
        anyhow::bail!("settings: there is no plugin `{unknown}`; those there are: {}", names.join(", "));
    }
    let change = |(plugin, mut row): (&Embedded, Staged)| -> anyhow::Result<Embedded> {
        let Some(limits) = settings.plugins.get(&row.name) else { return Ok(*plugin) };
        set(&mut row, *limits);
        let json = serde_json::to_string(&row).context("a plugin's row cannot be written")?;
        Ok(Embedded { staged_json: Box::leak(json.into_boxed_str()), ..*plugin })
    };
    EMBEDDED.iter().zip(rows).map(change).collect()
}

fn set(row: &mut Staged, limits: Limits) {
    let own = &mut row.limits;
    let pairs = [
        (&mut own.memory_mib, limits.memory_mib),
        (&mut own.cpu_ms, limits.cpu_ms),
        (&mut own.wall_ms, limits.wall_ms),
        (&mut own.log_kib, limits.log_kib),
        (&mut own.output_kib, limits.output_kib),
    ];
    for (own, limit) in pairs {
        *own = limit.unwrap_or(*own);
    }
}

/// The environment of steps, with the shell that the settings name.
fn env(settings: &Settings) -> Vec<(String, String)> {
    const SHELL: &str = "PINTLE_DEFAULT_SHELL";
    let mut env = home::passed_env(std::env::vars_os());
    if let Some(shell) = &settings.default_shell {
        env.retain(|(name, _)| name != SHELL);
        env.push((SHELL.to_owned(), shell.clone()));
    }
    env
}

/// Where a claim's log can be read as a file.
fn log_file(data_dir: &Path, claim: &ClaimId, channel: Channel) -> PathBuf {
    let log = LogName { run: claim.run.clone(), step: claim.step, fence: claim.fence, channel };
    Layout::new(data_dir).log(&log)
}
