//! One decision, one transaction; and the one loop that all decisions go through: load, decide, commit, and again if
//! somebody else appended first.
//!
//! A [`Batch`] decides commands one after another on a live run, folding each into it, and commits all that came of it
//! at once: a report's settles, the readiness of the steps behind them and the next claims are one append. From the
//! first event on the fold is ahead of the store: the run is marked stale, and unless the commit succeeds it is loaded
//! anew before the next decision.

use std::collections::BTreeSet;

use pintle_core::counter::Version;
use pintle_core::ids::{Digest, TenantId};
use pintle_core::plan::StepIndex;
use pintle_core::run::event::{Again, Body};
use pintle_core::run::{Command, Effect, Event, Refusal, StepState, decide};
use pintle_core::time::Timestamp;
use pintle_plane::stop::Urgency;
use pintle_plane::worker::{ClaimId, Notice};
use pintle_store::{CommitError, Durability, Store, TimerChange, TimerKind, Txn};

use crate::error::Error;
use crate::live::Live;
use crate::service::Coordinator;
use crate::timer::Due;

/// A decision is made so often while other processes append first.
const CONTENTION: usize = 16;

pub(crate) struct Batch<'a> {
    pub(crate) live: &'a mut Live,
    /// The process that the run belongs to lives.
    pub(crate) home_lives: bool,
    pub(crate) at: Timestamp,
    expected: Version,
    events: Vec<Event>,
    effects: Vec<Effect>,
    touched: BTreeSet<StepIndex>,
    /// The run's row is written although nothing happened.
    row_too: bool,
    /// Steps that waited for a time, and may have gone on since.
    waited: BTreeSet<StepIndex>,
}

/// What came of a committed batch.
#[derive(Debug, Default)]
pub(crate) struct Committed {
    pub(crate) version: Version,
    pub(crate) effects: Vec<Effect>,
}

impl<'a> Batch<'a> {
    /// A batch of the process that the run belongs to.
    pub(crate) fn new(live: &'a mut Live, at: Timestamp) -> Self {
        let expected = live.run.head.version;
        let (touched, waited) = (BTreeSet::new(), BTreeSet::new());
        let (events, effects) = (Vec::new(), Vec::new());
        Self { live, home_lives: true, at, expected, events, effects, touched, waited, row_too: false }
    }

    /// The row is kept as it stands here also if nothing happens to the run.
    pub(crate) fn keep_row(&mut self) {
        self.live.stale = true;
        self.row_too = true;
    }

    /// Decides one command. A refusal changes nothing.
    pub(crate) fn command(&mut self, command: Command) -> Result<(), Error> {
        let events = decide(&self.live.run, command, self.at)?;
        for event in events {
            // Whatever drops this batch before it is committed (a later refusal, a future that nobody polls any more)
            // must not leave a fold behind that is trusted.
            self.live.stale = true;
            let waits = |index: &StepIndex| self.live.run.step(*index).is_some_and(StepState::awaits_time);
            self.waited.extend(event.body.step().filter(waits));
            let effects = self.live.fold(&event)?;
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
        if self.events.is_empty() && !self.row_too {
            return Ok(Committed { version: self.expected, effects: self.effects });
        }
        let whole =
            plan.is_some() || self.events.iter().any(|e| matches!(e.body, Body::Retried { .. } | Body::Rewound { .. }));
        let rows: Vec<_> = if whole {
            self.live.run.plan.indexed().filter_map(|(i, _)| self.live.step_row(i)).collect()
        } else {
            self.touched.iter().filter_map(|i| self.live.step_row(*i)).collect()
        };
        let txn = Txn {
            run: self.live.run.id.clone(),
            tenant: tenant.clone(),
            expected: self.expected,
            timers: timers(self.live, (&self.events, &self.effects), &self.waited),
            events: self.events.clone(),
            run_row: self.live.run_row(),
            step_rows: rows,
            plan,
            durable: Durability::Mode,
        };
        let answer = store.commit(vec![txn]).await.into_iter().next();
        let stopped = || pintle_store::Error::Stopped { reason: "it gave no answer to a commit".to_owned() };
        let version = answer.unwrap_or_else(|| Err(CommitError::Store(stopped())))?;
        self.live.stale = false;
        self.live.stored = version;
        self.live.announce(&self.events);
        Ok(Committed { version, effects: self.effects })
    }
}

impl Coordinator {
    /// Decides on a run and commits that. While other processes append first, `decide` is asked anew about the run as
    /// it then stands. What the events ask for is handed back with what `decide` said, for the caller to perform.
    pub(crate) async fn commit<T>(
        &self,
        live: &mut Live,
        mut decide: impl FnMut(&mut Batch<'_>) -> Result<T, Error>,
    ) -> Result<(T, Committed), Error> {
        for _ in 0..CONTENTION {
            self.refresh(live).await?;
            let home_lives = self.is_home_of(live) || self.home_lives(live).await?;
            let mut batch = Batch { home_lives, ..Batch::new(live, self.now()) };
            let said = decide(&mut batch)?;
            match batch.commit(&*self.store, &self.options.tenant, None).await {
                Ok(committed) => return Ok((said, committed)),
                Err(CommitError::Store(error)) => return Err(error.into()),
                Err(
                    CommitError::VersionConflict { .. }
                    | CommitError::DuplicateRun { .. }
                    | CommitError::StaleFence { .. },
                ) => {}
            }
        }
        Err(Error::Contended(live.run.id.clone()))
    }

    /// Commits one command on a run of this home, and performs what it asks for.
    pub(crate) async fn drive(&self, live: &mut Live, command: &Command) -> Result<(), Error> {
        let ((), committed) = self.commit(live, |batch| batch.command(command.clone())).await?;
        self.perform(live, &committed.effects);
        Ok(())
    }

    /// Loads a run anew if its last commit failed. What others appended to a run of this home is performed here.
    pub(crate) async fn refresh(&self, live: &mut Live) -> Result<(), Error> {
        if !live.stale {
            return Ok(());
        }
        let id = live.run.id.clone();
        let stored = self.store.load(&id).await?.ok_or(Error::NoSuchRun(id))?;
        let missed = live.reload(stored)?;
        live.announce(&missed);
        live.answered |= missed.iter().any(|event| matches!(event.body, Body::StepAnswered { .. }));
        if self.is_home_of(live) {
            for event in &missed {
                self.perform(live, &pintle_core::run::effects(&live.run, event));
            }
        }
        Ok(())
    }

    /// Does what events ask for.
    pub(crate) fn perform(&self, live: &Live, effects: &[Effect]) {
        let run = &live.run.id;
        if let Some(parent) = live.row.parent.as_ref().filter(|_| !live.paused && live.run.is_paused()) {
            self.tending.want(&parent.run, Some((parent.step, parent.child)));
        }
        for effect in effects {
            match effect {
                Effect::Wake(_) => self.notices.send_all(&Notice::Wake),
                Effect::Stop { step, fence, at_once } => {
                    let claim = ClaimId { run: run.clone(), step: *step, fence: *fence };
                    let urgency = if *at_once { Urgency::AtOnce } else { Urgency::Gracefully };
                    self.notices.send_all(&Notice::Stop(claim, urgency));
                }
                Effect::StepTimer { step, due } => {
                    self.timers.arm(Due { at: *due, run: run.clone(), step: Some(*step) });
                }
                Effect::RunTimer { due } => {
                    self.timers.arm(Due { at: *due, run: run.clone(), step: None });
                }
                // The worker kills what is left of an old claim before it performs the next; a timer that is not
                // wanted any more is refused.
                Effect::Recover { .. } | Effect::ClearTimers => {}
                Effect::Children(_) => self.tending.want(run, None),
                Effect::Settled(_) => {
                    if let Some(parent) = &live.row.parent {
                        self.tending.want(&parent.run, Some((parent.step, parent.child)));
                    }
                }
            }
        }
    }
}

/// Rows for what must become due, from the same events as the effects that arm it in memory.
fn timers(live: &Live, (events, effects): (&[Event], &[Effect]), waited: &BTreeSet<StepIndex>) -> Vec<TimerChange> {
    let over = |step: &StepIndex| TimerChange::Clear { step: Some(*step), kind: TimerKind::Wait };
    let mut changes: Vec<TimerChange> = waited.iter().map(over).collect();
    for event in events {
        match &event.body {
            Body::StepRetrying { step, due, again, .. } => {
                changes.push(TimerChange::Set { step: Some(*step), kind: kind(*again), due: *due });
            }
            Body::StepAsked { step, due: Some(due), .. } => {
                changes.push(TimerChange::Set { step: Some(*step), kind: TimerKind::Timeout, due: *due });
            }
            Body::StepLater { step, due, .. } => {
                changes.push(TimerChange::Set { step: Some(*step), kind: TimerKind::Wait, due: *due });
            }
            Body::StepReady { step } | Body::StepEnded { step, .. } => {
                if live.run.plan.step(*step).is_some_and(|s| s.action.task().is_some() && s.timeout.is_some()) {
                    changes.push(TimerChange::Clear { step: Some(*step), kind: TimerKind::Timeout });
                }
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
            | Body::StepExpanded { .. }
            | Body::ChildrenEnded { .. }
            | Body::ChildrenMoved { .. }
            | Body::StepAsked { .. }
            | Body::StepAnswered { .. }
            | Body::Rewound { .. }
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
        | Effect::Children(_)
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

#[cfg(test)]
mod tests;
