//! The only crate that knows YAML: a document becomes a checked plan, or all its faults at once.
//!
//! [`parse`] takes text and gives a [`Plan`]: normal, checked, with every reference still as text. It runs nothing and
//! asks nobody; what plugins take as input it knows from their staged rows ([`KnownActions`]). The values come later:
//! [`bind_params`] once per run, [`RunScope`] and [`resolve_step`] once per claim, [`parse_output_file`] when a step
//! has ended. Nothing in here touches a clock, a disk, a process or the environment: what needs one is returned as a
//! request.
//!
//! | module | holds |
//! |---|---|
//! | `source`, `document` | the text, and its tree with places, under bounds |
//! | `references` | notices for references that lead nowhere |
//! | `fault`, `nearest` | findings with line, caret and the name that was meant |
//! | `reader`, `fields` | reading typed fields; which names there are |
//! | `file` | the documents of a file: what runs, and the DAGs beside it |
//! | `dag`, `params`, `env`, `shell`, `step`, `run`, `policy`, `precondition`, `output`, `graph` | one noun of the language each |
//! | `custom` | steps that a document describes once and calls with inputs |
//! | `known`, `schema` | actions, and what they take |
//! | `language` | the whole language as a JSON Schema, for editors |
//! | [`eval`] | the evaluator and its scopes |
//! | `ask`, [`answer`] | what people are asked, and what they give with an answer |
//! | [`fan`] | sub-DAGs and fan-out: their fields, the children of a step, and what these amount to |
//! | `wait`, `route` | steps that wait for a time; steps that say which others run |
//! | [`schedule`] | when runs start by themselves, and the instants that follow |
//! | [`bind`], [`assignment`], [`output_file`], [`output_schema`], [`dotenv`] | values in, values out |
//! | `limits` | every bound |

pub mod answer;
mod artifacts;
pub mod assignment;
pub mod bind;
pub mod dotenv;
pub mod eval;
pub mod fan;
pub mod output_file;
pub mod output_schema;
pub mod schedule;

mod ask;
mod base;
mod custom;
mod dag;
mod document;
mod env;
mod fault;
mod fields;
mod file;
mod graph;
mod known;
mod labels;
mod language;
pub mod limits;
mod nearest;
mod output;
mod params;
mod policy;
mod precondition;
mod reader;
mod references;
mod route;
mod run;
mod schema;
mod shell;
mod source;
mod step;
mod wait;
mod words;

pub use answer::{AnswerFaults, Given, Values, form_schema, read_inputs, read_values};
pub use assignment::{Resolved, ResolvedCondition, ResolvedProbe, resolve_prompt, resolve_step};
pub use base::Base;
pub use bind::{BindFaults, Binding, BoundParams, GivenParams, bind_params};
pub use dotenv::parse_dotenv;
pub use eval::{Field, Outer, RunFacts, RunScope, Scope, StepFacts, StepValues};
pub use fan::{Aggregate, FanError, FanItem, ItemEnd, aggregate, collect, expand, run_outputs};
pub use fault::{Colours, Faults, Finding, Level, Notices, Report};
pub use known::{CORE_ACTIONS, CoreAction, KnownActions, input_schema};
pub use language::language_schema;
pub use nearest::nearest;
pub use output_file::parse_output_file;
pub use output_schema::check_output;
pub use pintle_core::plan::Plan;
pub use route::{RouteError, Routed, route};
pub use source::SourceFile;
pub use wait::{Pause, WaitError, pause};

use reader::Reader;

/// A document that was taken.
#[derive(Debug, Clone)]
pub struct Parsed {
    /// What runs.
    pub plan: Plan,
    /// What does less than its author may think.
    pub notices: Notices,
    /// Names of DAGs that steps run and the file does not hold, each once: whoever has the other files adds them to
    /// [`Plan::dags`]. A name that is only known when its step is claimed is not among them.
    pub needs: Vec<String>,
}

/// Reads a file: its first document is what runs, those behind it are DAGs that its steps may run.
pub fn parse(source: &SourceFile, known: &dyn KnownActions) -> Result<Parsed, Faults> {
    read(source, known, &Base::default(), false)
}

/// As [`parse`], with what all DAGs have in common.
pub fn parse_over(source: &SourceFile, known: &dyn KnownActions, base: &Base) -> Result<Parsed, Faults> {
    read(source, known, base, false)
}

/// As [`parse_over`], of a file with a DAG that another one runs: it cannot ask as one that a person started.
pub fn parse_below(source: &SourceFile, known: &dyn KnownActions, base: &Base) -> Result<Parsed, Faults> {
    read(source, known, base, true)
}

fn read(source: &SourceFile, known: &dyn KnownActions, base: &Base, is_below: bool) -> Result<Parsed, Faults> {
    if let Some(faults) = source::too_large(&source.name, source.text.len()) {
        return Err(faults);
    }
    let mut reader = Reader::new(known, &source.text);
    reader.is_below = is_below;
    let documents = document::load(&source.text, &mut reader.findings);
    let plan = documents.and_then(|mut documents| {
        documents.iter_mut().for_each(|document| base.lay_under(document));
        let plan = file::read_file(&mut reader, &documents, source);
        documents.iter().for_each(|document| base.tell_apart(&mut reader.findings, document.place));
        plan
    });
    let notices = reader.findings.close(source)?;
    match plan {
        Some(plan) => Ok(Parsed { needs: file::needs(&plan), plan, notices }),
        None => Err(Faults::unreadable(source)),
    }
}
