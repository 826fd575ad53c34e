//! I-5: nothing of an old claim acts once the new one has begun, however its processes hide.

use std::path::Path;
use std::time::Duration;

use anyhow::{Result, ensure};
use pintle_tests::{Home, wait};

/// Appends who it is each 100 ms: losses, pid. The first claim never ends by itself, later ones after eight lines.
const APPEND: &str = r#"
n=0
while :; do
  echo "${PINTLE_LOSSES:-0} $$" >> "$1"
  n=$((n + 1))
  if [ "${PINTLE_LOSSES:-0}" -gt 0 ] && [ "$n" -ge 8 ]; then exit 0; fi
  sleep 0.1
done
"#;

struct Line {
    losses: u32,
    pid: i32,
}

fn lines(home: &Home) -> Vec<Line> {
    let parse = |line: &str| {
        let (losses, pid) = line.split_once(' ')?;
        Some(Line { losses: losses.parse().ok()?, pid: pid.parse().ok()? })
    };
    home.read("lines").lines().filter_map(parse).collect()
}

/// Kills `pintle start` while `script` appends; after the resume nothing old may append, and nothing old may live.
fn leaves_nothing(script: &str, kills: u32) -> Result<()> {
    let home = Home::new()?;
    let append = home.write("append.sh", APPEND)?;
    let file = home.path("lines");
    let script =
        script.replace("APPEND", &format!("sh {} {}", append.display(), file.display())).replace('\n', "\n      ");
    let dag = format!("max_clean_up_time_sec: 1\nsteps:\n  - id: append\n    run: |\n      {script}\n");
    let dag = home.write("dag.yaml", dag)?;
    let mut live = home.spawn([Path::new("start"), &dag, Path::new("--run-id"), Path::new("orphan")])?;
    for kill in 0..kills {
        wait::until("five lines of the claim", Duration::from_secs(20), || {
            Ok((lines(&home).iter().filter(|line| line.losses == kill).count() >= 5).then_some(()))
        })?;
        live.kill()?;
        live = home.spawn(["start", "--resume", "orphan"])?;
    }
    live.wait()?.expect_code(0)?;
    let all = lines(&home);
    for (earlier, later) in all.iter().zip(all.iter().skip(1)) {
        ensure!(earlier.losses <= later.losses, "a line of claim {} follows one of {}", later.losses, earlier.losses);
    }
    ensure!(all.iter().any(|line| line.losses == kills), "the last claim wrote nothing");
    for line in all.iter().filter(|line| line.losses < kills) {
        ensure!(!wait::lives(line.pid), "process {} of an old claim lives", line.pid);
    }
    Ok(())
}

#[test]
fn i5_a_shell_does_not_outlive_its_claim() -> Result<()> {
    leaves_nothing("APPEND", 1)
}

#[test]
fn i5_a_grandchild_in_the_background_does_not_outlive_its_claim() -> Result<()> {
    leaves_nothing("APPEND &\nwait", 1)
}

#[test]
fn i5_a_grandchild_in_a_session_of_its_own_does_not_outlive_its_claim() -> Result<()> {
    leaves_nothing("setsid APPEND &\nwait", 1)
}

#[test]
fn i5_a_daemon_that_lost_its_parent_does_not_outlive_its_claim() -> Result<()> {
    let script = "(setsid APPEND &)\nif [ \"${PINTLE_LOSSES:-0}\" -gt 0 ]; then sleep 1.2; else sleep 600; fi";
    leaves_nothing(script, 1)
}

#[test]
fn i5_a_shell_that_is_deaf_to_signals_does_not_outlive_its_claim() -> Result<()> {
    leaves_nothing("trap '' TERM HUP INT\nAPPEND", 1)
}

#[test]
fn i5_three_kills_in_a_row_leave_one_claim() -> Result<()> {
    leaves_nothing("APPEND & APPEND", 3)
}
