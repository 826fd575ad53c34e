#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails by panicking")]

use pintle_core::ids::{RunId, WorkerId};
use pintle_core::run::command::{Outcome, StopCause};
use pintle_core::run::{RunStatus, StepStatus};
use pintle_plane::worker::WorkerPlane as _;
use pintle_store::Runs as _;

use super::*;
use crate::testing::{Process, append};

fn stop() -> Command {
    Command::Stop { cause: StopCause::Requested, at_once: true }
}

/// What stands in the log of a run, and whether a stop is in it.
async fn stored(process: &Process, run: &RunId) -> (Vec<Event>, bool) {
    let events = process.store.load(run).await.unwrap().unwrap().events;
    let events: Vec<Event> = events.into_iter().map(|(_, event)| event).collect();
    let stopped = events.iter().any(|event| matches!(event.body, Body::StopRequested { .. }));
    (events, stopped)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_decision_is_made_anew_on_what_another_process_appended() {
    let dir = tempfile::tempdir().unwrap();
    let process = Process::on(dir.path(), "n1").await;
    let run = process.submit("r1").await;
    let mut live = process.coordinator.load(&run).await.unwrap();
    let mut seen = Vec::new();
    let decided = process.coordinator.commit(&mut live, |batch| {
        seen.push(batch.live.run.steps[0].status);
        if seen.len() == 1 {
            append(&process.coordinator, &run);
        }
        batch.command(stop())
    });
    decided.await.unwrap();
    assert_eq!(seen, [StepStatus::Ready, StepStatus::Running], "it was decided on what stood before");
    let (events, stopped) = stored(&process, &run).await;
    assert!(stopped);
    assert_eq!(live.run.head.version.get(), events.len() as u64);
    assert!(!live.stale);
}

#[tokio::test(flavor = "multi_thread")]
async fn contention_has_an_end_and_leaves_nothing_behind() {
    let dir = tempfile::tempdir().unwrap();
    let process = Process::on(dir.path(), "n1").await;
    let run = process.submit("r1").await;
    let mut live = process.coordinator.load(&run).await.unwrap();
    let mut tries = 0;
    let decided = process.coordinator.commit(&mut live, |batch| {
        tries += 1;
        append(&process.coordinator, &run);
        batch.command(stop())
    });
    let refused = decided.await.map(drop).unwrap_err();
    assert!(matches!(&refused, Error::Contended(contended) if *contended == run), "{refused}");
    let sentence = format!("run {run} is changed by other processes all the time: try again in a moment");
    assert_eq!(refused.to_string(), sentence);
    assert_eq!(tries, CONTENTION);
    assert!(!stored(&process, &run).await.1, "a refused decision was kept");
}

#[tokio::test]
async fn a_decision_that_is_given_up_half_way_is_not_seen_by_the_next() {
    let dir = tempfile::tempdir().unwrap();
    let process = Process::on(dir.path(), "n1").await;
    let run = process.submit("r1").await;
    let mut live = process.coordinator.load(&run).await.unwrap();
    let given_up = process.coordinator.commit(&mut live, |batch| {
        batch.command(stop())?;
        Err::<(), _>(Error::NoSuchRun(batch.live.run.id.clone()))
    });
    assert!(given_up.await.is_err());
    let standing = process.coordinator.commit(&mut live, |batch| Ok(batch.live.run.status()));
    assert_eq!(standing.await.unwrap().0, RunStatus::Running, "it was decided on a stop that nobody stored");
}

/// Does something while a decision is being made, as another process would.
fn meanwhile<T>(work: impl Future<Output = T>) -> T {
    tokio::task::block_in_place(|| tokio::runtime::Handle::current().block_on(work))
}

#[tokio::test(flavor = "multi_thread")]
async fn what_others_appended_is_told_and_done_though_as_much_was_decided_here() {
    let dir = tempfile::tempdir().unwrap();
    let process = Process::on(dir.path(), "n1").await;
    let run = process.submit("r1").await;
    let worker = WorkerId::new("w").unwrap();
    let claimed = process.coordinator.claim(worker.clone(), 1).await.unwrap().remove(0).claim;
    let mut live = process.coordinator.load(&run).await.unwrap();
    let (seen, mut updates) = live.watch();
    let mut tries = 0;
    let decided = process.coordinator.commit(&mut live, |batch| {
        tries += 1;
        if tries == 1 {
            meanwhile(async {
                let mut other = process.coordinator.load(&run).await.unwrap();
                let stop = Command::Stop { cause: StopCause::Requested, at_once: false };
                process.coordinator.commit(&mut other, |batch| batch.command(stop.clone())).await.unwrap();
            });
        }
        let (step, fence) = (claimed.step, claimed.fence);
        batch.command(Command::Settle { step, fence, outcome: Outcome::GivenBack })
    });
    decided.await.unwrap();
    assert_eq!(tries, 2, "nobody came between");
    let mut told = Vec::new();
    while let Ok(update) = updates.try_recv() {
        told.push(update.event);
    }
    let known = usize::try_from(seen.head.version.get()).unwrap();
    assert_eq!(told, stored(&process, &run).await.0.split_off(known), "each once, in their order");
    assert!(matches!(told[0].body, Body::StopRequested { .. }), "{told:?}");
    let stopped = async {
        loop {
            if let Notice::Stop(claim, _) = process.coordinator.notice(worker.clone()).await.unwrap() {
                return claim;
            }
        }
    };
    assert_eq!(tokio::time::timeout(std::time::Duration::from_secs(5), stopped).await.unwrap(), claimed);
}
