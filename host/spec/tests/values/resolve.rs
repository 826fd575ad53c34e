//! A document, and what of its last step is asked for: the names before the `:` of the wanted lines.

use pintle_core::plan::{OutputField, OutputSource};
use pintle_spec::{Resolved, ResolvedCondition, ResolvedProbe, resolve_step};

use crate::table::Case;
use crate::world::{World, plugins};

pub(crate) fn answer(case: &Case) -> String {
    let document = format!("{}\n{}", case.shared("dag"), case.input);
    let resolved = World::of(case, &document).and_then(|world| {
        let (index, step) = world.plan.indexed().last().unwrap();
        let scope = world.scope(&step.name)?;
        resolve_step(&world.plan, index, &scope, &plugins()).map_err(|error| error.to_string())
    });
    match resolved {
        Ok(resolved) => case.wanted.lines().map(|line| show(&resolved, line)).collect::<Vec<_>>().join("\n"),
        Err(error) => format!("error: {error}"),
    }
}

fn show(resolved: &Resolved, wanted: &str) -> String {
    let name = wanted.split(": ").next().unwrap();
    let or_none = |value: &Option<String>| value.clone().unwrap_or_else(|| "none".to_owned());
    let value = match name {
        "action" => resolved.action.clone(),
        "input" => resolved.input_json.clone(),
        "dir" => or_none(&resolved.working_dir),
        "stdout" => or_none(&resolved.stdout),
        "stderr" => or_none(&resolved.stderr),
        "conditions" => resolved.conditions.iter().map(condition).collect::<Vec<_>>().join(", "),
        "asks" => resolved.conditions.iter().map(asked).collect::<Vec<_>>().join(", "),
        "artifacts" => format!("{} {}", or_none(&resolved.stdout_artifact), or_none(&resolved.stderr_artifact)),
        "published" => resolved.published.iter().map(published).collect::<Vec<_>>().join(" "),
        "repeat" => resolved.repeat.as_ref().map_or_else(|| "none".to_owned(), body),
        variable => {
            let found = resolved.env.iter().find(|(own, _)| own == variable);
            found.map_or_else(|| "not set".to_owned(), |(_, value)| value.clone())
        }
    };
    format!("{name}: {value}")
}

fn condition(condition: &ResolvedCondition) -> String {
    match condition {
        ResolvedCondition::Known { met: Ok(true), .. } => "met".to_owned(),
        ResolvedCondition::Known { met: Ok(false), .. } => "not met".to_owned(),
        ResolvedCondition::Known { met: Err(error), .. } => format!("error {error}"),
        ResolvedCondition::Probe(probe) => format!("asks {}", body(probe)),
    }
}

fn published(field: &OutputField) -> String {
    let name = field.name.as_deref().unwrap_or("*");
    match &field.source {
        OutputSource::Value(json) => format!("{name}={}", json.0),
        OutputSource::Read(read) => {
            let select = read.select.as_ref().map(|select| format!("|{select}")).unwrap_or_default();
            format!("{name}<{:?}{select}", read.from)
        }
    }
}

/// What decides about a probe's answer.
fn asked(condition: &ResolvedCondition) -> String {
    match condition {
        ResolvedCondition::Known { text, .. } => text.clone(),
        ResolvedCondition::Probe(probe) => {
            let expected = probe.expected.as_deref().map_or_else(|| "exit code 0".to_owned(), |e| format!("text {e}"));
            format!("{}{expected}", if probe.negate { "not " } else { "" })
        }
    }
}

fn body(probe: &ResolvedProbe) -> String {
    let input: serde_json::Value = serde_json::from_str(&probe.input_json).unwrap();
    input["body"].to_string()
}
