//! What a step runs: exactly one of `run`, `action`, `foreach` and the older forms, and what goes with it.

use pintle_core::plan::{Action, Json, Role};

use super::Around;
use super::legacy::{read_exec, read_executor, routes, runs_dag};
use crate::ask::read_task;
use crate::fan::{read_call_form, read_dag_run, read_foreach};
use crate::fields::{LATER_ACTIONS, STEP};
use crate::known::{DAG_ENQUEUE, DAG_RUN, HUMAN_TASK, input_schema, unknown_action};
use crate::nearest::nearest;
use crate::reader::{At, Reader};
use crate::route::{ROUTER, is_of_router, read_router};
use crate::run::{read_old_run, read_run};
use crate::schema::check_with;
use crate::wait::read_wait;

/// Fields of which a step has exactly one, but for old forms that go together.
const FORMS: [&str; 9] = ["run", "action", "foreach", "call", "exec", "executor", "type", "command", "script"];

/// Exactly one of `run`, `action`, `foreach` and the older forms.
pub(super) fn read_action(reader: &mut Reader<'_>, step: &At<'_>, role: Role, around: Around<'_>) -> Option<Action> {
    let mut forms = FORMS.into_iter().filter(|key| step.entry(key).is_some());
    let form = forms.next();
    let other = forms.find(|other| !form.is_some_and(|form| go_together(form, other)));
    if let (Some(form), Some(other)) = (form, other) {
        refuse_both(reader, step, form, other);
        return None;
    }
    refuse_beside(reader, step, form);
    match form {
        Some("run") => read_run(reader, step),
        Some("action") => read_call(reader, step, role, around),
        Some("foreach") => read_foreach(reader, step, role, around),
        Some("call") => read_call_form(reader, step),
        Some("exec") => read_exec(reader, step),
        Some("executor" | "type") => read_executor(reader, step, role),
        Some(_) => read_old_run(reader, step),
        // It only gives values out.
        None if step.get("output").is_some_and(|output| output.is_map()) => Some(Action::noop()),
        None => {
            // The field that it has instead, or mistyped, is a fault already.
            if !step.entries().iter().any(|entry| stands_for_action(&entry.key)) {
                reader.fault(step, "the step runs nothing; give it `run:` or `action:`");
            }
            None
        }
    }
}

/// `command` with `script`; both with the kind of step that they belong to. A kind named twice is refused there.
fn go_together(form: &str, other: &str) -> bool {
    match form {
        "command" => other == "script",
        "executor" => matches!(other, "type" | "command" | "script"),
        "type" => matches!(other, "command" | "script"),
        _ => false,
    }
}

fn refuse_both(reader: &mut Reader<'_>, step: &At<'_>, form: &str, other: &str) {
    let old = |key: &str| matches!(key, "command" | "script");
    match (form, other) {
        ("run", other) if old(other) => {
            reader.fault_key(step, other, format!("`{other}` is the old form of `run`, which is here too; keep `run`"));
        }
        (form, other) => {
            let message = format!("a step has `{form}` or `{other}`, not both; keep one of the two");
            reader.fault_key(step, other, message);
        }
    }
}

/// Fields that only go with one of the forms.
fn refuse_beside(reader: &mut Reader<'_>, step: &At<'_>, form: Option<&str>) {
    let name = step.get("action").and_then(|at| at.scalar().map(|scalar| scalar.as_text()));
    let calls = form == Some("call") || runs_dag(step);
    let runs_dag = calls || matches!(name.as_deref(), Some(DAG_RUN | DAG_ENQUEUE));
    let later = name.as_deref().is_some_and(|name| LATER_ACTIONS.contains(&name));
    let asks = name.as_deref() == Some(HUMAN_TASK);
    if !runs_dag && !later && !asks && step.get("parallel").is_some() {
        let message = "`parallel` goes with `action: dag.run` or `dag.enqueue`; for steps of this file use `foreach`";
        reader.fault_key(step, "parallel", message);
    }
    let routes = name.as_deref() == Some(ROUTER) || routes(step);
    for entry in step.entries().iter().filter(|entry| is_of_router(&entry.key) && !routes) {
        let message = format!("`{}` belongs to `action: router.route`; this step is no router", entry.key);
        reader.fault_key(step, &entry.key, message);
    }
    if !calls && !asks && step.get("params").is_some() {
        let message = if runs_dag {
            format!("`params` of `{}` stands in `with:`, beside `dag`", name.as_deref().unwrap_or(DAG_RUN))
        } else {
            "`params` belongs to `action: dag.run`, in its `with:`; this step runs no other DAG".to_owned()
        };
        reader.fault_key(step, "params", message);
    }
    if !matches!(form, Some("executor" | "type")) && step.get("config").is_some() {
        let message = "`config` belongs to the old `type` or `executor`; an action's input stands in `with:`";
        reader.fault_key(step, "config", message);
    }
    if !runs_dag && form != Some("foreach") {
        return;
    }
    if step.get("outputs").is_some() {
        let message = "`outputs` are written by a program; this step has what the runs that it starts leave behind";
        reader.fault_key(step, "outputs", message);
    }
    for key in ["stdout", "stderr"] {
        let message = format!("`{key}` is accepted, but a step that runs other DAGs prints nothing itself");
        reader.notice_key(step, key, message);
    }
    for key in ["shell", "shell_args"].into_iter().filter(|key| form != Some("action") && step.get(key).is_some()) {
        reader.fault_key(step, key, format!("`{key}` belongs to `run`; this step has no shell"));
    }
}

fn stands_for_action(key: &str) -> bool {
    let refused = STEP.refused.iter().any(|(name, _)| *name == key);
    let known = STEP.row(key).is_some() || STEP.inert.iter().any(|field| field.name == key);
    refused || (!known && matches!(nearest(key, STEP.names()), Some("run" | "action" | "command" | "script")))
}

fn read_call(reader: &mut Reader<'_>, step: &At<'_>, role: Role, around: Around<'_>) -> Option<Action> {
    for key in ["shell", "shell_args"] {
        if step.get(key).is_some() {
            reader.fault_key(step, key, format!("`{key}` belongs to `run`; an action has no shell"));
        }
    }
    let at = step.get("action").or_else(|| {
        reader.fault_key(step, "action", "`action` is empty; name one, or use `run:`");
        None
    })?;
    let name = reader.word(&at)?;
    if name == "run" {
        reader.fault(&at, "`action: run` is written `run:` with the text itself");
        return None;
    }
    let with = step.get("with");
    if let Some(with) = with.as_ref().filter(|with| !with.is_map()) {
        reader.mismatch(with, &format!("a map with the input of the action `{name}`"));
        return None;
    }
    let known = reader.known;
    let Some(schema) = input_schema(known, &name) else {
        let message = unknown_action(known, reader.customs.names(), &name);
        reader.fault(&at, message);
        return None;
    };
    if name == ROUTER {
        return read_router(reader, step, role);
    }
    let json = check_with(reader, step, with.as_ref(), &name, schema);
    if name == DAG_RUN || name == DAG_ENQUEUE {
        return read_dag_run(reader, step, with.as_ref(), &json, name == DAG_ENQUEUE);
    }
    if name == HUMAN_TASK {
        return read_task(reader, step, &json, role, around);
    }
    if let Some(wait) = read_wait(reader, step, with.as_ref(), &name, &json) {
        return Some(wait);
    }
    Some(Action::Call { name, with: Json(json.to_string()) })
}
