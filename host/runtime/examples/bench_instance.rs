//! Figures of the worker engine with all limits set: a fresh instance and one call, a warm call, a whole `perform`, and
//! what a process pays for its first one.
//!
//! `bench_instance [COMPONENT.wasm plugin.toml]`, as `cargo xtask bench instance` runs it for each embedded plugin.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a benchmark ends at the first problem"
)]

use std::sync::Arc;
use std::time::{Duration, Instant};

use pintle_core::counter::{Attempt, Fence};
use pintle_core::ids::{RunId, TenantId};
use pintle_plane::BoxFuture;
use pintle_plane::executor::{Executor, Performed, Task};
use pintle_plane::output::{Channel, Sink};
use pintle_plane::process::{ProcessError, ProcessExit, ProcessSpec, Processes};
use pintle_plane::stop::{StopSignal, Urgency};
use pintle_runtime::{Compiler, Embedded, Executors, GrantPolicy, Grants, Manifest, Settings, measure, stage};

#[path = "../tests/runtime/guest.rs"]
#[expect(dead_code, reason = "shared with the tests, which use all of it")]
mod guest;

const CALLS: usize = 5000;

struct Quiet;

impl Sink for Quiet {
    fn write(&self, _: Channel, _: &[u8]) {}
}

impl StopSignal for Quiet {
    fn urgency(&self) -> Urgency {
        Urgency::None
    }

    fn reached(&self, _: Urgency) -> BoxFuture<'_, ()> {
        Box::pin(std::future::pending())
    }
}

impl Processes for Quiet {
    fn run<'a>(
        &'a self,
        _: ProcessSpec,
        _: Arc<dyn Sink>,
        _: Arc<dyn StopSignal>,
    ) -> BoxFuture<'a, Result<ProcessExit, ProcessError>> {
        Box::pin(async { Ok(ProcessExit::default()) })
    }
}

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let (wasm, manifest) = match arguments.as_slice() {
        [component, manifest] => {
            let text = std::fs::read_to_string(manifest).expect("the manifest is readable");
            (std::fs::read(component).expect("the component is readable"), Manifest::parse(&text, manifest).unwrap())
        }
        _ => (guest::Guest { memory: "17", ..guest::Guest::default() }.build(), guest::manifest("")),
    };
    println!("component of {} KiB", wasm.len() / 1024);
    let staged = stage("bench.wasm", wasm.clone(), &manifest).unwrap();
    println!("native code of {} KiB", staged.native.len() / 1024);
    let action = staged.staged.actions.first().expect("an executor has an action").name.clone();
    let embedded = Embedded {
        wasm: wasm.clone().leak(),
        manifest: "",
        staged_json: serde_json::to_string(&staged.staged).unwrap().leak(),
        precompiled: Some(staged.native.leak()),
    };
    first(&embedded, &action);
    let dir = tempfile::tempdir().unwrap();
    let settings = Settings::below(dir.path(), Compiler::InProcess, Arc::new(Quiet));
    let executors = Executors::new(settings, &GrantPolicy::sandbox(), &[]).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let grants = Grants::trusted_first_party();
    let plugin = runtime.block_on(executors.load("bench.wasm", wasm, &manifest, grants)).unwrap();
    let measured = measure(&plugin, CALLS).unwrap();
    print("fresh instance + call, worker engine", measured.fresh);
    print("warm call, worker engine", measured.warm);
    print("perform, from another runtime", (0..CALLS).map(|_| perform(&runtime, &executors, &action)).collect());
}

/// A process's first step, several times over in fresh engines.
fn first(embedded: &Embedded, action: &str) {
    let (mut made, mut performed) = (Vec::new(), Vec::new());
    for _ in 0..20 {
        let dir = tempfile::tempdir().unwrap();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let start = Instant::now();
        let settings = Settings::below(dir.path(), Compiler::InProcess, Arc::new(Quiet));
        let executors = Executors::new(settings, &GrantPolicy::sandbox(), &[*embedded]).unwrap();
        made.push(start.elapsed());
        performed.push(perform(&runtime, &executors, action));
    }
    println!("very first perform in this process: {:?}", performed[0]);
    print("Executors::new", made);
    print("first perform of an embedded plugin", performed);
}

fn perform(runtime: &tokio::runtime::Runtime, executors: &Executors, action: &str) -> Duration {
    let task = Task {
        tenant: TenantId::default_tenant(),
        run: RunId::new("run").unwrap(),
        step: "step".to_owned(),
        attempt: Attempt(1),
        fence: Fence(1),
        operation_key: "key".to_owned(),
        dry_run: false,
        action: action.to_owned(),
        input_json: "{}".to_owned(),
        env: Vec::new(),
        working_dir: std::env::temp_dir(),
        remaining: None,
        claim: "claim".to_owned(),
        losses: 0,
        token: None,
    };
    let start = Instant::now();
    let performed = runtime.block_on(executors.perform(task, Arc::new(Quiet), Arc::new(Quiet)));
    let time = start.elapsed();
    // A real plugin refuses the empty input; that is a call all the same.
    if let Performed::Failed(failure) = performed
        && failure.limit.is_some()
    {
        panic!("{failure:?}");
    }
    time
}

fn print(what: &str, mut times: Vec<Duration>) {
    times.sort();
    let at = |share: usize| times[(times.len() - 1) * share / 100].as_secs_f64() * 1e6;
    println!("{what:<44} p50 {:8.1} us  p99 {:8.1} us  ({} times)", at(50), at(99), times.len());
}
