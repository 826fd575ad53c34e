//! How a command ends: the exit codes (decision 31), and errors that know theirs.

use std::fmt;
use std::process::ExitCode;

/// How a command ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Exit {
    /// It succeeded, or what it ran waits for people only.
    Success,
    /// What it ran failed, or what it was given is not valid.
    Failed,
    /// It was called in a way that it does not know.
    Usage,
    /// What it was to work on belongs to somebody else.
    Refused,
    /// It was interrupted.
    Interrupted,
}

impl Exit {
    /// As the shell sees it.
    pub(crate) const fn code(self) -> u8 {
        match self {
            Self::Success => 0,
            Self::Failed => 1,
            Self::Usage => 2,
            Self::Refused => 3,
            Self::Interrupted => 130,
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit.code())
    }
}

/// An error that ends the command with another code than [`Exit::Failed`].
#[derive(Debug)]
pub(crate) struct Failure {
    exit: Exit,
    message: String,
}

impl Failure {
    /// Called in a wrong way.
    pub(crate) fn usage(message: impl Into<String>) -> anyhow::Error {
        Self { exit: Exit::Usage, message: message.into() }.into()
    }

    /// Owned by somebody else.
    pub(crate) fn refused(message: impl Into<String>) -> anyhow::Error {
        Self { exit: Exit::Refused, message: message.into() }.into()
    }

    /// It was told to leave, and could not do so in order.
    pub(crate) fn interrupted(message: impl Into<String>) -> anyhow::Error {
        Self { exit: Exit::Interrupted, message: message.into() }.into()
    }

    /// How a command ends that ended with `error`.
    pub(crate) fn exit_of(error: &anyhow::Error) -> Exit {
        error.downcast_ref::<Self>().map_or(Exit::Failed, |failure| failure.exit)
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Failure {}

/// One sentence: the error, and what lies below it, once each.
pub(crate) fn sentence(error: &anyhow::Error) -> String {
    let mut said = String::new();
    for cause in error.chain() {
        let text = cause.to_string();
        let text = text.trim_end_matches('.');
        if said.is_empty() {
            said.push_str(text);
        } else if !text.is_empty() && !said.contains(text) {
            said.push_str(": ");
            said.push_str(text);
        }
    }
    said
}

#[cfg(test)]
mod tests {
    use anyhow::Context as _;

    use super::*;

    #[test]
    fn exit_codes_are_those_of_the_manual() {
        let all = [Exit::Success, Exit::Failed, Exit::Usage, Exit::Refused, Exit::Interrupted];
        assert_eq!(all.map(Exit::code), [0, 1, 2, 3, 130]);
    }

    #[test]
    fn an_error_keeps_its_exit_code_under_context() {
        let error = Failure::refused("run r1 belongs to process 7");
        let wrapped = Err::<(), _>(error).context("cannot retry");
        assert!(wrapped.is_err_and(|e| Failure::exit_of(&e) == Exit::Refused));
        assert_eq!(Failure::exit_of(&anyhow::anyhow!("x")), Exit::Failed);
    }

    #[test]
    fn a_cause_is_said_once() {
        let error = anyhow::anyhow!("disk full").context("cannot write `a`").context("cannot write `a`: disk full.");
        assert_eq!(sentence(&error), "cannot write `a`: disk full");
    }
}
