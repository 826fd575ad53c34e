//! What a person gives with an answer, held against what was asked.
//!
//! Values are literal: nothing in them is evaluated. What is given as text (`NAME=value`) is read as the type of its
//! property; what is given as JSON keeps the type that it has there.

use std::fmt;

use pintle_core::plan::{Approval, Form, FormField, Json, Param, ParamKind};
use serde::Deserializer as _;
use serde::de::{Error as _, MapAccess, Visitor};
use serde_json::{Map, Value, json};

use crate::bind::check::{Checked, check_value};
use crate::bind::value::text_of;
use crate::eval::is_managed;
use crate::nearest::did_you_mean;
use crate::params::kind_noun;
use crate::words::is_name;

/// What was given, in either of its forms.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Given {
    /// Names and texts, in order.
    Pairs(Vec<(String, String)>),
    /// The text of a JSON object.
    Json(String),
}

/// Why an answer is not taken: all reasons at once.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}", .reasons.join("\n"))]
pub struct AnswerFaults {
    reasons: Vec<String>,
}

impl AnswerFaults {
    /// One sentence each.
    #[must_use]
    pub fn reasons(&self) -> &[String] {
        &self.reasons
    }
}

/// What completes a task.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Values {
    /// Of the form's properties, in its order; defaults are filled in.
    pub values: Vec<(String, Json)>,
    /// Taken by an open form; they are recorded, and are no outputs.
    pub others: Vec<(String, Json)>,
}

/// The values of a form; without one nothing may be given.
pub fn read_values(form: Option<&Form>, given: &Given) -> Result<Values, AnswerFaults> {
    let given = given.read().map_err(|reason| AnswerFaults { reasons: vec![reason] })?;
    let nothing = Form::default();
    let mut reading = Reading { form: form.unwrap_or(&nothing), made: Values::default(), reasons: Vec::new() };
    if form.is_none() && !given.is_empty() {
        let reason = format!("the task asks for nothing, so that `{}` cannot be given with it", name_of(&given));
        return Err(AnswerFaults { reasons: vec![reason] });
    }
    for field in &reading.form.fields {
        reading.field(field, &given);
    }
    for (name, value) in &given {
        if !reading.describes(name) {
            reading.other(name, value);
        }
    }
    if reading.reasons.is_empty() { Ok(reading.made) } else { Err(AnswerFaults { reasons: reading.reasons }) }
}

/// What is given with the word on a step: variables, each a text. Which of them must be given the run itself knows.
pub fn read_inputs(approval: &Approval, given: &Given) -> Result<Vec<(String, String)>, AnswerFaults> {
    let given = given.read().map_err(|reason| AnswerFaults { reasons: vec![reason] })?;
    let (mut inputs, mut reasons) = (Vec::with_capacity(given.len()), Vec::new());
    for (name, value) in given {
        if !approval.input.is_empty() && !approval.input.contains(&name) {
            let names = approval.input.iter().map(String::as_str);
            let hint = did_you_mean(&name, names, &format!("it asks for {}", approval.input.join(", ")));
            reasons.push(format!("the approval asks for no input `{name}`; {hint}"));
        } else if !is_name(&name) {
            reasons.push(format!("`{name}` is not a name of an input; use letters, digits and `_`"));
        } else if is_managed(&name) {
            reasons.push(format!("`{name}` is set by Pintle itself; choose another name"));
        } else {
            match value {
                Raw::Text(text) => inputs.push((name, text)),
                Raw::Json(Value::String(text)) => inputs.push((name, text)),
                Raw::Json(value @ (Value::Bool(_) | Value::Number(_))) => inputs.push((name, value.to_string())),
                Raw::Json(_) => reasons.push(format!("the input `{name}` becomes a variable: it must be a text")),
            }
        }
        if let Some((name, _)) = inputs.iter().find(|(_, text)| text.contains('\0')) {
            reasons.push(format!("the input `{name}` holds a NUL, which no variable can"));
            break;
        }
    }
    if reasons.is_empty() { Ok(inputs) } else { Err(AnswerFaults { reasons }) }
}

/// The form as a JSON Schema, for whoever draws it.
#[must_use]
pub fn form_schema(form: &Form) -> Value {
    let properties = form.fields.iter().filter_map(|field| Some((field.param.name.clone()?, property_schema(field))));
    let properties: Map<String, Value> = properties.collect();
    let required = form.fields.iter().filter(|field| field.param.required).filter_map(|f| f.param.name.clone());
    let required: Vec<String> = required.collect();
    let mut schema = json!({ "type": "object", "properties": properties, "additionalProperties": form.open });
    if let Some(object) = schema.as_object_mut() {
        object.extend(form.title.clone().map(|title| ("title".to_owned(), title.into())));
        object.extend(form.description.clone().map(|text| ("description".to_owned(), text.into())));
        if !required.is_empty() {
            object.insert("required".to_owned(), required.into());
        }
    }
    schema
}

fn property_schema(FormField { title, param }: &FormField) -> Value {
    let mut object = Map::new();
    object.insert("type".to_owned(), serde_json::to_value(param.kind).unwrap_or_default());
    let json = |json: &Json| serde_json::from_str(&json.0).unwrap_or_default();
    let bounds = &param.bounds;
    let facts: [(&str, Option<Value>); 9] = [
        ("title", title.clone().map(Value::from)),
        ("description", param.description.clone().map(Value::from)),
        ("default", param.default.as_ref().map(json)),
        ("enum", (!bounds.one_of.is_empty()).then(|| bounds.one_of.iter().map(json).collect())),
        ("minimum", bounds.minimum.as_ref().map(json)),
        ("maximum", bounds.maximum.as_ref().map(json)),
        ("minLength", bounds.min_length.map(Value::from)),
        ("maxLength", bounds.max_length.map(Value::from)),
        ("pattern", bounds.pattern.clone().map(Value::from)),
    ];
    object.extend(facts.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?))));
    Value::Object(object)
}

/// One value, as it was given.
enum Raw {
    Text(String),
    Json(Value),
}

struct Reading<'f> {
    form: &'f Form,
    made: Values,
    reasons: Vec<String>,
}

impl Reading<'_> {
    fn describes(&self, name: &str) -> bool {
        self.form.fields.iter().any(|field| field.param.name.as_deref() == Some(name))
    }

    fn field(&mut self, FormField { param, .. }: &FormField, given: &[(String, Raw)]) {
        let name = param.name.clone().unwrap_or_default();
        let found = given.iter().find(|(given, _)| *given == name).map(|(_, value)| value);
        match (found, &param.default) {
            (Some(value), _) => match typed(param, value) {
                Ok(json) => self.made.values.push((name, json)),
                Err(reason) => self.reasons.push(format!("the value of `{name}` is refused: {reason}")),
            },
            (None, Some(default)) => self.made.values.push((name, default.clone())),
            (None, None) if param.required => {
                self.reasons.push(format!("`{name}` is required; give it as `{name}=VALUE`"));
            }
            (None, None) => {}
        }
    }

    fn other(&mut self, name: &str, value: &Raw) {
        if self.form.open {
            let json = match value {
                Raw::Text(text) => Value::from(text.as_str()),
                Raw::Json(value) => value.clone(),
            };
            return self.made.others.push((name.to_owned(), Json(json.to_string())));
        }
        let names: Vec<&str> = self.form.fields.iter().filter_map(|field| field.param.name.as_deref()).collect();
        let known = format!("it asks for {}", names.join(", "));
        let hint = did_you_mean(name, names.iter().copied(), &known);
        self.reasons.push(format!("the form has no `{name}`; {hint}"));
    }
}

/// A text is read as the type; JSON has it already, or not.
fn typed(param: &Param, value: &Raw) -> Result<Json, String> {
    let text = match value {
        Raw::Text(text) => text.clone(),
        Raw::Json(value) => {
            let fits = match param.kind {
                ParamKind::String => value.is_string(),
                ParamKind::Integer => value.is_i64() || value.is_u64(),
                ParamKind::Number => value.is_number(),
                ParamKind::Boolean => value.is_boolean(),
            };
            if !fits {
                return Err(format!("it must be {}", kind_noun(param.kind)));
            }
            text_of(&Json(value.to_string()))
        }
    };
    match check_value(param, &text) {
        Checked::Value(value) => Ok(Json(value.to_string())),
        Checked::Refused(reason) => Err(reason),
    }
}

fn name_of(given: &[(String, Raw)]) -> &str {
    given.first().map_or("", |(name, _)| name.as_str())
}

impl Given {
    fn read(&self) -> Result<Vec<(String, Raw)>, String> {
        let read: Vec<(String, Raw)> = match self {
            Self::Pairs(pairs) => pairs.iter().map(|(name, text)| (name.clone(), Raw::Text(text.clone()))).collect(),
            Self::Json(text) => {
                let members = members(text).map_err(|error| format!("the inputs are no JSON object: {error}"))?;
                members.into_iter().map(|(name, value)| (name, Raw::Json(value))).collect()
            }
        };
        for (at, (name, _)) in read.iter().enumerate() {
            if read.iter().take(at).any(|(before, _)| before == name) {
                return Err(format!("`{name}` is given twice; give it once"));
            }
        }
        Ok(read)
    }
}

/// The members of an object in the order in which they are written, those that come twice too.
fn members(text: &str) -> Result<Vec<(String, Value)>, serde_json::Error> {
    struct Members;
    impl<'de> Visitor<'de> for Members {
        type Value = Vec<(String, Value)>;
        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("an object such as {\"region\": \"eu\"}")
        }
        fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
            let mut members = Vec::new();
            while let Some(member) = map.next_entry()? {
                members.push(member);
                if members.len() > crate::limits::MAX_INPUTS {
                    return Err(A::Error::custom(format!("more than {} members", crate::limits::MAX_INPUTS)));
                }
            }
            Ok(members)
        }
    }
    let mut reader = serde_json::Deserializer::from_str(text);
    let members = reader.deserialize_map(Members)?;
    reader.end()?;
    Ok(members)
}

#[cfg(test)]
mod tests;
