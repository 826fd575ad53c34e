//! Executors: plugins that perform the actions of steps.

use std::marker::PhantomData;

use schemars::JsonSchema;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::bindings::exports::pintle::core::plugin as plugin_wire;
use crate::bindings::exports::pintle::executor::executor as wire;
use crate::bindings::pintle::core::types;
use crate::error::Error;
use crate::plugin::Identity;
use crate::{input, panic, plugin, schema};

pub use crate::bindings::exports::pintle::executor::executor::Repeats;
pub use crate::bindings::pintle::core::types::{CallContext, Operation};

/// A plugin that performs actions. Every call comes to a fresh instance: nothing is kept in between.
pub trait Executor {
    /// What it performs. Asked once, when the plugin is staged; calls no host.
    fn actions() -> Vec<Action>;

    /// Performs a task. Neither sleeps nor retries: the host does both, by what the error says.
    ///
    /// # Errors
    /// What went wrong; a program's non-zero exit code is not an error.
    fn run(task: &Task) -> Result<Progress, Error>;

    /// Goes on with pending work, in a new instance, perhaps on another machine.
    ///
    /// # Errors
    /// As [`run`](Self::run).
    fn resume(task: &Task, token: &str) -> Result<Progress, Error> {
        let _ = token;
        Err(Error::unsupported(format!("`{}` never leaves work pending, so there is none to go on with", task.action)))
    }

    /// Stops pending work: the run was stopped.
    ///
    /// # Errors
    /// As [`run`](Self::run).
    fn abort(task: &Task, token: &str) -> Result<(), Error> {
        let _ = (task, token);
        Ok(())
    }
}

/// An action that an executor performs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Action {
    /// `http.request`; unique in a tenant.
    pub name: String,
    /// One line for people.
    pub summary: String,
    /// JSON Schema of `with`, as text.
    pub input_schema: String,
    /// JSON Schema of the outputs, as text; empty: not known.
    pub output_schema: String,
    /// What running it twice does.
    pub repeats: Repeats,
}

impl Action {
    /// An action whose `with` is a `T`.
    #[must_use]
    pub fn new<T: JsonSchema>(name: &str, summary: &str, repeats: Repeats) -> Self {
        Self {
            name: name.to_owned(),
            summary: summary.to_owned(),
            input_schema: schema::of::<T>(),
            output_schema: String::new(),
            repeats,
        }
    }

    /// Its outputs are the fields of a `T`.
    #[must_use]
    pub fn outputs<T: JsonSchema>(mut self) -> Self {
        self.output_schema = schema::of::<T>();
        self
    }
}

/// One performance of an action.
#[derive(Debug, Clone, PartialEq)]
pub struct Task {
    /// Which of the plugin's actions.
    pub action: String,
    /// The step's `with`, resolved, as JSON text.
    pub input_json: String,
    /// The whole environment of the step; the last of two equal names counts.
    pub env: Vec<(String, String)>,
    /// The step's directory.
    pub working_dir: Option<String>,
    /// Who asks.
    pub context: CallContext,
    /// Key and fence of the one effect that this task may have.
    pub operation: Operation,
}

impl Task {
    /// A task for a test: tenant `test`, first attempt, no environment, no deadline.
    #[must_use]
    pub fn new(action: &str, input: Value) -> Self {
        Self {
            action: action.to_owned(),
            input_json: input.to_string(),
            env: Vec::new(),
            working_dir: None,
            context: CallContext {
                tenant: "test".to_owned(),
                run: "run-1".to_owned(),
                step: "step-1".to_owned(),
                attempt: 1,
                remaining: u32::MAX,
                traceparent: None,
            },
            operation: Operation { key: "operation-1".to_owned(), fence: 1, dry_run: false },
        }
    }

    /// With one more variable.
    #[must_use]
    pub fn var(mut self, name: &str, value: &str) -> Self {
        self.env.push((name.to_owned(), value.to_owned()));
        self
    }

    /// In a directory.
    #[must_use]
    pub fn working_dir(mut self, path: &str) -> Self {
        self.working_dir = Some(path.to_owned());
        self
    }

    /// As a dry run: say what would be done, do nothing.
    #[must_use]
    pub fn dry_run(mut self) -> Self {
        self.operation.dry_run = true;
        self
    }

    /// The step's `with`, typed.
    ///
    /// # Errors
    /// `invalid`, naming the action and the field.
    pub fn input<T: DeserializeOwned>(&self) -> Result<T, Error> {
        input::parse(&self.input_json)
            .map_err(|fault| Error::invalid(format!("the input of `{}` is faulty: {fault}", self.action)))
    }

    /// A variable of the step's environment.
    #[must_use]
    pub fn env_var(&self, name: &str) -> Option<&str> {
        self.env.iter().rev().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// True when nothing may be changed.
    #[must_use]
    pub fn is_dry_run(&self) -> bool {
        self.operation.dry_run
    }

    /// The answer to an action that the plugin does not list.
    #[must_use]
    pub fn unknown_action(&self) -> Error {
        Error::unsupported(format!("this plugin performs no action `{}`", self.action))
    }

    fn of(context: CallContext, operation: Operation, task: wire::Task) -> Self {
        Self {
            action: task.action,
            input_json: task.input_json,
            env: task.env.into_iter().map(|pair| (pair.name, pair.value)).collect(),
            working_dir: task.working_dir,
            context,
            operation,
        }
    }
}

/// The end of an action.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Done {
    outputs: Vec<(String, Value)>,
    exit_code: Option<i32>,
}

impl Done {
    /// Without outputs.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// With one more output: `${steps.ID.outputs.NAME}`. A value that JSON cannot hold (a map whose keys are not
    /// text) becomes null.
    #[must_use]
    pub fn output(mut self, name: &str, value: impl Serialize) -> Self {
        self.outputs.push((name.to_owned(), serde_json::to_value(value).unwrap_or_default()));
        self
    }

    /// With the exit code of the program that ran.
    #[must_use]
    pub fn exit_code(mut self, code: i32) -> Self {
        self.exit_code = Some(code);
        self
    }

    /// The outputs so far.
    #[must_use]
    pub fn outputs(&self) -> &[(String, Value)] {
        &self.outputs
    }

    /// The exit code, if a program ran.
    #[must_use]
    pub fn code(&self) -> Option<i32> {
        self.exit_code
    }
}

/// How far a task came.
#[derive(Debug, Clone, PartialEq)]
pub enum Progress {
    /// To its end.
    Done(Done),
    /// Work goes on outside: the host asks again with the token after the span, and the step holds no slot meanwhile.
    Pending {
        /// All that a fresh instance needs.
        token: String,
        /// Milliseconds.
        ask_after_ms: u32,
    },
}

/// What performing a task comes to.
pub type Outcome = Result<Progress, Error>;

impl From<Done> for Progress {
    fn from(done: Done) -> Self {
        Self::Done(done)
    }
}

impl From<Progress> for wire::Progress {
    fn from(progress: Progress) -> Self {
        match progress {
            Progress::Done(Done { outputs, exit_code }) => {
                let pair = |(name, value): (String, Value)| types::Pair { name, value: value.to_string() };
                Self::Done(wire::Completion { outputs: outputs.into_iter().map(pair).collect(), exit_code })
            }
            Progress::Pending { token, ask_after_ms } => {
                Self::Pending(types::Pending { token, ask_after: ask_after_ms })
            }
        }
    }
}

/// What [`export!`](crate::export!) exports: the component's functions in terms of an [`Executor`].
#[derive(Debug)]
pub struct Adapter<P>(PhantomData<P>);

impl<P: Identity> plugin_wire::Guest for Adapter<P> {
    fn describe() -> plugin_wire::Descriptor {
        panic::install();
        plugin::describe::<P>()
    }

    fn check_config(config_json: String) -> Vec<plugin_wire::ConfigFault> {
        panic::install();
        let faults = plugin::check_config::<P>(&config_json).into_iter();
        faults.map(|fault| plugin_wire::ConfigFault { path: fault.path, message: fault.message }).collect()
    }
}

impl<P: Executor> wire::Guest for Adapter<P> {
    fn actions() -> Vec<wire::Action> {
        panic::install();
        let actions = P::actions().into_iter();
        actions
            .map(|Action { name, summary, input_schema, output_schema, repeats }| wire::Action {
                name,
                summary,
                input_schema,
                output_schema,
                repeats,
            })
            .collect()
    }

    fn run(ctx: CallContext, op: Operation, task: wire::Task) -> Result<wire::Progress, types::Error> {
        panic::install();
        Ok(P::run(&Task::of(ctx, op, task))?.into())
    }

    fn resume(
        ctx: CallContext,
        op: Operation,
        task: wire::Task,
        token: String,
    ) -> Result<wire::Progress, types::Error> {
        panic::install();
        Ok(P::resume(&Task::of(ctx, op, task), &token)?.into())
    }

    fn abort(ctx: CallContext, op: Operation, task: wire::Task, token: String) -> Result<(), types::Error> {
        panic::install();
        Ok(P::abort(&Task::of(ctx, op, task), &token)?)
    }
}

#[cfg(test)]
#[expect(clippy::expect_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;
    use serde::Deserialize;
    use serde_json::json;

    #[derive(Deserialize, JsonSchema)]
    #[serde(deny_unknown_fields)]
    struct Count {
        to: u32,
    }

    struct Counter;

    impl Executor for Counter {
        fn actions() -> Vec<Action> {
            vec![Action::new::<Count>("demo.count", "Counts.", Repeats::Pure).outputs::<Count>()]
        }

        fn run(task: &Task) -> Result<Progress, Error> {
            let count: Count = task.input()?;
            Ok(Done::new().output("to", count.to).exit_code(0).into())
        }
    }

    fn wire_task(input: &str) -> wire::Task {
        wire::Task {
            action: "demo.count".to_owned(),
            input_json: input.to_owned(),
            env: vec![
                types::Pair { name: "A".to_owned(), value: "1".to_owned() },
                types::Pair { name: "A".to_owned(), value: "2".to_owned() },
            ],
            working_dir: None,
        }
    }

    fn run(input: &str) -> Result<wire::Progress, types::Error> {
        let Task { context, operation, .. } = Task::new("demo.count", json!({}));
        <Adapter<Counter> as wire::Guest>::run(context, operation, wire_task(input))
    }

    #[test]
    fn outputs_cross_as_json() {
        let wire::Progress::Done(done) = run(r#"{"to":3}"#).expect("it counts") else {
            unreachable!("counting leaves nothing pending")
        };
        assert_eq!(done.outputs, [types::Pair { name: "to".to_owned(), value: "3".to_owned() }]);
        assert_eq!(done.exit_code, Some(0));
    }

    #[test]
    fn a_faulty_input_names_action_and_field() {
        let error = run(r#"{"to":"x"}"#).expect_err("text is no number");
        assert_eq!(error.fault, types::Fault::Invalid);
        assert_eq!(
            error.message,
            "the input of `demo.count` is faulty: `to`: invalid type: string \"x\", expected u32"
        );
    }

    #[test]
    fn the_last_of_two_equal_variables_counts() {
        let Task { context, operation, .. } = Task::new("x", json!({}));
        let task = Task::of(context, operation, wire_task("{}"));
        assert_eq!(task.env_var("A"), Some("2"));
        assert_eq!(task.env_var("B"), None);
    }

    #[test]
    fn nothing_pending_means_nothing_to_resume() {
        let error = Counter::resume(&Task::new("demo.count", json!({})), "t").expect_err("nothing is pending");
        assert_eq!(error.fault, types::Fault::Unsupported);
    }
}
