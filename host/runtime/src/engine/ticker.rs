//! One thread that moves the epochs of every engine, so that a guest which never calls the host can still be stopped.
//!
//! It is parked while nothing runs: an idle host costs nothing. It lingers for a while after the last call, so that
//! short calls in a row do not pay for waking it.

use std::io;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::thread::Thread;
use std::time::Duration;

use wasmtime::EngineWeak;

/// Length of one epoch.
pub(crate) const TICK: Duration = Duration::from_millis(10);
/// Ticks after the last call before the thread parks.
const LINGER: u32 = 20;

#[derive(Default)]
struct Shared {
    engines: Mutex<Vec<EngineWeak>>,
    running: AtomicUsize,
    parked: AtomicBool,
    closed: AtomicBool,
    thread: OnceLock<Thread>,
}

/// The ticker of a group of engines.
#[derive(Default)]
pub(crate) struct Ticker {
    shared: Arc<Shared>,
    starting: Mutex<()>,
}

/// Epochs move while one of these lives.
pub(crate) struct Ticking(Arc<Shared>);

impl Ticker {
    /// Ticks this engine too, for as long as it lives.
    pub(crate) fn register(&self, engine: &wasmtime::Engine) {
        let mut engines = self.shared.engines.lock().unwrap_or_else(PoisonError::into_inner);
        engines.push(engine.weak());
    }

    /// Keeps the epochs moving until the guard is dropped. Starts the thread with the first call.
    pub(crate) fn enter(&self) -> io::Result<Ticking> {
        self.started()?;
        self.shared.running.fetch_add(1, Ordering::SeqCst);
        if self.shared.parked.load(Ordering::SeqCst)
            && let Some(thread) = self.shared.thread.get()
        {
            thread.unpark();
        }
        Ok(Ticking(Arc::clone(&self.shared)))
    }

    fn started(&self) -> io::Result<()> {
        if self.shared.thread.get().is_some() {
            return Ok(());
        }
        let _one = self.starting.lock().unwrap_or_else(PoisonError::into_inner);
        if self.shared.thread.get().is_none() {
            let shared = Arc::clone(&self.shared);
            let spawned = std::thread::Builder::new().name("pintle-ticker".to_owned()).spawn(move || run(&shared))?;
            // Only this place sets it, under the lock.
            let _ = self.shared.thread.set(spawned.thread().clone());
        }
        Ok(())
    }

    #[cfg(test)]
    pub(crate) fn is_parked(&self) -> bool {
        self.shared.parked.load(Ordering::SeqCst)
    }
}

impl Drop for Ticker {
    fn drop(&mut self) {
        self.shared.closed.store(true, Ordering::SeqCst);
        if let Some(thread) = self.shared.thread.get() {
            thread.unpark();
        }
    }
}

impl Drop for Ticking {
    fn drop(&mut self) {
        self.0.running.fetch_sub(1, Ordering::SeqCst);
    }
}

fn run(shared: &Shared) {
    let mut idle = 0;
    while !shared.closed.load(Ordering::SeqCst) {
        std::thread::sleep(TICK);
        idle = if shared.running.load(Ordering::SeqCst) == 0 { idle + 1 } else { 0 };
        if idle > LINGER {
            park(shared);
            idle = 0;
        } else {
            tick(shared);
        }
    }
}

fn tick(shared: &Shared) {
    let mut engines = shared.engines.lock().unwrap_or_else(PoisonError::into_inner);
    engines.retain(|engine| {
        engine.upgrade().is_some_and(|engine| {
            engine.increment_epoch();
            true
        })
    });
}

/// The flag goes up before the count is read, and a caller raises the count before it reads the flag: one of the two
/// sees the other.
fn park(shared: &Shared) {
    shared.parked.store(true, Ordering::SeqCst);
    while shared.running.load(Ordering::SeqCst) == 0 && !shared.closed.load(Ordering::SeqCst) {
        std::thread::park();
    }
    shared.parked.store(false, Ordering::SeqCst);
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Instant;

    fn wait_until(what: &str, met: impl Fn() -> bool) {
        let started = Instant::now();
        while !met() {
            assert!(started.elapsed() < Duration::from_secs(10), "{what} did not come to pass");
            std::thread::yield_now();
        }
    }

    #[test]
    fn it_parks_when_idle_and_wakes_for_the_next_call() -> io::Result<()> {
        let ticker = Ticker::default();
        drop(ticker.enter()?);
        wait_until("parking", || ticker.is_parked());
        let running = ticker.enter()?;
        wait_until("waking", || !ticker.is_parked());
        drop(running);
        wait_until("parking again", || ticker.is_parked());
        Ok(())
    }
}
