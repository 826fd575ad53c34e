//! A child that is no run yet: its plan, its parameters, and what it is to remember.

use std::sync::Arc;

use pintle_core::ids::RunId;
use pintle_core::plan::{Fan, FanForm};
use pintle_core::run::RunStatus;
use pintle_core::run::children::ChildEnd;
use pintle_core::run::command::Submission;
use pintle_spec::bind::{Binding, bind_params};
use pintle_spec::fan::FanItem;
use pintle_store::{Parent, Trigger};

use super::brood::Brood;
use super::place::Place;
use crate::begin::{Beginning, Pinned};
use crate::compute::Progress;
use crate::context::{self, ChildContext, Context};
use crate::error::Error;
use crate::live::Live;
use crate::service::Coordinator;

/// What became of a child that is to be submitted.
pub(super) enum Made {
    Child(Box<(Live, Submission, Pinned)>),
    /// Its parameters are being computed.
    Later,
    Refused(String),
}

impl Coordinator {
    /// A child that is about to be submitted.
    pub(super) async fn made_child(&self, live: &mut Live, brood: &mut Brood, place: Place<'_>) -> Result<Made, Error> {
        let (Place { fan, step, child }, id) = (place, brood.id_of(live, place));
        let Some(item) = brood.items.get(place.at()).cloned() else {
            return Ok(Made::Refused("its item is not there".to_owned()));
        };
        let pinned = match brood.plans.get(&item.dag) {
            Some(pinned) => pinned.clone(),
            None => match pin(live, fan, &item) {
                Ok(pinned) => {
                    brood.plans.insert(item.dag.clone(), pinned.clone());
                    pinned
                }
                Err(reason) => return Ok(Made::Refused(reason)),
            },
        };
        let (frame, params, dag) = if fan.form == FanForm::Foreach {
            let params = live.params();
            let params = params.map_err(|error| Error::Plan { run: live.run.id.clone(), reason: error.to_string() })?;
            let step_name = live.run.plan.step(step).map(|step| step.name.as_str()).unwrap_or_default();
            let dag = format!("{}.{step_name}", live.row.dag);
            (Some(Arc::new(self.frame(live, brood, place).await?)), params, dag)
        } else {
            let params = match self.child_params(live, place, &id, (&pinned, &item)) {
                Progress::Done(Ok(bound)) => bound,
                Progress::Done(Err(reason)) => return Ok(Made::Refused(reason)),
                Progress::Unasked | Progress::UnderWay => {
                    brood.computing.insert(child);
                    return Ok(Made::Later);
                }
            };
            (None, params, pinned.plan.name.clone())
        };
        let context = child_context(live, place, item);
        let nonce = context::nonce_of(&context, &id, &self.options.key);
        let (mut made, submission) =
            self.unborn(Beginning { run: id, dag, pinned: pinned.clone(), params, context, nonce })?;
        made.row.trigger = Trigger::Parent;
        made.row.parent = Some(Parent { run: live.run.id.clone(), step, child });
        made.values.frame = frame;
        Ok(Made::Child(Box::new((made, submission, pinned))))
    }

    /// Parameters of a child that is a DAG of its own; they are computed first if a command says what they are.
    fn child_params(
        &self,
        live: &Live,
        Place { step, child, .. }: Place<'_>,
        id: &RunId,
        (pinned, item): (&Pinned, &FanItem),
    ) -> Progress {
        match self.computed.take(id) {
            Progress::Unasked => {}
            told @ (Progress::UnderWay | Progress::Done(_)) => return told,
        }
        match bind_params(&pinned.plan, &item.given(), &self.options.env) {
            Ok(Binding::Bound(bound)) => Progress::Done(Ok(bound)),
            Err(faults) => Progress::Done(Err(faults.to_string())),
            Ok(pending @ Binding::Eval(_)) => {
                let dag = live.context.dags.iter().find(|dag| Some(&dag.name) == item.dag.as_ref());
                let dir = dag.map_or_else(|| live.context.dag_dir.clone(), |dag| dag.dag_dir.clone());
                self.compute(id, (live.run.id.clone(), step, child), dir, pending);
                Progress::UnderWay
            }
        }
    }
}

/// The end of a child that was never submitted.
pub(super) fn refused(child: u32, reason: String) -> ChildEnd {
    ChildEnd { child, status: RunStatus::Failed, outputs: None, error: Some(reason) }
}

/// The plan of a child, as it is pinned to it.
fn pin(live: &Live, fan: &Fan, item: &FanItem) -> Result<Pinned, String> {
    let plan = item.plan(&live.run.plan, fan);
    let plan = plan.ok_or_else(|| format!("there is no DAG `{}`", item.dag.as_deref().unwrap_or_default()))?;
    Pinned::new(plan).map_err(|error| error.to_string())
}

/// What a child remembers of where it comes from.
fn child_context(live: &Live, Place { fan, step, child }: Place<'_>, item: FanItem) -> Context {
    let around = &live.context;
    let name = live.run.plan.step(step).map(|step| step.name.as_str()).unwrap_or_default();
    let path = match fan.form {
        FanForm::Dag => name.to_owned(),
        FanForm::Parallel => format!("{name}[{child}]"),
        FanForm::Foreach => format!("{name}[{}]", item.key),
    };
    let (root_id, root_name, root_step, path) = match &around.child {
        None => (live.run.id.clone(), live.row.dag.clone(), step, path),
        Some(up) => (up.root_id.clone(), up.root_name.clone(), up.root_step, format!("{}/{path}", up.path)),
    };
    let dag = item.dag.as_deref().and_then(|name| around.dags.iter().find(|dag| dag.name == name));
    let (source, dag_dir) = (around.source.clone(), around.dag_dir.clone());
    let (source, dag_dir, dotenv, within, body) = match (fan.form, dag) {
        (FanForm::Foreach, _) => {
            (source, dag_dir, around.dotenv.clone(), Some(live.within().clone()), Some((item, child)))
        }
        (FanForm::Dag | FanForm::Parallel, Some(dag)) => {
            (dag.source.clone(), dag.dag_dir.clone(), dag.dotenv.clone(), None, None)
        }
        (FanForm::Dag | FanForm::Parallel, None) => (source, dag_dir, Vec::new(), None, None),
    };
    let depth = around.depth().saturating_add(1);
    // What is queued is nobody's child.
    let child = (!fan.queued).then_some(ChildContext { root_id, root_name, root_step, path, depth, within, body });
    Context { source, dag_dir, dotenv, dags: around.dags.clone(), actor: around.actor.clone(), child }
}
