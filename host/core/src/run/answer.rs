//! What a person answers to what a step asks. What follows from it stands in `ask`.
//!
//! The first answer counts: a second one is refused, for the question is gone with the first. An answer is recorded
//! wherever it is given, also where nobody works on the run any more; whoever goes on with the run finds it in its log.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::limits::{MAX_ANSWER, MAX_INLINE};
use crate::plan::Json;
use crate::time::Timestamp;

/// What a person says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Answer {
    /// A task is done.
    Complete {
        /// Outputs of the step: name and JSON value.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        values: Vec<(String, Json)>,
        /// Taken by an open form, and no outputs.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        others: Vec<(String, Json)>,
    },
    /// What the step did is good.
    Approve {
        /// Variables of the steps behind it.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        inputs: Vec<(String, String)>,
    },
    /// It is not, and that is final.
    Reject {
        /// Why, for people.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reason: Option<String>,
    },
    /// It is not, and is to be done again.
    PushBack {
        /// Variables of the steps that run again.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        inputs: Vec<(String, String)>,
        /// Why, for people.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reason: Option<String>,
    },
}

/// An answer that was given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answered {
    /// Who.
    pub by: String,
    /// When.
    pub at: Timestamp,
    /// What.
    pub answer: Answer,
}

/// What an answer makes of a step, in words that follow "it was" or "it cannot be".
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// The task is done.
    Completed,
    /// It is good.
    Approved,
    /// It is not.
    Rejected,
    /// It is done again.
    PushedBack,
}

impl Answer {
    /// What it makes of the step.
    #[must_use]
    pub fn verdict(&self) -> Verdict {
        match self {
            Self::Complete { .. } => Verdict::Completed,
            Self::Approve { .. } => Verdict::Approved,
            Self::Reject { .. } => Verdict::Rejected,
            Self::PushBack { .. } => Verdict::PushedBack,
        }
    }

    /// Bytes of names and values, and how many there may be.
    pub(super) fn weight(&self) -> (usize, usize) {
        let json = |all: &[(String, Json)]| -> usize { all.iter().map(|(name, json)| name.len() + json.0.len()).sum() };
        let text = |all: &[(String, String)]| -> usize { all.iter().map(|(name, text)| name.len() + text.len()).sum() };
        let reason = |reason: &Option<String>| reason.as_ref().map_or(0, String::len);
        match self {
            Self::Complete { values, others } => (json(values) + json(others), MAX_INLINE),
            Self::Approve { inputs } => (text(inputs), MAX_ANSWER),
            Self::Reject { reason: why } => (reason(why), MAX_ANSWER),
            Self::PushBack { inputs, reason: why } => (text(inputs) + reason(why), MAX_ANSWER),
        }
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Completed => "completed",
            Self::Approved => "approved",
            Self::Rejected => "rejected",
            Self::PushedBack => "pushed back",
        })
    }
}
