//! The queue: `pintle enqueue`, `pintle dequeue`, `pintle start --queued`.
//!
//! What is queued belongs to no process. Whoever takes a run over starts it, and of two who try one gets it.

use std::collections::BTreeSet;

use anyhow::{Context as _, bail};
use pintle_coordinator::{Accepted, Error};
use pintle_core::ids::RunId;
use pintle_core::plugin::Staged;
use pintle_core::run::RunStatus;
use pintle_core::run::command::StopCause;
use serde_json::json;

use crate::args::{Dequeue, Enqueue, Output, Running};
use crate::context::{Context, remark, say};
use crate::dag;
use crate::embedded;
use crate::failure::Exit;
use crate::join::House;
use crate::leftover;
use crate::names;
use crate::perform::perform;
use crate::signals::Signals;
use crate::stage::Opening;
use crate::submission::{Given, run_id, submission};
use crate::threads::one_thread;

/// Accepts a run, and runs nothing.
pub(crate) fn enqueue(args: Enqueue, context: &Context) -> anyhow::Result<Exit> {
    let known = embedded::known()?;
    let Some(dag) = dag::open(&args.file, (args.quiet, args.output), context, &known)? else { return Ok(Exit::Failed) };
    one_thread()?.block_on(async {
        let house = House::open(&context.settings, known)?;
        let run = run_id(args.run_id.as_deref())?;
        let given = Given { values: &args.values, params: args.params.as_deref(), name: args.name.as_deref() };
        let submit = submission(&given, dag, run.clone(), args.quiet, &house, context)?;
        let name = submit.plan.name.clone();
        let accepted = house.coordinator.enqueue(submit).await?;
        if args.quiet {
            return Ok(Exit::Success);
        }
        let status = match accepted {
            Accepted::New => RunStatus::Queued,
            Accepted::Before => names::find(&house.store, run.as_str()).await?.status,
        };
        match args.output {
            Output::Json => {
                let before = accepted == Accepted::Before;
                say(&json!({"run": run, "dag": name, "status": status.as_str(), "alreadyExists": before}).to_string());
            }
            Output::Text => match accepted {
                Accepted::New => say(&format!("run {run} of `{name}` is queued")),
                Accepted::Before => say(&format!("run {run} of `{name}` was queued before and is {status}")),
            },
        }
        Ok(Exit::Success)
    })
}

/// Ends a run that has not begun.
pub(crate) fn dequeue(args: &Dequeue, context: &Context) -> anyhow::Result<Exit> {
    context.need_store()?;
    one_thread()?.block_on(async {
        let (house, row, _) = names::open(&args.run, context, Vec::new()).await?;
        match row.status {
            RunStatus::Queued => {}
            RunStatus::Running | RunStatus::Waiting => {
                bail!("run {} is {} and no longer queued: `pintle stop {0}` stops it", row.id, row.status)
            }
            RunStatus::Succeeded
            | RunStatus::PartiallySucceeded
            | RunStatus::Failed
            | RunStatus::Aborted
            | RunStatus::Rejected => bail!("run {} is {}: it is not queued", row.id, row.status),
        }
        house.coordinator.stop(&row.id, StopCause::Requested, false).await?;
        say(&format!("run {} of `{}` is taken out of the queue", row.id, row.dag));
        Ok(Exit::Success)
    })
}

/// Runs what is queued, until the queue is empty. A run that cannot be begun is told of and passed by.
pub(crate) async fn run(how: &Running, context: &Context, known: Vec<Staged>) -> anyhow::Result<Exit> {
    let house = House::open(&context.settings, known)?;
    house.recover_dead().await?;
    let mut signals = Signals::listen().context("signals of this process cannot be listened to")?;
    let (mut seen, mut worst) = (BTreeSet::new(), Exit::Success);
    let is_new = |row: &pintle_store::RunRow, seen: &BTreeSet<RunId>| !seen.contains(&row.id);
    while let Some(row) = house.coordinator.queue().await?.into_iter().find(|row| is_new(row, &seen)) {
        if seen.is_empty() {
            house.move_in().await?;
            leftover::clear(&house).await;
        }
        seen.insert(row.id.clone());
        house.coordinator.reopen();
        let crew = house.hire(&context.settings)?;
        match house.coordinator.resume(&row.id).await {
            Ok(()) => {
                let exit = perform(&house, crew, (&row.id, Opening::Started), how, context, &mut signals).await?;
                if exit == Exit::Interrupted {
                    return Ok(exit);
                }
                if exit != Exit::Success {
                    worst = exit;
                }
            }
            // Another process was faster, or it was taken out of the queue.
            Err(Error::Owned { .. } | Error::Refused(_)) => crew.dismiss(&house).await,
            Err(Error::Store(error)) => return Err(error.into()),
            Err(error) => {
                crew.dismiss(&house).await;
                remark(&format!("run {} of `{}` stays in the queue: {error}", row.id, row.dag));
                worst = Exit::Failed;
            }
        }
    }
    if seen.is_empty() && !how.quiet {
        remark("nothing is queued");
    }
    Ok(worst)
}
