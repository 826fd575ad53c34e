//! How a run begins, whoever starts it: a person, or a step of another run. One that is queued begins later, with
//! whoever takes it from the queue.

use std::sync::Arc;

use pintle_core::ids::{Digest, RunId};
use pintle_core::plan::{Json, Plan};
use pintle_core::run::command::Submission;
use pintle_core::run::{Command, Run};
use pintle_spec::bind::BoundParams;
use pintle_store::{CommitError, Trigger};
use sha2::{Digest as _, Sha256};

use crate::commit::{Batch, Committed};
use crate::context::{self, Context};
use crate::error::Error;
use crate::live::{Live, NewRow, new_row};
use crate::service::Coordinator;

/// A plan as a run is pinned to it: with its gate, as text and by digest.
#[derive(Debug, Clone)]
pub(crate) struct Pinned {
    pub(crate) plan: Arc<Plan>,
    text: String,
    digest: Digest,
}

impl Pinned {
    pub(crate) fn new(plan: Plan) -> Result<Self, serde_json::Error> {
        let plan = plan.with_gate();
        let text = serde_json::to_string(&plan)?;
        let digest = Digest::from_bytes(Sha256::digest(text.as_bytes()).into());
        Ok(Self { plan: Arc::new(plan), text, digest })
    }
}

/// What a run begins with.
pub(crate) struct Beginning {
    pub(crate) run: RunId,
    /// Name of the DAG, as lists show it.
    pub(crate) dag: String,
    pub(crate) pinned: Pinned,
    pub(crate) params: BoundParams,
    pub(crate) context: Context,
    /// Never used before with another context.
    pub(crate) nonce: [u8; 24],
}

impl Coordinator {
    /// A run that is about to be submitted, and what is submitted.
    pub(crate) fn unborn(&self, new: Beginning) -> Result<(Live, Submission), Error> {
        let Beginning { run, dag, pinned, params, context, nonce } = new;
        let sealed = context::seal(&context, &run, &self.options.key, nonce)
            .map_err(|reason| Error::Context { run: run.clone(), reason })?;
        let row = new_row(NewRow {
            run: &run,
            tenant: &self.options.tenant,
            dag: &dag,
            params: Json(params.to_json()),
            node: &self.options.node,
            pid: self.options.pid,
            at: self.now(),
            plan: pinned.digest.clone(),
            source: context.source.as_ref().map(|path| path.display().to_string()),
        });
        let params = serde_json::to_string(&params).map(Json);
        let params = params.map_err(|error| Error::Plan { run: run.clone(), reason: error.to_string() })?;
        let submission = Submission { plan: pinned.digest, params, context: sealed };
        Ok((Live::unborn(Run::unborn(run, pinned.plan), row, context), submission))
    }

    /// Submits and starts it in one append. The inner error says why the store did not take it.
    pub(crate) async fn begin(
        &self,
        live: &mut Live,
        submission: Submission,
        pinned: Pinned,
    ) -> Result<Result<Committed, CommitError>, Error> {
        let mut batch = Batch::new(live, self.now());
        batch.command(Command::Submit(submission))?;
        batch.command(Command::Start)?;
        Ok(batch.commit(&*self.store, &self.options.tenant, Some((pinned.digest, pinned.text))).await)
    }

    /// Submits it to nobody in particular: it stands in the queue until a process takes it over and starts it. As
    /// [`Self::begin`] otherwise.
    pub(crate) async fn queue_up(
        &self,
        live: &mut Live,
        submission: Submission,
        pinned: Pinned,
    ) -> Result<Result<Committed, CommitError>, Error> {
        live.row.home = None;
        live.row.pid = None;
        live.row.trigger = Trigger::Enqueue;
        let mut batch = Batch::new(live, self.now());
        batch.command(Command::Submit(submission))?;
        Ok(batch.commit(&*self.store, &self.options.tenant, Some((pinned.digest, pinned.text))).await)
    }
}
