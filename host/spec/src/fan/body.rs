//! The body of a `foreach`: steps with a graph and ids of their own, and all else as the DAG around it says.

use pintle_core::plan::{Action, Child, Fan, Plan, Step, Template};

use crate::dag::read_steps;
use crate::graph::link;
use crate::limits::{MAX_FOREACH_DEPTH, MAX_NAME_BYTES};
use crate::reader::{At, Reader};
use crate::step::Around;

/// The steps of a body; the rest of its plan is dressed when the DAG around it is read.
pub(super) fn read_body(reader: &mut Reader<'_>, foreach: &At<'_>, around: Around<'_>) -> Plan {
    let mut body = Plan::named("");
    let around = Around { depth: around.depth + 1, ..around };
    if around.depth > MAX_FOREACH_DEPTH {
        let message = format!(
            "`foreach` stands more than {MAX_FOREACH_DEPTH} deep in each other; run a DAG with `dag.run` instead"
        );
        reader.fault_key(foreach, "steps", message);
        return body;
    }
    let drafts = read_steps(reader, foreach, around, "the body of a `foreach`");
    body.steps = link(drafts, around.chain, &mut reader.findings);
    body
}

/// Gives every body what the DAG says once for all of its steps.
pub(crate) fn dress(plan: &mut Plan) {
    let mut steps = std::mem::take(&mut plan.steps);
    for step in &mut steps {
        let name = body_name(&plan.name, &step.name);
        let dir = body_dir(plan.working_dir.as_ref(), step.working_dir.as_ref());
        let Some(body) = body_of(step) else { continue };
        *body = Plan {
            name,
            params: plan.params.clone(),
            params_closed: plan.params_closed,
            consts: plan.consts.clone(),
            env: plan.env.clone(),
            working_dir: dir,
            shell: plan.shell.clone(),
            clean_up: plan.clean_up,
            max_output: plan.max_output,
            artifacts: plan.artifacts.clone(),
            ..std::mem::replace(body, Plan::named(""))
        };
        dress(body);
    }
    plan.steps = steps;
}

fn body_of(step: &mut Step) -> Option<&mut Plan> {
    let Action::Fan(fan) = &mut step.action else { return None };
    match &mut fan.child {
        Child::Body(body) => Some(body),
        Child::Dag(_) => None,
    }
}

/// The directory of the step is that of its body, below the plan's as everywhere; what begins with a reference may be a
/// place of its own, and is taken as one.
fn body_dir(plan: Option<&Template>, step: Option<&Template>) -> Option<Template> {
    match (plan, step) {
        (Some(plan), Some(step)) if !step.0.starts_with(['/', '~', '$']) => {
            Some(Template(format!("{}/{}", plan.0, step.0)))
        }
        (plan, step) => step.or(plan).cloned(),
    }
}

/// A name of a plan also names directories.
fn body_name(plan: &str, step: &str) -> String {
    let step = step.replace(['/', '\\'], "_");
    let mut name = format!("{plan}.{step}");
    let mut end = name.len().min(MAX_NAME_BYTES);
    while !name.is_char_boundary(end) {
        end -= 1;
    }
    name.truncate(end);
    name
}

/// The fan-outs of a plan in the order of its steps, those in its bodies too.
pub(crate) fn fans(plan: &Plan) -> Vec<&Fan> {
    let mut found = Vec::new();
    for fan in plan.steps.iter().filter_map(|step| step.action.fan()) {
        found.push(fan);
        match &fan.child {
            // As deep as bodies may stand in each other.
            Child::Body(body) => found.extend(fans(body)),
            Child::Dag(_) => {}
        }
    }
    found
}
