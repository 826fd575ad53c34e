//! The coordinator as its worker sees it.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, PoisonError};

use pintle_core::ids::{RunId, WorkerId};
use pintle_core::plan::StepIndex;
use pintle_core::run::command::{FailReason, Failed};
use pintle_core::run::{Command, Outcome, Refusal};
use pintle_plane::BoxFuture;
use pintle_plane::output::Channel;
use pintle_plane::worker::{Assignment, LogChunk, Notice, PlaneError, Reported, Settled, Taken, WorkerPlane};
use pintle_store::{CommitError, LogName};
use tokio::sync::{Mutex as AsyncMutex, mpsc};

use crate::commit::Batch;
use crate::error::Error;
use crate::live::Live;
use crate::service::Coordinator;

/// A report is decided anew this often when other processes append first.
const CONTENTION: usize = 16;

/// Notices on their way to workers.
#[derive(Debug, Default)]
pub(crate) struct Notices {
    queues: Mutex<HashMap<WorkerId, Arc<Queue>>>,
}

#[derive(Debug)]
struct Queue {
    sender: mpsc::UnboundedSender<Notice>,
    receiver: AsyncMutex<mpsc::UnboundedReceiver<Notice>>,
    woken: std::sync::atomic::AtomicBool,
}

impl Notices {
    /// Tells every worker; a wake that was not looked at yet is not said twice.
    pub(crate) fn send_all(&self, notice: &Notice) {
        let queues = self.queues.lock().unwrap_or_else(PoisonError::into_inner);
        for queue in queues.values() {
            let woken = || queue.woken.swap(true, std::sync::atomic::Ordering::AcqRel);
            if *notice == Notice::Wake && woken() {
                continue;
            }
            // A worker that went away reads nothing any more.
            let _gone = queue.sender.send(notice.clone());
        }
    }

    fn queue(&self, worker: &WorkerId) -> Arc<Queue> {
        let mut queues = self.queues.lock().unwrap_or_else(PoisonError::into_inner);
        let make = || {
            let (sender, receiver) = mpsc::unbounded_channel();
            // Steps may have become ready before the worker came.
            let _open = sender.send(Notice::Wake);
            Arc::new(Queue { sender, receiver: AsyncMutex::new(receiver), woken: true.into() })
        };
        queues.entry(worker.clone()).or_insert_with(make).clone()
    }
}

impl Coordinator {
    /// Settles and claims on one run, in one transaction. `None`: the run is not one of this home's.
    async fn turn(
        &self,
        worker: &WorkerId,
        live: &mut Live,
        settled: &[Settled],
        want: usize,
    ) -> Result<(Vec<Taken>, Vec<Assignment>), Error> {
        for _ in 0..CONTENTION {
            self.refresh(live).await?;
            let mut settles = Vec::with_capacity(settled.len());
            for item in settled {
                let outcome = self.decode(live, item).await?;
                let (step, fence) = (item.claim.step, item.claim.fence);
                settles.push(Command::Settle { step, fence, outcome });
            }
            let mut batch = Batch::new(live, self.now());
            let mut verdicts = Vec::with_capacity(settles.len());
            for command in settles {
                verdicts.push(batch.attempt(command)?.map_err(|refusal| {
                    tracing::info!(%refusal, "a report changed nothing");
                }));
            }
            let claimed = claim_ready(&mut batch, worker, want)?;
            match batch.commit(&*self.store, &self.options.tenant, None).await {
                Ok(committed) => {
                    self.after(live, &committed.effects, want > claimed.len());
                    self.seal(settled);
                    let accepted = Taken::Accepted { version: committed.version };
                    let taken = verdicts.iter().map(|v| if v.is_ok() { accepted.clone() } else { Taken::Stale });
                    let taken = taken.collect();
                    let assignments = self.assignments(live, claimed).await?;
                    return Ok((taken, assignments));
                }
                Err(CommitError::Store(error)) => return Err(error.into()),
                Err(_) => {}
            }
        }
        Err(Error::Contended(live.run.id.clone()))
    }

    /// The claimed steps with their values. One whose values cannot be resolved is settled here, as failed.
    async fn assignments(&self, live: &mut Live, claimed: Vec<StepIndex>) -> Result<Vec<Assignment>, Error> {
        let mut assignments = Vec::with_capacity(claimed.len());
        for step in claimed {
            match self.assignment(live, step).await {
                Ok(assignment) => assignments.push(assignment),
                Err(message) => {
                    let fence = live.run.step(step).map(|state| state.fence).unwrap_or_default();
                    let reason = FailReason::NotStarted;
                    let failed = Failed { reason, message, exit_code: None, retry_after: None, output_matched: false };
                    let command = Command::Settle { step, fence, outcome: Outcome::Failed(failed) };
                    self.drive(live, &command).await?;
                }
            }
        }
        Ok(assignments)
    }

    /// Lets go of what is held open for the logs of claims that are over; nobody waits for that.
    fn seal(&self, settled: &[Settled]) {
        if settled.is_empty() {
            return;
        }
        let store = Arc::clone(&self.store);
        let claims: Vec<_> = settled.iter().map(|item| item.claim.clone()).collect();
        tokio::spawn(async move {
            for claim in claims {
                if let Err(error) = store.seal_logs(&claim.run, claim.step, claim.fence).await {
                    tracing::warn!(%claim, %error, "a log could not be closed");
                }
            }
        });
    }

    /// Effects of a turn. The worker that took it was given what it can take: it is woken only for more.
    fn after(&self, live: &Live, effects: &[pintle_core::run::Effect], free: bool) {
        let wakes = |e: &pintle_core::run::Effect| matches!(e, pintle_core::run::Effect::Wake(_));
        let rest: Vec<_> = effects.iter().filter(|e| !wakes(e)).cloned().collect();
        self.perform(live, &rest);
        if free && !live.ready.is_empty() && effects.iter().any(wakes) {
            self.notices.send_all(&Notice::Wake);
        }
    }

    async fn claim_all(&self, worker: &WorkerId, want: usize) -> Result<Vec<Assignment>, PlaneError> {
        self.notices.queue(worker).woken.store(false, std::sync::atomic::Ordering::Release);
        let mut claimed = Vec::new();
        for (run, live) in self.all_live() {
            let free = want.saturating_sub(claimed.len());
            if free == 0 {
                break;
            }
            let mut live = live.lock().await;
            if live.ready.is_empty() && !live.stale {
                continue;
            }
            match self.turn(worker, &mut live, &[], free).await {
                Ok((_, assignments)) => claimed.extend(assignments),
                Err(error) => {
                    tracing::warn!(%run, %error, "steps could not be claimed");
                    return Err(PlaneError::Unavailable(error.to_string()));
                }
            }
        }
        Ok(claimed)
    }

    async fn report_all(&self, worker: &WorkerId, settled: Vec<Settled>, want: usize) -> Reported {
        let mut by_run: BTreeMap<RunId, Vec<(usize, Settled)>> = BTreeMap::new();
        let count = settled.len();
        for (place, item) in settled.into_iter().enumerate() {
            by_run.entry(item.claim.run.clone()).or_default().push((place, item));
        }
        let mut taken: Vec<Taken> = vec![Taken::Stale; count];
        let mut claimed = Vec::new();
        for (run, items) in by_run {
            let Some(live) = self.live(&run) else { continue };
            let mut live = live.lock().await;
            let (places, items): (Vec<usize>, Vec<Settled>) = items.into_iter().unzip();
            let free = want.saturating_sub(claimed.len());
            let verdicts = match self.turn(worker, &mut live, &items, free).await {
                Ok((verdicts, assignments)) => {
                    claimed.extend(assignments);
                    verdicts
                }
                Err(error) => {
                    tracing::warn!(%run, %error, "a report could not be recorded; the worker sends it again");
                    vec![Taken::Retry(error.to_string()); items.len()]
                }
            };
            for (place, verdict) in places.into_iter().zip(verdicts) {
                if let Some(slot) = taken.get_mut(place) {
                    *slot = verdict;
                }
            }
        }
        Reported { taken, claimed }
    }
}

/// Claims ready steps in the plan's order, as many as are wanted and `max_active_steps` lets.
fn claim_ready(batch: &mut Batch<'_>, worker: &WorkerId, want: usize) -> Result<Vec<StepIndex>, Error> {
    let ready: Vec<StepIndex> = batch.live.ready.iter().copied().take(want).collect();
    let mut claimed = Vec::with_capacity(ready.len());
    for step in ready {
        match batch.attempt(Command::Claim { step, worker: worker.clone() })? {
            Ok(()) => claimed.push(step),
            Err(Refusal::TooManyActive { .. } | Refusal::WrongRunStatus { .. }) => break,
            Err(refusal) => tracing::warn!(%refusal, "a ready step cannot be claimed"),
        }
    }
    Ok(claimed)
}

impl WorkerPlane for Coordinator {
    fn claim(&self, worker: WorkerId, want: usize) -> BoxFuture<'_, Result<Vec<Assignment>, PlaneError>> {
        Box::pin(async move { self.claim_all(&worker, want).await })
    }

    fn report(
        &self,
        worker: WorkerId,
        settled: Vec<Settled>,
        want: usize,
    ) -> BoxFuture<'_, Result<Reported, PlaneError>> {
        Box::pin(async move { Ok(self.report_all(&worker, settled, want).await) })
    }

    fn notice(&self, worker: WorkerId) -> BoxFuture<'_, Result<Notice, PlaneError>> {
        Box::pin(async move {
            let queue = self.notices.queue(&worker);
            let next = queue.receiver.lock().await.recv().await;
            next.ok_or_else(|| PlaneError::Unavailable("it has shut down".to_owned()))
        })
    }

    fn append_log(&self, chunk: LogChunk) -> BoxFuture<'_, Result<(), PlaneError>> {
        Box::pin(async move {
            let name = LogName {
                run: chunk.claim.run,
                step: chunk.claim.step,
                fence: chunk.claim.fence,
                channel: match chunk.channel {
                    Channel::Stdout => pintle_store::Channel::Stdout,
                    Channel::Stderr => pintle_store::Channel::Stderr,
                },
            };
            let stored = self.store.append_log(&name, chunk.offset, chunk.bytes).await;
            stored.map(drop).map_err(|error| PlaneError::Unavailable(error.to_string()))
        })
    }
}
