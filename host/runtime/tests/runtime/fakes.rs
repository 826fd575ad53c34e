//! What the host's neighbours would give: a sink, a stop signal, programs.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use pintle_core::counter::{Attempt, Fence};
use pintle_core::ids::{RunId, TenantId};
use pintle_core::time::Span;
use pintle_plane::BoxFuture;
use pintle_plane::executor::{Executor, Failure, Performed, Task};
use pintle_plane::output::{Channel, Sink};
use pintle_plane::process::{ProcessError, ProcessExit, ProcessSpec, Processes};
use pintle_plane::stop::{StopSignal, Urgency};
use pintle_runtime::{Compiler, Executors, GrantPolicy, Grants, LoadError, Settings};
use tokio::sync::watch;

use crate::guest::{Guest, manifest};

/// Waits for a value, and not for ever.
async fn reached<T: std::fmt::Debug>(value: &watch::Sender<T>, enough: impl FnMut(&T) -> bool) {
    let mut changes = value.subscribe();
    let waited = tokio::time::timeout(Duration::from_secs(20), changes.wait_for(enough)).await.is_ok();
    assert!(waited, "it stays at {:?}", *value.borrow());
}

/// Keeps what was printed.
#[derive(Default)]
pub(crate) struct Kept(watch::Sender<Vec<u8>>);

impl Kept {
    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.0.borrow()).into_owned()
    }

    pub(crate) fn len(&self) -> usize {
        self.0.borrow().len()
    }

    /// Resolves once so many bytes were printed.
    pub(crate) async fn written(&self, bytes: usize) {
        reached(&self.0, |kept| kept.len() >= bytes).await;
    }
}

impl Sink for Kept {
    fn write(&self, _: Channel, bytes: &[u8]) {
        self.0.send_modify(|kept| kept.extend_from_slice(bytes));
    }
}

/// A stop signal that a test raises.
pub(crate) struct Stop(watch::Sender<Urgency>);

impl Default for Stop {
    fn default() -> Self {
        Self(watch::channel(Urgency::None).0)
    }
}

impl Stop {
    pub(crate) fn raise(&self, urgency: Urgency) {
        self.0.send_replace(urgency);
    }
}

impl StopSignal for Stop {
    fn urgency(&self) -> Urgency {
        *self.0.borrow()
    }

    fn reached(&self, level: Urgency) -> BoxFuture<'_, ()> {
        let mut changes = self.0.subscribe();
        Box::pin(async move {
            changes.wait_for(|urgency| *urgency >= level).await.unwrap();
        })
    }
}

/// Programs that answer at once, or never until they are stopped, or never.
#[derive(Default)]
pub(crate) struct Programs {
    endless: bool,
    deaf: bool,
    pub(crate) started: Mutex<Vec<ProcessSpec>>,
    running: watch::Sender<usize>,
}

impl Programs {
    /// Those that end when they are stopped.
    pub(crate) fn endless() -> Self {
        Self { endless: true, ..Self::default() }
    }

    /// Those that do not even end then.
    pub(crate) fn deaf() -> Self {
        Self { deaf: true, ..Self::default() }
    }

    /// Resolves once so many have been started and not ended.
    pub(crate) async fn running(&self, count: usize) {
        reached(&self.running, |running| *running >= count).await;
    }
}

impl Processes for Programs {
    fn run<'a>(
        &'a self,
        spec: ProcessSpec,
        _: Arc<dyn Sink>,
        stop: Arc<dyn StopSignal>,
    ) -> BoxFuture<'a, Result<ProcessExit, ProcessError>> {
        Box::pin(async move {
            if spec.program == "missing" {
                return Err(ProcessError::NotFound { program: spec.program });
            }
            self.started.lock().unwrap().push(spec);
            self.running.send_modify(|running| *running += 1);
            if self.deaf {
                std::future::pending::<()>().await;
            }
            if self.endless {
                stop.reached(Urgency::Gracefully).await;
                self.running.send_modify(|running| *running -= 1);
                return Ok(ProcessExit { code: Some(143), stopped: true, ..ProcessExit::default() });
            }
            self.running.send_modify(|running| *running -= 1);
            Ok(ProcessExit { code: Some(0), ..ProcessExit::default() })
        })
    }
}

/// A host with a data directory of its own.
pub(crate) struct Host {
    pub(crate) dir: tempfile::TempDir,
    pub(crate) executors: Executors,
    pub(crate) programs: Arc<Programs>,
    pub(crate) sink: Arc<Kept>,
    pub(crate) stop: Arc<Stop>,
}

impl Host {
    pub(crate) fn new() -> Self {
        Self::with(Programs::default(), Compiler::InProcess)
    }

    pub(crate) fn with(programs: Programs, compiler: Compiler) -> Self {
        Self::set(programs, compiler, |_| ())
    }

    /// With other settings than the defaults.
    pub(crate) fn set(programs: Programs, compiler: Compiler, change: impl FnOnce(&mut Settings)) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let programs = Arc::new(programs);
        let mut settings = Settings::below(dir.path(), compiler, Arc::clone(&programs) as _);
        change(&mut settings);
        let executors = Executors::new(settings, &GrantPolicy::trusted(), &[]).unwrap();
        Self { dir, executors, programs, sink: Arc::default(), stop: Arc::default() }
    }

    /// Loads `acme` with all that the trusted may have.
    pub(crate) async fn load(&self, guest: &Guest, more: &str) -> Result<(), LoadError> {
        self.load_bytes(guest.build(), more).await
    }

    /// As [`load`](Self::load), of a component that stands already.
    pub(crate) async fn load_bytes(&self, component: Vec<u8>, more: &str) -> Result<(), LoadError> {
        let grants = Grants::trusted_first_party();
        self.executors.load("acme.wasm", component, &manifest(more), grants).await.map(|_| ())
    }

    /// Performs `acme.do`.
    pub(crate) async fn perform(&self) -> Performed {
        self.perform_task(self.task("acme.do", "{}")).await
    }

    pub(crate) async fn perform_task(&self, task: Task) -> Performed {
        self.executors.perform(task, Arc::clone(&self.sink) as _, Arc::clone(&self.stop) as _).await
    }

    pub(crate) fn task(&self, action: &str, input: &str) -> Task {
        Task {
            tenant: TenantId::default_tenant(),
            run: RunId::new("run-1").unwrap(),
            step: "step".to_owned(),
            attempt: Attempt(1),
            fence: Fence(1),
            operation_key: "key".to_owned(),
            dry_run: false,
            action: action.to_owned(),
            input_json: input.to_owned(),
            env: Vec::new(),
            working_dir: self.dir.path().to_path_buf(),
            remaining: Some(Span::from_secs(60)),
            claim: "claim".to_owned(),
            losses: 0,
            token: None,
        }
    }
}

/// The failure that must have been.
pub(crate) fn failed(performed: Performed) -> Failure {
    match performed {
        Performed::Failed(failure) => failure,
        Performed::Done { outputs, exit_code } => panic!("it succeeded: {outputs:?} {exit_code:?}"),
        Performed::Later { token, after } => panic!("it goes on with {token:?} after {after}"),
    }
}

/// The success that must have been.
pub(crate) fn done(performed: Performed) -> Option<i32> {
    match performed {
        Performed::Done { exit_code, .. } => exit_code,
        Performed::Failed(failure) => panic!("it failed: {failure:?}"),
        Performed::Later { token, after } => panic!("it goes on with {token:?} after {after}"),
    }
}
