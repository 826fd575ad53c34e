//! What the host itself knows of a call, whatever the guest says: it outlives the Store.

use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use pintle_plane::BoxFuture;
use pintle_plane::stop::{StopSignal, Urgency};
use tokio::sync::Notify;

/// A panic that the guest's hook wrote down before the trap.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Panic {
    /// `index out of bounds`.
    pub(crate) message: String,
    /// `src/lib.rs:88`.
    pub(crate) place: String,
}

/// The record of one call.
pub(crate) struct Record {
    /// When the call must be over; none: no bound.
    pub(crate) deadline: Option<Instant>,
    outer: Arc<dyn StopSignal>,
    own: AtomicU8,
    raised: Notify,
    effects: AtomicBool,
    grace_ms: AtomicU64,
    panic: Mutex<Option<Panic>>,
}

impl Record {
    /// Of a call that ends at `deadline` and listens to `outer`.
    pub(crate) fn new(deadline: Option<Instant>, outer: Arc<dyn StopSignal>) -> Self {
        Self {
            deadline,
            outer,
            own: AtomicU8::new(0),
            raised: Notify::new(),
            effects: AtomicBool::new(false),
            grace_ms: AtomicU64::new(0),
            panic: Mutex::new(None),
        }
    }

    /// What is left until the deadline; none: no bound.
    pub(crate) fn remaining(&self) -> Option<Duration> {
        self.deadline.map(|deadline| deadline.saturating_duration_since(Instant::now()))
    }

    /// Whether the deadline is behind.
    pub(crate) fn is_over(&self) -> bool {
        self.deadline.is_some_and(|deadline| Instant::now() >= deadline)
    }

    /// The step's own stop signal.
    pub(crate) fn outer(&self) -> &dyn StopSignal {
        &*self.outer
    }

    /// Asks what runs on behalf of the call to stop, because its time is over.
    pub(crate) fn stop_gracefully(&self) {
        self.own.store(1, Ordering::SeqCst);
        self.raised.notify_waiters();
    }

    /// Notes that something outside may have changed; `undo` takes it back when it is known that it has not.
    pub(crate) fn effect(&self) -> Effect<'_> {
        Effect { record: self, before: self.effects.swap(true, Ordering::SeqCst) }
    }

    /// Whether something outside may have changed.
    pub(crate) fn had_effects(&self) -> bool {
        self.effects.load(Ordering::SeqCst)
    }

    /// A program runs, and takes up to `grace` to stop.
    pub(crate) fn program_runs(&self, grace: Option<Duration>) {
        let ms = grace.map_or(0, |grace| u64::try_from(grace.as_millis()).unwrap_or(u64::MAX).max(1));
        self.grace_ms.store(ms, Ordering::SeqCst);
    }

    /// How long a running program takes to stop; none: no program runs.
    pub(crate) fn program_grace(&self) -> Option<Duration> {
        match self.grace_ms.load(Ordering::SeqCst) {
            0 => None,
            ms => Some(Duration::from_millis(ms)),
        }
    }

    /// Takes down a panic; the last one counts.
    pub(crate) fn panicked(&self, panic: Panic) {
        *self.panic.lock().unwrap_or_else(PoisonError::into_inner) = Some(panic);
    }

    /// The panic, if there was one.
    pub(crate) fn panic(&self) -> Option<Panic> {
        self.panic.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl StopSignal for Record {
    fn urgency(&self) -> Urgency {
        let own = if self.own.load(Ordering::SeqCst) > 0 { Urgency::Gracefully } else { Urgency::None };
        own.max(self.outer.urgency())
    }

    fn reached(&self, level: Urgency) -> BoxFuture<'_, ()> {
        Box::pin(async move {
            let outer = self.outer.reached(level);
            let own = async {
                let raised = self.raised.notified();
                tokio::pin!(raised);
                raised.as_mut().enable();
                if self.own.load(Ordering::SeqCst) == 0 {
                    raised.await;
                }
                if level > Urgency::Gracefully {
                    std::future::pending::<()>().await;
                }
            };
            tokio::select! { () = outer => {}, () = own => {} }
        })
    }
}

/// An effect that was begun.
pub(crate) struct Effect<'a> {
    record: &'a Record,
    before: bool,
}

impl Effect<'_> {
    /// It is known that nothing happened.
    pub(crate) fn undo(self) {
        self.record.effects.store(self.before, Ordering::SeqCst);
    }
}

impl Panic {
    /// Reads the line that a guest's panic hook logs: `panicked at src/lib.rs:88:5: message`.
    pub(crate) fn parse(line: &str) -> Self {
        let text = line.strip_prefix("panicked at ").unwrap_or(line);
        let (place, message) = match text.split_once(":\n").or_else(|| text.split_once(": ")) {
            Some((place, message)) => (place, message),
            None => ("", text),
        };
        // The column says little and the line is long enough.
        let place = match place.rsplit_once(':') {
            Some((front, column)) if front.contains(':') && column.bytes().all(|b| b.is_ascii_digit()) => front,
            _ => place,
        };
        Self { message: message.trim().to_owned(), place: place.to_owned() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_line_is_read_in_both_spellings() {
        for line in ["panicked at src/lib.rs:88:5: index: bad", "panicked at src/lib.rs:88:5:\nindex: bad"] {
            let panic = Panic::parse(line);
            assert_eq!((panic.message.as_str(), panic.place.as_str()), ("index: bad", "src/lib.rs:88"));
        }
        assert_eq!(Panic::parse("boom"), Panic { message: "boom".to_owned(), place: String::new() });
    }
}
