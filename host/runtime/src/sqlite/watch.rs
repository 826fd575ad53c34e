//! When a step on a database must end: its time, its stop signal, or nobody who waits for it any more.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// Why work is given up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Cut {
    /// Its time is over.
    Late,
    /// It was stopped.
    Stopped,
}

/// Whose time bounds the work.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Bound {
    /// `with.timeout`.
    Own(Duration),
    /// What was left of the step's.
    Step(Duration),
}

/// Looked at by the thread that works, and raised by the task that waits for it.
#[derive(Debug)]
pub(super) struct Watch {
    stopped: AtomicBool,
    bound: Option<Bound>,
    over: Option<Instant>,
}

impl Watch {
    /// From now on; the smaller of both bounds counts.
    pub(super) fn new(own: Option<Duration>, step: Option<Duration>) -> Self {
        let bound = match (own, step) {
            (Some(own), Some(step)) if step <= own => Some(Bound::Step(step)),
            (Some(own), _) => Some(Bound::Own(own)),
            (None, step) => step.map(Bound::Step),
        };
        let over = bound.and_then(|bound| match bound {
            Bound::Own(span) | Bound::Step(span) => Instant::now().checked_add(span),
        });
        Self { stopped: AtomicBool::new(false), bound, over }
    }

    /// When it must be over; none: no bound.
    pub(super) fn over(&self) -> Option<Instant> {
        self.over
    }

    /// Asks for an end.
    pub(super) fn stop(&self) {
        self.stopped.store(true, Ordering::Relaxed);
    }

    /// Whether the work is to be given up.
    pub(super) fn cut(&self) -> Option<Cut> {
        if self.stopped.load(Ordering::Relaxed) {
            return Some(Cut::Stopped);
        }
        self.over.is_some_and(|over| Instant::now() >= over).then_some(Cut::Late)
    }

    /// `what` happened because the time was over, and which setting gives more.
    pub(super) fn late(&self, what: &str) -> String {
        match self.bound {
            Some(Bound::Own(span)) => format!("{what} after {}. Setting: with.timeout", seconds(span)),
            Some(Bound::Step(span)) => {
                format!("{what}: the step's time is over, {} were left. Setting: timeout_sec", seconds(span))
            }
            None => what.to_owned(),
        }
    }
}

fn seconds(span: Duration) -> String {
    format!("{} s", (span.as_secs_f64() * 1000.0).round() / 1000.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_smaller_bound_counts_and_a_stop_before_both() {
        let second = Duration::from_secs(1);
        assert_eq!(Watch::new(None, None).bound, None);
        assert_eq!(Watch::new(Some(second), None).bound, Some(Bound::Own(second)));
        assert_eq!(Watch::new(Some(second), Some(second * 2)).bound, Some(Bound::Own(second)));
        assert_eq!(Watch::new(Some(second * 2), Some(second)).bound, Some(Bound::Step(second)));
        assert_eq!(Watch::new(Some(Duration::MAX), None).over(), None);
        let late = Watch::new(Some(Duration::ZERO), None);
        assert_eq!(late.cut(), Some(Cut::Late));
        late.stop();
        assert_eq!(late.cut(), Some(Cut::Stopped));
        assert_eq!(late.late("it was given up"), "it was given up after 0 s. Setting: with.timeout");
    }
}
