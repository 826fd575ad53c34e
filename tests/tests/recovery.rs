//! I-2: a finished step is never run again by recovery, whenever the process dies.

#![expect(clippy::indexing_slicing, reason = "indexing JSON answers null where nothing is")]

use std::collections::BTreeMap;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use pintle_tests::{Chance, Home, Lines, Shown, Step, repository};

/// Kills in all, shared out among [`LANES`] homes.
const KILLS: usize = 50;
const LANES: usize = 2;

fn golden() -> Result<String> {
    Ok(std::fs::read_to_string(repository().join("tests/golden/etl-report.md"))?)
}

/// One ETL run: where it reports to, and what it is called.
struct Etl<'h> {
    home: &'h Home,
    run: String,
    out: PathBuf,
}

/// What a kill met.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Met {
    BeforeSubmit,
    InTheMiddle,
    AfterTheEnd,
}

impl<'h> Etl<'h> {
    fn new(home: &'h Home, run: &str) -> Self {
        Self { home, run: run.to_owned(), out: home.path(&format!("out-{run}")) }
    }

    fn start(&self) -> std::process::Command {
        let file = repository().join("examples/etl.yaml");
        let out = format!("out={}", self.out.display());
        let args = [Path::new("start"), &file, Path::new("--run-id"), Path::new(&self.run)];
        let mut command = self.home.command(args);
        command.args(["--output", "json", "--", &out]);
        command
    }

    fn report(&self) -> Result<String> {
        let path = self.out.join("report.md");
        std::fs::read_to_string(&path).with_context(|| format!("no report at {}", path.display()))
    }

    /// Starts, kills after `at`, and answers what it had printed by then.
    fn start_and_kill(&self, at: Duration) -> Result<Lines> {
        let path = self.home.path(&format!("{}.jsonl", self.run));
        let mut child = self.start().stdout(File::create(&path)?).stderr(Stdio::null()).spawn()?;
        // The moment itself is what is tested: any will do.
        std::thread::sleep(at);
        child.kill()?;
        child.wait()?;
        Lines::parse_cut(&std::fs::read_to_string(&path)?)
    }

    /// Where it stands; none if it was killed before it was accepted.
    fn look(&self) -> Result<Option<Shown>> {
        let ended = self.home.run(["status", &self.run, "--output", "json"])?;
        if ended.code() == 1 && ended.stderr.contains("no run") {
            return Ok(None);
        }
        Ok(Some(Shown(serde_json::from_str(&ended.expect_code(0)?.stdout)?)))
    }
}

fn succeeded(shown: &Shown) -> BTreeMap<String, Step> {
    shown.steps().into_iter().filter(|(_, step)| step.status == "succeeded").collect()
}

/// Kills one run at `at`, goes on with it, and holds all that was promised against what is found.
fn kill_and_resume(etl: &Etl<'_>, at: Duration, by_retry: bool, golden: &str) -> Result<Met> {
    let first = etl.start_and_kill(at)?;
    let Some(before) = etl.look()? else {
        ensure!(first.of("step_ended").next().is_none(), "steps ended in a run that nobody knows");
        let again = etl.home.command_wait(etl.start())?;
        again.expect_code(0)?;
        ensure!(etl.report()? == golden, "the report differs");
        return Ok(Met::BeforeSubmit);
    };
    if before.status() == "succeeded" {
        ensure!(etl.report()? == golden, "the report of the finished run differs");
        return Ok(Met::AfterTheEnd);
    }
    ensure!(before.status() == "waiting", "a run whose process is gone is {}", before.status());
    let kept = succeeded(&before);
    for ended in first.of("step_ended").filter(|line| line["end"]["status"] == "succeeded") {
        let name = ended["step"].as_str().unwrap_or_default();
        ensure!(kept.contains_key(name), "{name} had succeeded, and that was printed, but it is not recorded");
    }
    let resumed = match by_retry {
        true => etl.home.run(["retry", &etl.run, "--output", "json"])?,
        false => etl.home.run(["start", "--resume", &etl.run, "--output", "json"])?,
    };
    let second = Lines::parse(&resumed.expect_code(0)?.stdout)?;
    let claimed_again: Vec<String> =
        second.steps("step_claimed").into_iter().filter(|step| kept.contains_key(step)).collect();
    ensure!(claimed_again.is_empty(), "finished steps were claimed again: {claimed_again:?}");
    let after = etl.home.status(&etl.run)?;
    ensure!(after.status() == "succeeded", "it ended as {}", after.status());
    for (name, step) in &kept {
        ensure!(after.step(name)? == *step, "{name} was {step:?} and is {:?}", after.step(name)?);
    }
    let mut ends: BTreeMap<String, usize> = BTreeMap::new();
    for name in first.steps("step_ended").into_iter().chain(second.steps("step_ended")) {
        *ends.entry(name).or_default() += 1;
    }
    ensure!(ends.values().all(|count| *count == 1), "a step ended more than once: {ends:?}");
    let open = after.steps().into_iter().find(|(_, step)| step.status != "succeeded" && !is_idle_handler(step));
    ensure!(open.is_none(), "the run succeeded, but {open:?}");
    ensure!(etl.report()? == golden, "the report differs from the golden one");
    Ok(Met::InTheMiddle)
}

/// The failure handler of a run that succeeded never begins.
fn is_idle_handler(step: &Step) -> bool {
    step.attempt == 0 && step.started_at.is_empty()
}

#[test]
fn i2_an_etl_killed_at_50_random_moments_keeps_what_was_finished() -> Result<()> {
    let golden = golden()?;
    let lanes: Vec<Result<BTreeMap<Met, usize>>> = std::thread::scope(|scope| {
        let lanes: Vec<_> = (0..LANES)
            .map(|lane| {
                scope.spawn({
                    let golden = &golden;
                    move || run_lane(lane, golden)
                })
            })
            .collect();
        lanes.into_iter().map(|lane| lane.join().unwrap_or_else(|_| Err(anyhow::anyhow!("a lane panicked")))).collect()
    });
    let mut met: BTreeMap<Met, usize> = BTreeMap::new();
    for lane in lanes {
        for (what, count) in lane.with_context(|| format!("PINTLE_TEST_SEED={}", Chance::seed()))? {
            *met.entry(what).or_default() += count;
        }
    }
    println!("{KILLS} kills: {met:?}, seed {}", Chance::seed());
    let middle = met.get(&Met::InTheMiddle).copied().unwrap_or_default();
    ensure!(middle >= KILLS / 2, "only {middle} of {KILLS} kills met a run in the middle: {met:?}");
    Ok(())
}

fn run_lane(lane: usize, golden: &str) -> Result<BTreeMap<Met, usize>> {
    let home = Home::new()?;
    // The first start makes the directory; the second tells how long a run takes.
    let mut whole = Duration::ZERO;
    for name in ["first", "measured"] {
        let etl = Etl::new(&home, name);
        let begun = Instant::now();
        home.command_wait(etl.start())?.expect_code(0)?;
        whole = begun.elapsed();
        ensure!(etl.report()? == golden, "the report differs from tests/golden/etl-report.md:\n{}", etl.report()?);
    }
    let mut chance = Chance::new(lane as u64);
    let mut met = BTreeMap::new();
    for n in 0..KILLS / LANES {
        let etl = Etl::new(&home, &format!("run-{lane}-{n}"));
        let at = whole.mul_f64(chance.fraction());
        let what = kill_and_resume(&etl, at, n % 2 == 0, golden)
            .with_context(|| format!("run {} killed after {at:?} of {whole:?}", etl.run))?;
        *met.entry(what).or_default() += 1;
    }
    Ok(met)
}

/// Waits for a file that a step touches, so that the kill meets the step.
fn started(home: &Home, name: &str, lines: usize) -> Result<()> {
    pintle_tests::wait::until("the step's line", Duration::from_secs(20), || {
        Ok((home.read(name).lines().count() >= lines).then_some(()))
    })
}

const LOST: &str = r#"
steps:
  - id: before
    run: echo kept | tee -a BEFORE
    output: KEPT
  - id: hit
    depends: before
    on_lost: WAY
    run: |
      echo "losses ${PINTLE_LOSSES:-0}" >> HIT
      if [ "${PINTLE_LOSSES:-0}" -ge TIMES ]; then exit 0; fi
      while :; do sleep 1; done
  - id: after
    depends: hit
    run: echo "after $KEPT"
"#;

fn lost(home: &Home, way: &str, times: u32) -> String {
    let path = |name: &str| home.path(name).display().to_string();
    LOST.replace("BEFORE", &path("before.txt"))
        .replace("HIT", &path("hit.txt"))
        .replace("WAY", way)
        .replace("TIMES", &times.to_string())
}

#[test]
fn a_lost_step_runs_again_and_knows_how_often_it_was_lost() -> Result<()> {
    let home = Home::new()?;
    let dag = home.write("lost.yaml", lost(&home, "rerun", 2))?;
    let live = home.spawn([Path::new("start"), &dag, Path::new("--run-id"), Path::new("twice")])?;
    started(&home, "hit.txt", 1)?;
    live.kill()?;
    home.status("twice")?.expect(&[("before", "succeeded"), ("after", "not_started")])?;
    let live = home.spawn(["start", "--resume", "twice"])?;
    started(&home, "hit.txt", 2)?;
    live.kill()?;
    home.run(["retry", "twice"])?.expect_code(0)?.expect_printed(&["after | after kept"])?;
    ensure!(home.read("hit.txt") == "losses 0\nlosses 1\nlosses 2\n", "{}", home.read("hit.txt"));
    ensure!(home.read("before.txt") == "kept\n", "a finished step ran again");
    Ok(())
}

#[test]
fn a_step_that_is_lost_too_often_is_parked_and_retry_runs_it_once_more() -> Result<()> {
    let home = Home::new()?;
    let dag = home.write("lost.yaml", lost(&home, "rerun", 99))?;
    let mut live = home.spawn([Path::new("start"), &dag, Path::new("--run-id"), Path::new("often")])?;
    // Three losses are forgiven, the fourth is not.
    for loss in 1..=4 {
        started(&home, "hit.txt", loss)?;
        live.kill()?;
        if loss < 4 {
            live = home.spawn(["start", "--resume", "often"])?;
        } else {
            break;
        }
    }
    let ended = home.run(["start", "--resume", "often"])?;
    ended.expect_code(0)?;
    let shown = home.status("often")?;
    ensure!(shown.status() == "waiting", "it is {}", shown.status());
    shown.expect(&[("hit", "waiting"), ("after", "not_started")])?;
    ensure!(home.read("hit.txt").lines().count() == 4, "a parked step ran: {}", home.read("hit.txt"));
    ensure!(ended.stderr.contains("parked") || ended.stderr.contains("retry"), "{}", ended.stderr);
    Ok(())
}

#[test]
fn on_lost_park_waits_for_a_person_and_on_lost_fail_fails() -> Result<()> {
    for way in ["park", "fail"] {
        let home = Home::new()?;
        let dag = home.write("lost.yaml", lost(&home, way, 1))?;
        let live = home.spawn([Path::new("start"), &dag, Path::new("--run-id"), Path::new("lost")])?;
        started(&home, "hit.txt", 1)?;
        live.kill()?;
        let resumed = home.run(["start", "--resume", "lost"])?;
        let shown = home.status("lost")?;
        ensure!(home.read("hit.txt").lines().count() == 1, "with on_lost: {way} it ran again");
        match way {
            "park" => {
                resumed.expect_code(0)?;
                ensure!(shown.status() == "waiting", "it is {}", shown.status());
                shown.expect(&[("hit", "waiting")])?;
                // A person looked, and says: again.
                let dag_goes_on = home.run(["retry", "lost"])?;
                dag_goes_on.expect_code(0)?;
                ensure!(home.status("lost")?.status() == "succeeded");
            }
            "fail" => {
                resumed.expect_code(1)?;
                shown.expect(&[("hit", "failed"), ("after", "aborted")])?;
                let said = shown.step("hit")?.message;
                ensure!(said == "its worker was lost and the step says on_lost: fail", "{said}");
            }
            other => bail!("no such way: {other}"),
        }
    }
    Ok(())
}

#[test]
fn a_finished_step_keeps_its_outputs_through_a_kill() -> Result<()> {
    let home = Home::new()?;
    let flag = home.path("go");
    let dag = format!(
        r#"
steps:
  - id: made
    run: |
      echo "text=two words" >> "$PINTLE_OUTPUT_FILE"
      echo 'data={{"n": [1, 2]}}' >> "$PINTLE_OUTPUT_FILE"
      echo printed
    output: PRINTED
    outputs: [{{name: text}}, {{name: data, type: json}}]
  - id: wait
    depends: made
    run: until test -e {flag}; do sleep 0.02; done
  - id: told
    depends: wait
    run: echo "$PRINTED, ${{steps.made.outputs.text}}", '${{steps.made.outputs.data}}'
"#,
        flag = flag.display()
    );
    let dag = home.write("kept.yaml", dag)?;
    let args = ["start", &dag.display().to_string(), "--run-id", "kept", "--output", "json"].map(str::to_owned);
    let mut live = home.spawn(args)?;
    live.until_shown("\"step\":\"wait\"")?;
    live.kill()?;
    home.write("go", "")?;
    let resumed = home.run(["retry", "kept"])?;
    resumed.expect_code(0)?.expect_printed(&["told | printed, two words, {\"n\":[1,2]}"])?;
    Ok(())
}

#[test]
fn a_retry_of_a_failed_run_keeps_what_succeeded() -> Result<()> {
    let home = Home::new()?;
    let ok = home.path("ok");
    let dag = format!(
        "steps:\n  - id: a\n    run: echo a >> {0}.a\n  - id: b\n    depends: a\n    run: test -e {0} && echo b >> {0}.b\n  \
         - id: c\n    depends: b\n    run: echo c >> {0}.c\n  - id: side\n    run: echo side >> {0}.side\n",
        ok.display()
    );
    let lines = home.start_json(&dag, 1)?;
    let run = lines.result()?.run().to_owned();
    home.status(&run)?.expect(&[("a", "succeeded"), ("b", "failed"), ("c", "aborted"), ("side", "succeeded")])?;
    home.write("ok", "")?;
    home.run(["retry", &run])?.expect_code(0)?;
    let shown = home.status(&run)?;
    ensure!(shown.0["attempt"] == 2, "{}", shown.0);
    let counts = ["ok.a", "ok.b", "ok.c", "ok.side"].map(|name| home.read(name).lines().count());
    ensure!(counts == [1, 1, 1, 1], "steps ran {counts:?} times");
    // A named step runs again although it succeeded, and what is behind it where that is wanted.
    home.run(["retry", &run, "--step", "a"])?.expect_code(0)?;
    let counts = ["ok.a", "ok.b", "ok.c", "ok.side"].map(|name| home.read(name).lines().count());
    ensure!(counts == [2, 1, 1, 1], "steps ran {counts:?} times");
    home.run(["retry", &run, "--step", "b", "--downstream"])?.expect_code(0)?;
    let counts = ["ok.a", "ok.b", "ok.c", "ok.side"].map(|name| home.read(name).lines().count());
    ensure!(counts == [2, 2, 2, 1], "steps ran {counts:?} times");
    Ok(())
}
