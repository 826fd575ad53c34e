//! Waiting for what can be awaited: a process by its descriptor, a file by looking.

use std::process::{Child, ExitStatus};
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{PidfdFlags, pidfd_open};

/// Waits for a child on its descriptor; kills it at the deadline.
pub fn exit(child: &mut Child, deadline: Instant) -> Result<ExitStatus> {
    let pid = rustix::process::Pid::from_child(child);
    let descriptor = pidfd_open(pid, PidfdFlags::empty())?;
    let left = deadline.saturating_duration_since(Instant::now());
    let mut watched = [PollFd::new(&descriptor, PollFlags::IN)];
    let timeout = Timespec::try_from(left)?;
    if poll(&mut watched, Some(&timeout))? == 0 {
        child.kill()?;
    }
    Ok(child.wait()?)
}

/// Looks each few milliseconds until `look` finds something; fails after `patience`.
pub fn until<T>(what: &str, patience: Duration, mut look: impl FnMut() -> Result<Option<T>>) -> Result<T> {
    let deadline = Instant::now() + patience;
    loop {
        if let Some(found) = look()? {
            return Ok(found);
        }
        ensure!(Instant::now() < deadline, "{what} did not come in {patience:?}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// Whether a process can still act. One that has ended and was not yet waited for by its parent cannot.
#[must_use]
pub fn lives(pid: i32) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    let state = stat.rsplit(')').next().and_then(|rest| rest.trim_start().chars().next());
    state.is_some_and(|state| !matches!(state, 'Z' | 'X'))
}
