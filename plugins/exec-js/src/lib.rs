//! `script.js`: JavaScript, interpreted inside the sandbox. A script sees its input, the step's environment and a
//! console; it starts no process, opens no file and reaches no network, because the component imports nothing of the kind.
//!
//! | module | holds |
//! |---|---|
//! | `script` | the action: `with` in, outputs out |
//! | `text` | how a text is to be run: as a script, or as the body of a function |
//! | `engine` | the interpreter, with the host's clock and bounds of its own |
//! | `jobs` | what promises leave to be done |
//! | `globals` | what a script finds: `input`, `env`, `output`, `console`, chance and `JSON.parse` |
//! | `fault` | a script's errors, as one sentence with their place |

mod engine;
mod fault;
mod globals;
mod jobs;
mod script;
mod text;

use pintle_guest::prelude::*;

struct ExecJs;

impl Executor for ExecJs {
    fn actions() -> Vec<Action> {
        vec![Action::new::<script::Input>("script.js", "Runs JavaScript in a sandbox.", Repeats::Pure)]
    }

    fn run(task: &Task) -> Result<Progress, Error> {
        match task.action.as_str() {
            "script.js" => script::run(task, &task.input()?),
            _ => Err(task.unknown_action()),
        }
        .map(Progress::from)
    }
}

pintle_guest::export!(ExecJs);

#[cfg(test)]
mod tests;
