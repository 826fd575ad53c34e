//! How a call failed, in words: who is to blame, where, and what would help.

use pintle_plane::executor::{Failure, Fault};
use wasmtime::{PoolConcurrencyLimitError, Trap, WasmBacktrace};

use crate::call::breach::Breach;
use crate::call::record::Panic;
use crate::compiler::sentence;

/// Whom a message names.
#[derive(Debug, Clone)]
pub(crate) struct Blame {
    /// `acme 1.4.0`.
    pub(crate) who: String,
    /// `run`; empty: there is only one.
    pub(crate) function: &'static str,
    /// What stands before the name of a limit: `plugins.acme.limits.`.
    pub(crate) settings: String,
    /// Whether settings are written with `_`.
    pub(crate) snake: bool,
}

/// Why a guest did not answer.
#[derive(Debug)]
pub(crate) enum Fall {
    /// It reached a bound.
    Breach(Breach),
    /// It panicked or trapped.
    Trap {
        /// `integer divide by zero`.
        what: String,
        /// The innermost function with a name.
        function: Option<String>,
    },
    /// It was asked to stop, and did not.
    Stopped,
    /// The host could not run it.
    Host(String),
}

impl Fall {
    /// Reads the error of a call. `over` is the breach of its deadline, if that has passed.
    pub(crate) fn of(error: &wasmtime::Error, over: Option<Breach>) -> Self {
        if let Some(breach) = Breach::find(error) {
            return Self::Breach(breach);
        }
        if error.is::<PoolConcurrencyLimitError>() {
            return Self::Host(
                "every place of the instance pool is taken; another try may find one (retry_policy)".to_owned(),
            );
        }
        let trap = error.downcast_ref::<Trap>().copied();
        if let (Some(Trap::Interrupt), Some(breach)) = (trap, over) {
            return Self::Breach(breach);
        }
        let function = error.downcast_ref::<WasmBacktrace>().and_then(|trace| {
            let named = trace.frames().iter().find_map(|frame| frame.func_name())?;
            Some(format!("{:#}", rustc_demangle::demangle(named)))
        });
        let what = match trap {
            Some(trap) => trap.to_string().trim_start_matches("wasm trap: ").to_owned(),
            None => root_sentence(error),
        };
        Self::Trap { what, function }
    }

    /// As a report.
    pub(crate) fn failure(self, blame: &Blame, panic: Option<Panic>, effects: bool) -> Failure {
        let limit = if let Self::Breach(breach) = &self { Some(breach.limit()) } else { None };
        let fault = match &self {
            Self::Stopped => Fault::Cancelled,
            _ if effects => Fault::UnknownOutcome,
            Self::Breach(_) => Fault::Exhausted,
            Self::Trap { .. } => Fault::Failed,
            Self::Host(_) => Fault::Unavailable,
        };
        let message = self.message(blame, panic);
        Failure { fault, message, retry_after: None, code: None, exit_code: None, limit }
    }

    fn message(&self, blame: &Blame, panic: Option<Panic>) -> String {
        let Blame { who, function, settings, snake } = blame;
        let (place, within) = match *function {
            "" => (who.clone(), String::new()),
            function => (format!("{who}, {function}"), format!(" in {function}")),
        };
        match self {
            Self::Breach(breach @ Breach::StepDeadline(_)) => format!("{place}: {breach}. Setting: timeout_sec"),
            Self::Breach(breach) => match breach.setting() {
                Some(name) if *snake => format!("{place}: {breach}. Setting: {settings}{}", name.replace('-', "_")),
                Some(name) => format!("{place}: {breach}. Setting: {settings}{name}"),
                None => format!("{place}: {breach}."),
            },
            Self::Trap { what, function } => match panic {
                Some(Panic { message, place }) if place.is_empty() => format!("{who} panicked{within}: \"{message}\"."),
                Some(Panic { message, place }) => format!("{who} panicked{within}: \"{message}\", {place}."),
                None => match function {
                    Some(function) => format!("{who} trapped{within}: {what}, in `{function}`."),
                    None => format!("{who} trapped{within}: {what}."),
                },
            },
            Self::Stopped => format!("{place}: stopped"),
            Self::Host(reason) => format!("{place}: not run: {reason}"),
        }
    }
}

/// The error without the backtrace that wasmtime puts around it.
fn root_sentence(error: &wasmtime::Error) -> String {
    let root = error.root_cause().to_string();
    if root.is_empty() { sentence(error) } else { root.split_whitespace().collect::<Vec<_>>().join(" ") }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use wasmtime::{Config, Engine, Instance, Module, PoolingAllocationConfig, Store};

    use super::*;

    #[test]
    fn a_pool_that_is_full_is_no_fault_of_the_guest_and_may_be_tried_again() {
        let mut pool = PoolingAllocationConfig::new();
        pool.total_core_instances(1);
        let mut config = Config::new();
        config.allocation_strategy(pool);
        let engine = Engine::new(&config).unwrap();
        let module = Module::new(&engine, wat::parse_str("(module)").unwrap()).unwrap();
        let mut store = Store::new(&engine, ());
        Instance::new(&mut store, &module, &[]).unwrap();
        let full = Instance::new(&mut store, &module, &[]).unwrap_err();
        let blame = Blame { who: "acme 1.4.0".to_owned(), function: "run", settings: String::new(), snake: false };
        let failure = Fall::of(&full, None).failure(&blame, None, false);
        assert_eq!(failure.fault, Fault::Unavailable);
        assert_eq!(
            failure.message,
            "acme 1.4.0, run: not run: every place of the instance pool is taken; another try may find one (retry_policy)"
        );
    }
}
