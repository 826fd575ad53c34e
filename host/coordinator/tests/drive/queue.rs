//! The queue: what stands in it belongs to nobody, is begun once, and is nobody's child.

#![expect(clippy::indexing_slicing, reason = "indexing JSON answers null where nothing is")]

use pintle_coordinator::{Accepted, Error};
use pintle_core::counter::Version;
use pintle_core::ids::RunId;
use pintle_core::plan::{
    Action, Child, Fan, FanForm, Json, Output, Param, ParamBounds, ParamKind, Plan, Step, StepIndex, Template,
};
use pintle_core::run::command::StopCause;
use pintle_core::run::{Body, RunStatus, StepStatus};
use pintle_store::{Runs, Trigger};
use serde_json::{Value, json};

use crate::house::House;
use crate::stand::{Outcomes, Process, done, exit, one, step, submission, variable};

fn enqueue(form: FanForm, items: Option<Value>, params: Value) -> Step {
    let fan = Fan {
        form,
        child: Child::Dag(Template("child".into())),
        queued: true,
        params: Some(Json(params.to_string())),
        items: items.map(|items| Json(items.to_string())),
        alias: None,
        key: None,
        max_concurrent: 10,
        collect: vec![],
    };
    let mut step = Step::doing("q", Action::Fan(Box::new(fan)));
    step.id = Some("q".into());
    step.output = Some(Output::Variable("Q".into()));
    step
}

async fn names(process: &Process) -> Outcomes<Vec<String>> {
    Ok(process.coordinator.queue().await?.into_iter().map(|row| row.id.as_str().to_owned()).collect())
}

#[tokio::test]
async fn what_is_queued_belongs_to_nobody_and_is_begun_by_one() -> Outcomes {
    let dir = tempfile::tempdir()?;
    let (first, other) = (Process::on(dir.path(), "n1").await?, Process::on(dir.path(), "n2").await?);
    let (late, early) = (RunId::new("a-late")?, RunId::new("b-early")?);
    for run in [&early, &late] {
        let new = || submission(run, vec![step("work", "echo", &[])]);
        assert_eq!(first.coordinator.enqueue(new()).await?, Accepted::New);
        assert_eq!(first.coordinator.enqueue(new()).await?, Accepted::Before);
    }
    assert!(first.claim(9).await?.is_empty(), "a queued run was begun");
    assert_eq!(names(&other).await?, ["b-early", "a-late"], "not in the order in which they came");
    let row = first.store.row(&early).await?.ok_or("no row")?;
    assert_eq!((row.home, row.pid, row.trigger, row.started_at), (None, None, Trigger::Enqueue, None));

    other.coordinator.resume(&early).await?;
    assert!(matches!(first.coordinator.resume(&early).await, Err(Error::Owned { .. })));
    assert_eq!(names(&first).await?, ["a-late"]);
    let claimed = one(other.claim(9).await?)?;
    assert_eq!(variable(&claimed, "SECRET"), Some("s3cret"), "what the submission knew is lost");
    other.settle(&claimed, done(), 0).await?;
    let row = first.store.row(&early).await?.ok_or("no row")?;
    assert_eq!((row.status, row.trigger), (RunStatus::Succeeded, Trigger::Enqueue));

    let taken = submission(&early, vec![step("other", "echo", &[])]);
    assert!(matches!(first.coordinator.enqueue(taken).await, Err(Error::IdTaken(_))));
    Ok(())
}

#[tokio::test]
async fn a_run_that_is_taken_out_never_begins() -> Outcomes {
    let dir = tempfile::tempdir()?;
    let process = Process::on(dir.path(), "n1").await?;
    let run = RunId::new("r1")?;
    process.coordinator.enqueue(submission(&run, vec![step("work", "echo", &[])])).await?;
    process.coordinator.stop(&run, StopCause::Requested, false).await?;
    assert!(names(&process).await?.is_empty());
    assert_eq!(process.store.row(&run).await?.ok_or("no row")?.status, RunStatus::Aborted);
    assert!(matches!(process.coordinator.resume(&run).await, Err(Error::Refused(_))));
    Ok(())
}

#[tokio::test]
async fn a_step_queues_runs_of_their_own_and_does_not_wait() -> Outcomes {
    let dir = tempfile::tempdir()?;
    let house = House::on(dir.path(), "n1").await?;
    let mut flaky = step("after", "false", &[0]);
    flaky.env = vec![("SEEN".into(), Template("${steps.q.outputs.summary}".into()))];
    let mut new = submission(
        &RunId::new("r1")?,
        vec![enqueue(FanForm::Parallel, Some(json!(["x", "y"])), json!("P=${ITEM}")), flaky],
    );
    let child = Plan { steps: vec![step("work", "echo $1", &[])], ..Plan::named("child") };
    new.plan.dags = vec![("child".into(), child)];
    let run = new.run.clone();
    house.process.coordinator.submit(new).await?;
    house.does(done()).await?;
    let after = house.claim().await?;
    assert_eq!(variable(&after, "SEEN"), Some(r#"{"total":2,"queued":2}"#));
    let told: Value = serde_json::from_str(variable(&after, "Q").ok_or("no result")?)?;
    let queued = names(&house.process).await?;
    assert_eq!(told["runs"][0]["dagRunId"], json!(queued[0]));
    assert_eq!(
        told["runs"][1],
        json!({"name": "child", "dagRunId": queued[1], "params": "P=y", "queue": "child",
        "status": "queued", "alreadyExists": false})
    );
    let row = house.process.store.row(&RunId::new(queued[1].clone())?).await?.ok_or("no row")?;
    assert_eq!((row.parent, row.trigger, row.params.0.as_str()), (None, Trigger::Enqueue, r#"{"P":"y"}"#));
    assert!(house.process.store.children(&run, (StepIndex(0), 0), 9).await?.is_empty());

    // Its run fails, and what it queued does not care; run again on purpose, the step queues others.
    house.process.settle(&after, exit(1), 0).await?;
    assert_eq!(house.ends(&run).await?, RunStatus::Failed);
    house.process.coordinator.retry(&run, &[], false).await?;
    let after = house.claim().await?;
    assert_eq!(names(&house.process).await?, queued, "a step that had succeeded queued again");
    house.process.settle(&after, done(), 0).await?;
    assert_eq!(house.ends(&run).await?, RunStatus::Succeeded);
    house.process.coordinator.retry(&run, &[StepIndex(0)], false).await?;
    house.does(done()).await?;
    assert_eq!(house.ends(&run).await?, RunStatus::Succeeded);
    assert_eq!(names(&house.process).await?.len(), 4);

    house.process.coordinator.resume(&RunId::new(queued[0].clone())?).await?;
    let work = house.claim().await?;
    assert_eq!(variable(&work, "DAG_RUN_ID"), Some(queued[0].as_str()));
    assert!(work.lineage.is_none(), "a queued run is shown below the one that queued it");
    Ok(())
}

#[tokio::test]
async fn i2_a_step_that_is_run_again_queues_nothing_twice() -> Outcomes {
    let dir = tempfile::tempdir()?;
    let house = House::on(dir.path(), "n1").await?;
    let mut new =
        submission(&RunId::new("r1")?, vec![enqueue(FanForm::Parallel, Some(json!([7, "seven"])), json!("P=${ITEM}"))]);
    let mut child = Plan { steps: vec![step("work", "echo", &[])], ..Plan::named("child") };
    child.params = vec![Param {
        name: Some("P".into()),
        kind: ParamKind::Integer,
        default: None,
        eval: None,
        description: None,
        required: false,
        bounds: ParamBounds::default(),
    }];
    new.plan.dags = vec![("child".into(), child)];
    let run = new.run.clone();
    house.process.coordinator.submit(new).await?;
    house.does(done()).await?;
    assert_eq!(house.ends(&run).await?, RunStatus::Failed);
    let row = house.process.store.row(&run).await?.ok_or("no row")?;
    let why = row.message.unwrap_or_default();
    assert!(why.contains("1 of 2 were not queued; the first is `child\tP=seven`"), "{why}");
    let queued = names(&house.process).await?;
    assert_eq!(queued.len(), 1);

    // The first try's run is found again, and told as one that was there.
    house.process.coordinator.retry(&run, &[], false).await?;
    house.does(done()).await?;
    assert_eq!(house.ends(&run).await?, RunStatus::Failed);
    assert_eq!(names(&house.process).await?, queued, "the run was queued a second time");
    assert_eq!(house.process.statuses(&run).await?["q"], StepStatus::Failed);
    let mut told = Vec::new();
    for (_, event) in house.process.store.events_after(&run, Version(0)).await? {
        if let Body::ChildrenEnded { ended, .. } = event.body {
            told.extend(ended.into_iter().filter_map(|end| end.outputs).map(|outputs| outputs.0));
        }
    }
    let again = |there| format!(r#"{{"queue":"child","status":"queued","alreadyExists":{there}}}"#);
    assert_eq!(told, [again(false), again(true)]);
    Ok(())
}
