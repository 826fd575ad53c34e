//! A claimed step becomes its children.

use std::collections::{HashMap, HashSet};

use pintle_core::plan::{Child, Fan, FanForm, Json, Plan, StepIndex, Template};
use serde_json::Value;

use super::{FanError, FanItem};
use crate::eval::{EvalError, Fan as ItemForm, Field, ItemFacts, Scope, resolve, resolve_json};
use crate::limits::{MAX_FAN_BYTES, MAX_FOREACH_ITEMS, MAX_KEY_BYTES, MAX_PARALLEL_ITEMS};
use crate::nearest::did_you_mean;
use crate::words;

/// The children of a claimed step, in order: none where there is nothing to do. `scope` is the step's own.
///
/// Items of `parallel` that come to the same DAG with the same parameters are one child.
pub fn expand(plan: &Plan, step: StepIndex, scope: &Scope<'_>) -> Result<Vec<FanItem>, FanError> {
    let own = plan.step(step).ok_or(FanError::NoStep(step.0))?;
    let fan = own.action.fan().ok_or_else(|| FanError::NoFan(own.name.clone()))?;
    let expansion = Expansion { plan, fan, step: &own.name };
    let scope = scope.with_shared_work();
    match (&fan.child, fan.form) {
        (Child::Dag(dag), FanForm::Dag) => {
            let child = expansion.child(dag, Value::Null, &scope)?;
            expansion.weigh(&mut 0, &child)?;
            Ok(vec![child])
        }
        (Child::Dag(dag), FanForm::Parallel | FanForm::Foreach) => expansion.parallel(dag, &scope),
        (Child::Body(_), FanForm::Dag | FanForm::Parallel | FanForm::Foreach) => expansion.foreach(&scope),
    }
}

struct Expansion<'e> {
    plan: &'e Plan,
    fan: &'e Fan,
    /// Name of the step, for errors.
    step: &'e str,
}

impl Expansion<'_> {
    fn parallel(&self, dag: &Template, scope: &Scope<'_>) -> Result<Vec<FanItem>, FanError> {
        let values = self.items(scope)?;
        self.count("parallel", values.len(), MAX_PARALLEL_ITEMS)?;
        let facts = |(index, value)| ItemFacts { fan: ItemForm::Parallel, index, value };
        let facts: Vec<ItemFacts> = values.into_iter().enumerate().map(facts).collect();
        let (mut children, mut seen) = (Vec::with_capacity(facts.len()), HashSet::new());
        let (mut inside, around, mut bytes) = (scope.clone(), scope.items_around(), 0);
        for item in &facts {
            inside.set_item(around, item);
            let child = self.child(dag, item.value.clone(), &inside)?;
            self.weigh(&mut bytes, &child)?;
            if seen.insert(child.key.clone()) {
                children.push(child);
            }
        }
        Ok(children)
    }

    fn foreach(&self, scope: &Scope<'_>) -> Result<Vec<FanItem>, FanError> {
        let values = self.items(scope)?;
        self.count("foreach", values.len(), MAX_FOREACH_ITEMS)?;
        let form = |index: usize| ItemForm::Foreach { key: index.to_string(), alias: self.fan.alias.clone() };
        let facts = |(index, value)| ItemFacts { fan: form(index), index, value };
        let facts: Vec<ItemFacts> = values.into_iter().enumerate().map(facts).collect();
        let mut keys = Vec::with_capacity(facts.len());
        let (mut inside, around) = (scope.clone(), scope.items_around());
        for item in &facts {
            inside.set_item(around, item);
            keys.push(self.key(item.index, &inside)?);
        }
        drop(inside);
        let mut places: HashMap<&str, usize> = HashMap::with_capacity(keys.len());
        for (second, key) in keys.iter().enumerate() {
            if let Some(first) = places.insert(key, second) {
                return Err(FanError::DuplicateKey { step: self.step.to_owned(), key: key.clone(), first, second });
            }
        }
        let mut bytes = 0;
        let child = |(key, item): (String, ItemFacts)| {
            let child = FanItem { key, value: item.value, dag: None, params: None };
            self.weigh(&mut bytes, &child).map(|()| child)
        };
        keys.into_iter().zip(facts).map(child).collect()
    }

    fn key(&self, at: usize, scope: &Scope<'_>) -> Result<String, FanError> {
        let Some(template) = &self.fan.key else { return Ok(at.to_string()) };
        let key = self.text(template, scope, "foreach.key")?;
        if key.is_empty() || key.len() > MAX_KEY_BYTES {
            return Err(FanError::BadKey { step: self.step.to_owned(), at, bytes: key.len() });
        }
        Ok(key)
    }

    /// A child that is a DAG of its own.
    fn child(&self, dag: &Template, value: Value, scope: &Scope<'_>) -> Result<FanItem, FanError> {
        let dag = self.text(dag, scope, "with.dag")?.trim().to_owned();
        let names = || self.plan.dags.iter().map(|(name, _)| name.as_str());
        if !names().any(|name| name == dag) {
            let hint =
                did_you_mean(&dag, names(), "name it literally in `with.dag` of a step, or put it into this file");
            return Err(FanError::NoDag { step: self.step.to_owned(), dag, hint });
        }
        let params = match &self.fan.params {
            None => None,
            Some(params) => Some(self.params(params, scope)?),
        };
        let mut child = FanItem { key: String::new(), value, dag: None, params };
        // No name of a DAG holds a tab, so that no two children have one key.
        child.key = match child.params_text() {
            text if text.is_empty() => dag.clone(),
            text => format!("{dag}\t{text}"),
        };
        child.dag = Some(dag);
        Ok(child)
    }

    fn params(&self, params: &Json, scope: &Scope<'_>) -> Result<Value, FanError> {
        let failed = |source| self.failed("with.params", source);
        let json = resolve_json(params, scope, None).map_err(failed)?;
        self.read(&json.0)
    }

    /// The items with their references replaced.
    fn items(&self, scope: &Scope<'_>) -> Result<Vec<Value>, FanError> {
        let field = if self.fan.form == FanForm::Foreach { "foreach.items" } else { "parallel.items" };
        let Some(items) = &self.fan.items else { return Ok(Vec::new()) };
        let json = resolve_json(items, scope, None).map_err(|source| self.failed(field, source))?;
        match self.read(&json.0)? {
            Value::Array(items) => Ok(items),
            Value::String(text) if self.fan.form == FanForm::Foreach => self.array(&text),
            Value::String(text) => self.cut(&text),
            Value::Null => Ok(Vec::new()),
            other @ (Value::Bool(_) | Value::Number(_) | Value::Object(_)) => Ok(vec![other]),
        }
    }

    fn array(&self, text: &str) -> Result<Vec<Value>, FanError> {
        let found = match serde_json::from_str(text) {
            Ok(Value::Array(items)) => return Ok(items),
            Ok(Value::Object(_)) => "a JSON object",
            Ok(Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_)) => "a single JSON value",
            Err(_) if text.trim().is_empty() => "empty",
            Err(_) => "no JSON",
        };
        Err(FanError::NoArray { step: self.step.to_owned(), found })
    }

    /// The text of `parallel` is a JSON array, or several lines, or words.
    fn cut(&self, text: &str) -> Result<Vec<Value>, FanError> {
        if let Ok(Value::Array(items)) = serde_json::from_str(text) {
            return Ok(items);
        }
        let text = text.trim();
        if text.contains(['\n', '\r']) {
            let lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
            return Ok(lines.map(Value::from).collect());
        }
        let words = words::split(text)
            .map_err(|error| FanError::NoItems { step: self.step.to_owned(), reason: error.to_string() })?;
        let whole = |word: words::Word| match word.name {
            Some(name) => format!("{name}={}", word.text),
            None => word.text,
        };
        Ok(words.into_iter().map(whole).map(Value::from).collect())
    }

    fn count(&self, form: &'static str, count: usize, most: usize) -> Result<(), FanError> {
        if count > most {
            return Err(FanError::TooMany { form, step: self.step.to_owned(), count, most });
        }
        Ok(())
    }

    /// Adds a child to what is stored.
    fn weigh(&self, bytes: &mut usize, child: &FanItem) -> Result<(), FanError> {
        *bytes += child.key.len() + weight(&child.value) + child.params.as_ref().map_or(0, weight);
        if *bytes > MAX_FAN_BYTES {
            return Err(FanError::TooLarge(self.step.to_owned()));
        }
        Ok(())
    }

    fn text(&self, template: &Template, scope: &Scope<'_>, field: &'static str) -> Result<String, FanError> {
        resolve(template, scope, Field::Expanded).map_err(|source| self.failed(field, source))
    }

    fn read(&self, json: &str) -> Result<Value, FanError> {
        let failed =
            |error: serde_json::Error| FanError::NotJson { step: self.step.to_owned(), error: error.to_string() };
        serde_json::from_str(json).map_err(failed)
    }

    fn failed(&self, field: &'static str, source: EvalError) -> FanError {
        FanError::Eval { step: self.step.to_owned(), field, source }
    }
}

/// About how many bytes a value has as JSON.
fn weight(value: &Value) -> usize {
    match value {
        Value::Null | Value::Bool(_) => 5,
        Value::Number(_) => 8,
        Value::String(text) => text.len() + 2,
        Value::Array(items) => 2 + items.iter().map(|item| 1 + weight(item)).sum::<usize>(),
        Value::Object(fields) => 2 + fields.iter().map(|(key, value)| key.len() + 4 + weight(value)).sum::<usize>(),
    }
}
