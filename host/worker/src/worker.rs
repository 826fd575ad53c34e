//! The service that claims steps, has them performed, and reports.
//!
//! One task speaks to the coordinator, with at most one call under way; each step is a task of its own. What finishes
//! while a call is under way waits for the next one, so reports gather by themselves and nothing lingers for them. A
//! report says how many steps are wanted back: settling one step and claiming the next is one exchange.
//!
//! A result is kept until the coordinator took it, or refused it as stale. As long as it cannot be delivered nothing
//! new is claimed, so no more results wait than there are slots.
//!
//! | module | holds |
//! |---|---|
//! | `desk` | the one task: what to call next, and what the answers mean |
//! | `step` | one step from its assignment to its outcome |
//! | `probe` | conditions that need a program |
//! | `outcome` | what a performance amounts to |
//! | `printer`, `log` | what a step prints: to the log, the terminal, files, and kept |
//! | `place` | where the worker itself may write for a step |
//! | `stopper` | one step's stop signal |

mod desk;
mod log;
mod outcome;
mod output;
mod place;
mod printer;
mod probe;
mod step;
mod stopper;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use tokio::sync::mpsc;

use pintle_core::ids::WorkerId;
use pintle_plane::executor::Executor;
use pintle_plane::output::{Channel, Sink};
use pintle_plane::stop::Urgency;
use pintle_plane::worker::{Assignment, ClaimId, WorkerPlane};

use crate::claims::Claims;
use crate::error::Error;

use self::desk::Desk;

/// How a worker works.
#[derive(Debug, Clone)]
pub struct Options {
    /// Its name.
    pub worker: WorkerId,
    /// How many steps it performs at once.
    pub slots: usize,
    /// Claim files, output files and scripts lie below `claims/` in it.
    pub data_dir: PathBuf,
    /// Directories below this one are the runs' own: they are made when a step wants to work there.
    pub work_root: PathBuf,
    /// Where the log of a claim's stream can be read as a file, given the data directory: told to the step as
    /// `DAG_RUN_STEP_STDOUT_FILE` and `DAG_RUN_STEP_STDERR_FILE`. None: logs are not files.
    pub log_file: Option<fn(&Path, &ClaimId, Channel) -> PathBuf>,
    /// A sandbox: files of `stdout:` and `stderr:` and artifacts stand in the run's own directory, or the step is refused.
    pub confined: bool,
    /// Actions say what they would do, and do nothing.
    pub dry_run: bool,
    /// Threads that the steps run on, with time: where the executor's guests run, so that a step and its guest are one
    /// task and nothing is handed over between them. None: where the worker runs.
    pub threads: Option<tokio::runtime::Handle>,
    /// How long a draining worker goes on trying to report what it has: [`DRAIN_PATIENCE`](crate::DRAIN_PATIENCE).
    pub patience: std::time::Duration,
}

/// Watches steps as they are performed: the live terminal.
pub trait Observer: Send + Sync {
    /// A step begins. What it prints goes to the returned sink as well.
    fn begins(&self, assignment: &Assignment) -> Option<Arc<dyn Sink>>;
}

/// A worker that has not begun to work yet.
pub struct Worker {
    shared: Arc<Shared>,
    orders: mpsc::UnboundedReceiver<Order>,
}

/// Speaks to a worker from outside.
#[derive(Debug, Clone)]
pub struct Handle {
    orders: mpsc::UnboundedSender<Order>,
}

/// What a [`Handle`] asks for.
#[derive(Debug, Clone, Copy)]
enum Order {
    Drain,
    Stop(Urgency),
}

/// What all steps of a worker share.
struct Shared {
    options: Options,
    claims_dir: PathBuf,
    plane: Arc<dyn WorkerPlane>,
    executor: Arc<dyn Executor>,
    observer: Option<Arc<dyn Observer>>,
}

impl Worker {
    /// Makes the directory for claim files; claims nothing yet.
    pub fn new(
        options: Options,
        plane: Arc<dyn WorkerPlane>,
        executor: Arc<dyn Executor>,
        observer: Option<Arc<dyn Observer>>,
    ) -> Result<(Self, Handle), Error> {
        let claims_dir = Claims::open(&options.data_dir)?.dir().to_owned();
        let (sender, orders) = mpsc::unbounded_channel();
        let shared = Arc::new(Shared { options, claims_dir, plane, executor, observer });
        Ok((Self { shared, orders }, Handle { orders: sender }))
    }

    /// Works until it was drained, or replaced by a newer worker of the same id.
    ///
    /// The steps want a multi-thread runtime with time: a step that prints faster than its log is stored is held up
    /// there, and loses output on a single-thread runtime. Dropping the future kills the steps; their outcomes are lost.
    pub async fn run(self) -> Result<(), Error> {
        Desk::new(self.shared, self.orders).work().await
    }
}

impl Handle {
    /// Claim nothing new, finish what runs, report it, end.
    pub fn drain(&self) {
        self.send(Order::Drain);
    }

    /// Drain, and stop what runs.
    pub fn stop(&self, urgency: Urgency) {
        self.send(Order::Stop(urgency));
    }

    fn send(&self, order: Order) {
        if self.orders.send(order).is_err() {
            tracing::debug!(?order, "the worker has already ended");
        }
    }
}

impl std::fmt::Debug for Worker {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Worker").field("options", &self.shared.options).finish_non_exhaustive()
    }
}
