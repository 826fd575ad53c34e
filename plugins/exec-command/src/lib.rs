//! `run` and `exec`: native programs on the worker's machine.
//!
//! This plugin decides which program runs with which arguments; the host starts it, streams what it prints into the
//! step's logs, and stops its process group. A program that ends with a failure is a result, not an error: whether it
//! fails the step is the step's to say (`continue_on`, `retry_policy`).

mod invocation;
mod shell;

use pintle_guest::prelude::*;
use pintle_guest::process::{self, Exit};

use invocation::Invocation;
use shell::Shell;

/// What `pintle-spec` makes of a `run:` step, with its references resolved.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Run {
    /// What is run.
    body: Body,
    /// Program and arguments of the shell; without it the default shell.
    #[serde(default)]
    shell: Option<Vec<String>>,
    /// The step itself chose the shell: nothing is added to its arguments, and a script's `#!` line does not count.
    #[serde(default)]
    shell_explicit: bool,
    #[serde(flatten)]
    stop: Stop,
}

/// The forms of `run:`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum Body {
    /// One line.
    Command(String),
    /// Several lines, in a file.
    Script(String),
    /// Lines in order, each in a fresh shell, up to the first that fails.
    Commands(Vec<String>),
}

/// `exec:` a program, without a shell.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Exec {
    /// Name of the program, looked up in the step's `PATH`, or its path.
    command: String,
    /// Its arguments, passed on as they are.
    #[serde(default)]
    args: Vec<Argument>,
    #[serde(flatten)]
    stop: Stop,
}

/// An argument: text, or a scalar that is written as text.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(untagged, expecting = "expected text, a number or a truth value")]
enum Argument {
    /// As it is.
    Text(String),
    /// `8080`.
    Integer(i64),
    /// `0.5`.
    Number(f64),
    /// `true` or `false`.
    Boolean(bool),
}

impl Argument {
    fn into_text(self) -> String {
        match self {
            Self::Text(text) => text,
            Self::Integer(number) => number.to_string(),
            Self::Number(number) => number.to_string(),
            Self::Boolean(truth) => truth.to_string(),
        }
    }
}

/// How a program is stopped.
#[derive(Debug, Default, Deserialize, JsonSchema)]
struct Stop {
    /// Milliseconds between the stop signal and `SIGKILL`.
    #[serde(default = "kill_grace")]
    kill_grace_ms: u32,
    /// Sent first; `SIGTERM` without it.
    #[serde(default)]
    stop_signal: Option<String>,
}

fn kill_grace() -> u32 {
    process::KILL_GRACE_MS
}

struct ExecCommand;

impl Executor for ExecCommand {
    fn actions() -> Vec<Action> {
        vec![
            Action::new::<Run>(
                "run",
                "Runs a command, a script or a list of commands in a shell.",
                Repeats::UnsafeToRepeat,
            ),
            Action::new::<Exec>("exec", "Runs a program with arguments, without a shell.", Repeats::UnsafeToRepeat),
        ]
    }

    fn run(task: &Task) -> Result<Progress, Error> {
        match task.action.as_str() {
            "run" => run(task, task.input()?),
            "exec" => exec(task, task.input()?),
            _ => Err(task.unknown_action()),
        }
    }
}

pintle_guest::export!(ExecCommand);

fn run(task: &Task, run: Run) -> Result<Progress, Error> {
    let shell = Shell::choose(task, run.shell, run.shell_explicit)?;
    let invocations = match run.body {
        Body::Command(text) => vec![shell.command(&text)?],
        Body::Script(text) => vec![shell.script(&text)],
        Body::Commands(lines) => {
            let numbered = lines.iter().zip(1..);
            let each = numbered.map(|(text, n): (_, u32)| {
                shell.command(text).map_err(|error| error.context(format_args!("command {n} of {}", lines.len())))
            });
            each.collect::<Result<_, _>>()?
        }
    };
    perform(task, &invocations, &run.stop)
}

fn exec(task: &Task, exec: Exec) -> Result<Progress, Error> {
    if exec.command.is_empty() {
        return Err(Error::invalid("`with.command` is empty: name the program to run"));
    }
    let arguments = exec.args.into_iter().map(Argument::into_text).collect();
    perform(task, &[Invocation { program: exec.command, arguments, script: None }], &exec.stop)
}

/// Runs each up to the first that fails; its exit code is the step's.
fn perform(task: &Task, invocations: &[Invocation], stop: &Stop) -> Result<Progress, Error> {
    if task.is_dry_run() {
        invocations.iter().for_each(|one| output::print(&format!("would run: {one}\n")));
        return Ok(Done::new().into());
    }
    let mut code = 0;
    for invocation in invocations {
        call::check()?;
        let exit = invocation.to_process(task).stop(stop.stop_signal.as_deref(), stop.kill_grace_ms).run()?;
        code = exit_code(&exit);
        if code != 0 {
            break;
        }
    }
    Ok(Done::new().exit_code(code).into())
}

/// As a shell tells it: the code, 124 after a timeout, 128 + n after signal n.
fn exit_code(exit: &Exit) -> i32 {
    match (exit.timed_out, exit.code, exit.signal.as_deref()) {
        (true, ..) => 124,
        (false, Some(code), _) => code,
        (false, None, signal) => 128 + signal.and_then(signal_number).unwrap_or(0),
    }
}

fn signal_number(name: &str) -> Option<i32> {
    Some(match name.strip_prefix("SIG").unwrap_or(name) {
        "HUP" => 1,
        "INT" => 2,
        "QUIT" => 3,
        "ILL" => 4,
        "TRAP" => 5,
        "ABRT" => 6,
        "BUS" => 7,
        "FPE" => 8,
        "KILL" => 9,
        "USR1" => 10,
        "SEGV" => 11,
        "USR2" => 12,
        "PIPE" => 13,
        "ALRM" => 14,
        "TERM" => 15,
        "XCPU" => 24,
        "XFSZ" => 25,
        "SYS" => 31,
        _ => return None,
    })
}

#[cfg(test)]
#[expect(clippy::expect_used, clippy::indexing_slicing, reason = "a test fails by panicking")]
mod tests;
