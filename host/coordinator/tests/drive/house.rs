//! A process whose duties are done beside the test.

use std::time::Duration;

use pintle_core::ids::RunId;
use pintle_core::run::{Outcome, RunStatus};
use pintle_plane::worker::{Assignment, WorkerPlane};
use pintle_store::Runs;
use tokio::task::JoinHandle;

use crate::stand::{Outcomes, Process};

/// A process whose duties are done beside the test.
pub(crate) struct House {
    pub(crate) process: Process,
    duties: JoinHandle<()>,
}

impl House {
    pub(crate) async fn on(dir: &std::path::Path, name: &str) -> Outcomes<Self> {
        let process = Process::on(dir, name).await?;
        let duties = tokio::spawn(process.coordinator.clone().run_duties());
        Ok(Self { process, duties })
    }

    /// Waits until something can be claimed.
    pub(crate) async fn claim(&self) -> Outcomes<Assignment> {
        let claimed = async {
            loop {
                let mut claimed = self.process.claim(1).await?;
                if let Some(claimed) = claimed.pop() {
                    return Ok::<_, Box<dyn std::error::Error>>(claimed);
                }
                self.process.coordinator.notice(self.process.worker.clone()).await?;
            }
        };
        tokio::time::timeout(Duration::from_secs(20), claimed).await?
    }

    pub(crate) async fn does(&self, outcome: Outcome) -> Outcomes<Assignment> {
        let claimed = self.claim().await?;
        self.process.settle(&claimed, outcome, 0).await?;
        Ok(claimed)
    }

    pub(crate) async fn ends(&self, run: &RunId) -> Outcomes<RunStatus> {
        let settled = self.process.coordinator.settled(run);
        Ok(tokio::time::timeout(Duration::from_secs(20), settled).await??)
    }

    /// Waits until the run stands so, which it may have done before and left again.
    pub(crate) async fn ends_at(&self, run: &RunId, wanted: RunStatus) -> Outcomes<RunStatus> {
        let there = async {
            loop {
                let status = self.process.store.row(run).await?.ok_or("no row")?.status;
                if status == wanted {
                    return Ok::<_, Box<dyn std::error::Error>>(status);
                }
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(Duration::from_secs(20), there).await?
    }

    pub(crate) async fn leaves(self) -> Outcomes<Process> {
        self.process.coordinator.shutdown();
        self.duties.await?;
        Ok(self.process)
    }
}
