//! Steps that expand: their children run, end, are stopped, found again and told of once.

#![expect(clippy::indexing_slicing, reason = "indexing JSON answers null where nothing is")]

use std::time::Duration;

use pintle_core::ids::RunId;
use pintle_core::limits::MAX_INLINE;
use pintle_core::plan::{
    Action, Child, Fan, FanForm, Json, Output, Param, ParamBounds, ParamKind, Plan, RetryPolicy, Step, StepIndex,
    Template,
};
use pintle_core::run::command::{Finished, StopCause};
use pintle_core::run::{Outcome, RunStatus, StepStatus};
use pintle_core::time::Span;
use pintle_plane::worker::{Assignment, WorkerPlane};
use pintle_store::Runs;
use serde_json::{Value, json};

use crate::house::House;
use crate::stand::{Outcomes, Process, done, exit, one, step, submission, variable};

/// A body of one step that prints, for each of these items.
fn foreach(items: &Value, at_once: u32) -> Step {
    let mut body = step("work", "echo ${foreach.item}", &[]);
    body.output = Some(Output::Variable("MADE".into()));
    let body = Plan { steps: vec![body], ..Plan::named("dag") };
    fan_step(
        "each",
        Fan {
            form: FanForm::Foreach,
            child: Child::Body(Box::new(body)),
            queued: false,
            params: None,
            items: Some(Json(items.to_string())),
            alias: None,
            key: None,
            max_concurrent: at_once,
            collect: vec![],
        },
    )
}

fn dag_run(dag: &str) -> Step {
    fan_step(
        "sub",
        Fan {
            form: FanForm::Dag,
            child: Child::Dag(Template(dag.into())),
            queued: false,
            params: None,
            items: None,
            alias: None,
            key: None,
            max_concurrent: 1,
            collect: vec![],
        },
    )
}

fn fan_step(name: &str, fan: Fan) -> Step {
    let mut step = Step::doing(name, pintle_core::plan::Action::Fan(Box::new(fan)));
    step.id = Some(name.into());
    step.output = Some(Output::Variable("ALL".into()));
    step
}

fn says(text: &str) -> Outcome {
    Outcome::Finished(Finished { exit_code: Some(0), stdout: Some(text.into()), ..Finished::default() })
}

fn item(claimed: &Assignment) -> String {
    let input: Value = serde_json::from_str(&claimed.input_json).unwrap_or_default();
    let command = input.pointer("/body/command").and_then(Value::as_str).unwrap_or_default();
    command.trim_start_matches("echo ").to_owned()
}

#[tokio::test]
async fn every_item_is_a_run_and_the_step_is_told_what_they_left() -> Outcomes {
    let dir = tempfile::tempdir()?;
    let house = House::on(dir.path(), "n1").await?;
    let mut after = step("after", "echo", &[0]);
    after.env = vec![("SEEN".into(), Template("${steps.each.outputs.summary}".into()))];
    let run = house.process.submit("r1", vec![foreach(&json!(["a", "b", "c"]), 2), after]).await?;
    let each = house.does(done()).await?;
    assert_eq!((each.step_name.as_str(), each.action.as_str()), ("each", "noop"));

    let (a, b) = (house.claim().await?, house.claim().await?);
    assert_eq!((item(&a), item(&b)), ("a".to_owned(), "b".to_owned()));
    let started = house.process.store.children(&run, (StepIndex(0), 0), 9).await?;
    assert_eq!(started.len(), 2, "more run at once than max_concurrent says");
    assert_eq!(variable(&a, "DAG_RUN_ID"), Some("r1"), "a body speaks of the run around it");
    assert_eq!(a.working_dir, dir.path().join("runs/r1/work"));
    let path = a.lineage.as_ref().ok_or("no lineage")?.path.clone();
    assert!(path.starts_with("each["), "{path}");
    house.process.settle(&b, says("B"), 0).await?;
    let c = house.claim().await?;
    assert_eq!(item(&c), "c", "a place that was free was not taken");
    house.process.settle(&c, says("C"), 0).await?;
    house.process.settle(&a, says("A"), 0).await?;

    let after = house.claim().await?;
    assert_eq!(variable(&after, "SEEN"), Some(r#"{"total":3,"succeeded":3,"failed":0}"#));
    let all: Value = serde_json::from_str(variable(&after, "ALL").ok_or("no result")?)?;
    assert_eq!(all["outputs"], json!([{"MADE": "A"}, {"MADE": "B"}, {"MADE": "C"}]));
    assert_eq!(all["items"][1]["status"], "succeeded");
    house.process.settle(&after, done(), 0).await?;
    assert_eq!(house.ends(&run).await?, RunStatus::Succeeded);
    let rows = house.process.store.children(&run, (StepIndex(0), 0), 9).await?;
    assert_eq!(rows.iter().map(|row| row.dag.as_str()).collect::<Vec<_>>(), ["dag.each"; 3]);
    assert!(rows.iter().all(|row| row.status == RunStatus::Succeeded));
    Ok(())
}

/// A worker that has no slot is not woken; what it was not woken for it gets when a slot is free.
#[tokio::test]
async fn a_slot_that_a_report_leaves_free_is_given_to_another_run() -> Outcomes {
    let dir = tempfile::tempdir()?;
    let house = House::on(dir.path(), "n1").await?;
    house.process.submit("r1", vec![foreach(&json!(["a", "b", "c"]), 3)]).await?;
    house.does(done()).await?;
    let mut claimed = house.claim().await?;
    while house.process.store.children(&RunId::new("r1")?, (StepIndex(0), 0), 9).await?.len() < 3 {
        tokio::task::yield_now().await;
    }
    for _ in 0..2 {
        let (_, next) = house.process.settle(&claimed, says("x"), 1).await?;
        claimed = one(next)?;
    }
    Ok(())
}

#[tokio::test]
async fn no_items_are_a_success() -> Outcomes {
    let dir = tempfile::tempdir()?;
    let house = House::on(dir.path(), "n1").await?;
    let run = house.process.submit("r1", vec![foreach(&json!([]), 2)]).await?;
    house.does(done()).await?;
    assert_eq!(house.ends(&run).await?, RunStatus::Succeeded);
    Ok(())
}

#[tokio::test]
async fn a_child_that_fails_fails_the_step_and_a_retry_runs_that_child_alone() -> Outcomes {
    let dir = tempfile::tempdir()?;
    let house = House::on(dir.path(), "n1").await?;
    let run = house.process.submit("r1", vec![foreach(&json!(["a", "b"]), 1)]).await?;
    house.does(done()).await?;
    house.does(says("A")).await?;
    let b = house.does(exit(3)).await?;
    assert_eq!(house.ends(&run).await?, RunStatus::Failed);
    let row = house.process.store.row(&run).await?.ok_or("no row")?;
    let message = row.message.ok_or("no message")?;
    assert!(message.contains("1 of 2 did not succeed") && message.contains("exit code 3"), "{message}");

    house.process.coordinator.retry(&run, &[], false).await?;
    house.does(done()).await?;
    let again = house.claim().await?;
    assert_eq!(again.claim.run, b.claim.run, "a retry did not find the child that failed");
    house.process.settle(&again, says("B"), 0).await?;
    assert_eq!(house.ends(&run).await?, RunStatus::Succeeded);
    let rows = house.process.store.children(&run, (StepIndex(0), 0), 9).await?;
    assert_eq!(rows.iter().map(|row| row.attempt.get()).collect::<Vec<_>>(), [1, 2], "what succeeded ran again");
    Ok(())
}

#[tokio::test]
async fn a_child_that_succeeded_in_part_and_left_nothing_is_a_success() -> Outcomes {
    let dir = tempfile::tempdir()?;
    let house = House::on(dir.path(), "n1").await?;
    let run = RunId::new("r1")?;
    let mut submit = submission(&run, vec![dag_run("partly")]);
    let mut bad = step("bad", "x", &[]);
    bad.continue_on.failure = true;
    submit.plan.dags = vec![("partly".into(), Plan { steps: vec![bad, step("good", "x", &[0])], ..Plan::named("p") })];
    house.process.coordinator.submit(submit).await?;
    for outcome in [done(), exit(1), done()] {
        house.does(outcome).await?;
    }
    assert_eq!(house.ends(&run).await?, RunStatus::Succeeded);
    Ok(())
}

#[tokio::test]
async fn a_retry_policy_of_the_step_retries_what_failed() -> Outcomes {
    let dir = tempfile::tempdir()?;
    let house = House::on(dir.path(), "n1").await?;
    let mut each = foreach(&json!(["a"]), 1);
    each.retry = Some(RetryPolicy {
        limit: 1,
        interval: Span::ZERO,
        backoff_milli: 1000,
        max_interval: None,
        exit_code: vec![],
    });
    let run = house.process.submit("r1", vec![each]).await?;
    for outcome in [done(), exit(1), done(), done()] {
        house.does(outcome).await?;
    }
    assert_eq!(house.ends(&run).await?, RunStatus::Succeeded);
    Ok(())
}

#[tokio::test]
async fn i2_after_the_death_of_its_home_children_go_on_and_none_runs_twice() -> Outcomes {
    let dir = tempfile::tempdir()?;
    let old = House::on(dir.path(), "old").await?;
    let run = old.process.submit("r1", vec![foreach(&json!(["a", "b", "c"]), 2)]).await?;
    old.does(done()).await?;
    let a = old.claim().await?;
    old.process.settle(&a, says("A"), 0).await?;
    let (b, c) = (old.claim().await?, old.claim().await?);
    let new = House::on(dir.path(), "new").await?;
    old.leaves().await?.die(&new.process.store).await?;

    let named = new.process.coordinator.recover_dead().await?;
    assert_eq!(named, std::slice::from_ref(&run), "children are nobody's to resume");
    new.process.coordinator.resume(&run).await?;
    let mut seen = Vec::new();
    for _ in 0..2 {
        let claimed = new.does(says("x")).await?;
        assert_eq!(claimed.losses, 1);
        seen.push(claimed.claim.run);
    }
    seen.sort();
    let mut lost = [b.claim.run, c.claim.run];
    lost.sort();
    assert_eq!(seen, lost);
    assert_eq!(new.ends(&run).await?, RunStatus::Succeeded);
    Ok(())
}

#[tokio::test]
async fn a_stop_reaches_the_children_and_starts_no_more() -> Outcomes {
    let dir = tempfile::tempdir()?;
    let house = House::on(dir.path(), "n1").await?;
    let run = house.process.submit("r1", vec![foreach(&json!(["a", "b", "c"]), 1)]).await?;
    house.does(done()).await?;
    let a = house.claim().await?;
    house.process.coordinator.stop(&run, StopCause::Requested, false).await?;
    let told = async {
        loop {
            let notice = house.process.coordinator.notice(house.process.worker.clone()).await?;
            if let pintle_plane::worker::Notice::Stop(claim, _) = notice {
                return Ok::<_, Box<dyn std::error::Error>>(claim);
            }
        }
    };
    assert_eq!(tokio::time::timeout(Duration::from_secs(5), told).await??, a.claim);
    house.process.settle(&a, Outcome::Stopped { exit_code: Some(143) }, 0).await?;
    assert_eq!(house.ends(&run).await?, RunStatus::Aborted);
    let rows = house.process.store.children(&run, (StepIndex(0), 0), 9).await?;
    assert_eq!(rows.iter().map(|row| row.status).collect::<Vec<_>>(), [RunStatus::Aborted]);
    Ok(())
}

#[tokio::test]
async fn a_stop_of_a_dead_home_stops_its_children_too() -> Outcomes {
    let dir = tempfile::tempdir()?;
    let old = House::on(dir.path(), "old").await?;
    let run = old.process.submit("r1", vec![foreach(&json!(["a", "b"]), 1)]).await?;
    old.does(done()).await?;
    let a = old.claim().await?;
    let new = Process::on(dir.path(), "new").await?;
    old.leaves().await?.die(&new.store).await?;
    new.coordinator.recover_dead().await?;
    new.coordinator.stop(&run, StopCause::Requested, false).await?;
    for run in [&run, &a.claim.run] {
        assert_eq!(new.store.row(run).await?.ok_or("no row")?.status, RunStatus::Aborted);
    }
    Ok(())
}

#[tokio::test]
async fn the_time_of_a_step_is_over_for_its_children_too() -> Outcomes {
    let dir = tempfile::tempdir()?;
    let house = House::on(dir.path(), "n1").await?;
    let mut each = foreach(&json!(["a"]), 1);
    each.timeout = Some(Span(300));
    let run = house.process.submit("r1", vec![each]).await?;
    house.does(done()).await?;
    let a = house.claim().await?;
    let told = async {
        loop {
            let notice = house.process.coordinator.notice(house.process.worker.clone()).await?;
            if let pintle_plane::worker::Notice::Stop(claim, _) = notice {
                return Ok::<_, Box<dyn std::error::Error>>(claim);
            }
        }
    };
    assert_eq!(tokio::time::timeout(Duration::from_secs(10), told).await??, a.claim);
    house.process.settle(&a, Outcome::Stopped { exit_code: Some(143) }, 0).await?;
    assert_eq!(house.ends(&run).await?, RunStatus::Failed);
    let stored = house.process.store.load(&run).await?.ok_or("no run")?;
    let view = pintle_coordinator::live::view(&stored)?;
    let end = view.steps.first().and_then(|step| step.end.as_ref()).ok_or("no end")?;
    assert_eq!(end.exit_code, Some(124), "{end:?}");
    Ok(())
}

#[tokio::test]
async fn a_dag_runs_another_and_that_one_a_third() -> Outcomes {
    let dir = tempfile::tempdir()?;
    let house = House::on(dir.path(), "n1").await?;
    let run = RunId::new("r1")?;
    let mut submit = submission(&run, vec![dag_run("middle")]);
    let mut leaf = step("leaf", "echo", &[]);
    leaf.output = Some(Output::Variable("FOUND".into()));
    submit.plan.dags = vec![
        ("middle".into(), Plan { steps: vec![dag_run("last")], ..Plan::named("middle") }),
        ("last".into(), Plan { steps: vec![leaf], ..Plan::named("last") }),
    ];
    house.process.coordinator.submit(submit).await?;
    house.does(done()).await?;
    house.does(done()).await?;
    let leaf = house.claim().await?;
    assert_eq!((leaf.dag.as_str(), leaf.step_name.as_str()), ("last", "leaf"));
    assert_eq!(leaf.lineage.as_ref().map(|l| l.path.as_str()), Some("sub/sub"));
    assert_eq!(variable(&leaf, "SECRET"), None, "a sub-DAG has no dotenv of its parent");
    assert_ne!(leaf.working_dir, dir.path().join("runs/r1/work"), "a sub-DAG has a directory of its own");
    house.process.settle(&leaf, says("gold"), 0).await?;
    assert_eq!(house.ends(&run).await?, RunStatus::Succeeded);
    let rows = house.process.store.children(&run, (StepIndex(0), 0), 9).await?;
    assert_eq!(rows.len(), 1);
    Ok(())
}

/// With a second try of the body's step, a tenth of a second after the first.
fn retried(mut each: Step) -> Step {
    if let Action::Fan(fan) = &mut each.action
        && let Child::Body(body) = &mut fan.child
    {
        let interval = Span(100);
        let (backoff_milli, max_interval, exit_code) = (1000, None, vec![]);
        body.steps[0].retry = Some(RetryPolicy { limit: 1, interval, backoff_milli, max_interval, exit_code });
    }
    each
}

/// The peer lets a child that waits for its retry keep its place.
#[tokio::test]
async fn a_waiting_retry_gives_its_place_back_and_goes_on_when_there_is_one() -> Outcomes {
    let dir = tempfile::tempdir()?;
    let house = House::on(dir.path(), "n1").await?;
    let run = house.process.submit("r1", vec![retried(foreach(&json!(["a", "b", "c"]), 1))]).await?;
    house.does(done()).await?;
    let a = house.claim().await?;
    assert_eq!(item(&a), "a");
    house.process.settle(&a, exit(1), 0).await?;

    let b = house.claim().await?;
    assert_eq!(item(&b), "b", "a retry that waits kept its place");
    // The retry becomes due meanwhile; were there no bound, it would be ready now.
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert!(house.process.claim(9).await?.is_empty(), "a retry went on without a place");
    house.process.settle(&b, says("B"), 0).await?;
    let again = house.claim().await?;
    assert_eq!(
        (item(&again), again.attempt.get()),
        ("a".to_owned(), 2),
        "what began before goes on before others begin"
    );
    assert!(house.process.claim(9).await?.is_empty(), "more run at once than max_concurrent says");
    house.process.settle(&again, says("A"), 0).await?;
    let c = house.claim().await?;
    assert_eq!(item(&c), "c");
    house.process.settle(&c, says("C"), 0).await?;
    assert_eq!(house.ends(&run).await?, RunStatus::Succeeded);
    Ok(())
}

/// Who comes after a death knows nothing of places: they are given anew.
#[tokio::test]
async fn i2_a_paused_child_goes_on_after_the_death_of_its_home() -> Outcomes {
    let dir = tempfile::tempdir()?;
    let house = House::on(dir.path(), "n1").await?;
    let run = house.process.submit("r1", vec![retried(foreach(&json!(["a", "b"]), 1))]).await?;
    house.does(done()).await?;
    house.does(exit(1)).await?;
    let b = house.claim().await?;
    assert_eq!(item(&b), "b");
    let next = House::on(dir.path(), "n2").await?;
    house.leaves().await?.die(&next.process.store).await?;
    next.process.coordinator.recover_dead().await?;
    next.process.coordinator.resume(&run).await?;
    let mut seen = Vec::new();
    while seen.len() < 2 {
        let claimed = next.claim().await?;
        assert!(next.process.claim(9).await?.is_empty(), "more run at once than max_concurrent says");
        seen.push((item(&claimed), claimed.attempt.get()));
        next.process.settle(&claimed, says("done"), 0).await?;
    }
    seen.sort();
    assert_eq!(seen, [("a".to_owned(), 2), ("b".to_owned(), 1)]);
    assert_eq!(next.ends(&run).await?, RunStatus::Succeeded);
    Ok(())
}

fn computed(name: &str, command: &str, default: Option<&str>) -> Param {
    Param {
        name: Some(name.into()),
        kind: ParamKind::String,
        default: default.map(|json| Json(json.into())),
        eval: Some(command.into()),
        description: None,
        required: false,
        bounds: ParamBounds::default(),
    }
}

#[tokio::test]
async fn parameters_of_a_child_are_computed_before_it_begins() -> Outcomes {
    let dir = tempfile::tempdir()?;
    let house = House::on(dir.path(), "n1").await?;
    let mut new = submission(&RunId::new("r1")?, vec![dag_run("good"), dag_run("bad"), dag_run("fallen")]);
    for (at, name) in [(1, "bad"), (2, "fallen")] {
        new.plan.steps[at].name = name.into();
        new.plan.steps[at].id = Some(name.into());
    }
    let child = |name: &str, params: Vec<Param>| {
        let plan = Plan { steps: vec![step("work", "echo", &[])], params, ..Plan::named(name) };
        (name.to_owned(), plan)
    };
    new.plan.dags = vec![
        child("good", vec![computed("A", "`one`", None), computed("B", "`two`", None)]),
        child("bad", vec![computed("A", "`false`", None)]),
        child("fallen", vec![computed("A", "`false`", Some("\"usual\""))]),
    ];
    let run = new.run.clone();
    house.process.coordinator.submit(new).await?;
    for _ in 0..3 {
        house.does(done()).await?;
    }
    let mut seen = Vec::new();
    for _ in 0..2 {
        let work = house.does(done()).await?;
        seen.push((variable(&work, "A").map(str::to_owned), variable(&work, "B").map(str::to_owned)));
    }
    seen.sort();
    let first = "one in /dags with";
    assert_eq!(seen[0], (Some(first.to_owned()), Some(format!("two in /dags with A={first}"))));
    assert_eq!(seen[1].0.as_deref(), Some("usual"));
    assert_eq!(house.ends(&run).await?, RunStatus::Failed);
    let why = house.process.store.row(&run).await?.ok_or("no row")?.message.unwrap_or_default();
    assert!(why.contains("its command ended with exit status: 1"), "{why}");
    Ok(())
}

#[tokio::test]
async fn a_dag_that_runs_itself_ends() -> Outcomes {
    let dir = tempfile::tempdir()?;
    let house = House::on(dir.path(), "n1").await?;
    let run = RunId::new("r1")?;
    let mut submit = submission(&run, vec![dag_run("self")]);
    submit.plan.dags = vec![("self".into(), Plan { steps: vec![dag_run("self")], ..Plan::named("self") })];
    house.process.coordinator.submit(submit).await?;
    for _ in 0..=16 {
        house.does(done()).await?;
    }
    assert_eq!(house.ends(&run).await?, RunStatus::Failed);
    let message = house.process.store.row(&run).await?.and_then(|row| row.message).ok_or("no message")?;
    assert!(message.contains("16 deep"), "{message}");
    Ok(())
}

#[tokio::test]
async fn what_children_leave_may_be_large_and_not_too_large() -> Outcomes {
    let dir = tempfile::tempdir()?;
    let house = House::on(dir.path(), "n1").await?;
    let run = house.process.submit("r1", vec![foreach(&json!(["a", "b"]), 1), step("after", "echo", &[0])]).await?;
    house.does(done()).await?;
    for _ in 0..2 {
        house.does(says(&"x".repeat(2 * MAX_INLINE))).await?;
    }
    let after = house.claim().await?;
    assert!(variable(&after, "ALL").is_some_and(|all| all.len() > 4 * MAX_INLINE));
    house.process.settle(&after, done(), 0).await?;
    assert_eq!(house.ends(&run).await?, RunStatus::Succeeded);

    let run = house.process.submit("r2", vec![foreach(&json!(["a", "b"]), 1)]).await?;
    house.does(done()).await?;
    for _ in 0..2 {
        house.does(says(&"x".repeat(1 << 20))).await?;
    }
    assert_eq!(house.ends(&run).await?, RunStatus::Failed);
    let message = house.process.store.row(&run).await?.and_then(|row| row.message).ok_or("no message")?;
    assert!(message.contains("at most 1048576 are kept"), "{message}");
    Ok(())
}

#[tokio::test]
async fn a_child_that_waits_for_a_person_lets_its_parent_wait() -> Outcomes {
    let dir = tempfile::tempdir()?;
    let house = House::on(dir.path(), "n1").await?;
    let run = RunId::new("r1")?;
    let mut submit = submission(&run, vec![dag_run("parks")]);
    let mut parks = step("parks", "x", &[]);
    parks.on_lost = pintle_core::plan::OnLost::Park;
    submit.plan.dags = vec![("parks".into(), Plan { steps: vec![parks], ..Plan::named("parks") })];
    house.process.coordinator.submit(submit).await?;
    house.does(done()).await?;
    // Its worker shut down under it, and whether it happened is not known.
    house.does(Outcome::Stopped { exit_code: None }).await?;
    assert_eq!(house.ends(&run).await?, RunStatus::Waiting);
    house.process.coordinator.retry(&run, &[], false).await?;
    let again = house.does(done()).await?;
    assert_eq!(again.step_name, "parks", "the step above did not go on waiting");
    assert_eq!(house.ends(&run).await?, RunStatus::Succeeded);
    Ok(())
}

#[tokio::test]
async fn a_child_that_another_process_works_on_is_waited_for() -> Outcomes {
    let dir = tempfile::tempdir()?;
    let house = House::on(dir.path(), "n1").await?;
    let run = house.process.submit("r1", vec![foreach(&json!(["a"]), 1)]).await?;
    house.does(done()).await?;
    let a = house.does(exit(1)).await?;
    assert_eq!(house.ends(&run).await?, RunStatus::Failed);

    let other = House::on(dir.path(), "n2").await?;
    other.process.coordinator.retry(&a.claim.run, &[], false).await?;
    let elsewhere = other.claim().await?;
    house.process.coordinator.retry(&run, &[], false).await?;
    house.does(done()).await?;
    other.process.settle(&elsewhere, says("A"), 0).await?;
    assert_eq!(house.ends(&run).await?, RunStatus::Succeeded);
    Ok(())
}

#[tokio::test]
async fn a_step_of_the_body_sees_what_stands_around_it_also_after_a_retry_of_its_own() -> Outcomes {
    let dir = tempfile::tempdir()?;
    let house = House::on(dir.path(), "n1").await?;
    let mut first = step("first", "echo", &[]);
    first.output = Some(Output::Variable("FIRST".into()));
    let mut each = foreach(&json!(["a"]), 1);
    each.depends = vec![StepIndex(0)];
    let run = house.process.submit("r1", vec![first, each]).await?;
    house.does(says("one")).await?;
    house.does(done()).await?;
    let a = house.does(exit(1)).await?;
    assert_eq!(variable(&a, "FIRST"), Some("one"));
    assert_eq!(house.ends(&run).await?, RunStatus::Failed);
    let statuses = house.process.statuses(&run).await?;
    assert_eq!(statuses.get("each"), Some(&StepStatus::Failed));
    let child = a.claim.run;
    house.process.coordinator.retry(&child, &[], false).await?;
    let again = one(house.process.claim(8).await?)?;
    assert_eq!((item(&again), variable(&again, "FIRST")), ("a".to_owned(), Some("one")));
    Ok(())
}
