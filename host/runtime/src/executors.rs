//! The executors of a worker: action -> plugin, and the native ones: `wasi.run`, `sqlite.query`, `sqlite.import`.
//!
//! Cheap until the first step: the rows of the embedded plugins are part of the program, and a plugin is loaded when
//! one of its actions is first performed.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use arc_swap::ArcSwap;
use pintle_core::plugin::Staged;
use pintle_plane::BoxFuture;
use pintle_plane::executor::{Executor, Failure, Fault, Performed, Task};
use pintle_plane::output::Sink;
use pintle_plane::stop::StopSignal;
use tokio::runtime::Handle;

use crate::embedded::Embedded;
use crate::error::{LoadError, LoadFault};
use crate::grants::{FilesGrant, Grants};
use crate::manifest::Manifest;
use crate::plugin::Plugin;
use crate::runtime::{Runtime, Settings};
use crate::sqlite::Sqlite;
use crate::wasi_run::WasiRun;

pub(crate) mod outcome;
mod perform;

/// What the operator gives.
#[derive(Debug, Clone)]
pub struct GrantPolicy {
    /// To the embedded first-party executors, as far as each wants it.
    pub first_party: Grants,
    /// Programs and directories that `wasi.run` may name; none: `wasi.run` is refused.
    pub wasi_run: Option<FilesGrant>,
    /// Databases and files that `sqlite.query` and `sqlite.import` may name; none: both are refused.
    pub sqlite: Option<FilesGrant>,
}

impl GrantPolicy {
    /// `pintle start`, `--allow-process`: the rights of the worker's user.
    #[must_use]
    pub fn trusted() -> Self {
        let files = || Some(FilesGrant::everything());
        Self { first_party: Grants::trusted_first_party(), wasi_run: files(), sqlite: files() }
    }

    /// `--sandbox`: nothing.
    #[must_use]
    pub fn sandbox() -> Self {
        Self { first_party: Grants::sandbox(), wasi_run: None, sqlite: None }
    }
}

type Actions = BTreeMap<String, Arc<Plugin>>;

/// Performs steps.
pub struct Executors {
    runtime: Arc<Runtime>,
    actions: ArcSwap<Actions>,
    adding: Mutex<()>,
    wasi_run: Arc<WasiRun>,
    sqlite: Arc<Sqlite>,
}

impl std::fmt::Debug for Executors {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Executors").field("actions", &self.actions.load().keys()).finish_non_exhaustive()
    }
}

impl Executors {
    /// Of the embedded plugins. Runs and loads nothing.
    pub fn new(settings: Settings, policy: &GrantPolicy, embedded: &[Embedded]) -> Result<Self, LoadError> {
        let sqlite = Arc::new(Sqlite::new(policy.sqlite.clone(), settings.guarded.clone()));
        let runtime = Runtime::new(settings);
        let wasi_run = Arc::new(WasiRun::new(Arc::clone(&runtime), policy.wasi_run.clone()));
        let executors = Self { runtime, actions: ArcSwap::default(), adding: Mutex::new(()), wasi_run, sqlite };
        for plugin in embedded {
            executors.add(&plugin.plugin(&executors.runtime, &policy.first_party)?)?;
        }
        Ok(executors)
    }

    /// Loads a plugin from a file's bytes and adds its actions.
    pub async fn load(
        &self,
        file: &str,
        bytes: Vec<u8>,
        manifest: &Manifest,
        grants: Grants,
    ) -> Result<Arc<Plugin>, LoadError> {
        let guests = self.runtime.engine.guests();
        let guests = guests.map_err(|error| LoadError::one(LoadFault::Host(error.to_string())))?.clone();
        let (runtime, manifest, file) = (Arc::clone(&self.runtime), manifest.clone(), file.to_owned());
        let loading = guests.spawn(async move { Plugin::load(&runtime, &file, bytes, &manifest, grants).await });
        let plugin = loading.await.map_err(|error| LoadError::one(LoadFault::Host(error.to_string())))??;
        self.add(&plugin)?;
        Ok(plugin)
    }

    /// Adds a plugin's actions. An action belongs to one plugin; a second claim changes nothing.
    pub fn add(&self, plugin: &Arc<Plugin>) -> Result<(), LoadError> {
        let _one = self.adding.lock().unwrap_or_else(PoisonError::into_inner);
        let mut actions = Actions::clone(&self.actions.load());
        let mut faults = Vec::new();
        for action in &plugin.staged().actions {
            if let Some(owner) = actions.get(&action.name) {
                faults.push(LoadFault::BadAction {
                    plugin: format!("{} {}", plugin.staged().name, plugin.staged().version),
                    action: action.name.clone(),
                    reason: format!("belongs to {} {}", owner.staged().name, owner.staged().version),
                });
            }
            actions.insert(action.name.clone(), Arc::clone(plugin));
        }
        if !faults.is_empty() {
            return Err(LoadError { faults });
        }
        self.actions.store(Arc::new(actions));
        Ok(())
    }

    /// The rows of all executors, the native ones too: what `pintle validate` checks actions against.
    #[must_use]
    pub fn staged(&self) -> Vec<Staged> {
        let mut rows: BTreeMap<String, Staged> = BTreeMap::new();
        for plugin in self.actions.load().values() {
            rows.entry(plugin.staged().name.clone()).or_insert_with(|| plugin.staged().clone());
        }
        rows.into_values().chain([crate::wasi_run::staged(), crate::sqlite::staged()]).collect()
    }

    /// The shared parts, for loading plugins without adding them.
    #[must_use]
    pub fn runtime(&self) -> &Arc<Runtime> {
        &self.runtime
    }

    /// The threads that guests run on: a step that runs there performs its guest in its own task. Starts them, if no
    /// guest has run yet.
    pub fn threads(&self) -> std::io::Result<tokio::runtime::Handle> {
        self.runtime.engine.guests().cloned()
    }

    fn find(&self, action: &str) -> Result<Performer, Failure> {
        if action == crate::wasi_run::ACTION {
            return Ok(Performer::WasiRun(Arc::clone(&self.wasi_run)));
        }
        if Sqlite::performs(action) {
            return Ok(Performer::Sqlite(Arc::clone(&self.sqlite)));
        }
        match self.actions.load().get(action) {
            Some(plugin) => Ok(Performer::Plugin(Arc::clone(plugin))),
            None => Err(outcome::failure(
                Fault::NotFound,
                format!("no plugin performs the action `{action}`; see: pintle plugin list"),
            )),
        }
    }
}

enum Performer {
    Plugin(Arc<Plugin>),
    WasiRun(Arc<WasiRun>),
    Sqlite(Arc<Sqlite>),
}

/// Ends the guest when its performance is given up.
struct AbortOnDrop(tokio::task::JoinHandle<Performed>);

impl Drop for AbortOnDrop {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl Executor for Executors {
    fn perform<'a>(&'a self, task: Task, sink: Arc<dyn Sink>, stop: Arc<dyn StopSignal>) -> BoxFuture<'a, Performed> {
        Box::pin(async move {
            let performer = match self.find(&task.action) {
                Ok(performer) => performer,
                Err(failure) => return Performed::Failed(failure),
            };
            let guests = match self.runtime.engine.guests() {
                Ok(guests) => guests,
                Err(error) => {
                    return Performed::Failed(outcome::failure(
                        Fault::Unavailable,
                        format!("no threads for guests: {error}"),
                    ));
                }
            };
            let performing = async move {
                match performer {
                    Performer::Plugin(plugin) => perform::perform(&plugin, task, sink, stop).await,
                    Performer::WasiRun(wasi_run) => wasi_run.perform(task, sink, stop).await,
                    Performer::Sqlite(sqlite) => sqlite.perform(task, sink, stop).await,
                }
            };
            if Handle::try_current().is_ok_and(|here| here.id() == guests.id()) {
                return performing.await;
            }
            let performing = guests.spawn(performing);
            let mut performing = AbortOnDrop(performing);
            (&mut performing.0).await.unwrap_or_else(|error| {
                let message = format!("the host failed while it ran the step: {error}");
                Performed::Failed(outcome::failure(Fault::UnknownOutcome, message))
            })
        })
    }
}
