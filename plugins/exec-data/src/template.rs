//! `template.render`, by minijinja (Jinja2's language).

use minijinja::syntax::SyntaxConfig;
use minijinja::value::Serde;
use minijinja::{Environment, UndefinedBehavior};
use pintle_guest::prelude::*;
use serde_json::Value;

/// Of `template.render`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Input {
    /// The template. `{{ name }}` is a value of `data`; a name that `data` does not have is an error.
    template: String,
    /// The values: a mapping, or text that holds one as JSON.
    #[serde(default)]
    data: Option<Value>,
}

pub(crate) fn run(input: &Input) -> Result<Done, Error> {
    let data = match &input.data {
        None | Some(Value::Null) => Value::Object(serde_json::Map::new()),
        Some(Value::String(text)) => serde_json::from_str(text)
            .map_err(|error| Error::invalid(format!("`data` is text, and not JSON: {error}")))?,
        Some(value) => value.clone(),
    };
    if !data.is_object() {
        return Err(Error::invalid("`data` is not a mapping: give each value a name"));
    }
    let mut environment = Environment::new();
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    let mut syntax = SyntaxConfig::builder();
    environment.set_syntax(syntax.keep_trailing_newline(true).build().map_err(|error| faulty(&error))?);
    let text = environment.render_str(&input.template, Serde(&data)).map_err(|error| faulty(&error))?;
    output::print(&text);
    Ok(Done::new().output("result", text))
}

fn faulty(error: &minijinja::Error) -> Error {
    let place = error.line().map(|line| format!(" at line {line}")).unwrap_or_default();
    let detail = error.detail().map(|detail| format!(": {detail}")).unwrap_or_default();
    Error::invalid(format!("the template is faulty{place}: {}{detail}", error.kind()))
}
