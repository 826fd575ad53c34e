//! A checked DAG: what `pintle-spec` makes of a YAML document, and all that a run needs to know of it.
//!
//! A plan is normal (defaults are filled in, `type: chain` has become dependencies, handlers are steps), checked (names
//! are unique, the graph has no cycle) and pinned by the digest of its serialised form. It is stored with the run and
//! never parsed again. Text that still holds references (`${params.x}`) is a [`Template`]: it is evaluated once, when
//! its step is claimed.

mod artifacts;
mod ask;
mod fan;
mod output;
mod route;
mod wait;

use serde::{Deserialize, Serialize};

pub use artifacts::Artifacts;
pub use ask::{Approval, Form, FormField, Task};
pub use fan::{Child, Fan, FanForm};
pub use output::{DeclaredOutput, Decode, Output, OutputField, OutputFrom, OutputKind, OutputRead, OutputSource};
pub use route::{Route, Way};
pub use wait::Wait;

use crate::limits;
use crate::schedule::Scheduling;
use crate::time::Span;

/// Version of the serialised form. A reader refuses a plan of a later one.
pub const SCHEMA: u16 = 1;

/// A step's place in [`Plan::steps`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct StepIndex(pub u32);

impl StepIndex {
    /// As an index into a slice.
    #[must_use]
    pub fn get(self) -> usize {
        self.0 as usize
    }
}

/// JSON text, valid by construction of whoever made it. The core passes it on and never looks inside.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Json(pub String);

/// Text that may hold references such as `${params.x}` or `$NAME`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Template(pub String);

/// A checked DAG.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Plan {
    /// [`SCHEMA`] of the writer.
    pub schema: u16,
    /// Identity of the DAG: `name`, or the file's stem.
    pub name: String,
    /// For people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// What it belongs to, for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub group: Option<String>,
    /// Words that it is found by, each with a value or an empty one.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub labels: Vec<(String, String)>,
    /// Declared parameters, in order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub params: Vec<Param>,
    /// The parameters were declared with types: names that are not declared are refused.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub params_closed: bool,
    /// `consts`, in order; each value is a JSON scalar.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub consts: Vec<(String, Json)>,
    /// `env`, in order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub env: Vec<(String, Template)>,
    /// Files of `NAME=value` lines, read at submit beside the DAG file.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub dotenv: Vec<Template>,
    /// Directory of all steps; without it the run's own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub working_dir: Option<Template>,
    /// Shell of `run` steps that name none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shell: Option<Shell>,
    /// How many steps may run at once; none: no bound but the worker's slots.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_active_steps: Option<u32>,
    /// The whole run is stopped after this.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timeout: Option<Span>,
    /// A step starts this long after it is ready.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub delay: Option<Span>,
    /// Between the signal that asks a step to stop and the one that makes it.
    pub clean_up: Span,
    /// Bound of everything that is kept of one step's output, in bytes; none: the process's own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_output: Option<u32>,
    /// Files that a run leaves for people; none: no step is known to leave any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub artifacts: Option<Artifacts>,
    /// All must hold, or the run is aborted before its first step.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub preconditions: Vec<Precondition>,
    /// When runs start by themselves; none: never.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scheduling: Option<Scheduling>,
    /// Steps in the document's order, handlers after all others.
    pub steps: Vec<Step>,
    /// DAGs that steps of this plan, or of these, run as children; by name, each without `dags` of its own.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub dags: Vec<(String, Plan)>,
}

/// What a step is there for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Part of the graph.
    #[default]
    Main,
    /// The run's own preconditions, as a step that does nothing else: before everything.
    Gate,
    /// `handler_on.init`: before all steps; if it fails, none runs.
    OnInit,
    /// `handler_on.success`: the run succeeded, wholly or partially.
    OnSuccess,
    /// `handler_on.failure`: the run failed.
    OnFailure,
    /// `handler_on.abort`: the run was stopped.
    OnAbort,
    /// `handler_on.exit`: last, whatever came before.
    OnExit,
    /// `handler_on.wait`: nothing can go on before a person acts.
    OnWait,
}

impl Role {
    /// A handler that runs when all else is over, also after a stop.
    #[must_use]
    pub fn closes(self) -> bool {
        match self {
            Self::OnSuccess | Self::OnFailure | Self::OnAbort | Self::OnExit => true,
            Self::Main | Self::Gate | Self::OnInit | Self::OnWait => false,
        }
    }
}

/// A node of the graph, or a handler.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Step {
    /// Unique in the plan.
    pub name: String,
    /// How references name it: `${steps.ID.outputs.x}`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// For people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// Main, or which handler.
    #[serde(default)]
    pub role: Role,
    /// What runs.
    pub action: Action,
    /// Steps that come before, each once, in the order in which the step names them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub depends: Vec<StepIndex>,
    /// Added to the environment, in order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub env: Vec<(String, Template)>,
    /// Directory; without it the plan's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub working_dir: Option<Template>,
    /// All must hold, or the step is skipped.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub preconditions: Vec<Precondition>,
    /// Which ends let the steps behind this one run.
    #[serde(default)]
    pub continue_on: ContinueOn,
    /// When a failed try is tried again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry: Option<RetryPolicy>,
    /// When a finished try is run again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub repeat: Option<RepeatPolicy>,
    /// The try is stopped after this: exit code 124, not retried.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timeout: Option<Span>,
    /// Sent first when the step is to stop; `SIGTERM` without it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stop_signal: Option<String>,
    /// `output:`: what of the step the steps behind it see.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub output: Option<Output>,
    /// `stdout: {outputs: ...}`: what of the step's standard output becomes outputs, for whoever runs this DAG too.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub published: Vec<OutputField>,
    /// JSON Schema that the step's standard output must fit, as one JSON value. An object's fields are outputs of the
    /// step, where it does not name others.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub output_schema: Option<Json>,
    /// `outputs:`: what the step writes to `$PINTLE_OUTPUT_FILE`, each exactly once.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub outputs: Vec<DeclaredOutput>,
    /// File that gets a copy of standard output.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stdout: Option<Template>,
    /// File that gets a copy of standard error.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stderr: Option<Template>,
    /// What is printed to standard error stands in the log of standard output, where both are told apart by nobody.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub merged_log: bool,
    /// Artifact that standard output becomes, below the run's directory of artifacts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stdout_artifact: Option<Template>,
    /// Artifact that standard error becomes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stderr_artifact: Option<Template>,
    /// What becomes of the step when its worker is lost.
    #[serde(default)]
    pub on_lost: OnLost,
    /// A person says whether what it did is good.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub approval: Option<Box<Approval>>,
}

/// What a step runs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Action {
    /// `run:`, performed by the executor of the action `run`.
    Run {
        /// What is run.
        body: RunBody,
        /// The step's own shell; without it the plan's.
        shell: Option<Shell>,
    },
    /// `action:` with its `with:` (a JSON object whose strings are templates).
    Call {
        /// `http.request`, `jq.filter`, ...
        name: String,
        /// Unresolved input.
        with: Json,
    },
    /// `dag.run`, `dag.enqueue`, `parallel`, `foreach`: other plans, as runs of their own.
    Fan(Box<Fan>),
    /// `human.task`: a person does it.
    Task(Box<Task>),
    /// `router.route`: nothing itself; it says which steps behind it run.
    Route(Box<Route>),
    /// `wait.duration`, `wait.until`: nothing, for a while.
    Wait(Wait),
}

impl Step {
    /// A main step with a name and an action, and nothing else said.
    #[must_use]
    pub fn doing(name: impl Into<String>, action: Action) -> Self {
        Self {
            name: name.into(),
            id: None,
            description: None,
            role: Role::Main,
            action,
            depends: Vec::new(),
            env: Vec::new(),
            working_dir: None,
            preconditions: Vec::new(),
            continue_on: ContinueOn::default(),
            retry: None,
            repeat: None,
            timeout: None,
            stop_signal: None,
            output: None,
            published: Vec::new(),
            output_schema: None,
            outputs: Vec::new(),
            stdout: None,
            stderr: None,
            merged_log: false,
            stdout_artifact: None,
            stderr_artifact: None,
            on_lost: OnLost::default(),
            approval: None,
        }
    }
}

impl Action {
    /// The action that does nothing.
    #[must_use]
    pub fn noop() -> Self {
        Self::Call { name: "noop".to_owned(), with: Json("{}".to_owned()) }
    }

    /// What it runs as children, if it does.
    #[must_use]
    pub fn fan(&self) -> Option<&Fan> {
        match self {
            Self::Fan(fan) => Some(fan),
            Self::Run { .. } | Self::Call { .. } | Self::Task(_) | Self::Route(_) | Self::Wait(_) => None,
        }
    }

    /// What it asks of a person, if it does nothing else.
    #[must_use]
    pub fn task(&self) -> Option<&Task> {
        match self {
            Self::Task(task) => Some(task),
            Self::Run { .. } | Self::Call { .. } | Self::Fan(_) | Self::Route(_) | Self::Wait(_) => None,
        }
    }

    /// What it goes by, if it routes.
    #[must_use]
    pub fn route(&self) -> Option<&Route> {
        match self {
            Self::Route(route) => Some(route),
            Self::Run { .. } | Self::Call { .. } | Self::Fan(_) | Self::Task(_) | Self::Wait(_) => None,
        }
    }

    /// The action's name as executors list it.
    #[must_use]
    pub fn name(&self) -> &str {
        match self {
            Self::Run { .. } => "run",
            Self::Call { name, .. } => name,
            Self::Route(_) => "router.route",
            Self::Wait(wait) => wait.name(),
            Self::Fan(fan) if fan.queued => "dag.enqueue",
            Self::Fan(fan) => match fan.form {
                FanForm::Dag | FanForm::Parallel => "dag.run",
                FanForm::Foreach => "foreach",
            },
            Self::Task(_) => "human.task",
        }
    }
}

/// The forms of `run:`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RunBody {
    /// One line, given to the shell's `-c`.
    Command(Template),
    /// Several lines, written to a file that the shell (or the `#!` line) runs.
    Script(Template),
    /// Lines in order, each in a fresh shell, up to the first that fails.
    Commands(Vec<Template>),
}

/// A shell with its arguments.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Shell {
    /// Name or path of the program.
    pub program: Template,
    /// Its own arguments, before those that Pintle adds.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub arguments: Vec<Template>,
}

/// A declared parameter.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Param {
    /// Absent: positional, `$1`, `$2`, ...
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Type that a value is checked against.
    #[serde(default)]
    pub kind: ParamKind,
    /// JSON scalar taken where the caller gives none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub default: Option<Json>,
    /// Shell substitution that computes the value where the caller gives none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub eval: Option<String>,
    /// For people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// Without a value or a default the run is refused.
    #[serde(default)]
    pub required: bool,
    /// What a value must satisfy.
    #[serde(default)]
    pub bounds: ParamBounds,
}

/// Type of a parameter.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ParamKind {
    /// Any text.
    #[default]
    String,
    /// A whole number.
    Integer,
    /// Any number.
    Number,
    /// `true` or `false`.
    Boolean,
}

/// What a parameter's value must satisfy; numbers are kept as JSON text.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ParamBounds {
    /// One of these JSON scalars.
    #[serde(default, rename = "enum", skip_serializing_if = "Vec::is_empty")]
    pub one_of: Vec<Json>,
    /// Not less than.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub minimum: Option<Json>,
    /// Not more than.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub maximum: Option<Json>,
    /// In characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub min_length: Option<u32>,
    /// In characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_length: Option<u32>,
    /// Regular expression that matches anywhere in the value.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pattern: Option<String>,
}

/// A condition under which a step, or a run, goes ahead.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Precondition {
    /// What is checked.
    pub check: Check,
    /// Turns met into unmet and back, never an error.
    #[serde(default)]
    pub negate: bool,
}

/// How a precondition is checked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Check {
    /// Met when the shell command ends with 0.
    Command(Template),
    /// Met when a line of the value equals `expected`, or matches it after `re:`.
    Value {
        /// Resolved, then matched; never executed.
        value: Template,
        /// Line or `re:` expression.
        expected: String,
    },
    /// As `Value`, with command substitution in the text first.
    Eval {
        /// Text with `` `cmd` `` or `$(cmd)`.
        text: Template,
        /// Line or `re:` expression.
        expected: String,
    },
}

/// Which ends of a step let the steps behind it run.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ContinueOn {
    /// Any failure.
    #[serde(default)]
    pub failure: bool,
    /// The step was skipped.
    #[serde(default)]
    pub skipped: bool,
    /// A failure with one of these exit codes.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub exit_code: Vec<i32>,
    /// A failure whose output holds one of these (text, or `re:` and an expression).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub output: Vec<String>,
    /// A forgiven failure counts as success.
    #[serde(default)]
    pub mark_success: bool,
}

/// When a failed try is tried again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RetryPolicy {
    /// Tries after the first.
    pub limit: u32,
    /// Wait before the second try.
    pub interval: Span,
    /// Thousandths by which each wait exceeds the one before: 2000 doubles; 1000 keeps it.
    pub backoff_milli: u32,
    /// No wait is longer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_interval: Option<Span>,
    /// Only these exit codes are tried again; empty: all.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub exit_code: Vec<i32>,
}

/// When a finished try is run again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RepeatPolicy {
    /// Which way the condition is read.
    pub mode: RepeatMode,
    /// Wait between repetitions.
    pub interval: Span,
    /// Runs in all; none: no bound.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<u32>,
    /// As in [`RetryPolicy`].
    pub backoff_milli: u32,
    /// No wait is longer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_interval: Option<Span>,
    /// Checked after each repetition.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub condition: Option<Check>,
    /// Exit codes that count as the condition being met.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub exit_code: Vec<i32>,
}

/// Which way a repeat condition is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RepeatMode {
    /// Again and again, up to the limit.
    Always,
    /// Again while the condition holds.
    While,
    /// Again until the condition holds.
    Until,
}

/// What becomes of a step when its worker is lost (I-5: steps that act by themselves are at-least-once).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OnLost {
    /// Claimed again, with the same operation key and `PINTLE_LOSSES=n`.
    #[default]
    Rerun,
    /// Waits for a person: whether it happened is not known.
    Park,
    /// Fails.
    Fail,
}

impl Plan {
    /// A plan with a name, and nothing else said.
    #[must_use]
    pub fn named(name: impl Into<String>) -> Self {
        Self {
            schema: SCHEMA,
            name: name.into(),
            description: None,
            group: None,
            labels: Vec::new(),
            params: Vec::new(),
            params_closed: false,
            consts: Vec::new(),
            env: Vec::new(),
            dotenv: Vec::new(),
            working_dir: None,
            shell: None,
            max_active_steps: None,
            timeout: None,
            delay: None,
            clean_up: limits::CLEAN_UP,
            max_output: None,
            artifacts: None,
            preconditions: Vec::new(),
            scheduling: None,
            steps: Vec::new(),
            dags: Vec::new(),
        }
    }

    /// Turns the run's own preconditions into a step of role [`Role::Gate`], so that they are claimed, fenced and
    /// recorded like everything else that runs. Done once, before the plan is stored. The step is called
    /// `preconditions`, or `preconditions_2` and so on where the author calls a step of his so.
    #[must_use]
    pub fn with_gate(mut self) -> Self {
        if !self.preconditions.is_empty() && self.handler(Role::Gate).is_none() {
            let first = std::iter::once("preconditions".to_owned());
            let mut names = first.chain((2u32..).map(|more| format!("preconditions_{more}")));
            let name = names.find(|name| self.find(name).is_none()).unwrap_or_default();
            let mut gate = Step::doing(name, Action::noop());
            gate.role = Role::Gate;
            gate.preconditions = std::mem::take(&mut self.preconditions);
            self.steps.push(gate);
        }
        self
    }

    /// The DAG that a step runs as a child, ready to be a run's plan: it brings the others along.
    #[must_use]
    pub fn dag(&self, name: &str) -> Option<Self> {
        let (_, plan) = self.dags.iter().find(|(held, _)| held == name)?;
        Some(Self { dags: self.dags.clone(), ..plan.clone() })
    }

    /// The step at `index`.
    #[must_use]
    pub fn step(&self, index: StepIndex) -> Option<&Step> {
        self.steps.get(index.get())
    }

    /// All steps with their places.
    pub fn indexed(&self) -> impl Iterator<Item = (StepIndex, &Step)> {
        (0u32..).map(StepIndex).zip(&self.steps)
    }

    /// The handler of a role.
    #[must_use]
    pub fn handler(&self, role: Role) -> Option<StepIndex> {
        self.indexed().find(|(_, step)| step.role == role && role != Role::Main).map(|(index, _)| index)
    }

    /// The step that a person or a reference means: by id first, then by name.
    #[must_use]
    pub fn find(&self, name: &str) -> Option<StepIndex> {
        let by = |hit: &dyn Fn(&Step) -> bool| self.indexed().find(|(_, s)| hit(s)).map(|(i, _)| i);
        by(&|s| s.id.as_deref() == Some(name)).or_else(|| by(&|s| s.name == name))
    }
}
