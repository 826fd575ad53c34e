//! Runs whose rows cannot be used: one sentence that says which run, what is wrong with it and what to do. Nothing of
//! them changes.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::path::Path;
use std::sync::Arc;

use pintle_coordinator::{Coordinator, Error, NoCommands, Options, Submit, live};
use pintle_core::counter::Version;
use pintle_core::ids::{NodeId, RunId, TenantId, WorkerId};
use pintle_core::plan::{Action, Plan, SCHEMA, Step};
use pintle_core::plugin::ActionRow;
use pintle_core::run::{Body, Event};
use pintle_core::time::Timestamp;
use pintle_plane::worker::WorkerPlane as _;
use pintle_spec::bind::BoundParams;
use pintle_store::suite::submission;
use pintle_store::{Nodes as _, Runs as _, Txn};
use pintle_store_sqlite::{Options as StoreOptions, Sqlite};

/// A process on a directory, with a key.
async fn process(dir: &Path, name: &str, key: [u8; 32]) -> (Sqlite, Arc<Coordinator>) {
    let store = Sqlite::open(StoreOptions::new(dir)).unwrap();
    let node = NodeId::new(name).unwrap();
    assert!(store.register(&node).await.unwrap());
    let options = Options {
        tenant: TenantId::default_tenant(),
        node,
        pid: 4711,
        data_dir: dir.to_path_buf(),
        claims_dir: dir.join("claims"),
        key,
        env: vec![],
        max_output: 1 << 20,
        compute: Arc::new(NoCommands),
    };
    let actions: Arc<Vec<ActionRow>> = Arc::default();
    let coordinator = Coordinator::new(options, Arc::new(store.clone()), actions);
    (store, coordinator)
}

async fn commit(store: &Sqlite, txn: Txn) {
    store.commit(vec![txn]).await.pop().unwrap().unwrap();
}

/// A plan of one step that does nothing.
fn plan() -> Plan {
    Plan { steps: vec![Step::doing("only", Action::noop())], ..Plan::named("dag") }
}

/// What a retry of a stored run is told. The run stays as it is.
async fn told(run: &str, change: impl FnOnce(&mut Txn)) -> Error {
    let dir = tempfile::tempdir().unwrap();
    let (store, coordinator) = process(dir.path(), "n1", [3; 32]).await;
    let run = RunId::new(run).unwrap();
    let mut txn = submission(&run, "dag", 1);
    txn.plan = txn.plan.map(|(digest, _)| (digest, serde_json::to_string(&plan()).unwrap()));
    change(&mut txn);
    commit(&store, txn).await;
    let before = store.row(&run).await.unwrap();
    let told = coordinator.retry(&run, &[], false).await.unwrap_err();
    assert_eq!(store.row(&run).await.unwrap(), before, "{told}");
    told
}

#[tokio::test]
async fn a_plan_that_cannot_be_read_is_told() {
    let text = |text: String| move |txn: &mut Txn| txn.plan = txn.plan.take().map(|(digest, _)| (digest, text));
    let error = told("r1", text("no plan at all".to_owned())).await;
    assert!(matches!(error, Error::Plan { .. }), "{error:?}");
    let said = error.to_string();
    assert!(said.starts_with("the plan of run r1 cannot be read: expected ident at line 1 column 2"), "{said}");
    assert!(said.ends_with("; use the pintle that wrote it"), "{said}");

    let later = Plan { schema: SCHEMA + 1, ..plan() };
    let said = told("r1", text(serde_json::to_string(&later).unwrap())).await.to_string();
    let wanted = format!(
        "the plan of run r1 cannot be read: it has schema {}, this pintle knows {SCHEMA}; use the pintle that wrote it",
        SCHEMA + 1
    );
    assert_eq!(said, wanted);
}

#[tokio::test]
async fn a_log_that_does_not_add_up_is_told_by_whoever_reads_it() {
    let again = |txn: &mut Txn| txn.events.push(Event { at: Timestamp(2), body: Body::Started });
    let error = told("r1", again).await;
    assert!(matches!(error, Error::Corrupt { .. }), "{error:?}");
    let sentence = "the log of run r1 is damaged: event 4 (Started) cannot follow those before it: the run is running; \
                    it cannot go on, start its DAG as a new run";
    assert_eq!(error.to_string(), sentence);

    // As `status` reads it.
    let dir = tempfile::tempdir().unwrap();
    let (store, _) = process(dir.path(), "n1", [3; 32]).await;
    let run = RunId::new("r1").unwrap();
    let mut txn = submission(&run, "dag", 1);
    txn.plan = txn.plan.map(|(digest, _)| (digest, serde_json::to_string(&plan()).unwrap()));
    again(&mut txn);
    commit(&store, txn).await;
    let stored = store.load(&run).await.unwrap().unwrap();
    assert_eq!(live::view(&stored).unwrap_err().to_string(), sentence);
}

#[tokio::test]
async fn a_context_of_another_version_is_told() {
    let error = told("r1", |_| {}).await;
    assert!(matches!(error, Error::Context { .. }), "{error:?}");
    assert_eq!(
        error.to_string(),
        "run r1: what the run remembers of its submission was written by another version of pintle; use that one"
    );
}

fn submit(run: &RunId) -> Submit {
    Submit {
        run: run.clone(),
        plan: plan(),
        params: BoundParams::default(),
        source: None,
        dag_dir: "/dags".into(),
        dotenv: vec![],
        dags: vec![],
        actor: None,
        nonce: [9; 24],
    }
}

#[tokio::test]
async fn a_context_that_was_sealed_with_another_key_is_told() {
    let dir = tempfile::tempdir().unwrap();
    let (store, first) = process(dir.path(), "n1", [3; 32]).await;
    let run = RunId::new("r1").unwrap();
    first.submit(submit(&run)).await.unwrap();
    let (_, other) = process(dir.path(), "n2", [4; 32]).await;
    let before = store.row(&run).await.unwrap();
    let error = other.retry(&run, &[], false).await.unwrap_err();
    assert!(matches!(error, Error::Context { .. }), "{error:?}");
    assert_eq!(
        error.to_string(),
        "run r1: what the run remembers of its submission cannot be opened: the data directory's `key` file was \
         changed, or the database was; put the old one back, or start the DAG as a new run"
    );
    assert_eq!(store.row(&run).await.unwrap(), before);
}

#[tokio::test]
async fn runs_that_are_not_there_taken_or_somebody_elses_are_told() {
    let dir = tempfile::tempdir().unwrap();
    let (_, first) = process(dir.path(), "n1", [3; 32]).await;
    let (run, nobody) = (RunId::new("r1").unwrap(), RunId::new("nobody").unwrap());
    let said = first.retry(&nobody, &[], false).await.unwrap_err().to_string();
    assert_eq!(said, "there is no run nobody: `pintle history` lists the runs");
    first.submit(submit(&run)).await.unwrap();
    let other = Submit { plan: Plan { name: "other".into(), ..plan() }, ..submit(&run) };
    let said = first.submit(other).await.unwrap_err().to_string();
    assert_eq!(said, "run id r1 is taken by another run: choose another id, or leave --run-id out");
    let (_, second) = process(dir.path(), "n2", [3; 32]).await;
    let said = second.retry(&run, &[], false).await.unwrap_err().to_string();
    assert_eq!(said, "run r1 is being run by process 4711: stop that one first, or wait for it");
}

#[tokio::test]
async fn a_damaged_run_gives_no_step_to_a_worker_and_keeps_no_other_from_one() {
    let dir = tempfile::tempdir().unwrap();
    let (store, coordinator) = process(dir.path(), "n1", [3; 32]).await;
    let run = RunId::new("r1").unwrap();
    coordinator.submit(submit(&run)).await.unwrap();
    let stored = store.load(&run).await.unwrap().unwrap();
    let version = stored.row.version;
    let event = Event { at: Timestamp(2), body: Body::Started };
    let base = submission(&run, "dag", 1);
    let txn = Txn {
        expected: version,
        events: vec![event],
        run_row: stored.row.clone(),
        step_rows: vec![],
        plan: None,
        ..base
    };
    commit(&store, txn).await;
    let refused = coordinator.claim(WorkerId::new("w").unwrap(), 1).await.unwrap_err().to_string();
    let wanted = format!(
        "the coordinator cannot answer now: the log of run r1 is damaged: event {} (Started) cannot follow those before \
         it: the run is running; it cannot go on, start its DAG as a new run",
        version.next()
    );
    assert_eq!(refused, wanted);
    for other in ["r0", "r2"].map(|id| RunId::new(id).unwrap()) {
        coordinator.submit(submit(&other)).await.unwrap();
        let claimed = coordinator.claim(WorkerId::new("w").unwrap(), 1).await.unwrap();
        assert_eq!(claimed.first().map(|claimed| &claimed.claim.run), Some(&other));
    }
    assert_eq!(store.row(&run).await.unwrap().unwrap().version, Version(version.get() + 1));
}
