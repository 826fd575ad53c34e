//! Finding the processes that belong to a claim, and killing them.
//!
//! The danger is pid reuse: between finding a process and signalling its number, the number may belong to a stranger.
//! The rule: a process is looked at, then pinned by a pidfd, then looked at again; only the pidfd is signalled. And a
//! group's number stays taken as long as the group has a member, so a member of a group whose leader is gone is ours
//! if it carries our marker or lives in our session; a leader of the same number with another start time means that
//! the group was gone before.
//!
//! Not promised: a process that left its group and cleared its environment is not found.

use std::fs;
use std::io::{self, Read};
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal};

use crate::limits;

/// Environment variable that tells a program its claim.
pub(crate) const CLAIM: &str = "PINTLE_CLAIM";

/// Environment variable that marks every process of a claim: the full path of the claim's file. The claim alone would
/// not do: run ids may be chosen, and two data directories of one machine may hold the same.
pub(crate) const MARKER: &str = "PINTLE_CLAIM_FILE";

/// A process group, told apart from a later one of the same number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Group {
    /// Its number: the pid of its leader.
    pub(crate) id: i32,
    /// When the leader started, in clock ticks since boot (field 22 of `/proc/<pid>/stat`).
    pub(crate) started: u64,
    /// Session of the leader.
    pub(crate) session: i32,
}

/// What `/proc/<pid>/stat` says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Stat {
    pub(crate) pid: i32,
    pub(crate) dead: bool,
    pub(crate) group: i32,
    pub(crate) session: i32,
    pub(crate) started: u64,
}

/// A process that was found and cannot be confused any more.
#[derive(Debug)]
pub(crate) struct Member {
    pub(crate) pid: i32,
    pub(crate) pidfd: OwnedFd,
}

/// What is looked for: members of any of the groups, bearers of any of the claim files in their environment.
#[derive(Debug, Clone, Default)]
pub(crate) struct Quarry {
    pub(crate) groups: Vec<Group>,
    pub(crate) claim_files: Vec<PathBuf>,
}

/// What is left of a quarry after the hunt.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Hunt {
    /// Processes that were killed.
    pub(crate) killed: usize,
    /// Those that would not die.
    pub(crate) left: Vec<i32>,
}

impl Stat {
    /// Reads it; nothing if there is no such process.
    pub(crate) fn of(pid: i32) -> Option<Self> {
        Self::parse(pid, &fs::read_to_string(format!("/proc/{pid}/stat")).ok()?)
    }

    /// The name in the second field may hold anything, also `)`: fields count from the last one.
    fn parse(pid: i32, text: &str) -> Option<Self> {
        let mut fields = text.get(text.rfind(')')?.checked_add(1)?..)?.split_ascii_whitespace();
        let state = fields.next()?;
        let group = fields.nth(1)?.parse().ok()?;
        let session = fields.next()?.parse().ok()?;
        let started = fields.nth(15)?.parse().ok()?;
        Some(Self { pid, dead: matches!(state, "Z" | "X" | "x"), group, session, started })
    }

    /// As the group that this process leads.
    pub(crate) fn as_leader(self) -> Group {
        Group { id: self.pid, started: self.started, session: self.session }
    }
}

impl Quarry {
    /// One group alone.
    pub(crate) fn group(group: Group) -> Self {
        Self { groups: vec![group], claim_files: Vec::new() }
    }

    /// Everything alive that belongs to it, this process excepted.
    pub(crate) fn find(&self) -> io::Result<Vec<Member>> {
        let groups: Vec<(Group, Option<u64>)> =
            self.groups.iter().map(|group| (*group, Stat::of(group.id).map(|leader| leader.started))).collect();
        let me = std::process::id();
        let mut found = Vec::new();
        for entry in fs::read_dir("/proc")? {
            let name = entry?.file_name();
            let Some(pid) = name.to_str().and_then(|name| name.parse::<i32>().ok()) else { continue };
            if u32::try_from(pid).is_ok_and(|pid| pid != me) {
                found.extend(self.pin(pid, &groups));
            }
        }
        Ok(found)
    }

    /// Pins `pid` if it is part of the quarry, both before and after it was pinned.
    fn pin(&self, pid: i32, groups: &[(Group, Option<u64>)]) -> Option<Member> {
        let before = Stat::of(pid).filter(|stat| !stat.dead && self.holds(stat, groups))?;
        let pidfd = pidfd_open(Pid::from_raw(pid)?, PidfdFlags::NONBLOCK).ok()?;
        let after = Stat::of(pid)?;
        (after.started == before.started).then_some(Member { pid, pidfd })
    }

    fn holds(&self, stat: &Stat, groups: &[(Group, Option<u64>)]) -> bool {
        let mut marked = None;
        let mut marked = || *marked.get_or_insert_with(|| bears_claim(stat.pid, &self.claim_files));
        for (group, leader) in groups {
            if stat.group == group.id
                && match leader {
                    Some(started) => *started == group.started,
                    None => stat.session == group.session || marked(),
                }
            {
                return true;
            }
        }
        marked()
    }

    /// Kills everything that is found until nothing is, or until the time is up.
    pub(crate) fn exterminate(&self, within: Duration) -> io::Result<Hunt> {
        let until = Instant::now() + within;
        let mut hunt = Hunt::default();
        let mut seen = std::collections::HashSet::new();
        loop {
            let members = self.find()?;
            if members.is_empty() {
                hunt.killed = seen.len();
                return Ok(hunt);
            }
            for member in &members {
                if seen.insert(member.pid) {
                    tracing::debug!(pid = member.pid, "killing a process of an ended claim");
                }
                member.signal(Signal::KILL);
            }
            for member in &members {
                if !member.wait(until)? {
                    hunt.left = self.find()?.iter().map(|member| member.pid).collect();
                    hunt.killed = seen.len().saturating_sub(hunt.left.len());
                    return Ok(hunt);
                }
            }
        }
    }
}

impl Member {
    /// A process that ended meanwhile needs no signal, and one of another user cannot get any: both show in the wait.
    pub(crate) fn signal(&self, signal: Signal) {
        if let Err(error) = pidfd_send_signal(&self.pidfd, signal) {
            tracing::debug!(pid = self.pid, %error, "the signal did not reach the process");
        }
    }

    /// Whether it ended in time.
    fn wait(&self, until: Instant) -> io::Result<bool> {
        loop {
            let left = until.saturating_duration_since(Instant::now());
            let left = Timespec::try_from(left).map_err(io::Error::other)?;
            let mut fds = [PollFd::new(&self.pidfd, PollFlags::IN)];
            match poll(&mut fds, Some(&left)) {
                Ok(ended) => return Ok(ended > 0),
                Err(rustix::io::Errno::INTR) => {}
                Err(error) => return Err(error.into()),
            }
        }
    }
}

/// Whether the process was started with one of these claim files in its environment.
fn bears_claim(pid: i32, files: &[PathBuf]) -> bool {
    if files.is_empty() {
        return false;
    }
    let mut environ = Vec::new();
    let read = fs::File::open(format!("/proc/{pid}/environ"))
        .and_then(|file| file.take(limits::ENVIRONMENT).read_to_end(&mut environ));
    read.is_ok()
        && environ.split(|byte| *byte == 0).any(|variable| {
            variable
                .strip_prefix(MARKER.as_bytes())
                .and_then(|rest| rest.strip_prefix(b"="))
                .is_some_and(|path| files.iter().any(|wanted| wanted.as_os_str().as_bytes() == path))
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stat_line_is_read_from_the_last_bracket() {
        let line = "42 (a) S 1 (b) R 7 42 40 0 -1 4194304 1 2 3 4 5 6 7 8 20 0 1 0 98765 1 2 3";
        let stat = Stat::parse(42, line);
        assert_eq!(stat, Some(Stat { pid: 42, dead: false, group: 42, session: 40, started: 98765 }));
        assert_eq!(Stat::parse(42, "42 (cut"), None);
    }

    #[test]
    fn this_process_is_seen_as_it_is() {
        let pid = i32::try_from(std::process::id()).unwrap_or_default();
        let stat = Stat::of(pid);
        assert!(stat.is_some_and(|stat| !stat.dead && stat.started > 0 && stat.group > 0), "{stat:?}");
    }

    #[test]
    fn a_leader_with_another_start_time_means_that_the_group_is_gone() {
        let member = Stat { pid: 50, dead: false, group: 40, session: 9, started: 5 };
        let group = Group { id: 40, started: 3, session: 9 };
        let quarry = Quarry::group(group);
        assert!(quarry.holds(&member, &[(group, Some(3))]), "our leader leads");
        assert!(!quarry.holds(&member, &[(group, Some(4))]), "a stranger leads");
        assert!(quarry.holds(&member, &[(group, None)]), "nobody leads, our session");
        let elsewhere = Stat { session: 8, ..member };
        assert!(!quarry.holds(&elsewhere, &[(group, None)]), "nobody leads, another session, no marker");
    }
}
