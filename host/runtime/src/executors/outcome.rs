//! What a guest said, as the worker reports it.

use pintle_core::time::Span;
use pintle_plane::executor::{Failure, Fault, Performed};
use pintle_plane::stop::Urgency;

use crate::bindings::{Completion, GuestError, GuestFault};
use crate::call::record::Record;
use crate::call::state::CallState;
use crate::host::always::clipped;
use crate::plugin::Plugin;
use pintle_plane::stop::StopSignal;

/// A failure with nothing but a fault and a sentence.
pub(crate) fn failure(fault: Fault, message: String) -> Failure {
    Failure { fault, message, retry_after: None, code: None, exit_code: None, limit: None }
}

fn fault(fault: GuestFault) -> Fault {
    match fault {
        GuestFault::Invalid => Fault::Invalid,
        GuestFault::NotFound => Fault::NotFound,
        GuestFault::Conflict => Fault::Conflict,
        GuestFault::Stale => Fault::Stale,
        GuestFault::Busy => Fault::Busy,
        GuestFault::Denied => Fault::Denied,
        GuestFault::Unsupported => Fault::Unsupported,
        GuestFault::Exhausted => Fault::Exhausted,
        GuestFault::Throttled => Fault::Throttled,
        GuestFault::Unavailable => Fault::Unavailable,
        GuestFault::UnknownOutcome => Fault::UnknownOutcome,
        GuestFault::Fenced => Fault::Fenced,
        GuestFault::Cancelled => Fault::Cancelled,
        GuestFault::Failed => Fault::Failed,
    }
}

/// A guest's own error. The host's record has the last word: "unavailable" after something was sent is not known.
pub(super) fn refused(error: GuestError, record: &Record) -> Failure {
    let fault = match fault(error.fault) {
        _ if record.urgency() > Urgency::None => Fault::Cancelled,
        Fault::Unavailable if record.had_effects() => Fault::UnknownOutcome,
        fault => fault,
    };
    Failure {
        fault,
        message: clipped(&error.message),
        retry_after: error.retry_after.map(|ms| Span(u64::from(ms))),
        code: error.code,
        exit_code: None,
        limit: None,
    }
}

/// A guest's result: every output must be JSON, and a blob leaves by its digest.
pub(super) fn done(completion: Completion, state: &mut CallState, plugin: &Plugin) -> Performed {
    let mut outputs = Vec::with_capacity(completion.outputs.len());
    for output in completion.outputs {
        match sealed(&output.value, state) {
            Ok(value) => outputs.push((output.name, value.unwrap_or(output.value))),
            Err(reason) => {
                let blame = plugin.blame("run");
                let message = format!("{}, run: output `{}` {reason}", blame.who, output.name);
                return Performed::Failed(failure(Fault::Failed, message));
            }
        }
    }
    Performed::Done { outputs, exit_code: completion.exit_code }
}

/// The value with its blob sealed; none: it stays as it is.
fn sealed(value: &str, state: &mut CallState) -> Result<Option<String>, String> {
    if !value.contains("\"$blob\"") {
        return match serde_json::from_str::<serde::de::IgnoredAny>(value) {
            Ok(_) => Ok(None),
            Err(error) => Err(format!("is not JSON: {error}")),
        };
    }
    let parsed: serde_json::Value = serde_json::from_str(value).map_err(|error| format!("is not JSON: {error}"))?;
    let name = parsed.as_object().filter(|object| object.len() == 1).and_then(|object| object.get("$blob"));
    let Some(name) = name.and_then(serde_json::Value::as_str) else { return Ok(None) };
    let Some(file) = state.blobs.take(name) else { return Ok(None) };
    let digest = state.services.blobs.seal(file).map_err(|error| format!("could not be kept: {error}"))?;
    Ok(Some(serde_json::json!({ "$blob": digest.as_str() }).to_string()))
}
