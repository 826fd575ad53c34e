//! What one append costs, through the whole async path. `cargo xtask bench append` runs it, and reads its lines.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a measurement")]

use std::time::{Duration, Instant};

use pintle_core::counter::{Fence, Version};
use pintle_core::ids::RunId;
use pintle_core::plan::StepIndex;
use pintle_core::run::event::Body;
use pintle_store::suite::{claimed, ended, steps, submission};
use pintle_store::{Changes, Channel, LogName, Logs, RunFilter, Runs, Txn};
use pintle_store_sqlite::{Mode, Options, Sqlite};

/// A settle of one step and the claim of the next: four events, two step rows, the run's row.
fn settle_and_claim(run: &RunId, expected: Version) -> Txn {
    let mut txn = ended(run, expected, Fence(1));
    let at = txn.events[0].at;
    let ready = |step| pintle_core::run::Event { at, body: Body::StepReady { step: StepIndex(step) } };
    txn.events.extend([ready(1), ready(1)]);
    txn.events.extend(claimed(run, expected, Fence(1)).events);
    txn.step_rows.extend(steps(2).into_iter().skip(1));
    txn
}

fn print(what: &str, mut took: Vec<Duration>) {
    took.sort();
    let at = |share: usize| took[(took.len() - 1) * share / 100].as_secs_f64() * 1e6;
    println!("{what:<44} p50 {:8.1} us  p99 {:8.1} us  ({} times)", at(50), at(99), took.len());
}

async fn timed<T>(took: &mut Vec<Duration>, work: impl Future<Output = T>) -> T {
    let begun = Instant::now();
    let done = work.await;
    took.push(begun.elapsed());
    done
}

async fn appends(mode: Mode) {
    let dir = tempfile::tempdir_in(".").unwrap();
    let store = Sqlite::open(Options::new(dir.path()).mode(mode)).unwrap();
    let run = RunId::new("0197c0de-0000-7000-8000-000000000000").unwrap();
    store.commit(vec![submission(&run, "etl", 1)]).await.pop().unwrap().unwrap();
    let (mut version, mut took) = (Version(3), Vec::new());
    for _ in 0..3000 {
        let txn = settle_and_claim(&run, version);
        version = timed(&mut took, store.commit(vec![txn])).await.pop().unwrap().unwrap();
    }
    print(&format!("{mode:?}: append, one after another"), took);
    let begun = Instant::now();
    let mut writers = tokio::task::JoinSet::new();
    for writer in 0..64 {
        let store = store.clone();
        writers.spawn(async move {
            for number in 0..50 {
                let run = RunId::new(format!("w{writer}-{number}")).unwrap();
                store.commit(vec![submission(&run, "etl", number)]).await.pop().unwrap().unwrap();
            }
        });
    }
    writers.join_all().await;
    println!("{:<44} {:.0}/s", format!("{mode:?}: submissions by 64 at once"), 3200.0 / begun.elapsed().as_secs_f64());
    if mode == Mode::Process {
        reads(&store, &run).await;
    }
}

async fn reads(store: &Sqlite, run: &RunId) {
    let (mut row, mut mark, mut page, mut versions, mut log) = (vec![], vec![], vec![], vec![], vec![]);
    let name = LogName { run: run.clone(), step: StepIndex(0), fence: Fence(1), channel: Channel::Stdout };
    for number in 0..2000 {
        timed(&mut row, store.row(run)).await.unwrap();
        timed(&mut mark, async { store.mark().unwrap() }).await;
        timed(&mut page, store.list(&RunFilter::default(), None, 100)).await.unwrap();
        timed(&mut versions, store.versions(std::slice::from_ref(run))).await.unwrap();
        timed(&mut log, store.append_log(&name, number * 100, vec![b'x'; 100])).await.unwrap();
    }
    print("read one row", row);
    print("read one version", versions);
    print("look for changes", mark);
    print("list 100 runs", page);
    print("append 100 bytes to a log", log);
}

fn opening() {
    let dir = tempfile::tempdir_in(".").unwrap();
    let begun = Instant::now();
    drop(Sqlite::open(Options::new(dir.path())).unwrap());
    print("open, and make the directory and schema", vec![begun.elapsed()]);
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let (mut opened, mut first, mut closed) = (Vec::new(), Vec::new(), Vec::new());
    for number in 0..200 {
        let begun = Instant::now();
        let store = Sqlite::open(Options::new(dir.path())).unwrap();
        opened.push(begun.elapsed());
        let run = RunId::new(format!("open-{number}")).unwrap();
        let begun = Instant::now();
        runtime.block_on(store.commit(vec![submission(&run, "etl", number)])).pop().unwrap().unwrap();
        first.push(begun.elapsed());
        let begun = Instant::now();
        drop(store);
        closed.push(begun.elapsed());
    }
    print("open what exists", opened);
    print("the first commit of a process", first);
    print("close", closed);
}

fn main() {
    opening();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).build().unwrap();
    runtime.block_on(async {
        // On a worker thread, where a coordinator's tasks are.
        tokio::spawn(appends(Mode::Process)).await.unwrap();
        tokio::spawn(appends(Mode::Power)).await.unwrap();
    });
}
