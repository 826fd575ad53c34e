//! `pintle retry`, and `pintle start --resume`.

use std::path::Path;

use anyhow::Context as _;
use pintle_coordinator::Error;
use pintle_core::graph::Graph;
use pintle_core::ids::RunId;
use pintle_core::plan::{Plan, StepIndex};
use pintle_core::plugin::Staged;
use pintle_core::run::command::StopCause;
use pintle_core::run::{Refusal, RunStatus};
use pintle_store::{RunRow, Runs as _, Trigger};

use crate::args::{Retry, Running};
use crate::context::{Context, remark};
use crate::dag::Dag;
use crate::embedded;
use crate::failure::{Exit, Failure};
use crate::join::House;
use crate::leftover;
use crate::names;
use crate::perform::perform;
use crate::render::ask;
use crate::render::words::quoted;
use crate::signals::Signals;
use crate::stage::Opening;
use crate::threads::threads;

/// Runs again what did not succeed, or goes on with an interrupted run.
pub(crate) fn run(args: &Retry, context: &Context) -> anyhow::Result<Exit> {
    let known = embedded::known()?;
    threads()?.block_on(async {
        let (house, row, _) = names::open(&args.run, context, known).await?;
        let over = row.status.is_terminal();
        if !over && !args.step.is_empty() {
            return Err(Failure::usage(format!(
                "run {} is {}: leave --step out to go on with it, or stop it first",
                row.id, row.status
            )));
        }
        let (steps, left) = steps(&house, &row, &args.step).await?;
        if !args.downstream && !args.running.quiet {
            left.iter().for_each(|sentence| remark(sentence));
        }
        if !args.running.quiet && is_changed(&house, &row, context).await {
            remark(&format!(
                "the file, or base.yaml, changed since; this retry runs the plan that the run had; `pintle start {}` runs the new one",
                quoted(row.source.as_deref().unwrap_or_default())
            ));
        }
        // The coordinator looks again whether the run is over: it may have ended, or been interrupted, since.
        let opening = if over { Opening::Retried } else { going_on(&row) };
        let again_how = Again::Retry(&steps, args.downstream, opening);
        again(&house, &row.id, &args.running, context, again_how).await
    })
}

/// Whether the file that a run came from holds another plan by now. What cannot be read says nothing.
async fn is_changed(house: &House, row: &RunRow, context: &Context) -> bool {
    // What a step made is a part of a file; and what a shell put together is not there any more, or somebody else's.
    let made_here = matches!(row.trigger, Trigger::Start) && row.parent.is_none();
    let is_kept = |path: &&Path| path.is_file() && !["/dev", "/proc"].iter().any(|odd| path.starts_with(odd));
    let source = row.source.as_deref().map(Path::new).filter(|path| made_here && is_kept(path));
    let Some(source) = source else { return false };
    let Ok(known) = embedded::known() else { return false };
    let now = Dag::load(source, &known, &context.settings.home);
    let (Ok(now), Ok(had)) = (now, plan(house, row).await) else { return false };
    differs(now.plan, &had)
}

/// Whether a plan that was read just now is another one than a run had, which may have been given a name of its own.
fn differs(now: Plan, had: &Plan) -> bool {
    let now = now.with_gate();
    now != *had && Plan { name: had.name.clone(), ..now } != *had
}

/// The plan that a run has.
async fn plan(house: &House, row: &RunRow) -> anyhow::Result<Plan> {
    let text = house.store.plan(&row.plan).await?;
    let text = text.with_context(|| format!("the plan of run {} is not in the store", row.id))?;
    serde_json::from_str(&text)
        .with_context(|| format!("the plan of run {} cannot be read; use the pintle that wrote it", row.id))
}

/// Goes on with an interrupted run.
pub(crate) async fn resume(text: &str, how: &Running, context: &Context, known: Vec<Staged>) -> anyhow::Result<Exit> {
    let (house, row, just_recorded) = names::open(text, context, known).await?;
    if row.status.is_terminal() && just_recorded {
        // A step that says `on_lost: fail` ended with its process, and the run with the step.
        let why = row.message.as_deref().unwrap_or("its process is gone");
        remark(&format!("run {} is {}: {why}; `pintle retry {0}` runs it again", row.id, row.status));
        return Ok(Exit::Failed);
    }
    if row.status.is_terminal() {
        return Err(Failure::usage(format!(
            "run {} is over ({}): `pintle retry {0}` runs again what did not succeed",
            row.id, row.status
        )));
    }
    if row.waiting.as_deref() == Some(PARKED) {
        remark(&format!(
            "run {} waits: whether a parked step did its work is not known; look, then `pintle retry {0}` runs it again",
            row.id
        ));
        return Ok(Exit::Success);
    }
    again(&house, &row.id, how, context, Again::Resume(going_on(&row))).await
}

/// How a run that is not over comes on stage: one that was queued begins.
fn going_on(row: &RunRow) -> Opening {
    if row.status == RunStatus::Queued { Opening::Started } else { Opening::Resumed }
}

/// So many steps are named; the rest is counted.
const SHOWN: usize = 10;

/// What a run's row says while it waits for somebody to look at a step.
const PARKED: &str = "parked";

/// Goes on with a run that waits and that nobody works on.
pub(crate) async fn go_on(house: &House, run: &RunId, how: &Running, context: &Context) -> anyhow::Result<Exit> {
    again(house, run, how, context, Again::Resume(Opening::Resumed)).await
}

/// Stops a run that nobody works on; its closing handlers run here.
pub(crate) async fn close(house: &House, run: &RunId, how: &Running, context: &Context) -> anyhow::Result<Exit> {
    again(house, run, how, context, Again::Stop).await
}

#[derive(Clone, Copy)]
enum Again<'a> {
    Resume(Opening),
    Stop,
    Retry(&'a [StepIndex], bool, Opening),
}

async fn again(house: &House, run: &RunId, how: &Running, context: &Context, again: Again<'_>) -> anyhow::Result<Exit> {
    let mut signals = Signals::listen().context("signals of this process cannot be listened to")?;
    house.move_in().await?;
    let crew = house.hire(&context.settings)?;
    clear_away(house, run).await?;
    leftover::clear(house).await;
    let (taken, opening) = match again {
        Again::Resume(opening) => (house.coordinator.resume(run).await, opening),
        Again::Stop => (house.coordinator.stop_here(run, StopCause::Requested).await, Opening::Stopped),
        Again::Retry(steps, downstream, opening) => (house.coordinator.retry(run, steps, downstream).await, opening),
    };
    match taken {
        Ok(()) => perform(house, crew, (run, opening), how, context, &mut signals).await,
        Err(error @ Error::Owned { .. }) => Err(Failure::refused(error.to_string())),
        Err(Error::Refused(Refusal::StillAsked { .. })) => {
            if !how.quiet {
                remark(&format!("run {run} waits for people"));
                let scene = house.scene(run).await?;
                ask::questions(&scene, context.err).iter().for_each(|line| remark(line));
            }
            Ok(Exit::Success)
        }
        Err(error) => Err(error.into()),
    }
}

/// Kills what claims of a run that nobody runs any more left behind, before its steps run again at home (I-5).
async fn clear_away(house: &House, run: &RunId) -> anyhow::Result<()> {
    use pintle_store::Nodes as _;
    let row = house.store.row(run).await?;
    let home = row.filter(|row| !row.status.is_terminal()).and_then(|row| row.home);
    if let Some(home) = home
        && house.store.is_alive(&home).await?
    {
        // The claims are a living process's: whoever takes the run over is told so.
        return Ok(());
    }
    let layout = house.layout().clone();
    let claims = claims_of(&layout.claims(), run)?;
    if claims.is_empty() {
        return Ok(());
    }
    let root = layout.root().to_path_buf();
    let killed = tokio::task::spawn_blocking(move || {
        claims.iter().map(|claim| pintle_worker::recover(&root, claim)).collect::<Result<Vec<_>, _>>()
    });
    let recovered = killed.await.context("clearing away an old claim failed")??;
    for one in recovered.iter().filter(|one| one.killed > 0) {
        tracing::warn!(%run, killed = one.killed, "processes of an old claim were still there and were killed");
    }
    Ok(())
}

/// The claims of a run that still have a file.
fn claims_of(dir: &std::path::Path, run: &RunId) -> anyhow::Result<Vec<String>> {
    let entries = match std::fs::read_dir(dir) {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(error).with_context(|| format!("cannot look for old claims in `{}`", dir.display())),
    };
    let mut claims = Vec::new();
    for entry in entries {
        let name = entry?.file_name();
        if let Some(name) = name.to_str().filter(|name| leftover::run_of(name).as_ref() == Some(run)) {
            claims.push(name.to_owned());
        }
    }
    claims.sort();
    Ok(claims)
}

/// The steps that were named, all unknown names at once; and a word about those behind them.
async fn steps(house: &House, row: &RunRow, names: &[String]) -> anyhow::Result<(Vec<StepIndex>, Option<String>)> {
    if names.is_empty() {
        return Ok((Vec::new(), None));
    }
    let plan = plan(house, row).await?;
    let found = names::find_steps(&plan, names)?;
    let left = left_behind(&plan, &found);
    Ok((found, left))
}

/// What is behind the named steps and is not named itself: it keeps what it has of the last attempt.
fn left_behind(plan: &Plan, named: &[StepIndex]) -> Option<String> {
    let behind = Graph::of(plan).with_descendants(named);
    let names: Vec<&str> = behind
        .iter()
        .filter(|index| !named.contains(index))
        .filter_map(|index| plan.step(*index))
        .map(|step| step.name.as_str())
        .collect();
    let first = names.iter().take(SHOWN).copied().collect::<Vec<_>>().join(", ");
    let more = names.len().saturating_sub(SHOWN);
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    (!names.is_empty())
        .then(|| format!("not run again, and left as they were: {first}{more} (--downstream runs what is behind too)"))
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test may fail loudly")]
mod tests {
    use super::*;

    #[test]
    fn a_plan_is_the_same_under_another_name_and_another_with_another_step() {
        let plan = |steps: &[(&str, &[u32])]| crate::render::scene::tests::Script::new(steps).scene.run.plan;
        let had = Plan { name: "nightly".to_owned(), ..plan(&[("a", &[])]).as_ref().clone().with_gate() };
        assert!(!differs(plan(&[("a", &[])]).as_ref().clone(), &had));
        assert!(differs(plan(&[("b", &[])]).as_ref().clone(), &had));
        assert!(differs(plan(&[("a", &[]), ("b", &[])]).as_ref().clone(), &had));
    }

    #[test]
    fn steps_behind_the_named_ones_are_told() {
        let plan = |count: u32| {
            let names: Vec<String> = (0..=count).map(|n| format!("s{n}")).collect();
            let first: &[u32] = &[0];
            let steps: Vec<(&str, &[u32])> = names
                .iter()
                .enumerate()
                .map(|(n, name)| (name.as_str(), if n == 0 { &[][..] } else { first }))
                .collect();
            crate::render::scene::tests::Script::new(&steps).scene.run.plan
        };
        let two = "not run again, and left as they were: s1, s2 (--downstream runs what is behind too)";
        assert_eq!(left_behind(&plan(2), &[StepIndex(0)]).as_deref(), Some(two));
        assert_eq!(left_behind(&plan(2), &[StepIndex(0), StepIndex(1), StepIndex(2)]), None);
        assert_eq!(left_behind(&plan(2), &[StepIndex(2)]), None);
        let many = left_behind(&plan(13), &[StepIndex(0)]).unwrap_or_default();
        assert!(many.contains("s10 and 3 more ("), "{many}");
        let ten = left_behind(&plan(10), &[StepIndex(0)]).unwrap_or_default();
        assert!(ten.contains("s10 (") && !ten.contains("more"), "{ten}");
    }

    #[test]
    fn a_place_of_claims_that_cannot_be_looked_into_is_named() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let said = claims_of(file.path(), &RunId::new("r").unwrap()).unwrap_err().to_string();
        assert_eq!(said, format!("cannot look for old claims in `{}`", file.path().display()));
    }
}
