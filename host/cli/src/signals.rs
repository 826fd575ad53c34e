//! Signals that the running of steps answers: stop, stop at once, pause.
//!
//! Who was started with a signal ignored (`nohup`, a job of a script in the background) keeps ignoring it.

use std::io;

use tokio::signal::unix::{Signal, SignalKind, signal};

/// What a signal asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Wish {
    /// Ctrl-C, SIGTERM, a closed terminal.
    Stop,
    /// Ctrl-Z.
    Pause,
}

/// Signals of this process from now on.
#[derive(Debug)]
pub(crate) struct Signals {
    interrupt: Option<Signal>,
    terminate: Option<Signal>,
    hangup: Option<Signal>,
    pause: Option<Signal>,
}

const SIGHUP: u32 = 1;
const SIGINT: u32 = 2;
const SIGTERM: u32 = 15;
const SIGTSTP: u32 = 20;

impl Signals {
    /// Takes the signals over. Needs a runtime with I/O.
    pub(crate) fn listen() -> io::Result<Self> {
        let ignored = std::fs::read_to_string("/proc/self/status").map_or(0, |status| ignored(&status));
        let take = |number: u32| -> io::Result<Option<Signal>> {
            if ignored >> (number - 1) & 1 == 1 {
                return Ok(None);
            }
            signal(SignalKind::from_raw(number.cast_signed())).map(Some)
        };
        Ok(Self { interrupt: take(SIGINT)?, terminate: take(SIGTERM)?, hangup: take(SIGHUP)?, pause: take(SIGTSTP)? })
    }

    /// The next wish.
    pub(crate) async fn next(&mut self) -> Wish {
        tokio::select! {
            () = received(self.interrupt.as_mut()) => Wish::Stop,
            () = received(self.terminate.as_mut()) => Wish::Stop,
            () = received(self.hangup.as_mut()) => Wish::Stop,
            () = received(self.pause.as_mut()) => Wish::Pause,
        }
    }
}

/// Stops this process as Ctrl-Z would have, until it is told to go on.
pub(crate) fn stop_here() -> io::Result<()> {
    Ok(rustix::process::kill_process(rustix::process::getpid(), rustix::process::Signal::STOP)?)
}

async fn received(signal: Option<&mut Signal>) {
    match signal {
        Some(signal) => {
            if signal.recv().await.is_none() {
                std::future::pending().await
            }
        }
        None => std::future::pending().await,
    }
}

/// The mask of ignored signals in `/proc/self/status`; none where it cannot be read.
fn ignored(status: &str) -> u64 {
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_ignored_is_read_from_the_kernel() {
        let status = "Name:\tpintle\nSigBlk:\t0000000000000000\nSigIgn:\t0000000000001003\n";
        assert_eq!(ignored(status), 0x1003);
        assert_eq!((0x1003 >> (SIGHUP - 1) & 1, 0x1003 >> (SIGINT - 1) & 1, 0x1003 >> (SIGTERM - 1) & 1), (1, 1, 0));
        assert_eq!(ignored("nothing"), 0);
    }
}
