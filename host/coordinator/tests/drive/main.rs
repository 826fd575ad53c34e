//! The coordinator over the embedded store, with a worker that does what the test says.

use std::error::Error;
use std::time::Duration;

use pintle_coordinator::{Accepted, live};
use pintle_core::plan::{DeclaredOutput, Output, RepeatMode, RepeatPolicy, RetryPolicy, Role, StepIndex, Template};
use pintle_core::run::command::{FailReason, Failed, Finished, StopCause};
use pintle_core::run::{Outcome, RunStatus, StepStatus};
use pintle_core::time::Span;
use pintle_plane::output::Channel;
use pintle_plane::stop::Urgency;
use pintle_plane::worker::{Notice, Taken, WorkerPlane};
use pintle_store::{LogName, Logs, RunFilter, Runs};

use crate::stand::{Outcomes, Process, done, exit, one, step, submission, variable};

mod children;
mod house;
mod people;
mod queue;
mod routes;
mod stand;
mod waits;

#[tokio::test]
async fn the_end_of_a_log_that_comes_with_a_result_stands_before_it() -> Outcomes {
    let dir = tempfile::tempdir()?;
    let process = Process::on(dir.path(), "n1").await?;
    let mut first = step("first", "grumble", &[]);
    first.continue_on.output = vec!["tolerable".into()];
    let run = process.submit("r1", vec![first, step("second", "echo", &[0])]).await?;
    let claimed = one(process.claim(1).await?)?;
    let (taken, next) = process.settle_printing(&claimed, exit(1), "it is tolerable\n", 1).await?;
    assert!(matches!(taken, Taken::Accepted { .. }), "{taken:?}");
    assert_eq!(one(next)?.step_name, "second", "the condition saw what came with the result");
    let name = LogName { run, step: StepIndex(0), fence: claimed.claim.fence, channel: Channel::Stdout };
    assert_eq!(process.store.read_log(&name, 0, 100).await?, b"it is tolerable\n");
    Ok(())
}

#[tokio::test]
async fn a_settle_makes_the_next_step_ready_and_claims_it_in_one_append() -> Outcomes {
    let dir = tempfile::tempdir()?;
    let process = Process::on(dir.path(), "n1").await?;
    let mut first = step("first", "echo", &[]);
    first.output = Some(Output::Variable("GREETING".into()));
    first.outputs = vec![DeclaredOutput { name: "count".into(), kind: Default::default() }];
    let second = step("second", "echo ${steps.first.outputs.count} $GREETING", &[0]);
    let run = process.submit("r1", vec![first, second]).await?;

    let claimed = one(process.claim(8).await?)?;
    assert_eq!(variable(&claimed, "SECRET"), Some("s3cret"));
    assert_eq!(claimed.working_dir, dir.path().join("runs/r1/work"));
    let outcome = Outcome::Finished(Finished {
        exit_code: Some(0),
        stdout: Some("hello\n".into()),
        output_file: Some("count=3\n".into()),
        ..Finished::default()
    });
    let (taken, next) = process.settle(&claimed, outcome, 1).await?;
    // submitted, started, ready | claimed | ended, ready, claimed
    assert_eq!(taken, Taken::Accepted { version: pintle_core::counter::Version(7) });
    let next = one(next)?;
    assert_eq!(variable(&next, "GREETING"), Some("hello"));
    assert!(next.input_json.contains("echo 3 $GREETING"), "{}", next.input_json);
    process.settle(&next, done(), 1).await?;
    assert_eq!(process.coordinator.settled(&run).await?, RunStatus::Succeeded);
    let row = process.store.row(&run).await?.ok_or("no row")?;
    assert!(row.finished_at.is_some() && row.message.is_none());
    Ok(())
}

#[tokio::test]
async fn i3_a_report_that_is_sent_again_or_late_changes_nothing() -> Outcomes {
    let dir = tempfile::tempdir()?;
    let process = Process::on(dir.path(), "n1").await?;
    let run = process.submit("r1", vec![step("only", "x", &[])]).await?;
    let claimed = one(process.claim(1).await?)?;
    process.settle(&claimed, done(), 0).await?;
    let before = process.store.load(&run).await?.ok_or("no run")?.events.len();
    let (again, _) = process.settle(&claimed, exit(1), 0).await?;
    assert_eq!(again, Taken::Stale);
    assert_eq!(process.store.load(&run).await?.ok_or("no run")?.events.len(), before);
    Ok(())
}

#[tokio::test]
async fn i2_after_the_death_of_its_home_a_run_goes_on_where_it_stood() -> Outcomes {
    let dir = tempfile::tempdir()?;
    let steps = vec![step("a", "x", &[]), step("b", "x", &[0]), step("c", "x", &[1])];
    let old = Process::on(dir.path(), "old").await?;
    let run = old.submit("r1", steps).await?;
    let a = one(old.claim(1).await?)?;
    let b = one(old.settle(&a, done(), 1).await?.1)?;

    let new = Process::on(dir.path(), "new").await?;
    let live = new.coordinator.resume(&run).await;
    assert!(live.is_err_and(|e| e.to_string().contains("being run by process 4711")));
    old.die(&new.store).await?;
    assert_eq!(new.coordinator.recover_dead().await?, std::slice::from_ref(&run));
    assert_eq!(new.coordinator.recover_dead().await?, [], "an interruption was recorded twice");
    assert_eq!(new.store.row(&run).await?.ok_or("no row")?.waiting.as_deref(), Some("interrupted"));
    assert!(new.claim(8).await?.is_empty(), "an interrupted run gave out a step by itself");

    new.coordinator.resume(&run).await?;
    let again = one(new.claim(8).await?)?;
    assert_eq!((again.claim.step, again.losses, again.attempt.get()), (StepIndex(1), 1, 1));
    assert!(again.claim.fence > b.claim.fence);
    assert_eq!(again.operation_key, b.operation_key, "the same effect got another key");
    assert_eq!(new.settle(&b, done(), 0).await?.0, Taken::Stale, "the old claim wrote");
    let c = one(new.settle(&again, done(), 1).await?.1)?;
    new.settle(&c, done(), 0).await?;
    assert_eq!(new.coordinator.settled(&run).await?, RunStatus::Succeeded);
    Ok(())
}

#[tokio::test]
async fn a_stop_by_another_process_reaches_the_running_step() -> Outcomes {
    let dir = tempfile::tempdir()?;
    let home = Process::on(dir.path(), "home").await?;
    let duties = tokio::spawn(home.coordinator.clone().run_duties());
    let run = home.submit("r1", vec![step("long", "x", &[]), step("after", "x", &[0])]).await?;
    let claimed = one(home.claim(1).await?)?;

    let other = Process::on(dir.path(), "other").await?;
    other.coordinator.stop(&run, StopCause::Requested, false).await?;
    let notice = async {
        loop {
            match home.coordinator.notice(home.worker.clone()).await? {
                Notice::Stop(claim, urgency) => return Ok::<_, Box<dyn Error>>((claim, urgency)),
                Notice::Wake | Notice::Drain => {}
            }
        }
    };
    let (claim, urgency) = tokio::time::timeout(Duration::from_secs(5), notice).await??;
    assert_eq!((claim, urgency), (claimed.claim.clone(), Urgency::Gracefully));
    let twice = other.coordinator.stop(&run, StopCause::Requested, false).await;
    assert!(twice.is_err_and(|e| e.to_string().contains("already being stopped")));
    home.settle(&claimed, Outcome::Stopped { exit_code: None }, 1).await?;
    assert_eq!(home.coordinator.settled(&run).await?, RunStatus::Aborted);
    home.coordinator.shutdown();
    duties.await?;
    Ok(())
}

#[tokio::test]
async fn a_retry_becomes_due_by_itself_and_is_counted() -> Outcomes {
    let dir = tempfile::tempdir()?;
    let process = Process::on(dir.path(), "n1").await?;
    let duties = tokio::spawn(process.coordinator.clone().run_duties());
    let mut flaky = step("flaky", "x", &[]);
    flaky.retry =
        Some(RetryPolicy { limit: 1, interval: Span(30), backoff_milli: 1000, max_interval: None, exit_code: vec![] });
    let run = process.submit("r1", vec![flaky]).await?;
    let first = one(process.claim(1).await?)?;
    let (_, none) = process.settle(&first, exit(1), 1).await?;
    assert!(none.is_empty(), "the wait was left out");
    let woken = async {
        loop {
            process.coordinator.notice(process.worker.clone()).await?;
            let mut claimed = process.claim(1).await?;
            if let Some(claimed) = claimed.pop() {
                return Ok::<_, Box<dyn Error>>(claimed);
            }
        }
    };
    let second = tokio::time::timeout(Duration::from_secs(5), woken).await??;
    assert_eq!(second.attempt.get(), 2);
    process.settle(&second, exit(3), 0).await?;
    assert_eq!(process.coordinator.settled(&run).await?, RunStatus::Failed);
    let row = process.store.row(&run).await?.ok_or("no row")?;
    assert_eq!(row.message.as_deref(), Some("step `flaky`: exit code 3"));
    process.coordinator.shutdown();
    duties.await?;
    Ok(())
}

#[tokio::test]
async fn a_retry_of_a_finished_run_keeps_what_succeeded() -> Outcomes {
    let dir = tempfile::tempdir()?;
    let process = Process::on(dir.path(), "n1").await?;
    let steps = vec![step("a", "x", &[]), step("b", "x", &[0]), step("c", "x", &[1])];
    let run = process.submit("r1", steps).await?;
    let a = one(process.claim(1).await?)?;
    let b = one(process.settle(&a, done(), 1).await?.1)?;
    process.settle(&b, exit(1), 1).await?;
    assert_eq!(process.coordinator.settled(&run).await?, RunStatus::Failed);

    process.coordinator.retry(&run, &[], false).await?;
    let again = one(process.claim(8).await?)?;
    assert_eq!(again.claim.step, StepIndex(1));
    assert_eq!(again.operation_key, b.operation_key, "a failed effect is tried again under its key");
    let c = one(process.settle(&again, done(), 1).await?.1)?;
    process.settle(&c, done(), 0).await?;
    assert_eq!(process.coordinator.settled(&run).await?, RunStatus::Succeeded);

    process.coordinator.retry(&run, &[StepIndex(0)], false).await?;
    let on_purpose = one(process.claim(8).await?)?;
    assert_ne!(on_purpose.operation_key, a.operation_key, "a new order needs a new key");
    process.settle(&on_purpose, done(), 0).await?;
    assert_eq!(process.store.row(&run).await?.ok_or("no row")?.attempt.get(), 3);
    let nothing = process.coordinator.retry(&run, &[], false).await;
    assert!(nothing.is_err_and(|e| e.to_string().contains("nothing to retry")));
    Ok(())
}

#[tokio::test]
async fn a_large_output_is_a_blob_in_the_log_and_a_value_in_the_next_step() -> Outcomes {
    let dir = tempfile::tempdir()?;
    let process = Process::on(dir.path(), "n1").await?;
    let mut first = step("first", "x", &[]);
    first.output = Some(Output::Variable("BIG".into()));
    let run = process.submit("r1", vec![first, step("second", "x ${steps.first.outputs.doc}", &[0])]).await?;
    let claimed = one(process.claim(1).await?)?;
    let big = "y".repeat(100_000);
    let outcome = Outcome::Finished(Finished {
        outputs: vec![("doc".into(), pintle_core::plan::Json(format!("\"{big}\"")))],
        stdout: Some(big.clone()),
        ..Finished::default()
    });
    let next = one(process.settle(&claimed, outcome, 1).await?.1)?;
    assert_eq!(variable(&next, "BIG"), Some(big.as_str()));
    assert!(next.input_json.contains(&big));
    let stored = process.store.load(&run).await?.ok_or("no run")?;
    let log = serde_json::to_string(&stored.events.iter().map(|(_, e)| e).collect::<Vec<_>>())?;
    assert!(log.len() < 10_000, "the log holds the payload itself: {} bytes", log.len());
    Ok(())
}

#[tokio::test]
async fn what_cannot_be_resolved_or_declared_fails_the_step_with_its_reason() -> Outcomes {
    let dir = tempfile::tempdir()?;
    let process = Process::on(dir.path(), "n1").await?;
    let mut strict = step("strict", "x", &[]);
    strict.outputs = vec![DeclaredOutput { name: "count".into(), kind: Default::default() }];
    let run = process.submit("r1", vec![strict]).await?;
    let claimed = one(process.claim(1).await?)?;
    let undeclared = Outcome::Finished(Finished { output_file: Some("cuont=1\n".into()), ..Finished::default() });
    process.settle(&claimed, undeclared, 0).await?;
    let view = live::view(&process.store.load(&run).await?.ok_or("no run")?)?;
    let end = view.steps.first().and_then(|s| s.end.clone()).ok_or("no end")?;
    let said = end.message.unwrap_or_default();
    assert!(said.contains("`cuont`") && said.contains("`count`"), "{said}");
    assert_eq!(view.head.status, Some(RunStatus::Failed));
    Ok(())
}

#[tokio::test]
async fn repetition_by_exit_code_and_handlers_by_status() -> Outcomes {
    let dir = tempfile::tempdir()?;
    let process = Process::on(dir.path(), "n1").await?;
    let mut poll = step("poll", "x", &[]);
    poll.repeat = Some(RepeatPolicy {
        mode: RepeatMode::Until,
        interval: Span::ZERO,
        limit: Some(5),
        backoff_milli: 1000,
        max_interval: None,
        condition: None,
        exit_code: vec![7],
    });
    poll.continue_on.exit_code = vec![7];
    poll.continue_on.mark_success = true;
    let mut exit_handler = step("bye", "echo ${context.run.status}", &[]);
    exit_handler.role = Role::OnExit;
    let run = process.submit("r1", vec![poll, exit_handler]).await?;
    let first = one(process.claim(1).await?)?;
    let second = one(process.settle(&first, done(), 1).await?.1)?;
    assert_ne!(second.operation_key, first.operation_key, "a repetition is an effect of its own");
    let handler = one(process.settle(&second, exit(7), 1).await?.1)?;
    assert!(handler.input_json.contains("echo succeeded"), "{}", handler.input_json);
    assert_eq!(variable(&handler, "DAG_RUN_STATUS"), Some("succeeded"));
    process.settle(&handler, exit(1), 0).await?;
    assert_eq!(process.coordinator.settled(&run).await?, RunStatus::Failed, "a failed handler fails the run");
    assert_eq!(process.statuses(&run).await?.get("poll"), Some(&StepStatus::Succeeded));
    Ok(())
}

#[tokio::test]
async fn a_run_id_is_taken_once() -> Outcomes {
    let dir = tempfile::tempdir()?;
    let process = Process::on(dir.path(), "n1").await?;
    let run = process.submit("r1", vec![step("a", "x", &[])]).await?;
    let same = process.coordinator.submit(submission(&run, vec![step("a", "x", &[])])).await?;
    assert_eq!(same, Accepted::Before, "the same submission has the same answer");
    let again = process.coordinator.submit(submission(&run, vec![step("b", "x", &[])])).await;
    assert!(again.is_err_and(|e| e.to_string().contains("run id r1 is taken")));
    let failed = Outcome::Failed(Failed {
        reason: FailReason::Refused,
        message: "no".into(),
        exit_code: None,
        retry_after: None,
        output_matched: false,
    });
    let claimed = one(process.claim(1).await?)?;
    process.settle(&claimed, failed, 0).await?;
    assert_eq!(process.coordinator.settled(&run).await?, RunStatus::Failed);
    let page = process.store.list(&RunFilter::default(), None, 10).await?;
    assert_eq!(page.rows.len(), 1);
    Ok(())
}

#[tokio::test]
async fn a_repetition_ends_when_its_own_output_says_so() -> Outcomes {
    let dir = tempfile::tempdir()?;
    let process = Process::on(dir.path(), "n1").await?;
    let mut poll = step("poll", "x", &[]);
    poll.output = Some(Output::Variable("STATE".into()));
    poll.outputs = vec![DeclaredOutput { name: "state".into(), kind: Default::default() }];
    poll.repeat = Some(RepeatPolicy {
        mode: RepeatMode::Until,
        interval: Span::ZERO,
        limit: Some(9),
        backoff_milli: 1000,
        max_interval: None,
        condition: Some(pintle_core::plan::Check::Value {
            value: Template("${steps.poll.outputs.state}".into()),
            expected: "done".into(),
        }),
        exit_code: vec![],
    });
    let run = process.submit("r1", vec![poll]).await?;
    let said = |text: &str| {
        let output_file = Some(format!("state={text}\n"));
        Outcome::Finished(Finished { exit_code: Some(0), output_file, ..Finished::default() })
    };
    let first = one(process.claim(1).await?)?;
    let second = one(process.settle(&first, said("busy"), 1).await?.1)?;
    process.settle(&second, said("done"), 1).await?;
    assert_eq!(process.coordinator.settled(&run).await?, RunStatus::Succeeded);
    Ok(())
}

#[tokio::test]
async fn a_step_whose_values_cannot_be_resolved_fails_with_that_sentence() -> Outcomes {
    let dir = tempfile::tempdir()?;
    let process = Process::on(dir.path(), "n1").await?;
    let mut first = step("first", "x", &[]);
    first.outputs = vec![DeclaredOutput { name: "text".into(), kind: Default::default() }];
    // A command is one line; what the reference brings is two.
    let run = process.submit("r1", vec![first, step("second", "echo ${steps.first.outputs.text}", &[0])]).await?;
    let claimed = one(process.claim(1).await?)?;
    let output_file = Some("text<<END\none\ntwo\nEND\n".into());
    let outcome = Outcome::Finished(Finished { output_file, ..Finished::default() });
    let (_, none) = process.settle(&claimed, outcome, 1).await?;
    assert!(none.is_empty(), "it was given to the worker: {none:#?}");
    assert_eq!(process.coordinator.settled(&run).await?, RunStatus::Failed);
    let said = process.store.row(&run).await?.and_then(|row| row.message).unwrap_or_default();
    assert!(said.starts_with("step `second`: ") && said.contains("line break"), "{said}");
    Ok(())
}
