//! One step, from its map to its place in the plan; dependencies are still names.

mod action;
mod legacy;

use pintle_core::plan::{
    Action, ContinueOn, Json, OnLost, Precondition, RepeatPolicy, RetryPolicy, Role, Step, Template,
};
use pintle_core::time::Span;

use crate::ask::{outputs_of, read_approval};
use crate::custom::{Called, expand, read_made};
use crate::env::{Owner, read_env};
use crate::fields::{DEFAULTS, STEP};
use crate::limits::{MAX_ID_BYTES, MAX_NAME_BYTES};
use crate::nearest::{did_you_mean, nearest};
use crate::output::{Left, read_left};
use crate::policy::{read_continue_on, read_repeat, read_retry};
use crate::precondition::read_preconditions;
use crate::reader::{At, Reader};
use crate::route::{Targets, read_targets};
use crate::source::Place;
use action::read_action;

/// Ids that references use for themselves.
const RESERVED_IDS: &[&str] = &["env", "params", "args", "stdout", "stderr", "output", "outputs"];

/// Signals that a program can be asked to stop with.
pub(crate) const SIGNALS: &[&str] = &[
    "SIGTERM", "SIGINT", "SIGQUIT", "SIGHUP", "SIGUSR1", "SIGUSR2", "SIGKILL", "SIGABRT", "SIGALRM", "SIGPIPE",
    "SIGWINCH", "SIGCONT", "SIGSTOP", "SIGTSTP", "SIGTTIN", "SIGTTOU",
];

/// What stands around a list of steps.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Around<'d> {
    pub(crate) defaults: &'d Defaults,
    /// `log_output: merged` of the DAG.
    pub(crate) merged: bool,
    /// `type: chain`, which holds in bodies too.
    pub(crate) chain: bool,
    /// How many `foreach` the steps are in.
    pub(crate) depth: usize,
}

/// What steps take where they say nothing themselves.
#[derive(Debug, Default)]
pub(crate) struct Defaults {
    env: Vec<(String, Template)>,
    preconditions: Vec<Precondition>,
    continue_on: Option<ContinueOn>,
    retry: Option<RetryPolicy>,
    repeat: Option<RepeatPolicy>,
    timeout: Option<Span>,
    stop_signal: Option<String>,
}

impl Defaults {
    pub(crate) fn read(reader: &mut Reader<'_>, dag: &At<'_>) -> Self {
        let Some(at) = dag.get("defaults") else { return Self::default() };
        if !reader.expect_map(&at, "timeout_sec: 60") {
            return Self::default();
        }
        reader.check_fields(&at, &DEFAULTS);
        Self {
            env: read_env(reader, &at, Owner::Step),
            preconditions: read_preconditions(reader, &at),
            continue_on: read_continue_on(reader, &at),
            retry: read_retry(reader, &at),
            repeat: read_repeat(reader, &at),
            timeout: reader.seconds_field(&at, "timeout_sec"),
            stop_signal: read_signal(reader, &at),
        }
    }
}

/// A step whose dependencies are not yet looked up.
#[derive(Debug)]
pub(crate) struct Draft {
    pub(crate) step: Step,
    /// Field path of the step.
    pub(crate) path: String,
    pub(crate) place: Place,
    pub(crate) id_place: Option<Place>,
    pub(crate) name_place: Option<Place>,
    /// None: not written, or `depends: null`.
    pub(crate) depends: Option<Vec<Wanted>>,
    /// Where the run starts anew when the step is pushed back.
    pub(crate) rewind_to: Option<Wanted>,
    /// Of a router: where it leads.
    pub(crate) targets: Targets,
}

/// A dependency as it was written.
#[derive(Debug)]
pub(crate) struct Wanted {
    pub(crate) name: String,
    pub(crate) path: String,
    pub(crate) place: Place,
}

/// Reads one step; faults leave a draft all the same, so that those who depend on it are not blamed.
pub(crate) fn read_step(reader: &mut Reader<'_>, at: &At<'_>, role: Role, around: Around<'_>) -> Option<Draft> {
    match expand(reader, at) {
        Called::Not => read_whole(reader, at, role, around),
        Called::Made(node) => {
            let made = At { node: &node, path: at.path.same() };
            read_made(reader, at.place(), |reader| read_whole(reader, &made, role, around))
        }
        Called::Faulty(node) => read_whole(reader, &At { node: &node, path: at.path.same() }, role, around),
    }
}

/// A step with all that it says.
fn read_whole(reader: &mut Reader<'_>, at: &At<'_>, role: Role, around: Around<'_>) -> Option<Draft> {
    let defaults = around.defaults;
    if !reader.expect_map(at, "run: echo hello") {
        return None;
    }
    reader.check_fields(at, &STEP);
    check_dependencies(reader, at);
    let id = read_id(reader, at);
    let name = read_name(reader, at);
    let action = read_action(reader, at, role, around);
    let broken = Action::Call { name: "noop".to_owned(), with: Json("{}".to_owned()) };
    let action = action.unwrap_or(broken);
    let mut env = defaults.env.clone();
    env.extend(read_env(reader, at, Owner::Step));
    let mut preconditions = defaults.preconditions.clone();
    preconditions.extend(read_preconditions(reader, at));
    // What defaults say of programs is not said of people.
    let runs = action.task().is_none();
    let timeout = reader.seconds_field(at, "timeout_sec").or(defaults.timeout.filter(|_| runs));
    let (approval, rewind_to) = read_approval(reader, at, role);
    let Left { output, published, schema, outputs, stdout, stderr, stdout_artifact, stderr_artifact } =
        read_left(reader, at, &action);
    let outputs = action.task().map_or(outputs, outputs_of);
    let on_lost = read_on_lost(reader, at, &action);
    let step = Step {
        name: name.or_else(|| id.clone()).unwrap_or_default(),
        id,
        description: reader.text_field(at, "description"),
        role,
        on_lost,
        action,
        depends: Vec::new(),
        env,
        working_dir: reader.word_field(at, "working_dir").map(Template),
        preconditions,
        continue_on: read_continue_on(reader, at).or_else(|| defaults.continue_on.clone()).unwrap_or_default(),
        retry: read_retry(reader, at).or_else(|| defaults.retry.clone()).filter(|_| runs),
        repeat: read_repeat_or_default(reader, at, defaults).filter(|_| runs),
        timeout: timeout.filter(|span| *span > Span::ZERO),
        stop_signal: read_signal(reader, at).or_else(|| defaults.stop_signal.clone()),
        output,
        published,
        output_schema: schema,
        outputs,
        stdout,
        stderr,
        approval,
        merged_log: read_merged(reader, at).unwrap_or(around.merged),
        stdout_artifact,
        stderr_artifact,
    };
    let targets = if step.action.route().is_some() { read_targets(reader, at) } else { Targets::default() };
    let place_of = |key: &str| at.get(key).map(|at| at.place());
    Some(Draft {
        step,
        path: at.path.to_string(),
        place: at.place(),
        id_place: place_of("id"),
        name_place: place_of("name"),
        depends: read_depends(reader, at, role),
        rewind_to,
        targets,
    })
}

/// `repeat: false` switches a default off, so a written policy counts even where it makes none.
fn read_repeat_or_default(reader: &mut Reader<'_>, at: &At<'_>, defaults: &Defaults) -> Option<RepeatPolicy> {
    match at.get("repeat_policy") {
        Some(_) => read_repeat(reader, at),
        None => defaults.repeat.clone(),
    }
}

/// Files that go along with a step are named before anything is evaluated.
fn check_dependencies(reader: &mut Reader<'_>, step: &At<'_>) {
    let Some(paths) = step.get("dependencies") else { return };
    for path in paths.items() {
        if path.scalar().is_some_and(|text| text.as_text().contains("${")) {
            reader
                .fault(&path, "dependencies are literal paths, beginning at the DAG's directory; write out the value");
        }
    }
}

fn read_id(reader: &mut Reader<'_>, step: &At<'_>) -> Option<String> {
    let at = step.get("id")?;
    let text = reader.word(&at)?;
    let id = text.trim();
    let shaped =
        id.starts_with(|c: char| c.is_ascii_alphabetic()) && id.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
    if !shaped {
        reader.fault(&at, format!("the id `{id}` must begin with a letter and hold only letters, digits and `_`; use `name` for other text"));
        return None;
    }
    if id.len() > MAX_ID_BYTES {
        reader.fault(&at, format!("the id has {} characters and may have {MAX_ID_BYTES}; shorten it", id.len()));
        return None;
    }
    if RESERVED_IDS.contains(&id) {
        reader.fault(&at, format!("the id `{id}` is reserved for references; choose another"));
        return None;
    }
    Some(id.to_owned())
}

fn read_name(reader: &mut Reader<'_>, step: &At<'_>) -> Option<String> {
    let at = step.get("name")?;
    let text = reader.word(&at)?;
    let name = text.trim();
    if name.len() > MAX_NAME_BYTES {
        reader.fault(&at, format!("the name has {} bytes and may have {MAX_NAME_BYTES}; shorten it", name.len()));
        return None;
    }
    if name.chars().any(char::is_control) {
        reader.fault(&at, "the name holds a control character; use printable text");
        return None;
    }
    Some(name.to_owned())
}

fn read_depends(reader: &mut Reader<'_>, step: &At<'_>, role: Role) -> Option<Vec<Wanted>> {
    let at = step.get("depends")?;
    if role != Role::Main {
        reader.fault_key(
            step,
            "depends",
            "a handler runs when its moment comes and depends on nothing; remove `depends`",
        );
        return None;
    }
    let mut wanted = Vec::new();
    for item in at.items() {
        if let Some(name) = reader.word(&item) {
            wanted.push(Wanted { name, path: item.path.to_string(), place: item.place() });
        }
    }
    Some(wanted)
}

/// `rerun` unless the step may have done what cannot be done twice.
fn read_on_lost(reader: &mut Reader<'_>, step: &At<'_>, action: &Action) -> OnLost {
    const WAYS: [(&str, OnLost); 3] = [("rerun", OnLost::Rerun), ("park", OnLost::Park), ("fail", OnLost::Fail)];
    let usual = usual_on_lost(action);
    let Some(at) = step.get("on_lost") else { return usual };
    let Some(text) = reader.text(&at) else { return usual };
    match WAYS.iter().find(|(name, _)| *name == text) {
        Some((_, way)) => *way,
        None => {
            let names = WAYS.iter().map(|(name, _)| *name);
            let hint = did_you_mean(&text, names, "use `rerun`, `park` or `fail`");
            reader.fault(&at, format!("`on_lost` does not know `{text}`; {hint}"));
            usual
        }
    }
}

/// I-5: a POST or PATCH that may have arrived is not sent again unasked; neither is a method not yet known.
fn usual_on_lost(action: &Action) -> OnLost {
    let Action::Call { name, with } = action else { return OnLost::Rerun };
    if name != "http.request" {
        return OnLost::Rerun;
    }
    let input: serde_json::Value = serde_json::from_str(&with.0).unwrap_or_default();
    let method = input.get("method").and_then(serde_json::Value::as_str).unwrap_or("GET");
    match method.to_ascii_uppercase().as_str() {
        "POST" | "PATCH" => OnLost::Park,
        other if other.contains('$') => OnLost::Park,
        _ => OnLost::Rerun,
    }
}

/// `log_output`: whether both streams stand in one log.
pub(crate) fn read_merged(reader: &mut Reader<'_>, owner: &At<'_>) -> Option<bool> {
    let at = owner.get("log_output")?;
    match reader.word(&at)?.as_str() {
        "separate" => Some(false),
        "merged" => Some(true),
        other => {
            let hint = did_you_mean(other, ["separate", "merged"], "use `separate` or `merged`");
            reader.fault(&at, format!("`log_output` does not know `{other}`; {hint}"));
            None
        }
    }
}

fn read_signal(reader: &mut Reader<'_>, owner: &At<'_>) -> Option<String> {
    let at = owner.get("signal_on_stop")?;
    let text = reader.word(&at)?;
    let upper = text.trim().to_ascii_uppercase();
    let name = if upper.starts_with("SIG") { upper } else { format!("SIG{upper}") };
    if SIGNALS.contains(&name.as_str()) {
        return Some(name);
    }
    let hint = match nearest(&name, SIGNALS.iter().copied()) {
        Some(near) => format!("did you mean `{near}`?"),
        None => "use one such as `SIGINT`".to_owned(),
    };
    reader.fault(&at, format!("`{text}` is not a signal that stops a step; {hint}"));
    None
}
