//! What a claimed step needs, with every value resolved: the coordinator calls this at claim, once per try.
//!
//! The input of the action `run` has one form, whatever was written:
//! ```json
//! {"body": {"command": "..."}, "shell": ["bash", "-e"], "shell_explicit": true, "kill_grace_ms": 5000, "stop_signal": "SIGTERM"}
//! ```
//! with `{"script": "..."}` or `{"commands": ["...", "..."]}` as the other bodies; `shell` and `stop_signal` may be null.

mod condition;

pub use condition::{ResolvedCondition, ResolvedProbe, repeat_condition, run_preconditions};

use std::path::Path;

use pintle_core::plan::{
    Action, Json, Output, OutputField, OutputFrom, OutputRead, OutputSource, Plan, RunBody, Shell, Step, StepIndex,
    Template,
};
use serde_json::{Value, json};

use crate::artifacts::wrong_path;
use crate::eval::{EvalError, Field, Scope, resolve, resolve_json, resolve_json_typed};
use crate::known::{KnownActions, input_schema};
use crate::limits::MAX_PROMPT_BYTES;
use crate::route::told;

/// A step whose values are all known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Resolved {
    /// The whole environment, sorted by name.
    pub env: Vec<(String, String)>,
    /// As written, resolved: the step's below the plan's, where both say one. A relative one begins at the DAG file's
    /// directory. None: the run's own.
    pub working_dir: Option<String>,
    /// `run`, `http.request`, ...
    pub action: String,
    /// JSON text of an object.
    pub input_json: String,
    /// All must hold, in order.
    pub conditions: Vec<ResolvedCondition>,
    /// File that gets a copy of standard output.
    pub stdout: Option<String>,
    /// File that gets a copy of standard error.
    pub stderr: Option<String>,
    /// Artifact that standard output becomes: a path that stays below the directory of artifacts.
    pub stdout_artifact: Option<String>,
    /// Artifact that standard error becomes.
    pub stderr_artifact: Option<String>,
    /// Outputs that are read after the action, or given out as they are: no text in them holds a reference any more.
    pub published: Vec<OutputField>,
    /// Checked after the action, where that needs a program.
    pub repeat: Option<ResolvedProbe>,
}

/// Why a step cannot be started: it fails with this sentence.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ResolveError {
    /// The plan has no such step.
    #[error("the plan has no step {0}; submit the DAG again")]
    NoStep(u32),
    /// A text has no value.
    #[error("`{field}` of the step `{step}`: {source}")]
    Eval {
        /// Name of the step.
        step: String,
        /// Which of its fields.
        field: &'static str,
        /// Why.
        #[source]
        source: EvalError,
    },
    /// A stream does not become an artifact.
    #[error("the artifact of `{field}` of the step `{step}` has no path after its references were replaced: {why}")]
    Artifact {
        /// Which stream.
        field: &'static str,
        /// Name of the step.
        step: String,
        /// What is wrong with it.
        why: &'static str,
    },
    /// References brought a line break into a command.
    #[error(
        "the command of the step `{step}` has a line break after its references were replaced; set the value in `env:` and write the variable's name here, or make it a script of several lines"
    )]
    LineBreak {
        /// Name of the step.
        step: String,
    },
    /// A person would not read that.
    #[error(
        "the prompt of the step `{step}` has {bytes} bytes after its references were replaced and may have {MAX_PROMPT_BYTES}; name a file instead"
    )]
    LongPrompt {
        /// Name of the step.
        step: String,
        /// How long it is.
        bytes: usize,
    },
}

/// Resolves a step in its scope.
pub fn resolve_step(
    plan: &Plan,
    index: StepIndex,
    scope: &Scope<'_>,
    known: &dyn KnownActions,
) -> Result<Resolved, ResolveError> {
    let step = plan.step(index).ok_or(ResolveError::NoStep(index.0))?;
    let texts = Texts { plan, scope, owner: &step.name };
    scope.intact().map_err(|source| texts.error("env", source))?;
    let mut conditions = Vec::with_capacity(step.preconditions.len());
    for precondition in &step.preconditions {
        conditions.push(condition::resolve_condition(&texts, precondition)?);
    }
    Ok(Resolved {
        env: scope.env(),
        working_dir: working_dir(&texts, step)?,
        action: action(step).to_owned(),
        input_json: input(&texts, step, known)?,
        conditions,
        stdout: texts.optional(step.stdout.as_ref(), "stdout")?,
        stderr: texts.optional(step.stderr.as_ref(), "stderr")?,
        stdout_artifact: texts.artifact(step.stdout_artifact.as_ref(), "stdout")?,
        stderr_artifact: texts.artifact(step.stderr_artifact.as_ref(), "stderr")?,
        published: published(&texts, step)?,
        repeat: condition::repeat_probe(&texts, step)?,
    })
}

/// What a step asks a person, with its references replaced; `approval` sees what the step itself left. Empty where
/// nothing was written.
pub fn resolve_prompt(plan: &Plan, index: StepIndex, scope: &Scope<'_>) -> Result<String, ResolveError> {
    let step = plan.step(index).ok_or(ResolveError::NoStep(index.0))?;
    let texts = Texts { plan, scope, owner: &step.name };
    scope.intact().map_err(|source| texts.error("env", source))?;
    let written = match (&step.action, &step.approval) {
        (Action::Task(task), _) => Some(&task.prompt),
        (Action::Run { .. } | Action::Call { .. } | Action::Fan(_) | Action::Route(_) | Action::Wait(_), approval) => {
            approval.as_ref().and_then(|approval| approval.prompt.as_ref())
        }
    };
    let prompt = texts.optional(written, "prompt")?.unwrap_or_default();
    if prompt.len() > MAX_PROMPT_BYTES {
        return Err(ResolveError::LongPrompt { step: step.name.clone(), bytes: prompt.len() });
    }
    Ok(prompt)
}

/// The step's directory begins at the plan's, unless it begins at a place of its own: `/` or the user's home.
fn working_dir(texts: &Texts<'_>, step: &Step) -> Result<Option<String>, ResolveError> {
    const FIELD: &str = "working_dir";
    let own = texts.optional(step.working_dir.as_ref(), FIELD)?;
    let rooted = |dir: &str| dir.starts_with('/') || dir == "~" || dir.starts_with("~/");
    if own.as_deref().is_some_and(rooted) {
        return Ok(own);
    }
    let plans = texts.optional(texts.plan.working_dir.as_ref(), FIELD)?;
    Ok(match (plans, own) {
        (Some(plans), Some(own)) => Some(Path::new(&plans).join(own).display().to_string()),
        (plans, own) => own.or(plans),
    })
}

/// Texts of one owner, with its name for errors.
struct Texts<'a> {
    plan: &'a Plan,
    scope: &'a Scope<'a>,
    owner: &'a str,
}

impl Texts<'_> {
    fn text(&self, template: &Template, field: Field, name: &'static str) -> Result<String, ResolveError> {
        resolve(template, self.scope, field).map_err(|source| self.error(name, source))
    }

    fn optional(&self, template: Option<&Template>, name: &'static str) -> Result<Option<String>, ResolveError> {
        template.map(|template| self.text(template, Field::Expanded, name)).transpose()
    }

    /// References may have led it elsewhere.
    fn artifact(&self, template: Option<&Template>, name: &'static str) -> Result<Option<String>, ResolveError> {
        let path = self.optional(template, name)?;
        match path.as_deref().and_then(wrong_path) {
            Some(why) => Err(ResolveError::Artifact { field: name, step: self.owner.to_owned(), why }),
            None => Ok(path),
        }
    }

    fn error(&self, field: &'static str, source: EvalError) -> ResolveError {
        ResolveError::Eval { step: self.owner.to_owned(), field, source }
    }

    /// Program and arguments.
    fn shell(&self, shell: &Shell) -> Result<Vec<String>, ResolveError> {
        std::iter::once(&shell.program)
            .chain(&shell.arguments)
            .map(|template| self.text(template, Field::Expanded, "shell"))
            .collect()
    }

    /// A command is one line; references may have brought more.
    fn command(&self, template: &Template) -> Result<String, ResolveError> {
        let text = self.text(template, Field::Shell, "run")?;
        if text.contains(['\n', '\r']) {
            return Err(ResolveError::LineBreak { step: self.owner.to_owned() });
        }
        Ok(text)
    }

    fn body(&self, body: &RunBody) -> Result<Value, ResolveError> {
        Ok(match body {
            RunBody::Command(line) => json!({ "command": self.command(line)? }),
            RunBody::Script(text) => json!({ "script": self.text(text, Field::Shell, "run")? }),
            RunBody::Commands(lines) => {
                let lines: Result<Vec<String>, _> = lines.iter().map(|line| self.command(line)).collect();
                json!({ "commands": lines? })
            }
        })
    }

    /// Input of the action `run`.
    fn run_input(&self, body: Value, shell: Option<&Shell>, stop_signal: Option<&str>) -> Result<String, ResolveError> {
        let explicit = shell.is_some();
        let shell = shell.or(self.plan.shell.as_ref()).map(|shell| self.shell(shell)).transpose()?;
        let input = json!({
            "body": body,
            "shell": shell,
            "shell_explicit": explicit,
            "kill_grace_ms": kill_grace_ms(self.plan),
            "stop_signal": stop_signal,
        });
        Ok(input.to_string())
    }
}

/// The outputs of `output:` and `stdout:`, in their order.
fn published(texts: &Texts<'_>, step: &Step) -> Result<Vec<OutputField>, ResolveError> {
    const FIELD: &str = "output";
    let written = step.output.iter().flat_map(Output::fields).chain(&step.published);
    let resolved = written.map(|field| {
        let source = match &field.source {
            OutputSource::Value(json) => {
                OutputSource::Value(resolve_json_typed(json, texts.scope).map_err(|source| texts.error(FIELD, source))?)
            }
            OutputSource::Read(OutputRead { from: OutputFrom::File(path), decode, select }) => {
                let from = OutputFrom::File(Template(texts.text(path, Field::Expanded, FIELD)?));
                OutputSource::Read(OutputRead { from, decode: *decode, select: select.clone() })
            }
            OutputSource::Read(read) => OutputSource::Read(read.clone()),
        };
        Ok(OutputField { name: field.name.clone(), source })
    });
    resolved.collect()
}

/// A step that fans out, or waits, does nothing itself: its worker only looks at its preconditions.
fn action(step: &Step) -> &str {
    match &step.action {
        // A person looks at what a step asks, not a worker.
        Action::Fan(_) | Action::Task(_) | Action::Wait(_) => "noop",
        // It says what it goes by; what it chooses is decided when that is done.
        Action::Route(_) => "log.write",
        Action::Run { .. } | Action::Call { .. } => step.action.name(),
    }
}

fn input(texts: &Texts<'_>, step: &Step, known: &dyn KnownActions) -> Result<String, ResolveError> {
    match &step.action {
        Action::Run { body, shell } => texts.run_input(texts.body(body)?, shell.as_ref(), step.stop_signal.as_deref()),
        Action::Call { name, with } => {
            let schema = input_schema(known, name);
            let input = resolve_json(with, texts.scope, schema).map_err(|source| texts.error("with", source))?;
            if name != "exec" {
                return Ok(input.0);
            }
            with_stop(texts, &input, step).map_err(|source| texts.error("with", source))
        }
        Action::Fan(_) | Action::Task(_) | Action::Wait(_) => Ok("{}".to_owned()),
        Action::Route(route) => {
            let value = texts.text(&route.value, Field::Expanded, "with.value")?;
            Ok(json!({ "message": told(texts.plan, route, &value) }).to_string())
        }
    }
}

/// Plugins take milliseconds in 32 bits: 49 days.
fn kill_grace_ms(plan: &Plan) -> u32 {
    u32::try_from(plan.clean_up.as_millis()).unwrap_or(u32::MAX)
}

/// `exec` also learns how its program is to be stopped; what the author wrote himself stays.
fn with_stop(texts: &Texts<'_>, input: &Json, step: &Step) -> Result<String, EvalError> {
    let mut fields: serde_json::Map<String, Value> =
        serde_json::from_str(&input.0).map_err(|error| EvalError::NotJson(error.to_string()))?;
    fields.entry("kill_grace_ms").or_insert_with(|| kill_grace_ms(texts.plan).into());
    fields.entry("stop_signal").or_insert_with(|| step.stop_signal.clone().into());
    Ok(Value::Object(fields).to_string())
}

#[cfg(test)]
mod tests;
