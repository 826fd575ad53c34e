//! What the figures were measured on.

use std::fs::{self, File};
use std::io::Write as _;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};

/// Writes of which the median is told.
const WRITES: usize = 64;

/// Prints processor, memory, load, and how long a write takes to reach the disk of a directory.
pub(super) fn describe(directory: &Path) -> Result<()> {
    let cpus = thread::available_parallelism().map_or(1, usize::from);
    let model = line("/proc/cpuinfo", "model name").unwrap_or_else(|| std::env::consts::ARCH.to_owned());
    let memory = line("/proc/meminfo", "MemTotal").unwrap_or_else(|| "unknown".to_owned());
    let load = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    let load = load.split_whitespace().take(3).collect::<Vec<_>>().join(" ");
    println!("machine: {cpus} x {model}, memory {memory}, load {load}");
    println!("disk:    fsync p50 {:.2} ms", fsync_p50(directory)?.as_secs_f64() * 1000.0);
    println!("mode:    `process` (survives kill -9; may lose the last commits at power loss)");
    Ok(())
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
