//! What a whole `sh -c true` costs: by the bare standard library, through the launcher, and as a step of a chain that
//! a worker claims, performs and reports (against a coordinator in memory).
//!
//! `spawn_cost [MiB of memory that the process holds]`, as `cargo xtask bench spawn` runs it.

use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use std::sync::atomic::{AtomicU32, Ordering};

use pintle_core::counter::{Attempt, Fence, Version};
use pintle_core::ids::{RunId, TenantId, WorkerId};
use pintle_core::plan::StepIndex;
use pintle_core::time::Span;
use pintle_plane::BoxFuture;
use pintle_plane::executor::{Executor, Failure, Fault, Performed, Task};
use pintle_plane::output::{Channel, Sink};
use pintle_plane::process::{ProcessSpec, Processes};
use pintle_plane::stop::{StopSignal, Urgency};
use pintle_plane::worker::{Assignment, ClaimId, LogChunk, Notice, PlaneError, Reported, Settled, Taken, WorkerPlane};
use pintle_worker::{Launcher, Options, ReaperCommand, Worker};

const ROUNDS: usize = 400;
const STEPS: u32 = 100;
const CHAINS: u32 = 5;

struct Nowhere;

impl Sink for Nowhere {
    fn write(&self, _: Channel, _: &[u8]) {}
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

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mib: usize = std::env::args().nth(1).map_or(Ok(25), |text| text.parse())?;
    let ballast = vec![1u8; mib << 20];
    let data = std::env::temp_dir().join(format!("pintle-spawn-cost-{}", std::process::id()));
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().worker_threads(2).build()?;
    let launcher =
        Arc::new(Launcher::new(&data, ReaperCommand { program: "/bin/true".into(), arguments: vec![], env: vec![] })?);
    for _ in 0..2 {
        report("bare std", (0..ROUNDS).map(|_| bare()).collect::<Result<_, _>>()?);
        let launcher = Arc::clone(&launcher);
        // As steps run: in a task of a worker thread.
        let launched = runtime.block_on(runtime.spawn(async move {
            let mut times = Vec::new();
            for round in 0..ROUNDS {
                let start = Instant::now();
                launcher.run(spec(round), Arc::new(Nowhere), Arc::new(Never)).await?;
                times.push(start.elapsed());
            }
            Ok::<_, pintle_plane::process::ProcessError>(times)
        }))??;
        report("launcher", launched);
    }
    let mut steps = Vec::new();
    for _ in 0..CHAINS {
        steps.push(runtime.block_on(runtime.spawn(chain(data.clone(), Arc::clone(&launcher))))?? / STEPS);
    }
    report(&format!("a step of a chain of {STEPS}"), steps);
    std::fs::remove_dir_all(&data)?;
    println!("({} MiB held)", ballast.len() >> 20);
    Ok(())
}

fn bare() -> std::io::Result<Duration> {
    let start = Instant::now();
    let mut command = Command::new("/bin/sh");
    command.args(["-c", "true"]).stdin(Stdio::null()).stdout(Stdio::null()).spawn()?.wait()?;
    Ok(start.elapsed())
}

fn spec(round: usize) -> ProcessSpec {
    ProcessSpec {
        program: "sh".into(),
        arguments: vec!["-c".into(), "true".into()],
        script: None,
        env: std::env::vars().collect(),
        working_dir: "/tmp".into(),
        input: Vec::new(),
        timeout: None,
        kill_grace: Span::from_secs(5),
        stop_signal: None,
        capture: 0,
        claim: format!("bench-0-{round}"),
    }
}

fn report(name: &str, mut times: Vec<Duration>) {
    times.sort_unstable();
    let last = times.len().saturating_sub(1);
    let at = |part: usize| times.get(last * part / 100).copied().unwrap_or_default().as_secs_f64() * 1e6;
    println!("{name:<44} p50 {:8.1} us  p99 {:8.1} us  ({} times)", at(50), at(99), times.len());
}

/// Gives the steps of a chain, one after another.
struct Chain {
    next: AtomicU32,
    data: std::path::PathBuf,
}

impl Chain {
    fn give(&self, want: usize) -> Result<Vec<Assignment>, PlaneError> {
        let step = self.next.load(Ordering::Relaxed);
        if want == 0 || step == STEPS {
            return Ok(Vec::new());
        }
        self.next.store(step + 1, Ordering::Relaxed);
        let run = RunId::new("chain").map_err(|error| PlaneError::Unavailable(error.to_string()))?;
        Ok(vec![Assignment {
            claim: ClaimId { run, step: StepIndex(step), fence: Fence(1) },
            tenant: TenantId::default_tenant(),
            dag: "chain".into(),
            step_name: format!("step-{step}"),
            lineage: None,
            attempt: Attempt(1),
            losses: 0,
            operation_key: String::new(),
            preconditions: Vec::new(),
            action: "run".into(),
            input_json: "{}".into(),
            env: std::env::vars().collect(),
            working_dir: self.data.join("work/chain"),
            timeout: None,
            stdout_file: None,
            stderr_file: None,
            merged_log: false,
            artifacts_dir: None,
            stdout_artifact: None,
            stderr_artifact: None,
            capture_stdout: false,
            published: Vec::new(),
            declared_outputs: Vec::new(),
            max_output: 1 << 20,
            repeat_probe: None,
            goes_on: None,
        }])
    }
}

impl WorkerPlane for Chain {
    fn claim(&self, _: WorkerId, want: usize) -> BoxFuture<'_, Result<Vec<Assignment>, PlaneError>> {
        Box::pin(async move { self.give(want) })
    }
    fn report(&self, _: WorkerId, settled: Vec<Settled>, want: usize) -> BoxFuture<'_, Result<Reported, PlaneError>> {
        Box::pin(async move {
            let taken = settled.iter().map(|_| Taken::Accepted { version: Version(1) }).collect();
            Ok(Reported { taken, claimed: self.give(want)? })
        })
    }
    fn notice(&self, _: WorkerId) -> BoxFuture<'_, Result<Notice, PlaneError>> {
        Box::pin(std::future::pending())
    }
    fn append_log(&self, _: LogChunk) -> BoxFuture<'_, Result<(), PlaneError>> {
        Box::pin(async { Ok(()) })
    }
}

/// Runs `sh -c true` whatever the task.
struct Shell {
    launcher: Arc<Launcher>,
    left: AtomicU32,
    done: tokio::sync::Notify,
}

impl Executor for Shell {
    fn perform<'a>(&'a self, task: Task, sink: Arc<dyn Sink>, stop: Arc<dyn StopSignal>) -> BoxFuture<'a, Performed> {
        Box::pin(async move {
            let spec = ProcessSpec { claim: task.claim, env: task.env, working_dir: task.working_dir, ..spec(0) };
            let ended = self.launcher.run(spec, sink, stop).await;
            if self.left.fetch_sub(1, Ordering::Relaxed) == 1 {
                self.done.notify_one();
            }
            match ended {
                Ok(exit) => Performed::Done { outputs: Vec::new(), exit_code: exit.code },
                Err(error) => Performed::Failed(Failure {
                    fault: Fault::Failed,
                    message: error.to_string(),
                    retry_after: None,
                    code: None,
                    exit_code: None,
                    limit: None,
                }),
            }
        })
    }
}

async fn chain(data: std::path::PathBuf, launcher: Arc<Launcher>) -> Result<Duration, pintle_worker::Error> {
    let shell = Arc::new(Shell { launcher, left: AtomicU32::new(STEPS), done: tokio::sync::Notify::new() });
    let plane = Arc::new(Chain { next: AtomicU32::new(0), data: data.clone() });
    let worker = WorkerId::new("w").unwrap_or_else(|error| unreachable!("{error}"));
    let options = Options {
        worker,
        slots: 8,
        data_dir: data.clone(),
        work_root: data.join("work"),
        log_file: None,
        confined: false,
        dry_run: false,
        threads: None,
        patience: pintle_worker::DRAIN_PATIENCE,
    };
    let (worker, handle) = Worker::new(options, plane, Arc::clone(&shell) as _, None)?;
    let start = Instant::now();
    let drain = async {
        shell.done.notified().await;
        handle.drain();
    };
    let (ended, ()) = tokio::join!(worker.run(), drain);
    ended?;
    Ok(start.elapsed())
}
