//! Native programs on the worker's machine. Needs the `process` grant.

use super::pairs;
use crate::bindings::pintle::host::process as types;
use crate::bindings::wire::process as wire;
use crate::error::Error;

pub use crate::bindings::pintle::host::process::{Exit, Input};

/// What a process that was told to stop gets before it is killed, unless the step says otherwise; milliseconds.
pub const KILL_GRACE_MS: u32 = 5000;

/// A program to run. Its environment is what is given here: nothing is inherited.
#[derive(Debug, Clone, PartialEq)]
pub struct Command {
    inner: types::Command,
}

impl Command {
    /// A program, by the name that the grant uses.
    #[must_use]
    pub fn new(program: &str) -> Self {
        Self {
            inner: types::Command {
                program: program.to_owned(),
                arguments: Vec::new(),
                script: None,
                env: Vec::new(),
                secret_env: Vec::new(),
                working_dir: None,
                input: Input::None,
                timeout: None,
                kill_grace: KILL_GRACE_MS,
                stop_signal: None,
                capture: 0,
            },
        }
    }

    /// With one more argument.
    #[must_use]
    pub fn arg(mut self, argument: &str) -> Self {
        self.inner.arguments.push(argument.to_owned());
        self
    }

    /// With more arguments.
    #[must_use]
    pub fn args<A: AsRef<str>>(self, arguments: impl IntoIterator<Item = A>) -> Self {
        arguments.into_iter().fold(self, |command, argument| command.arg(argument.as_ref()))
    }

    /// With a script in a private file; `{script}` in program or arguments is its path.
    #[must_use]
    pub fn script(mut self, text: &str) -> Self {
        self.inner.script = Some(text.to_owned());
        self
    }

    /// With these variables, which are all that it gets.
    #[must_use]
    pub fn env(mut self, variables: &[(String, String)]) -> Self {
        self.inner.env.extend(pairs(variables));
        self
    }

    /// With a variable whose value is a secret: the host puts it in.
    #[must_use]
    pub fn secret_env(mut self, name: &str, secret: &str) -> Self {
        self.inner.secret_env.extend(pairs(&[(name, secret)]));
        self
    }

    /// In a directory.
    #[must_use]
    pub fn working_dir(mut self, path: Option<&str>) -> Self {
        self.inner.working_dir = path.map(str::to_owned);
        self
    }

    /// With standard input.
    #[must_use]
    pub fn input(mut self, bytes: impl Into<Vec<u8>>) -> Self {
        self.inner.input = Input::Bytes(bytes.into());
        self
    }

    /// Stopped after this many milliseconds; without it at the step's deadline.
    #[must_use]
    pub fn timeout_ms(mut self, span: u32) -> Self {
        self.inner.timeout = Some(span);
        self
    }

    /// How it is stopped: the signal (`SIGTERM` without one), and the wait before `SIGKILL`, in milliseconds.
    #[must_use]
    pub fn stop(mut self, signal: Option<&str>, kill_grace_ms: u32) -> Self {
        self.inner.stop_signal = signal.map(str::to_owned);
        self.inner.kill_grace = kill_grace_ms;
        self
    }

    /// How many bytes of standard output come back, at most 1 MiB; all of it goes to the step's logs anyhow.
    #[must_use]
    pub fn capture(mut self, bytes: u32) -> Self {
        self.inner.capture = bytes;
        self
    }

    /// Runs it to its end.
    ///
    /// # Errors
    /// `denied` when not granted, `not-found` for a missing program or directory; nothing ran then. How the program
    /// ended is in the value, whatever its code.
    pub fn run(&self) -> Result<Exit, Error> {
        Ok(wire::run(&self.inner)?)
    }
}
