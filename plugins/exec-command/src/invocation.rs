//! One program to start.

use std::fmt;

use pintle_guest::executor::Task;
use pintle_guest::process::Command;

/// What the host puts the script's path in place of.
pub(crate) const SCRIPT: &str = "{script}";

/// Program, arguments and script.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Invocation {
    pub(crate) program: String,
    pub(crate) arguments: Vec<String>,
    pub(crate) script: Option<String>,
}

impl Invocation {
    /// In the task's directory, with the task's environment.
    pub(crate) fn to_process(&self, task: &Task) -> Command {
        let command =
            Command::new(&self.program).args(&self.arguments).env(&task.env).working_dir(task.working_dir.as_deref());
        match &self.script {
            Some(text) => command.script(text),
            None => command,
        }
    }
}

/// As a person would type it.
impl fmt::Display for Invocation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&quoted(&self.program))?;
        self.arguments.iter().try_for_each(|argument| write!(f, " {}", quoted(argument)))
    }
}

fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./:=@%+,{}".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', r"'\''"))
    }
}
