//! The actions that need no plugin, because they do nothing outside: `noop`, `log.write` and `outputs.write`.

use std::sync::Arc;

use pintle_plane::BoxFuture;
use pintle_plane::executor::{Executor, Failure, Fault, Performed, Task};
use pintle_plane::output::{Channel, Sink};
use pintle_plane::stop::StopSignal;
use serde::Deserialize;

/// Performs the core's own actions, and hands all others on.
pub struct CoreActions {
    others: Arc<dyn Executor>,
}

impl std::fmt::Debug for CoreActions {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("CoreActions").finish_non_exhaustive()
    }
}

impl CoreActions {
    /// In front of the executor of all other actions.
    #[must_use]
    pub fn before(others: Arc<dyn Executor>) -> Self {
        Self { others }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Line {
    message: String,
    level: Option<Level>,
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Level {
    Debug,
    Info,
    Warn,
    Error,
}

impl Level {
    fn mark(self) -> &'static str {
        match self {
            Self::Debug => "debug: ",
            Self::Info => "",
            Self::Warn => "warning: ",
            Self::Error => "error: ",
        }
    }
}

impl Executor for CoreActions {
    fn perform<'a>(&'a self, task: Task, sink: Arc<dyn Sink>, stop: Arc<dyn StopSignal>) -> BoxFuture<'a, Performed> {
        match task.action.as_str() {
            "noop" => Box::pin(std::future::ready(done())),
            "outputs.write" => Box::pin(std::future::ready(write_outputs(&task.input_json))),
            "log.write" => Box::pin(std::future::ready(log(&task.input_json, &*sink))),
            _ => self.others.perform(task, sink, stop),
        }
    }
}

fn done() -> Performed {
    Performed::Done { outputs: Vec::new(), exit_code: None }
}

fn log(input: &str, sink: &dyn Sink) -> Performed {
    match serde_json::from_str::<Line>(input) {
        Ok(line) => {
            let level = line.level.unwrap_or(Level::Info);
            sink.write(Channel::Stdout, format!("{}{}\n", level.mark(), line.message).as_bytes());
            done()
        }
        Err(error) => invalid(format!("log.write: {error}; give it `message`, and `level` if you like")),
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Outputs {
    values: serde_json::Map<String, serde_json::Value>,
}

fn write_outputs(input: &str) -> Performed {
    match serde_json::from_str::<Outputs>(input) {
        Ok(Outputs { values }) if !values.is_empty() && !values.contains_key("") => Performed::Done {
            outputs: values.into_iter().map(|(name, value)| (name, value.to_string())).collect(),
            exit_code: None,
        },
        Ok(_) => invalid("outputs.write: `values` has no names, or one that is empty".to_owned()),
        Err(error) => invalid(format!("outputs.write: {error}; give it `values`, a map of names and values")),
    }
}

fn invalid(message: String) -> Performed {
    let fault = Fault::Invalid;
    Performed::Failed(Failure { fault, message, retry_after: None, code: None, exit_code: None, limit: None })
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;

    #[derive(Default)]
    struct Paper(Mutex<Vec<u8>>);

    impl Sink for Paper {
        fn write(&self, _: Channel, bytes: &[u8]) {
            if let Ok(mut held) = self.0.lock() {
                held.extend_from_slice(bytes);
            }
        }
    }

    #[test]
    fn a_line_is_written_with_its_level_and_a_bad_one_is_refused() {
        let paper = Paper::default();
        assert!(matches!(log(r#"{"message":"ready","level":"warn"}"#, &paper), Performed::Done { .. }));
        assert_eq!(paper.0.lock().map(|held| held.clone()).unwrap_or_default(), b"warning: ready\n");
        let refused = log(r#"{"mesage":"x"}"#, &paper);
        let Performed::Failed(failure) = refused else { return assert!(matches!(refused, Performed::Failed(_))) };
        let said = failure.message;
        assert!(said.starts_with("log.write: unknown field `mesage`"), "{said}");
        assert!(said.ends_with("; give it `message`, and `level` if you like"), "{said}");
    }

    #[test]
    fn values_become_outputs_in_their_order() {
        let shown = |input: &str| match write_outputs(input) {
            Performed::Done { outputs, .. } => {
                let outputs: Vec<String> = outputs.iter().map(|(name, json)| format!("{name}={json}")).collect();
                outputs.join(" ")
            }
            Performed::Failed(failure) => failure.message,
            Performed::Later { .. } => "later".to_owned(),
        };
        assert_eq!(shown(r#"{"values":{"b":1,"a":{"x":null}}}"#), "b=1 a={\"x\":null}");
        assert!(shown(r#"{"values":{}}"#).contains("`values` has no names"));
        assert!(shown(r#"{"values":{"":1}}"#).contains("one that is empty"));
        assert!(shown(r#"{"value":{}}"#).contains("unknown field `value`"));
    }
}
