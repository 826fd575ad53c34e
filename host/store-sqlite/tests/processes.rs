//! Several processes on one directory, and what is left when they are killed.
//!
//! A child is this same test binary, told by the environment which part to play.
#![expect(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test says so by failing")]

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use pintle_core::counter::{Fence, Version};
use pintle_core::ids::{NodeId, RunId};
use pintle_store::suite::{claimed, ended, submission};
use pintle_store::{Changes, CommitError, Error, Nodes, RunFilter, Runs, Txn};
use pintle_store_sqlite::{Mode, Options, Sqlite};

const PART: &str = "PINTLE_TEST_PART";
const DIR: &str = "PINTLE_TEST_DIR";
const NAME: &str = "PINTLE_TEST_NAME";

/// Starts a child that plays `part` in `dir` under `name`.
fn child(part: &str, dir: &Path, name: &str) -> Child {
    Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "plays_its_part", "--ignored", "--nocapture"])
        .env(PART, part)
        .env(DIR, dir)
        .env(NAME, name)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap()
}

/// The next line of a child that begins with `word`; what follows it.
fn said(lines: &mut impl BufRead, word: &str) -> Option<String> {
    let mut line = String::new();
    while lines.read_line(&mut line).unwrap() > 0 {
        if let Some((_, rest)) = line.split_once(word) {
            return Some(rest.trim().to_owned());
        }
        line.clear();
    }
    None
}

fn stdout(child: &mut Child) -> BufReader<ChildStdout> {
    BufReader::new(child.stdout.take().unwrap())
}

fn say(line: &str) {
    let mut out = std::io::stdout().lock();
    writeln!(out, "\n{line}").unwrap();
    out.flush().unwrap();
}

fn block<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(future)
}

fn open(dir: &Path, mode: Mode) -> Sqlite {
    Sqlite::open(Options::new(dir).mode(mode)).unwrap()
}

async fn commit(store: &Sqlite, txn: Txn) -> Result<Version, CommitError> {
    store.commit(vec![txn]).await.pop().unwrap()
}

fn id(text: &str) -> RunId {
    RunId::new(text).unwrap()
}

/// Not a test: what children do.
#[test]
#[ignore = "plays the other processes of the tests below"]
fn plays_its_part() {
    let part = std::env::var(PART).unwrap();
    let (dir, name) = (std::env::var(DIR).unwrap(), std::env::var(NAME).unwrap());
    let store = open(Path::new(&dir), Mode::Process);
    match part.as_str() {
        "busy" => block(busy(&store, &name)),
        "small" => block(small(&store, &name)),
        "endless" => block(endless(&store, &name)),
        "opener" => say("opened"),
        "failing" => block(failing(&store)),
        "node" => block(async {
            assert!(store.register(&NodeId::new(&name).unwrap()).await.unwrap());
            say("registered");
            std::future::pending::<()>().await;
        }),
        "holder" => hold(Path::new(&dir)),
        other => panic!("no part {other}"),
    }
}

/// A `start` with a fan-out: commits as fast as it can, for a while; the slowest tells about fairness.
async fn busy(store: &Sqlite, name: &str) {
    let begun = Instant::now();
    let mut took = Vec::new();
    for number in 0.. {
        if begun.elapsed() > Duration::from_secs(3) {
            break;
        }
        let run = id(&format!("{name}-{number}"));
        let mut version = Version(0);
        for txn in
            [submission(&run, "etl", number), claimed(&run, Version(3), Fence(1)), ended(&run, Version(4), Fence(1))]
        {
            let at = Instant::now();
            version = commit(store, txn).await.unwrap();
            took.push(at.elapsed());
        }
        assert_eq!(version, Version(5));
    }
    report(took);
}

/// A `retry` or `stop` now and then: opens the store anew each time, reads a list, writes once.
async fn small(store: &Sqlite, name: &str) {
    let dir = store.layout().root().to_owned();
    let begun = Instant::now();
    let mut took = Vec::new();
    for number in 0.. {
        if begun.elapsed() > Duration::from_secs(3) {
            break;
        }
        let store = open(&dir, Mode::Process);
        store.list(&RunFilter::default(), None, 20).await.unwrap();
        let at = Instant::now();
        commit(&store, submission(&id(&format!("{name}-{number}")), "small", number)).await.unwrap();
        took.push(at.elapsed());
    }
    report(took);
}

fn report(mut took: Vec<Duration>) {
    took.sort();
    let p99 = took.get(took.len() * 99 / 100).unwrap();
    say(&format!("took {} {} {}", took.len(), p99.as_micros(), took.last().unwrap().as_micros()));
}

/// Acknowledges each commit by a line, until it is killed.
async fn endless(store: &Sqlite, name: &str) {
    for number in 0.. {
        let run = id(&format!("{name}-{number:06}"));
        let version = commit(store, submission(&run, "etl", number)).await.unwrap();
        say(&format!("kept {run} {version}"));
    }
}

/// Lets the device fail: writes past a size fail as on a broken disk, if `SIGXFSZ` is ignored.
fn break_device(broken: bool) {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let maximum = getrlimit(Resource::Fsize).maximum;
    setrlimit(Resource::Fsize, Rlimit { current: if broken { Some(4096) } else { maximum }, maximum }).unwrap();
}

/// One failure is got over; two in a row are the end.
async fn failing(store: &Sqlite) {
    let mut number = 0;
    let mut next = async || {
        number += 1;
        commit(store, submission(&id(&format!("r{number}")), "etl", number)).await
    };
    next().await.unwrap();
    break_device(true);
    let first = next().await.unwrap_err();
    assert!(matches!(first, CommitError::Store(Error::Io { .. })), "the first failure: {first:?}");
    let database = store.layout().root().join("pintle.db");
    let sentence = "the device or file system reported an error; the system's log says more (`dmesg`)";
    assert_eq!(first.to_string(), format!("cannot use {}: {sentence}", database.display()));
    break_device(false);
    next().await.unwrap();
    break_device(true);
    for _ in 0..2 {
        assert!(matches!(next().await, Err(CommitError::Store(Error::Io { .. }))), "a failure again");
    }
    break_device(false);
    let stopped = next().await.unwrap_err().to_string();
    let sentence = "the store has stopped: two writes in a row failed at the device; start the process again";
    assert_eq!(stopped, sentence);
    assert_eq!(store.events_after(&id("r3"), Version(0)).await.unwrap().len(), 3, "reads go on");
    say("survived");
}

/// Takes the write lock as another pintle would, and keeps it.
fn hold(dir: &Path) {
    let file = std::fs::OpenOptions::new().write(true).open(dir.join("pintle.write")).unwrap();
    rustix::fs::flock(&file, rustix::fs::FlockOperation::LockExclusive).unwrap();
    say("held");
    loop {
        std::thread::park();
    }
}

/// How late this machine wakes a sleeper, p99: so a figure is held to what the store does, not to what else runs here.
fn lateness(over: &AtomicBool) -> Duration {
    const NAP: Duration = Duration::from_millis(1);
    let mut late = Vec::new();
    while !over.load(Ordering::Relaxed) {
        let begun = Instant::now();
        std::thread::sleep(NAP);
        late.push(begun.elapsed() - NAP);
    }
    late.sort();
    late[late.len() * 99 / 100]
}

/// Three busy processes and two small ones in one directory for three seconds: whether each write kept its promise.
fn shared_for_a_while(dir: &Path) -> Result<(), String> {
    let over = Arc::new(AtomicBool::new(false));
    let onlooker = std::thread::spawn({
        let over = Arc::clone(&over);
        move || lateness(&over)
    });
    let parts = [("busy", "a"), ("busy", "b"), ("busy", "c"), ("small", "d"), ("small", "e")];
    let mut children: Vec<Child> = parts.map(|(part, name)| child(part, dir, name)).into();
    let (mut all, mut worst) = (0, 0);
    for (child, (part, name)) in children.iter_mut().zip(parts) {
        let mut lines = stdout(child);
        let told = said(&mut lines, "took ").unwrap();
        let figures: Vec<u64> = told.split(' ').map(|figure| figure.parse().unwrap()).collect();
        assert_eq!(said(&mut lines, "took "), None);
        println!("{part} {name}: {} writes, p99 {} us, slowest {} us", figures[0], figures[1], figures[2]);
        assert!(child.wait().unwrap().success());
        assert!(figures[0] > 20, "{part} {name} was starved: {told}");
        all += figures[0];
        worst = worst.max(figures[1]);
    }
    over.store(true, Ordering::Relaxed);
    let (worst, late) = (Duration::from_micros(worst), onlooker.join().unwrap());
    let store = open(dir, Mode::Process);
    block(async {
        store.check().await.unwrap();
        let rows: usize = {
            let (mut count, mut cursor) = (0, None);
            loop {
                let page = store.list(&RunFilter::default(), cursor.as_ref(), 1000).await.unwrap();
                count += page.rows.len();
                cursor = page.next;
                if cursor.is_none() {
                    break count;
                }
            }
        };
        assert!(rows as u64 >= all / 3, "{rows} runs of {all} writes");
    });
    // 20 ms is promised where nothing else runs, and tests share their machine. A write sleeps twice, until the writer's
    // thread wakes up and until its caller does, and each time the machine is as late as it is with everybody.
    match worst <= Duration::from_millis(20) + 2 * late {
        true => Ok(()),
        false => Err(format!("p99 {worst:?}, and a sleeper is woken {late:?} late")),
    }
}

#[test]
fn busy_and_small_writers_share_a_directory_and_none_starves() {
    let begun = Instant::now();
    let mut told = Vec::new();
    // A device that is busy for others for a moment is as late as ours is: one round in three must be undisturbed.
    while told.len() < 3 {
        let dir = tempfile::tempdir().unwrap();
        match shared_for_a_while(dir.path()) {
            Ok(()) => break,
            Err(late) => told.push(late),
        }
    }
    assert!(told.len() < 3, "{told:?}");
    assert!(begun.elapsed() < Duration::from_secs(180));
}

#[test]
fn i1_what_was_acknowledged_is_there_after_kill_9() {
    let dir = tempfile::tempdir().unwrap();
    for round in 0..8 {
        let name = format!("round-{round}");
        let mut writer = child("endless", dir.path(), &name);
        let mut lines = stdout(&mut writer);
        let mut kept = Vec::new();
        // Each round is killed after another number of answers, in the middle of whatever comes next.
        for _ in 0..=round * 37 {
            kept.extend(said(&mut lines, "kept "));
        }
        writer.kill().unwrap();
        writer.wait().unwrap();
        while let Some(line) = said(&mut lines, "kept ") {
            kept.push(line);
        }
        let store = open(dir.path(), Mode::Process);
        block(async {
            for line in &kept {
                let Some((run, version)) = line.split_once(' ') else { continue };
                let stored = store.load(&id(run)).await.unwrap();
                let stored = stored.unwrap_or_else(|| panic!("{run} was acknowledged and is gone"));
                assert_eq!(stored.row.version.to_string(), version);
                assert_eq!(stored.events.len(), 3);
            }
            store.check().await.unwrap();
        });
        assert!(kept.len() > round * 37);
    }
}

#[test]
fn a_device_that_fails_twice_in_a_row_stops_the_writer() {
    let dir = tempfile::tempdir().unwrap();
    // The signal that a too large file sends is ignored by a shell for the child: no library call is needed.
    let mut failing = Command::new("sh")
        .args(["-c", r#"trap "" XFSZ; exec "$0" --exact plays_its_part --ignored --nocapture"#])
        .arg(std::env::current_exe().unwrap())
        .env(PART, "failing")
        .env(DIR, dir.path())
        .env(NAME, "f")
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = stdout(&mut failing);
    assert!(said(&mut lines, "survived").is_some());
    assert_eq!(said(&mut lines, "never"), None);
    assert!(failing.wait().unwrap().success());
    let store = open(dir.path(), Mode::Process);
    block(async {
        for run in ["r1", "r3"] {
            assert!(store.row(&id(run)).await.unwrap().is_some(), "{run} was acknowledged");
        }
        store.check().await.unwrap();
    });
}

#[test]
fn many_open_a_new_directory_at_once() {
    let dir = tempfile::tempdir().unwrap();
    let home = dir.path().join("home");
    let mut openers: Vec<Child> = (0..8).map(|n| child("opener", &home, &n.to_string())).collect();
    for opener in &mut openers {
        let mut lines = stdout(opener);
        assert!(said(&mut lines, "opened").is_some());
        assert_eq!(said(&mut lines, "never"), None);
        assert!(opener.wait().unwrap().success());
    }
}

#[test]
fn a_killed_node_is_dead_at_once() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path(), Mode::Process);
    let node = NodeId::new("other").unwrap();
    let mut other = child("node", dir.path(), "other");
    let mut lines = stdout(&mut other);
    said(&mut lines, "registered").unwrap();
    block(async {
        assert!(store.is_alive(&node).await.unwrap());
        assert!(!store.register(&node).await.unwrap(), "two processes under one id");
        other.kill().unwrap();
        other.wait().unwrap();
        assert!(!store.is_alive(&node).await.unwrap());
        assert!(store.register(&node).await.unwrap());
    });
}

#[test]
fn another_process_writing_is_noticed() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path(), Mode::Process);
    let before = store.mark().unwrap();
    let mut writer = child("endless", dir.path(), "w");
    let mut lines = stdout(&mut writer);
    said(&mut lines, "kept ").unwrap();
    assert_ne!(store.mark().unwrap(), before);
    let seen = block(store.versions(&[id("w-000000"), id("w")])).unwrap();
    assert_eq!(seen, [(id("w-000000"), Version(3))]);
    writer.kill().unwrap();
    writer.wait().unwrap();
}

#[test]
fn a_lock_that_is_never_let_go_is_named_and_nothing_is_lost() {
    let dir = tempfile::tempdir().unwrap();
    let mut options = Options::new(dir.path());
    options.patience = Duration::from_millis(50);
    let store = Sqlite::open(options).unwrap();
    let mut holder = child("holder", dir.path(), "h");
    let mut lines = stdout(&mut holder);
    said(&mut lines, "held").unwrap();
    block(async {
        let refused = commit(&store, submission(&id("r1"), "etl", 1)).await.unwrap_err().to_string();
        assert!(refused.starts_with("another process has held the write lock"), "{refused}");
        assert!(refused.contains("pintle.write"), "{refused}");
        assert!(store.row(&id("r1")).await.unwrap().is_none(), "readers do not wait");
        holder.kill().unwrap();
        holder.wait().unwrap();
        assert_eq!(commit(&store, submission(&id("r1"), "etl", 1)).await.unwrap(), Version(3));
    });
}

#[test]
fn a_quiet_store_holds_no_lock_and_goes_on_afterwards() {
    let dir = tempfile::tempdir().unwrap();
    let (ours, theirs) = (open(dir.path(), Mode::Process), open(dir.path(), Mode::Process));
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).build().unwrap();
    let waiting = {
        let quiet = ours.quiesce();
        let store = ours.clone();
        let waiting = runtime.spawn(async move { commit(&store, submission(&id("ours"), "etl", 1)).await });
        runtime.block_on(commit(&theirs, submission(&id("theirs"), "etl", 2))).unwrap();
        assert!(runtime.block_on(theirs.row(&id("ours"))).unwrap().is_none());
        drop(quiet);
        waiting
    };
    assert_eq!(runtime.block_on(waiting).unwrap().unwrap(), Version(3));
}
