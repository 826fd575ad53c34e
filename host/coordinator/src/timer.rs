//! Due times of this home's runs, armed in memory from the rows' own events, and what happens when one comes. A timer
//! that fires twice is refused by `decide`; one that is armed and no longer wanted is too.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::sync::{Mutex, PoisonError};

use pintle_core::ids::RunId;
use pintle_core::plan::StepIndex;
use pintle_core::run::command::StopCause;
use pintle_core::run::{Command, Refusal, StepStatus};
use pintle_core::time::{Span, Timestamp};
use pintle_plane::worker::Notice;
use tokio::sync::Notify;

use crate::error::Error;
use crate::service::Coordinator;

/// A timer that could not be fired, because the store failed, is tried again after this.
const AGAIN: Span = Span(1000);

/// What becomes due.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Due {
    pub(crate) at: Timestamp,
    pub(crate) run: RunId,
    /// None: the run's own time is over.
    pub(crate) step: Option<StepIndex>,
}

/// Armed timers, earliest first.
#[derive(Debug, Default)]
pub(crate) struct Timers {
    heap: Mutex<BinaryHeap<Reverse<Due>>>,
    earlier: Notify,
}

impl Timers {
    /// Arms one, and wakes whoever sleeps towards a later one.
    pub(crate) fn arm(&self, due: Due) {
        let mut heap = self.heap.lock().unwrap_or_else(PoisonError::into_inner);
        let first = heap.peek().is_none_or(|Reverse(head)| due.at < head.at);
        heap.push(Reverse(due));
        drop(heap);
        if first {
            self.earlier.notify_one();
        }
    }

    /// Takes what is due at `now`.
    pub(crate) fn take_due(&self, now: Timestamp) -> Vec<Due> {
        let mut heap = self.heap.lock().unwrap_or_else(PoisonError::into_inner);
        let mut due = Vec::new();
        while heap.peek().is_some_and(|Reverse(head)| head.at <= now) {
            due.extend(heap.pop().map(|Reverse(head)| head));
        }
        due
    }

    /// When the next is due.
    pub(crate) fn next(&self) -> Option<Timestamp> {
        let heap = self.heap.lock().unwrap_or_else(PoisonError::into_inner);
        heap.peek().map(|Reverse(head)| head.at)
    }

    /// Resolves when an earlier timer than before was armed.
    pub(crate) async fn earlier(&self) {
        self.earlier.notified().await;
    }
}

impl Coordinator {
    /// Fires what is due.
    pub(crate) async fn fire(&self) {
        for due in self.timers.take_due(self.now()) {
            let Some(live) = self.live(&due.run) else { continue };
            let mut live = live.lock().await;
            if due.step.is_some_and(|step| live.parents().contains(&step)) {
                self.tending.want(&due.run, None);
                continue;
            }
            if let (Some(_), true, Some(parent)) = (due.step, live.paused, &live.row.parent) {
                self.tending.want(&parent.run, Some((parent.step, parent.child)));
                continue;
            }
            let command = match due.step {
                Some(step) => Command::Due { step },
                // Armed before it waited: that is no part of its time.
                None if live.run.due().is_none_or(|at| at > self.now()) => {
                    if let Some(at) = live.run.due() {
                        self.timers.arm(Due { at, ..due });
                    }
                    continue;
                }
                None => Command::Stop { cause: StopCause::TimedOut, at_once: false },
            };
            match self.drive(&mut live, &command).await {
                Ok(()) => {}
                // It waited for its first start, which a worker makes.
                Err(Error::Refused(Refusal::WrongStepStatus { status: StepStatus::Ready, .. })) => {
                    self.notices.send_all(&Notice::Wake);
                }
                // Fired before, moved, or no longer wanted.
                Err(Error::Refused(Refusal::NotDue(_) | Refusal::WrongStepStatus { .. })) => {}
                Err(Error::Refused(Refusal::WrongRunStatus { .. } | Refusal::AlreadyStopping(_))) => {}
                Err(error) => {
                    tracing::warn!(run = %due.run, %error, "a timer could not be fired; it is tried again");
                    let later = self.now().plus(AGAIN);
                    self.timers.arm(Due { at: later, ..due });
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn timers_come_in_their_order_and_not_before() -> Result<(), Box<dyn std::error::Error>> {
        let timers = Timers::default();
        let run = RunId::new("r")?;
        for at in [30, 10, 20] {
            timers.arm(Due { at: Timestamp(at), run: run.clone(), step: Some(StepIndex(0)) });
        }
        assert_eq!(timers.next(), Some(Timestamp(10)));
        let due: Vec<u64> = timers.take_due(Timestamp(20)).into_iter().map(|d| d.at.0).collect();
        assert_eq!(due, [10, 20]);
        assert!(timers.take_due(Timestamp(29)).is_empty());
        Ok(())
    }
}
