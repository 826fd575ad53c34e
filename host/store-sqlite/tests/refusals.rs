//! Directories and files that cannot be used: one clear sentence each, and nothing is lost.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "a test says so by failing")]

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Command;

use pintle_core::counter::{Fence, Version};
use pintle_core::ids::RunId;
use pintle_core::plan::StepIndex;
use pintle_store::suite::{claimed, submission};
use pintle_store::{Blobs, Channel, CommitError, Error, LogName, Logs, Runs, Steps, Txn};
use pintle_store_sqlite::{Options, Sqlite};

const DIR: &str = "PINTLE_TEST_DIR";
/// Set: the system gives no more threads.
const NO_THREADS: &str = "PINTLE_TEST_NO_THREADS";
const NOBODY: u32 = 65_534;
const PART: [&str; 4] = ["--exact", "plays_its_part", "--ignored", "--nocapture"];

fn block<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(future)
}

async fn commit(store: &Sqlite, txn: Txn) -> Result<Version, CommitError> {
    store.commit(vec![txn]).await.pop().unwrap()
}

fn id(text: &str) -> RunId {
    RunId::new(text).unwrap()
}

fn refusal(dir: &Path) -> String {
    Sqlite::open(Options::new(dir)).map(drop).unwrap_err().to_string()
}

/// Not a test: opens the directory of the environment, and prints the refusal.
#[test]
#[ignore = "plays a part in other tests"]
fn plays_its_part() {
    if std::env::var_os(NO_THREADS).is_some() {
        use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
        let maximum = getrlimit(Resource::Nproc).maximum;
        setrlimit(Resource::Nproc, Rlimit { current: Some(0), maximum }).unwrap();
    }
    match Sqlite::open(Options::new(std::env::var(DIR).unwrap())) {
        Ok(store) => println!("\nwritten: {:?}", block(commit(&store, submission(&id("r"), "etl", 1)))),
        Err(error) => println!("\nrefused: {error}"),
    }
}

/// What a user without rights is told about a directory: root may do everything, so it lets somebody else ask.
fn told_to_a_stranger(dir: &Path) -> String {
    stranger(dir, &[])
}

fn stranger(dir: &Path, env: &[(&str, &str)]) -> String {
    let mut command = Command::new("/proc/self/exe");
    command.args(PART).env(DIR, dir).envs(env.iter().copied());
    if rustix::process::geteuid().is_root() {
        // The binary may lie where a stranger cannot go: it is opened here and executed there.
        command = Command::new(stranger_binary());
        command.args(PART).env(DIR, dir).envs(env.iter().copied()).uid(NOBODY).gid(NOBODY);
    }
    String::from_utf8(command.output().unwrap().stdout).unwrap()
}

/// A copy of this test that everybody may run.
fn stranger_binary() -> std::path::PathBuf {
    let copy = std::env::temp_dir().join(format!("pintle-stranger-{}", std::process::id()));
    if !copy.exists() {
        fs::copy(std::env::current_exe().unwrap(), &copy).unwrap();
        fs::set_permissions(&copy, fs::Permissions::from_mode(0o755)).unwrap();
    }
    copy
}

fn allow(path: &Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

#[test]
fn a_directory_of_somebody_else_is_named() {
    let dir = tempfile::tempdir().unwrap();
    allow(dir.path(), 0o755);
    let home = dir.path().join("home");
    fs::create_dir(&home).unwrap();
    allow(&home, 0o555);
    let told = told_to_a_stranger(&home);
    assert!(told.contains("refused: no permission to write"), "{told}");
    assert!(told.contains(&*home.to_string_lossy()), "{told}");
    assert!(told.contains("--home or PINTLE_HOME"), "{told}");
    let told = told_to_a_stranger(&home.join("below"));
    assert!(told.contains("refused: no permission to write"), "{told}");
    let _ = fs::remove_file(stranger_binary());
}

#[test]
#[ignore = "needs root: nobody else can make a file that is somebody else's"]
fn a_database_of_somebody_else_is_named() {
    let dir = tempfile::tempdir().unwrap();
    drop(Sqlite::open(Options::new(dir.path())).unwrap());
    allow(dir.path(), 0o777);
    allow(&dir.path().join("pintle.write"), 0o666);
    allow(&dir.path().join("pintle.db"), 0o600);
    let told = told_to_a_stranger(dir.path());
    assert!(told.contains("refused: no permission to write"), "{told}");
    assert!(told.contains("pintle.db"), "{told}");
    let _ = fs::remove_file(stranger_binary());
}

#[test]
fn a_system_without_threads_to_give_is_named() {
    let dir = tempfile::tempdir().unwrap();
    allow(dir.path(), 0o755);
    let home = dir.path().join("home");
    fs::create_dir(&home).unwrap();
    allow(&home, 0o777);
    let told = stranger(&home, &[(NO_THREADS, "1")]);
    let sentence = format!(
        "refused: no thread can be started for {}/pintle.db: end other processes of this user, or raise `ulimit -u`\n",
        home.display()
    );
    assert!(told.contains(&sentence), "{told}");
    let _ = fs::remove_file(stranger_binary());
}

#[test]
fn rows_of_a_newer_pintle_are_named() {
    let dir = tempfile::tempdir().unwrap();
    let store = Sqlite::open(Options::new(dir.path())).unwrap();
    for name in ["form", "body", "plan", "row", "step"] {
        block(commit(&store, submission(&id(name), "etl", 1))).unwrap();
    }
    let conn = rusqlite::Connection::open(dir.path().join("pintle.db")).unwrap();
    let changed = |sql: &str| assert!(conn.execute(sql, []).unwrap() > 0, "{sql}");
    changed("update run_event set form = 9 where version = 2 and run = (select seq from run where id = 'form')");
    changed("update run_event set body = '{}' where version = 3 and run = (select seq from run where id = 'body')");
    changed("update run set plan = hex(zeroblob(32)) where id = 'plan'");
    changed("update run set trigger = 'a later one' where id = 'row'");
    changed("update step set role = 'a later one' where run = (select seq from run where id = 'step')");
    let remedy = "cannot be read: a newer pintle wrote it, then use that one, or it is damaged, then restore a copy of \
                  the data directory";
    for (run, what) in [("form", "event 2"), ("body", "event 3"), ("plan", "the plan"), ("row", "the row")] {
        let told = block(store.load(&id(run))).unwrap_err();
        assert!(matches!(told, Error::Unreadable { .. }), "{told:?}");
        assert_eq!(told.to_string(), format!("{what} of run {run} {remedy}"));
    }
    let told = block(store.steps(&id("step"))).unwrap_err();
    assert_eq!(told.to_string(), format!("step 0 of run step {remedy}"));
}

#[test]
fn a_log_that_cannot_be_opened_is_named() {
    let dir = tempfile::tempdir().unwrap();
    let store = Sqlite::open(Options::new(dir.path())).unwrap();
    let log = LogName { run: id("r"), step: StepIndex(0), fence: Fence(1), channel: Channel::Stdout };
    let path = store.layout().log(&log);
    fs::create_dir_all(&path).unwrap();
    let sentence = "the device or file system reported an error; the system's log says more (`dmesg`)";
    let told = block(store.append_log(&log, 0, b"x".to_vec())).unwrap_err().to_string();
    assert_eq!(told, format!("cannot open {}: {sentence}", path.display()));
}

#[test]
fn new_directories_are_their_owners_alone() {
    let dir = tempfile::tempdir().unwrap();
    let home = dir.path().join("a/b");
    drop(Sqlite::open(Options::new(&home)).unwrap());
    for name in ["", "nodes", "claims", "runs", "blobs", "cache"] {
        let mode = fs::metadata(home.join(name)).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode, 0o700, "{name}");
    }
}

/// A mount of the test's own, gone with it.
struct Mounted<'a>(&'a Path);

impl<'a> Mounted<'a> {
    fn on(dir: &'a Path, args: &[&str]) -> Self {
        mount(dir, args);
        Self(dir)
    }
}

impl Drop for Mounted<'_> {
    fn drop(&mut self) {
        // A mount that is left behind does not fail the test that used it.
        let _left = Command::new("umount").arg("-l").arg(self.0).status();
    }
}

fn mount(dir: &Path, args: &[&str]) {
    let done = Command::new("mount").args(args).arg(dir).output().unwrap();
    assert!(done.status.success(), "mount {args:?}: {}", String::from_utf8_lossy(&done.stderr));
}

#[test]
#[ignore = "needs root: it mounts a file system"]
fn a_read_only_file_system_is_named() {
    let dir = tempfile::tempdir().unwrap();
    drop(Sqlite::open(Options::new(dir.path())).unwrap());
    let mounted = Mounted::on(dir.path(), &["--bind", &dir.path().to_string_lossy()]);
    mount(dir.path(), &["-o", "remount,bind,ro"]);
    let told = refusal(dir.path());
    drop(mounted);
    assert!(told.contains("is read-only: make it writable"), "{told}");
    assert!(told.contains("pintle.write"), "{told}");
}

#[test]
fn a_file_in_the_place_of_the_directory_is_named() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("home");
    fs::write(&file, "x").unwrap();
    let sentence = "is not a directory: choose another with --home or PINTLE_HOME";
    assert_eq!(refusal(&file), format!("{} {sentence}", file.display()));
    assert!(refusal(&file.join("below")).ends_with(sentence));
}

#[test]
fn a_corrupt_database_is_named_and_kept() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("pintle.db");
    fs::write(&path, "this is no database, and it is long enough to be looked at by the engine\n".repeat(99)).unwrap();
    let before = fs::read(&path).unwrap();
    let told = refusal(dir.path());
    let dir = dir.path().display();
    assert_eq!(
        told,
        format!(
            "the database {dir}/pintle.db is damaged: set it aside (`mkdir {dir}/damaged && mv {dir}/pintle.db* \
             {dir}/damaged/`) and start again, or restore a copy; nothing was deleted"
        )
    );
    assert_eq!(fs::read(&path).unwrap(), before);
}

#[test]
fn damage_in_the_middle_is_found_by_the_check_and_by_whoever_reads_it() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("pintle.db");
    {
        let store = Sqlite::open(Options::new(dir.path())).unwrap();
        for number in 0..200 {
            block(commit(&store, submission(&id(&format!("r{number:03}")), "etl", number))).unwrap();
        }
        block(store.check()).unwrap();
    }
    // Everything into the one file, and then a hole into every page but the first.
    let conn = rusqlite::Connection::open(&path).unwrap();
    conn.pragma_update_and_check(None, "wal_checkpoint", "truncate", |_| Ok(())).unwrap();
    drop(conn);
    let mut bytes = fs::read(&path).unwrap();
    assert!(bytes.len() > 20 * 4096);
    for page in bytes.chunks_mut(4096).skip(1) {
        page.fill(0xA5);
    }
    fs::write(&path, bytes).unwrap();
    let store = Sqlite::open(Options::new(dir.path()));
    let found = match store {
        Ok(store) => block(store.check()).unwrap_err(),
        Err(error) => error,
    };
    assert!(matches!(found, Error::Corrupt { .. }), "{found:?}");
}

#[test]
fn a_network_file_system_is_refused_before_anything_is_written() {
    let dir = tempfile::tempdir().unwrap();
    let mut options = Options::new(dir.path());
    options.pretend_file_system = Some(0xFF53_4D42);
    let refusal = Sqlite::open(options).map(drop).unwrap_err();
    assert!(matches!(refusal, Error::NetworkFileSystem { kind: "CIFS", .. }), "{refusal:?}");
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 0);
}

#[test]
fn a_newer_schema_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    drop(Sqlite::open(Options::new(dir.path())).unwrap());
    let conn = rusqlite::Connection::open(dir.path().join("pintle.db")).unwrap();
    conn.pragma_update(None, "user_version", 999).unwrap();
    drop(conn);
    let told = refusal(dir.path());
    assert!(told.contains("has schema 999 and this program knows"), "{told}");
    assert!(told.contains("use the newer pintle"), "{told}");
}

#[test]
fn d27_a_full_disk_keeps_what_was_acknowledged_and_takes_more_once_there_is_room() {
    let dir = tempfile::tempdir().unwrap();
    let mut small = Options::new(dir.path());
    small.page_limit = Some(60);
    let store = Sqlite::open(small).unwrap();
    let mut kept = 0;
    let refused = loop {
        match block(commit(&store, submission(&id(&format!("r{kept}")), "etl", kept))) {
            Ok(_) => kept += 1,
            Err(error) => break error,
        }
    };
    assert!(matches!(refused, CommitError::Store(Error::DiskFull { .. })), "{refused:?}");
    assert!(refused.to_string().contains("everything acknowledged so far is kept"), "{refused}");
    assert!(kept > 5);
    for _ in 0..5 {
        let again = block(commit(&store, submission(&id("more"), "etl", 1)));
        assert!(again.is_err(), "refusing does not end");
    }
    drop(store);
    let store = Sqlite::open(Options::new(dir.path())).unwrap();
    for number in 0..kept {
        assert!(block(store.row(&id(&format!("r{number}")))).unwrap().is_some());
    }
    block(commit(&store, submission(&id("more"), "etl", 1))).unwrap();
}

#[test]
#[ignore = "needs root: it mounts a file system"]
fn d27_a_really_full_file_system_is_the_same() {
    let dir = tempfile::tempdir().unwrap();
    let _mounted = Mounted::on(dir.path(), &["-t", "tmpfs", "-o", "size=1m", "none"]);
    let dir = dir.path();
    let store = Sqlite::open(Options::new(dir)).unwrap();
    let mut kept = 0;
    let refused = loop {
        match block(commit(&store, submission(&id(&format!("r{kept}")), "etl", kept))) {
            Ok(_) => kept += 1,
            Err(error) => break error,
        }
    };
    assert!(matches!(refused, CommitError::Store(Error::DiskFull { .. })), "{refused:?}");
    let blob = block(store.put_blob(vec![7; 1 << 20])).unwrap_err();
    assert!(matches!(blob, Error::DiskFull { .. }), "{blob:?}");
    assert!(kept > 5);
    for number in 0..kept {
        assert!(block(store.row(&id(&format!("r{number}")))).unwrap().is_some(), "r{number} of {kept}");
    }
    // Room is made: the same store goes on.
    mount(dir, &["-o", "remount,size=8m"]);
    block(commit(&store, submission(&id("more"), "etl", 1))).unwrap();
    block(commit(&store, claimed(&id("more"), Version(3), Fence(1)))).unwrap();
    block(store.check()).unwrap();
}

#[test]
fn a_full_queue_is_refused_at_the_door() {
    let dir = tempfile::tempdir().unwrap();
    let mut options = Options::new(dir.path());
    options.queue = 1;
    let store = Sqlite::open(options).unwrap();
    let quiet = store.quiesce();
    block(async {
        let mut waiting: Vec<_> =
            (0..4).map(|n| store.commit(vec![submission(&id(&format!("r{n}")), "etl", n)])).collect();
        // The writer may have taken one in hand; one waits; the others find no room.
        let mut refused = 0;
        std::future::poll_fn(|cx| {
            for one in &mut waiting {
                if let std::task::Poll::Ready(answer) = one.as_mut().poll(cx) {
                    let Err(error @ CommitError::Store(Error::Unavailable)) = &answer[0] else { panic!("{answer:?}") };
                    let sentence = "the store has more work waiting than it takes: try again in a moment";
                    assert_eq!(error.to_string(), sentence);
                    refused += 1;
                }
            }
            std::task::Poll::Ready(())
        })
        .await;
        assert!(refused >= 2, "{refused} were refused");
    });
    drop(quiet);
    let later = loop {
        match block(commit(&store, submission(&id("later"), "etl", 9))) {
            Err(CommitError::Store(Error::Unavailable)) => std::thread::yield_now(),
            done => break done,
        }
    };
    later.unwrap();
}
