//! Routing: the fields of `router.route`, and what its value chooses.
//!
//! Targets are names in the document and indexes in the plan: they are looked up with the dependencies ([`link`]). A
//! target depends on its router, whether or not its author wrote that.
//!
//! [`link`]: crate::graph::link

use std::fmt::Write as _;

use pintle_core::matching::{EXPRESSION, InvalidExpression};
use pintle_core::plan::{Action, Plan, Role, Route, StepIndex, Template, Way};
use serde_json::Value;

use crate::document::{Entry, Node, Value as NodeValue};
use crate::eval::{EvalError, Field, Scope, resolve};
use crate::known::input_schema;
use crate::reader::{At, Reader};
use crate::schema::check_with;
use crate::step::Wanted;

/// The action.
pub(crate) const ROUTER: &str = "router.route";
/// What stands in `with` of a router, or beside it.
const OWN: [&str; 2] = ["value", "routes"];

/// Whether a field of a step is a router's.
pub(crate) fn is_of_router(key: &str) -> bool {
    OWN.contains(&key)
}

/// What a claimed router chose.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Routed {
    /// Its value with references replaced.
    pub value: String,
    /// The steps that run.
    pub chosen: Vec<StepIndex>,
}

/// Why a step cannot route: it fails with this sentence.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RouteError {
    /// The plan has no such step.
    #[error("the plan has no step {0} that routes; submit the DAG again")]
    NoRoute(u32),
    /// The value cannot be resolved.
    #[error("`with.value` of the step `{step}`: {source}")]
    Eval {
        /// Name of the step.
        step: String,
        /// Why.
        #[source]
        source: EvalError,
    },
    /// A pattern cannot be read.
    #[error("`with.routes` of the step `{step}`: {source}")]
    Pattern {
        /// Name of the step.
        step: String,
        /// Why.
        #[source]
        source: InvalidExpression,
    },
}

/// Where the targets of a router stand in the document.
#[derive(Debug, Default)]
pub(crate) struct Targets {
    /// In the order of its routes.
    pub(crate) routes: Vec<Vec<Wanted>>,
    pub(crate) otherwise: Vec<Wanted>,
}

/// `action: router.route`, with its `value` and `routes` in `with`, or beside the action itself. The targets are read by
/// [`read_targets`].
pub(crate) fn read_router(reader: &mut Reader<'_>, step: &At<'_>, role: Role) -> Option<Action> {
    let beside: Vec<Entry> = OWN.iter().filter_map(|key| step.entry(key)).cloned().collect();
    if let (Some(_), Some(entry)) = (step.get("with"), beside.first()) {
        let message = format!("what a router takes stands in `with:` or beside it; move `{}` into `with:`", entry.key);
        reader.fault_key(step, &entry.key, message);
        return None;
    }
    let node = Node { place: step.place(), value: NodeValue::Map(beside.clone()) };
    let beside = (!beside.is_empty()).then(|| At { node: &node, path: step.path.same() });
    let with = step.get("with").or(beside);
    let known = reader.known;
    let checked = check_with(reader, step, with.as_ref(), ROUTER, input_schema(known, ROUTER)?);
    read_route(reader, step, with.as_ref(), role, &checked)
}

/// `checked` is what it takes as the schema wants it.
fn read_route(
    reader: &mut Reader<'_>,
    step: &At<'_>,
    with: Option<&At<'_>>,
    role: Role,
    checked: &Value,
) -> Option<Action> {
    if role != Role::Main {
        reader.fault_key(step, "action", "a handler has no steps behind it that it could route to; use a step");
        return None;
    }
    if step.get("outputs").is_some() {
        reader.fault_key(step, "outputs", "`outputs` are written by a program; a router leaves `value` and `chosen`");
    }
    let routes = with?.get("routes")?;
    if !routes.is_map() {
        return None;
    }
    if routes.entries().is_empty() {
        reader.fault(&routes, "`routes` has no pattern; a router has at least one, with the steps that it leads to");
        return None;
    }
    let mut ways = Vec::new();
    for (entry, targets) in routes.fields() {
        let pattern = entry.key.as_str();
        let expression = pattern.strip_prefix(EXPRESSION).map(str::trim);
        if pattern.is_empty() || expression == Some("") {
            let message = match expression {
                Some(_) => "`re:` has no expression behind it; write one, such as `re:.*` for any value",
                None => "a pattern of `routes` is empty; write what the value is, or `re:^$` for an empty one",
            };
            reader.findings.fault(entry.key_place, targets.path.to_string(), message.to_owned());
        } else {
            reader.check_expected(&targets, pattern);
        }
        ways.push(Way { pattern: pattern.to_owned(), targets: Vec::new() });
    }
    let value = checked.get("value").and_then(Value::as_str).unwrap_or_default();
    Some(Action::Route(Box::new(Route { value: Template(value.to_owned()), routes: ways, otherwise: Vec::new() })))
}

/// The names that a router leads to.
pub(crate) fn read_targets(reader: &mut Reader<'_>, step: &At<'_>) -> Targets {
    let with = step.get("with");
    let routes = with.as_ref().and_then(|with| with.get("routes")).or_else(|| step.get("routes")).map(|routes| {
        routes
            .fields()
            .map(|(entry, targets)| {
                let named = names(reader, &targets);
                if targets.is_list() && targets.items().is_empty() {
                    let message = format!("the route `{}` has no targets; name the steps that it leads to", entry.key);
                    reader.findings.fault(entry.key_place, targets.path.to_string(), message);
                }
                named
            })
            .collect()
    });
    let otherwise = with.as_ref().and_then(|with| with.get("default"));
    let otherwise = otherwise.map(|targets| names(reader, &targets)).unwrap_or_default();
    Targets { routes: routes.unwrap_or_default(), otherwise }
}

fn names(reader: &mut Reader<'_>, targets: &At<'_>) -> Vec<Wanted> {
    if targets.node.is_null() || targets.is_map() {
        return Vec::new();
    }
    let read = |item: &At<'_>| {
        let name = reader.word(item)?;
        Some(Wanted { name, path: item.path.to_string(), place: item.place() })
    };
    targets.items().iter().filter_map(read).collect()
}

/// What a claimed router chooses, with the references of its value replaced.
pub fn route(plan: &Plan, index: StepIndex, scope: &Scope<'_>) -> Result<Routed, RouteError> {
    let step = plan.step(index);
    let Some((step, route)) = step.and_then(|step| Some((step, step.action.route()?))) else {
        return Err(RouteError::NoRoute(index.0));
    };
    let value = resolve(&route.value, scope, Field::Expanded);
    let value = value.map_err(|source| RouteError::Eval { step: step.name.clone(), source })?;
    let chosen = route.choose(&value);
    let chosen = chosen.map_err(|source| RouteError::Pattern { step: step.name.clone(), source })?;
    Ok(Routed { value, chosen })
}

/// What a router says before it chooses: its value, and where each pattern leads.
pub(crate) fn told(plan: &Plan, route: &Route, value: &str) -> String {
    let names = |targets: &[StepIndex]| {
        let named: Vec<&str> = targets.iter().filter_map(|index| Some(plan.step(*index)?.name.as_str())).collect();
        named.join(" ")
    };
    let mut text = format!("Router evaluating: {value}");
    for way in route.shown() {
        // Writing to a String cannot fail.
        let _ok = write!(text, "\n  {} -> [{}]", way.pattern, names(&way.targets));
    }
    if !route.otherwise.is_empty() {
        let _ok = write!(text, "\n  default -> [{}]", names(&route.otherwise));
    }
    text
}
