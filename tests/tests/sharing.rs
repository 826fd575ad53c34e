//! Many processes, one data directory: all finish, nobody starves, nobody hears of locks.

#![expect(clippy::indexing_slicing, reason = "indexing JSON answers null where nothing is")]

use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use pintle_tests::{Ended, Home, dag};

/// How long, unless `PINTLE_TEST_SECONDS` says otherwise.
const SECONDS: u64 = 12;
/// So long is a run whose figure is the promise's: nothing else is to be done on the machine meanwhile.
const WHOLE: u64 = 60;
/// The promise: a write waits for no longer, queue, locks of other processes and commit together.
const WRITE_P99: Duration = Duration::from_millis(20);
/// What is asked of a shorter run, beside which other tests run: that nobody starves. A writer that is starved by the
/// others waits for as long as they write, which is seconds.
const WRITE_P99_BESIDE_OTHERS: Duration = Duration::from_millis(500);

/// Fails half of the time, by turns, so that there is always something to retry.
const FLAKY: &str = r#"
steps:
  - id: a
    run: echo a
  - id: b
    depends: a
    run: if [ -e TOGGLE ]; then rm -f TOGGLE; else touch TOGGLE; exit 1; fi
  - id: c
    depends: b
    run: echo c
"#;

/// One kind of user: how often it came, and how long it waited at most.
#[derive(Debug, Default)]
struct User {
    count: usize,
    slowest: Duration,
    all: Vec<Duration>,
}

impl User {
    fn took(&mut self, begun: Instant) {
        let took = begun.elapsed();
        self.count += 1;
        self.slowest = self.slowest.max(took);
        self.all.push(took);
    }

    fn median(&mut self) -> Duration {
        self.all.sort_unstable();
        self.all.get(self.all.len() / 2).copied().unwrap_or_default()
    }
}

/// How long each commit of all processes took, as their stores' own log says.
#[derive(Debug, Default)]
struct Writes(Mutex<Vec<u64>>);

impl Writes {
    /// Processes that say so, a line of JSON each time.
    fn told_by(home: Home) -> Home {
        home.with_env("PINTLE_LOG_LEVEL", "warn,pintle_store_sqlite=trace").with_env("PINTLE_LOG_FORMAT", "json")
    }

    fn read(&self, ended: &Ended) {
        let lines = ended.stderr.lines().filter_map(|line| serde_json::from_str::<serde_json::Value>(line).ok());
        let took = lines.filter_map(|line| line["fields"]["took_us"].as_u64());
        self.0.lock().unwrap_or_else(PoisonError::into_inner).extend(took);
    }

    /// Prints the figure, and holds the promise to it.
    fn judge(self, seconds: u64) -> Result<()> {
        let mut took = self.0.into_inner().unwrap_or_else(PoisonError::into_inner);
        took.sort_unstable();
        let last = took.len().saturating_sub(1);
        let at = |share: usize| Duration::from_micros(took.get(last * share / 100).copied().unwrap_or_default());
        let (p50, p99, slowest) = (at(50), at(99), at(100));
        println!("writes: {} in {seconds} s, p50 {p50:?}, p99 {p99:?}, slowest {slowest:?}", took.len());
        ensure!(took.len() > 100, "only {} writes were told of", took.len());
        let most = if seconds >= WHOLE { WRITE_P99 } else { WRITE_P99_BESIDE_OTHERS };
        ensure!(p99 <= most, "p99 of the writes is {p99:?}; {most:?} is promised");
        Ok(())
    }
}

fn clean(ended: &Ended, codes: &[i32]) -> Result<()> {
    for word in ["database is locked", "SQLITE_BUSY", "panicked", "write lock"] {
        let said = ended.stdout.contains(word) || ended.stderr.contains(word);
        ensure!(!said, "somebody heard of {word:?}:\n{}\n{}", ended.stdout, ended.stderr);
    }
    ensure!(codes.contains(&ended.code()), "it ended with {}:\n{}\n{}", ended.status, ended.stdout, ended.stderr);
    Ok(())
}

#[test]
fn three_starts_with_status_and_retry_share_one_directory() -> Result<()> {
    let seconds = std::env::var("PINTLE_TEST_SECONDS").ok().and_then(|text| text.parse().ok()).unwrap_or(SECONDS);
    let home = Writes::told_by(Home::new()?);
    let writes = Writes::default();
    let fan = home.write("fan.yaml", dag::fan(6, "echo {n}"))?;
    let chain = home.write("chain.yaml", dag::chain(8, "echo {n}"))?;
    let toggle = home.path("toggle").display().to_string();
    let flaky = home.write("flaky.yaml", FLAKY.replace("TOGGLE", &toggle))?;
    home.run([Path::new("start"), &fan])?.expect_code(0)?;
    let over = AtomicBool::new(false);
    let begun = Instant::now();
    let going = || begun.elapsed() < Duration::from_secs(seconds) && !over.load(Ordering::Relaxed);
    let runs = AtomicUsize::new(1);
    let starts = |file: &Path| -> Result<User> {
        let mut user = User::default();
        while going() {
            let at = Instant::now();
            let ended = home.run([Path::new("start"), file, Path::new("-q")])?;
            user.took(at);
            runs.fetch_add(1, Ordering::Relaxed);
            writes.read(&ended);
            clean(&ended, &[0]).inspect_err(|_| over.store(true, Ordering::Relaxed))?;
        }
        Ok(user)
    };
    let looks = || -> Result<User> {
        let mut user = User::default();
        while going() {
            let at = Instant::now();
            let ended = home.run(["status", "--output", "json"])?;
            user.took(at);
            clean(&ended, &[0]).inspect_err(|_| over.store(true, Ordering::Relaxed))?;
        }
        Ok(user)
    };
    let retries = || -> Result<User> {
        let mut user = User::default();
        while going() {
            let id = format!("flaky-{}", user.count);
            let first = home.run([Path::new("start"), &flaky, Path::new("-r"), Path::new(&id)])?;
            runs.fetch_add(1, Ordering::Relaxed);
            writes.read(&first);
            clean(&first, &[1]).inspect_err(|_| over.store(true, Ordering::Relaxed))?;
            let at = Instant::now();
            let again = home.run(["retry", &id])?;
            user.took(at);
            writes.read(&again);
            clean(&again, &[0]).inspect_err(|_| over.store(true, Ordering::Relaxed))?;
        }
        Ok(user)
    };
    let users: Vec<(&str, Result<User>)> = std::thread::scope(|scope| {
        let threads = [
            ("start of a fan", scope.spawn(|| starts(&fan))),
            ("start of a fan", scope.spawn(|| starts(&fan))),
            ("start of a chain", scope.spawn(|| starts(&chain))),
            ("status", scope.spawn(looks)),
            ("retry", scope.spawn(retries)),
        ];
        let join = |thread: std::thread::ScopedJoinHandle<'_, Result<User>>| {
            thread.join().unwrap_or_else(|_| Err(anyhow::anyhow!("it panicked")))
        };
        threads.into_iter().map(|(name, thread)| (name, join(thread))).collect()
    });
    // The first that failed made the others stop: that one is to be told, not that they came too seldom.
    let users: Vec<(&str, User)> =
        users.into_iter().map(|(name, user)| Ok((name, user.context(name)?))).collect::<Result<_>>()?;
    for (name, mut user) in users {
        ensure!(user.count >= 3, "`{name}` came to its turn only {} times in {seconds} s", user.count);
        let (median, slowest) = (user.median(), user.slowest);
        println!("{name}: {} times in {seconds} s, median {median:?}, slowest {slowest:?}", user.count);
        ensure!(user.slowest < Duration::from_secs(10), "`{name}` waited {:?}", user.slowest);
    }
    writes.judge(seconds)?;
    let history = home.run(["history", "--format", "json", "--limit", "1000"])?;
    let listed: serde_json::Value = serde_json::from_str(&history.expect_code(0)?.stdout)?;
    let listed = listed.as_array().context("history is no array")?;
    let wanted = runs.load(Ordering::Relaxed);
    ensure!(listed.len() == wanted.min(1000), "{} runs are listed, {wanted} were started", listed.len());
    ensure!(listed.iter().all(|run| run["status"] == "succeeded"), "a run did not end well");
    Ok(())
}

#[test]
fn a_stopped_process_does_not_hold_up_the_others() -> Result<()> {
    use rustix::process::Signal;
    let home = Home::new()?;
    let go = home.path("go");
    let long = format!("steps:\n  - id: a\n    run: until test -e {}; do sleep 0.02; done\n", go.display());
    let long = home.write("long.yaml", long)?;
    let mut live = home.spawn([Path::new("start"), &long, Path::new("--output"), Path::new("json")])?;
    live.until_shown("step_claimed")?;
    live.signal(Signal::TSTP)?;
    let stat = format!("/proc/{}/stat", live.pid().as_raw_nonzero());
    pintle_tests::wait::until("the stop", Duration::from_secs(10), || {
        let text = std::fs::read_to_string(&stat)?;
        Ok(text.rsplit(')').next().is_some_and(|rest| rest.trim_start().starts_with('T')).then_some(()))
    })?;
    let begun = Instant::now();
    for _ in 0..5 {
        home.start("steps:\n  - run: echo other\n")?.expect_code(0)?;
    }
    ensure!(begun.elapsed() < Duration::from_secs(10), "five small runs took {:?}", begun.elapsed());
    // It still owns its run.
    let run = home.run(["history", "long", "--format", "json"])?;
    let listed: serde_json::Value = serde_json::from_str(&run.expect_code(0)?.stdout)?;
    ensure!(listed[0]["status"] == "running", "{listed}");
    home.write("go", "")?;
    live.signal(Signal::CONT)?;
    live.wait()?.expect_code(0)?;
    Ok(())
}
