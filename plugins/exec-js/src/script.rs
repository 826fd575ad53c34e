//! The action: what a script is given, how it ends, and what its step keeps of it.

use boa_engine::builtins::promise::PromiseState;
use boa_engine::object::builtins::JsPromise;
use boa_engine::{Context, JsError, JsValue};
use pintle_guest::prelude::*;
use serde_json::Value;

use crate::engine::Engine;
use crate::fault;
use crate::globals::{json, outputs};
use crate::text::Text;

/// Of `script.js`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Input {
    /// The script. Its result, the output `result`, is what it returns, or else the value of its last expression.
    /// `output(name, value)` gives further outputs. Values come by `input`, not by references in this text.
    #[schemars(extend("contentMediaType" = "text/javascript"))]
    script: String,
    /// Any value; the script finds it as `input`.
    #[serde(default)]
    input: Value,
}

pub(crate) fn run(task: &Task, input: &Input) -> Result<Done, Error> {
    let text = Text::of(&input.script)?;
    let mut engine = Engine::new(task, &input.input).map_err(|error| fault::of_setup(&error))?;
    let ended = perform(&mut engine, &text);
    let result = ended.map_err(|end| end.told(&text, &mut engine.context))?;
    let done = Done::new().output("result", result.unwrap_or_default());
    Ok(outputs::take(&mut engine.context).into_iter().fold(done, |done, (name, value)| done.output(&name, value)))
}

/// Why a script did not come to its end.
enum End {
    /// An error reached its top.
    Thrown(JsError),
    /// A promise was rejected, and nobody looked.
    Unhandled(JsError),
    /// Its own promise is still open when nothing is left to do.
    Stuck,
    /// What it came to is not JSON.
    Unfit(JsError),
}

impl End {
    fn told(self, text: &Text<'_>, context: &mut Context) -> Error {
        match self {
            Self::Thrown(error) => fault::of_script("the script failed", &error, text, context),
            Self::Unhandled(error) => {
                fault::of_script("the script left a rejected promise unhandled", &error, text, context)
            }
            Self::Stuck => Error::failed("the script waits for a promise that nothing is left to settle"),
            Self::Unfit(error) => Error::failed(format!(
                "the script's result (what it returns, or its last expression) does not fit into JSON: {}",
                fault::words(&error, context)
            )),
        }
    }
}

/// Runs a script to its end, with all that its promises leave to be done.
fn perform(engine: &mut Engine, text: &Text<'_>) -> Result<Option<Value>, End> {
    let value = engine.evaluate(&text.runnable()).map_err(End::Thrown)?;
    engine.context.run_jobs().map_err(End::Thrown)?;
    let value = settled(&value)?;
    if let Some(reason) = engine.unhandled() {
        return Err(End::Unhandled(JsError::from_opaque(reason)));
    }
    json::from_js(&value, &mut engine.context).map_err(End::Unfit)
}

/// The value itself, or what its promise came to.
fn settled(value: &JsValue) -> Result<JsValue, End> {
    let promise = value.as_object().and_then(|object| JsPromise::from_object(object).ok());
    match promise.map(|promise| promise.state()) {
        None => Ok(value.clone()),
        Some(PromiseState::Fulfilled(value)) => Ok(value),
        Some(PromiseState::Rejected(reason)) => Err(End::Thrown(JsError::from_opaque(reason))),
        Some(PromiseState::Pending) => Err(End::Stuck),
    }
}
