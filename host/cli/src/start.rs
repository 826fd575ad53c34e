//! `pintle start`.

use anyhow::Context as _;
use pintle_coordinator::Accepted;
use pintle_core::ids::RunId;
use pintle_core::plugin::Staged;
use pintle_core::run::RunStatus;
use pintle_core::run::event::WaitReason;

use crate::args::{Output, Running, Start};
use crate::context::{Context, remark, say};
use crate::dag::{self, Dag};
use crate::embedded;
use crate::failure::{Exit, Failure};
use crate::join::House;
use crate::perform::perform;
use crate::render::{json, summary};
use crate::signals::Signals;
use crate::stage::{self, Opening};
use crate::submission::{Given, run_id, submission};
use crate::threads::threads;
use crate::{leftover, queue, retry};

/// Runs a DAG to its end, or goes on with an interrupted run.
pub(crate) fn run(args: Start, context: &Context) -> anyhow::Result<Exit> {
    let known = embedded::known()?;
    if let Some(run) = &args.resume {
        return threads()?.block_on(retry::resume(run, &args.running, context, known));
    }
    if args.queued {
        return threads()?.block_on(queue::run(&args.running, context, known));
    }
    let file = args.file.clone().context("no DAG file was named: name one, or use --resume RUN or --queued")?;
    let Some(dag) = dag::open(&file, (args.running.quiet, args.running.output), context, &known)? else {
        return Ok(Exit::Failed);
    };
    threads()?.block_on(start(args, dag, context, known))
}

async fn start(args: Start, dag: Dag, context: &Context, known: Vec<Staged>) -> anyhow::Result<Exit> {
    tracing::debug!("the DAG is read");
    let house = House::open(&context.settings, known)?;
    tracing::debug!("the house is open");
    let mut signals = Signals::listen().context("signals of this process cannot be listened to")?;
    let run = run_id(args.run_id.as_deref())?;
    let given = Given { values: &args.values, params: args.params.as_deref(), name: args.name.as_deref() };
    let submit = submission(&given, dag, run.clone(), args.running.quiet, &house, context)?;
    house.move_in().await?;
    let crew = house.hire(&context.settings)?;
    tracing::debug!("ready to submit");
    leftover::clear(&house).await;
    match house.coordinator.submit(submit).await? {
        Accepted::New => {
            tracing::debug!(%run, "submitted");
            perform(&house, crew, (&run, Opening::Started), &args.running, context, &mut signals).await
        }
        Accepted::Before => {
            crew.dismiss(&house).await;
            first_answer(&house, &run, &args.running, context).await
        }
    }
}

/// The same run was submitted before under the same id: what became of it is the answer (decision 17), so that a caller
/// who does not know whether his first try was heard may simply try again.
async fn first_answer(house: &House, run: &RunId, how: &Running, context: &Context) -> anyhow::Result<Exit> {
    house.recover_dead().await?;
    let scene = house.scene(run).await?;
    let (run, head) = (&scene.run, &scene.run.head);
    let status = run.status();
    if matches!(status, RunStatus::Queued | RunStatus::Running) {
        return Err(Failure::refused(format!(
            "run {} was submitted before and is {status} in another process: `pintle status {0}` shows it",
            run.id
        )));
    }
    if how.output == Output::Json && !how.quiet {
        say(&json::result(&scene).to_string());
    } else if !how.quiet {
        remark(&format!("run {} was submitted before: nothing is run again, this is what became of it", run.id));
        summary::alone(&scene, context.err).iter().for_each(|line| remark(line));
    }
    // Who started it is told that it is not done; only what waits for people is.
    let interrupted = head.waiting == Some(WaitReason::Interrupted);
    Ok(if interrupted { Exit::Failed } else { stage::exit_of(status, head.stop.as_ref().map(|stop| &stop.cause)) })
}
