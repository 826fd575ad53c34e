//! The table of the language: each field of each kind of map, what may stand in it, and what it is for.
//!
//! Two read it. The reader asks which names there are, which do nothing yet, and which are refused and why; the JSON
//! Schema for editors ([`crate::language`]) is made of it as a whole. So a field is added in one place: its row.
//!
//! The whole language is larger than what this version runs (workflow.md, "Covered fields"). A field that only
//! describes, or that matters to parts not in use here, is accepted with a notice; one that would change what runs is
//! refused, so that no file is half-obeyed.

mod ask;
mod custom;
mod dag;
mod output;
mod params;
mod policy;
mod schedule;
mod shape;
mod step;

pub(crate) use ask::{APPROVAL, FORM, FORM_FIELD};
pub(crate) use custom::CUSTOM;
pub(crate) use dag::{DAG, DEFAULTS, HANDLERS};
pub(crate) use output::{ARTIFACTS, OUTPUT, OUTPUT_FIELD, STDERR, STDOUT, STDOUT_FIELD, STDOUT_OUTPUTS};
pub(crate) use params::{PARAM, PARAM_PROPERTY, PARAM_SCHEMA, PARAM_VALUES};
pub(crate) use policy::{CONTINUE_ON, PRECONDITION, REPEAT, RETRY};
pub(crate) use schedule::{SCHEDULE, SCHEDULES};
pub(crate) use shape::{Empty, Shape};
pub(crate) use step::{FOREACH, PARALLEL, RUN_WITH, STEP};

/// The fields of one kind of map.
#[derive(Debug)]
pub(crate) struct Fields {
    /// The kind, as one word for programs: `step`.
    pub(crate) key: &'static str,
    /// What the map is, in a sentence: "a step".
    pub(crate) of: &'static str,
    pub(crate) read: &'static [Field],
    /// Accepted without effect: what a row says is what it does not do, "... is accepted, but {}".
    pub(crate) inert: &'static [Field],
    /// Name, and why it is refused: "`name` {}".
    pub(crate) refused: &'static [(&'static str, &'static str)],
    /// What JSON Schema says of several fields together, as its text; empty: nothing.
    pub(crate) together: &'static str,
}

impl Fields {
    /// The names that are read.
    pub(crate) fn names(&self) -> impl Iterator<Item = &'static str> {
        self.read.iter().map(|field| field.name)
    }

    /// The row of a name that is read.
    pub(crate) fn row(&self, name: &str) -> Option<&'static Field> {
        self.read.iter().find(|field| field.name == name)
    }
}

/// One field.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Field {
    pub(crate) name: &'static str,
    pub(crate) shape: Shape,
    /// What it is for, in one sentence, as an editor shows it.
    pub(crate) about: &'static str,
    pub(crate) need: Need,
    /// What counts where it is not written, as JSON.
    pub(crate) usual: Option<&'static str>,
    /// Of an old form: what to write today.
    pub(crate) today: Option<&'static str>,
}

/// Whether a field must be there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Need {
    /// An empty value is as good as none.
    Free,
    /// It may be left out, but not empty.
    Filled,
    /// It must be there, and not empty.
    Required,
}

const fn field(name: &'static str, shape: Shape, about: &'static str) -> Field {
    Field { name, shape, about, need: Need::Free, usual: None, today: None }
}

impl Field {
    const fn required(self) -> Self {
        Self { need: Need::Required, ..self }
    }

    const fn filled(self) -> Self {
        Self { need: Need::Filled, ..self }
    }

    /// JSON of the value that counts where none is written.
    const fn usual(self, json: &'static str) -> Self {
        Self { usual: Some(json), ..self }
    }

    /// An old form; `today` is what to write instead.
    const fn old(self, today: &'static str) -> Self {
        Self { today: Some(today), ..self }
    }
}

const UNUSED: &str = "nothing uses it in this version";
const NO_MAIL: &str = "this version sends no mail";
const ONE_WORKER: &str = "this version runs every step on this machine";
const LATER: &str = "is part of the language, but this version does not run it yet; remove it";
const NEVER: &str = "is not part of Pintle; use an action that a plugin performs instead";

/// Actions of the language that a later version runs.
pub(crate) const LATER_ACTIONS: &[&str] = &["script.js"];

/// Families of actions that Pintle leaves out on purpose.
pub(crate) const NEVER_ACTIONS: &[&str] = &["agent", "chat", "harness", "wiki", "k8s", "kubernetes", "ssh", "sftp"];
