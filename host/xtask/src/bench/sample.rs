//! One process from start to exit: how long, and how much memory.

use std::fs;
use std::process::{Command, ExitStatus, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};

use crate::shell;

/// How often the process's high-water mark of memory is read. The mark itself never falls: what is missed is only
/// what was added in the last moment.
const WATCH: Duration = Duration::from_millis(1);

/// One run.
#[derive(Debug, Clone, Copy)]
pub(super) struct Sample {
    time: Duration,
    memory_kib: u64,
}

impl Sample {
    pub(super) fn shown(&self) -> String {
        format!("{:.1} ms, {:.1} MiB", milliseconds(self.time), mib(self.memory_kib))
    }
}

/// Runs a command to its end, without showing what it prints.
pub(super) fn take(command: &mut Command) -> Result<(Sample, ExitStatus)> {
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    let start = Instant::now();
    let mut child = command.spawn().with_context(|| format!("`{}` could not be started", shell::shown(command)))?;
    let ended = Arc::new(AtomicBool::new(false));
    let watch = thread::spawn({
        let (ended, status) = (Arc::clone(&ended), format!("/proc/{}/status", child.id()));
        move || {
            let mut most = 0;
            while !ended.load(Ordering::Relaxed) {
                most = most.max(high_water(&status));
                thread::sleep(WATCH);
            }
            most
        }
    });
    let status = child.wait();
    let time = start.elapsed();
    ended.store(true, Ordering::Relaxed);
    let memory_kib = watch.join().unwrap_or_default();
    Ok((Sample { time, memory_kib }, status?))
}

fn high_water(path: &str) -> u64 {
    let text = fs::read_to_string(path).unwrap_or_default();
    let line = text.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    line.and_then(|rest| rest.split_whitespace().next()?.parse().ok()).unwrap_or_default()
}

/// All runs of one side.
#[derive(Debug, Default)]
pub(super) struct Series(Vec<Sample>);

impl Series {
    pub(super) fn push(&mut self, sample: Sample) {
        self.0.push(sample);
    }

    fn median(&self) -> Option<Duration> {
        let mut times: Vec<Duration> = self.0.iter().map(|sample| sample.time).collect();
        times.sort();
        times.get(times.len() / 2).copied()
    }

    /// Our median as a part of theirs.
    pub(super) fn ratio(&self, other: &Self) -> Option<f64> {
        Some(self.median()?.as_secs_f64() / other.median()?.as_secs_f64())
    }

    pub(super) fn shown(&self) -> String {
        let times = self.0.iter().map(|sample| sample.time);
        let (least, most) = (times.clone().min().unwrap_or_default(), times.max().unwrap_or_default());
        let memory = self.0.iter().map(|sample| sample.memory_kib).max().unwrap_or_default();
        format!(
            "median {:.1} ms, min {:.1}, max {:.1} of {} runs; {:.1} MiB",
            milliseconds(self.median().unwrap_or_default()),
            milliseconds(least),
            milliseconds(most),
            self.0.len(),
            mib(memory)
        )
    }
}

fn milliseconds(time: Duration) -> f64 {
    time.as_secs_f64() * 1000.0
}

fn mib(kib: u64) -> f64 {
    kib as f64 / 1024.0
}

#[cfg(test)]
#[expect(clippy::expect_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;

    fn series(times: &[u64]) -> Series {
        Series(times.iter().map(|&ms| Sample { time: Duration::from_millis(ms), memory_kib: ms * 1024 }).collect())
    }

    #[test]
    fn the_median_is_the_one_in_the_middle() {
        assert_eq!(series(&[9, 1, 5]).median(), Some(Duration::from_millis(5)));
        assert_eq!(series(&[]).median(), None);
        assert_eq!(series(&[9, 1, 5]).shown(), "median 5.0 ms, min 1.0, max 9.0 of 3 runs; 9.0 MiB");
        assert_eq!(series(&[2]).ratio(&series(&[4])), Some(0.5));
    }

    #[test]
    fn time_and_memory_of_a_process_are_seen() {
        let (sample, status) = take(Command::new("sh").args(["-c", "sleep 0.05; exit 3"])).expect("it starts");
        assert_eq!(status.code(), Some(3));
        assert!(sample.time >= Duration::from_millis(50), "{sample:?}");
        assert!(sample.memory_kib > 0, "{sample:?}");
    }
}
