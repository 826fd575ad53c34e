//! `pintle stop`.

use anyhow::bail;
use pintle_coordinator::Error;
use pintle_core::plan::Role;
use pintle_core::run::RunStatus;
use pintle_core::run::command::{Refusal, StopCause};
use pintle_store::{Nodes as _, RunRow};

use crate::args::{Running, Stop};
use crate::context::{Context, say};
use crate::embedded;
use crate::failure::Exit;
use crate::join::House;
use crate::names;
use crate::retry;
use crate::threads::threads;

/// Asks a run to stop, whichever process runs it. Where none does, it is over at once; but handlers that are to run then
/// run here.
pub(crate) fn run(args: &Stop, context: &Context) -> anyhow::Result<Exit> {
    context.need_store()?;
    threads()?.block_on(async {
        let (house, row, _) = names::open(&args.run, context, embedded::known()?).await?;
        let lives = match &row.home {
            Some(home) => house.store.is_alive(home).await?,
            None => false,
        };
        if !lives && !args.now && closes(&house, &row).await? {
            let exit = retry::close(&house, &row.id, &Running::default(), context).await?;
            // However the run ended then, that is what was asked for.
            return Ok(if exit == Exit::Interrupted { exit } else { Exit::Success });
        }
        match house.coordinator.stop(&row.id, StopCause::Requested, args.now).await {
            Ok(()) if lives => say(&format!("run {} is being stopped", row.id)),
            Ok(()) => say(&format!("run {} was stopped", row.id)),
            Err(Error::Refused(Refusal::AlreadyStopping(_))) if !args.now => {
                say(&format!("run {} is being stopped already: `pintle stop {0} --now` kills its steps", row.id));
            }
            Err(Error::Refused(Refusal::WrongRunStatus { status, .. })) => {
                bail!("run {} is {status}: there is nothing to stop", row.id)
            }
            Err(error) => return Err(error.into()),
        }
        Ok(Exit::Success)
    })
}

/// Whether something runs after a stop of a run that nobody runs: a queued run has not begun, and what a run made is
/// for that run to stop.
async fn closes(house: &House, row: &RunRow) -> anyhow::Result<bool> {
    if row.status != RunStatus::Waiting || row.started_at.is_none() || row.parent.is_some() {
        return Ok(false);
    }
    let plan = house.scene(&row.id).await?.run.plan;
    Ok([Role::OnAbort, Role::OnExit].into_iter().any(|role| plan.handler(role).is_some()))
}
