//! What the figures were measured on.

use std::fmt;
use std::fs::{self, File};
use std::io::Write as _;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use serde::Serialize;

/// Writes of which the median is told.
const WRITES: usize = 64;

/// Processor, memory, load, how long a write takes to reach the disk of a directory, and how sure a commit is.
#[derive(Debug, Serialize)]
pub(super) struct Machine {
    cpus: usize,
    model: String,
    memory: String,
    load: String,
    fsync_p50_ms: f64,
    mode: &'static str,
}

impl Machine {
    pub(super) fn look(directory: &Path) -> Result<Self> {
        let load = fs::read_to_string("/proc/loadavg").unwrap_or_default();
        Ok(Self {
            cpus: thread::available_parallelism().map_or(1, usize::from),
            model: line("/proc/cpuinfo", "model name").unwrap_or_else(|| std::env::consts::ARCH.to_owned()),
            memory: line("/proc/meminfo", "MemTotal").unwrap_or_else(|| "unknown".to_owned()),
            load: load.split_whitespace().take(3).collect::<Vec<_>>().join(" "),
            fsync_p50_ms: fsync_p50(directory)?.as_secs_f64() * 1000.0,
            mode: "process",
        })
    }
}

impl fmt::Display for Machine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { cpus, model, memory, load, fsync_p50_ms, mode } = self;
        writeln!(f, "machine: {cpus} x {model}, memory {memory}, load {load}")?;
        writeln!(f, "disk:    fsync p50 {fsync_p50_ms:.2} ms")?;
        write!(f, "mode:    `{mode}` (survives kill -9; may lose the last commits at power loss)")
    }
}

fn line(file: &str, name: &str) -> Option<String> {
    let text = fs::read_to_string(file).ok()?;
    let line = text.lines().find(|line| line.starts_with(name))?;
    line.split_once(':').map(|(_, value)| value.trim().to_owned())
}

fn fsync_p50(directory: &Path) -> Result<Duration> {
    let path = directory.join("fsync");
    let mut file = File::create(&path).with_context(|| format!("{} cannot be made", path.display()))?;
    let mut times = Vec::with_capacity(WRITES);
    for _ in 0..WRITES {
        file.write_all(&[0; 4096])?;
        let start = Instant::now();
        file.sync_data()?;
        times.push(start.elapsed());
    }
    fs::remove_file(&path)?;
    times.sort();
    times.get(WRITES / 2).copied().context("at least one write was timed")
}

#[cfg(test)]
#[expect(clippy::expect_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;

    #[test]
    fn a_write_to_disk_takes_time_and_leaves_nothing() {
        let directory = tempfile::tempdir().expect("a temporary directory");
        assert!(fsync_p50(directory.path()).expect("it writes") > Duration::ZERO);
        assert_eq!(fs::read_dir(directory.path()).expect("it lists").count(), 0);
    }
}
