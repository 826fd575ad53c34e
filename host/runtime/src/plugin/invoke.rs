//! Calling one function of a guest in a fresh Store.

use std::sync::Arc;

use wasmtime::Store;

use crate::bindings::exports::pintle::core::plugin::Descriptor;
use crate::bindings::{Action, CallContext, GuestError, GuestTask, Operation, Progress};
use crate::call::breach::Breach;
use crate::call::fall::Fall;
use crate::call::state::{CallParts, CallState};
use crate::call::supervise::{Cut, bound, supervise};
use crate::plugin::code::Ready;
use crate::runtime::Runtime;

/// What is asked of an executor.
#[derive(Debug, Clone)]
pub(crate) enum Ask {
    /// Who are you?
    Describe,
    /// What can you do?
    Actions,
    /// Do it.
    Run(CallContext, Operation, GuestTask),
    /// Go on with what is pending under the token.
    Resume(CallContext, Operation, GuestTask, String),
    /// Give up what is pending under the token.
    Abort(CallContext, Operation, GuestTask, String),
}

impl Ask {
    /// The function, as messages name it.
    pub(crate) fn function(&self) -> &'static str {
        match self {
            Self::Describe => "describe",
            Self::Actions => "actions",
            Self::Run(..) => "run",
            Self::Resume(..) => "resume",
            Self::Abort(..) => "abort",
        }
    }
}

/// What it answers.
pub(crate) enum Said {
    /// To [`Ask::Describe`].
    Description(Descriptor),
    /// To [`Ask::Actions`].
    Actions(Vec<Action>),
    /// To [`Ask::Run`] and [`Ask::Resume`].
    Progress(Result<Progress, GuestError>),
    /// To [`Ask::Abort`].
    Aborted(Result<(), GuestError>),
}

/// Calls the guest; whatever ends the call early drops the Store. `over` is the breach of the deadline.
pub(crate) async fn invoke(
    runtime: &Runtime,
    ready: Ready<'_>,
    parts: CallParts,
    ask: Ask,
    over: &Breach,
) -> Result<(Said, CallState), Fall> {
    let _ticking = runtime.engine.tick().map_err(|error| Fall::Host(format!("no thread for the ticker: {error}")))?;
    let (record, limits) = (Arc::clone(&parts.record), parts.limits);
    let state = CallState::new(parts);
    let meter = Arc::clone(&state.meter);
    let mut store = Store::new(ready.pre.engine(), state);
    store.limiter(|state| &mut state.limiter);
    bound(&mut store, &limits, &meter, &record);
    let guest = async {
        let said = say(&ready, &mut store, ask).await;
        said.map(|said| (said, store))
    };
    let ended = supervise(guest, &meter, &record).await;
    match ended {
        Ok(Ok((said, store))) => Ok((said, store.into_data())),
        Ok(Err(error)) => Err(Fall::of(&error, record.is_over().then(|| over.clone()))),
        Err(Cut::Deadline) => Err(Fall::Breach(over.clone())),
        Err(Cut::Stopped) => Err(Fall::Stopped),
    }
}

async fn say(ready: &Ready<'_>, store: &mut Store<CallState>, ask: Ask) -> wasmtime::Result<Said> {
    let guest = ready.pre.instantiate_async(&mut *store).await?;
    let executor = guest.pintle_executor_executor();
    Ok(match ask {
        Ask::Describe => Said::Description(guest.pintle_core_plugin().call_describe(store).await?),
        Ask::Actions => Said::Actions(executor.call_actions(store).await?),
        Ask::Run(context, operation, task) => {
            Said::Progress(executor.call_run(store, &context, &operation, &task).await?)
        }
        Ask::Resume(context, operation, task, token) => {
            Said::Progress(executor.call_resume(store, &context, &operation, &task, &token).await?)
        }
        Ask::Abort(context, operation, task, token) => {
            Said::Aborted(executor.call_abort(store, &context, &operation, &task, &token).await?)
        }
    })
}
