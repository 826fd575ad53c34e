//! When runs of a DAG start, stop or start again by themselves: what its document says, as data.
//!
//! Nothing in here knows a clock, a calendar or a time zone. Instants are computed by `pintle-spec` (its module
//! `schedule`), from these values and an instant that is given.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::time::{Span, Timestamp};

/// All that a document says of schedules.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Scheduling {
    /// In the document's order, each once.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub schedules: Vec<Schedule>,
    /// What becomes of an instant at which the run before is not over.
    #[serde(default, skip_serializing_if = "Overlap::is_skip")]
    pub overlap: Overlap,
    /// How far back missed starts are made up for; none: they are not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub catchup_window: Option<Span>,
    /// No start where a run since the instant before has succeeded.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub skip_if_successful: bool,
}

/// One rule that names instants. Its identity is the DAG's name, `when` and `zone`: another of either is another
/// schedule.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Schedule {
    /// What happens then.
    #[serde(default, skip_serializing_if = "Act::is_start")]
    pub act: Act,
    /// The rule.
    pub when: When,
    /// IANA time zone that the rule is read in; none: that of whoever asks.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub zone: Option<String>,
    /// Only while this runtime profile is chosen.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub profile: Option<String>,
    /// No instant before this one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub first: Option<Edge>,
    /// No instant after this one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last: Option<Edge>,
}

/// What happens at a scheduled instant.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Act {
    /// A run starts.
    #[default]
    Start,
    /// The run is stopped.
    Stop,
    /// The run is stopped, and then one starts.
    Restart,
}

/// A rule that names instants, in its normal form: two ways to write one rule are one value.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum When {
    /// Five fields, or six with seconds before them: numbers, `*`, lists, ranges and steps.
    Cron(String),
    /// At every multiple of this since 1970-01-01T00:00:00Z, whole seconds.
    Every(Span),
    /// Once.
    At(Timestamp),
}

/// Where the instants of a schedule begin, or end; the edge belongs to them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Edge {
    /// A day of the schedule's zone, as `2026-11-01`: from its first instant on, or up to its last.
    Day(String),
    /// An instant.
    At(Timestamp),
}

/// What becomes of an instant at which the run before is not over.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Overlap {
    /// It is left out, with a record of why.
    #[default]
    Skip,
    /// It waits for its turn.
    All,
    /// It waits for its turn, and gives way to a later one.
    Latest,
}

impl Schedule {
    /// A start by a rule, in the zone of whoever asks, without an end.
    #[must_use]
    pub fn starting(when: When) -> Self {
        Self { act: Act::Start, when, zone: None, profile: None, first: None, last: None }
    }
}

impl Act {
    /// As documents and people write it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Start => "start",
            Self::Stop => "stop",
            Self::Restart => "restart",
        }
    }

    fn is_start(&self) -> bool {
        *self == Self::Start
    }
}

impl Overlap {
    fn is_skip(&self) -> bool {
        *self == Self::Skip
    }
}

impl fmt::Display for Act {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
