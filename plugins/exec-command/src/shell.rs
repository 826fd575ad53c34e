//! Which shell runs a step's text, and with which arguments.
//!
//! | the shell is | chosen by |
//! |---|---|
//! | the step's or the DAG's | `shell:` |
//! | otherwise | `PINTLE_DEFAULT_SHELL`, `DAGU_DEFAULT_SHELL`, `$SHELL` if it is one of the Bourne family, `sh` |
//!
//! A shell of the Bourne family gets `-e`, unless the step itself chose the shell; every shell gets `-c TEXT`, or the
//! path of the script.

use pintle_guest::Error;
use pintle_guest::executor::Task;

use crate::invocation::{Invocation, SCRIPT};

/// The family that knows `-e` and clusters of short options.
const BOURNE: [&str; 10] = ["sh", "bash", "dash", "ash", "ksh", "ksh93", "mksh", "yash", "zsh", "rbash"];

/// Variables that name the default shell, as a line of words.
const DEFAULTS: [&str; 2] = ["PINTLE_DEFAULT_SHELL", "DAGU_DEFAULT_SHELL"];

/// A shell, ready to be given text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Shell {
    program: String,
    arguments: Vec<String>,
    explicit: bool,
}

impl Shell {
    /// The shell of a task.
    pub(crate) fn choose(task: &Task, given: Option<Vec<String>>, explicit: bool) -> Result<Self, Error> {
        let words = given.filter(|words| !words.is_empty()).unwrap_or_else(|| default_words(task)).into_iter();
        let mut words = words.skip_while(String::is_empty);
        let program = words.next().ok_or_else(|| Error::invalid("`shell` is empty: name a program, such as `bash`"))?;
        let shell = Self { program, arguments: words.collect(), explicit };
        shell.refuse_carriers()?;
        Ok(shell)
    }

    fn is_bourne(&self) -> bool {
        let name = self.program.rsplit('/').next().unwrap_or_default();
        BOURNE.contains(&name)
    }

    /// The text's own `-c` is added here: a second one would take the text for its name.
    fn refuse_carriers(&self) -> Result<(), Error> {
        let carries = |token: &&String| {
            let Some(letters) = token.strip_prefix('-').filter(|rest| !rest.starts_with('-')) else { return false };
            let letters = letters.split('=').next().unwrap_or_default();
            if self.is_bourne() { letters.contains('c') } else { letters.starts_with('c') }
        };
        match self.arguments.iter().find(carries) {
            Some(token) => Err(Error::invalid(format!(
                "`{token}` among the arguments of shell `{}` would take the step's text: leave it out, `-c` is added",
                self.program
            ))),
            None => Ok(()),
        }
    }

    fn with(&self, rest: &[&str]) -> Vec<String> {
        let stop_at_errors = (self.is_bourne() && !self.explicit).then(|| "-e".to_owned());
        let added = rest.iter().map(|&word| word.to_owned());
        self.arguments.iter().cloned().chain(stop_at_errors).chain(added).collect()
    }

    /// A single line. A line break that came in by a reference is refused: what follows it would be run as a command
    /// of its own.
    pub(crate) fn command(&self, text: &str) -> Result<Invocation, Error> {
        if text.contains(['\n', '\r']) {
            return Err(Error::invalid(
                "the command contains a line break once its references are resolved: write it as a script of several \
                 lines, or pass the value by the environment",
            ));
        }
        Ok(Invocation { program: self.program.clone(), arguments: self.with(&["-c", text]), script: None })
    }

    /// Several lines, in a file. One that begins with `#!` is a program by itself, unless the step chose the shell.
    pub(crate) fn script(&self, text: &str) -> Invocation {
        let script = Some(text.to_owned());
        if text.starts_with("#!") && !self.explicit {
            return Invocation { program: SCRIPT.to_owned(), arguments: Vec::new(), script };
        }
        Invocation { program: self.program.clone(), arguments: self.with(&[SCRIPT]), script }
    }
}

fn default_words(task: &Task) -> Vec<String> {
    let named = DEFAULTS.iter().filter_map(|name| task.env_var(name)).find(|line| !line.trim().is_empty());
    if let Some(line) = named {
        return line.split_whitespace().map(str::to_owned).collect();
    }
    let of_user = task.env_var("SHELL").filter(|path| {
        let name = path.rsplit('/').next().unwrap_or_default();
        BOURNE.contains(&name)
    });
    vec![of_user.unwrap_or("sh").to_owned()]
}
