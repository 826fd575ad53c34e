//! What steps ask people, and what they may type.

use pintle_core::plan::{FormField, Json, Param, ParamKind, Step, StepIndex};
use pintle_core::run::event::WaitReason;
use pintle_core::run::{RunStatus, StepState};
use pintle_spec::form_schema;
use serde_json::{Value, json};

use super::scene::Scene;
use super::style::{BOLD, DIM, Pen};
use super::time::instant;
use super::words::{bare, quoted};

/// Of a long prompt so many lines are shown.
const LINES: usize = 12;

/// The steps that ask, in the plan's order.
pub(crate) fn asking(scene: &Scene) -> impl Iterator<Item = (StepIndex, &Step, &StepState)> {
    let steps = scene.run.plan.indexed().zip(&scene.run.steps);
    steps.filter(|(_, state)| state.awaits_person()).map(|((index, step), state)| (index, step, state))
}

/// What is asked, in words; may be empty.
pub(crate) fn prompt(state: &StepState) -> &str {
    match &state.waiting {
        Some(WaitReason::Person { prompt }) => prompt,
        Some(
            WaitReason::Interrupted
            | WaitReason::Parked { .. }
            | WaitReason::Children
            | WaitReason::Until { .. }
            | WaitReason::Below,
        )
        | None => "",
    }
}

/// Every question of the run: its words, what may be given, and the commands that answer it.
pub(crate) fn questions(scene: &Scene, pen: Pen) -> Vec<String> {
    asking(scene).flat_map(|(index, step, state)| question(scene, (index, step, state), pen)).collect()
}

fn question(scene: &Scene, (index, step, state): (StepIndex, &Step, &StepState), pen: Pen) -> Vec<String> {
    let mut words = prompt(state).lines().map(bare);
    let first = words.next().unwrap_or_default();
    let asks = if first.is_empty() { "asks".to_owned() } else { format!("asks: {first}") };
    let mut lines = vec![format!("{} {asks}", pen.paint(BOLD, &scene.name(index)))];
    lines.extend(words.by_ref().take(LINES - 1).map(|line| format!("  {line}")));
    if words.next().is_some() {
        lines.push(format!("  {}", pen.ellipsis()));
    }
    lines.extend(fields(step).into_iter().map(|line| pen.paint(DIM, &format!("  {line}"))));
    let mut lead = "next: ";
    for command in commands(scene, step, state) {
        lines.push(format!("{}{}", pen.paint(DIM, lead), pen.paint(BOLD, &command)));
        lead = "  or: ";
    }
    lines
}

/// What may be given with the answer, a line each.
fn fields(step: &Step) -> Vec<String> {
    if let Some(task) = step.action.task() {
        return task.form.iter().flat_map(|form| &form.fields).map(field).collect();
    }
    let Some(approval) = &step.approval else { return Vec::new() };
    let needed = |name: &String| approval.required.contains(name);
    approval.input.iter().map(|name| if needed(name) { format!("{name} (required)") } else { name.clone() }).collect()
}

/// `replicas: a whole number, 1 or more, 9 or less (default 2): How wide`.
pub(crate) fn field(FormField { title, param }: &FormField) -> String {
    let mut says = vec![kind(param).to_owned()];
    let text = |json: &Json| serde_json::from_str(&json.0).map_or_else(|_| json.0.clone(), |value| plain(&value));
    let bounds = &param.bounds;
    if !bounds.one_of.is_empty() {
        says = vec![bounds.one_of.iter().map(text).collect::<Vec<_>>().join(" or ")];
    }
    says.extend(bounds.minimum.iter().map(|least| format!("{} or more", least.0)));
    says.extend(bounds.maximum.iter().map(|most| format!("{} or less", most.0)));
    says.extend(bounds.min_length.map(|least| format!("{least} characters or more")));
    says.extend(bounds.max_length.map(|most| format!("{most} characters or less")));
    says.extend(bounds.pattern.iter().map(|pattern| format!("like `{pattern}`")));
    let mut line = format!("{}: {}", param.name.as_deref().unwrap_or_default(), says.join(", "));
    match &param.default {
        Some(default) => line.push_str(&format!(" (default {})", text(default))),
        None if param.required => line.push_str(" (required)"),
        None => {}
    }
    for about in [title, &param.description].into_iter().flatten() {
        line.push_str(&format!(": {about}"));
    }
    bare(&line)
}

fn kind(param: &Param) -> &'static str {
    match param.kind {
        ParamKind::String => "text",
        ParamKind::Integer => "a whole number",
        ParamKind::Number => "a number",
        ParamKind::Boolean => "true or false",
    }
}

fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// What to type: exact, but for the values.
fn commands(scene: &Scene, step: &Step, state: &StepState) -> Vec<String> {
    let (run, name) = (&scene.run.id, quoted(step.id.as_deref().unwrap_or(&step.name)));
    let inputs = |names: Vec<&str>| names.iter().map(|name| format!(" --input {name}=VALUE")).collect::<String>();
    if state.end.is_none() {
        let form = step.action.task().and_then(|task| task.form.as_ref());
        let needed = form.into_iter().flat_map(|form| &form.fields).map(|field| &field.param);
        let needed = needed.filter(|param| param.required && param.default.is_none());
        let needed = inputs(needed.filter_map(|param| param.name.as_deref()).collect());
        return vec![format!("pintle human-task complete {run} {name}{needed}")];
    }
    let approval = step.approval.as_deref().cloned().unwrap_or_default();
    let required = inputs(approval.required.iter().map(String::as_str).collect());
    let said = approval.input.first().map_or(" --reason TEXT".to_owned(), |name| format!(" --input {name}=VALUE"));
    vec![
        format!("pintle approve {run} {name}{required}"),
        format!("pintle reject {run} {name} --reason TEXT"),
        format!("pintle push-back {run} {name}{said}"),
    ]
}

/// A question for programs.
pub(crate) fn object(scene: &Scene, (_, step, state): (StepIndex, &Step, &StepState)) -> Value {
    let approval = step.approval.as_deref().filter(|_| state.end.is_some());
    json!({
        "kind": if state.end.is_some() { "approval" } else { "task" },
        "prompt": prompt(state),
        "since": state.since.map(instant),
        "due": state.due.map(instant),
        "form": step.action.task().and_then(|task| task.form.as_ref()).map(form_schema),
        "input": approval.map(|approval| &approval.input),
        "required": approval.map(|approval| &approval.required),
        "iteration": state.talk.as_ref().map_or(0, |talk| talk.push_backs.len()),
        "commands": commands(scene, step, state),
    })
}

/// Who answered the step last, and what.
pub(crate) fn answer(state: &StepState) -> Value {
    let Some(said) = state.talk.as_ref().and_then(|talk| talk.answer.as_ref()) else { return Value::Null };
    json!({ "by": said.by, "at": instant(said.at), "verdict": said.answer.verdict().to_string() })
}

/// People were asked and have answered, and nobody has gone on with the run yet.
pub(crate) fn is_answered(scene: &Scene) -> bool {
    let person = matches!(scene.run.head.waiting, Some(WaitReason::Person { .. }));
    scene.run.status() == RunStatus::Waiting && person && asking(scene).next().is_none()
}
