//! Steps that ask people: what is asked, who answers, who goes on.

#![expect(clippy::indexing_slicing, reason = "indexing JSON answers null where nothing is")]

use std::time::Duration;

use pintle_coordinator::{Error as Refused, Onward, Word, live};
use pintle_core::ids::RunId;
use pintle_core::plan::{
    Action, Approval, Child, DeclaredOutput, Fan, FanForm, Form, FormField, Json, Param, ParamBounds, ParamKind, Plan,
    Role, Step, StepIndex, Task, Template,
};
use pintle_core::run::command::{Finished, StopCause};
use pintle_core::run::event::WaitReason;
use pintle_core::run::{Outcome, RunStatus, StepStatus};
use pintle_core::time::Span;
use pintle_spec::Given;
use pintle_store::{Runs, Timers};
use serde_json::{Value, json};

use crate::house::House;
use crate::stand::{Outcomes, Process, done, one, step, submission, variable};

fn task(name: &str, after: &[u32]) -> Step {
    let field = |name: &str, kind, default: Option<&str>| FormField {
        title: None,
        param: Param {
            name: Some(name.into()),
            kind,
            default: default.map(|json| Json(json.into())),
            eval: None,
            description: None,
            required: default.is_none(),
            bounds: ParamBounds::default(),
        },
    };
    let fields = vec![field("region", ParamKind::String, None), field("replicas", ParamKind::Integer, Some("2"))];
    let form = Some(Form { fields, ..Form::default() });
    let prompt = Template("Where to, ${env.HOME}?".into());
    let mut step = Step::doing(name, Action::Task(Box::new(Task { prompt, form })));
    step.id = Some(name.into());
    step.depends = after.iter().map(|i| StepIndex(*i)).collect();
    step.outputs =
        ["region", "replicas"].map(|name| DeclaredOutput { name: name.into(), kind: Default::default() }).into();
    step
}

fn gated(name: &str, after: &[u32], approval: Approval) -> Step {
    let mut step = step(name, "draft", after);
    step.outputs = vec![DeclaredOutput { name: "words".into(), kind: Default::default() }];
    step.approval = Some(Box::new(approval));
    step
}

fn wrote(words: u32) -> Outcome {
    Outcome::Finished(Finished {
        exit_code: Some(0),
        output_file: Some(format!("words={words}\n")),
        ..Finished::default()
    })
}

fn pairs(pairs: &[(&str, &str)]) -> Given {
    Given::Pairs(pairs.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned())).collect())
}

fn region(region: &str) -> Word {
    Word::Complete(pairs(&[("region", region)]))
}

fn approve() -> Word {
    Word::Approve(pairs(&[]))
}

fn push_back(feedback: &str) -> Word {
    Word::PushBack(pairs(&[("FEEDBACK", feedback)]), Some("not yet".into()))
}

async fn asked(process: &Process, run: &RunId) -> Outcomes<String> {
    let view = live::view(&process.store.load(run).await?.ok_or("no run")?)?;
    match view.head.waiting {
        Some(WaitReason::Person { prompt }) => Ok(prompt),
        other => Err(format!("it waits for {other:?}").into()),
    }
}

async fn status(process: &Process, run: &RunId) -> Outcomes<RunStatus> {
    Ok(process.store.row(run).await?.ok_or("no row")?.status)
}

#[tokio::test]
async fn a_task_asks_with_its_values_resolved_and_its_answer_is_seen_behind_it() -> Outcomes {
    let dir = tempfile::tempdir()?;
    let process = Process::on(dir.path(), "n1").await?;
    let after = step("after", "echo ${steps.ask.outputs.region} ${steps.ask.outputs.replicas}", &[0]);
    let run = process.submit("r1", vec![task("ask", &[]), after]).await?;
    let claimed = one(process.claim(8).await?)?;
    assert_eq!((claimed.action.as_str(), claimed.declared_outputs.len()), ("noop", 0), "its worker runs nothing");
    let (_, none) = process.settle(&claimed, done(), 8).await?;
    assert!(none.is_empty());
    assert_eq!(process.coordinator.settled(&run).await?, RunStatus::Waiting);
    assert_eq!(asked(&process, &run).await?, "Where to, /home/ada?");
    assert_eq!(process.store.row(&run).await?.ok_or("no row")?.waiting.as_deref(), Some("person"));

    for (word, said) in [
        (Word::Complete(pairs(&[])), "`region` is required"),
        (Word::Complete(pairs(&[("region", "eu"), ("replicas", "x")])), "it must be a whole number"),
        (approve(), "it cannot be approved"),
    ] {
        let refused = process.coordinator.answer(&run, StepIndex(0), "ada", word).await;
        assert!(refused.is_err_and(|error| error.to_string().contains(said)), "{said}");
    }
    let onward = process.coordinator.answer(&run, StepIndex(0), "ada", region("eu")).await?;
    assert_eq!(onward, Onward::There { pid: 4711 });
    let after = one(process.claim(8).await?)?;
    assert!(after.input_json.contains("echo eu 2"), "{}", after.input_json);
    process.settle(&after, done(), 0).await?;
    assert_eq!(process.coordinator.settled(&run).await?, RunStatus::Succeeded);
    Ok(())
}

#[tokio::test]
async fn an_answer_from_another_process_is_seen_by_the_home_that_lives() -> Outcomes {
    let dir = tempfile::tempdir()?;
    let house = House::on(dir.path(), "home").await?;
    let steps = vec![task("ask", &[]), step("long", "x", &[]), step("after", "x", &[0])];
    let run = house.process.submit("r1", steps).await?;
    house.does(done()).await?;
    let long = house.claim().await?;
    let other = Process::on(dir.path(), "other").await?;
    assert_eq!(status(&other, &run).await?, RunStatus::Running, "another branch goes on");
    let onward = other.coordinator.answer(&run, StepIndex(0), "eve", region("us")).await?;
    assert_eq!(onward, Onward::There { pid: 4711 });
    let after = house.claim().await?;
    assert_eq!(after.step_name, "after");
    for claimed in [after, long] {
        house.process.settle(&claimed, done(), 0).await?;
    }
    assert_eq!(house.ends(&run).await?, RunStatus::Succeeded);
    Ok(())
}

#[tokio::test]
async fn a_home_that_waits_with_its_run_goes_on_when_it_is_answered() -> Outcomes {
    let dir = tempfile::tempdir()?;
    let house = House::on(dir.path(), "home").await?;
    let run = house.process.submit("r1", vec![task("ask", &[]), step("after", "x", &[0])]).await?;
    house.does(done()).await?;
    assert_eq!(house.ends(&run).await?, RunStatus::Waiting);
    let other = Process::on(dir.path(), "other").await?;
    let onward = other.coordinator.answer(&run, StepIndex(0), "eve", region("us")).await?;
    assert_eq!(onward, Onward::There { pid: 4711 });
    house.does(done()).await?;
    assert_eq!(house.ends(&run).await?, RunStatus::Succeeded);
    Ok(())
}

#[tokio::test]
async fn after_the_death_of_its_home_a_run_is_answered_and_goes_on_where_it_is_resumed() -> Outcomes {
    let dir = tempfile::tempdir()?;
    let old = Process::on(dir.path(), "old").await?;
    let steps = vec![task("one", &[]), task("two", &[]), step("after", "x", &[0, 1])];
    let run = old.submit("r1", steps).await?;
    for claimed in old.claim(8).await? {
        old.settle(&claimed, done(), 0).await?;
    }
    assert_eq!(old.coordinator.settled(&run).await?, RunStatus::Waiting);
    let new = Process::on(dir.path(), "new").await?;
    old.die(&new.store).await?;
    assert!(new.coordinator.recover_dead().await?.is_empty(), "a run that waits for people is not interrupted");

    let still = new.coordinator.resume(&run).await;
    assert!(still.is_err_and(|error| error.to_string().contains("step one asks")));
    assert_eq!(new.coordinator.answer(&run, StepIndex(0), "ada", region("eu")).await?, Onward::StillAsked);
    assert_eq!(new.coordinator.answer(&run, StepIndex(1), "ada", region("eu")).await?, Onward::Nobody);
    assert_eq!(status(&new, &run).await?, RunStatus::Waiting, "an answer alone runs nothing");
    new.coordinator.resume(&run).await?;
    let after = one(new.claim(8).await?)?;
    new.settle(&after, done(), 0).await?;
    assert_eq!(new.coordinator.settled(&run).await?, RunStatus::Succeeded);
    Ok(())
}

#[tokio::test]
async fn of_two_answers_at_once_one_counts_and_the_other_is_told_whose() -> Outcomes {
    let dir = tempfile::tempdir()?;
    let home = Process::on(dir.path(), "home").await?;
    let run = home.submit("r1", vec![task("ask", &[]), step("after", "x", &[0])]).await?;
    let claimed = one(home.claim(8).await?)?;
    home.settle(&claimed, done(), 0).await?;
    let mut people = Vec::new();
    for n in 0..8 {
        people.push(Process::on(dir.path(), &format!("p{n}")).await?);
    }
    home.die(&people.first().ok_or("nobody")?.store).await?;
    let answers: Vec<_> = people
        .into_iter()
        .enumerate()
        .map(|(n, process)| {
            let run = run.clone();
            tokio::spawn(async move {
                let by = format!("person-{n}");
                process.coordinator.answer(&run, StepIndex(0), &by, region(&by)).await.map_err(|e| e.to_string())
            })
        })
        .collect();
    let (mut taken, mut told) = (0, Vec::new());
    for answer in answers {
        match answer.await? {
            Ok(_) => taken += 1,
            Err(said) => told.push(said),
        }
    }
    assert_eq!((taken, told.len()), (1, 7), "{told:?}");
    let new = Process::on(dir.path(), "new").await?;
    let view = live::view(&new.store.load(&run).await?.ok_or("no run")?)?;
    let first = view.steps.first().ok_or("no step")?;
    let by = first.talk.as_ref().and_then(|talk| talk.answer.as_ref()).ok_or("no answer")?.by.clone();
    let wanted = format!("step ask was answered before: it was completed by {by}");
    assert!(told.iter().all(|said| *said == wanted), "{told:?}");
    let region = first.end.as_ref().ok_or("no end")?.outputs.first().ok_or("no output")?.1.0.clone();
    assert_eq!(region, format!("\"{by}\""), "the value of another was kept");
    Ok(())
}

#[tokio::test]
async fn an_approval_gives_variables_and_outputs_to_the_steps_behind() -> Outcomes {
    let dir = tempfile::tempdir()?;
    let process = Process::on(dir.path(), "n1").await?;
    let approval = Approval {
        prompt: Some(Template("Are ${steps.draft.outputs.words} words enough?".into())),
        input: vec!["WHO".into()],
        required: vec!["WHO".into()],
        rewind_to: None,
    };
    let behind = step("behind", "echo ${steps.draft.outputs.words} ${steps.draft.outputs.WHO}", &[0]);
    let run = process.submit("r1", vec![gated("draft", &[], approval), behind, step("beside", "x", &[])]).await?;
    let claimed = process.claim(8).await?;
    for claimed in &claimed {
        let outcome = if claimed.step_name == "draft" { wrote(300) } else { done() };
        process.settle(claimed, outcome, 0).await?;
    }
    assert_eq!(process.coordinator.settled(&run).await?, RunStatus::Waiting);
    assert_eq!(asked(&process, &run).await?, "Are 300 words enough?");
    let bare = process.coordinator.answer(&run, StepIndex(0), "ada", approve()).await;
    assert!(bare.is_err_and(|error| error.to_string().contains("needs the input WHO")));
    process.coordinator.answer(&run, StepIndex(0), "ada", Word::Approve(pairs(&[("WHO", "ada")]))).await?;
    let behind = one(process.claim(8).await?)?;
    assert_eq!(variable(&behind, "WHO"), Some("ada"));
    assert!(behind.input_json.contains("echo 300 ada"), "{}", behind.input_json);
    process.settle(&behind, done(), 0).await?;
    assert_eq!(process.coordinator.settled(&run).await?, RunStatus::Succeeded);
    Ok(())
}

#[tokio::test]
async fn a_push_back_runs_steps_again_which_are_told_why() -> Outcomes {
    let dir = tempfile::tempdir()?;
    let process = Process::on(dir.path(), "n1").await?;
    let approval = Approval { rewind_to: Some(StepIndex(0)), ..Approval::default() };
    let mut prepare = step("prepare", "echo ${context.pushback.iteration}", &[]);
    prepare.env = vec![("FEEDBACK".into(), Template("none".into()))];
    let run = process.submit("r1", vec![prepare, gated("draft", &[0], approval), step("behind", "x", &[1])]).await?;
    let first = one(process.claim(8).await?)?;
    assert!(first.input_json.contains("echo 0"), "{}", first.input_json);
    assert_eq!((variable(&first, "FEEDBACK"), variable(&first, "DAG_PUSHBACK")), (Some("none"), None));
    let draft = one(process.settle_printing(&first, done(), "old\n", 1).await?.1)?;
    process.settle(&draft, wrote(1), 0).await?;
    process.coordinator.answer(&run, StepIndex(1), "ada", push_back("shorter")).await?;

    let again = one(process.claim(8).await?)?;
    assert_eq!((again.step_name.as_str(), again.attempt.get()), ("prepare", 1));
    assert_ne!(again.operation_key, first.operation_key, "it is done anew on purpose");
    assert!(again.input_json.contains("echo 1"), "{}", again.input_json);
    assert_eq!(variable(&again, "FEEDBACK"), Some("shorter"));
    assert_eq!(variable(&again, "DAG_PUSHBACK_ITERATION"), Some("1"));
    let told: Value = serde_json::from_str(variable(&again, "DAG_PUSHBACK").ok_or("nothing told")?)?;
    assert_eq!((&told["by"], &told["inputs"]), (&json!("ada"), &json!({"FEEDBACK": "shorter"})));
    assert_eq!((&told["reason"], told["history"].as_array().map(Vec::len)), (&json!("not yet"), Some(1)));
    let before = variable(&again, "DAG_PUSHBACK_PREVIOUS_STDOUT_FILE").ok_or("no log")?;
    assert_eq!(std::fs::read_to_string(before)?, "old\n");

    let draft_again = one(process.settle(&again, done(), 1).await?.1)?;
    assert_eq!(variable(&draft_again, "FEEDBACK"), Some("shorter"));
    assert_ne!(draft_again.operation_key, draft.operation_key);
    process.settle(&draft_again, wrote(2), 0).await?;
    process.coordinator.answer(&run, StepIndex(1), "ada", approve()).await?;
    let behind = one(process.claim(8).await?)?;
    assert_eq!(variable(&behind, "DAG_PUSHBACK_ITERATION"), Some("1"), "it was to run again too");
    process.settle(&behind, done(), 0).await?;
    assert_eq!(process.coordinator.settled(&run).await?, RunStatus::Succeeded);
    Ok(())
}

#[tokio::test]
async fn a_rejected_run_says_why_and_asks_again_when_it_is_retried() -> Outcomes {
    let dir = tempfile::tempdir()?;
    let process = Process::on(dir.path(), "n1").await?;
    let run = process.submit("r1", vec![gated("draft", &[], Approval::default()), step("behind", "x", &[0])]).await?;
    let draft = one(process.claim(8).await?)?;
    process.settle(&draft, wrote(1), 0).await?;
    process.coordinator.answer(&run, StepIndex(0), "eve", Word::Reject(Some("not today".into()))).await?;
    assert_eq!(process.coordinator.settled(&run).await?, RunStatus::Rejected);
    let row = process.store.row(&run).await?.ok_or("no row")?;
    assert_eq!(row.message.as_deref(), Some("step `draft`: rejected by eve: not today"));
    process.coordinator.retry(&run, &[], false).await?;
    let again = one(process.claim(8).await?)?;
    process.settle(&again, wrote(2), 0).await?;
    assert_eq!(process.coordinator.settled(&run).await?, RunStatus::Waiting);
    process.coordinator.answer(&run, StepIndex(0), "ada", approve()).await?;
    process.settle(&one(process.claim(8).await?)?, done(), 0).await?;
    assert_eq!(process.coordinator.settled(&run).await?, RunStatus::Succeeded);
    Ok(())
}

#[tokio::test]
async fn a_task_that_nobody_completes_in_time_fails() -> Outcomes {
    let dir = tempfile::tempdir()?;
    let house = House::on(dir.path(), "n1").await?;
    let mut ask = task("ask", &[]);
    ask.timeout = Some(Span(400));
    let mut tells = step("tells", "echo", &[]);
    tells.role = Role::OnWait;
    let run = house.process.submit("r1", vec![ask, tells]).await?;
    house.does(done()).await?;
    let tells = house.does(done()).await?;
    assert_eq!(variable(&tells, "DAG_WAITING_STEPS"), Some("ask"));
    assert_eq!(status(&house.process, &run).await?, RunStatus::Running, "a time that runs keeps it open");
    assert!(house.process.store.next_due(Some(&"n1".parse_id()?)).await?.is_some(), "the timer is no row");
    assert_eq!(house.ends(&run).await?, RunStatus::Failed);
    let view = live::view(&house.process.store.load(&run).await?.ok_or("no run")?)?;
    let end = view.steps.first().and_then(|step| step.end.clone()).ok_or("no end")?;
    assert_eq!(end.exit_code, Some(124));
    assert!(house.process.store.next_due(Some(&"n1".parse_id()?)).await?.is_none(), "the timer is still there");
    Ok(())
}

#[tokio::test]
async fn a_run_that_was_killed_while_a_time_ran_fails_when_it_goes_on_too_late() -> Outcomes {
    let dir = tempfile::tempdir()?;
    let old = Process::on(dir.path(), "old").await?;
    let mut ask = task("ask", &[]);
    ask.timeout = Some(Span(1));
    let run = old.submit("r1", vec![ask]).await?;
    let claimed = one(old.claim(1).await?)?;
    old.settle(&claimed, done(), 0).await?;
    tokio::time::sleep(Duration::from_millis(5)).await;
    let new = House::on(dir.path(), "new").await?;
    old.die(&new.process.store).await?;
    assert_eq!(new.process.coordinator.recover_dead().await?, std::slice::from_ref(&run));
    let late = new.process.coordinator.answer(&run, StepIndex(0), "ada", region("eu")).await;
    assert!(late.is_err_and(|error| error.to_string().contains("which is over")));
    new.process.coordinator.resume(&run).await?;
    assert_eq!(new.ends(&run).await?, RunStatus::Failed);
    Ok(())
}

#[tokio::test]
async fn a_stop_ends_what_asks_whoever_is_at_home() -> Outcomes {
    let dir = tempfile::tempdir()?;
    let old = Process::on(dir.path(), "old").await?;
    let run = old.submit("r1", vec![task("ask", &[]), step("after", "x", &[0])]).await?;
    let claimed = one(old.claim(1).await?)?;
    old.settle(&claimed, done(), 0).await?;
    let new = Process::on(dir.path(), "new").await?;
    old.die(&new.store).await?;
    new.coordinator.stop(&run, StopCause::Requested, false).await?;
    assert_eq!(status(&new, &run).await?, RunStatus::Aborted);
    assert_eq!(new.statuses(&run).await?.get("ask"), Some(&StepStatus::Aborted));
    let answered = new.coordinator.answer(&run, StepIndex(0), "ada", region("eu")).await;
    assert!(matches!(answered, Err(Refused::Refused(_))), "{answered:?}");
    Ok(())
}

/// A DAG that is run below asks whether its step is good.
fn below() -> Outcomes<(RunId, pintle_coordinator::Submit)> {
    let run = RunId::new("r1")?;
    let fan = Fan {
        form: FanForm::Dag,
        child: Child::Dag(Template("asks".into())),
        queued: false,
        params: None,
        items: None,
        alias: None,
        key: None,
        max_concurrent: 1,
        collect: vec![],
    };
    let mut sub = Step::doing("sub", Action::Fan(Box::new(fan)));
    sub.id = Some("sub".into());
    let mut submit = submission(&run, vec![sub, step("beside", "x", &[])]);
    let steps = vec![gated("draft", &[], Approval::default()), step("then", "x", &[0])];
    submit.plan.dags = vec![("asks".into(), Plan { steps, ..Plan::named("asks") })];
    Ok((run, submit))
}

async fn child_of(process: &Process, run: &RunId) -> Outcomes<RunId> {
    let rows = process.store.children(run, (StepIndex(0), 0), 9).await?;
    Ok(rows.into_iter().next().ok_or("no child")?.id)
}

#[tokio::test]
async fn an_approval_below_is_answered_there_while_the_run_above_goes_on() -> Outcomes {
    let dir = tempfile::tempdir()?;
    let house = House::on(dir.path(), "home").await?;
    let (run, submit) = below()?;
    house.process.coordinator.submit(submit).await?;
    let claimed = [house.claim().await?, house.claim().await?];
    let [sub, beside] = claimed;
    house.process.settle(&sub, done(), 0).await?;
    house.does(wrote(1)).await?;
    let child = child_of(&house.process, &run).await?;
    // The step above knows that it waits for somebody below.
    let waits = async {
        loop {
            let view = live::view(&house.process.store.load(&run).await?.ok_or("no run")?)?;
            if view.steps.first().is_some_and(|step| step.awaits_below()) {
                return Ok::<_, Box<dyn std::error::Error>>(());
            }
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(10), waits).await??;
    let other = Process::on(dir.path(), "other").await?;
    let onward = other.coordinator.answer(&child, StepIndex(0), "ada", approve()).await?;
    assert_eq!(onward, Onward::There { pid: 4711 });
    let then = house.claim().await?;
    assert_eq!(then.step_name, "then");
    house.process.settle(&then, done(), 0).await?;
    house.process.settle(&beside, done(), 0).await?;
    assert_eq!(house.ends(&run).await?, RunStatus::Succeeded);
    Ok(())
}

#[tokio::test]
async fn an_approval_below_waits_with_the_run_above_and_both_go_on_when_it_is_resumed() -> Outcomes {
    let dir = tempfile::tempdir()?;
    let old = House::on(dir.path(), "old").await?;
    let (run, submit) = below()?;
    old.process.coordinator.submit(submit).await?;
    let claimed = [old.claim().await?, old.claim().await?];
    for claimed in claimed {
        old.process.settle(&claimed, done(), 0).await?;
    }
    old.does(wrote(1)).await?;
    assert_eq!(old.ends(&run).await?, RunStatus::Waiting);
    assert_eq!(old.process.store.row(&run).await?.ok_or("no row")?.waiting.as_deref(), Some("below"));
    let child = child_of(&old.process, &run).await?;
    let new = House::on(dir.path(), "new").await?;
    old.leaves().await?.die(&new.process.store).await?;

    // Whoever goes on before the answer waits again, and is the one who sees it.
    new.process.coordinator.resume(&run).await?;
    let again = async {
        while new.process.store.row(&child).await?.and_then(|row| row.home).map(|home| home.to_string())
            != Some("new".into())
            || status(&new.process, &run).await? != RunStatus::Waiting
        {
            tokio::task::yield_now().await;
        }
        Ok::<_, Box<dyn std::error::Error>>(())
    };
    tokio::time::timeout(Duration::from_secs(10), again).await??;
    let other = Process::on(dir.path(), "other").await?;
    let onward = other.coordinator.answer(&child, StepIndex(0), "ada", approve()).await?;
    assert_eq!(onward, Onward::There { pid: 4711 });
    new.does(done()).await?;
    assert_eq!(new.ends_at(&run, RunStatus::Succeeded).await?, RunStatus::Succeeded);
    let rows = new.process.store.children(&run, (StepIndex(0), 0), 9).await?;
    assert_eq!(rows.iter().map(|row| row.attempt.get()).collect::<Vec<_>>(), [1], "a child ran twice");
    Ok(())
}

#[tokio::test]
async fn a_push_back_of_a_step_with_runs_below_makes_new_ones() -> Outcomes {
    let dir = tempfile::tempdir()?;
    let house = House::on(dir.path(), "n1").await?;
    let (run, mut submit) = below()?;
    submit.plan.steps.truncate(1);
    if let (Some(sub), Some((_, dag))) = (submit.plan.steps.first_mut(), submit.plan.dags.first_mut()) {
        let prompt = Template("${steps.sub.outputs.words} words?".into());
        sub.approval = Some(Box::new(Approval { prompt: Some(prompt), ..Approval::default() }));
        let mut draft = gated("draft", &[], Approval::default());
        draft.approval = None;
        dag.steps = vec![draft];
    }
    house.process.coordinator.submit(submit).await?;
    house.does(done()).await?;
    let first = house.does(wrote(1)).await?;
    assert_eq!(house.ends(&run).await?, RunStatus::Waiting);
    assert_eq!(asked(&house.process, &run).await?, "1 words?");
    house.process.coordinator.answer(&run, StepIndex(0), "ada", push_back("more")).await?;
    house.does(done()).await?;
    let second = house.does(wrote(2)).await?;
    assert_ne!(first.claim.run, second.claim.run, "what was not good was kept");
    assert_eq!(house.ends_at(&run, RunStatus::Waiting).await?, RunStatus::Waiting);
    assert_eq!(asked(&house.process, &run).await?, "2 words?");
    house.process.coordinator.answer(&run, StepIndex(0), "ada", approve()).await?;
    assert_eq!(house.ends_at(&run, RunStatus::Succeeded).await?, RunStatus::Succeeded);
    Ok(())
}

/// For tests that name nodes.
trait ParseId {
    fn parse_id(&self) -> Outcomes<pintle_core::ids::NodeId>;
}

impl ParseId for str {
    fn parse_id(&self) -> Outcomes<pintle_core::ids::NodeId> {
        Ok(pintle_core::ids::NodeId::new(self)?)
    }
}
