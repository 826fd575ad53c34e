//! `jq.filter`, by jaq.

mod rows;

use std::collections::BTreeMap;
use std::iter::empty;

use jaq_core::data::JustLut;
use jaq_core::load::{self, Arena, File, Loader};
use jaq_core::native::{Fun, bome, run as native, v};
use jaq_core::{Compiler, Ctx, Exn, Filter, Vars};
use jaq_json::{Val, read};
use pintle_guest::prelude::*;
use serde_json::Value;

use crate::source::Source;

type Kind = JustLut<Val>;

/// Code of the failure that a program cannot be compiled: its message speaks of the program, and of no data.
const FAULTY: &str = "program";

/// In front of every program: what jq has built in, and jaq leaves to its host.
const PRELUDE: &str = "def env: $ENV; ";

/// Of `jq.filter`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Input {
    /// The jq program.
    #[serde(default)]
    filter: Option<String>,
    /// Another name of `filter`.
    #[serde(default)]
    query: Option<String>,
    #[serde(flatten)]
    source: Source,
    /// Print text without quotes, and null as an empty line.
    #[serde(default)]
    raw: Lenient<bool>,
    /// Variables of the program: `name: value` is `$name`.
    #[serde(default)]
    args: BTreeMap<String, Value>,
}

pub(crate) fn run(task: &Task, input: Input) -> Result<Done, Error> {
    let filter = match (input.filter, input.query) {
        (Some(filter), None) | (None, Some(filter)) => filter,
        (Some(_), Some(_)) => return Err(Error::invalid("both `filter` and `query` are given: one of them is enough")),
        (None, None) => {
            return Err(Error::invalid("there is no `filter`: write a jq program, such as `.items[].name`"));
        }
    };
    let program = Program::compile(&filter, &task.env, input.args)?;
    let mut results = Vec::new();
    for value in values(input.source.take()?)? {
        results.extend(program.apply(value)?);
    }
    results.iter().for_each(|result| output::print(&line(result, input.raw.0)));
    let result = match results.as_slice() {
        [] => Value::Null,
        [one] => one.clone(),
        many => Value::Array(many.to_vec()),
    };
    Ok(Done::new().output("result", result).output("count", results.len()).output("results", results))
}

/// Compiles a program over a library of definitions and what is native of them.
fn compile_over(
    library: impl Iterator<Item = load::parse::Def<&'static str>>,
    functions: impl Iterator<Item = Fun<Kind>>,
    code: &str,
    names: &[String],
) -> Result<Filter<Kind>, Error> {
    let arena = Arena::default();
    let modules = Loader::new(library).load(&arena, File { code, path: () }).map_err(|errors| loading(&errors))?;
    Compiler::default()
        .with_funs(functions)
        .with_global_vars(names.iter().map(String::as_str))
        .compile(modules)
        .map_err(|errors| {
            let first = errors.iter().find_map(|(file, errors)| Some((file.code, errors.first()?)));
            first.map_or_else(unknown, |(code, (found, what))| {
                faulty(code, found, &format!("undefined {}", what.as_str()))
            })
        })
}

/// A result as it is printed.
pub(crate) fn line(result: &Value, raw: bool) -> String {
    match result {
        Value::String(text) if raw => format!("{text}\n"),
        Value::Null if raw => "\n".to_owned(),
        other => format!("{other}\n"),
    }
}

/// Text is JSON, one value after the other; anything else is the value itself.
fn values(data: Value) -> Result<Vec<Val>, Error> {
    let (text, given) = match data {
        Value::String(text) => (text, true),
        other => (other.to_string(), false),
    };
    read::parse_many(text.as_bytes()).collect::<Result<_, _>>().map_err(|error| match given {
        true => Error::invalid(format!(
            "the data is text, and not JSON ({error}); a file's name is not read here: read it with `file.read`"
        )),
        false => Error::failed(format!("the data could not be handed over: {error}")),
    })
}

/// A compiled jq program with the values of its variables.
pub(crate) struct Program {
    filter: Filter<Kind>,
    variables: Vec<Val>,
}

impl Program {
    /// Compiles a program that may use `$ENV` and the given variables.
    pub(crate) fn compile(code: &str, env: &[(String, String)], args: BTreeMap<String, Value>) -> Result<Self, Error> {
        // Handing the environment over costs more than most programs do, and most programs do not look at it.
        let env = if ["env", "ENV"].iter().any(|name| code.contains(name)) { env } else { &[] };
        let (names, variables) = variables(env, args)?;
        let code = format!("{PRELUDE}{code}");
        // Making the list of functions and reading the library of definitions cost more than most programs do, and most
        // programs need none of it or a little. What a program says of its own faults is said by the last, which knows
        // everything.
        let core = || jaq_core::defs();
        let all = || core().chain(jaq_std::defs()).chain(jaq_json::defs());
        let filter = compile_over(empty(), empty(), &code, &names)
            .or_else(|_| compile_over(empty(), functions(), &code, &names))
            .or_else(|_| compile_over(core(), functions(), &code, &names))
            .or_else(|_| compile_over(all(), functions(), &code, &names))?;
        Ok(Self { filter, variables })
    }

    /// All results for one value.
    pub(crate) fn apply(&self, value: Val) -> Result<Vec<Value>, Error> {
        let context = Ctx::<Kind>::new(&self.filter.lut, Vars::new(self.variables.iter().cloned()));
        let mut results = Vec::new();
        for result in self.filter.id.run((context, value)) {
            match result {
                Ok(value) => results.push(to_json(&value)?),
                Err(raised) => match ended(raised) {
                    Some(error) => return Err(error),
                    None => break,
                },
            }
        }
        Ok(results)
    }
}

/// What an exception means: an error, or a quiet end by `halt`.
fn ended(raised: Exn<'_, Val>) -> Option<Error> {
    match raised.get_err() {
        Ok(error) => Some(Error::invalid(format!("the jq program failed: {error}"))),
        Err(other) => match other.get_halt() {
            Ok(0) => None,
            Ok(code) => Some(Error::failed(format!("the jq program halted with code {code}"))),
            Err(_) => Some(Error::failed("the jq program left a label that is not its own")),
        },
    }
}

fn variables(env: &[(String, String)], args: BTreeMap<String, Value>) -> Result<(Vec<String>, Vec<Val>), Error> {
    let env = env.iter().map(|(name, value)| (name.clone(), Value::String(value.clone())));
    let mut names = vec!["$ENV".to_owned()];
    let mut values = vec![from_json(&Value::Object(env.collect()))?];
    for (name, value) in args {
        let name = format!("${}", name.trim_start_matches('$'));
        if names.contains(&name) {
            return Err(Error::invalid(format!("`args` gives `{name}` twice, or a name that jq has taken")));
        }
        names.push(name);
        values.push(from_json(&value)?);
    }
    Ok((names, values))
}

/// A JSON value as jaq has it.
pub(crate) fn from_json(value: &Value) -> Result<Val, Error> {
    read::parse_single(value.to_string().as_bytes())
        .map_err(|error| Error::failed(format!("a value could not be handed over: {error}")))
}

fn to_json(value: &Val) -> Result<Value, Error> {
    serde_json::from_str(&value.to_string())
        .map_err(|_| Error::invalid(format!("the jq program's result is not JSON: {}", shortened(&value.to_string()))))
}

fn shortened(text: &str) -> String {
    let mut short: String = text.chars().take(80).collect();
    if short.len() < text.len() {
        short.push_str("...");
    }
    short
}

/// jaq's functions, with what jq programs expect beyond them: rows, a clock, standard error, and no environment but
/// `$ENV`.
fn functions() -> impl Iterator<Item = Fun<Kind>> {
    let ours: [Fun<Kind>; 5] = [
        native(("@csv", v(0), |cv| bome(rows::csv(&cv.1)))),
        native(("@tsv", v(0), |cv| bome(rows::tsv(&cv.1)))),
        // Milliseconds since 1970 fit a double until the year 287,396.
        native(("now", v(0), |_| bome(Ok(Val::from(call::unix_ms() as f64 / 1000.0))))),
        native(("debug_empty", v(0), |cv| {
            output::eprint(&format!("[\"DEBUG:\",{}]\n", cv.1));
            Box::new(std::iter::empty())
        })),
        native(("stderr_empty", v(0), |cv| {
            output::eprint(&cv.1.to_string());
            Box::new(std::iter::empty())
        })),
    ];
    let theirs = jaq_std::funs().filter(|(name, ..)| !["now", "env", "debug_empty", "stderr_empty"].contains(name));
    jaq_core::funs().chain(theirs).chain(jaq_json::funs()).chain(ours)
}

fn loading(errors: &load::Errors<&str, ()>) -> Error {
    let Some((file, error)) = errors.first() else { return unknown() };
    let code = file.code;
    let told = match error {
        load::Error::Io(errors) => errors.first().map(|(path, why)| faulty(code, path, why)),
        load::Error::Lex(errors) => errors
            .first()
            .map(|(expected, found)| faulty(code, head(found), &format!("expected {}", expected.as_str()))),
        load::Error::Parse(errors) => {
            errors.first().map(|(expected, found)| faulty(code, found, &format!("expected {}", expected.as_str())))
        }
    };
    told.unwrap_or_else(unknown)
}

/// The first character of what follows.
fn head(text: &str) -> &str {
    text.split_at_checked(text.chars().next().map_or(0, char::len_utf8)).map_or(text, |(head, _)| head)
}

fn unknown() -> Error {
    Error::invalid("the jq program is faulty").code(FAULTY)
}

/// Names line and column in the program as the step wrote it.
fn faulty(code: &str, found: &str, what: &str) -> Error {
    let own = load::span(code, found).start.saturating_sub(PRELUDE.len());
    let before = code.get(PRELUDE.len()..PRELUDE.len() + own).unwrap_or_default();
    let line = before.matches('\n').count() + 1;
    let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
    let found = if found.is_empty() { "the end of the program".to_owned() } else { format!("`{}`", shortened(found)) };
    let message = format!("the jq program is faulty at line {line}, column {column}: {what}, found {found}");
    Error::invalid(message).code(FAULTY)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    /// A program is tried without the library first, which must not change what it means.
    #[test]
    fn the_library_defines_nothing_that_is_built_in() {
        let built_in: BTreeSet<_> = functions().map(|(name, args, _)| (name, args.len())).collect();
        let defined = jaq_core::defs().chain(jaq_std::defs()).chain(jaq_json::defs());
        let twice: Vec<_> =
            defined.map(|def| (def.name, def.args.len())).filter(|name| built_in.contains(name)).collect();
        assert!(built_in.contains(&("length", 0)) && twice.is_empty(), "{twice:?}");
    }
}
