//! `artifacts`, and the streams that become one.

use pintle_core::plan::{Action, Artifacts, Plan, Step, Template};

use crate::eval::holds_reference;
use crate::fan::fans;
use crate::fields::ARTIFACTS;
use crate::reader::{At, Reader};

/// What a text says that writes into the directory of artifacts by itself.
const NAMED: [&str; 2] = ["ARTIFACTS_DIR", "artifacts_dir"];

/// Why a path is not one of an artifact, if so.
pub(crate) fn wrong_path(path: &str) -> Option<&'static str> {
    let outside = path.split(['/', '\\']).any(|part| part == "..");
    let rooted = path.starts_with(['/', '\\', '~']) || path.as_bytes().get(1) == Some(&b':');
    match (path.trim().is_empty(), rooted, outside) {
        (true, _, _) => Some("it is empty"),
        (_, true, _) => Some("an artifact path must be relative"),
        (_, _, true) => Some("an artifact path must not contain `..`"),
        (false, false, false) => None,
    }
}

/// `artifact` of `stdout` or `stderr`.
pub(crate) fn read_stream_artifact(reader: &mut Reader<'_>, stream: &At<'_>) -> Option<Template> {
    let at = stream.get("artifact")?;
    let path = reader.word(&at)?;
    if let Some(why) = wrong_path(&path) {
        reader.fault(&at, format!("`{path}` does not name an artifact: {why}; write a path such as `reports/day.md`"));
        return None;
    }
    Some(Template(path))
}

/// `artifacts`; switched on by whatever leaves any.
pub(crate) fn read_artifacts(reader: &mut Reader<'_>, dag: &At<'_>, plan: &Plan) -> Option<Artifacts> {
    let written = dag.get("artifacts").filter(|at| reader.expect_map(at, "enabled: true"));
    let (mut enabled, mut dir) = (None, None);
    if let Some(at) = &written {
        reader.check_fields(at, &ARTIFACTS);
        enabled = reader.boolean_field(at, "enabled");
        dir = at.get("dir").and_then(|dir| {
            let text = reader.word(&dir)?;
            if holds_reference(&text) {
                reader.fault(&dir, "`dir` of artifacts is the same for every run; write it without references");
            }
            Some(text)
        });
    }
    let user = all_steps(plan).into_iter().find(|step| leaves(step));
    if let (Some(false), Some(step), Some(at)) = (enabled, user, &written) {
        let message =
            format!("artifacts are switched off, and the step `{}` uses them; remove one of the two", step.name);
        reader.fault_key(at, "enabled", message);
    }
    let named = || NAMED.iter().any(|name| reader.holds(name));
    match enabled {
        None if user.is_none() && !named() => None,
        enabled => Some(Artifacts { enabled: enabled.unwrap_or(true), dir }),
    }
}

fn leaves(step: &Step) -> bool {
    let acts = matches!(&step.action, Action::Call { name, .. } if name.starts_with("artifact."));
    acts || step.stdout_artifact.is_some() || step.stderr_artifact.is_some()
}

/// Those of bodies too.
fn all_steps(plan: &Plan) -> Vec<&Step> {
    let bodies = fans(plan).into_iter().filter_map(|fan| match &fan.child {
        pintle_core::plan::Child::Body(body) => Some(&body.steps),
        pintle_core::plan::Child::Dag(_) => None,
    });
    plan.steps.iter().chain(bodies.flatten()).collect()
}
