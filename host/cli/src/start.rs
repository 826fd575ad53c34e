//! `pintle start`.

use std::io::IsTerminal as _;

use anyhow::Context as _;
use pintle_coordinator::{Accepted, SubDag, Submit};
use pintle_core::ids::RunId;
use pintle_core::plugin::Staged;
use pintle_core::run::RunStatus;
use pintle_core::run::event::WaitReason;
use pintle_spec::BoundParams;

use crate::args::{Output, Running, Start};
use crate::context::{Context, remark, say};
use crate::dag::{self, Dag, World};
use crate::embedded;
use crate::failure::{Exit, Failure};
use crate::join::{Crew, House};
use crate::render::json::{self, Json};
use crate::render::plain::Plain;
use crate::render::scene::Scene;
use crate::render::screen::{Live, Size};
use crate::render::{Quiet, Show, summary};
use crate::signals::Signals;
use crate::stage::{self, Opening, Stage};
use crate::{home, leftover, queue, retry, status};

/// Runs a DAG to its end, or goes on with an interrupted run.
pub(crate) fn run(args: Start, context: &Context) -> anyhow::Result<Exit> {
    let known = embedded::known()?;
    if let Some(run) = &args.resume {
        return threads()?.block_on(retry::resume(run, &args.running, context, known));
    }
    if args.queued {
        return threads()?.block_on(queue::run(&args.running, context, known));
    }
    let file = args.file.clone().context("no DAG file was named")?;
    let Some(dag) = dag::open(&file, args.running.quiet, context, &known)? else { return Ok(Exit::Failed) };
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
    let scene = status::scene_of(house, run).await?;
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

pub(crate) fn run_id(given: Option<&str>) -> anyhow::Result<RunId> {
    match given {
        Some(text) => Ok(RunId::new(text)?),
        None => Ok(RunId::new(uuid::Uuid::now_v7().to_string())?),
    }
}

/// What the command line says of a new run.
pub(crate) struct Given<'a> {
    pub(crate) values: &'a [String],
    pub(crate) params: Option<&'a str>,
    pub(crate) name: Option<&'a str>,
}

/// A run of a DAG, ready to be submitted: parameters are bound and dotenv files are read.
pub(crate) fn submission(
    given: &Given<'_>,
    dag: Dag,
    run: RunId,
    quiet: bool,
    house: &House,
    context: &Context,
) -> anyhow::Result<Submit> {
    let world = World { env: &house.env, sandbox: context.settings.sandbox };
    let params = dag::bind(&dag, &dag::given(given.values, given.params), world)?;
    let (dotenv, mut missing) = dag::dotenv((&dag.plan, &dag.dir), &params, &run, world)?;
    let mut dags = Vec::with_capacity(dag.dags.len());
    for (origin, (name, plan)) in dag.dags.iter().zip(&dag.plan.dags) {
        // Its parameters are bound when a step runs it; the files that it names are read now, with the defaults.
        let (dotenv, not_there) = dag::dotenv((plan, &origin.dir), &BoundParams::default(), &run, world)?;
        missing.extend(not_there);
        let (source, dag_dir) = (Some(origin.path.clone()), origin.dir.clone());
        dags.push(SubDag { name: name.clone(), source, dag_dir, dotenv });
    }
    if !quiet {
        for path in missing {
            remark(&format!("dotenv file `{}` is not there; it sets nothing", path.display()));
        }
    }
    let mut nonce = [0; 24];
    home::random(&mut nonce).context("the system gives no random bytes")?;
    let mut plan = dag.plan;
    if let Some(name) = given.name {
        name.clone_into(&mut plan.name);
    }
    Ok(Submit { run, plan, params, source: Some(dag.path), dag_dir: dag.dir, dotenv, dags, nonce })
}

/// Performs a run of this home to its end, and shows it.
pub(crate) async fn perform(
    house: &House,
    mut crew: Crew,
    (run, opening): (&RunId, Opening),
    how: &Running,
    context: &Context,
    signals: &mut Signals,
) -> anyhow::Result<Exit> {
    let show = |scene: &Scene| show(scene, how, context);
    let mut stage = Stage::open(&house.coordinator, run, crew.feed.clone(), show).await?;
    stage.announce(opening, house.now());
    let status = loop {
        crew.begin(house);
        let status = stage.play(house, &mut crew, signals).await;
        tracing::debug!("settled");
        crew.dismiss(house).await;
        tracing::debug!("the crew is home");
        let status = status?;
        // What it waited for may have been answered while the crew went home: whoever answered counts on this process.
        if status != RunStatus::Waiting || house.coordinator.standing(run).await? == RunStatus::Waiting {
            break status;
        }
        house.coordinator.reopen();
        crew = house.hire(&context.settings)?;
        stage.follow(crew.feed.clone());
    };
    stage.close(house, signals).await;
    if how.output == Output::Text && !how.quiet {
        queue::remind(house, &stage.scene.run.plan).await;
    }
    Ok(stage.exit(status))
}

fn show(scene: &Scene, how: &Running, context: &Context) -> Box<dyn Show> {
    match how.output {
        _ if how.quiet => Box::new(Quiet),
        Output::Json => Box::new(Json),
        Output::Text if std::io::stdout().is_terminal() => Box::new(Live::new(scene, context.out, Size::of_terminal)),
        Output::Text => Box::new(Plain { pen: context.err }),
    }
}

/// For what decides: the coordinator and the worker's desk have a thread of their own, so that a terminal which does not
/// read holds up what is shown and not what is done. Steps run on the guests' threads.
pub(crate) fn threads() -> anyhow::Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .thread_name("pintle")
        .enable_all()
        .build()
        .context("no threads can be started: see `ulimit -u` and the machine's memory")
}

/// For what only reads and writes the store.
pub(crate) fn one_thread() -> anyhow::Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .context("the runtime cannot be started: see `ulimit -n` and the machine's memory")
}
