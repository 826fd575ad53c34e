//! What cases are made of.

use pintle_core::counter::{Attempt, Fence, RunAttempt, Version};
use pintle_core::ids::{Digest, RunId, TenantId, WorkerId};
use pintle_core::plan::{Json, Role, StepIndex};
use pintle_core::run::command::Submission;
use pintle_core::run::event::{Body, StepEnd};
use pintle_core::run::{Event, RunStatus, StepStatus};
use pintle_core::time::Timestamp;

use crate::{Durability, RunRow, StepRow, Trigger, Txn};

/// The digest that all made-up runs are pinned to.
#[must_use]
pub fn plan_digest() -> Digest {
    Digest::from_bytes([7; 32])
}

pub(super) fn id(text: &str) -> RunId {
    RunId::new(text).unwrap()
}

/// A run's row, submitted at `at` microseconds.
#[must_use]
pub fn row(run: &RunId, dag: &str, at: u64) -> RunRow {
    RunRow {
        id: run.clone(),
        tenant: TenantId::default_tenant(),
        dag: dag.to_owned(),
        status: RunStatus::Running,
        attempt: RunAttempt(1),
        version: Version(0),
        params: Json(r#"{"day":"2026-03-01"}"#.to_owned()),
        trigger: Trigger::Start,
        home: None,
        pid: Some(4711),
        submitted_at: Timestamp(at),
        started_at: Some(Timestamp(at + 1)),
        finished_at: None,
        waiting: None,
        message: None,
        plan: plan_digest(),
        source: Some("flows/etl.yaml".to_owned()),
        parent: None,
    }
}

/// Ready steps of that number.
#[must_use]
pub fn steps(count: u32) -> Vec<StepRow> {
    let step = |index| StepRow {
        index: StepIndex(index),
        name: format!("step-{index}"),
        role: Role::Main,
        status: StepStatus::Ready,
        attempt: Attempt(0),
        fence: Fence(0),
        losses: 0,
        worker: None,
        started_at: None,
        finished_at: None,
        due_at: None,
        exit_code: None,
        message: None,
    };
    (0..count).map(step).collect()
}

/// Accepts and starts a run of two steps: three events.
#[must_use]
pub fn submission(run: &RunId, dag: &str, at: u64) -> Txn {
    let submitted = Submission {
        plan: plan_digest(),
        params: Json(r#"{"day":"2026-03-01"}"#.to_owned()),
        context: Json("{}".to_owned()),
    };
    let bodies = [Body::Submitted(submitted), Body::Started, Body::StepReady { step: StepIndex(0) }];
    Txn {
        run: run.clone(),
        tenant: TenantId::default_tenant(),
        expected: Version(0),
        events: bodies.map(|body| Event { at: Timestamp(at), body }).into(),
        run_row: row(run, dag, at),
        step_rows: steps(2),
        timers: Vec::new(),
        plan: Some((plan_digest(), r#"{"schema":1}"#.to_owned())),
        durable: Durability::Mode,
    }
}

/// Claims step 0 of a run that stands at `expected`: one event.
#[must_use]
pub fn claimed(run: &RunId, expected: Version, fence: Fence) -> Txn {
    let worker = WorkerId::new("worker-1").unwrap();
    let claim = Body::StepClaimed { step: StepIndex(0), fence, worker: worker.clone(), attempt: Attempt(1) };
    let mut changed = steps(1);
    for step in &mut changed {
        step.status = StepStatus::Running;
        step.worker = Some(worker.clone());
        step.fence = fence;
        step.attempt = Attempt(1);
        step.started_at = Some(Timestamp(50));
    }
    Txn {
        expected,
        events: vec![Event { at: Timestamp(50), body: claim }],
        step_rows: changed,
        plan: None,
        ..submission(run, "etl", 1)
    }
}

/// Settles step 0 of a run that stands at `expected`: one event.
#[must_use]
pub fn ended(run: &RunId, expected: Version, fence: Fence) -> Txn {
    let end = StepEnd {
        status: StepStatus::Succeeded,
        reason: None,
        message: None,
        exit_code: Some(0),
        outputs: vec![("rows".to_owned(), Json("42".to_owned()))],
        variable: Some("naïve ✓".to_owned()),
        chosen: Vec::new(),
        forgiven: false,
        inputs: vec![],
    };
    let mut txn = claimed(run, expected, fence);
    txn.events = vec![Event { at: Timestamp(60), body: Body::StepEnded { step: StepIndex(0), end } }];
    for step in &mut txn.step_rows {
        step.status = StepStatus::Succeeded;
        step.finished_at = Some(Timestamp(60));
        step.exit_code = Some(0);
    }
    txn
}

/// Makes a transaction the last of its run.
pub(super) fn finishing(mut txn: Txn) -> Txn {
    txn.run_row.status = RunStatus::Succeeded;
    txn.run_row.finished_at = Some(Timestamp(70));
    txn
}

/// Commits one transaction.
pub(super) async fn commit(store: &dyn crate::Store, txn: Txn) -> Result<Version, crate::CommitError> {
    store.commit(vec![txn]).await.pop().unwrap()
}
