//! Routers: what they choose is decided when their worker has found that they may go ahead.

use pintle_core::plan::{Json, Step, StepIndex};
use pintle_core::run::Outcome;
use pintle_core::run::command::{FailReason, Finished};
use pintle_spec::route;
use serde_json::json;

use crate::error::Error;
use crate::live::Live;
use crate::service::Coordinator;
use crate::settle::failed;

impl Coordinator {
    /// What a router comes to that its worker found ready.
    pub(crate) async fn route(
        &self,
        live: &mut Live,
        index: StepIndex,
        step: &Step,
        mut done: Finished,
    ) -> Result<Outcome, Error> {
        let plan = live.run.plan.clone();
        let routed = match self.scope(live, &plan, index).await {
            Ok(scope) => route(&plan, index, &scope).map_err(|error| error.to_string()),
            Err(reason) => Err(reason),
        };
        let routed = match routed {
            Ok(routed) => routed,
            Err(message) => return Ok(failed(FailReason::Refused, message, None)),
        };
        let names: Vec<&str> =
            routed.chosen.iter().filter_map(|index| Some(plan.step(*index)?.name.as_str())).collect();
        done.outputs.push(("value".to_owned(), Json(json!(routed.value).to_string())));
        done.outputs.push(("chosen".to_owned(), Json(json!(names).to_string())));
        done.chosen = routed.chosen;
        self.decode_finished(live, index, step, done).await
    }
}
