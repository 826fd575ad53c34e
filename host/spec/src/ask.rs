//! What steps ask people: `action: human.task` with its form, and `approval`.

use std::collections::HashSet;

use pintle_core::plan::{
    Action, Approval, DeclaredOutput, Form, FormField, OutputKind, Param, ParamKind, Role, Task, Template,
};
use serde_json::Value;

use crate::bind::check::{Checked, check_value};
use crate::eval::is_managed;
use crate::fields::{APPROVAL, FORM, FORM_FIELD};
use crate::limits::{MAX_FORM_FIELDS, MAX_INPUTS};
use crate::nearest::did_you_mean;
use crate::params::{read_bounds, read_kind, read_scalar};
use crate::reader::{At, Reader};
use crate::step::{Around, Wanted};
use crate::words::is_name;

/// Fields of a step that say how something runs, or what it leaves: a task runs nothing.
pub(crate) const NOT_OF_A_TASK: [&str; 11] = [
    "approval",
    "output",
    "output_schema",
    "outputs",
    "parallel",
    "params",
    "repeat_policy",
    "retry_policy",
    "signal_on_stop",
    "stderr",
    "stdout",
];

/// `human.task`. `checked` is its `with` as the schema wants it; faults in it were reported.
pub(crate) fn read_task(
    reader: &mut Reader<'_>,
    step: &At<'_>,
    checked: &Value,
    role: Role,
    around: Around<'_>,
) -> Option<Action> {
    refuse_place(reader, step, role, around);
    for key in NOT_OF_A_TASK.into_iter().filter(|key| step.entry(key).is_some()) {
        let message = match key {
            "output" | "output_schema" | "outputs" => {
                format!("`{key}` does not go with `human.task`: the properties of its `form` are its outputs")
            }
            "approval" => "a `human.task` is a word of a person already; remove `approval`".to_owned(),
            "retry_policy" | "repeat_policy" => {
                format!("`{key}` does not go with `human.task`: it asks until it is answered")
            }
            _ => format!("`{key}` does not go with `human.task`: it runs nothing"),
        };
        reader.fault_key(step, key, message);
    }
    if step.get("id").is_none() {
        reader.fault_key(
            step,
            "action",
            "a `human.task` needs `id:`, by which it is completed and its outputs are found",
        );
    }
    let with = step.get("with")?;
    let prompt = checked.get("prompt").and_then(Value::as_str)?;
    if let Some(at) = with.get("prompt").filter(|_| prompt.trim().is_empty()) {
        reader.fault(&at, "`prompt` is empty; say what is to be done");
    }
    let form = with.get("form").filter(At::is_map).and_then(|at| read_form(reader, &at));
    Some(Action::Task(Box::new(Task { prompt: Template(prompt.to_owned()), form })))
}

/// Only the run that a person started asks: whoever looks for it finds it there.
fn refuse_place(reader: &mut Reader<'_>, step: &At<'_>, role: Role, around: Around<'_>) {
    let message = if role != Role::Main {
        "a handler has no `human.task`: nobody waits for it; put it into `steps:`"
    } else if around.depth > 0 {
        "the body of a `foreach` has no `human.task`; ask once before it, or use `approval` on a step of the body"
    } else if reader.is_below {
        "a DAG that other DAGs run has no `human.task`; ask in the DAG that is started, or use `approval` on a step"
    } else {
        return;
    };
    reader.fault_key(step, "action", message);
}

/// What the task leaves: every property, as its type is read.
pub(crate) fn outputs_of(task: &Task) -> Vec<DeclaredOutput> {
    let kind = |param: &Param| if param.kind == ParamKind::String { OutputKind::String } else { OutputKind::Json };
    let fields = task.form.iter().flat_map(|form| &form.fields);
    let named = fields.filter_map(|FormField { param, .. }| Some((param.name.clone()?, kind(param))));
    named.map(|(name, kind)| DeclaredOutput { name, kind }).collect()
}

fn read_form(reader: &mut Reader<'_>, at: &At<'_>) -> Option<Form> {
    if !reader.expect_map(at, "{type: object, properties: {region: {type: string}}}") {
        return None;
    }
    reader.check_fields(at, &FORM);
    match at.get("type") {
        Some(kind) if kind.scalar().is_none_or(|kind| kind.as_text() != "object") => {
            reader.mismatch(&kind, "`object`: what is asked for are its `properties`");
        }
        Some(_) => {}
        None => reader.fault(at, "the form has no `type:`; write `type: object`"),
    }
    let mut form = Form {
        title: reader.text_field(at, "title"),
        description: reader.text_field(at, "description"),
        fields: at.get("properties").map(|at| read_fields(reader, &at)).unwrap_or_default(),
        open: reader.boolean_field(at, "additionalProperties").unwrap_or(false),
    };
    read_required(reader, at, &mut form);
    Some(form)
}

fn read_fields(reader: &mut Reader<'_>, properties: &At<'_>) -> Vec<FormField> {
    let mut fields = Vec::new();
    if !reader.expect_map(properties, "region: {type: string}") {
        return fields;
    }
    for (entry, at) in properties.fields() {
        if !is_property(&entry.key) {
            let message = format!(
                "`{}` is not a name of a form's property; use letters, digits and `_`, beginning with a letter",
                entry.key
            );
            reader.fault_key(properties, &entry.key, message);
        } else if let Some(field) = read_field(reader, &entry.key, &at) {
            fields.push(field);
        }
    }
    if fields.len() > MAX_FORM_FIELDS {
        reader.fault(properties, format!("a form may have {MAX_FORM_FIELDS} properties; ask in several tasks"));
    }
    fields
}

fn is_property(name: &str) -> bool {
    is_name(name) && name.starts_with(|c: char| c.is_ascii_alphabetic())
}

fn read_field(reader: &mut Reader<'_>, name: &str, at: &At<'_>) -> Option<FormField> {
    if !reader.expect_map(at, "type: string") {
        return None;
    }
    if let Some(kind) = at.get("type").filter(|kind| kind.scalar().is_some_and(|s| is_nested(&s.as_text()))) {
        reader.fault(&kind, "a form is flat: a property is a `string`, an `integer`, a `number` or a `boolean`");
        return None;
    }
    reader.check_fields(at, &FORM_FIELD);
    let kind = read_kind(reader, at);
    let bounds = read_bounds(reader, at, kind, ("minLength", "maxLength"));
    let default = at.get("default").and_then(|at| read_scalar(reader, &at, kind));
    let (title, description) = (reader.text_field(at, "title"), reader.text_field(at, "description"));
    let param = Param { name: Some(name.to_owned()), kind, default, eval: None, description, required: false, bounds };
    if let Some(at) = at.get("default").filter(|_| param.default.is_some()) {
        let text = at.scalar().map(|scalar| scalar.as_text()).unwrap_or_default();
        // Nothing in a form is resolved.
        if let Checked::Refused(reason) = check_value(&param, &text) {
            reader.fault(&at, format!("the default `{text}` is refused by the property itself: {reason}"));
        }
    }
    Some(FormField { title, param })
}

fn is_nested(kind: &str) -> bool {
    matches!(kind, "object" | "array")
}

fn read_required(reader: &mut Reader<'_>, at: &At<'_>, form: &mut Form) {
    let Some(required) = at.get("required") else { return };
    if !required.is_list() {
        return reader.mismatch(&required, "a list of names of properties");
    }
    let mut seen = HashSet::new();
    for item in required.items() {
        let Some(name) = reader.word(&item) else { continue };
        if !seen.insert(name.clone()) {
            reader.fault(&item, format!("`required` names `{name}` twice; keep one of the two"));
            continue;
        }
        match form.fields.iter_mut().find(|field| field.param.name.as_deref() == Some(&name)) {
            Some(field) => field.param.required = true,
            None => {
                let names = form.fields.iter().filter_map(|field| field.param.name.as_deref());
                let hint = did_you_mean(&name, names, "describe it under `properties:`");
                reader.fault(&item, format!("`required` names `{name}`, which the form does not describe; {hint}"));
            }
        }
    }
}

/// `approval`, and the step that it names in `rewind_to`.
pub(crate) fn read_approval(
    reader: &mut Reader<'_>,
    step: &At<'_>,
    role: Role,
) -> (Option<Box<Approval>>, Option<Wanted>) {
    let Some(at) = step.get_even_null("approval") else { return (None, None) };
    if at.node.is_null() {
        reader.fault_key(
            step,
            "approval",
            "`approval` is empty; write `approval: {}` to ask without more, or remove it",
        );
        return (None, None);
    }
    if role != Role::Main {
        reader.fault_key(step, "approval", "a handler has no `approval`: nothing waits for it; remove it");
        return (None, None);
    }
    if !reader.expect_map(&at, "{prompt: \"Is this good?\"}") {
        return (None, None);
    }
    reader.check_fields(&at, &APPROVAL);
    let input = read_names(reader, &at, "input");
    let required = read_names(reader, &at, "required");
    if let Some(list) = at.get("required") {
        for item in list.items() {
            let Some(name) = item.scalar().map(|scalar| scalar.as_text()).filter(|name| !input.contains(name)) else {
                continue;
            };
            let hint = did_you_mean(&name, input.iter().map(String::as_str), "add it to `input`");
            reader.fault(&item, format!("`required` names `{name}`, which `input` does not; {hint}"));
        }
    }
    let wanted = at.get("rewind_to").and_then(|at| {
        let name = reader.word(&at)?;
        Some(Wanted { name, path: at.path.to_string(), place: at.place() })
    });
    let prompt = reader.text_field(&at, "prompt").map(Template);
    (Some(Box::new(Approval { prompt, input, required, rewind_to: None })), wanted)
}

/// Names of what is given with an answer: they become variables.
fn read_names(reader: &mut Reader<'_>, approval: &At<'_>, key: &str) -> Vec<String> {
    let Some(list) = approval.get(key) else { return Vec::new() };
    let mut names: Vec<String> = Vec::new();
    for item in list.items() {
        let Some(name) = reader.word(&item) else { continue };
        if !is_name(&name) {
            reader.fault(&item, format!("`{name}` is not a name of an input; use letters, digits and `_`"));
        } else if is_managed(&name) {
            reader.fault(&item, format!("`{name}` is set by Pintle itself; choose another name for the input"));
        } else if names.contains(&name) {
            reader.fault(&item, format!("`{key}` names `{name}` twice; keep one of the two"));
        } else {
            names.push(name);
        }
    }
    if names.len() > MAX_INPUTS {
        reader.fault(&list, format!("an approval may have {MAX_INPUTS} inputs; give a file instead"));
        names.truncate(MAX_INPUTS);
    }
    names
}
