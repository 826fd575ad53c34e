//! A run of this home, from the moment that it was taken to its end: the crew works, the stage shows it.

use std::io::IsTerminal as _;

use pintle_core::ids::RunId;
use pintle_core::plan::{Child, Plan};
use pintle_core::run::RunStatus;

use crate::args::{Output, Running};
use crate::context::{Context, remark};
use crate::fail;
use crate::failure::{Exit, Failure};
use crate::join::{Crew, House};
use crate::render::json::Json;
use crate::render::plain::Plain;
use crate::render::scene::Scene;
use crate::render::screen::{Live, Size};
use crate::render::{Quiet, Show};
use crate::signals::Signals;
use crate::stage::{Opening, Stage};

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
        if let Err(error) = &status
            && Failure::exit_of(error) == Exit::Interrupted
        {
            leave(error, how, context);
        }
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
        remind(house, &stage.scene.run.plan).await;
    }
    Ok(stage.exit(status))
}

/// Ends this process here: what is left to be done waits for the store, which takes nothing, and nobody waits for that.
fn leave(error: &anyhow::Error, how: &Running, context: &Context) -> ! {
    let exit = fail(error, how.output == Output::Json, context.err.colours);
    std::process::exit(exit.code().into())
}

fn show(scene: &Scene, how: &Running, context: &Context) -> Box<dyn Show> {
    match how.output {
        _ if how.quiet => Box::new(Quiet),
        Output::Json => Box::new(Json),
        Output::Text if std::io::stdout().is_terminal() => Box::new(Live::new(scene, context.out, Size::of_terminal)),
        Output::Text => Box::new(Plain { pen: context.err }),
    }
}

/// After a run whose steps queue others: nobody else says who runs those.
async fn remind(house: &House, plan: &Plan) {
    if !queues(plan) && !plan.dags.iter().any(|(_, dag)| queues(dag)) {
        return;
    }
    match house.coordinator.queue().await.map(|queued| queued.len()) {
        Ok(0) | Err(_) => {}
        Ok(1) => remark("1 run is queued: `pintle start --queued` runs it"),
        Ok(count) => remark(&format!("{count} runs are queued: `pintle start --queued` runs them")),
    }
}

/// Whether steps of a plan queue runs.
fn queues(plan: &Plan) -> bool {
    plan.steps.iter().filter_map(|step| step.action.fan()).any(|fan| match &fan.child {
        Child::Dag(_) => fan.queued,
        Child::Body(body) => queues(body),
    })
}
