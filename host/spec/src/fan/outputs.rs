//! What a finished run leaves to the step that it belongs to.

use std::collections::HashMap;

use pintle_core::plan::{Fan, Output, Plan, Role, StepIndex};
use serde_json::{Map, Value};

use super::FanError;
use crate::eval::{Scope, StepValues, resolve_typed};

/// What a finished run leaves to its parent: the variables of `output:` by name and the outputs of its main steps, in
/// the plan's order, the later over the earlier. What `output:` as a map names is the run's own business.
#[must_use]
pub fn run_outputs(plan: &Plan, results: &HashMap<StepIndex, StepValues>) -> Map<String, Value> {
    let mut left = Map::new();
    for (index, step) in plan.indexed().filter(|(_, step)| step.role == Role::Main) {
        let Some(values) = results.get(&index) else { continue };
        if let (Some(Output::Variable(name)), Some(value)) = (&step.output, &values.variable) {
            left.insert(name.clone(), value.as_str().into());
        }
        let own =
            |name: &str| step.output.iter().flat_map(Output::fields).any(|field| field.name.as_deref() == Some(name));
        for (name, json) in values.outputs.iter().filter(|(name, _)| !own(name)) {
            let value = serde_json::from_str(&json.0).unwrap_or_else(|_| json.0.as_str().into());
            left.insert(name.clone(), value);
        }
    }
    left
}

/// `collect` of a foreach, in the scope of its finished body. One reference and nothing else keeps its type: an output
/// that is JSON stays JSON.
pub fn collect(fan: &Fan, scope: &Scope<'_>) -> Result<Map<String, Value>, FanError> {
    let scope = scope.with_shared_work();
    let value = |(name, template): &(String, _)| {
        let failed = |source| FanError::Eval { step: scope.plan().name.clone(), field: "foreach.collect", source };
        Ok((name.clone(), resolve_typed(template, &scope).map_err(failed)?))
    };
    fan.collect.iter().map(value).collect()
}
