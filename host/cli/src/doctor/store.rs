//! The data directory: file system, locks, database, cache, and a plugin that is run on them.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

use anyhow::Context as _;
use pintle_core::counter::{Attempt, Fence};
use pintle_core::ids::{RunId, TenantId};
use pintle_core::run::RunStatus;
use pintle_core::time::Span;
use pintle_plane::BoxFuture;
use pintle_plane::executor::{Executor as _, Performed, Task};
use pintle_plane::output::{Channel, Sink};
use pintle_plane::stop::{StopSignal, Urgency};
use pintle_store::{Clock as _, Error, RunFilter, Runs as _};
use pintle_store_sqlite::{Options, Sqlite};
use rustix::fs::{FlockOperation, flock, statfs, statvfs};

use super::Check;
use crate::home;
use crate::join::executors;
use crate::settings::Settings;

/// Less room than this is worth a word.
const ROOM: u64 = 256 * 1024 * 1024;
/// With less room than this a run may stand still before it has done anything: its plan, its log and what its first
/// start compiles have to be kept.
const LEAST_ROOM: u64 = 16 * 1024 * 1024;
/// A first run compiles; this is long.
const SLOW: u128 = 10_000;

/// All checks of the data directory.
pub(super) async fn checks(settings: &Settings) -> Vec<Check> {
    let home = &settings.home;
    let mut checks = vec![writable(home)];
    if !home.is_dir() {
        return checks;
    }
    checks.extend([file_system(home), room(home), locks(home), key(home)]);
    match Sqlite::open(Options::new(home)) {
        Ok(store) => {
            checks.push(database(&store).await);
            checks.push(clock(&store));
            checks.push(open_runs(&store).await);
        }
        Err(error) => checks.push(Check::bad("database", error.to_string(), "")),
    }
    checks.push(Check::of("plugins run", plugins_run(settings).await));
    checks
}

/// Makes the directory as `start` would, and a file in it.
fn writable(home: &Path) -> Check {
    let about = "data directory";
    let made = std::fs::create_dir_all(home).and_then(|()| probe(home));
    match made {
        Ok(_) => Check::good(about, home.display().to_string()),
        Err(error) => Check::bad(
            about,
            format!("{} cannot be written: {error}", home.display()),
            "make it writable for this user, or choose another with --home or PINTLE_HOME",
        ),
    }
}

/// A file that is gone when it is dropped.
fn probe(home: &Path) -> std::io::Result<Probe> {
    let path = home.join(format!(".doctor-{}", std::process::id()));
    let file = File::options().read(true).write(true).create(true).truncate(true).open(&path)?;
    Ok(Probe { path, file })
}

struct Probe {
    path: PathBuf,
    file: File,
}

impl Drop for Probe {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.path);
    }
}

/// Names of file systems by their magic number (linux/magic.h); the flag: other machines write there too.
const FILE_SYSTEMS: [(u64, &str, bool); 14] = [
    (0xef53, "ext4", false),
    (0x5846_5342, "xfs", false),
    (0x9123_683e, "btrfs", false),
    (0x2fc1_2fc1, "zfs", false),
    (0xf2f5_2010, "f2fs", false),
    (0x794c_7630, "overlayfs", false),
    (0x0102_1994, "tmpfs", false),
    (0x6969, "nfs", true),
    (0xff53_4d42, "cifs", true),
    (0xfe53_4d42, "smb2", true),
    (0x00c3_6400, "ceph", true),
    (0x0102_1997, "9p", true),
    (0x6573_5546, "fuse", true),
    (0x0bd0_0bd0, "lustre", true),
];

fn file_system(home: &Path) -> Check {
    match statfs(home) {
        Ok(stat) => kind(u64::from_ne_bytes(stat.f_type.to_ne_bytes())),
        Err(error) => unknown("file system", home, error.into()),
    }
}

/// The system does not tell.
fn unknown(about: &'static str, home: &Path, error: std::io::Error) -> Check {
    let advice = format!("see whether {} can be reached, or choose another with --home", home.display());
    Check::odd(about, format!("not known: {error}"), advice)
}

fn kind(kind: u64) -> Check {
    let about = "file system";
    match FILE_SYSTEMS.iter().find(|(magic, _, _)| *magic == kind) {
        Some((_, "tmpfs", _)) => {
            Check::odd(about, "tmpfs", "it is empty after a restart of the machine: choose a directory on a disk")
        }
        Some((_, name, false)) => Check::good(about, *name),
        Some((_, name, true)) => {
            Check::odd(about, *name, "locks may not hold between machines there: choose a directory on a local disk")
        }
        None => {
            Check::odd(about, format!("unknown (0x{kind:x})"), "if it is a network file system, choose a local disk")
        }
    }
}

fn room(home: &Path) -> Check {
    match statvfs(home) {
        Ok(stat) => free(stat.f_bavail.saturating_mul(stat.f_frsize)),
        Err(error) => unknown("room", home, error.into()),
    }
}

fn free(free: u64) -> Check {
    let about = "room";
    let found = format!("{} MiB free", free / 1024 / 1024);
    if free < LEAST_ROOM {
        Check::bad(
            about,
            format!("{found}, which is too little for a run"),
            format!("free some, at least {} MiB, or choose another disk with --home", LEAST_ROOM / 1024 / 1024),
        )
    } else if free < ROOM {
        Check::odd(about, found, "free some, or choose another disk with --home")
    } else {
        Check::good(about, found)
    }
}

/// A lock that is held must be refused to a second descriptor, and given once it is free.
fn locks(home: &Path) -> Check {
    let tried = || -> std::io::Result<bool> {
        let first = probe(home)?;
        let second = File::open(&first.path)?;
        flock(&first.file, FlockOperation::NonBlockingLockExclusive)?;
        let held = flock(&second, FlockOperation::NonBlockingLockExclusive).is_err();
        flock(&first.file, FlockOperation::Unlock)?;
        Ok(held && flock(&second, FlockOperation::NonBlockingLockExclusive).is_ok())
    };
    held(tried())
}

fn held(tried: std::io::Result<bool>) -> Check {
    match tried {
        Ok(true) => Check::good("locks", "hold"),
        Ok(false) => Check::bad(
            "locks",
            "a second lock was given while the first was held",
            "choose a directory on a local disk",
        ),
        Err(error) => Check::bad("locks", format!("cannot be taken: {error}"), "choose a directory on a local disk"),
    }
}

fn key(home: &Path) -> Check {
    Check::of("key", home::key(home).map(|_| "readable by its owner alone".to_owned()))
}

async fn database(store: &Sqlite) -> Check {
    let begun = Instant::now();
    match store.check().await {
        Ok(()) => Check::good("database", format!("whole (checked in {} ms)", begun.elapsed().as_millis())),
        // What the engine found is for whoever mends it.
        Err(ref error @ Error::Corrupt { ref cause, .. }) => {
            Check::bad("database", error.to_string(), format!("the engine says: {cause}"))
        }
        Err(error) => Check::of("database", Err(error.into())),
    }
}

fn clock(store: &Sqlite) -> Check {
    let wall = jiff::Timestamp::now().as_microsecond();
    let store = i64::try_from(store.now().as_micros()).unwrap_or(i64::MAX);
    apart(wall.abs_diff(store) / 1_000_000)
}

fn apart(apart: u64) -> Check {
    if apart < 60 {
        return Check::good("store time", "agrees with the machine's clock");
    }
    let advice = "runs are not hurt by it; times of runs are shown in store time";
    Check::odd("store time", format!("is {apart} s from the machine's clock"), advice)
}

async fn open_runs(store: &Sqlite) -> Check {
    let filter = RunFilter { statuses: vec![RunStatus::Waiting], ..RunFilter::default() };
    match store.list(&filter, None, 10).await {
        Ok(page) if page.rows.is_empty() => Check::good("runs", "none waits for somebody"),
        Ok(page) => {
            let ids: Vec<String> = page.rows.iter().map(|row| row.id.to_string()).collect();
            Check::odd("runs", format!("waiting: {}", ids.join(", ")), "`pintle status RUN` says for what")
        }
        Err(error) => Check::bad("runs", error.to_string(), ""),
    }
}

/// A plugin is loaded from the code cache, or compiled into it, and called.
async fn plugins_run(settings: &Settings) -> anyhow::Result<String> {
    let executors = executors(settings, None)?;
    let begun = Instant::now();
    let task = Task {
        tenant: TenantId::default_tenant(),
        run: RunId::new("doctor")?,
        step: "doctor".to_owned(),
        attempt: Attempt(1),
        fence: Fence(1),
        operation_key: "doctor".to_owned(),
        dry_run: false,
        action: "jq.filter".to_owned(),
        input_json: r#"{"filter":".a","data":{"a":1}}"#.to_owned(),
        env: Vec::new(),
        working_dir: settings.home.clone(),
        remaining: Some(Span::from_secs(60)),
        claim: format!("doctor-{}-0-1", std::process::id()),
        losses: 0,
        token: None,
    };
    match executors.perform(task, Arc::new(Silent), Arc::new(Never)).await {
        Performed::Done { .. } => {
            let took = begun.elapsed();
            let slow = if took.as_millis() > SLOW { ", which is slow" } else { "" };
            Ok(format!("`jq.filter` answered in {:.1} ms{slow}", took.as_secs_f64() * 1000.0))
        }
        Performed::Failed(failure) => Err(anyhow::anyhow!(failure.message)).context("`jq.filter` failed"),
        Performed::Later { .. } => Err(anyhow::anyhow!("it wants to go on later")).context("`jq.filter` failed"),
    }
}

struct Silent;

impl Sink for Silent {
    fn write(&self, _: Channel, _: &[u8]) {}
}

struct Never;

impl StopSignal for Never {
    fn urgency(&self) -> Urgency {
        Urgency::None
    }

    fn reached(&self, level: Urgency) -> BoxFuture<'_, ()> {
        Box::pin(async move {
            if level > Urgency::None {
                std::future::pending::<()>().await;
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::super::Mark;
    use super::*;

    type Told<'a> = (Mark, &'a str, &'a str);

    fn told(check: &Check) -> Told<'_> {
        (check.mark, &check.found, &check.advice)
    }

    #[test]
    fn a_directory_that_cannot_be_written_is_named() -> anyhow::Result<()> {
        let dir = tempfile::tempdir()?;
        let home = dir.path().join("home");
        std::fs::write(&home, "")?;
        let advice = "make it writable for this user, or choose another with --home or PINTLE_HOME";
        let found = format!("{} cannot be written: File exists (os error 17)", home.display());
        assert_eq!(told(&writable(&home)), (Mark::Bad, found.as_str(), advice));
        let below = home.join("below");
        let found = format!("{} cannot be written: Not a directory (os error 20)", below.display());
        assert_eq!(told(&writable(&below)), (Mark::Bad, found.as_str(), advice));
        Ok(())
    }

    #[test]
    fn a_place_that_cannot_be_asked_is_named() {
        let gone = Path::new("/nowhere/home");
        let wanted: Told<'_> = (
            Mark::Odd,
            "not known: No such file or directory (os error 2)",
            "see whether /nowhere/home can be reached, or choose another with --home",
        );
        assert_eq!(told(&file_system(gone)), wanted);
        assert_eq!(told(&room(gone)), wanted);
        let found = "cannot be taken: No such file or directory (os error 2)";
        assert_eq!(told(&locks(gone)), (Mark::Bad, found, "choose a directory on a local disk"));
    }

    #[test]
    fn each_kind_of_file_system_has_its_advice() {
        let tmpfs = "it is empty after a restart of the machine: choose a directory on a disk";
        assert_eq!(told(&kind(0x0102_1994)), (Mark::Odd, "tmpfs", tmpfs));
        let shared = "locks may not hold between machines there: choose a directory on a local disk";
        assert_eq!(told(&kind(0x6969)), (Mark::Odd, "nfs", shared));
        let unknown = "if it is a network file system, choose a local disk";
        assert_eq!(told(&kind(0xabc)), (Mark::Odd, "unknown (0xabc)", unknown));
        assert_eq!(told(&kind(0xef53)), (Mark::Good, "ext4", ""));
    }

    #[test]
    fn little_room_is_told() {
        let advice = "free some, or choose another disk with --home";
        assert_eq!(told(&free(ROOM - 1)), (Mark::Odd, "255 MiB free", advice));
        assert_eq!(told(&free(ROOM)), (Mark::Good, "256 MiB free", ""));
        assert_eq!(told(&free(LEAST_ROOM)).0, Mark::Odd);
        let advice = "free some, at least 16 MiB, or choose another disk with --home";
        let found = "15 MiB free, which is too little for a run";
        assert_eq!(told(&free(LEAST_ROOM - 1)), (Mark::Bad, found, advice));
    }

    #[test]
    fn locks_that_do_not_hold_are_told() -> anyhow::Result<()> {
        let found = "a second lock was given while the first was held";
        assert_eq!(told(&held(Ok(false))), (Mark::Bad, found, "choose a directory on a local disk"));
        let dir = tempfile::tempdir()?;
        assert_eq!(told(&locks(dir.path())), (Mark::Good, "hold", ""));
        Ok(())
    }

    #[test]
    fn a_clock_that_was_changed_is_told() {
        let advice = "runs are not hurt by it; times of runs are shown in store time";
        assert_eq!(told(&apart(60)), (Mark::Odd, "is 60 s from the machine's clock", advice));
        assert_eq!(told(&apart(59)), (Mark::Good, "agrees with the machine's clock", ""));
    }
}
