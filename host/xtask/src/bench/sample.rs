//! One process from start to exit: how long, and how much memory.

use std::fs;
use std::process::{Command, ExitStatus, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};

use super::report::Figure;
use crate::shell;

/// How soon the process's high-water mark of memory is read again, at least. The mark itself never falls: what is missed
/// is only what was added in the last moment.
const WATCH: Duration = Duration::from_millis(1);
/// A process that has run for long is looked at less often, each time after so much more of the time that it has run:
/// a look is work, on a processor that it may want itself.
const WATCH_SHARE: u32 = 20;

/// One run.
#[derive(Debug, Clone, Copy)]
pub(super) struct Sample {
    time: Duration,
    memory_kib: u64,
}

impl Sample {
    pub(super) fn milliseconds(&self) -> f64 {
        milliseconds(self.time)
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
                thread::sleep(WATCH.max(start.elapsed() / WATCH_SHARE));
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

/// All runs of one DAG by one side.
#[derive(Debug, Default)]
pub(super) struct Series(Vec<Sample>);

impl Series {
    pub(super) fn push(&mut self, sample: Sample) {
        self.0.push(sample);
    }

    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    /// The least, the one in the middle and the greatest, in milliseconds.
    pub(super) fn spread(&self) -> Option<(f64, f64, f64)> {
        let mut times: Vec<Duration> = self.0.iter().map(|sample| sample.time).collect();
        times.sort();
        let (least, median, most) = (times.first()?, times.get(times.len() / 2)?, times.last()?);
        Some((milliseconds(*least), milliseconds(*median), milliseconds(*most)))
    }

    /// Our median as a part of theirs.
    pub(super) fn ratio(&self, other: &Self) -> Option<f64> {
        let ((_, ours, _), (_, theirs, _)) = (self.spread()?, other.spread()?);
        Some(ours / theirs)
    }

    /// Times of whole processes.
    pub(super) fn times(&self, what: &str) -> Figure {
        let (least, median, most) = self.spread().unwrap_or_default();
        Figure::new(what, "ms").value("median", median).value("min", least).value("max", most).of(self.len())
    }

    /// The most that any of them held, in MiB.
    pub(super) fn memory(&self) -> f64 {
        mib(self.0.iter().map(|sample| sample.memory_kib).max().unwrap_or_default())
    }
}

#[cfg(test)]
impl FromIterator<u64> for Series {
    /// Runs that took so many milliseconds, and held as many MiB.
    fn from_iter<T: IntoIterator<Item = u64>>(times: T) -> Self {
        let sample = |ms| Sample { time: Duration::from_millis(ms), memory_kib: ms * 1024 };
        Self(times.into_iter().map(sample).collect())
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

    #[test]
    fn the_median_is_the_one_in_the_middle() {
        let series = |times: &[u64]| times.iter().copied().collect::<Series>();
        assert_eq!(series(&[9, 1, 5]).spread(), Some((1.0, 5.0, 9.0)));
        assert_eq!(series(&[]).spread(), None);
        assert_eq!(series(&[9, 1, 5]).memory(), 9.0);
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
