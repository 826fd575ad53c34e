//! Holds one process group from its start to its end.
//!
//! The rule that keeps signals from strangers: the leader is not reaped before everything else is known to be gone or
//! was pinned by pidfds. As long as it is unreaped its number, which is the group's, cannot be given to anyone else.

use std::os::fd::OwnedFd;
use std::path::PathBuf;
use std::process::{Child, ExitStatus};
use std::sync::{Arc, Mutex, PoisonError};

use rustix::io::Errno;
use rustix::process::{Pid, PidfdFlags, Signal, kill_process_group, pidfd_open, test_kill_process_group};

use crate::claims::{self, Hold};
use crate::kin::{Group, Member, Quarry, Stat};
use crate::limits;
use crate::reaper::Reaper;

/// A started program and all that goes away with it. Dropped before [`Leash::slacken`], it kills the group.
#[derive(Debug)]
pub(super) struct Leash {
    /// None once the last of the group is gone.
    held: Option<Held>,
    group: Group,
    pid: Pid,
    status: Option<ExitStatus>,
    reaper: Arc<Reaper>,
}

#[derive(Debug)]
struct Held {
    child: Child,
    hold: Hold,
    #[expect(dead_code, reason = "held for its drop")]
    script: Option<ScriptFile>,
}

/// A script's file, removed on drop.
#[derive(Debug)]
pub(super) struct ScriptFile(pub(super) PathBuf);

impl Drop for ScriptFile {
    fn drop(&mut self) {
        if let Err(error) = claims::remove(&self.0) {
            tracing::warn!(path = %self.0.display(), %error, "a script's file could not be removed");
        }
    }
}

impl Leash {
    /// Right after the start: records the group in the claim's file.
    pub(super) fn on(
        mut child: Child,
        mut hold: Hold,
        script: Option<ScriptFile>,
        reaper: Arc<Reaper>,
    ) -> std::io::Result<(Self, OwnedFd)> {
        let number = i32::try_from(child.id()).unwrap_or_default();
        let recorded = Pid::from_raw(number)
            .zip(Stat::of(number))
            .ok_or_else(|| std::io::Error::other("`/proc` does not show the new process"))
            .and_then(|(pid, stat)| {
                hold.record(stat.as_leader())?;
                Ok((pid, stat.as_leader(), pidfd_open(pid, PidfdFlags::NONBLOCK)?))
            });
        match recorded {
            Ok((pid, group, pidfd)) => {
                Ok((Self { held: Some(Held { child, hold, script }), group, pid, status: None, reaper }, pidfd))
            }
            Err(error) => {
                if let Some(pid) = Pid::from_raw(number) {
                    let _ = kill_process_group(pid, Signal::KILL);
                }
                let _ = child.wait();
                Err(error)
            }
        }
    }

    /// It lives long enough to be worth a reaper.
    pub(super) fn guard(&self) {
        self.reaper.ensure();
    }

    /// Signals the group.
    pub(super) fn signal(&self, signal: Signal) {
        if self.status.is_none() {
            // The leader is unreaped: the number is ours.
            if let Err(error) = kill_process_group(self.pid, signal)
                && error != Errno::SRCH
            {
                tracing::debug!(group = self.group.id, %error, "the signal did not reach the group");
            }
        } else {
            for member in self.members() {
                member.signal(signal);
            }
        }
    }

    /// The leader has ended: takes its status. True if nobody else is in the group.
    pub(super) fn reap(&mut self) -> bool {
        if let Some(held) = &mut self.held
            && self.status.is_none()
        {
            // Blocks for nothing: the pidfd said that it ended.
            self.status = held.child.wait().ok();
        }
        // Microseconds after the leader was reaped: kernels hand out pids in a circle, so the number is not reused yet.
        test_kill_process_group(self.pid) == Err(Errno::SRCH)
    }

    /// Everyone alive in the group.
    pub(super) fn members(&self) -> Vec<Member> {
        Quarry::group(self.group).find().unwrap_or_else(|error| {
            tracing::warn!(%error, "/proc cannot be read");
            Vec::new()
        })
    }

    /// Nothing is on it any more: the claim's file is let go and the script removed.
    pub(super) fn slacken(&mut self) -> Option<ExitStatus> {
        self.reap();
        self.held = None;
        self.status
    }
}

impl Drop for Leash {
    /// The future was dropped: kills the group at once; a thread of its own then waits until it is gone and lets go of
    /// the claim's file, for a drop must not block.
    fn drop(&mut self) {
        let Some(held) = self.held.take() else { return };
        self.signal(Signal::KILL);
        let group = Quarry::group(self.group);
        let grave = Arc::new(Mutex::new(Some(held)));
        let bury = {
            let grave = Arc::clone(&grave);
            move || dig(&grave).into_iter().for_each(|held| held.bury(&group))
        };
        if let Err(error) = std::thread::Builder::new().name("pintle-bury".to_owned()).spawn(bury) {
            tracing::warn!(%error, "no thread to wait for a killed group; its claim file stays for recovery");
            dig(&grave).into_iter().for_each(Held::leave);
        }
    }
}

fn dig(grave: &Mutex<Option<Held>>) -> Option<Held> {
    grave.lock().unwrap_or_else(PoisonError::into_inner).take()
}

impl Held {
    /// Blocks until the killed group is gone.
    fn bury(mut self, group: &Quarry) {
        let _ = self.child.wait();
        match group.exterminate(limits::EXTERMINATE_WITHIN) {
            Ok(hunt) if hunt.left.is_empty() => drop(self),
            Ok(_) | Err(_) => self.leave(),
        }
    }

    /// Something may still live: the claim's file stays, so that recovery looks again.
    fn leave(self) {
        std::mem::forget(self.hold);
    }
}
