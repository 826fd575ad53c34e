//! `pintle stop`.

use anyhow::bail;
use pintle_coordinator::Error;
use pintle_core::run::command::{Refusal, StopCause};

use crate::args::Stop;
use crate::context::{Context, say};
use crate::failure::Exit;
use crate::names;
use crate::threads::one_thread;

/// Asks a run to stop, whichever process runs it.
pub(crate) fn run(args: &Stop, context: &Context) -> anyhow::Result<Exit> {
    context.need_store()?;
    one_thread()?.block_on(async {
        let (house, row, _) = names::open(&args.run, context, Vec::new()).await?;
        match house.coordinator.stop(&row.id, StopCause::Requested, args.now).await {
            Ok(()) => say(&format!("run {} is being stopped", row.id)),
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
