//! How steps are ended from outside, and what a step that falls over leaves standing.

use pintle_core::ids::WorkerId;
use pintle_core::run::command::{FailReason, Outcome};
use pintle_core::time::Span;
use pintle_plane::stop::Urgency;
use pintle_plane::worker::{Assignment, Notice, PlaneError};
use pintle_worker::Error;

use crate::room::{Room, claim, message};

#[tokio::test]
async fn a_worker_that_was_replaced_stops_its_steps_and_says_so() {
    let room = Room::new();
    room.queue([room.step(0, "wait", "")]);
    let at_work = room.start(1, None);
    room.actor.begun.notified().await;
    let me = WorkerId::new("w").unwrap();
    room.plane.tell.send(Err(PlaneError::Replaced(me))).unwrap();
    let error = at_work.ended().await.unwrap_err();
    assert!(matches!(error, Error::Replaced(_)), "{error:?}");
    let sentence = "worker w was taken over by a newer process of the same id; this one stopped its steps";
    assert_eq!(error.to_string(), sentence);
    assert!(room.plane.state(|state| state.settled.is_empty()));
}

#[tokio::test]
async fn a_stop_notice_reaches_its_step_alone() {
    let room = Room::new();
    room.queue([room.step(0, "wait", ""), room.step(1, "wait", "")]);
    let at_work = room.start(2, None);
    room.plane.until("both are held", |state| state.held.len() == 2).await;
    room.plane.notify(Notice::Stop(claim(1), Urgency::Gracefully));
    let first = room.plane.outcome(1).await;
    // A stop that comes before the step began leaves it no exit code.
    assert!(matches!(first, Outcome::Stopped { exit_code: Some(143) | None }), "{first:?}");
    assert_eq!(room.plane.state(|state| state.settled.len()), 1);
    while room.actor.tasks.lock().unwrap().iter().all(|task| task.step != "step-0") {
        room.actor.begun.notified().await;
    }
    at_work.handle.stop(Urgency::AtOnce);
    at_work.ended().await.unwrap();
    assert_eq!(room.plane.outcome(0).await, Outcome::Stopped { exit_code: Some(137) });
}

#[tokio::test]
async fn a_timeout_stops_the_step_with_124() {
    let room = Room::new();
    let step = Assignment { timeout: Some(Span(50)), ..room.step(0, "wait", "") };
    let Outcome::Failed(failed) = room.perform(step).await else { panic!("no failure") };
    assert_eq!((failed.reason, failed.exit_code), (FailReason::TimedOut, Some(124)));
    assert!(room.actor.tasks.lock().unwrap()[0].remaining.is_some_and(|left| left <= Span(50)));
}

#[tokio::test]
async fn a_panic_is_a_failure_of_one_step() {
    let room = Room::new();
    room.queue([room.step(0, "panic", ""), room.step(1, "ok", "")]);
    let at_work = room.start(1, None);
    let (reason, said) = message(room.plane.outcome(0).await);
    assert_eq!(reason, FailReason::UnknownOutcome);
    assert!(said.contains("a defect of Pintle: the runtime fell over"), "{said}");
    assert!(matches!(room.plane.outcome(1).await, Outcome::Finished(_)), "the worker went down with the step");
    at_work.drained().await;
}
