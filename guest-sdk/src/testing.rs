//! A fake host: plugins run natively, in a test, against scripted HTTP and processes, files and keys in memory, and
//! a clock that stands still.
//!
//! What a test does not script is not granted: the call answers `denied`, as the real host does for what an operator
//! did not grant. A plugin runs on the thread that calls [`FakeHost::run`].

mod files;
mod inputs;
mod state;
pub(crate) mod wire;

use std::cell::RefCell;
use std::fmt;
use std::rc::Rc;

use serde_json::Value;

use crate::error::Error;
use crate::executor::{Done, Executor, Progress, Task};
use crate::http::Response;
use crate::log::Level;
use state::State;

pub use crate::bindings::pintle::host::http::Request as HttpRequest;
pub use crate::bindings::pintle::host::process::{Command as ProcessCommand, Exit as ProcessExit};
pub use inputs::hold_inputs;

/// A host for one test.
#[derive(Clone, Default)]
pub struct FakeHost {
    state: Rc<RefCell<State>>,
}

impl fmt::Debug for FakeHost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FakeHost").finish_non_exhaustive()
    }
}

/// One line that the plugin logged.
#[derive(Debug, Clone, PartialEq)]
pub struct LogLine {
    /// How bad.
    pub level: Level,
    /// What it said.
    pub message: String,
    /// With which fields.
    pub fields: Vec<(String, String)>,
}

impl FakeHost {
    /// A host that grants nothing; its clock stands at 2026-01-01T00:00:00Z.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    fn with(self, change: impl FnOnce(&mut State)) -> Self {
        change(&mut self.state.borrow_mut());
        self
    }

    /// The clock stands at this instant.
    #[must_use]
    pub fn at(self, unix_ms: u64) -> Self {
        self.with(|state| state.unix_ms = unix_ms)
    }

    /// So much is left until the deadline.
    #[must_use]
    pub fn remaining_ms(self, span: u32) -> Self {
        self.with(|state| state.remaining = span)
    }

    /// The run is being stopped.
    #[must_use]
    pub fn cancelled(self) -> Self {
        self.with(|state| state.cancelled = true)
    }

    /// The plugin's configuration.
    #[must_use]
    pub fn config(self, config: &Value) -> Self {
        self.with(|state| state.config = config.to_string())
    }

    /// Grants HTTP; the function answers each request.
    #[must_use]
    pub fn http(self, answer: impl FnMut(&HttpRequest) -> Result<Response, Error> + 'static) -> Self {
        self.with(|state| state.http = Some(Box::new(answer)))
    }

    /// Grants processes; the function plays each program.
    #[must_use]
    pub fn process(self, play: impl FnMut(&ProcessCommand) -> Result<ProcessExit, Error> + 'static) -> Self {
        self.with(|state| state.process = Some(Box::new(play)))
    }

    /// Grants files below a root of this name.
    #[must_use]
    pub fn root(self, name: &str) -> Self {
        self.with(|state| state.files.add_root(name))
    }

    /// Grants files, with this one in them; its directories are made.
    #[must_use]
    pub fn file(self, path: &str, bytes: impl Into<Vec<u8>>) -> Self {
        self.with(|state| state.files.seed(path, bytes.into()))
    }

    /// Grants keys, with this one among them.
    #[must_use]
    pub fn key(self, key: &str, value: impl Into<Vec<u8>>) -> Self {
        self.with(|state| state.kv.seed(key, value.into()))
    }

    /// A secret that may be revealed.
    #[must_use]
    pub fn secret(self, name: &str, value: &str) -> Self {
        self.with(|state| {
            state.secrets.insert(name.to_owned(), value.to_owned());
        })
    }

    /// Runs a task on this host.
    #[must_use]
    pub fn run<E: Executor>(&self, task: &Task) -> Ended {
        self.enter(|| E::run(task))
    }

    /// Goes on with a task's pending work on this host.
    #[must_use]
    pub fn resume<E: Executor>(&self, task: &Task, token: &str) -> Ended {
        self.enter(|| E::resume(task, token))
    }

    fn enter(&self, call: impl FnOnce() -> Result<Progress, Error>) -> Ended {
        self.state.borrow_mut().forget_output();
        let result = state::enter(&self.state, call);
        let state = self.state.borrow();
        Ended { result, stdout: state.stdout.clone(), stderr: state.stderr.clone(), logs: state.logs.clone() }
    }

    /// The requests that were sent so far.
    #[must_use]
    pub fn requests(&self) -> Vec<HttpRequest> {
        self.state.borrow().requests.clone()
    }

    /// The programs that were started so far.
    #[must_use]
    pub fn commands(&self) -> Vec<ProcessCommand> {
        self.state.borrow().commands.clone()
    }

    /// The bytes of a file as they stand now.
    #[must_use]
    pub fn contents(&self, path: &str) -> Option<Vec<u8>> {
        self.state.borrow().files.contents(path)
    }

    /// The mode of a file as it stands now.
    #[must_use]
    pub fn mode(&self, path: &str) -> Option<u32> {
        self.state.borrow().files.mode(path)
    }

    /// The value of a key as it stands now.
    #[must_use]
    pub fn value(&self, key: &str) -> Option<Vec<u8>> {
        self.state.borrow().kv.value(key)
    }
}

/// How a task ended on a fake host.
#[derive(Debug, Clone)]
pub struct Ended {
    /// What the plugin answered.
    pub result: Result<Progress, Error>,
    stdout: Vec<u8>,
    stderr: Vec<u8>,
    /// What it logged.
    pub logs: Vec<LogLine>,
}

impl Ended {
    /// What it printed.
    #[must_use]
    pub fn stdout(&self) -> String {
        String::from_utf8_lossy(&self.stdout).into_owned()
    }

    /// What it printed to standard error.
    #[must_use]
    pub fn stderr(&self) -> String {
        String::from_utf8_lossy(&self.stderr).into_owned()
    }

    /// The end of the action.
    ///
    /// # Panics
    /// When it did not come to its end.
    #[must_use]
    #[track_caller]
    #[expect(clippy::panic, reason = "a test's assertion")]
    pub fn done(&self) -> &Done {
        match &self.result {
            Ok(Progress::Done(done)) => done,
            other => panic!("the action did not come to its end: {other:?}"),
        }
    }

    /// The error.
    ///
    /// # Panics
    /// When there was none.
    #[must_use]
    #[track_caller]
    #[expect(clippy::panic, reason = "a test's assertion")]
    pub fn error(&self) -> &Error {
        match &self.result {
            Err(error) => error,
            other => panic!("the action did not fail: {other:?}"),
        }
    }

    /// One output of the action; null when there is none of that name.
    ///
    /// # Panics
    /// When the action did not come to its end.
    #[must_use]
    #[track_caller]
    pub fn output(&self, name: &str) -> Value {
        let found = self.done().outputs().iter().find(|(key, _)| key == name);
        found.map(|(_, value)| value.clone()).unwrap_or_default()
    }
}

/// A program's end with this code, having printed nothing.
#[must_use]
pub fn exit(code: i32) -> ProcessExit {
    ProcessExit {
        code: Some(code),
        signal: None,
        timed_out: false,
        stdout: Vec::new(),
        stdout_truncated: false,
        stderr_tail: Vec::new(),
    }
}

/// An answer with this status and body.
#[must_use]
pub fn answer(status: u16, body: impl Into<Vec<u8>>) -> Response {
    Response { status, headers: Vec::new(), body: body.into(), truncated: false }
}
