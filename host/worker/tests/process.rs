//! Real programs through the launcher.
#![expect(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, reason = "a test may fail by panic")]

use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use pintle_core::time::Span;
use pintle_plane::BoxFuture;
use pintle_plane::output::{Channel, Sink};
use pintle_plane::process::{ProcessError, ProcessExit, ProcessSpec, Processes};
use pintle_plane::stop::{StopSignal, Urgency};
use pintle_worker::{Launcher, ReaperCommand};
use tokio::sync::watch;

/// Keeps all, and tells when it holds a text.
#[derive(Default)]
struct Paper {
    stdout: Mutex<Vec<u8>>,
    stderr: Mutex<Vec<u8>>,
    changed: tokio::sync::Notify,
}

impl Sink for Paper {
    fn write(&self, channel: Channel, bytes: &[u8]) {
        match channel {
            Channel::Stdout => self.stdout.lock().unwrap().extend_from_slice(bytes),
            Channel::Stderr => self.stderr.lock().unwrap().extend_from_slice(bytes),
        }
        self.changed.notify_waiters();
    }
}

impl Paper {
    fn stdout(&self) -> String {
        String::from_utf8(self.stdout.lock().unwrap().clone()).unwrap()
    }
    fn stderr(&self) -> String {
        String::from_utf8(self.stderr.lock().unwrap().clone()).unwrap()
    }
    async fn says(&self, text: &str) -> String {
        loop {
            let changed = self.changed.notified();
            tokio::pin!(changed);
            changed.as_mut().enable();
            if self.stdout().contains(text) {
                return self.stdout();
            }
            changed.await;
        }
    }
}

struct Stop(watch::Sender<Urgency>);

impl Stop {
    fn new() -> Arc<Self> {
        Arc::new(Self(watch::Sender::new(Urgency::None)))
    }
}

impl StopSignal for Stop {
    fn urgency(&self) -> Urgency {
        *self.0.borrow()
    }
    fn reached(&self, level: Urgency) -> BoxFuture<'_, ()> {
        let mut changes = self.0.subscribe();
        Box::pin(async move {
            changes.wait_for(|urgency| *urgency >= level).await.unwrap();
        })
    }
}

struct Bench {
    data: tempfile::TempDir,
    launcher: Arc<Launcher>,
    paper: Arc<Paper>,
    stop: Arc<Stop>,
}

impl Bench {
    fn new() -> Self {
        let data = tempfile::tempdir().unwrap();
        // Reapers have a test of their own; here one that does nothing will do.
        let reaper = ReaperCommand { program: "/bin/cat".into(), arguments: vec![], env: vec![] };
        let launcher = Arc::new(Launcher::new(data.path(), reaper).unwrap());
        Self { data, launcher, paper: Arc::default(), stop: Stop::new() }
    }

    fn spec(&self, line: &str) -> ProcessSpec {
        ProcessSpec {
            program: "sh".to_owned(),
            arguments: vec!["-c".to_owned(), line.to_owned()],
            script: None,
            env: vec![("PATH".to_owned(), "/usr/bin:/bin".to_owned())],
            working_dir: self.data.path().to_owned(),
            input: Vec::new(),
            timeout: None,
            kill_grace: Span::from_secs(20),
            stop_signal: None,
            capture: 1024,
            claim: "run-0-1".to_owned(),
        }
    }

    async fn run(&self, spec: ProcessSpec) -> Result<ProcessExit, ProcessError> {
        let run = self.launcher.run(spec, Arc::clone(&self.paper) as _, Arc::clone(&self.stop) as _);
        tokio::time::timeout(Duration::from_secs(60), run).await.expect("the program was not seen to its end")
    }

    fn start(&self, spec: ProcessSpec) -> tokio::task::JoinHandle<Result<ProcessExit, ProcessError>> {
        let (launcher, paper, stop) = (Arc::clone(&self.launcher), Arc::clone(&self.paper), Arc::clone(&self.stop));
        tokio::spawn(async move { launcher.run(spec, paper, stop).await })
    }

    /// Files of claims; what is set aside for others is none.
    fn claims(&self) -> Vec<String> {
        let mut names: Vec<String> = std::fs::read_dir(self.data.path().join("claims"))
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .filter(|name| !name.starts_with(".spare-"))
            .collect();
        names.sort();
        names
    }
}

/// Waits for the end of any process by its pidfd; one that is gone already has ended.
fn wait_gone(pid: &str) {
    let pid = rustix::process::Pid::from_raw(pid.trim().parse().unwrap()).unwrap();
    let Ok(pidfd) = rustix::process::pidfd_open(pid, rustix::process::PidfdFlags::empty()) else { return };
    let mut fds = [rustix::event::PollFd::new(&pidfd, rustix::event::PollFlags::IN)];
    let limit = rustix::event::Timespec { tv_sec: 30, tv_nsec: 0 };
    assert_eq!(rustix::event::poll(&mut fds, Some(&limit)).unwrap(), 1, "process {pid:?} lives on");
}

fn alive(pid: &str) -> bool {
    std::fs::read_to_string(format!("/proc/{}/stat", pid.trim())).is_ok_and(|stat| !stat.contains(") Z "))
}

#[tokio::test]
async fn output_exit_code_and_marker_come_through() {
    let bench = Bench::new();
    let exit = bench.run(bench.spec("echo out; echo err >&2; echo $PINTLE_CLAIM; cat; pwd; exit 3")).await.unwrap();
    let here = bench.data.path().canonicalize().unwrap();
    let wanted = format!("out\nrun-0-1\n{}\n", here.display());
    assert_eq!((exit.code, exit.signal, exit.stopped, exit.timed_out), (Some(3), None, false, false));
    assert_eq!(String::from_utf8(exit.stdout).unwrap(), wanted);
    assert_eq!(bench.paper.stdout(), wanted);
    assert_eq!(exit.stderr_tail, b"err\n");
    assert_eq!(bench.paper.stderr(), "err\n");
    assert!(bench.claims().is_empty(), "{:?}", bench.claims());
}

#[tokio::test]
async fn the_environment_is_the_given_one_alone() {
    let bench = Bench::new();
    let mut spec = bench.spec("");
    (spec.program, spec.arguments) = ("/usr/bin/env".to_owned(), vec![]);
    spec.env.push(("PINTLE_CLAIM".to_owned(), "forged".to_owned()));
    bench.run(spec).await.unwrap();
    let said = bench.paper.stdout();
    let mut lines: Vec<&str> = said.lines().collect();
    lines.sort_unstable();
    let file = format!("PINTLE_CLAIM_FILE={}/claims/run-0-1", bench.data.path().canonicalize().unwrap().display());
    assert_eq!(lines, ["PATH=/usr/bin:/bin", "PINTLE_CLAIM=run-0-1", &file]);
}

#[tokio::test]
async fn large_input_and_output_cross_without_a_deadlock() {
    let bench = Bench::new();
    let input: Vec<u8> = (0..3_000_000u32).map(|n| (n % 251) as u8 % 90 + 33).collect();
    let mut spec = bench.spec("tee /dev/stderr");
    spec.input.clone_from(&input);
    let exit = bench.run(spec).await.unwrap();
    assert_eq!(exit.code, Some(0));
    assert!(*bench.paper.stdout.lock().unwrap() == input, "stdout differs");
    assert!(*bench.paper.stderr.lock().unwrap() == input, "stderr differs");
    assert_eq!(exit.stdout, input[..1024]);
    assert!(exit.stdout_truncated);
    assert_eq!(exit.stderr_tail, input[input.len() - 4096..]);
}

#[tokio::test]
async fn a_program_need_not_read_its_input() {
    let bench = Bench::new();
    let mut spec = bench.spec("exec <&-; exit 0");
    spec.input = vec![b'x'; 1 << 20];
    assert_eq!(bench.run(spec).await.unwrap().code, Some(0));
}

#[tokio::test]
async fn a_script_is_private_runs_by_its_first_line_and_goes_away() {
    let bench = Bench::new();
    let mut spec = bench.spec("");
    spec.program = "{script}".to_owned();
    spec.arguments = vec!["one two".to_owned()];
    spec.script = Some("#!/bin/sh\nstat -c %a \"$0\"\necho \"$0\" \"$1\"\n".to_owned());
    bench.run(spec).await.unwrap();
    let said = bench.paper.stdout();
    let (mode, line) = said.trim_end().split_once('\n').unwrap();
    assert_eq!(mode, "700");
    let path = line.strip_suffix(" one two").unwrap();
    assert!(path.contains("claims/run-0-1."), "{path}");
    assert!(!Path::new(path).exists());
    assert!(bench.claims().is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_scripts_at_once_are_never_busy() {
    let bench = Bench::new();
    let mut all = Vec::new();
    for number in 0..60 {
        let mut spec = bench.spec("");
        (spec.program, spec.arguments) = ("{script}".to_owned(), vec![]);
        spec.script = Some(format!("#!/bin/sh\nexit {number}\n"));
        spec.claim = format!("run-{}-1", number % 7);
        all.push((number, bench.start(spec)));
    }
    for (number, task) in all {
        assert_eq!(task.await.unwrap().unwrap().code, Some(number));
    }
    assert!(bench.claims().is_empty(), "{:?}", bench.claims());
}

#[tokio::test]
async fn what_cannot_start_says_why() {
    let bench = Bench::new();
    let dir = bench.data.path();
    let file = |name: &str, text: &str, mode: u32| {
        let path = dir.join(name);
        std::fs::write(&path, text).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let none = file("none.sh", "#!/nowhere/python -u\n", 0o755);
    let plain = file("plain", "not a program", 0o755);
    let closed = file("closed", "#!/bin/sh\n", 0o644);
    let program = |program: &str| ProcessSpec { program: program.to_owned(), arguments: vec![], ..bench.spec("") };
    let cases = [
        (program("no-such-program-here"), "program `no-such-program-here` was not found"),
        (program("/no/such/program"), "program `/no/such/program` was not found"),
        (program(&none), "program `/nowhere/python` was not found"),
        (program(&plain), "neither a program for this machine nor a script"),
        (program(&closed), "may not be executed by this user"),
        (program(dir.to_str().unwrap()), "it is a directory"),
        (ProcessSpec { working_dir: dir.join("gone"), ..program("/bin/true") }, "working directory"),
        (ProcessSpec { working_dir: plain.into(), ..program("/bin/true") }, "is not a directory"),
        (
            ProcessSpec { arguments: vec!["x".repeat(1 << 20)], ..program("/bin/true") },
            "are too long for the system (1048606 bytes); pass large data in a file or on standard input",
        ),
        (ProcessSpec { stop_signal: Some("SIGFOO".to_owned()), ..program("/bin/true") }, "`SIGFOO` is not a signal"),
    ];
    for (spec, wanted) in cases {
        let said = bench.run(spec.clone()).await.map_err(|error| error.to_string());
        assert!(said.as_ref().is_err_and(|said| said.contains(wanted)), "{} gave {said:?}, not {wanted}", spec.program);
    }
    assert!(bench.claims().is_empty(), "{:?}", bench.claims());
    // Whole sentences: what is wrong, where, what to do.
    let said = bench.run(program("no-such-program-here")).await.unwrap_err().to_string();
    assert_eq!(said, "program `no-such-program-here` was not found; install it, or give its full path");
    let gone = dir.join("gone");
    let said =
        bench.run(ProcessSpec { working_dir: gone.clone(), ..program("/bin/true") }).await.unwrap_err().to_string();
    let wanted = format!(
        "working directory `{}` cannot be used: No such file or directory (os error 2); create it, or change `working_dir`",
        gone.display()
    );
    assert_eq!(said, wanted);
    // A shell that is linked statically has no loader that could be missing.
    let mut elf = std::fs::read("/bin/sh").unwrap();
    if let Some(at) = elf.windows(4).position(|four| four == b"/ld-") {
        elf[at + 1] = b'x';
        let lost = dir.join("lost");
        std::fs::write(&lost, elf).unwrap();
        std::fs::set_permissions(&lost, std::fs::Permissions::from_mode(0o755)).unwrap();
        let lost = lost.to_str().unwrap();
        let said = bench.run(program(lost)).await.unwrap_err().to_string();
        assert_eq!(said, format!("program `{lost} (its loader)` was not found; install it, or give its full path"));
    }
}

#[tokio::test]
async fn a_claim_that_cannot_be_recorded_starts_nothing() {
    let bench = Bench::new();
    std::fs::create_dir(bench.data.path().join("claims/run-0-1")).unwrap();
    let said = bench.run(bench.spec("echo ran")).await.unwrap_err().to_string();
    assert_eq!(said, "could not start `sh`: its claim file cannot be written: Is a directory (os error 21)");
    assert_eq!(bench.paper.stdout(), "");
}

#[test]
fn a_place_that_takes_no_claim_files_is_named() {
    let data = tempfile::tempdir().unwrap();
    let claims = data.path().join("claims");
    std::fs::write(&claims, "").unwrap();
    let reaper = ReaperCommand { program: "/bin/cat".into(), arguments: vec![], env: vec![] };
    let said = Launcher::new(data.path(), reaper).unwrap_err().to_string();
    let sentence = "cannot be used for claim files; make it writable by this user";
    assert_eq!(said, format!("the directory `{}` {sentence}", claims.display()));
}

#[tokio::test]
async fn a_stop_signal_reaches_the_whole_group_and_grace_is_given() {
    let bench = Bench::new();
    // The trap stands before the child that says "ready" is started.
    let mut spec = bench.spec(
        "trap 'wait; echo bye; exit 5' USR1
        sh -c 'trap \"echo child; exit\" USR1; echo ready; while :; do sleep 0.05; done' &
        while :; do sleep 0.05; done",
    );
    spec.stop_signal = Some("usr1".to_owned());
    let task = bench.start(spec);
    bench.paper.says("ready").await;
    bench.stop.0.send_replace(Urgency::Gracefully);
    let exit = task.await.unwrap().unwrap();
    assert_eq!((exit.code, exit.stopped, exit.timed_out), (Some(5), true, false));
    assert_eq!(bench.paper.stdout(), "ready\nchild\nbye\n");
}

#[tokio::test]
async fn a_program_that_ignores_the_signal_is_killed_after_its_grace() {
    let bench = Bench::new();
    let mut spec = bench.spec("trap '' TERM; (trap '' TERM; echo $(exec sh -c 'echo $PPID'); while :; do sleep 1; done) & wait; while :; do sleep 1; done");
    spec.kill_grace = Span(150);
    let task = bench.start(spec);
    let pid = bench.paper.says("\n").await;
    let start = Instant::now();
    bench.stop.0.send_replace(Urgency::Gracefully);
    let exit = task.await.unwrap().unwrap();
    assert!(start.elapsed() >= Duration::from_millis(150), "no grace was given");
    assert_eq!((exit.code, exit.signal.as_deref(), exit.stopped), (None, Some("SIGKILL"), true));
    assert!(!alive(&pid), "the grandchild lives on");
}

#[tokio::test]
async fn at_once_takes_no_grace() {
    let bench = Bench::new();
    let mut spec = bench.spec("trap '' TERM; echo ready; while :; do sleep 1; done");
    spec.kill_grace = Span::from_secs(3600);
    let task = bench.start(spec);
    bench.paper.says("ready").await;
    bench.stop.0.send_replace(Urgency::Gracefully);
    bench.stop.0.send_replace(Urgency::AtOnce);
    let exit = task.await.unwrap().unwrap();
    assert_eq!((exit.signal.as_deref(), exit.stopped), (Some("SIGKILL"), true));
}

#[tokio::test]
async fn a_timeout_stops_it() {
    let bench = Bench::new();
    let mut spec = bench.spec("sleep 60");
    spec.timeout = Some(Span(100));
    let exit = bench.run(spec).await.unwrap();
    assert_eq!((exit.signal.as_deref(), exit.timed_out, exit.stopped), (Some("SIGTERM"), true, false));
}

#[tokio::test]
async fn stopped_before_it_began_it_does_not_begin() {
    let bench = Bench::new();
    bench.stop.0.send_replace(Urgency::Gracefully);
    let exit = bench.run(bench.spec("touch began")).await.unwrap();
    assert!(exit.stopped);
    assert!(!bench.data.path().join("began").exists());
}

#[tokio::test]
async fn a_background_process_that_prints_is_waited_for() {
    let bench = Bench::new();
    let exit = bench.run(bench.spec("(sleep 0.6; echo late) & echo early")).await.unwrap();
    assert_eq!((exit.code, bench.paper.stdout().as_str()), (Some(0), "early\nlate\n"));
    assert_eq!(bench.paper.stderr(), "");
}

#[tokio::test]
async fn a_silent_leftover_is_stopped_and_the_log_says_so() {
    let bench = Bench::new();
    let exit = bench.run(bench.spec("sleep 300 >/dev/null 2>&1 & echo $!")).await.unwrap();
    assert_eq!((exit.code, exit.stopped), (Some(0), false));
    assert!(!alive(&bench.paper.stdout()));
    assert!(bench.paper.stderr().contains("still running when its program ended"), "{}", bench.paper.stderr());
    assert!(bench.claims().is_empty());
}

#[tokio::test]
async fn a_process_that_left_the_group_cannot_hang_the_step() {
    let bench = Bench::new();
    let exit = bench.run(bench.spec("setsid sleep 300 & echo $!; sleep 0.1")).await.unwrap();
    assert_eq!(exit.code, Some(0));
    assert!(bench.paper.stderr().contains("left this step's process group"), "{}", bench.paper.stderr());
    let pid = bench.paper.stdout();
    assert!(alive(&pid), "it asked to live on");
    let pid = rustix::process::Pid::from_raw(pid.trim().parse().unwrap()).unwrap();
    rustix::process::kill_process(pid, rustix::process::Signal::KILL).unwrap();
}

#[tokio::test]
async fn dropping_the_future_kills_the_group() {
    let bench = Bench::new();
    let task = bench.start(bench.spec("sleep 300 & echo $! $$; wait"));
    let said = bench.paper.says("\n").await;
    assert_eq!(bench.claims(), ["run-0-1"]);
    task.abort();
    assert!(task.await.unwrap_err().is_cancelled());
    for pid in said.split_whitespace() {
        wait_gone(pid);
    }
}
