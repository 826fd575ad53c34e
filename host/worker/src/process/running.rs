//! One program from its start to its end.
//!
//! It is over when three things are: the leader has ended, both pipes are closed, nobody is left in the group. They
//! come in any order, and each may never come by itself:
//!
//! - a background process of the group that holds the output is waited for, as a shell's reader would wait;
//! - one that holds none of it is a leftover: it is stopped when the leader has ended (stop signal, grace, kill);
//! - a process that left the group and holds the output is not waited for: the pipes are closed, and the log says so.

use std::io;
use std::os::unix::process::ExitStatusExt;
use std::sync::Arc;
use std::time::Duration;

use rustix::process::Signal;
use tokio::net::unix::pipe::Sender;
use tokio::time::{Instant, sleep_until};

use pintle_plane::output::{Channel, Sink};
use pintle_plane::process::{ProcessError, ProcessExit};
use pintle_plane::stop::{StopSignal, Urgency};

use super::leash::Leash;
use super::order::Terms;
use super::pidfd::PidFd;
use super::spawner::Started;
use super::tap::{Keep, Tap, buffer};
use crate::limits;

/// How far the stopping has gone. It only ever goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    /// Nobody wants it to end.
    Free,
    /// It was asked; at this instant it is killed.
    Asked(Instant),
    /// It was killed.
    Killed,
}

/// Why [`Running::next`] came back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Event {
    /// The watched process has ended.
    Gone,
    /// The last pipe was closed.
    Drained,
    /// The given instant has come.
    Due,
}

pub(super) struct Running {
    leash: Leash,
    terms: Terms,
    sink: Arc<dyn Sink>,
    stop: Arc<dyn StopSignal>,
    leader: PidFd,
    stdout: Tap,
    stderr: Tap,
    input: Option<(Sender, Vec<u8>)>,
    buffer: Vec<u8>,
    phase: Phase,
    /// When it is stopped because its time is over.
    timeout: Option<Instant>,
    /// When it has lived long enough for a reaper.
    guard: Option<Instant>,
    timed_out: bool,
    stopped: bool,
}

impl Running {
    /// Joins the pipes to the runtime. On an error the program is killed.
    pub(super) fn new(
        started: Started,
        terms: Terms,
        sink: Arc<dyn Sink>,
        stop: Arc<dyn StopSignal>,
    ) -> Result<Self, ProcessError> {
        Self::joined(started, terms, sink, stop).map_err(|error| ProcessError::Unavailable {
            program: "the program".to_owned(),
            reason: format!("its pipes cannot be watched: {error}"),
        })
    }

    fn joined(started: Started, terms: Terms, sink: Arc<dyn Sink>, stop: Arc<dyn StopSignal>) -> io::Result<Self> {
        let now = Instant::now();
        let input = match started.input {
            None => None,
            Some((pipe, rest)) => Some((Sender::from_owned_fd(pipe.into())?, rest)),
        };
        // Of one pipe the end is kept, as of standard error: why a program failed stands there.
        let (head, tail) = (Keep::head(terms.capture), Keep::tail(limits::STDERR_TAIL));
        let (stdout, stderr) = match started.stderr {
            Some(stderr) => (
                Tap::new(Channel::Stdout, started.stdout.into(), head)?,
                Tap::new(Channel::Stderr, stderr.into(), tail)?,
            ),
            None => (Tap::closed(Channel::Stdout, head), Tap::new(Channel::Stdout, started.stdout.into(), tail)?),
        };
        Ok(Self {
            leader: PidFd::new(started.pidfd)?,
            stdout,
            stderr,
            input,
            buffer: buffer(),
            phase: Phase::Free,
            timeout: terms.timeout.and_then(|timeout| now.checked_add(timeout)),
            guard: Some(now + limits::REAPER_AFTER),
            timed_out: false,
            stopped: false,
            leash: started.leash,
            terms,
            sink,
            stop,
        })
    }

    /// Sees it through.
    pub(super) async fn see_through(mut self) -> ProcessExit {
        while self.next(Watch::Leader, None).await != Event::Gone {}
        self.input = None;
        let linger = Instant::now() + limits::LINGER;
        while self.is_open() && self.next(Watch::Nobody, Some(linger)).await != Event::Due {}
        if self.is_open() || !self.leash.reap() {
            self.end_group().await;
        }
        self.say_goodbye()
    }

    /// Others are, or may be, in the group. Each is watched by its own pidfd, one after another, for all must go.
    async fn end_group(&mut self) {
        let mut said = false;
        // Who lets go of the output last is about to be gone: that is no leftover.
        let printed = self.is_open();
        let mut leaving = None;
        loop {
            let members = self.leash.members();
            let Some(first) = members.into_iter().next() else { return };
            let pidfd = PidFd::new(first.pidfd);
            if printed && !self.is_open() && self.phase == Phase::Free {
                let until = *leaving.get_or_insert_with(|| Instant::now() + limits::LEAVING);
                if Instant::now() < until
                    && let Ok(pidfd) = &pidfd
                {
                    self.next(Watch::Other(pidfd), Some(until)).await;
                    continue;
                }
            }
            if !self.is_open() && self.phase == Phase::Free {
                if !std::mem::replace(&mut said, true) {
                    self.note("processes of this step were still running when its program ended: they are stopped now (`wait` for them, or start them with `setsid` to let them live on)");
                }
                self.ask();
            } else if self.phase == Phase::Killed {
                // Also what was forked after the first kill.
                self.leash.signal(Signal::KILL);
            }
            let Ok(pidfd) = pidfd else {
                self.kill();
                tokio::task::yield_now().await;
                continue;
            };
            while self.next(Watch::Other(&pidfd), None).await == Event::Due {}
        }
    }

    /// The last bytes, and who still holds the pipes.
    fn say_goodbye(mut self) -> ProcessExit {
        while self.stdout.read(&mut self.buffer, &*self.sink) {}
        while self.stderr.read(&mut self.buffer, &*self.sink) {}
        if self.is_open() {
            self.note("a process that left this step's process group still holds its output: it is not waited for, and what it prints from now on is lost");
        }
        let status = self.leash.slacken();
        let (stdout, stdout_truncated) = self.stdout.into_bytes();
        ProcessExit {
            code: status.and_then(|status| status.code()),
            signal: status.and_then(|status| status.signal()).map(super::signals::name),
            timed_out: self.timed_out,
            stopped: self.stopped,
            stdout,
            stdout_truncated,
            stderr_tail: self.stderr.into_bytes().0,
        }
    }

    /// Moves output and input, stops what is to be stopped, until one of the events.
    async fn next(&mut self, watch: Watch<'_>, until: Option<Instant>) -> Event {
        loop {
            let kill_at = match self.phase {
                Phase::Asked(at) => Some(at),
                Phase::Free | Phase::Killed => None,
            };
            let timer = [until, kill_at, self.timeout, self.guard].into_iter().flatten().min();
            let wanted = match self.phase {
                Phase::Free => Urgency::Gracefully,
                Phase::Asked(_) | Phase::Killed => Urgency::AtOnce,
            };
            let watched = match watch {
                Watch::Nobody => None,
                Watch::Leader => Some(&self.leader),
                Watch::Other(pidfd) => Some(pidfd),
            };
            tokio::select! {
                () = self.stdout.ready() => {
                    self.stdout.read(&mut self.buffer, &*self.sink);
                    if !self.is_open() { return Event::Drained; }
                }
                () = self.stderr.ready() => {
                    self.stderr.read(&mut self.buffer, &*self.sink);
                    if !self.is_open() { return Event::Drained; }
                }
                () = ended(watched) => return Event::Gone,
                done = write_some(&mut self.input) => if done { self.input = None },
                () = self.stop.reached(wanted), if self.phase != Phase::Killed => self.on_stop(),
                () = at(timer), if timer.is_some() => {
                    if self.on_time(Instant::now(), until) { return Event::Due; }
                }
            }
        }
    }

    fn is_open(&self) -> bool {
        self.stdout.is_open() || self.stderr.is_open()
    }

    fn on_stop(&mut self) {
        self.stopped = true;
        if self.stop.urgency() >= Urgency::AtOnce { self.kill() } else { self.ask() }
    }

    /// True if `until` has come.
    fn on_time(&mut self, now: Instant, until: Option<Instant>) -> bool {
        let past = |instant: Option<Instant>| instant.is_some_and(|instant| instant <= now);
        if past(self.guard) {
            self.guard = None;
            self.leash.guard();
        }
        if past(self.timeout) {
            self.timeout = None;
            if self.phase == Phase::Free {
                self.timed_out = true;
                self.ask();
            }
        }
        if let Phase::Asked(at) = self.phase
            && at <= now
        {
            self.kill();
        }
        past(until)
    }

    /// Free => Asked: the stop signal. A stopped process would not see it, so it is woken.
    fn ask(&mut self) {
        if self.phase == Phase::Free {
            if self.terms.grace == Duration::ZERO {
                return self.kill();
            }
            let now = Instant::now();
            self.phase = Phase::Asked(now.checked_add(self.terms.grace).unwrap_or(now));
            self.leash.signal(self.terms.stop_signal);
            self.leash.signal(Signal::CONT);
        }
    }

    /// Free, Asked => Killed.
    fn kill(&mut self) {
        self.phase = Phase::Killed;
        self.leash.signal(Signal::KILL);
    }

    fn note(&self, text: &str) {
        self.sink.write(Channel::Stderr, format!("pintle: {text}\n").as_bytes());
    }
}

/// Whose end is waited for.
#[derive(Clone, Copy)]
enum Watch<'a> {
    Nobody,
    Leader,
    Other(&'a PidFd),
}

async fn ended(pidfd: Option<&PidFd>) {
    match pidfd {
        Some(pidfd) => pidfd.ended().await,
        None => std::future::pending().await,
    }
}

async fn at(timer: Option<Instant>) {
    match timer {
        Some(timer) => sleep_until(timer).await,
        None => std::future::pending().await,
    }
}

/// True when there is no more to write, or nobody reads any more: a program need not read its input.
async fn write_some(input: &mut Option<(Sender, Vec<u8>)>) -> bool {
    let Some((pipe, rest)) = input else { return std::future::pending().await };
    if pipe.writable().await.is_err() {
        return true;
    }
    match pipe.try_write(rest) {
        Ok(count) => drop(rest.drain(..count)),
        Err(error) if matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted) => {}
        Err(_) => return true,
    }
    rest.is_empty()
}
