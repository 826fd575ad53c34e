//! What a dotted path stands for.

use std::borrow::Cow;

use serde_json::Value;

use super::{ItemFacts, Outer, Scope, StepValues, ancestors, plain};

impl<'a> Scope<'a> {
    /// What a dotted path stands for; none: it stays as it is written.
    #[must_use]
    pub fn qualified(&self, path: &str) -> Option<Cow<'_, str>> {
        if path == "params" {
            return Some(Cow::Owned(self.run.params.to_json()));
        }
        let (first, rest) = path.split_once('.')?;
        match first {
            "consts" => self.run.consts.get(rest).map(|value| Cow::Borrowed(value.as_str())),
            "params" => self.run.params.get(rest).map(Cow::Borrowed),
            "env" => self.variable(rest).map(Cow::Borrowed),
            "context" => self.context(rest),
            "steps" => {
                let (id, rest) = rest.split_once('.')?;
                let name = rest.strip_prefix("outputs.")?;
                self.output(id, name)
            }
            "ITEM" => self.items.iter().rev().find_map(|item| item.qualified(path)),
            "foreach" => self.foreach_item(rest)?.qualified(path),
            _ => self.alias(path).or_else(|| self.old_reference(first, rest)),
        }
    }

    /// What a path stands for with its type, where that is JSON: an output, or a part of an item.
    pub(in crate::eval) fn typed(&self, path: &str) -> Option<Value> {
        match path.split_once('.')? {
            ("steps", rest) => {
                let (id, rest) = rest.split_once('.')?;
                let name = rest.strip_prefix("outputs.")?;
                let (_, json) = self.values(id)?.outputs.iter().find(|(own, _)| own == name)?;
                serde_json::from_str(&json.0).ok()
            }
            ("foreach", rest) => self.foreach_item(rest)?.typed(rest),
            _ => None,
        }
    }

    /// The innermost item that goes by the name: what it does not have, none around it has for it.
    fn foreach_item(&self, rest: &str) -> Option<&'a ItemFacts> {
        let name = rest.split('.').next().unwrap_or_default();
        let all = || self.items.iter().rev().copied().chain(self.outer.into_iter().flat_map(Outer::items));
        all().find(|item| item.is_called(name)).or_else(|| all().find(|item| name == "item" && item.is_foreach()))
    }

    fn context(&self, name: &str) -> Option<Cow<'_, str>> {
        let value = self.context.get(name).or_else(|| self.run.context.get(name))?;
        Some(Cow::Borrowed(value))
    }

    /// Short names of the context that older files use.
    fn alias(&self, path: &str) -> Option<Cow<'_, str>> {
        match path {
            "dag.name" | "run.id" | "attempt.id" | "step.name" => self.context(path),
            "run.started_at" => self.context("attempt.started_at"),
            _ => None,
        }
    }

    /// `${ID.stdout}` and the like of older files.
    fn old_reference(&self, id: &str, field: &str) -> Option<Cow<'a, str>> {
        let values = self.values(id)?;
        match field {
            "stdout" => values.stdout_file.as_deref().map(Cow::Borrowed),
            "stderr" => values.stderr_file.as_deref().map(Cow::Borrowed),
            "exit_code" => values.exit_code.map(|code| Cow::Owned(code.to_string())),
            "output" => values.variable.as_deref().map(Cow::Borrowed).or_else(|| whole(values)),
            "outputs" => whole(values),
            _ => {
                let path = output_path(field)?;
                let own = values.outputs.iter().find(|(own, _)| own == path).map(|(_, json)| plain(json));
                own.or_else(|| Some(Cow::Owned(text(within(values, path)?))))
            }
        }
    }

    /// Bytes of JSON that have to be read to follow the path into an output.
    pub(in crate::eval) fn taken_apart(&self, path: &str) -> usize {
        let Some((id, path)) = path.split_once('.').and_then(|(id, field)| Some((id, output_path(field)?))) else {
            return 0;
        };
        let Some(values) = self.values(id).filter(|values| !values.outputs.iter().any(|(own, _)| own == path)) else {
            return 0;
        };
        let first = path.split('.').next().unwrap_or_default();
        let held = values.outputs.iter().find(|(own, _)| own == first).map(|(_, json)| json.0.len());
        held.or_else(|| values.variable.as_ref().map(String::len)).unwrap_or_default()
    }

    fn output(&self, id: &str, name: &str) -> Option<Cow<'_, str>> {
        let values = self.values(id)?;
        let (_, json) = values.outputs.iter().find(|(own, _)| own == name)?;
        Some(plain(json))
    }

    /// The values of a step by id, if this one depends on it, however far away; or its own, of a repetition before.
    /// What the body of a `foreach` does not call so itself, the step around it may.
    fn values(&self, id: &str) -> Option<&'a StepValues> {
        let Some(other) = self.run.ids.get(id) else { return self.outer?.values(id) };
        let results = self.results?;
        let Some(own) = self.step else { return results.get(other) };
        let before = || ancestors::by_distance(self.plan, own).into_iter().collect();
        if own != *other && !self.before.get_or_init(before).contains(other) {
            return None;
        }
        results.get(other)
    }
}

/// What stands behind `output.` or `outputs.`.
fn output_path(field: &str) -> Option<&str> {
    field.strip_prefix("outputs.").or_else(|| field.strip_prefix("output."))
}

/// All outputs as one object, if there are any.
fn whole(values: &StepValues) -> Option<Cow<'static, str>> {
    let value = |json: &str| serde_json::from_str(json).unwrap_or_else(|_| Value::from(json));
    let fields: serde_json::Map<_, _> =
        values.outputs.iter().map(|(name, json)| (name.clone(), value(&json.0))).collect();
    (!fields.is_empty()).then(|| Cow::Owned(Value::Object(fields).to_string()))
}

/// A part of an output, or of the variable where that holds JSON.
fn within(values: &StepValues, path: &str) -> Option<Value> {
    let (first, rest) = path.split_once('.').map_or((path, None), |(first, rest)| (first, Some(rest)));
    let (held, path) = match values.outputs.iter().find(|(own, _)| own == first) {
        Some((_, json)) => (json.0.as_str(), rest?),
        None => (values.variable.as_deref()?, path),
    };
    let mut value: Value = serde_json::from_str(held).ok()?;
    for part in path.split('.') {
        value = match value {
            Value::Object(mut fields) => fields.remove(part)?,
            Value::Array(items) => items.into_iter().nth(part.parse().ok()?)?,
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => return None,
        };
    }
    Some(value)
}

/// Text as it is, everything else as JSON.
fn text(value: Value) -> String {
    match value {
        Value::String(text) => text,
        other => other.to_string(),
    }
}
