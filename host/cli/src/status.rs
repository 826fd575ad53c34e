//! `pintle status`.

use std::io::IsTerminal as _;

use pintle_core::plan::StepIndex;
use pintle_core::run::RunStatus;
use pintle_core::time::Timestamp;
use pintle_store::{RunFilter, RunRow, Runs as _};
use serde_json::{Value, json};

use crate::args::{Output, Status};
use crate::artifacts;
use crate::context::{Context, NO_RUNS, remark, say};
use crate::failure::Exit;
use crate::join::House;
use crate::names;
use crate::render::scene::Scene;
use crate::render::screen::Size;
use crate::render::style::{DIM, Pen};
use crate::render::tree::{self, Layout, View};
use crate::render::{json as object, runs, summary};
use crate::threads::one_thread;

/// Runs that are not over are listed up to here.
const OPEN: usize = 50;
/// Runs of steps are read up to here.
const BELOW: usize = 1000;
/// Of them, so many are shown to a person.
const SHOWN: usize = 12;

/// Shows where a run stands.
pub(crate) fn run(args: &Status, context: &Context) -> anyhow::Result<Exit> {
    if !context.has_store()? {
        return nothing(args, context);
    }
    one_thread()?.block_on(async {
        let house = House::open(&context.settings, Vec::new())?;
        house.recover_dead().await?;
        match &args.run {
            Some(text) => {
                let row = names::find(&house.store, text).await?;
                one(&house, &row, args.output, context).await?;
            }
            None => open_runs(&house, args.output).await?,
        }
        Ok(Exit::Success)
    })
}

fn nothing(args: &Status, context: &Context) -> anyhow::Result<Exit> {
    if args.run.is_some() {
        context.need_store()?;
    }
    match args.output {
        Output::Json => say("[]"),
        Output::Text => remark(NO_RUNS),
    }
    Ok(Exit::Success)
}

async fn one(house: &House, row: &RunRow, output: Output, context: &Context) -> anyhow::Result<()> {
    let (scene, pen) = (house.scene(&row.id).await?, context.out);
    let artifacts = artifacts::dir_of(house, row, &scene.run.plan, &context.settings.home);
    let artifacts = artifacts.map(|dir| (artifacts::count(&dir), dir)).filter(|(count, _)| *count > 0);
    let below = house.store.children(&row.id, (StepIndex(0), 0), BELOW).await?;
    match output {
        Output::Json => {
            let mut object = object::result(&scene);
            if let Some(object) = object.as_object_mut() {
                object.remove("event");
                object.insert("params".into(), runs::params(&row.params));
                object.insert("source".into(), row.source.clone().into());
                object.insert("pid".into(), living(row).into());
                if let Some((count, dir)) = &artifacts {
                    object.insert("artifacts".into(), json!({"dir": dir.display().to_string(), "files": count}));
                }
                if !below.is_empty() {
                    object.insert("runs".into(), below.iter().map(|row| child(&scene, row)).collect());
                }
            }
            say(&object.to_string());
        }
        Output::Text => {
            lines(&scene, row, house, pen).iter().for_each(|line| say(line));
            if let Some((count, _)) = artifacts {
                let files = if count == 1 { "1 file".to_owned() } else { format!("{count} files") };
                say(&pen.paint(DIM, &format!("artifacts: {files} (`pintle artifacts {}`)", row.id)));
            }
            children(&below, house.now()).iter().for_each(|line| say(line));
        }
    }
    Ok(())
}

fn child(scene: &Scene, row: &RunRow) -> Value {
    let parent = row.parent.as_ref();
    json!({
        "run": row.id,
        "step": parent.map(|parent| scene.name(parent.step)),
        "item": parent.map(|parent| parent.child),
        "dag": row.dag,
        "status": row.status,
        "message": row.message,
    })
}

/// Runs that steps made: those that did not succeed before the others, for they are what is looked for.
fn children(below: &[RunRow], now: Timestamp) -> Vec<String> {
    if below.is_empty() {
        return Vec::new();
    }
    let mut rows: Vec<&RunRow> = below.iter().collect();
    rows.sort_by_key(|row| row.status == RunStatus::Succeeded);
    let shown: Vec<RunRow> = rows.iter().take(SHOWN).map(|row| (*row).clone()).collect();
    let mut lines = vec![String::new(), "runs below:".to_owned(), runs::table(&shown, now)];
    if below.len() > SHOWN {
        let more = if below.len() == BELOW { "at least " } else { "" };
        lines.push(format!("and {more}{} more: `pintle status --output json` lists them", below.len() - SHOWN));
    }
    lines
}

fn living(row: &RunRow) -> Option<u32> {
    row.pid.filter(|_| matches!(row.status, RunStatus::Running | RunStatus::Queued))
}

fn lines(scene: &Scene, row: &RunRow, house: &House, pen: Pen) -> Vec<String> {
    let view = View { now: house.now(), height: usize::MAX, beat: 0, pen };
    let rows = tree::rows(scene, &Layout::of(scene), view);
    // Where nobody looks, whoever reads wants all of it.
    let width = if std::io::stdout().is_terminal() { Size::of_terminal().width } else { usize::MAX };
    let mut lines: Vec<String> = rows.iter().map(|row| row.draw(width, pen)).collect();
    if let Some(source) = &row.source {
        lines.push(pen.paint(DIM, &format!("file: {source}")));
    }
    if let Some(pid) = living(row) {
        lines.push(pen.paint(DIM, &format!("process: {pid}")));
    }
    lines.extend(summary::next(scene, pen));
    lines
}

/// What is not over, and the latest run beside it.
async fn open_runs(house: &House, output: Output) -> anyhow::Result<()> {
    let open =
        RunFilter { statuses: vec![RunStatus::Queued, RunStatus::Running, RunStatus::Waiting], ..RunFilter::default() };
    let mut rows = house.store.list(&open, None, OPEN).await?.rows;
    let latest = house.store.list(&RunFilter::default(), None, 1).await?.rows;
    rows.extend(latest.into_iter().filter(|row| row.status.is_terminal()));
    match output {
        Output::Json => say(&runs::json(&rows)),
        Output::Text if rows.is_empty() => remark(NO_RUNS),
        Output::Text => say(&runs::table(&rows, house.now())),
    }
    Ok(())
}
