//! The children of a step that expanded: which are over, and what they amount to.

use serde::{Deserialize, Serialize};

use crate::plan::Json;
use crate::run::status::RunStatus;
use crate::time::Timestamp;

/// What a step expanded into.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Expanded {
    /// How many children.
    pub count: u32,
    /// What each of them is made of, opaque to the core: a JSON list, or the digest of a blob that holds it.
    pub items: Json,
}

/// How a child ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChildEnd {
    /// Its place among its siblings, from 0.
    pub child: u32,
    /// Terminal.
    pub status: RunStatus,
    /// What it left, opaque to the core: a JSON object, or the digest of a blob that holds it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub outputs: Option<Json>,
    /// Why it did not succeed, in one sentence.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

/// Children of a waiting step. One byte for each, however many there are: what they left stands in the events.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Children {
    /// What they are made of.
    pub items: Json,
    /// When the step expanded. A child that ended before belongs to an earlier try of the step.
    pub since: Timestamp,
    ends: Vec<Option<RunStatus>>,
    open: u32,
    failed: u32,
}

impl Children {
    pub(super) fn new(into: &Expanded, since: Timestamp) -> Self {
        let count = usize::try_from(into.count).unwrap_or(usize::MAX);
        Self { items: into.items.clone(), since, ends: vec![None; count], open: into.count, failed: 0 }
    }

    /// One of them was stopped before its end, and none did wrong by itself.
    #[must_use]
    pub fn were_stopped(&self) -> bool {
        let has = |status| self.ends.contains(&Some(status));
        has(RunStatus::Aborted) && !has(RunStatus::Failed) && !has(RunStatus::Rejected)
    }

    /// How many there are.
    #[must_use]
    pub fn total(&self) -> u32 {
        u32::try_from(self.ends.len()).unwrap_or(u32::MAX)
    }

    /// How many are not over.
    #[must_use]
    pub fn open(&self) -> u32 {
        self.open
    }

    /// How many are over and did not succeed; a partial success is one.
    #[must_use]
    pub fn failed(&self) -> u32 {
        self.failed
    }

    /// Whether a child is over.
    #[must_use]
    pub fn is_over(&self, child: u32) -> bool {
        self.end(child).is_some()
    }

    /// How a child ended.
    #[must_use]
    pub fn end(&self, child: u32) -> Option<RunStatus> {
        usize::try_from(child).ok().and_then(|at| self.ends.get(at).copied().flatten())
    }

    /// Those that are not over, in order.
    pub fn unfinished(&self) -> impl Iterator<Item = u32> {
        (0u32..).zip(&self.ends).filter(|(_, end)| end.is_none()).map(|(child, _)| child)
    }

    /// Whether it can be counted: it is one of them, it is over now and was not before.
    pub(super) fn takes(&self, end: &ChildEnd) -> bool {
        end.child < self.total() && end.status.is_terminal() && !self.is_over(end.child)
    }

    pub(super) fn count(&mut self, end: &ChildEnd) {
        let Some(held) = usize::try_from(end.child).ok().and_then(|at| self.ends.get_mut(at)) else { return };
        if held.replace(end.status).is_none() {
            self.open = self.open.saturating_sub(1);
            self.failed = self.failed.saturating_add(u32::from(!is_good(end.status)));
        }
    }
}

/// The child did what it should, in part at least.
#[must_use]
pub fn is_good(status: RunStatus) -> bool {
    match status {
        RunStatus::Succeeded | RunStatus::PartiallySucceeded => true,
        RunStatus::Queued
        | RunStatus::Running
        | RunStatus::Waiting
        | RunStatus::Failed
        | RunStatus::Aborted
        | RunStatus::Rejected => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn end(child: u32, status: RunStatus) -> ChildEnd {
        ChildEnd { child, status, outputs: None, error: None }
    }

    #[test]
    fn a_child_is_counted_once_and_none_that_is_not_there() {
        let mut children = Children::new(&Expanded { count: 3, items: Json("[]".into()) }, Timestamp(7));
        assert!(!children.takes(&end(3, RunStatus::Succeeded)));
        assert!(!children.takes(&end(0, RunStatus::Running)));
        for _ in 0..2 {
            children.count(&end(1, RunStatus::Failed));
        }
        children.count(&end(0, RunStatus::PartiallySucceeded));
        assert_eq!((children.total(), children.open(), children.failed()), (3, 1, 1));
        assert!(!children.takes(&end(1, RunStatus::Succeeded)));
        assert_eq!(children.unfinished().collect::<Vec<_>>(), [2]);
        assert_eq!(children.end(1), Some(RunStatus::Failed));
    }
}
