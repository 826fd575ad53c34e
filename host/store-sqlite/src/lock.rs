//! The write lock of a directory: `flock pintle.write`, held for one batch.
//!
//! SQLite has a lock of its own, but its waiters sleep and try again: beside a busy writer a small one starves. `flock`
//! wakes its waiters. Three rules keep it fair and safe:
//!
//! * After a release the lock is not taken again for [`GAP`]: a waiter needs so long to wake and get its turn.
//! * Waiting is bounded. `flock` knows no timeout, so a thread of its own waits, and we wait for that thread. It keeps
//!   its place when a batch gave up, and what it gets too late is let go.
//! * The lock is used under a [`Gate`]. Whoever stops the process (Ctrl-Z) closes the gate first: a stopped process
//!   must not hold what others wait for.

use std::fs::{File, OpenOptions};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, TryRecvError, channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use pintle_store::Error;
use rustix::fs::{FlockOperation, flock};
use rustix::io::Errno;

use crate::fault;

/// A released lock is left to others for so long.
const GAP: Duration = Duration::from_micros(50);

/// Who holds it may hold, or take, the write lock.
#[derive(Debug, Clone)]
pub(crate) struct Gate {
    file: Arc<File>,
    passage: Arc<Mutex<()>>,
}

impl Gate {
    fn pass(&self) -> MutexGuard<'_, ()> {
        self.passage.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until no lock is held, and lets nobody take it before the answer is dropped.
    pub(crate) fn close(&self) -> Quiet<'_> {
        let guard = self.pass();
        // What the waiting thread was granted a moment ago, and nobody uses yet.
        release(&self.file);
        Quiet { _guard: guard }
    }
}

/// While it lives, this process holds no write lock and takes none: its writes wait.
#[derive(Debug)]
#[must_use = "the store writes again as soon as this is dropped"]
pub struct Quiet<'a> {
    _guard: MutexGuard<'a, ()>,
}

/// The write lock, as the writer thread uses it.
#[derive(Debug)]
pub(crate) struct WriteLock {
    path: PathBuf,
    gate: Gate,
    patience: Duration,
    released: Option<Instant>,
    waiter: Option<Waiter>,
}

/// The lock, held until this is dropped.
#[derive(Debug)]
pub(crate) struct Held<'a> {
    file: &'a File,
    released: &'a mut Option<Instant>,
    _guard: MutexGuard<'a, ()>,
}

impl Drop for Held<'_> {
    fn drop(&mut self) {
        release(self.file);
        *self.released = Some(Instant::now());
    }
}

impl WriteLock {
    /// Opens the lock file, and makes it if there is none.
    pub(crate) fn open(path: &Path, patience: Duration) -> Result<Self, Error> {
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .open(path)
            .map_err(|e| fault::io(e, "open", path))?;
        let gate = Gate { file: Arc::new(file), passage: Arc::default() };
        Ok(Self { path: path.to_owned(), gate, patience, released: None, waiter: None })
    }

    /// What closes the store to writes for a while.
    pub(crate) fn gate(&self) -> Gate {
        self.gate.clone()
    }

    /// Takes the lock, or says for how long it was waited in vain.
    pub(crate) fn acquire(&mut self) -> Result<Held<'_>, Error> {
        let begun = Instant::now();
        while self.must_wait() {
            std::thread::yield_now();
        }
        let Self { path, gate, patience, released, waiter } = self;
        loop {
            // Each turn asks anew, also for what the waiting thread was granted: the gate may have been closed since,
            // and asking for what we hold is free.
            let guard = gate.pass();
            match flock(&gate.file, FlockOperation::NonBlockingLockExclusive) {
                Ok(()) => return Ok(Held { file: &gate.file, released, _guard: guard }),
                Err(Errno::WOULDBLOCK | Errno::INTR) => drop(guard),
                Err(errno) => return Err(fault::io(errno.into(), "lock", path)),
            }
            let waiter = match &mut *waiter {
                Some(waiter) => waiter,
                empty @ None => empty.insert(Waiter::spawn(&gate.file).map_err(|e| fault::io(e, "lock", path))?),
            };
            match waiter.wait(patience.saturating_sub(begun.elapsed())) {
                Some(Ok(())) => {}
                Some(Err(errno)) => return Err(fault::io(errno.into(), "lock", path)),
                None => {
                    let waited_ms = u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX);
                    return Err(Error::Busy { path: path.clone(), waited_ms });
                }
            }
        }
    }

    /// Whether the lock can be had without waiting. What it finds free it keeps for the [`WriteLock::acquire`] that
    /// follows at once.
    pub(crate) fn is_free(&self) -> bool {
        if self.must_wait() || self.waiter.as_ref().is_some_and(|waiter| waiter.asked) {
            return false;
        }
        let Ok(_passing) = self.gate.passage.try_lock() else { return false };
        flock(&self.gate.file, FlockOperation::NonBlockingLockExclusive).is_ok()
    }

    /// It is still the others' turn.
    fn must_wait(&self) -> bool {
        self.released.is_some_and(|at| at.elapsed() < GAP)
    }

    /// Lets go of what was granted after its batch gave up. True while that may still come.
    pub(crate) fn drop_late_grant(&mut self) -> bool {
        let Some(waiter) = &mut self.waiter else { return false };
        if waiter.granted_late() {
            let _passing = self.gate.pass();
            release(&self.gate.file);
        }
        waiter.asked
    }
}

/// Closing the file would release it as well; there is nothing to do about an error.
fn release(file: &File) {
    let _ = flock(file, FlockOperation::Unlock);
}

/// A thread that waits in `flock` for us. It ends with the process, or when nobody can ask it any more.
#[derive(Debug)]
struct Waiter {
    ask: Sender<()>,
    grant: Receiver<Result<(), Errno>>,
    /// Asked, and not answered yet.
    asked: bool,
}

impl Waiter {
    fn spawn(file: &Arc<File>) -> std::io::Result<Self> {
        let file = Arc::clone(file);
        let (ask, asked) = channel::<()>();
        let (granted, grant) = channel();
        let wait = move || {
            while asked.recv().is_ok() {
                let locked = loop {
                    match flock(&*file, FlockOperation::LockExclusive) {
                        Err(Errno::INTR) => {}
                        done => break done,
                    }
                };
                if granted.send(locked).is_err() {
                    release(&file);
                    return;
                }
            }
        };
        std::thread::Builder::new().name("pintle-turn".into()).spawn(wait)?;
        Ok(Self { ask, grant, asked: false })
    }

    /// Waits for the lock; none: the time is over, and the thread keeps its place.
    fn wait(&mut self, left: Duration) -> Option<Result<(), Errno>> {
        if !self.asked {
            self.asked = self.ask.send(()).is_ok();
        }
        match self.grant.recv_timeout(left) {
            Ok(answer) => {
                self.asked = false;
                Some(answer)
            }
            Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => None,
        }
    }

    fn granted_late(&mut self) -> bool {
        match self.grant.try_recv() {
            Ok(answer) => {
                self.asked = false;
                answer.is_ok()
            }
            Err(TryRecvError::Empty | TryRecvError::Disconnected) => false,
        }
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test says so by failing")]
mod tests {
    use super::*;

    fn lock(dir: &tempfile::TempDir, patience: Duration) -> WriteLock {
        WriteLock::open(&dir.path().join("pintle.write"), patience).unwrap()
    }

    #[test]
    fn a_holder_is_waited_for_and_not_longer_than_patience() {
        let dir = tempfile::tempdir().unwrap();
        let (mut ours, mut theirs) = (lock(&dir, Duration::from_millis(30)), lock(&dir, Duration::from_secs(5)));
        let held = theirs.acquire().unwrap();
        assert!(matches!(ours.acquire().map(drop), Err(Error::Busy { waited_ms: 30.., .. })));
        drop(held);
        // The waiting thread has its place still: what it gets now is taken up, not asked for again.
        ours.acquire().map(drop).unwrap();
        while ours.drop_late_grant() {
            std::thread::yield_now();
        }
        theirs.acquire().map(drop).unwrap();
    }

    #[test]
    fn a_grant_that_came_too_late_is_let_go() {
        let dir = tempfile::tempdir().unwrap();
        let (mut ours, mut theirs) = (lock(&dir, Duration::from_millis(5)), lock(&dir, Duration::from_secs(5)));
        let held = theirs.acquire().unwrap();
        assert!(ours.acquire().is_err());
        drop(held);
        while ours.drop_late_grant() {
            std::thread::yield_now();
        }
        theirs.acquire().map(drop).unwrap();
    }

    #[test]
    fn behind_a_closed_gate_nothing_is_held() {
        let dir = tempfile::tempdir().unwrap();
        let (mut ours, mut theirs) = (lock(&dir, Duration::from_secs(5)), lock(&dir, Duration::from_secs(5)));
        let gate = ours.gate();
        let quiet = gate.close();
        let waiting = std::thread::spawn(move || ours.acquire().map(drop));
        theirs.acquire().map(drop).unwrap();
        assert!(!waiting.is_finished(), "a batch went through the closed gate");
        drop(quiet);
        waiting.join().unwrap().unwrap();
    }
}
