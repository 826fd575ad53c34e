//! `template.render`, by minijinja (Jinja2's language). Of Go's templates, which older files are written in, what both can
//! say is taken too: `{{ .name }}`.

use std::borrow::Cow;

use minijinja::syntax::SyntaxConfig;
use minijinja::value::Serde;
use minijinja::{Environment, ErrorKind, UndefinedBehavior};
use pintle_guest::prelude::*;
use serde_json::Value;

/// What is said of a template that seems to be written in another language.
const OTHER: &str = "; templates are Jinja's: of Go's language only `{{ .name }}` is understood";

/// Of `template.render`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Input {
    /// The template, in Jinja's language. `{{ name }}`, or `{{ .name }}`, is a value of `data`; a name that `data` does not
    /// have is an error.
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
    let render = |template: &str| environment.render_str(template, Serde(&data));
    // Only what Jinja cannot read may be meant as Go's.
    let rendered = render(&input.template).or_else(|error| match error.kind() {
        ErrorKind::SyntaxError => render(&without_dots(&input.template)),
        _ => Err(error),
    });
    let text = rendered.map_err(|error| {
        let mut fault = faulty(&error);
        if speaks_go(&input.template) {
            fault.message.push_str(OTHER);
        }
        fault
    })?;
    output::print(&text);
    Ok(Done::new().output("result", text))
}

/// `{{ .a.b }}` as `{{ a.b }}`. No expression of Jinja begins with a dot.
fn without_dots(template: &str) -> Cow<'_, str> {
    let mut made = String::new();
    let mut rest = template;
    while let Some((before, inside, after)) = expression(rest) {
        let path = inside.trim_matches(|c: char| c == '-' || c.is_whitespace());
        made.push_str(before);
        made.push_str("{{");
        match path.strip_prefix('.').filter(|path| is_path(path)) {
            Some(bare) => made.push_str(&inside.replacen(path, bare, 1)),
            None => made.push_str(inside),
        }
        made.push_str("}}");
        rest = after;
    }
    if made.is_empty() {
        return Cow::Borrowed(template);
    }
    made.push_str(rest);
    Cow::Owned(made)
}

/// What stands before the first expression, in it, and behind it.
fn expression(text: &str) -> Option<(&str, &str, &str)> {
    let (before, rest) = text.split_once("{{")?;
    let (inside, after) = rest.split_once("}}")?;
    Some((before, inside, after))
}

/// Whether a word in an expression begins with a dot.
fn speaks_go(template: &str) -> bool {
    let mut rest = template;
    while let Some((_, inside, after)) = expression(rest) {
        let dotted =
            |word: &str| word.strip_prefix('.').is_some_and(|name| name.starts_with(|c: char| c.is_alphabetic()));
        if inside.split(|c: char| c.is_whitespace() || "(|-".contains(c)).any(dotted) {
            return true;
        }
        rest = after;
    }
    false
}

/// Names with dots between them.
fn is_path(text: &str) -> bool {
    let is_name = |name: &str| {
        name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
            && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
    };
    text.split('.').all(is_name)
}

fn faulty(error: &minijinja::Error) -> Error {
    let place = error.line().map(|line| format!(" at line {line}")).unwrap_or_default();
    let detail = error.detail().map(|detail| format!(": {detail}")).unwrap_or_default();
    Error::invalid(format!("the template is faulty{place}: {}{detail}", error.kind()))
}
