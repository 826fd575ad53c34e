//! What the body of a `foreach` sees of the step around it. A body is a run of its own: it may be resumed where the one
//! around it is not at hand, so it takes along what it may refer to. Large outputs that no text of it names stay behind.

use std::collections::{BTreeMap, HashSet};

use pintle_core::plan::{Fan, Output, StepIndex};
use serde::{Deserialize, Serialize};

use super::{ItemFacts, Scope, StepValues, ancestors, is_managed};

/// Taken once, when the step expands; stored with its children.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Outer {
    /// Of the steps that come before, by id.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    values: BTreeMap<String, StepValues>,
    /// The step's own `env`, and `output` variables of the steps before it.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    variables: BTreeMap<String, String>,
    /// Items of the fan-outs around, the innermost first.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    items: Vec<ItemFacts>,
}

impl Outer {
    /// What a step's scope sees and a run of its own would not.
    #[must_use]
    pub fn of(scope: &Scope<'_>) -> Self {
        let around = scope.outer.cloned().unwrap_or_default();
        let mut outer = Self { items: scope.items.iter().rev().copied().cloned().collect(), ..around };
        outer.items.extend(around_items(scope));
        outer.values.retain(|id, _| !scope.run.ids.contains_key(id));
        let Some(step) = scope.step else { return outer };
        let fan = scope.plan.step(step).and_then(|step| step.action.fan());
        let named = fan.map(Named::by).unwrap_or_default();
        outer.values.retain(|id, _| named.holds(id));
        let mut names: Vec<String> = outer.variables.into_keys().collect();
        for before in ancestors::by_distance(scope.plan, step) {
            outer.values.extend(id_and_values(scope, before, &named));
            names.extend(variables_of(scope, before));
        }
        let own = scope.plan.step(step).map(|step| step.env.as_slice()).unwrap_or_default();
        names.extend(own.iter().map(|(name, _)| name.clone()));
        let given = scope.plan.step(step).into_iter().flat_map(|own| scope.facts.push_backs.inputs(own));
        names.extend(given.map(|(name, _)| name.clone()));
        let seen = names.into_iter().filter(|name| !is_managed(name));
        outer.variables = seen.filter_map(|name| Some((name.clone(), scope.variable(&name)?.to_owned()))).collect();
        outer
    }

    pub(super) fn values(&self, id: &str) -> Option<&StepValues> {
        self.values.get(id)
    }

    pub(super) fn variables(&self) -> impl Iterator<Item = (String, String)> {
        self.variables.iter().map(|(name, value)| (name.clone(), value.clone()))
    }

    pub(super) fn items(&self) -> impl Iterator<Item = &ItemFacts> {
        self.items.iter()
    }
}

fn around_items(scope: &Scope<'_>) -> Vec<ItemFacts> {
    scope.outer.map(|outer| outer.items.clone()).unwrap_or_default()
}

fn id_and_values(scope: &Scope<'_>, index: StepIndex, named: &Named) -> Option<(String, StepValues)> {
    let id = scope.plan.step(index)?.id.as_ref().filter(|id| named.holds(id))?;
    Some((id.clone(), scope.results?.get(&index)?.clone()))
}

/// Ids that the texts of a fan-out may refer to; more than it does, never less.
#[derive(Debug, Default)]
struct Named(HashSet<String>);

impl Named {
    /// References of any depth begin with `${`, and an id has no sign that JSON writes otherwise.
    fn by(fan: &Fan) -> Self {
        let text = serde_json::to_string(fan).unwrap_or_default();
        let id = |behind: &str| -> Option<String> {
            let path = behind.strip_prefix("steps.").unwrap_or(behind);
            let len = path.bytes().take_while(|b| b.is_ascii_alphanumeric() || *b == b'_').count();
            path.get(..len).filter(|id| !id.is_empty()).map(str::to_owned)
        };
        Self(text.split("${").skip(1).filter_map(id).collect())
    }

    fn holds(&self, id: &str) -> bool {
        self.0.contains(id)
    }
}

fn variables_of(scope: &Scope<'_>, index: StepIndex) -> Vec<String> {
    let given = scope.results.and_then(|results| results.get(&index)).into_iter().flat_map(|values| &values.inputs);
    let mut names: Vec<String> = given.map(|(name, _)| name.clone()).collect();
    let output = scope.plan.step(index).and_then(|step| step.output.as_ref());
    names.extend(output.and_then(Output::variable).map(str::to_owned));
    names
}
