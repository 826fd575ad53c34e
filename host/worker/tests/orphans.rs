//! Nothing outlives its claim: not a killed worker, not a killed worker and reaper.
//!
//! The worker of these tests is this very test program, started again: its test `plays_its_part` plays the role that
//! its environment names.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "a test may fail by panic")]

use std::ffi::OsString;
use std::io::{BufRead, BufReader};
use std::os::fd::OwnedFd;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;

use pintle_core::time::Span;
use pintle_plane::BoxFuture;
use pintle_plane::output::{Channel, Sink};
use pintle_plane::process::{ProcessSpec, Processes};
use pintle_plane::stop::{StopSignal, Urgency};
use pintle_worker::{Launcher, ReaperCommand, Recovered, abandoned, reaper_main, recover};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Pid, PidfdFlags, Signal, kill_process, pidfd_open};

const ROLE: &str = "PINTLE_TEST_ROLE";
const DATA: &str = "PINTLE_TEST_DATA";
const LINE: &str = "PINTLE_TEST_LINE";
const CLAIM: &str = "run-3-7";

struct Forward;

impl Sink for Forward {
    fn write(&self, _: Channel, bytes: &[u8]) {
        use std::io::Write;
        let mut out = std::io::stderr();
        out.write_all(bytes).unwrap();
    }
}

struct Never;

impl StopSignal for Never {
    fn urgency(&self) -> Urgency {
        Urgency::None
    }
    fn reached(&self, _: Urgency) -> BoxFuture<'_, ()> {
        Box::pin(std::future::pending())
    }
}

fn again(role: &str) -> (OsString, Vec<OsString>, Vec<(OsString, OsString)>) {
    let arguments = ["--exact", "plays_its_part", "--ignored", "--nocapture"].map(OsString::from).to_vec();
    (std::env::current_exe().unwrap().into(), arguments, vec![(ROLE.into(), role.into())])
}

/// Not a test: the processes of the tests below.
#[test]
#[ignore = "plays the worker and the reaper of the other tests"]
fn plays_its_part() {
    match std::env::var(ROLE).as_deref() {
        Ok("reaper") => reaper(),
        Ok("worker") => worker(true),
        Ok("worker without reaper") => worker(false),
        Ok("recoverer") => {
            let data = std::env::var(DATA).unwrap();
            println!(
                "\nrecovered: {}",
                recover(Path::new(&data), CLAIM).map_or_else(|e| e.to_string(), |r| format!("{r:?}"))
            );
        }
        _ => {}
    }
}

/// The arguments that a reaper gets stand behind those of the test program, which takes them for filters.
fn reaper() {
    let arguments: Vec<OsString> = std::env::args_os().collect();
    let own = &arguments[arguments.len() - 2..];
    let _ = reaper_main(own);
}

fn worker(reaped: bool) {
    let data = std::env::var(DATA).unwrap();
    let (program, arguments, env) = again("reaper");
    let command = if reaped {
        ReaperCommand { program: program.into(), arguments, env }
    } else {
        ReaperCommand { program: "/bin/true".into(), arguments: vec![], env: vec![] }
    };
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    runtime.block_on(async {
        let launcher = Launcher::new(Path::new(&data), command).unwrap();
        let spec = ProcessSpec {
            program: "sh".to_owned(),
            arguments: vec!["-c".to_owned(), std::env::var(LINE).unwrap()],
            script: None,
            env: vec![("PATH".to_owned(), std::env::var("PATH").unwrap())],
            working_dir: data.clone().into(),
            input: Vec::new(),
            timeout: None,
            kill_grace: Span::from_secs(1),
            stop_signal: None,
            capture: 0,
            claim: CLAIM.to_owned(),
        };
        let _ = launcher.run(spec, Arc::new(Forward), Arc::new(Never)).await;
    });
}

/// A worker that runs a shell line, and what the line printed up to `ready`.
struct Victim {
    child: Child,
    pids: Vec<(i32, OwnedFd)>,
}

impl Victim {
    fn start(role: &str, data: &Path, line: &str) -> Self {
        let (program, arguments, env) = again(role);
        let mut child = Command::new(program)
            .args(arguments)
            .envs(env)
            .env(DATA, data)
            .env(LINE, line)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stderr.take().unwrap()).lines();
        let pids = lines
            .map(|line| line.unwrap())
            .take_while(|line| line != "ready")
            .filter_map(|line| line.parse().ok())
            .map(|pid| (pid, pidfd_open(Pid::from_raw(pid).unwrap(), PidfdFlags::empty()).unwrap()))
            .collect();
        Self { child, pids }
    }

    fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Which of the pids still live, given some time to go.
    fn left(&self, seconds: i64) -> Vec<i32> {
        let limit = Timespec { tv_sec: seconds, tv_nsec: 0 };
        let lives = |pidfd: &OwnedFd| poll(&mut [PollFd::new(pidfd, PollFlags::IN)], Some(&limit)).unwrap() == 0;
        self.pids.iter().filter(|(_, pidfd)| lives(pidfd)).map(|(pid, _)| *pid).collect()
    }
}

/// Prints the pids of: the leader, a child in the group, a child that left the group, and its child.
const FAMILY: &str = "
    trap '' TERM HUP INT
    sleep 300 & echo $!
    setsid sh -c 'sleep 300 & echo $!; echo $$; wait' &
    echo $$
    sleep 0.2
    echo ready
    wait";

fn children(pid: u32) -> Vec<i32> {
    std::fs::read_dir(format!("/proc/{pid}/task"))
        .unwrap()
        .flat_map(|task| {
            std::fs::read_to_string(task.unwrap().path().join("children"))
                .unwrap_or_default()
                .split_whitespace()
                .map(|pid| pid.parse().unwrap())
                .collect::<Vec<i32>>()
        })
        .collect()
}

fn reapers(of: u32) -> Vec<i32> {
    let is_reaper = |pid: &i32| {
        std::fs::read(format!("/proc/{pid}/environ")).is_ok_and(|env| {
            env.split(|byte| *byte == 0).any(|variable| variable == format!("{ROLE}=reaper").as_bytes())
        })
    };
    children(of).into_iter().filter(is_reaper).collect()
}

#[test]
fn i5_the_reaper_kills_the_family_of_a_killed_worker() {
    let data = tempfile::tempdir().unwrap();
    let mut victim = Victim::start("worker", data.path(), FAMILY);
    assert_eq!(victim.pids.len(), 4);
    assert_eq!(reapers(victim.child.id()).len(), 1, "a reaper stands by");
    victim.kill();
    assert_eq!(victim.left(20), Vec::<i32>::new(), "orphans were left alive");
}

#[test]
fn i5_a_reaper_survives_the_signals_that_stop_a_service() {
    let data = tempfile::tempdir().unwrap();
    let mut victim = Victim::start("worker", data.path(), FAMILY);
    let reaper = reapers(victim.child.id())[0];
    // It is deaf once its handlers stand: the kernel says so.
    let deaf = |signal: u32| {
        std::fs::read_to_string(format!("/proc/{reaper}/status")).is_ok_and(|status| {
            status
                .lines()
                .find_map(|line| line.strip_prefix("SigCgt:"))
                .is_some_and(|mask| u64::from_str_radix(mask.trim(), 16).unwrap() & (1 << (signal - 1)) != 0)
        })
    };
    while !(deaf(1) && deaf(2) && deaf(15)) {
        std::thread::yield_now();
    }
    for signal in [Signal::HUP, Signal::INT, Signal::TERM] {
        kill_process(Pid::from_raw(reaper).unwrap(), signal).unwrap();
    }
    victim.kill();
    assert_eq!(victim.left(20), Vec::<i32>::new());
}

#[test]
fn i5_recovery_kills_what_a_killed_worker_without_a_reaper_left() {
    let data = tempfile::tempdir().unwrap();
    let mut victim = Victim::start("worker without reaper", data.path(), FAMILY);
    victim.kill();
    assert_eq!(victim.left(0).len(), 4, "without a reaper they live on: else this test shows nothing");
    let recovered = recover(data.path(), CLAIM).unwrap();
    assert!(recovered.unclean);
    assert!(recovered.killed >= 4, "{recovered:?}");
    assert_eq!(victim.left(0), Vec::<i32>::new(), "recovery returns when they are gone");
    assert_eq!(std::fs::read_dir(data.path().join("claims")).unwrap().count(), 0);
    assert_eq!(recover(data.path(), CLAIM).unwrap(), Recovered::default(), "it may be repeated");
}

#[test]
fn recovery_leaves_strangers_and_other_claims_alone() {
    let data = tempfile::tempdir().unwrap();
    let mut victim = Victim::start("worker without reaper", data.path(), FAMILY);
    victim.kill();
    assert_eq!(recover(data.path(), "run-3-8").unwrap(), Recovered::default());
    assert_eq!(victim.left(0).len(), 4, "another claim of the same step was recovered");
    let mut stranger = Command::new("sleep").arg("300").stdin(Stdio::null()).spawn().unwrap();
    // The number of the stranger's group, and a start time that is not its leader's.
    let forged = format!("boot {}\nworker 1 1\ngroup {} 1 1\n", boot_id(), stranger.id());
    std::fs::write(data.path().join("claims/forged-0-1"), forged).unwrap();
    assert_eq!(recover(data.path(), "forged-0-1").unwrap(), Recovered { unclean: true, killed: 0 });
    assert!(stranger.try_wait().unwrap().is_none(), "a stranger was killed");
    stranger.kill().unwrap();
    stranger.wait().unwrap();
    recover(data.path(), CLAIM).unwrap();
    assert_eq!(victim.left(0), Vec::<i32>::new());
}

#[test]
fn a_claim_is_abandoned_when_its_worker_is_gone_and_not_before() {
    let data = tempfile::tempdir().unwrap();
    assert_eq!(abandoned(data.path(), 9).unwrap(), Vec::<String>::new(), "a data directory without claims");
    let mut victim = Victim::start("worker without reaper", data.path(), FAMILY);
    let private = data.path().join("claims").join(format!("{CLAIM}.0.script"));
    std::fs::write(&private, "").unwrap();
    assert_eq!(abandoned(data.path(), 9).unwrap(), Vec::<String>::new(), "its worker lives");
    victim.kill();
    assert_eq!(abandoned(data.path(), 9).unwrap(), [CLAIM], "named once, whatever it left");
    std::fs::write(data.path().join("claims/other-0-1.out"), "").unwrap();
    assert_eq!(abandoned(data.path(), 9).unwrap(), ["other-0-1", CLAIM]);
    assert_eq!(abandoned(data.path(), 1).unwrap().len(), 1);
    let spare = |name: &str, writer: &str| {
        let boot = std::fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap();
        let path = data.path().join("claims").join(name);
        std::fs::write(&path, format!("boot {}\nworker {writer}\n", boot.trim())).unwrap();
        path
    };
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap();
    let me = format!("{} {}", std::process::id(), stat.rsplit(')').next().unwrap().split_whitespace().nth(19).unwrap());
    let (mine, dead) = (spare(".spare-1-1-0", &me), spare(".spare-1-1-1", "2147483647 1"));
    assert_eq!(abandoned(data.path(), 9).unwrap().len(), 2, "what is set aside is no claim's");
    assert_eq!((mine.exists(), dead.exists()), (true, false), "it goes with its worker");
    std::fs::remove_file(mine).unwrap();
    for claim in abandoned(data.path(), 9).unwrap() {
        recover(data.path(), &claim).unwrap();
    }
    assert_eq!(victim.left(0), Vec::<i32>::new());
    assert_eq!(std::fs::read_dir(data.path().join("claims")).unwrap().count(), 0);
}

#[test]
fn nothing_of_another_boot_is_looked_for() {
    let data = tempfile::tempdir().unwrap();
    let marker = data.path().canonicalize().unwrap().join("claims/old-0-1");
    let mut sleeper =
        Command::new("sleep").arg("300").env("PINTLE_CLAIM_FILE", marker).stdin(Stdio::null()).spawn().unwrap();
    std::fs::create_dir(data.path().join("claims")).unwrap();
    std::fs::write(data.path().join("claims/old-0-1"), "boot another\nworker 1 1\n").unwrap();
    std::fs::write(data.path().join("claims/old-0-1.4.script"), "").unwrap();
    assert_eq!(recover(data.path(), "old-0-1").unwrap(), Recovered { unclean: true, killed: 0 });
    assert!(sleeper.try_wait().unwrap().is_none());
    assert_eq!(std::fs::read_dir(data.path().join("claims")).unwrap().count(), 0, "private files go too");
    sleeper.kill().unwrap();
    sleeper.wait().unwrap();
    let said = recover(data.path(), "../etc").unwrap_err().to_string();
    assert!(said.contains("`../etc` is not a claim: it must be a file name without slashes"), "{said}");
}

#[test]
fn a_claim_file_that_cannot_be_read_is_named() {
    let data = tempfile::tempdir().unwrap();
    let claim = data.path().canonicalize().unwrap().join("claims").join(CLAIM);
    std::fs::create_dir_all(&claim).unwrap();
    let sentence = format!(
        "the claim file `{}` cannot be read or removed, so what its claim left running is not known; make the file \
         readable and writable by this user, or remove it when nothing of the claim runs any more",
        claim.display()
    );
    assert_eq!(recover(data.path(), CLAIM).unwrap_err().to_string(), sentence);
    assert!(claim.exists(), "what is not known was removed");
    std::fs::remove_dir_all(data.path().join("claims")).unwrap();
    std::fs::write(data.path().join("claims"), "").unwrap();
    let said = abandoned(data.path(), 9).unwrap_err().to_string();
    assert!(said.ends_with("/claims` cannot be used for claim files; make it writable by this user"), "{said}");
}

/// What another process is told that recovers the claim; `change` says as whom, or where.
fn recovered_by(data: &Path, change: impl FnOnce(&Path) -> Command) -> String {
    use std::os::unix::fs::PermissionsExt;
    // The binary may lie where a stranger cannot go.
    let own = tempfile::Builder::new().permissions(std::fs::Permissions::from_mode(0o755)).tempdir().unwrap();
    let binary = own.path().join("orphans");
    std::fs::copy(std::env::current_exe().unwrap(), &binary).unwrap();
    let (_, arguments, env) = again("recoverer");
    let output = change(&binary).args(arguments).envs(env).env(DATA, data).output().unwrap();
    let told = String::from_utf8(output.stdout).unwrap();
    told.lines().find_map(|line| line.strip_prefix("recovered: ")).unwrap_or_else(|| panic!("{told}")).to_owned()
}

/// A program under a claim whose worker is gone, and its data directory, which everybody may read.
fn left_behind() -> (tempfile::TempDir, Victim) {
    use std::os::unix::fs::PermissionsExt;
    let data = tempfile::tempdir().unwrap();
    let mut victim = Victim::start("worker without reaper", data.path(), "echo $$; echo ready; sleep 300");
    victim.kill();
    for (path, mode) in [("", 0o755), ("claims", 0o755), (&format!("claims/{CLAIM}"), 0o644)] {
        std::fs::set_permissions(data.path().join(path), std::fs::Permissions::from_mode(mode)).unwrap();
    }
    (data, victim)
}

#[test]
#[ignore = "needs root: it leaves a process that another user may not kill"]
fn what_cannot_be_killed_is_named() {
    use std::os::unix::process::CommandExt;
    let (data, victim) = left_behind();
    let said = recovered_by(data.path(), |binary| {
        let mut command = Command::new(binary);
        command.uid(65_534).gid(65_534);
        command
    });
    let wanted = format!("process(es) of claim `{CLAIM}` are still there after SIGKILL; end them (`ps -e`, [");
    assert!(said.contains(&wanted) && said.ends_with("]) and try again"), "{said}");
    assert!(said.contains(&victim.pids[0].0.to_string()), "{said}");
    assert_eq!(victim.left(0).len(), 1, "it was killed");
    assert!(recover(data.path(), CLAIM).unwrap().unclean, "its claim file was removed");
}

#[test]
#[ignore = "needs root: it covers /proc"]
fn a_machine_without_proc_is_named() {
    let (data, victim) = left_behind();
    let said = recovered_by(data.path(), |binary| {
        let mut command = Command::new("unshare");
        command.args(["--mount", "sh", "-c", "mount -t tmpfs none /proc && exec \"$0\" \"$@\""]).arg(binary);
        command
    });
    assert_eq!(said, "`/proc` cannot be read, so what an old claim left running cannot be found; mount it");
    assert_eq!(victim.left(0).len(), 1);
    assert!(recover(data.path(), CLAIM).unwrap().killed >= 1);
}

fn boot_id() -> String {
    std::fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap().trim().to_owned()
}
