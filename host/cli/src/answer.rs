//! `pintle human-task`, `approve`, `reject` and `push-back`: what steps ask, and what people answer.

use std::io::{BufRead as _, IsTerminal as _, Write as _};

use anyhow::bail;
use pintle_coordinator::{Onward, Word};
use pintle_core::ids::RunId;
use pintle_core::plan::{FormField, StepIndex};
use pintle_core::run::{RunStatus, Verdict};
use pintle_spec::{Given, read_values};
use pintle_store::{RunFilter, RunRow, Runs as _};
use serde_json::{Value, json};

use crate::args::{Answering, Approve, Complete, HumanTask, Inputs, Output, PushBack, Reject, Target};
use crate::context::{Context, remark, say};
use crate::embedded;
use crate::failure::{Exit, Failure};
use crate::join::House;
use crate::names;
use crate::render::ask;
use crate::render::scene::Scene;
use crate::render::table;
use crate::render::time::instant;
use crate::render::words::bare;
use crate::retry;
use crate::threads::{one_thread, threads};
use crate::user;

/// Runs that are looked at for what they ask.
const RUNS: usize = 1000;
/// Runs below a run.
const BELOW: usize = 1000;
/// A prompt is cut here in the table.
const CELL: usize = 60;
/// Of a person's name.
const NAME: usize = 128;

/// `pintle human-task`.
pub(crate) fn run(args: HumanTask, context: &Context) -> anyhow::Result<Exit> {
    match args {
        HumanTask::List { output } => list(output, context),
        HumanTask::Complete(args) => complete(*args, context),
    }
}

fn complete(args: Complete, context: &Context) -> anyhow::Result<Exit> {
    let Complete { target, inputs, answering } = args;
    let silent = inputs.input.is_empty() && inputs.inputs_json.is_none();
    let given = given(inputs)?;
    let word = |scene: &Scene, step: StepIndex| {
        let form = scene.run.plan.step(step).and_then(|step| step.action.task()?.form.clone());
        match form {
            Some(form) if silent && std::io::stdin().is_terminal() && std::io::stderr().is_terminal() => {
                ask_for(&form.fields).map(Word::Complete)
            }
            Some(_) | None => Ok(Word::Complete(given.clone())),
        }
    };
    answer(&target, &answering, Verdict::Completed, word, context)
}

/// `pintle approve`.
pub(crate) fn approve(args: Approve, context: &Context) -> anyhow::Result<Exit> {
    let given = given(args.inputs)?;
    let word = |_: &Scene, _| Ok(Word::Approve(given.clone()));
    answer(&args.target, &args.answering, Verdict::Approved, word, context)
}

/// `pintle reject`.
pub(crate) fn reject(args: Reject, context: &Context) -> anyhow::Result<Exit> {
    let word = |_: &Scene, _| Ok(Word::Reject(args.reason.clone()));
    answer(&args.target, &args.answering, Verdict::Rejected, word, context)
}

/// `pintle push-back`.
pub(crate) fn push_back(args: PushBack, context: &Context) -> anyhow::Result<Exit> {
    let given = given(args.inputs)?;
    let word = |_: &Scene, _| Ok(Word::PushBack(given.clone(), args.reason.clone()));
    answer(&args.target, &args.answering, Verdict::PushedBack, word, context)
}

fn given(inputs: Inputs) -> anyhow::Result<Given> {
    if let Some(json) = inputs.inputs_json {
        return Ok(Given::Json(json));
    }
    let pair = |text: &String| match text.split_once('=') {
        Some((name, value)) if !name.trim().is_empty() => Ok((name.trim().to_owned(), value.to_owned())),
        Some(_) | None => Err(Failure::usage(format!("`--input {text}` gives nothing: write --input NAME=VALUE"))),
    };
    Ok(Given::Pairs(inputs.input.iter().map(pair).collect::<anyhow::Result<_>>()?))
}

/// Asks for each value of a form, until it is one that the form takes. An empty line leaves a value out.
fn ask_for(fields: &[FormField]) -> anyhow::Result<Given> {
    let mut pairs = Vec::new();
    let mut lines = std::io::stdin().lock().lines();
    for field in fields {
        let name = field.param.name.clone().unwrap_or_default();
        let form = pintle_core::plan::Form { fields: vec![field.clone()], ..Default::default() };
        loop {
            let mut err = std::io::stderr().lock();
            let _ = write!(err, "{}> ", ask::field(field)).and_then(|()| err.flush());
            drop(err);
            let Some(line) = lines.next().transpose()? else { bail!("nothing was answered: the input is at its end") };
            let pair: Vec<(String, String)> =
                Some((name.clone(), line)).filter(|(_, l)| !l.is_empty()).into_iter().collect();
            match read_values(Some(&form), &Given::Pairs(pair.clone())) {
                Ok(_) => {
                    pairs.extend(pair);
                    break;
                }
                Err(faults) => remark(&faults.to_string()),
            }
        }
    }
    Ok(Given::Pairs(pairs))
}

fn answer(
    target: &Target,
    how: &Answering,
    verdict: Verdict,
    word: impl Fn(&Scene, StepIndex) -> anyhow::Result<Word>,
    context: &Context,
) -> anyhow::Result<Exit> {
    context.need_store()?;
    let by = by(how.by.as_deref())?;
    let text = target.run_id.as_deref().or(target.run.as_deref()).unwrap_or_default();
    let named = target.step_name.as_deref().or(target.step.as_deref());
    threads()?.block_on(async {
        let (house, row, _) = names::open(text, context, embedded::known()?).await?;
        let scene = house.scene(&row.id).await?;
        let step = step_of(&scene, named)?;
        let word = word(&scene, step)?;
        let onward = house.coordinator.answer(&row.id, step, &by, word).await?;
        let said = format!("step {} of run {} was {verdict}", scene.name(step), row.id);
        let quiet = how.running.quiet || how.running.output == Output::Json;
        let tell = |more: &str| {
            if !quiet {
                remark(&format!("{said}{more}"))
            }
        };
        match onward {
            Onward::There { pid } => tell(&format!("; process {pid} goes on with the run")),
            Onward::Unnoticed { pid } => {
                tell(&format!("; process {pid}, which has the run, has not gone on yet: is it stopped?"));
            }
            Onward::StillAsked => {
                tell("; the run waits for more answers");
                let scene = house.scene(&row.id).await?;
                if !quiet {
                    ask::questions(&scene, context.err).iter().for_each(|line| remark(line));
                }
            }
            Onward::Nobody if how.detach => tell(&format!("; `pintle retry {}` goes on", top_of(&house, &row).await?)),
            Onward::Nobody => {
                tell("");
                return go_on(&house, &row, how, context).await;
            }
        }
        Ok(Exit::Success)
    })
}

/// Nobody works on the run: it goes on here, with the runs above it.
async fn go_on(house: &House, row: &RunRow, how: &Answering, context: &Context) -> anyhow::Result<Exit> {
    let top = top_of(house, row).await?;
    match retry::go_on(house, &top, &how.running, context).await {
        // Somebody else was faster, and goes on with it.
        Err(error) if Failure::exit_of(&error) == Exit::Refused => {
            remark(&format!("run {top} goes on in another process"));
            Ok(Exit::Success)
        }
        ended => ended,
    }
}

/// The run that a person started, or the highest that is not over.
async fn top_of(house: &House, row: &RunRow) -> anyhow::Result<RunId> {
    let mut top = row.clone();
    while let Some(parent) = &top.parent {
        match house.store.row(&parent.run).await? {
            Some(above) if !above.status.is_terminal() => top = above,
            Some(_) | None => break,
        }
    }
    Ok(top.id)
}

/// The step that is meant; the only one that asks, if none is named.
fn step_of(scene: &Scene, named: Option<&str>) -> anyhow::Result<StepIndex> {
    let run = &scene.run;
    if let Some(name) = named {
        let found = run.plan.find(name);
        return match found {
            Some(step) => Ok(step),
            None => {
                let names: Vec<String> = ask::asking(scene).map(|(index, _, _)| scene.name(index)).collect();
                let asks =
                    if names.is_empty() { "none asks".to_owned() } else { format!("asked is {}", names.join(", ")) };
                Err(Failure::usage(format!("run {} has no step `{name}`; {asks}", run.id)))
            }
        };
    }
    let asking: Vec<StepIndex> = ask::asking(scene).map(|(index, _, _)| index).collect();
    match asking.as_slice() {
        [step] => Ok(*step),
        [] => bail!(
            "run {} is {} and no step of it asks anything: `pintle human-task list` shows what is asked",
            run.id,
            run.status()
        ),
        several => {
            let names: Vec<String> = several.iter().map(|step| scene.name(*step)).collect();
            Err(Failure::usage(format!(
                "{} steps of run {} ask: name one of {}",
                names.len(),
                run.id,
                names.join(", ")
            )))
        }
    }
}

/// Who answers.
fn by(given: Option<&str>) -> anyhow::Result<String> {
    let name = match given {
        Some(name) => name.trim().to_owned(),
        None => user::name(),
    };
    if name.is_empty() || name.len() > NAME || name.chars().any(char::is_control) {
        return Err(Failure::usage(format!("`--by` is a name of at most {NAME} bytes, without control characters")));
    }
    Ok(name)
}

/// Lists what steps of all runs ask.
fn list(output: Output, context: &Context) -> anyhow::Result<Exit> {
    if !context.has_store()? {
        return Ok(print(&[], output));
    }
    one_thread()?.block_on(async {
        let house = House::open(&context.settings, Vec::new())?;
        house.recover_dead().await?;
        let statuses = vec![RunStatus::Queued, RunStatus::Running, RunStatus::Waiting];
        let filter = RunFilter { statuses, ..RunFilter::default() };
        let mut open = house.store.list(&filter, None, RUNS).await?.rows;
        let mut asked = Vec::new();
        while let Some(row) = open.pop() {
            let below = house.store.children(&row.id, (StepIndex(0), 0), BELOW).await?;
            open.extend(below.into_iter().filter(|row| !row.status.is_terminal()));
            let scene = house.scene(&row.id).await?;
            for found in ask::asking(&scene) {
                let mut object = ask::object(&scene, found);
                if let Some(object) = object.as_object_mut() {
                    object.insert("run".into(), json!(row.id));
                    object.insert("dag".into(), json!(row.dag));
                    object.insert("step".into(), json!(scene.name(found.0)));
                }
                let since = found.2.since.map(instant).unwrap_or_default();
                asked.push((since, object));
            }
        }
        asked.sort_by(|a, b| a.0.cmp(&b.0));
        let asked: Vec<Value> = asked.into_iter().map(|(_, object)| object).collect();
        Ok(print(&asked, output))
    })
}

fn print(asked: &[Value], output: Output) -> Exit {
    match output {
        Output::Json => say(&Value::Array(asked.to_vec()).to_string()),
        Output::Text if asked.is_empty() => remark("nothing is asked"),
        Output::Text => {
            let word =
                |object: &Value, name: &str| object.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
            let cells = |object: &Value| {
                let since = word(object, "since");
                let since = since.split('.').next().unwrap_or_default().replace('T', " ");
                let prompt = bare(word(object, "prompt").lines().next().unwrap_or_default());
                let prompt: String = prompt.chars().take(CELL).collect();
                [word(object, "run"), bare(&word(object, "step")), word(object, "kind"), since, prompt]
            };
            say(&table::draw(["RUN", "STEP", "ASKS FOR", "SINCE (UTC)", "PROMPT"], asked.iter().map(cells), &[]));
        }
    }
    Exit::Success
}
