//! Native programs on behalf of steps: [`Launcher`] is the [`Processes`] of this worker.
//!
//! Programs are started one after another through the standard library's `posix_spawn` path. Measured for a whole
//! `sh -c true` on 2 cores: 0.52-0.81 ms this way whatever the size of this process; through `fork`, which a `pre_exec`
//! hook forces, 0.9-1.1 ms in an empty process, 1.3 ms at 25 MiB and 3.8 ms at 100 MiB, with the page tables locked
//! meanwhile. That is why there is no hook and no `PR_SET_PDEATHSIG`: that signal reaches the direct child alone, and
//! what it would do is done, for grandchildren too, by the reaper and by recovery (see the crate's page). What is given
//! up: should worker and reaper be killed at the same moment, the direct child too lives on up to the recovery.
//!
//! | module | does |
//! |---|---|
//! | `order` | checks what is asked for and finds the program |
//! | `spawner` | claim file, script file, pipes, start |
//! | `leash` | holds one group from its start to its end; dropped early, it kills |
//! | `running` | output, input, stop, timeout and end of one program |
//! | `pidfd` | the end of a process, as a future |
//! | `tap` | one stream: to the sink, captured, its tail |
//! | `signals` | names and numbers |

mod leash;
mod order;
mod pidfd;
mod running;
mod signals;
mod spawner;
mod tap;

use std::path::Path;
use std::sync::Arc;

use pintle_plane::BoxFuture;
use pintle_plane::output::Sink;
use pintle_plane::process::{ProcessError, ProcessExit, ProcessSpec, Processes};
use pintle_plane::stop::{StopSignal, Urgency};

use crate::claims::Claims;
use crate::error::Error;
use crate::reaper::{Reaper, ReaperCommand};

use self::order::Order;
use self::running::Running;
use self::spawner::Spawner;

/// Starts programs for the executors of one worker. One per process and data directory.
#[derive(Debug)]
pub struct Launcher {
    spawner: Spawner,
}

impl Launcher {
    /// Over a data directory; `reaper` says how to start one ([`ReaperCommand::default`]: this binary).
    pub fn new(data_dir: &Path, reaper: ReaperCommand) -> Result<Self, Error> {
        let claims = Arc::new(Claims::open(data_dir)?);
        let data_dir =
            data_dir.canonicalize().map_err(|source| Error::ClaimsDir { path: data_dir.to_owned(), source })?;
        let reaper = Arc::new(Reaper::new(reaper, data_dir, claims.writer()));
        Ok(Self { spawner: Spawner::new(claims, reaper) })
    }
}

impl Processes for Launcher {
    /// Must be called in a tokio runtime with I/O and time.
    fn run<'a>(
        &'a self,
        spec: ProcessSpec,
        sink: Arc<dyn Sink>,
        stop: Arc<dyn StopSignal>,
    ) -> BoxFuture<'a, Result<ProcessExit, ProcessError>> {
        Box::pin(async move {
            let order = Order::check(spec)?;
            if stop.urgency() >= Urgency::Gracefully {
                return Ok(ProcessExit { stopped: true, ..ProcessExit::default() });
            }
            let terms = order.terms.clone();
            // What is to come back is standard output alone.
            let one = sink.is_one() && terms.capture == 0;
            let started = self.spawner.start(order, one).await?;
            Ok(Running::new(started, terms, sink, stop)?.see_through().await)
        })
    }
}
