//! References that lead nowhere and so stay as they are written.

use pintle_core::plan::{Plan, Step};
use serde_json::Value;

/// One sentence for each, in the order of the plan.
pub(super) fn references(plan: &Plan) -> Vec<String> {
    let mut said = Vec::new();
    let own = Plan { steps: Vec::new(), ..plan.clone() };
    look(plan, "the DAG", &serde_json::to_value(&own).unwrap_or_default(), &mut said);
    for step in &plan.steps {
        let place = format!("step `{}`", step.name);
        look(plan, &place, &serde_json::to_value(step).unwrap_or_default(), &mut said);
    }
    said
}

fn look(plan: &Plan, place: &str, value: &Value, said: &mut Vec<String>) {
    match value {
        Value::String(text) => {
            for (whole, path) in qualified(text) {
                if let Some(reason) = nowhere(plan, path) {
                    let line = format!("{place}: {whole} was left unchanged because {reason}");
                    if !said.contains(&line) {
                        said.push(line);
                    }
                }
            }
        }
        Value::Array(items) => items.iter().for_each(|item| look(plan, place, item, said)),
        Value::Object(fields) => fields.values().for_each(|field| look(plan, place, field, said)),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

/// Every `${namespace.path}` in a text; `\${...}` is text.
fn qualified(text: &str) -> impl Iterator<Item = (&str, &str)> {
    text.match_indices("${").filter_map(|(at, _)| {
        let escaped = text.get(..at)?.ends_with('\\');
        let body = text.get(at + 2..)?;
        let end = body.find('}')?;
        let path = body.get(..end)?;
        let dotted = path.contains('.') && path.chars().all(|c| c.is_alphanumeric() || "._-[]".contains(c));
        (dotted && !escaped).then_some((text.get(at..at + 3 + end)?, path))
    })
}

/// Why a reference leads nowhere; none: it may lead somewhere.
fn nowhere(plan: &Plan, path: &str) -> Option<String> {
    let (namespace, rest) = path.split_once('.')?;
    let name = rest.split(['.', '[']).next().unwrap_or(rest);
    match namespace {
        "consts" => {
            let known = plan.consts.iter().any(|(known, _)| known == name);
            (!known).then(|| format!("`consts` has no `{name}`"))
        }
        "params" => {
            let known = plan.params.iter().any(|param| param.name.as_deref() == Some(name));
            let position = name.parse::<usize>().is_ok();
            (!known && !position)
                .then(|| format!("no parameter `{name}` is declared; it is replaced if the caller gives one"))
        }
        "steps" => {
            let Some(step) = plan.steps.iter().find(|step| step.id.as_deref() == Some(name)) else {
                return Some(format!("no step has the id `{name}`"));
            };
            missing_output(step, name, rest)
        }
        _ => None,
    }
}

/// Steps that run programs have the outputs that they declare; what plugins answer is not known before.
fn missing_output(step: &Step, id: &str, rest: &str) -> Option<String> {
    let output = rest.strip_prefix(id)?.strip_prefix(".outputs.")?;
    let output = output.split(['.', '[']).next().unwrap_or(output);
    let declared = step.outputs.iter().any(|known| known.name == output);
    let runs = matches!(step.action.name(), "run" | "exec");
    (runs && !declared).then(|| format!("the step `{id}` declares no output `{output}`"))
}

#[cfg(test)]
mod tests {
    use pintle_core::plan::{Action, Json, RunBody, Template};

    use super::*;
    use crate::render::scene::tests::Script;

    #[test]
    fn each_reference_that_leads_nowhere_is_named_once() {
        let mut plan = Plan::clone(&Script::new(&[("a", &[]), ("b", &[0])]).scene.run.plan);
        plan.consts.push(("KNOWN".into(), Json("1".into())));
        let run = |text: &str| Action::Run { body: RunBody::Command(Template(text.into())), shell: None };
        if let [a, b] = plan.steps.as_mut_slice() {
            a.id = Some("a".into());
            a.action = run("echo ${consts.KNOWN} ${consts.NOT} ${consts.NOT} \\${consts.ESCAPED} ${HOME} ${X:-y.z}");
            b.action =
                run("echo ${steps.a.outputs.rows} ${steps.c.outputs.x} ${steps.a.exit_code} ${params.DAY} ${params.1}");
        }
        assert_eq!(
            references(&plan),
            [
                "step `a`: ${consts.NOT} was left unchanged because `consts` has no `NOT`",
                "step `b`: ${steps.a.outputs.rows} was left unchanged because the step `a` declares no output `rows`",
                "step `b`: ${steps.c.outputs.x} was left unchanged because no step has the id `c`",
                "step `b`: ${params.DAY} was left unchanged because no parameter `DAY` is declared; it is replaced if the caller gives one",
            ]
        );
    }
}
