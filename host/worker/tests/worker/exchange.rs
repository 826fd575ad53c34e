//! What goes between a worker and its coordinator: claims, reports, wakes, drains.

use std::time::Instant;

use pintle_core::run::command::Outcome;
use pintle_plane::stop::Urgency;
use pintle_plane::worker::{Notice, PlaneError, Taken};
use pintle_worker::Error;

use crate::plane::State;
use crate::room::{PATIENCE, Room, claim};

#[tokio::test]
async fn a_chain_is_one_exchange_per_step() {
    let room = Room::new();
    room.queue((0..50).map(|number| room.step(number, "ok", "")));
    let at_work = room.start(1, None);
    room.plane.until("all are settled", |state| state.settled.len() == 50).await;
    at_work.drained().await;
    room.plane.state(|state| {
        assert_eq!(state.claims, [1], "after the first claim, claims ride on reports");
        assert_eq!(state.reports, vec![(1, 1); 50]);
        assert_eq!(state.most_held, 1, "more was claimed than could start");
    });
}

#[tokio::test]
async fn results_gather_while_a_report_is_under_way() {
    let room = Room::new();
    room.queue((0..5).map(|number| room.step(number, if number == 0 { "ok" } else { "wait" }, "")));
    let closed = room.plane.report_gate.lock().await;
    let at_work = room.start(5, None);
    // All have begun; the first one's report stands at the gate.
    while room.actor.tasks.lock().unwrap().len() < 5 {
        room.actor.begun.notified().await;
    }
    tokio::task::yield_now().await;
    room.actor.go.notify_waiters();
    // One thread: the four that were woken run to their end before this task goes on.
    for _ in 0..8 {
        tokio::task::yield_now().await;
    }
    at_work.handle.drain();
    drop(closed);
    at_work.ended().await.unwrap();
    room.plane.state(|state| {
        let sizes: Vec<usize> = state.reports.iter().map(|(settled, _)| *settled).collect();
        assert_eq!(sizes, [1, 4], "results were not reported together");
    });
}

#[tokio::test]
async fn a_wake_makes_it_claim_and_slots_bound_it() {
    let room = Room::new();
    let at_work = room.start(2, None);
    room.plane.until("the first claim", |state| state.claims == [2]).await;
    room.queue((0..3).map(|number| room.step(number, "wait", "")));
    room.plane.notify(Notice::Wake);
    room.plane.until("two are held", |state| state.held.len() == 2).await;
    room.actor.go.notify_one();
    room.plane.until("the third is held", |state| state.ready.is_empty() && state.settled.len() == 1).await;
    room.plane.notify(Notice::Drain);
    room.actor.go.notify_one();
    room.actor.go.notify_waiters();
    room.plane.until("one more is settled", |state| state.settled.len() >= 2).await;
    room.actor.go.notify_one();
    at_work.ended().await.unwrap();
    room.plane.state(|state| assert_eq!((state.most_held, state.settled.len()), (2, 3)));
}

#[tokio::test]
async fn a_stale_result_is_forgotten_and_a_refused_one_is_sent_again() {
    let room = Room::new();
    room.queue([room.step(0, "ok", ""), room.step(1, "ok", "")]);
    room.plane.state(|state| {
        state.answers = [
            Ok(Taken::Stale),
            Ok(Taken::Retry("disk full".to_owned())),
            Err(PlaneError::Unavailable("gone".to_owned())),
            Err(PlaneError::Unavailable("gone".to_owned())),
        ]
        .into();
    });
    let at_work = room.start(1, None);
    room.plane.outcome(1).await;
    at_work.drained().await;
    room.plane.state(|state| {
        assert_eq!(state.settled.len(), 1, "the stale one was sent again, or the refused one twice");
        assert_eq!(state.reports.len(), 5, "{:?}", state.reports);
    });
}

/// A step ends, the worker is drained, and nobody takes the result: what it says at last.
async fn unreported(never_takes: impl FnOnce(&mut State)) -> String {
    let room = Room::new();
    room.queue([room.step(0, "ok", "")]);
    room.plane.state(never_takes);
    let begun = Instant::now();
    let at_work = room.start(1, None);
    room.plane.until("the result is reported", |state| !state.reports.is_empty()).await;
    at_work.handle.drain();
    let error = at_work.ended().await.unwrap_err();
    assert!(matches!(error, Error::Unreported { count: 1, .. }), "{error:?}");
    assert!(begun.elapsed() >= PATIENCE, "it gave up early");
    room.plane.state(|state| {
        assert!(state.settled.is_empty());
        // Twice as long each time, from 20 ms on, until what it has of patience is over; fewer where the machine is slow.
        assert!((3..=8).contains(&state.reports.len()), "{} reports", state.reports.len());
    });
    error.to_string()
}

#[tokio::test]
async fn a_draining_worker_that_nobody_listens_to_gives_up_and_says_so() {
    let gone = || Err(PlaneError::Unavailable("its disk is full".to_owned()));
    let said = unreported(|state| state.answers = std::iter::repeat_with(gone).take(100).collect()).await;
    assert_eq!(
        said,
        "1 result(s) could not be reported before the worker had to end: its disk is full; their steps count as lost, \
         and `pintle retry RUN` runs them again"
    );
    let said = unreported(|state| state.is_short = true).await;
    assert!(said.contains("had to end: the answer was too short; their steps count as lost"), "{said}");
}

#[tokio::test]
async fn draining_finishes_what_runs_and_claims_nothing_new() {
    let room = Room::new();
    room.queue([room.step(0, "wait", "")]);
    let at_work = room.start(2, None);
    room.actor.begun.notified().await;
    room.queue([room.step(1, "ok", "")]);
    // One after the other, through one channel: the wake finds the worker draining.
    room.plane.notify(Notice::Drain);
    room.plane.notify(Notice::Wake);
    room.plane.notify(Notice::Stop(claim(0), Urgency::Gracefully));
    at_work.ended().await.unwrap();
    assert_eq!(room.plane.outcome(0).await, Outcome::Stopped { exit_code: Some(143) });
    room.plane.state(|state| assert_eq!((state.settled.len(), state.ready.len()), (1, 1)));
}

#[tokio::test]
async fn what_is_claimed_by_a_call_that_was_out_when_the_drain_came_is_given_back() {
    let room = Room::new();
    room.queue([room.step(0, "ok", "")]);
    let closed = room.plane.claim_gate.lock().await;
    let at_work = room.start(1, None);
    at_work.handle.drain();
    // One thread: the worker sends its claim, which stands at the gate, and then reads the order.
    for _ in 0..8 {
        tokio::task::yield_now().await;
    }
    drop(closed);
    at_work.ended().await.unwrap();
    assert_eq!(room.plane.outcome(0).await, Outcome::GivenBack);
    assert!(room.actor.tasks.lock().unwrap().is_empty(), "it was performed");
}
