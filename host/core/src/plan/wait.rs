//! Waiting for a time: a step that does nothing, for a while.
//!
//! Its worker only looks at its preconditions. Then it waits without slot or lease, for a due time that is kept as a row,
//! and is over when that has come.

use serde::{Deserialize, Serialize};

use super::Template;

/// What a step waits for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Wait {
    /// `wait.duration`: a length of time, such as `1m30s`.
    Duration(Template),
    /// `wait.until`: an instant, as RFC 3339 has it. One that is past is not waited for.
    Until(Template),
}

impl Wait {
    /// The action's name.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Duration(_) => "wait.duration",
            Self::Until(_) => "wait.until",
        }
    }

    /// The one field of its `with`.
    #[must_use]
    pub fn field(&self) -> &'static str {
        match self {
            Self::Duration(_) => "duration",
            Self::Until(_) => "until",
        }
    }

    /// What was written there.
    #[must_use]
    pub fn text(&self) -> &Template {
        match self {
            Self::Duration(text) | Self::Until(text) => text,
        }
    }
}
