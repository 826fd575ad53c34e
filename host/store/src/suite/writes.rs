//! What a commit promises.

use std::future::poll_fn;
use std::task::Poll;

use pintle_core::counter::{Fence, Version};
use pintle_core::ids::Digest;
use pintle_core::run::StepStatus;
use pintle_core::time::Timestamp;

use super::cases;
use super::make::{claimed, commit, ended, finishing, id, plan_digest, submission};
use crate::{BoxFuture, CommitError};

cases! {
    /// Row, plan, events and steps come back as they were handed in; the store keeps the version.
    async fn a_submitted_run_is_read_back_whole(store) {
        let run = id("r1");
        let txn = submission(&run, "etl", 10);
        assert_eq!(commit(store, txn.clone()).await.unwrap(), Version(3));
        let stored = store.load(&run).await.unwrap().unwrap();
        let mut wanted = txn.run_row.clone();
        wanted.version = Version(3);
        assert_eq!(stored.row, wanted);
        assert_eq!(stored.plan, txn.plan.unwrap().1);
        let versions: Vec<u64> = stored.events.iter().map(|(version, _)| version.get()).collect();
        assert_eq!(versions, [1, 2, 3]);
        let events: Vec<_> = stored.events.into_iter().map(|(_, event)| event).collect();
        assert_eq!(events, txn.events);
        assert_eq!(store.steps(&run).await.unwrap(), txn.step_rows);
        assert!(store.load(&id("nobody")).await.unwrap().is_none());
    }

    /// Somebody who decided on an older log is told what stands, and changes nothing.
    async fn an_append_needs_the_version_it_was_decided_on(store) {
        let run = id("r1");
        commit(store, submission(&run, "etl", 10)).await.unwrap();
        commit(store, claimed(&run, Version(3), Fence(1))).await.unwrap();
        let late = commit(store, ended(&run, Version(3), Fence(1))).await;
        assert!(matches!(late, Err(CommitError::VersionConflict { actual: Version(4), .. })), "{late:?}");
        assert_eq!(late.unwrap_err().to_string(), "run r1 is at version 4, not at 3: decide again");
        let unknown = commit(store, ended(&id("r2"), Version(3), Fence(1))).await;
        assert!(matches!(unknown, Err(CommitError::VersionConflict { actual: Version(0), .. })), "{unknown:?}");
        assert_eq!(store.events_after(&run, Version(0)).await.unwrap().len(), 4);
        assert!(store.row(&id("r2")).await.unwrap().is_none());
    }

    /// The first answer to a submission can be given again.
    async fn a_submission_sent_again_is_told_what_stands(store) {
        let run = id("r1");
        commit(store, submission(&run, "etl", 10)).await.unwrap();
        let again = commit(store, submission(&run, "other", 11)).await;
        let Err(error @ CommitError::DuplicateRun { .. }) = again else { panic!("{again:?}") };
        assert_eq!(error.to_string(), "run r1 exists already");
        let CommitError::DuplicateRun { plan, version, .. } = error else { panic!("{error:?}") };
        assert_eq!((plan, version), (plan_digest(), Version(3)));
        assert_eq!(store.row(&run).await.unwrap().unwrap().dag, "etl");
    }

    /// A row that the rules refuse takes the events, the other rows and the timers with it.
    async fn a_transaction_is_taken_whole_or_not_at_all(store) {
        let run = id("r1");
        commit(store, submission(&run, "etl", 10)).await.unwrap();
        let mut bad = claimed(&run, Version(3), Fence(1));
        for step in &mut bad.step_rows {
            step.worker = None;
        }
        let refused = commit(store, bad).await;
        assert!(matches!(refused, Err(CommitError::Store(crate::Error::Rule { .. }))), "{refused:?}");
        let sentence = "the store refused a write that breaks a rule of its schema: this is a fault in pintle, please report it";
        assert_eq!(refused.unwrap_err().to_string(), sentence);
        let mut unfinished = finishing(ended(&run, Version(3), Fence(1)));
        unfinished.run_row.finished_at = None;
        assert!(commit(store, unfinished).await.is_err(), "a terminal run without its end");
        let stored = store.load(&run).await.unwrap().unwrap();
        assert_eq!((stored.row.version, stored.events.len()), (Version(3), 3));
        assert!(store.steps(&run).await.unwrap().iter().all(|step| step.status == StepStatus::Ready));
    }

    /// Transactions that are committed together fail apart, and are answered in order.
    async fn one_refusal_in_a_batch_is_nobody_elses(store) {
        let (a, b, c) = (id("a"), id("b"), id("c"));
        let mut bad = submission(&b, "etl", 11);
        bad.run_row.finished_at = Some(Timestamp(1));
        let batch = vec![
            submission(&a, "etl", 10),
            bad,
            submission(&a, "etl", 12),
            submission(&c, "etl", 13),
            claimed(&c, Version(3), Fence(1)),
        ];
        let answers = store.commit(batch).await;
        let versions: Vec<Option<u64>> =
            answers.iter().map(|answer| answer.as_ref().ok().map(|version| version.get())).collect();
        assert_eq!(versions, [Some(3), None, None, Some(3), Some(4)]);
        assert!(store.row(&b).await.unwrap().is_none());
        assert_eq!(store.row(&c).await.unwrap().unwrap().version, Version(4));
        assert!(store.commit(Vec::new()).await.is_empty());
    }

    /// A step's fence only rises, whatever else a transaction says.
    async fn i3_an_old_fence_changes_nothing(store) {
        let run = id("r1");
        commit(store, submission(&run, "etl", 10)).await.unwrap();
        commit(store, claimed(&run, Version(3), Fence(5))).await.unwrap();
        let stale = commit(store, ended(&run, Version(4), Fence(4))).await;
        assert!(matches!(stale, Err(CommitError::StaleFence { fence: Fence(4), .. })), "{stale:?}");
        assert_eq!(stale.unwrap_err().to_string(), "stale: step 0 of run r1 has a later fence than 4");
        let held = store.steps(&run).await.unwrap();
        assert_eq!((held[0].fence, held[0].status), (Fence(5), StepStatus::Running));
        assert_eq!(store.row(&run).await.unwrap().unwrap().version, Version(4), "the events went too");
        assert_eq!(commit(store, ended(&run, Version(4), Fence(5))).await.unwrap(), Version(5));
    }

    /// Of many who decide on the same version one wins, and the others are told so.
    async fn appends_at_the_same_time_are_one_after_another(store) {
        let run = id("r1");
        commit(store, submission(&run, "etl", 10)).await.unwrap();
        let mut racing: Vec<BoxFuture<'_, _>> =
            (0..16).map(|_| store.commit(vec![claimed(&run, Version(3), Fence(1))])).collect();
        let mut answers = Vec::new();
        poll_fn(|cx| {
            racing.retain_mut(|one| match one.as_mut().poll(cx) {
                Poll::Ready(answer) => {
                    answers.extend(answer);
                    false
                }
                Poll::Pending => true,
            });
            if racing.is_empty() { Poll::Ready(()) } else { Poll::Pending }
        })
        .await;
        assert_eq!(answers.iter().filter(|answer| answer.is_ok()).count(), 1);
        assert!(answers.iter().all(|a| matches!(a, Ok(Version(4)) | Err(CommitError::VersionConflict { .. }))));
        assert_eq!(store.events_after(&run, Version(0)).await.unwrap().len(), 4);
    }

    /// A transaction without events keeps the version and changes the rows: a run changes hands.
    async fn rows_alone_can_change(store) {
        let run = id("r1");
        commit(store, submission(&run, "etl", 10)).await.unwrap();
        let mut taken = claimed(&run, Version(3), Fence(1));
        taken.events.clear();
        taken.step_rows.clear();
        taken.run_row.home = Some(pintle_core::ids::NodeId::new("node-2").unwrap());
        taken.run_row.waiting = Some("interrupted".to_owned());
        assert_eq!(commit(store, taken.clone()).await.unwrap(), Version(3));
        let row = store.row(&run).await.unwrap().unwrap();
        assert_eq!((row.home, row.waiting), (taken.run_row.home, taken.run_row.waiting));
    }

    /// Whoever does not wait for the answer has written all the same.
    async fn a_dropped_commit_still_happens(store) {
        let run = id("r1");
        let mut dropped = store.commit(vec![submission(&run, "etl", 10)]);
        let begun = poll_fn(|cx| Poll::Ready(dropped.as_mut().poll(cx).is_pending())).await;
        drop(dropped);
        let second = commit(store, submission(&id("r2"), "etl", 11)).await;
        assert!(second.is_ok());
        assert!(store.row(&run).await.unwrap().is_some(), "pending when dropped: {begun}");
    }

    /// Runs that are pinned to one plan share it.
    async fn a_plan_is_kept_once(store) {
        commit(store, submission(&id("r1"), "etl", 10)).await.unwrap();
        let mut second = submission(&id("r2"), "etl", 11);
        second.plan = Some((plan_digest(), "another text under the same digest".to_owned()));
        commit(store, second).await.unwrap();
        assert_eq!(store.plan(&plan_digest()).await.unwrap().as_deref(), Some(r#"{"schema":1}"#));
        assert_eq!(store.plan(&Digest::from_bytes([8; 32])).await.unwrap(), None);
    }
}
