//! One decision, one transaction.
//!
//! A [`Batch`] decides commands one after another on a live run, folding each into it, and commits all that came of it
//! at once: a report's settles, the readiness of the steps behind them and the next claims are one append. If the
//! commit fails the fold is ahead of the store; it is marked stale and loaded anew before the next decision.

use std::collections::BTreeSet;

use pintle_core::counter::Version;
use pintle_core::ids::{Digest, TenantId};
use pintle_core::plan::StepIndex;
use pintle_core::run::event::{Again, Body};
use pintle_core::run::{Command, Effect, Event, Refusal, decide};
use pintle_core::time::Timestamp;
use pintle_store::{CommitError, Durability, Store, TimerChange, TimerKind, Txn};

use crate::error::Error;
use crate::live::Live;

pub(crate) struct Batch<'a> {
    pub(crate) live: &'a mut Live,
    at: Timestamp,
    expected: Version,
    events: Vec<Event>,
    effects: Vec<Effect>,
    touched: BTreeSet<StepIndex>,
}

/// What came of a committed batch.
#[derive(Debug, Default)]
pub(crate) struct Committed {
    pub(crate) version: Version,
    pub(crate) effects: Vec<Effect>,
}

impl<'a> Batch<'a> {
    pub(crate) fn new(live: &'a mut Live, at: Timestamp) -> Self {
        let expected = live.run.head.version;
        Self { live, at, expected, events: Vec::new(), effects: Vec::new(), touched: BTreeSet::new() }
    }

    /// Decides one command. A refusal changes nothing.
    pub(crate) fn command(&mut self, command: Command) -> Result<(), Error> {
        let events = decide(&self.live.run, command, self.at)?;
        for event in events {
            // A fold that refuses its own decision leaves the live run half-way: it must be loaded anew.
            let effects = self.live.fold(&event).inspect_err(|_| self.live.stale = true)?;
            self.effects.extend(effects);
            self.touched.extend(event.body.step());
            self.events.push(event);
        }
        Ok(())
    }

    /// As [`Batch::command`], telling a refusal from a failure.
    pub(crate) fn attempt(&mut self, command: Command) -> Result<Result<(), Refusal>, Error> {
        match self.command(command) {
            Ok(()) => Ok(Ok(())),
            Err(Error::Refused(refusal)) => Ok(Err(refusal)),
            Err(other) => Err(other),
        }
    }

    /// Commits what was decided; nothing was, nothing is written.
    pub(crate) async fn commit(
        self,
        store: &dyn Store,
        tenant: &TenantId,
        plan: Option<(Digest, String)>,
    ) -> Result<Committed, CommitError> {
        if self.events.is_empty() {
            return Ok(Committed { version: self.expected, effects: self.effects });
        }
        let whole = plan.is_some() || self.events.iter().any(|e| matches!(e.body, Body::Retried { .. }));
        let rows: Vec<_> = if whole {
            self.live.run.plan.indexed().filter_map(|(i, _)| self.live.step_row(i)).collect()
        } else {
            self.touched.iter().filter_map(|i| self.live.step_row(*i)).collect()
        };
        let txn = Txn {
            run: self.live.run.id.clone(),
            tenant: tenant.clone(),
            expected: self.expected,
            timers: timers(self.live, &self.events, &self.effects),
            events: self.events.clone(),
            run_row: self.live.run_row(),
            step_rows: rows,
            plan,
            durable: Durability::Mode,
        };
        // Until the answer is there the fold is ahead of the store: a dropped future must not leave it trusted.
        self.live.stale = true;
        let answer = store.commit(vec![txn]).await.into_iter().next();
        let stopped = || pintle_store::Error::Stopped { reason: "it gave no answer to a commit".to_owned() };
        let version = answer.unwrap_or_else(|| Err(CommitError::Store(stopped())))?;
        self.live.stale = false;
        self.live.announce(&self.events);
        Ok(Committed { version, effects: self.effects })
    }
}

/// Rows for what must become due, from the same events as the effects that arm it in memory.
fn timers(live: &Live, events: &[Event], effects: &[Effect]) -> Vec<TimerChange> {
    let mut changes = Vec::new();
    for event in events {
        match &event.body {
            Body::StepRetrying { step, due, again, .. } => {
                changes.push(TimerChange::Set { step: Some(*step), kind: kind(*again), due: *due });
            }
            Body::StepReady { step } | Body::StepEnded { step, .. } => {
                // A step that never waited has no timer to clear.
                if live.run.plan.step(*step).is_some_and(|s| s.retry.is_some() || s.repeat.is_some()) {
                    for kind in [TimerKind::Retry, TimerKind::Repeat] {
                        changes.push(TimerChange::Clear { step: Some(*step), kind });
                    }
                }
            }
            Body::Finished { .. } if live.run.plan.timeout.is_some() => {
                changes.push(TimerChange::Clear { step: None, kind: TimerKind::Timeout });
            }
            Body::Submitted(_)
            | Body::Started
            | Body::StepClaimed { .. }
            | Body::StepGivenBack { .. }
            | Body::StepLost { .. }
            | Body::StepWaiting { .. }
            | Body::StopRequested { .. }
            | Body::Waiting { .. }
            | Body::Resumed
            | Body::Concluded { .. }
            | Body::Finished { .. }
            | Body::Retried { .. } => {}
        }
    }
    changes.extend(effects.iter().filter_map(|effect| match effect {
        Effect::RunTimer { due } => Some(TimerChange::Set { step: None, kind: TimerKind::Timeout, due: *due }),
        Effect::Wake(_)
        | Effect::Stop { .. }
        | Effect::StepTimer { .. }
        | Effect::ClearTimers
        | Effect::Recover { .. }
        | Effect::Settled(_) => None,
    }));
    changes
}

fn kind(again: Again) -> TimerKind {
    match again {
        Again::Retry => TimerKind::Retry,
        Again::Repeat => TimerKind::Repeat,
    }
}
