//! A template with inputs put in: `{{ .input.name }}` in texts, `{$input: name}` for a value with its type.
//!
//! What stands between the braces is a small part of Go's templates, which the files of the peer are written in: a path
//! below `.input`, a text in quotes, and a few functions with `|` between them. What is put in is never read again.

use serde_json::Value as Json;

use crate::document::{Entry, Node, Scalar, ScalarKind, Value};
use crate::source::Place;

const TYPED: &str = "$input";
const FUNCTIONS: &str = "`json`, `quote`, `upper`, `lower`, `trim`, `join` and `default`";

pub(super) struct Render<'i> {
    pub(super) inputs: &'i Json,
    /// Bytes that may still be made.
    pub(super) left: usize,
    pub(super) faults: Vec<(Place, String)>,
}

impl Render<'_> {
    pub(super) fn node(&mut self, node: &Node) -> Node {
        let value = match &node.value {
            Value::Scalar(scalar) => Value::Scalar(self.scalar(node.place, scalar)),
            Value::List(items) => Value::List(items.iter().map(|item| self.node(item)).collect()),
            Value::Map(entries) => match entries.as_slice() {
                [Entry { key, node: path, .. }] if key == TYPED => return self.typed(path),
                entries => Value::Map(
                    entries.iter().map(|entry| Entry { node: self.node(&entry.node), ..entry.clone() }).collect(),
                ),
            },
        };
        if self.spend(size_of::<Node>()) { Node { place: node.place, value } } else { empty(node.place) }
    }

    fn spend(&mut self, bytes: usize) -> bool {
        match self.left.checked_sub(bytes) {
            Some(left) => {
                self.left = left;
                true
            }
            None => {
                if self.left > 0 {
                    self.left = 0;
                    let message = "the calls of the document's actions are too large in all; pass names of files";
                    self.faults.push((Place::default(), message.to_owned()));
                }
                false
            }
        }
    }

    fn typed(&mut self, path: &Node) -> Node {
        let Value::Scalar(Scalar { text, .. }) = &path.value else {
            self.faults.push((path.place, format!("`{TYPED}` names an input: `{{{TYPED}: name}}`")));
            return empty(path.place);
        };
        match lookup(self.inputs, text) {
            Some(value) => {
                let value = value.clone();
                self.value(path.place, &value)
            }
            None => {
                self.faults.push((path.place, missing(text)));
                empty(path.place)
            }
        }
    }

    fn value(&mut self, place: Place, value: &Json) -> Node {
        let text = value.as_str().map_or(0, str::len);
        if !self.spend(size_of::<Node>() + text) {
            return empty(place);
        }
        let value = match value {
            Json::Null => Value::Scalar(Scalar { text: String::new(), kind: ScalarKind::Null }),
            Json::Bool(truth) => Value::Scalar(Scalar::plain(if *truth { "true" } else { "false" })),
            Json::Number(number) => Value::Scalar(Scalar::plain(&number.to_string())),
            Json::String(text) => Value::Scalar(Scalar::text(text)),
            Json::Array(items) => Value::List(items.iter().map(|item| self.value(place, item)).collect()),
            Json::Object(fields) => {
                let entry = |(key, value): (&String, &Json)| Entry {
                    key: key.clone(),
                    key_place: place,
                    node: self.value(place, value),
                };
                Value::Map(fields.iter().map(entry).collect())
            }
        };
        Node { place, value }
    }

    fn scalar(&mut self, place: Place, scalar: &Scalar) -> Scalar {
        if scalar.kind != ScalarKind::Text || !scalar.text.contains("{{") {
            self.spend(scalar.text.len());
            return scalar.clone();
        }
        match self.text(&scalar.text) {
            Ok(text) => Scalar::text(text),
            Err(message) => {
                if !message.is_empty() {
                    self.faults.push((place, message));
                }
                scalar.clone()
            }
        }
    }

    /// The text with everything between braces replaced. An empty error was told already.
    fn text(&mut self, text: &str) -> Result<String, String> {
        let mut out = String::new();
        let mut rest = text;
        while let Some((before, behind)) = rest.split_once("{{") {
            let (trims_before, inside) = match behind.strip_prefix("- ") {
                Some(inside) => (true, inside),
                None => (false, behind),
            };
            let end =
                end_of(inside).ok_or("the template has `{{` without `}}`; for two braces write `{{ \"{{\" }}`")?;
            let (code, after) = inside.split_at(end);
            let (trims_after, code) = match code.strip_suffix(" -") {
                Some(code) => (true, code),
                None => (false, code),
            };
            out.push_str(if trims_before { before.trim_end() } else { before });
            let value = evaluate(code.trim(), self.inputs)?;
            if !self.spend(before.len() + value.len()) {
                return Err(String::new());
            }
            out.push_str(&value);
            let after = after.get(2..).unwrap_or_default();
            rest = if trims_after { after.trim_start() } else { after };
        }
        if !self.spend(rest.len()) {
            return Err(String::new());
        }
        out.push_str(rest);
        Ok(out)
    }
}

/// Where `}}` stands, texts in quotes aside.
fn end_of(inside: &str) -> Option<usize> {
    let (mut quote, mut escaped) = (None, false);
    for (at, c) in inside.char_indices() {
        match (quote, c) {
            (Some('"'), '\\') if !escaped => {
                escaped = true;
                continue;
            }
            (Some(open), c) if c == open && !escaped => quote = None,
            (None, '"' | '`') => quote = Some(c),
            (None, '}') if inside.get(at..).is_some_and(|rest| rest.starts_with("}}")) => return Some(at),
            _ => {}
        }
        escaped = false;
    }
    None
}

/// A word of what stands between the braces.
#[derive(Debug, Clone, PartialEq)]
enum Token {
    Pipe,
    Word(String),
    Text(String),
}

fn evaluate(code: &str, inputs: &Json) -> Result<String, String> {
    if code.starts_with("/*") && code.ends_with("*/") {
        return Ok(String::new());
    }
    let tokens = tokens(code)?;
    let mut value: Option<Json> = None;
    for stage in tokens.split(|token| *token == Token::Pipe) {
        value = Some(stage_of(stage, value.take(), inputs, code)?);
    }
    Ok(match value.unwrap_or_default() {
        Json::String(text) => text,
        Json::Null => String::new(),
        other => other.to_string(),
    })
}

fn tokens(code: &str) -> Result<Vec<Token>, String> {
    let mut tokens = Vec::new();
    let mut rest = code.trim_start();
    while let Some(first) = rest.chars().next() {
        match first {
            '|' => {
                tokens.push(Token::Pipe);
                rest = rest.get(1..).unwrap_or_default();
            }
            '"' | '`' => {
                let end = quoted_end(rest, first).ok_or_else(|| format!("`{code}` has a quote without its end"))?;
                let (text, behind) = rest.split_at(end);
                let text = match first {
                    '"' => serde_json::from_str(text).map_err(|_| format!("`{text}` is no text in quotes"))?,
                    _ => text.trim_matches('`').to_owned(),
                };
                tokens.push(Token::Text(text));
                rest = behind;
            }
            _ => {
                let end = rest.find(|c: char| c.is_whitespace() || matches!(c, '|' | '"' | '`')).unwrap_or(rest.len());
                let (word, behind) = rest.split_at(end);
                tokens.push(Token::Word(word.to_owned()));
                rest = behind;
            }
        }
        rest = rest.trim_start();
    }
    Ok(tokens)
}

/// The end of a text in quotes at the beginning, quotes included.
fn quoted_end(text: &str, quote: char) -> Option<usize> {
    let mut escaped = false;
    for (at, c) in text.char_indices().skip(1) {
        if c == quote && !escaped {
            return Some(at + 1);
        }
        escaped = quote == '"' && c == '\\' && !escaped;
    }
    None
}

/// One value, or one function with its arguments; what is before the `|` is the last of them.
fn stage_of(stage: &[Token], piped: Option<Json>, inputs: &Json, code: &str) -> Result<Json, String> {
    let Some((first, others)) = stage.split_first() else {
        return Err("the template has braces with nothing in them; for two braces write `{{ \"{{\" }}`".to_owned());
    };
    let name = match first {
        Token::Word(name) if !is_value(name) => name.as_str(),
        value if others.is_empty() && piped.is_none() => return operand(value, inputs),
        _ => return Err(format!("`{code}` is not understood: a value stands alone, or behind a function")),
    };
    let mut arguments = others.iter().map(|token| operand(token, inputs)).collect::<Result<Vec<_>, _>>()?;
    arguments.extend(piped);
    call(name, arguments)
}

fn is_value(word: &str) -> bool {
    word.starts_with('.')
        || word.starts_with(|c: char| c.is_ascii_digit() || c == '-')
        || matches!(word, "true" | "false")
}

fn operand(token: &Token, inputs: &Json) -> Result<Json, String> {
    match token {
        Token::Text(text) => Ok(Json::String(text.clone())),
        Token::Word(word) => match word.strip_prefix(".input") {
            Some("") => Ok(inputs.clone()),
            Some(path) if path.starts_with('.') => {
                let path = path.get(1..).unwrap_or_default();
                lookup(inputs, path).cloned().ok_or_else(|| missing(path))
            }
            _ => serde_json::from_str(word).map_err(|_| {
                format!("`{word}` is not understood; an input is `.input.NAME`, and text stands in quotes")
            }),
        },
        Token::Pipe => Ok(Json::Null),
    }
}

fn call(name: &str, arguments: Vec<Json>) -> Result<Json, String> {
    let text = |value: &Json| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    match (name, arguments.as_slice()) {
        ("json" | "toJson", [value]) => Ok(Json::String(value.to_string())),
        ("quote", [value]) => Ok(Json::String(Json::String(text(value)).to_string())),
        ("upper", [value]) => Ok(Json::String(text(value).to_uppercase())),
        ("lower", [value]) => Ok(Json::String(text(value).to_lowercase())),
        ("trim", [value]) => Ok(Json::String(text(value).trim().to_owned())),
        ("join", [Json::String(between), Json::Array(items)]) => {
            Ok(Json::String(items.iter().map(text).collect::<Vec<_>>().join(between)))
        }
        ("default", [usual, value]) => Ok(if is_empty(value) { usual.clone() } else { value.clone() }),
        ("json" | "toJson" | "quote" | "upper" | "lower" | "trim" | "join" | "default", _) => {
            Err(format!("`{name}` of a template is given other arguments than it takes"))
        }
        ("if" | "else" | "end" | "range" | "with" | "define" | "template" | "block", _) => Err(format!(
            "`{{{{ {name} }}}}` is not followed in templates here; choose in the step itself, or define two actions"
        )),
        (other, _) => {
            Err(format!("templates have no function `{other}`; they have {FUNCTIONS}, and `.input.NAME` for an input"))
        }
    }
}

fn is_empty(value: &Json) -> bool {
    match value {
        Json::Null => true,
        Json::Bool(truth) => !truth,
        Json::Number(number) => number.as_f64() == Some(0.0),
        Json::String(text) => text.is_empty(),
        Json::Array(items) => items.is_empty(),
        Json::Object(fields) => fields.is_empty(),
    }
}

/// Fields by name, items by place.
fn lookup<'v>(inputs: &'v Json, path: &str) -> Option<&'v Json> {
    path.split('.').try_fold(inputs, |value, part| match value {
        Json::Object(fields) => fields.get(part),
        Json::Array(items) => items.get(part.parse::<usize>().ok()?),
        Json::Null | Json::Bool(_) | Json::Number(_) | Json::String(_) => None,
    })
}

fn missing(path: &str) -> String {
    format!("the template uses the input `{path}`, which is not given and has no default; require it, or give it one")
}

fn empty(place: Place) -> Node {
    Node { place, value: Value::Scalar(Scalar { text: String::new(), kind: ScalarKind::Null }) }
}
