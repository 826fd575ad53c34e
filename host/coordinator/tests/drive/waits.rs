//! Steps that wait for a time: their due time is a row, and whoever is the run's home goes on with them.

use std::time::Duration;

use pintle_core::plan::{Action, Plan, Step, StepIndex, Template, Wait};
use pintle_core::run::command::{Later, StopCause};
use pintle_core::run::{Outcome, RunStatus, StepStatus};
use pintle_core::time::Span;
use pintle_plane::worker::{GoesOn, Notice, WorkerPlane};
use pintle_store::{Clock as _, Runs as _, Steps as _, TimerKind, Timers as _};

use crate::stand::{Outcomes, Process, done, one, step, submission};

fn waiting(name: &str, wait: Wait, after: &[u32]) -> Step {
    Step { action: Action::Wait(wait), ..step(name, "", after) }
}

fn lasting(name: &str, length: &str) -> Step {
    waiting(name, Wait::Duration(Template(length.into())), &[])
}

async fn ends(process: &Process, run: &pintle_core::ids::RunId) -> Outcomes<RunStatus> {
    Ok(tokio::time::timeout(Duration::from_secs(10), process.coordinator.settled(run)).await??)
}

#[tokio::test]
async fn a_wait_is_a_row_and_ends_by_itself() -> Outcomes {
    let dir = tempfile::tempdir()?;
    let process = Process::on(dir.path(), "n1").await?;
    let run = process.submit("r1", vec![lasting("pause", "200ms"), step("after", "x", &[0])]).await?;
    let pause = one(process.claim(8).await?)?;
    assert_eq!((pause.action.as_str(), pause.input_json.as_str()), ("noop", "{}"));
    process.settle(&pause, done(), 0).await?;
    let row = process.store.steps(&run).await?.into_iter().next().ok_or("no step")?;
    assert_eq!(
        (row.status, process.store.row(&run).await?.ok_or("no run")?.status),
        (StepStatus::Waiting, RunStatus::Running)
    );
    let due = row.due_at.ok_or("no due time")?;
    let timers = process.store.due(due, Some(&pintle_core::ids::NodeId::new("n1")?), 9).await?;
    let held: Vec<_> = timers.iter().map(|timer| (timer.step, timer.kind, timer.due)).collect();
    assert_eq!(held, [(Some(StepIndex(0)), TimerKind::Wait, due)]);
    assert!(process.claim(8).await?.is_empty(), "a waiting step was given out");
    let duties = tokio::spawn(process.coordinator.clone().run_duties());
    let after = loop {
        if let Some(claimed) = process.claim(1).await?.pop() {
            break claimed;
        }
        process.coordinator.notice(process.worker.clone()).await?;
    };
    assert!(process.store.now() >= due, "it went on too early");
    assert!(
        process.store.due(due, Some(&pintle_core::ids::NodeId::new("n1")?), 9).await?.is_empty(),
        "a timer was left"
    );
    process.settle(&after, done(), 0).await?;
    assert_eq!(ends(&process, &run).await?, RunStatus::Succeeded);
    process.coordinator.shutdown();
    Ok(duties.await?)
}

#[tokio::test]
async fn an_instant_that_is_past_is_not_waited_for() -> Outcomes {
    let dir = tempfile::tempdir()?;
    let process = Process::on(dir.path(), "n1").await?;
    let past = waiting("past", Wait::Until(Template("2020-01-01T00:00:00Z".into())), &[]);
    let run = process.submit("r1", vec![past]).await?;
    let claimed = one(process.claim(1).await?)?;
    process.settle(&claimed, done(), 0).await?;
    assert_eq!(process.coordinator.settled(&run).await?, RunStatus::Succeeded);
    Ok(())
}

#[tokio::test]
async fn what_cannot_be_waited_for_fails_with_its_sentence() -> Outcomes {
    let dir = tempfile::tempdir()?;
    let process = Process::on(dir.path(), "n1").await?;
    let run = process.submit("r1", vec![lasting("odd", "${SECRET}")]).await?;
    let claimed = one(process.claim(1).await?)?;
    process.settle(&claimed, done(), 0).await?;
    let row = process.store.row(&run).await?.ok_or("no run")?;
    let message = row.message.unwrap_or_default();
    assert!(
        message.starts_with("step `odd`: `with.duration` of the step `odd`: `s3cret` is not a length of time"),
        "{message}"
    );
    Ok(())
}

#[tokio::test]
async fn a_wait_outlives_its_process_and_is_not_begun_anew() -> Outcomes {
    let dir = tempfile::tempdir()?;
    let old = Process::on(dir.path(), "old").await?;
    let run = old.submit("r1", vec![lasting("pause", "400ms")]).await?;
    let pause = one(old.claim(1).await?)?;
    old.settle(&pause, done(), 0).await?;
    let due = old.store.steps(&run).await?.first().and_then(|row| row.due_at).ok_or("no due time")?;
    let new = Process::on(dir.path(), "new").await?;
    old.die(&new.store).await?;
    assert_eq!(new.coordinator.recover_dead().await?, std::slice::from_ref(&run));
    assert_eq!(new.store.row(&run).await?.ok_or("no run")?.waiting.as_deref(), Some("interrupted"));
    let duties = tokio::spawn(new.coordinator.clone().run_duties());
    new.coordinator.resume(&run).await?;
    assert_eq!(ends(&new, &run).await?, RunStatus::Succeeded);
    let row = new.store.steps(&run).await?.into_iter().next().ok_or("no step")?;
    assert!(row.finished_at.is_some_and(|at| at >= due), "it went on too early");
    assert_eq!((row.attempt.get(), row.losses), (1, 0), "a wait was counted as a loss");
    new.coordinator.shutdown();
    Ok(duties.await?)
}

#[tokio::test]
async fn another_look_is_the_same_try_with_what_is_left_of_its_time() -> Outcomes {
    let dir = tempfile::tempdir()?;
    let process = Process::on(dir.path(), "n1").await?;
    let duties = tokio::spawn(process.coordinator.clone().run_duties());
    let mut look = step("look", "x", &[]);
    look.timeout = Some(Span::from_secs(60));
    let run = process.submit("r1", vec![look]).await?;
    let first = one(process.claim(1).await?)?;
    assert_eq!(first.goes_on, None);
    let later = |token: &str| Outcome::Later(Later { after: Span(30), token: Some(token.into()) });
    process.settle(&first, later("one"), 0).await?;
    let second = loop {
        if let Some(claimed) = process.claim(1).await?.pop() {
            break claimed;
        }
        process.coordinator.notice(process.worker.clone()).await?;
    };
    let Some(GoesOn { token, spent }) = second.goes_on.clone() else { return Err("it began anew".into()) };
    assert!(token == "one" && spent >= Span(30), "{token} {spent}");
    assert_eq!((second.attempt.get(), second.operation_key.as_str()), (1, first.operation_key.as_str()));
    process.settle(&second, done(), 0).await?;
    assert_eq!(ends(&process, &run).await?, RunStatus::Succeeded);
    process.coordinator.shutdown();
    Ok(duties.await?)
}

#[tokio::test]
async fn a_wait_ends_with_its_steps_time_and_with_a_stop() -> Outcomes {
    let dir = tempfile::tempdir()?;
    let process = Process::on(dir.path(), "n1").await?;
    let duties = tokio::spawn(process.coordinator.clone().run_duties());
    let mut short = lasting("short", "1h");
    short.timeout = Some(Span(50));
    let timed = process.submit("r1", vec![short]).await?;
    let claimed = one(process.claim(1).await?)?;
    process.settle(&claimed, done(), 0).await?;
    assert_eq!(ends(&process, &timed).await?, RunStatus::Failed);
    let row = process.store.steps(&timed).await?.into_iter().next().ok_or("no step")?;
    assert_eq!(
        (row.exit_code, row.message.as_deref()),
        (Some(124), Some("the step waited longer than its timeout of 50ms"))
    );
    let id = pintle_core::ids::RunId::new("r2")?;
    let plan = Plan { timeout: Some(Span(50)), ..submission(&id, vec![lasting("long", "1h")]).plan };
    process.coordinator.submit(pintle_coordinator::Submit { plan, ..submission(&id, vec![]) }).await?;
    let claimed = one(process.claim(1).await?)?;
    process.settle(&claimed, done(), 0).await?;
    assert_eq!(ends(&process, &id).await?, RunStatus::Aborted, "the run's own time did not end the wait");
    let stopped = process.submit("r3", vec![lasting("long", "1h")]).await?;
    let claimed = one(process.claim(1).await?)?;
    process.settle(&claimed, done(), 0).await?;
    process.coordinator.stop(&stopped, StopCause::Requested, false).await?;
    assert_eq!(ends(&process, &stopped).await?, RunStatus::Aborted);
    let noticed =
        tokio::time::timeout(Duration::from_millis(1), process.coordinator.notice(process.worker.clone())).await;
    assert!(!matches!(noticed, Ok(Ok(Notice::Stop(..)))), "a worker was told to stop what it does not do");
    process.coordinator.shutdown();
    Ok(duties.await?)
}
