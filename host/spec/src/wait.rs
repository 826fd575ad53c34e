//! Waiting for a time: `wait.duration` and `wait.until`.
//!
//! What is written without references is checked with the document; what comes of references is when the step is claimed.

use jiff::Timestamp as Instant;
use pintle_core::plan::{Action, Plan, StepIndex, Template, Wait};
use pintle_core::time::{Span, Timestamp};
use serde_json::Value;

use crate::eval::{EvalError, Field, Scope, holds_reference, resolve};
use crate::reader::{At, Reader};
use crate::schedule::{span, to_core};

/// What a claimed step waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pause {
    /// So long.
    For(Span),
    /// Until then, by the store's clock.
    Until(Timestamp),
}

/// Why a step cannot wait: it fails with this sentence.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum WaitError {
    /// The plan has no such step.
    #[error("the plan has no step {0} that waits; submit the DAG again")]
    NoWait(u32),
    /// A text has no value.
    #[error("`with.{field}` of the step `{step}`: {source}")]
    Eval {
        /// Name of the step.
        step: String,
        /// `duration` or `until`.
        field: &'static str,
        /// Why.
        #[source]
        source: EvalError,
    },
    /// The text is no length of time, or no instant.
    #[error("`with.{field}` of the step `{step}`: {reason}")]
    Unfit {
        /// Name of the step.
        step: String,
        /// `duration` or `until`.
        field: &'static str,
        /// What it is, and what it should be.
        reason: String,
    },
}

/// `action: wait.duration` or `wait.until`, if it is one of them. `checked` is its `with` as the schema wants it.
pub(crate) fn read_wait(
    reader: &mut Reader<'_>,
    step: &At<'_>,
    with: Option<&At<'_>>,
    name: &str,
    checked: &Value,
) -> Option<Action> {
    let text = |field: &str| Template(checked.get(field).and_then(Value::as_str).unwrap_or_default().to_owned());
    let wait = match name {
        "wait.duration" => Wait::Duration(text("duration")),
        "wait.until" => Wait::Until(text("until")),
        _ => return None,
    };
    if step.get("outputs").is_some() {
        reader.fault_key(step, "outputs", "`outputs` are written by a program; this step runs none, it only waits");
    }
    if let Some(at) = with.and_then(|with| with.get(wait.field()))
        && at.scalar().is_some()
        && !holds_reference(&wait.text().0)
        && let Err(reason) = read(&wait, &wait.text().0)
    {
        let field = at.path.last();
        reader.fault(&at, format!("{field}: {reason}"));
    }
    Some(Action::Wait(wait))
}

/// What a claimed step waits for, with its references replaced.
pub fn pause(plan: &Plan, index: StepIndex, scope: &Scope<'_>) -> Result<Pause, WaitError> {
    let step = plan.step(index);
    let Some((step, Action::Wait(wait))) = step.map(|step| (step, &step.action)) else {
        return Err(WaitError::NoWait(index.0));
    };
    let (name, field) = (|| step.name.clone(), wait.field());
    let text = resolve(wait.text(), scope, Field::Expanded);
    let text = text.map_err(|source| WaitError::Eval { step: name(), field, source })?;
    read(wait, &text).map_err(|reason| WaitError::Unfit { step: name(), field, reason })
}

fn read(wait: &Wait, text: &str) -> Result<Pause, String> {
    let text = text.trim();
    match wait {
        Wait::Duration(_) => match span(text) {
            Some(length) if length > Span::ZERO => Ok(Pause::For(length)),
            Some(_) => Err(format!("`{text}` is no time at all; write one above zero, such as `30s`")),
            None => Err(format!("`{text}` is not a length of time; write one such as `30s`, `5m` or `1h30m`")),
        },
        Wait::Until(_) => match text.parse::<Instant>().ok().and_then(to_core) {
            Some(at) => Ok(Pause::Until(at)),
            None => Err(format!(
                "`{text}` is not an instant with its offset; write one such as `2026-11-01T09:30:00+01:00`"
            )),
        },
    }
}
