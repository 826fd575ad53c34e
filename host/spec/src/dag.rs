//! The root of a document: everything that a plan holds beside its steps, and then the steps.

use pintle_core::plan::{Plan, Role, SCHEMA, Template};
use pintle_core::time::Span;

use crate::env::{read_consts, read_dotenv, read_env};
use crate::fields::{DAG, HANDLERS};
use crate::graph::link;
use crate::limits::{MAX_DEFAULTS_BYTES, MAX_NAME_BYTES, MAX_STEPS};
use crate::nearest::did_you_mean;
use crate::params::read_params;
use crate::precondition::read_preconditions;
use crate::reader::{At, Reader};
use crate::references::check_references;
use crate::schedule::read_scheduling;
use crate::shell::read_shell;
use crate::source::SourceFile;
use crate::step::{Defaults, Draft, read_step};

/// Between the signal that asks a step to stop and the one that makes it, where the document says nothing.
const CLEAN_UP: Span = Span::from_secs(5);

/// Reads the whole document; what it answers is only a plan if no fault was left.
pub(crate) fn read_dag(reader: &mut Reader<'_>, dag: &At<'_>, source: &SourceFile) -> Option<Plan> {
    if !reader.expect_map(dag, "steps: [...]") {
        return None;
    }
    reader.check_fields(dag, &DAG);
    let chain = read_is_chain(reader, dag);
    let (params, params_closed) = read_params(reader, dag);
    let defaults = Defaults::read(reader, dag);
    let mut drafts = read_steps(reader, dag, &defaults);
    drafts.extend(read_handlers(reader, dag, &defaults));
    let steps = link(drafts, chain, &mut reader.findings);
    let timeout = reader.seconds_field(dag, "timeout_sec");
    let max_active_steps = reader.count_field(dag, "max_active_steps", u64::from(u32::MAX));
    let plan = Plan {
        schema: SCHEMA,
        name: read_name(reader, dag, source),
        description: reader.text_field(dag, "description"),
        params,
        params_closed,
        consts: read_consts(reader, dag),
        env: read_env(reader, dag),
        dotenv: read_dotenv(reader, dag),
        working_dir: reader.word_field(dag, "working_dir").map(Template),
        shell: read_shell(reader, dag),
        max_active_steps: max_active_steps.filter(|limit| *limit > 0),
        timeout: timeout.filter(|span| *span > Span::ZERO),
        clean_up: reader.seconds_field(dag, "max_clean_up_time_sec").unwrap_or(CLEAN_UP),
        preconditions: read_preconditions(reader, dag),
        scheduling: read_scheduling(reader, dag),
        steps,
    };
    if !reader.findings.has_faults() {
        check_references(reader, dag, &plan);
    }
    Some(plan)
}

fn read_name(reader: &mut Reader<'_>, dag: &At<'_>, source: &SourceFile) -> String {
    let Some(at) = dag.get("name") else { return source.stem().to_owned() };
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

fn read_steps(reader: &mut Reader<'_>, dag: &At<'_>, defaults: &Defaults) -> Vec<Draft> {
    let Some(steps) = dag.get("steps") else {
        match dag.entry("steps") {
            Some(_) => reader.fault_key(dag, "steps", "`steps` is empty; a DAG has at least one step"),
            None => reader.fault(dag, "the DAG has no `steps:`; give it at least one step"),
        }
        return Vec::new();
    };
    if !steps.is_list() {
        reader.fault_key(dag, "steps", format!("`steps` must be a list (`- id: ...`), not {}", steps.node.noun()));
        return Vec::new();
    }
    let items = steps.items();
    if items.is_empty() {
        reader.fault_key(dag, "steps", "`steps` is empty; a DAG has at least one step");
    }
    if items.len() > MAX_STEPS {
        reader.fault_key(dag, "steps", format!("the DAG has {} steps and may have {MAX_STEPS}; split it", items.len()));
        return Vec::new();
    }
    let copied = dag.get("defaults").map_or(0, |at| at.node.weight()).saturating_mul(items.len());
    if copied > MAX_DEFAULTS_BYTES {
        let count = items.len();
        reader.fault_key(
            dag,
            "defaults",
            format!("`defaults` is copied into {count} steps and is too large for that; make it shorter"),
        );
        return Vec::new();
    }
    items.iter().filter_map(|item| read_step(reader, item, Role::Main, defaults)).collect()
}

fn read_handlers(reader: &mut Reader<'_>, dag: &At<'_>, defaults: &Defaults) -> Vec<Draft> {
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
            read_step(reader, &at, *role, defaults)
        })
        .collect()
}
