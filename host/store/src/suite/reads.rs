//! What lists promise.

use pintle_core::counter::{Fence, Version};
use pintle_core::ids::NodeId;
use pintle_core::plan::StepIndex;
use pintle_core::run::RunStatus;
use pintle_core::time::Timestamp;

use super::cases;
use super::make::{claimed, commit, ended, finishing, id, submission};
use crate::{Parent, RunFilter, RunRow, Store, Timer, TimerChange, TimerKind};

fn names(rows: &[RunRow]) -> Vec<&str> {
    rows.iter().map(|row| row.id.as_str()).collect()
}

/// 30 runs, two submitted at each instant, of two DAGs; every third has succeeded.
async fn thirty(store: &dyn Store) {
    for number in 0..30 {
        let run = id(&format!("run-{number:02}"));
        let dag = if number % 2 == 0 { "even" } else { "odd" };
        commit(store, submission(&run, dag, 100 + number / 2)).await.unwrap();
        if number % 3 == 0 {
            commit(store, finishing(ended(&run, Version(3), Fence(1)))).await.unwrap();
        }
    }
}

/// Every page of a list, put together.
async fn all(store: &dyn Store, filter: &RunFilter, limit: usize) -> Vec<RunRow> {
    let (mut rows, mut cursor) = (Vec::new(), None);
    loop {
        let page = store.list(filter, cursor.as_ref(), limit).await.unwrap();
        assert!(page.rows.len() <= limit);
        rows.extend(page.rows);
        cursor = page.next;
        if cursor.is_none() {
            return rows;
        }
        assert!(rows.len() <= 30, "the pages do not end");
    }
}

cases! {
    /// What a fold that is behind reads.
    async fn events_after_a_version_are_the_later_ones(store) {
        let run = id("r1");
        commit(store, submission(&run, "etl", 10)).await.unwrap();
        commit(store, claimed(&run, Version(3), Fence(1))).await.unwrap();
        let ended = ended(&run, Version(4), Fence(1));
        commit(store, ended.clone()).await.unwrap();
        let later = store.events_after(&run, Version(4)).await.unwrap();
        assert_eq!(later, [(Version(5), ended.events[0].clone())]);
        assert!(store.events_after(&run, Version(5)).await.unwrap().is_empty());
        assert!(store.events_after(&id("nobody"), Version(0)).await.unwrap().is_empty());
    }

    /// They are found through their parent, page by page, and lists do not know them.
    async fn children_are_found_through_their_parent_alone(store) {
        let parent = id("p");
        commit(store, submission(&parent, "etl", 1)).await.unwrap();
        for (step, child) in [(2, 1), (0, 0), (2, 0)] {
            let mut txn = submission(&id(&format!("c-{step}-{child}")), "etl", 5);
            txn.run_row.parent = Some(Parent { run: parent.clone(), step: StepIndex(step), child });
            commit(store, txn).await.unwrap();
        }
        let children = async |from: (u32, u32), limit| {
            let rows = store.children(&parent, (StepIndex(from.0), from.1), limit).await.unwrap();
            names(&rows).join(" ")
        };
        assert_eq!(children((0, 0), 9).await, "c-0-0 c-2-0 c-2-1");
        assert_eq!(children((0, 1), 1).await, "c-2-0");
        assert_eq!(children((2, 2), 9).await, "");
        let row = store.row(&id("c-2-1")).await.unwrap().unwrap();
        assert_eq!(row.parent, Some(Parent { run: parent.clone(), step: StepIndex(2), child: 1 }));
        assert!(store.children(&id("c-2-1"), (StepIndex(0), 0), 9).await.unwrap().is_empty());
        let running = RunFilter { statuses: vec![RunStatus::Running], dag: Some("etl".to_owned()), since: None };
        for filter in [RunFilter::default(), running] {
            assert_eq!(names(&store.list(&filter, None, 9).await.unwrap().rows), ["p"]);
        }
        assert_eq!(names(&store.find("etl").await.unwrap()), ["p"], "the latest of the DAG is a child");
        assert_eq!(names(&store.find("c-0").await.unwrap()), ["c-0-0"]);
    }

    /// An id beats a prefix, a prefix beats a name.
    async fn a_person_finds_a_run_by_id_prefix_or_dag(store) {
        for (run, dag, at) in [("0197-aa", "etl", 1), ("0197-ab", "etl", 2), ("0197", "report", 3), ("etl-x", "b", 4)] {
            commit(store, submission(&id(run), dag, at)).await.unwrap();
        }
        let find = async |text: &str| {
            let rows = store.find(text).await.unwrap();
            let mut found: Vec<String> = rows.iter().map(|row| row.id.to_string()).collect();
            found.sort();
            found
        };
        assert_eq!(find("0197").await, ["0197"]);
        assert_eq!(find("0197-").await, ["0197-aa", "0197-ab"]);
        assert_eq!(find("0197-ab").await, ["0197-ab"]);
        assert_eq!(find("report").await, ["0197"]);
        assert_eq!(find("etl").await, ["etl-x"], "ids go before names");
        assert!(find("nothing").await.is_empty());
        assert!(find("").await.is_empty());
        assert!(find("%").await.is_empty(), "no pattern is understood");
    }

    /// Pages never repeat nor leave out a run, also where several were submitted at the same instant.
    async fn pages_are_newest_first_and_complete(store) {
        thirty(store).await;
        for limit in [1, 7, 30, 1000] {
            let rows = all(store, &RunFilter::default(), limit).await;
            let wanted: Vec<String> = (0..30).rev().map(|number| format!("run-{number:02}")).collect();
            assert_eq!(names(&rows), wanted, "pages of {limit}");
        }
    }

    /// By status, DAG, time, and all of them together.
    async fn filters_hold_on_every_page(store) {
        thirty(store).await;
        let statuses = vec![RunStatus::Succeeded];
        let succeeded = all(store, &RunFilter { statuses: statuses.clone(), ..RunFilter::default() }, 4).await;
        assert_eq!(succeeded.len(), 10);
        assert!(succeeded.iter().all(|row| row.status == RunStatus::Succeeded));
        let both = vec![RunStatus::Running, RunStatus::Succeeded, RunStatus::Failed, RunStatus::Running];
        let every = all(store, &RunFilter { statuses: both, ..RunFilter::default() }, 7).await;
        assert_eq!(every.len(), 30, "several statuses are merged in order");
        assert!(every.windows(2).all(|pair| pair[0].id > pair[1].id));
        let odd = all(store, &RunFilter { dag: Some("odd".to_owned()), ..RunFilter::default() }, 4).await;
        assert_eq!(odd.len(), 15);
        let narrow = RunFilter { statuses, dag: Some("odd".to_owned()), since: Some(Timestamp(110)) };
        assert_eq!(names(&all(store, &narrow, 1).await), ["run-27", "run-21"]);
        let later = RunFilter { since: Some(Timestamp(114)), ..RunFilter::default() };
        assert_eq!(names(&all(store, &later, 1).await), ["run-29", "run-28"]);
    }

    /// Each owner's, and those of nobody; what is over is not listed.
    async fn open_runs_are_listed_by_owner(store) {
        let (one, two) = (NodeId::new("one").unwrap(), NodeId::new("two").unwrap());
        for (run, home) in [("a", Some(&one)), ("b", Some(&one)), ("c", Some(&two)), ("d", None)] {
            let mut txn = submission(&id(run), "etl", 10);
            txn.run_row.home = home.cloned();
            commit(store, txn).await.unwrap();
        }
        let mut last = finishing(ended(&id("b"), Version(3), Fence(1)));
        last.run_row.home = Some(one.clone());
        commit(store, last).await.unwrap();
        assert_eq!(names(&store.open_runs_of(Some(&one)).await.unwrap()), ["a"]);
        assert_eq!(names(&store.open_runs_of(Some(&two)).await.unwrap()), ["c"]);
        assert_eq!(names(&store.open_runs_of(None).await.unwrap()), ["d"]);
    }

    /// In the order of the question.
    async fn versions_are_those_of_known_runs(store) {
        commit(store, submission(&id("a"), "etl", 1)).await.unwrap();
        commit(store, submission(&id("b"), "etl", 2)).await.unwrap();
        commit(store, claimed(&id("b"), Version(3), Fence(1))).await.unwrap();
        let versions = store.versions(&[id("b"), id("nobody"), id("a")]).await.unwrap();
        assert_eq!(versions, [(id("b"), Version(4)), (id("a"), Version(3))]);
    }

    /// Setting again moves, clearing removes, and clearing what is not there is no fault.
    async fn timers_are_due_once_set_and_gone_once_cleared(store) {
        let run = id("r1");
        let set = |step, kind, due| TimerChange::Set { step, kind, due: Timestamp(due) };
        let step = Some(StepIndex(0));
        let mut txn = submission(&run, "etl", 10);
        txn.timers = vec![
            set(step, TimerKind::Retry, 300),
            set(step, TimerKind::Timeout, 100),
            set(None, TimerKind::Timeout, 200),
            set(step, TimerKind::Timeout, 400),
        ];
        commit(store, txn).await.unwrap();
        assert_eq!(store.next_due(None).await.unwrap(), Some(Timestamp(200)));
        let timer = |step, kind, due| Timer { run: run.clone(), step, kind, due: Timestamp(due) };
        let due = store.due(Timestamp(300), None, 10).await.unwrap();
        assert_eq!(due, [timer(None, TimerKind::Timeout, 200), timer(step, TimerKind::Retry, 300)]);
        assert_eq!(store.due(Timestamp(u64::MAX), None, 1).await.unwrap().len(), 1);
        let mut clear = claimed(&run, Version(3), Fence(1));
        clear.timers = vec![
            TimerChange::Clear { step: None, kind: TimerKind::Timeout },
            TimerChange::Clear { step, kind: TimerKind::Wait },
        ];
        commit(store, clear).await.unwrap();
        assert_eq!(store.next_due(None).await.unwrap(), Some(Timestamp(300)));
    }

    /// Nobody fires another's timers.
    async fn timers_belong_to_the_owner_of_their_run(store) {
        let node = NodeId::new("one").unwrap();
        for (run, home, due) in [("a", Some(&node), 5), ("b", None, 6)] {
            let mut txn = submission(&id(run), "etl", 10);
            txn.run_row.home = home.cloned();
            txn.timers = vec![TimerChange::Set { step: None, kind: TimerKind::Timeout, due: Timestamp(due) }];
            commit(store, txn).await.unwrap();
        }
        assert_eq!(store.next_due(Some(&node)).await.unwrap(), Some(Timestamp(5)));
        assert_eq!(store.next_due(None).await.unwrap(), Some(Timestamp(6)));
        assert_eq!(store.due(Timestamp(9), Some(&node), 9).await.unwrap()[0].run, id("a"));
        assert_eq!(store.next_due(Some(&NodeId::new("two").unwrap())).await.unwrap(), None);
    }
}
