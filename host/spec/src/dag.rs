//! The root of a document: everything that a plan holds beside its steps, and then the steps.

use pintle_core::limits::MOST_OUTPUT;
use pintle_core::plan::{Plan, Role, SCHEMA, Template};
use pintle_core::time::Span;

use crate::artifacts::read_artifacts;
use crate::custom::read_customs;
use crate::document::Node;
use crate::env::{Owner, read_consts, read_dotenv, read_env};
use crate::fan::dress;
use crate::fields::{DAG, HANDLERS};
use crate::graph::link;
use crate::labels::{check_idle, read_labels};
use crate::limits::{MAX_DEFAULTS_BYTES, MAX_NAME_BYTES, MAX_STEPS};
use crate::nearest::did_you_mean;
use crate::params::read_params;
use crate::precondition::read_preconditions;
use crate::reader::{At, Reader};
use crate::references::check_references;
use crate::schedule::read_scheduling;
use crate::shell::read_shell;
use crate::step::{Around, Defaults, Draft, read_merged, read_step};

/// Between the signal that asks a step to stop and the one that makes it, where the document says nothing.
const CLEAN_UP: Span = Span::from_secs(5);

/// Reads a whole document; what it answers is only a plan if no fault was left. Where it has no `name`, `stem` is its name.
pub(crate) fn read_dag(reader: &mut Reader<'_>, dag: &At<'_>, stem: &str) -> Option<Plan> {
    if !reader.expect_map(dag, "steps: [...]") {
        return None;
    }
    reader.check_fields(dag, &DAG);
    reader.customs = read_customs(reader, dag);
    check_idle(reader, dag);
    let chain = read_is_chain(reader, dag);
    let (params, params_closed) = read_params(reader, dag);
    let defaults = if fits(reader, dag) { Defaults::read(reader, dag) } else { Defaults::default() };
    let merged = read_merged(reader, dag).unwrap_or(false);
    let around = Around { defaults: &defaults, merged, chain, depth: 0 };
    let mut drafts = read_steps(reader, dag, around, "the DAG");
    drafts.extend(read_handlers(reader, dag, around));
    let steps = link(drafts, chain, &mut reader.findings);
    let timeout = reader.seconds_field(dag, "timeout_sec");
    let max_active_steps = reader.count_field(dag, "max_active_steps", u64::from(u32::MAX));
    let mut plan = Plan {
        schema: SCHEMA,
        name: read_name(reader, dag, stem),
        description: reader.text_field(dag, "description"),
        group: reader.text_field(dag, "group"),
        labels: read_labels(reader, dag),
        params,
        params_closed,
        consts: read_consts(reader, dag),
        env: read_env(reader, dag, Owner::Dag),
        dotenv: read_dotenv(reader, dag),
        working_dir: reader.word_field(dag, "working_dir").map(Template),
        shell: read_shell(reader, dag),
        max_active_steps: max_active_steps.filter(|limit| *limit > 0),
        timeout: timeout.filter(|span| *span > Span::ZERO),
        delay: reader.seconds_field(dag, "delay_sec").filter(|span| *span > Span::ZERO),
        clean_up: reader.seconds_field(dag, "max_clean_up_time_sec").unwrap_or(CLEAN_UP),
        max_output: read_max_output(reader, dag),
        artifacts: None,
        preconditions: read_preconditions(reader, dag),
        scheduling: read_scheduling(reader, dag),
        steps,
        dags: Vec::new(),
    };
    plan.artifacts = read_artifacts(reader, dag, &plan);
    // What is faulty may be too large to be copied.
    if !reader.findings.has_faults() {
        dress(&mut plan);
        check_references(reader, dag, &plan);
    }
    Some(plan)
}

fn read_name(reader: &mut Reader<'_>, dag: &At<'_>, stem: &str) -> String {
    let Some(at) = dag.get("name") else { return stem.to_owned() };
    let Some(name) = reader.word(&at) else { return String::new() };
    let name = name.trim().to_owned();
    if name.len() > MAX_NAME_BYTES {
        reader.fault(&at, format!("the name has {} bytes and may have {MAX_NAME_BYTES}; shorten it", name.len()));
    } else if name.chars().any(|c| c.is_control() || matches!(c, '/' | '\\')) {
        reader.fault(
            &at,
            "the name holds a slash or a control character; it also names directories, so use other characters",
        );
    }
    name
}

/// Bytes; 0 and more than may be kept are faults.
fn read_max_output(reader: &mut Reader<'_>, dag: &At<'_>) -> Option<u32> {
    let at = dag.get("max_output_size")?;
    let bytes = reader.whole(&at, 1, MOST_OUTPUT as i128)?;
    u32::try_from(bytes).ok()
}

fn read_is_chain(reader: &mut Reader<'_>, dag: &At<'_>) -> bool {
    let Some(at) = dag.get("type") else { return false };
    match reader.text(&at).as_deref() {
        Some("chain") => return true,
        Some("graph") | None => {}
        Some(kind @ ("agent" | "controller")) => {
            reader.fault(&at, format!("`type: {kind}` is not part of Pintle; use `graph` or `chain`"));
        }
        Some("build") => {
            reader.fault(&at, "`type: build` is not run by this version; use `graph` or `chain`");
        }
        Some(other) => {
            let hint = did_you_mean(other, ["graph", "chain"], "use `graph` or `chain`");
            reader.fault(&at, format!("`{other}` is not a type of a DAG; {hint}"));
        }
    }
    false
}

/// What every body of a `foreach` takes over.
const TAKEN_OVER: [&str; 5] = ["params", "consts", "env", "working_dir", "shell"];

/// Whether what is copied stays bounded: `defaults` into every step, and what bodies take over into every body.
fn fits(reader: &mut Reader<'_>, dag: &At<'_>) -> bool {
    let Some(all) = dag.get("steps").map(|steps| count(steps.node)) else { return true };
    let weight = |key: &str| dag.get(key).map_or(0, |at| at.node.weight());
    let taken_over: usize = TAKEN_OVER.iter().map(|key| weight(key)).sum();
    let fits = weight("defaults").saturating_mul(all.steps) <= MAX_DEFAULTS_BYTES;
    if !fits {
        let steps = all.steps;
        let message = format!("`defaults` is copied into {steps} steps and is too large for that; make it shorter");
        reader.fault_key(dag, "defaults", message);
    }
    if taken_over.saturating_mul(all.bodies) > MAX_DEFAULTS_BYTES {
        let bodies = all.bodies;
        let message = format!(
            "{bodies} bodies of `foreach` take over `env`, `params` and `consts`, which are too large for that; \
             move the bodies into DAGs of their own"
        );
        reader.fault_key(dag, "steps", message);
    }
    fits
}

/// Steps and bodies of a document.
#[derive(Debug, Clone, Copy, Default)]
struct Count {
    steps: usize,
    bodies: usize,
}

/// Those in a list of steps, bodies in bodies included; as deep as a document may be.
fn count(steps: &Node) -> Count {
    let root = At::root(steps);
    let mut all = Count::default();
    for step in root.items() {
        all.steps += 1;
        let Some(foreach) = step.get("foreach") else { continue };
        all.bodies += 1;
        if let Some(inner) = foreach.get("steps").map(|steps| count(steps.node)) {
            all = Count { steps: all.steps + inner.steps, bodies: all.bodies + inner.bodies };
        }
    }
    all
}

/// The steps of a DAG, or of a body: `what`.
pub(crate) fn read_steps(reader: &mut Reader<'_>, dag: &At<'_>, around: Around<'_>, what: &str) -> Vec<Draft> {
    let Some(steps) = dag.get("steps") else {
        match dag.entry("steps") {
            Some(_) => {
                reader.fault_key(dag, "steps", format!("`steps` is empty; {} has at least one step", article(what)));
            }
            None => reader.fault(dag, format!("{what} has no `steps:`; give it at least one step")),
        }
        return Vec::new();
    };
    if !steps.is_list() {
        reader.fault_key(dag, "steps", format!("`steps` must be a sequence (`- id: ...`), not {}", steps.node.noun()));
        return Vec::new();
    }
    let items = steps.items();
    if items.is_empty() {
        reader.fault_key(dag, "steps", format!("`steps` is empty; {} has at least one step", article(what)));
    }
    if items.len() > MAX_STEPS {
        reader.fault_key(dag, "steps", format!("{what} has {} steps and may have {MAX_STEPS}; split it", items.len()));
        return Vec::new();
    }
    items.iter().filter_map(|item| read_step(reader, item, Role::Main, around)).collect()
}

fn article(what: &str) -> &str {
    if what == "the DAG" { "a DAG" } else { what }
}

fn read_handlers(reader: &mut Reader<'_>, dag: &At<'_>, around: Around<'_>) -> Vec<Draft> {
    const ROLES: [(&str, Role); 7] = [
        ("init", Role::OnInit),
        ("success", Role::OnSuccess),
        ("failure", Role::OnFailure),
        ("abort", Role::OnAbort),
        ("cancel", Role::OnAbort),
        ("exit", Role::OnExit),
        ("wait", Role::OnWait),
    ];
    let Some(handlers) = dag.get("handler_on") else { return Vec::new() };
    if !reader.expect_map(&handlers, "failure: {run: ...}") {
        return Vec::new();
    }
    reader.check_fields(&handlers, &HANDLERS);
    if handlers.get("cancel").is_some() {
        if handlers.get("abort").is_some() {
            reader.fault_key(
                &handlers,
                "cancel",
                "`cancel` is the old name of `abort`, which is here too; keep `abort`",
            );
        } else {
            reader.notice_key(&handlers, "cancel", "`cancel` is an old name; write `abort`");
        }
    }
    let doubled = handlers.get("abort").is_some();
    ROLES
        .iter()
        .filter(|(key, _)| *key != "cancel" || !doubled)
        .filter_map(|(key, role)| {
            let at = handlers.get(key)?;
            read_step(reader, &at, *role, around)
        })
        .collect()
}
