//! The older forms of what a step runs, read as what stands for them today: `exec`, and `executor` or `type` with
//! `config`, `command` and `script`. The notices name the form of today.

use pintle_core::plan::{Action, Json, Role};

use crate::document::{Entry, Node, Scalar, Value};
use crate::fan::read_dag_step;
use crate::known::input_schema;
use crate::nearest::did_you_mean;
use crate::reader::{At, Reader};
use crate::route::read_router;
use crate::run::read_old_run;
use crate::schema::{Schema, check_with};
use crate::words;

/// An old name of a kind of step, and what runs such a step today.
struct Kind {
    names: &'static [&'static str],
    today: Today,
}

/// What became of a kind.
enum Today {
    /// `run`.
    Run,
    /// Another DAG, which `command` names.
    Dag,
    /// An action; then the inputs that `command` and `script` are, if any.
    Action(&'static str, Option<&'static str>, Option<&'static str>),
    /// An HTTP request: `command` is `METHOD URL`.
    Request,
    /// `router.route`, with its `value` and `routes` beside it.
    Router,
}

const KINDS: [Kind; 8] = [
    Kind { names: &["command", "shell"], today: Today::Run },
    Kind { names: &["dag", "subworkflow", "sub_dag"], today: Today::Dag },
    Kind { names: &["http"], today: Today::Request },
    Kind { names: &["jq"], today: Today::Action("jq.filter", Some("filter"), Some("data")) },
    Kind { names: &["sqlite"], today: Today::Action("sqlite.query", Some("query"), Some("query")) },
    Kind { names: &["template"], today: Today::Action("template.render", None, Some("template")) },
    Kind { names: &["noop"], today: Today::Action("noop", None, None) },
    Kind { names: &["router"], today: Today::Router },
];

/// Names of inputs that were others once.
const RENAMED: [(&str, &str); 2] = [("timeout", "timeout_sec"), ("query_params", "query")];

/// Whether an old kind of step runs another DAG.
pub(super) fn runs_dag(step: &At<'_>) -> bool {
    is_today(step, |today| matches!(today, Today::Dag))
}

/// Whether an old kind of step is a router.
pub(super) fn routes(step: &At<'_>) -> bool {
    is_today(step, |today| matches!(today, Today::Router))
}

fn is_today(step: &At<'_>, wanted: impl Fn(&Today) -> bool) -> bool {
    let name = kind_name(step).map(|(_, name)| name);
    name.is_some_and(|name| KINDS.iter().any(|kind| wanted(&kind.today) && kind.names.contains(&name.as_str())))
}

/// The field and the kind that it names; `executor` may be a map with `type` and `config`.
fn kind_name(step: &At<'_>) -> Option<(&'static str, String)> {
    let text = |at: At<'_>| at.scalar().map(|scalar| scalar.as_text().trim().to_owned());
    if let Some(executor) = step.get("executor") {
        let kind = if executor.is_map() { text(executor.get("type")?) } else { text(executor) };
        return Some(("executor", kind?));
    }
    Some(("type", text(step.get("type")?)?))
}

/// `exec`: a program with its arguments, without a shell; a line, a list, or a map of both.
pub(super) fn read_exec(reader: &mut Reader<'_>, step: &At<'_>) -> Option<Action> {
    const TODAY: &str = "`exec` is an old form; write `action: exec` with `with: {command: ..., args: [...]}`";
    reader.notice_key(step, "exec", TODAY);
    refuse_with(reader, step);
    let Some(at) = step.get("exec") else {
        reader.fault_key(step, "exec", "`exec` is empty; name a program");
        return None;
    };
    if at.is_map() {
        return call(reader, step, "exec", &at);
    }
    let words = if at.is_list() { reader.texts(&at) } else { split(reader, &at)? };
    let Some((program, arguments)) = words.split_first() else {
        reader.fault(&at, "`exec` is an empty list; name a program");
        return None;
    };
    let arguments = Value::List(arguments.iter().map(|text| text_node(&at, text)).collect());
    let entries = vec![
        entry(&at, "command", text_node(&at, program)),
        entry(&at, "args", Node { place: at.place(), value: arguments }),
    ];
    let with = Node { place: at.place(), value: Value::Map(entries) };
    call(reader, step, "exec", &At { node: &with, path: at.path.same() })
}

/// `executor` or `type`, and what goes with it.
pub(super) fn read_executor(reader: &mut Reader<'_>, step: &At<'_>, role: Role) -> Option<Action> {
    refuse_with(reader, step);
    if step.entry("executor").is_some() && step.entry("type").is_some() {
        reader.fault_key(step, "type", "`type` and `executor` are the same; keep one, or better write `action:`");
        return None;
    }
    let executor = step.get("executor");
    let inner = executor.as_ref().filter(|at| at.is_map());
    if let Some(inner) = inner {
        for (entry, at) in inner.fields().filter(|(entry, _)| !matches!(entry.key.as_str(), "type" | "config")) {
            reader.fault(
                &at,
                format!("invalid keys: `{}` is unknown in `executor`; it has `type` and `config`", entry.key),
            );
        }
    }
    let field = if step.entry("executor").is_some() { "executor" } else { "type" };
    let Some((_, name)) = kind_name(step).filter(|(_, name)| !name.is_empty()) else {
        reader.fault_key(step, field, format!("`{field}` names nothing that runs the step; write `action:` or `run:`"));
        return None;
    };
    let own = step.get("config");
    let config = inner.and_then(|inner| inner.get("config")).or(own);
    if let Some(config) = config.as_ref().filter(|config| !config.is_map()) {
        reader.mismatch(config, "a map such as `timeout: 10`");
        return None;
    }
    let Some(kind) = KINDS.iter().find(|kind| kind.names.contains(&name.as_str())) else {
        return read_named(reader, step, field, &name, config.as_ref());
    };
    let today = today(&kind.today);
    reader.notice_key(step, field, format!("`{field}: {name}` is an old form; write {today}"));
    match kind.today {
        Today::Run => {
            refuse_config(reader, config.as_ref(), &name);
            read_old_run(reader, step)
        }
        Today::Dag => {
            refuse_config(reader, config.as_ref(), &name);
            refuse(reader, step, "script", &name);
            let Some(command) = step.get("command") else {
                reader.fault_key(step, field, format!("`{field}: {name}` needs `command:` with the name of a DAG"));
                return None;
            };
            let dag = reader.word(&command)?;
            Some(read_dag_step(reader, step, &dag))
        }
        Today::Action(action, command, script) => {
            let mut inputs = inputs_of(reader, action, config.as_ref());
            take(reader, step, ("command", command), &name, &mut inputs)?;
            take(reader, step, ("script", script), &name, &mut inputs)?;
            call_with(reader, step, (action, field), config.as_ref(), inputs)
        }
        Today::Router => {
            refuse_config(reader, config.as_ref(), &name);
            refuse(reader, step, "command", &name);
            refuse(reader, step, "script", &name);
            read_router(reader, step, role)
        }
        Today::Request => {
            let mut inputs = inputs_of(reader, "http.request", config.as_ref());
            inputs.extend(request(reader, step)?);
            take(reader, step, ("script", Some("body")), &name, &mut inputs)?;
            call_with(reader, step, ("http.request", field), config.as_ref(), inputs)
        }
    }
}

/// `METHOD URL`, or a URL alone; nothing where there is no command.
fn request(reader: &mut Reader<'_>, step: &At<'_>) -> Option<Vec<Entry>> {
    let Some(command) = step.get("command") else { return Some(Vec::new()) };
    let words = if command.is_list() { reader.texts(&command) } else { split(reader, &command)? };
    match words.as_slice() {
        [url] => Some(vec![entry(&command, "url", text_node(&command, url))]),
        [method, url] => Some(vec![
            entry(&command, "method", text_node(&command, method)),
            entry(&command, "url", text_node(&command, url)),
        ]),
        _ => {
            let message = "`command` of an HTTP request is `METHOD URL`, such as `GET https://example.org`";
            reader.fault(&command, message);
            None
        }
    }
}

/// `type` with the name of an action: `config` is its `with`.
fn read_named(
    reader: &mut Reader<'_>,
    step: &At<'_>,
    field: &str,
    name: &str,
    config: Option<&At<'_>>,
) -> Option<Action> {
    let known = reader.known;
    if input_schema(known, name).is_none() || name == "run" {
        let old = KINDS.iter().flat_map(|kind| kind.names).copied();
        let hint = did_you_mean(name, old, "write `run:`, or `action:` with what a plugin performs");
        reader.fault_key(step, field, format!("no step of `{field}: {name}` can be run; {hint}"));
        return None;
    }
    reader.notice_key(
        step,
        field,
        format!("`{field}: {name}` is an old form; write `action: {name}` with its `with:`"),
    );
    refuse(reader, step, "command", name);
    refuse(reader, step, "script", name);
    let inputs = inputs_of(reader, name, config);
    call_with(reader, step, (name, field), config, inputs)
}

fn today(today: &Today) -> String {
    match today {
        Today::Run => "`run:`".to_owned(),
        Today::Dag => "`action: dag.run` with `with: {dag: ..., params: ...}`".to_owned(),
        Today::Router => "`action: router.route` with `with: {value: ..., routes: {...}}`".to_owned(),
        Today::Request => "`action: http.request` with `with: {method: ..., url: ...}`".to_owned(),
        Today::Action(action, command, script) => {
            let script = script.as_ref().filter(|script| command.as_ref() != Some(*script));
            let inputs: Vec<String> =
                [command.as_ref(), script].into_iter().flatten().map(|input| format!("{input}: ...")).collect();
            match inputs.is_empty() {
                true => format!("`action: {action}`"),
                false => format!("`action: {action}` with `with: {{{}}}`", inputs.join(", ")),
            }
        }
    }
}

/// `with` beside an old form is a mixture that nobody means.
fn refuse_with(reader: &mut Reader<'_>, step: &At<'_>) {
    if step.get("with").is_some() {
        reader.fault_key(step, "with", "`with` belongs to `run` or `action`; this step has neither");
    }
}

fn refuse_config(reader: &mut Reader<'_>, config: Option<&At<'_>>, name: &str) {
    if let Some(config) = config.filter(|config| !config.entries().is_empty()) {
        reader.fault(config, format!("a step of type `{name}` has no `config`; remove it"));
    }
}

fn refuse(reader: &mut Reader<'_>, step: &At<'_>, key: &str, name: &str) {
    if step.get(key).is_some() {
        reader.fault_key(
            step,
            key,
            format!("a step of type `{name}` has no `{key}`; what it takes stands in `config`"),
        );
    }
}

/// `command` or `script`, as the input that it is today.
fn take(
    reader: &mut Reader<'_>,
    step: &At<'_>,
    (key, input): (&str, Option<&str>),
    name: &str,
    inputs: &mut Vec<Entry>,
) -> Option<()> {
    let Some(at) = step.get(key) else { return Some(()) };
    let Some(input) = input else {
        refuse(reader, step, key, name);
        return Some(());
    };
    let text = reader.word(&at)?;
    inputs.retain(|entry| entry.key != input);
    inputs.push(entry(&at, input, text_node(&at, text.trim_end_matches(['\n', '\r']))));
    Some(())
}

/// What an action still takes by its old name has that name.
fn inputs_of(reader: &Reader<'_>, action: &str, config: Option<&At<'_>>) -> Vec<Entry> {
    let entries = config.map(At::entries).unwrap_or_default();
    let schema = input_schema(reader.known, action).and_then(Schema::parse);
    let takes = |key: &str| schema.as_ref().is_some_and(|schema| schema.spot().field(key).is_some());
    let renamed = |key: &str| RENAMED.iter().find(|(old, _)| *old == key && !takes(key));
    let today = |key: &str| renamed(key).map_or(key, |(_, today)| *today).to_owned();
    entries.iter().map(|entry| Entry { key: today(&entry.key), ..entry.clone() }).collect()
}

fn call_with(
    reader: &mut Reader<'_>,
    step: &At<'_>,
    (action, field): (&str, &str),
    config: Option<&At<'_>>,
    inputs: Vec<Entry>,
) -> Option<Action> {
    let place = config.map_or_else(|| step.entry(field).map_or(step.place(), |entry| entry.key_place), At::place);
    let with = Node { place, value: Value::Map(inputs) };
    let path = config.map_or_else(|| step.path.key(field), |config| config.path.same());
    call(reader, step, action, &At { node: &with, path })
}

fn call(reader: &mut Reader<'_>, step: &At<'_>, action: &str, with: &At<'_>) -> Option<Action> {
    let known = reader.known;
    let Some(schema) = input_schema(known, action) else {
        reader.fault(
            with,
            format!("no installed plugin performs `{action}`; `pintle plugin list` shows those there are"),
        );
        return None;
    };
    let json = check_with(reader, step, Some(with), action, schema);
    Some(Action::Call { name: action.to_owned(), with: Json(json.to_string()) })
}

fn split(reader: &mut Reader<'_>, at: &At<'_>) -> Option<Vec<String>> {
    let text = reader.word(at)?;
    match words::split(&text) {
        Ok(words) => Some(words.into_iter().map(words::Word::rejoined).collect()),
        Err(error) => {
            reader.fault(at, format!("{}: {error}", at.path.last()));
            None
        }
    }
}

fn text_node(at: &At<'_>, text: &str) -> Node {
    Node { place: at.place(), value: Value::Scalar(Scalar::text(text)) }
}

fn entry(at: &At<'_>, key: &str, node: Node) -> Entry {
    Entry { key: key.to_owned(), key_place: at.place(), node }
}
