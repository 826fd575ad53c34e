//! The runs of this home: those that this process submitted or took over. It keeps them folded in memory; of the runs of
//! a process that is gone it records the interruption, and takes over those that it is told to.

use std::sync::{Arc, PoisonError};

use pintle_core::ids::RunId;
use pintle_core::plan::StepIndex;
use pintle_core::run::{Command, Effect, RunStatus};
use pintle_plane::worker::Notice;
use tokio::sync::Mutex as AsyncMutex;

use crate::commit::Batch;
use crate::error::Error;
use crate::live::Live;
use crate::service::Coordinator;
use crate::timer::Due;

impl Coordinator {
    /// Records the interruption of runs whose process is gone, and names them. Cheap when there are none.
    pub async fn recover_dead(&self) -> Result<Vec<RunId>, Error> {
        let mut interrupted = Vec::new();
        for node in self.store.dead_with_open_runs().await? {
            for row in self.store.open_runs_of(Some(&node)).await? {
                // Children are found again with their parents: only what a person started is named to him.
                if row.status != RunStatus::Waiting && self.interrupt(&row.id).await? && row.parent.is_none() {
                    interrupted.push(row.id);
                }
            }
        }
        Ok(interrupted)
    }

    /// Whether it was for us to say.
    async fn interrupt(&self, run: &RunId) -> Result<bool, Error> {
        let mut live = self.load(run).await?;
        let decided = self.commit(&mut live, |batch| {
            // Since it was listed another process may have said the same, and a third may have taken the run over.
            Ok(!batch.home_lives && batch.attempt(Command::Interrupt)?.is_ok())
        });
        decided.await.map(|(ours, _)| ours)
    }

    /// Makes a run one of this home's, with a decision about it. Refused while another process works on it.
    pub(crate) async fn take_over(
        &self,
        run: &RunId,
        decide: impl Fn(&mut Batch<'_>) -> Result<(), Error>,
    ) -> Result<(), Error> {
        let mut live = self.load(run).await?;
        let decided = self.commit(&mut live, |batch| {
            let open = !batch.live.run.status().is_terminal();
            if open && batch.home_lives && !self.is_home_of(batch.live) {
                return Err(Error::Owned { run: run.clone(), pid: batch.live.row.pid.unwrap_or_default() });
            }
            batch.live.row.home = Some(self.options.node.clone());
            batch.live.row.pid = Some(self.options.pid);
            decide(batch)
        });
        let ((), committed) = decided.await?;
        self.keep(live, &committed.effects);
        Ok(())
    }

    /// Makes a run one of this home's that goes on waiting.
    pub(crate) async fn adopt(&self, run: &RunId) -> Result<(), Error> {
        self.take_over(run, |batch| {
            batch.keep_row();
            Ok(())
        })
        .await
    }

    pub(crate) fn is_home_of(&self, live: &Live) -> bool {
        live.row.home.as_ref() == Some(&self.options.node)
    }

    /// Whether the process lives that a run belongs to, which is another.
    pub(crate) async fn home_lives(&self, live: &Live) -> Result<bool, Error> {
        match &live.row.home {
            None => Ok(false),
            Some(node) => Ok(self.store.is_alive(node).await?),
        }
    }

    /// A run as it is stored, whoever its home is.
    pub(crate) async fn load(&self, run: &RunId) -> Result<Live, Error> {
        let stored = self.store.load(run).await?.ok_or_else(|| Error::NoSuchRun(run.clone()))?;
        Live::load(stored, &self.options.key)
    }

    /// The run becomes one of this home's, with its timers armed.
    pub(crate) fn keep(&self, live: Live, effects: &[Effect]) {
        for (index, state) in (0u32..).map(StepIndex).zip(&live.run.steps) {
            if let Some(due) = state.due {
                self.timers.arm(Due { at: due, run: live.run.id.clone(), step: Some(index) });
            }
        }
        if let Some(due) = live.run.due() {
            self.timers.arm(Due { at: due, run: live.run.id.clone(), step: None });
        }
        self.perform(&live, effects);
        self.notices.send_all(&Notice::Wake);
        let id = live.run.id.clone();
        let mut runs = self.runs.lock().unwrap_or_else(PoisonError::into_inner);
        runs.insert(id, Arc::new(AsyncMutex::new(live)));
    }

    /// A run of this home.
    pub(crate) fn live(&self, run: &RunId) -> Option<Arc<AsyncMutex<Live>>> {
        let runs = self.runs.lock().unwrap_or_else(PoisonError::into_inner);
        runs.get(run).cloned()
    }

    /// Whether this home has more than one run.
    pub(crate) fn has_several(&self) -> bool {
        self.runs.lock().unwrap_or_else(PoisonError::into_inner).len() > 1
    }

    /// All runs of this home.
    pub(crate) fn all_live(&self) -> Vec<(RunId, Arc<AsyncMutex<Live>>)> {
        let runs = self.runs.lock().unwrap_or_else(PoisonError::into_inner);
        runs.iter().map(|(id, live)| (id.clone(), live.clone())).collect()
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use pintle_core::run::Body;
    use pintle_store::Runs as _;

    use super::*;
    use crate::testing::Process;

    #[tokio::test]
    async fn a_run_that_was_taken_over_meanwhile_is_not_interrupted() {
        let dir = tempfile::tempdir().unwrap();
        let (home, other) = (Process::on(dir.path(), "home").await, Process::on(dir.path(), "other").await);
        let run = home.submit("r1").await;
        // As if the list of dead homes had been read before the run got this one.
        assert!(!other.coordinator.interrupt(&run).await.unwrap());
        let stored = other.store.load(&run).await.unwrap().unwrap();
        assert_eq!(stored.row.status, RunStatus::Running);
        assert!(!stored.events.iter().any(|(_, event)| matches!(event.body, Body::Waiting { .. })), "{stored:#?}");
        drop(home);
        assert!(other.coordinator.interrupt(&run).await.unwrap());
        assert!(!other.coordinator.interrupt(&run).await.unwrap(), "an interruption was recorded twice");
        assert_eq!(other.store.row(&run).await.unwrap().unwrap().status, RunStatus::Waiting);
    }
}
