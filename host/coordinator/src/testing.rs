//! What the tests of this crate stand on.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::path::Path;
use std::sync::Arc;

use pintle_core::ids::{NodeId, RunId, TenantId, WorkerId};
use pintle_core::plan::{Action, Plan, Step, StepIndex};
use pintle_core::plugin::ActionRow;
use pintle_core::run::{Outcome, StepStatus};
use pintle_plane::worker::{ClaimId, Settled, WorkerPlane as _};
use pintle_spec::bind::BoundParams;
use pintle_store::Nodes as _;
use pintle_store_sqlite::{Options as StoreOptions, Sqlite};

use crate::service::{Coordinator, Options, Submit};

/// A process on a directory. Dropping it lets its node lock go, as its death would.
pub(crate) struct Process {
    pub(crate) store: Sqlite,
    pub(crate) coordinator: Arc<Coordinator>,
}

impl Process {
    pub(crate) async fn on(dir: &Path, name: &str) -> Self {
        let store = Sqlite::open(StoreOptions::new(dir)).unwrap();
        let node = NodeId::new(name).unwrap();
        assert!(store.register(&node).await.unwrap());
        let options = Options {
            tenant: TenantId::default_tenant(),
            node,
            pid: 4711,
            data_dir: dir.to_path_buf(),
            claims_dir: dir.join("claims"),
            key: [3; 32],
            env: vec![],
            max_output: 1 << 20,
            compute: Arc::new(crate::compute::NoCommands),
        };
        let actions: Arc<Vec<ActionRow>> = Arc::default();
        let coordinator = Coordinator::new(options, Arc::new(store.clone()), actions);
        Self { store, coordinator }
    }

    /// Starts a run of one step that does nothing.
    pub(crate) async fn submit(&self, run: &str) -> RunId {
        let run = RunId::new(run).unwrap();
        let submit = Submit {
            run: run.clone(),
            plan: Plan { steps: vec![Step::doing("only", Action::noop())], ..Plan::named("dag") },
            params: BoundParams::default(),
            source: None,
            dag_dir: "/dags".into(),
            dotenv: vec![],
            dags: vec![],
            actor: None,
            nonce: [9; 24],
        };
        self.coordinator.submit(submit).await.unwrap();
        run
    }
}

/// Appends an event to the log of a run while a decision is being made on another fold of it: claims its step, or gives
/// it back. Blocks: decisions are no async code.
pub(crate) fn append(coordinator: &Coordinator, run: &RunId) {
    let worker = WorkerId::new("w").unwrap();
    let appended = async {
        let live = coordinator.live(run).unwrap();
        let (step, state) = (StepIndex(0), live.lock().await.run.steps.first().cloned().unwrap());
        if state.status == StepStatus::Ready {
            coordinator.claim(worker, 1).await.unwrap();
        } else {
            let claim = ClaimId { run: run.clone(), step, fence: state.fence };
            let settled = Settled { claim, outcome: Outcome::GivenBack, log_bytes: vec![], tail: vec![] };
            coordinator.report(worker, vec![settled], 0).await.unwrap();
        }
    };
    tokio::task::block_in_place(|| tokio::runtime::Handle::current().block_on(appended));
}
