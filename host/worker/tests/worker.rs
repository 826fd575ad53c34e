//! The worker against a coordinator and an executor that do as the test says.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test may fail by panic"
)]

use std::collections::{HashMap, VecDeque};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use pintle_core::counter::{Attempt, Fence, Version};
use pintle_core::ids::{RunId, TenantId, WorkerId};
use pintle_core::plan::{OutputKind, StepIndex};
use pintle_core::run::command::{FailReason, Finished, Outcome};
use pintle_core::time::Span;
use pintle_plane::BoxFuture;
use pintle_plane::executor::{Executor, Failure, Fault, Performed, Task};
use pintle_plane::output::{Channel, Sink};
use pintle_plane::stop::{StopSignal, Urgency};
use pintle_plane::worker::{
    Assignment, ClaimId, Condition, LogChunk, Notice, PlaneError, Probe, Reported, Settled, Taken, WorkerPlane,
};
use pintle_worker::{Error, Handle, Observer, Options, Worker};
use tokio::sync::{Notify, mpsc};
use tokio::task::JoinHandle;

/// A coordinator: hands out what is queued, and does with reports what it is told to.
struct Plane {
    state: Mutex<State>,
    changed: Notify,
    notices: tokio::sync::Mutex<mpsc::UnboundedReceiver<Result<Notice, PlaneError>>>,
    tell: mpsc::UnboundedSender<Result<Notice, PlaneError>>,
    /// Claims wait here while it is locked, ...
    claim_gate: tokio::sync::Mutex<()>,
    /// ... and reports here.
    report_gate: tokio::sync::Mutex<()>,
}

#[derive(Default)]
struct State {
    ready: VecDeque<Assignment>,
    answers: VecDeque<Result<Taken, PlaneError>>,
    settled: Vec<Settled>,
    reports: Vec<(usize, usize)>,
    claims: Vec<usize>,
    held: Vec<ClaimId>,
    most_held: usize,
    logs: HashMap<(ClaimId, Channel), Vec<u8>>,
    log_refusals: usize,
}

impl State {
    fn give(&mut self, want: usize) -> Vec<Assignment> {
        let given: Vec<Assignment> = self.ready.drain(..want.min(self.ready.len())).collect();
        self.held.extend(given.iter().map(|assignment| assignment.claim.clone()));
        self.most_held = self.most_held.max(self.held.len());
        given
    }
}

impl Plane {
    fn new(ready: impl IntoIterator<Item = Assignment>) -> Arc<Self> {
        let (tell, notices) = mpsc::unbounded_channel();
        let state = State { ready: ready.into_iter().collect(), ..State::default() };
        Arc::new(Self {
            state: Mutex::new(state),
            changed: Notify::new(),
            notices: tokio::sync::Mutex::new(notices),
            tell,
            claim_gate: tokio::sync::Mutex::new(()),
            report_gate: tokio::sync::Mutex::new(()),
        })
    }

    fn state<T>(&self, look: impl FnOnce(&mut State) -> T) -> T {
        look(&mut self.state.lock().unwrap())
    }

    fn notify(&self, notice: Notice) {
        self.tell.send(Ok(notice)).unwrap();
    }

    async fn until(&self, what: &str, holds: impl Fn(&State) -> bool) {
        let wait = async {
            loop {
                let changed = self.changed.notified();
                tokio::pin!(changed);
                changed.as_mut().enable();
                if self.state(|state| holds(state)) {
                    return;
                }
                changed.await;
            }
        };
        tokio::time::timeout(Duration::from_secs(30), wait).await.unwrap_or_else(|_| panic!("never happened: {what}"));
    }

    async fn outcome(&self, step: u32) -> Outcome {
        self.until("the step is settled", |state| state.settled.iter().any(|s| s.claim == claim(step))).await;
        self.state(|state| state.settled.iter().find(|s| s.claim == claim(step)).unwrap().outcome.clone())
    }

    fn log(&self, step: u32, channel: Channel) -> String {
        self.state(|state| {
            String::from_utf8(state.logs.get(&(claim(step), channel)).cloned().unwrap_or_default()).unwrap()
        })
    }
}

impl WorkerPlane for Plane {
    fn claim(&self, _: WorkerId, want: usize) -> BoxFuture<'_, Result<Vec<Assignment>, PlaneError>> {
        Box::pin(async move {
            let _open = self.claim_gate.lock().await;
            let given = self.state(|state| {
                state.claims.push(want);
                state.give(want)
            });
            self.changed.notify_waiters();
            Ok(given)
        })
    }

    fn report(&self, _: WorkerId, settled: Vec<Settled>, want: usize) -> BoxFuture<'_, Result<Reported, PlaneError>> {
        Box::pin(async move {
            let _open = self.report_gate.lock().await;
            let answer = self.state(|state| {
                state.reports.push((settled.len(), want));
                let mut taken = Vec::new();
                for settled in settled {
                    match state.answers.pop_front().unwrap_or(Ok(Taken::Accepted { version: Version(1) })) {
                        Err(error) => return Err(error),
                        Ok(answer) => {
                            if !matches!(answer, Taken::Retry(_)) {
                                state.held.retain(|held| *held != settled.claim);
                            }
                            if matches!(answer, Taken::Accepted { .. }) {
                                state.settled.push(settled);
                            }
                            taken.push(answer);
                        }
                    }
                }
                Ok(Reported { taken, claimed: state.give(want) })
            });
            self.changed.notify_waiters();
            answer
        })
    }

    fn notice(&self, _: WorkerId) -> BoxFuture<'_, Result<Notice, PlaneError>> {
        Box::pin(async move { self.notices.lock().await.recv().await.unwrap() })
    }

    fn append_log(&self, chunk: LogChunk) -> BoxFuture<'_, Result<(), PlaneError>> {
        Box::pin(async move {
            let taken = self.state(|state| {
                if state.log_refusals > 0 {
                    state.log_refusals -= 1;
                    return Err(PlaneError::Unavailable("busy".to_owned()));
                }
                let log = state.logs.entry((chunk.claim, chunk.channel)).or_default();
                assert_eq!(chunk.offset, log.len() as u64, "a chunk came out of order, or left a gap");
                log.extend_from_slice(&chunk.bytes);
                Ok(())
            });
            self.changed.notify_waiters();
            taken
        })
    }
}

/// What a step's "program" does: the action's name says it.
#[derive(Default)]
struct Actor {
    tasks: Mutex<Vec<Task>>,
    begun: Notify,
    go: Notify,
}

fn done(code: i32) -> Performed {
    Performed::Done { outputs: Vec::new(), exit_code: Some(code) }
}

impl Executor for Actor {
    fn perform<'a>(&'a self, task: Task, sink: Arc<dyn Sink>, stop: Arc<dyn StopSignal>) -> BoxFuture<'a, Performed> {
        Box::pin(async move {
            self.tasks.lock().unwrap().push(task.clone());
            self.begun.notify_one();
            match (task.action.as_str(), task.input_json.as_str()) {
                ("run", "true") | ("ok", _) => done(0),
                ("run", "false") => done(1),
                ("run", "broken") => Performed::Failed(Failure {
                    fault: Fault::NotFound,
                    message: "no shell".to_owned(),
                    retry_after: None,
                    code: None,
                    exit_code: None,
                    limit: None,
                }),
                ("run", text) => {
                    sink.write(Channel::Stdout, text.as_bytes());
                    done(0)
                }
                ("print", text) => {
                    sink.write(Channel::Stdout, text.as_bytes());
                    sink.write(Channel::Stderr, b"warned\n");
                    sink.write(Channel::Stdout, b"more\n");
                    Performed::Done { outputs: vec![("n".to_owned(), "1".to_owned())], exit_code: None }
                }
                ("flood", _) => {
                    for _ in 0..200 {
                        sink.write(Channel::Stdout, &[b'x'; 40_000]);
                    }
                    done(0)
                }
                ("output", text) => {
                    let path = &task.env.iter().find(|(name, _)| name == "PINTLE_OUTPUT_FILE").unwrap().1;
                    std::fs::write(path, text).unwrap();
                    done(0)
                }
                ("wait", _) => {
                    tokio::select! {
                        () = self.go.notified() => done(0),
                        () = stop.reached(Urgency::Gracefully) => {
                            let code = if stop.urgency() == Urgency::AtOnce { 137 } else { 143 };
                            Performed::Failed(Failure {
                                fault: Fault::Cancelled,
                                message: "stopped".to_owned(),
                                retry_after: None,
                                code: None,
                                exit_code: Some(code),
                                limit: None,
                            })
                        }
                    }
                }
                ("panic", _) => panic!("the runtime fell over"),
                (other, _) => panic!("no such action in this test: {other}"),
            }
        })
    }
}

fn claim(step: u32) -> ClaimId {
    ClaimId { run: RunId::new("run").unwrap(), step: StepIndex(step), fence: Fence(4) }
}

struct Room {
    dir: tempfile::TempDir,
    plane: Arc<Plane>,
    actor: Arc<Actor>,
}

struct AtWork {
    handle: Handle,
    task: JoinHandle<Result<(), Error>>,
}

impl AtWork {
    async fn ended(self) -> Result<(), Error> {
        tokio::time::timeout(Duration::from_secs(40), self.task).await.expect("the worker does not end").unwrap()
    }

    async fn drained(self) {
        self.handle.drain();
        self.ended().await.unwrap();
    }
}

impl Room {
    fn new() -> Self {
        Self { dir: tempfile::tempdir().unwrap(), plane: Plane::new([]), actor: Arc::default() }
    }

    fn step(&self, number: u32, action: &str, input: &str) -> Assignment {
        Assignment {
            claim: claim(number),
            tenant: TenantId::default_tenant(),
            dag: "dag".to_owned(),
            step_name: format!("step-{number}"),
            attempt: Attempt(1),
            losses: 0,
            operation_key: "key".to_owned(),
            preconditions: Vec::new(),
            action: action.to_owned(),
            input_json: input.to_owned(),
            env: vec![("A".to_owned(), "1".to_owned()), ("PINTLE_OUTPUT_FILE".to_owned(), "forged".to_owned())],
            working_dir: self.dir.path().join("work/run"),
            timeout: None,
            stdout_file: None,
            stderr_file: None,
            capture_stdout: false,
            declared_outputs: Vec::new(),
            max_output: 1000,
            repeat_probe: None,
        }
    }

    fn queue(&self, steps: impl IntoIterator<Item = Assignment>) {
        self.plane.state(|state| state.ready.extend(steps));
    }

    fn start(&self, slots: usize, observer: Option<Arc<dyn Observer>>) -> AtWork {
        let options = Options {
            worker: WorkerId::new("w").unwrap(),
            slots,
            data_dir: self.dir.path().join("data"),
            work_root: self.dir.path().join("work"),
            log_file: Some(|dir: &Path, claim: &ClaimId, channel: Channel| dir.join(format!("{claim}.{channel:?}"))),
            dry_run: false,
        };
        let (worker, handle) =
            Worker::new(options, Arc::clone(&self.plane) as _, Arc::clone(&self.actor) as _, observer).unwrap();
        AtWork { handle, task: tokio::spawn(worker.run()) }
    }

    /// Performs one step alone.
    async fn perform(&self, step: Assignment) -> Outcome {
        self.queue([step.clone()]);
        let at_work = self.start(1, None);
        let outcome = self.plane.outcome(step.claim.step.0).await;
        at_work.drained().await;
        outcome
    }
}

fn message(outcome: Outcome) -> (FailReason, String) {
    match outcome {
        Outcome::Failed(failed) => (failed.reason, failed.message),
        other => panic!("{other:?} is not a failure"),
    }
}

#[tokio::test]
async fn a_chain_is_one_exchange_per_step() {
    let room = Room::new();
    room.queue((0..50).map(|number| room.step(number, "ok", "")));
    let at_work = room.start(1, None);
    room.plane.until("all are settled", |state| state.settled.len() == 50).await;
    at_work.drained().await;
    room.plane.state(|state| {
        assert_eq!(state.claims, [1], "after the first claim, claims ride on reports");
        assert_eq!(state.reports, vec![(1, 1); 50]);
        assert_eq!(state.most_held, 1, "more was claimed than could start");
    });
}

#[tokio::test]
async fn results_gather_while_a_report_is_under_way() {
    let room = Room::new();
    room.queue((0..5).map(|number| room.step(number, if number == 0 { "ok" } else { "wait" }, "")));
    let closed = room.plane.report_gate.lock().await;
    let at_work = room.start(5, None);
    // All have begun; the first one's report stands at the gate.
    while room.actor.tasks.lock().unwrap().len() < 5 {
        room.actor.begun.notified().await;
    }
    tokio::task::yield_now().await;
    room.actor.go.notify_waiters();
    // One thread: the four that were woken run to their end before this task goes on.
    for _ in 0..8 {
        tokio::task::yield_now().await;
    }
    at_work.handle.drain();
    drop(closed);
    at_work.ended().await.unwrap();
    room.plane.state(|state| {
        let sizes: Vec<usize> = state.reports.iter().map(|(settled, _)| *settled).collect();
        assert_eq!(sizes, [1, 4], "results were not reported together");
    });
}

#[tokio::test]
async fn a_wake_makes_it_claim_and_slots_bound_it() {
    let room = Room::new();
    let at_work = room.start(2, None);
    room.plane.until("the first claim", |state| state.claims == [2]).await;
    room.queue((0..3).map(|number| room.step(number, "wait", "")));
    room.plane.notify(Notice::Wake);
    room.plane.until("two are held", |state| state.held.len() == 2).await;
    room.actor.go.notify_one();
    room.plane.until("the third is held", |state| state.ready.is_empty() && state.settled.len() == 1).await;
    room.plane.notify(Notice::Drain);
    room.actor.go.notify_one();
    room.actor.go.notify_waiters();
    room.plane.until("one more is settled", |state| state.settled.len() >= 2).await;
    room.actor.go.notify_one();
    at_work.ended().await.unwrap();
    room.plane.state(|state| assert_eq!((state.most_held, state.settled.len()), (2, 3)));
}

#[tokio::test]
async fn a_stale_result_is_forgotten_and_a_refused_one_is_sent_again() {
    let room = Room::new();
    room.queue([room.step(0, "ok", ""), room.step(1, "ok", "")]);
    room.plane.state(|state| {
        state.answers = [
            Ok(Taken::Stale),
            Ok(Taken::Retry("disk full".to_owned())),
            Err(PlaneError::Unavailable("gone".to_owned())),
            Err(PlaneError::Unavailable("gone".to_owned())),
        ]
        .into();
    });
    let at_work = room.start(1, None);
    room.plane.outcome(1).await;
    at_work.drained().await;
    room.plane.state(|state| {
        assert_eq!(state.settled.len(), 1, "the stale one was sent again, or the refused one twice");
        assert_eq!(state.reports.len(), 5, "{:?}", state.reports);
    });
}

#[tokio::test]
async fn a_worker_that_was_replaced_stops_its_steps_and_says_so() {
    let room = Room::new();
    room.queue([room.step(0, "wait", "")]);
    let at_work = room.start(1, None);
    room.actor.begun.notified().await;
    let me = WorkerId::new("w").unwrap();
    room.plane.tell.send(Err(PlaneError::Replaced(me))).unwrap();
    assert!(matches!(at_work.ended().await, Err(Error::Replaced(_))));
    assert!(room.plane.state(|state| state.settled.is_empty()));
}

#[tokio::test]
async fn a_stop_notice_reaches_its_step_alone() {
    let room = Room::new();
    room.queue([room.step(0, "wait", ""), room.step(1, "wait", "")]);
    let at_work = room.start(2, None);
    room.plane.until("both are held", |state| state.held.len() == 2).await;
    room.plane.notify(Notice::Stop(claim(1), Urgency::Gracefully));
    let first = room.plane.outcome(1).await;
    // A stop that comes before the step began leaves it no exit code.
    assert!(matches!(first, Outcome::Stopped { exit_code: Some(143) | None }), "{first:?}");
    assert_eq!(room.plane.state(|state| state.settled.len()), 1);
    while room.actor.tasks.lock().unwrap().iter().all(|task| task.step != "step-0") {
        room.actor.begun.notified().await;
    }
    at_work.handle.stop(Urgency::AtOnce);
    at_work.ended().await.unwrap();
    assert_eq!(room.plane.outcome(0).await, Outcome::Stopped { exit_code: Some(137) });
}

#[tokio::test]
async fn a_timeout_stops_the_step_with_124() {
    let room = Room::new();
    let step = Assignment { timeout: Some(Span(50)), ..room.step(0, "wait", "") };
    let Outcome::Failed(failed) = room.perform(step).await else { panic!("no failure") };
    assert_eq!((failed.reason, failed.exit_code), (FailReason::TimedOut, Some(124)));
    assert!(room.actor.tasks.lock().unwrap()[0].remaining.is_some_and(|left| left <= Span(50)));
}

#[tokio::test]
async fn preconditions_are_all_looked_at_and_errors_win() {
    let probe = |input: &str, expected: Option<&str>| {
        Condition::Probe(Probe {
            text: input.to_owned(),
            input_json: input.to_owned(),
            expected: expected.map(str::to_owned),
            negate: false,
        })
    };
    let known = |met| Condition::Known { text: "known".to_owned(), met };
    let with = |preconditions| async {
        let room = Room::new();
        let outcome = room.perform(Assignment { preconditions, ..room.step(0, "ok", "") }).await;
        let ran = room.actor.tasks.lock().unwrap().len();
        (outcome, ran)
    };
    let (outcome, ran) = with(vec![known(Ok(true)), probe("true", None), probe(" a\nb", Some("b"))]).await;
    assert!(matches!(outcome, Outcome::Finished(_)), "{outcome:?}");
    assert_eq!(ran, 3);
    let (outcome, ran) = with(vec![known(Ok(false)), probe("false", None), probe("true", None)]).await;
    assert_eq!(outcome, Outcome::Skipped { message: "precondition not met: `known`, `false`".to_owned() });
    assert_eq!(ran, 2, "the action ran, or a condition was left out");
    let (outcome, _) = with(vec![known(Ok(false)), probe("broken", None), known(Err("no such name".to_owned()))]).await;
    let (reason, message) = message(outcome);
    assert_eq!(reason, FailReason::PreconditionError);
    assert!(message.contains("`broken`: no shell; `known`: no such name"), "{message}");
}

#[tokio::test]
async fn what_is_printed_goes_to_log_terminal_file_and_outcome() {
    #[derive(Default)]
    struct Terminal(Mutex<Vec<u8>>);
    impl Sink for Terminal {
        fn write(&self, _: Channel, bytes: &[u8]) {
            self.0.lock().unwrap().extend_from_slice(bytes);
        }
    }
    struct Watcher(Arc<Terminal>);
    impl Observer for Watcher {
        fn begins(&self, _: &Assignment) -> Option<Arc<dyn Sink>> {
            Some(Arc::clone(&self.0) as _)
        }
    }
    let room = Room::new();
    let out = room.dir.path().join("out.txt");
    std::fs::write(&out, "before\n").unwrap();
    let step = Assignment {
        stdout_file: Some(out.clone()),
        stderr_file: Some(PathBuf::from("err.txt")),
        capture_stdout: true,
        ..room.step(0, "print", "said\n")
    };
    room.queue([step]);
    let terminal = Arc::new(Terminal::default());
    let at_work = room.start(1, Some(Arc::new(Watcher(Arc::clone(&terminal)))));
    let outcome = room.plane.outcome(0).await;
    at_work.drained().await;
    let Outcome::Finished(Finished { stdout, outputs, .. }) = outcome else { panic!("{outcome:?}") };
    assert_eq!(stdout.as_deref(), Some("said\nmore\n"));
    assert_eq!(outputs[0].0, "n");
    assert_eq!(room.plane.log(0, Channel::Stdout), "said\nmore\n");
    assert_eq!(room.plane.log(0, Channel::Stderr), "warned\n");
    assert_eq!(String::from_utf8(terminal.0.lock().unwrap().clone()).unwrap(), "said\nwarned\nmore\n");
    assert_eq!(std::fs::read_to_string(out).unwrap(), "before\nsaid\nmore\n");
    assert_eq!(std::fs::read_to_string(room.dir.path().join("work/run/err.txt")).unwrap(), "warned\n");
    room.plane.state(|state| {
        assert_eq!(state.settled[0].log_bytes, [(Channel::Stdout, 10), (Channel::Stderr, 7)]);
    });
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_flood_is_held_up_and_nothing_of_it_is_lost() {
    let room = Room::new();
    room.plane.state(|state| state.log_refusals = 3);
    let outcome = room.perform(room.step(0, "flood", "")).await;
    assert!(matches!(outcome, Outcome::Finished(_)));
    assert_eq!(room.plane.log(0, Channel::Stdout).len(), 8_000_000);
}

#[tokio::test]
async fn outputs_are_read_bounded_and_only_regular_files() {
    let declared = vec![("x".to_owned(), OutputKind::String)];
    let with = |text: String| {
        let declared = declared.clone();
        async move {
            let room = Room::new();
            let outcome =
                room.perform(Assignment { declared_outputs: declared, ..room.step(0, "output", &text) }).await;
            let left = std::fs::read_dir(room.dir.path().join("data/claims")).unwrap().count();
            (outcome, left)
        }
    };
    let (outcome, left) = with("x=1\n".to_owned()).await;
    assert!(matches!(&outcome, Outcome::Finished(done) if done.output_file.as_deref() == Some("x=1\n")), "{outcome:?}");
    assert_eq!(left, 0, "the output file was left behind");
    let (reason, said) = message(with("y".repeat(1001)).await.0);
    assert_eq!(reason, FailReason::BadOutput);
    assert!(said.contains("longer than 1000 bytes"), "{said}");
    let room = Room::new();
    let step = Assignment { capture_stdout: true, max_output: 3, ..room.step(0, "print", "said\n") };
    let (reason, said) = message(room.perform(step).await);
    assert_eq!(reason, FailReason::BadOutput);
    assert!(said.contains("more than the 3 bytes"), "{said}");
}

#[tokio::test]
async fn the_step_is_told_the_paths_that_only_its_worker_knows() {
    let room = Room::new();
    let step = Assignment { losses: 2, ..room.step(0, "ok", "") };
    room.perform(step).await;
    let tasks = room.actor.tasks.lock().unwrap();
    let get = |name: &str| {
        let found: Vec<&str> = tasks[0].env.iter().filter(|(n, _)| n == name).map(|(_, v)| v.as_str()).collect();
        assert_eq!(found.len(), 1, "{name}: {found:?}");
        found[0].to_owned()
    };
    assert_eq!(get("A"), "1");
    assert_eq!(get("PINTLE_LOSSES"), "2");
    assert!(get("PINTLE_OUTPUT_FILE").ends_with("claims/run-0-4.out"));
    assert_eq!(get("DAGU_OUTPUT_FILE"), get("PINTLE_OUTPUT_FILE"));
    assert!(get("DAG_RUN_STEP_STDOUT_FILE").ends_with("run-0-4.Stdout"));
    assert!(get("DAG_RUN_STEP_STDERR_FILE").ends_with("run-0-4.Stderr"));
    assert_eq!((tasks[0].claim.as_str(), tasks[0].losses), ("run-0-4", 2));
    assert!(room.dir.path().join("work/run").is_dir(), "the run's own directory is made");
}

#[tokio::test]
async fn a_directory_that_is_not_the_runs_own_is_not_made() {
    let room = Room::new();
    let elsewhere = room.dir.path().join("elsewhere");
    let step = Assignment { working_dir: elsewhere.clone(), ..room.step(0, "ok", "") };
    let (reason, said) = message(room.perform(step).await);
    assert_eq!(reason, FailReason::NotStarted);
    assert!(said.contains("does not exist; create it"), "{said}");
    assert!(!elsewhere.exists());
    let step = Assignment { stdout_file: Some(PathBuf::from("/proc/no/such")), ..room.step(1, "ok", "") };
    let (reason, said) = message(room.perform(step).await);
    assert_eq!(reason, FailReason::NotStarted);
    assert!(said.contains("/proc/no/such"), "{said}");
}

#[tokio::test]
async fn a_repeat_condition_is_asked_after_success() {
    let room = Room::new();
    let probe = Probe { text: "p".to_owned(), input_json: "false".to_owned(), expected: None, negate: true };
    let step = Assignment { repeat_probe: Some(probe), ..room.step(0, "ok", "") };
    let outcome = room.perform(step).await;
    assert!(matches!(&outcome, Outcome::Finished(done) if done.repeat_condition == Some(Ok(true))), "{outcome:?}");
}

#[tokio::test]
async fn a_panic_is_a_failure_of_one_step() {
    let room = Room::new();
    room.queue([room.step(0, "panic", ""), room.step(1, "ok", "")]);
    let at_work = room.start(1, None);
    let (reason, said) = message(room.plane.outcome(0).await);
    assert_eq!(reason, FailReason::UnknownOutcome);
    assert!(said.contains("a defect of Pintle: the runtime fell over"), "{said}");
    assert!(matches!(room.plane.outcome(1).await, Outcome::Finished(_)), "the worker went down with the step");
    at_work.drained().await;
}

#[tokio::test]
async fn draining_finishes_what_runs_and_claims_nothing_new() {
    let room = Room::new();
    room.queue([room.step(0, "wait", "")]);
    let at_work = room.start(2, None);
    room.actor.begun.notified().await;
    room.queue([room.step(1, "ok", "")]);
    // One after the other, through one channel: the wake finds the worker draining.
    room.plane.notify(Notice::Drain);
    room.plane.notify(Notice::Wake);
    room.plane.notify(Notice::Stop(claim(0), Urgency::Gracefully));
    at_work.ended().await.unwrap();
    assert_eq!(room.plane.outcome(0).await, Outcome::Stopped { exit_code: Some(143) });
    room.plane.state(|state| assert_eq!((state.settled.len(), state.ready.len()), (1, 1)));
}

#[tokio::test]
async fn what_is_claimed_by_a_call_that_was_out_when_the_drain_came_is_given_back() {
    let room = Room::new();
    room.queue([room.step(0, "ok", "")]);
    let closed = room.plane.claim_gate.lock().await;
    let at_work = room.start(1, None);
    at_work.handle.drain();
    // One thread: the worker sends its claim, which stands at the gate, and then reads the order.
    for _ in 0..8 {
        tokio::task::yield_now().await;
    }
    drop(closed);
    at_work.ended().await.unwrap();
    assert_eq!(room.plane.outcome(0).await, Outcome::GivenBack);
    assert!(room.actor.tasks.lock().unwrap().is_empty(), "it was performed");
}
