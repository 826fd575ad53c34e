//! The coordinator as its worker sees it.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, PoisonError};

use pintle_core::ids::{RunId, WorkerId};
use pintle_core::plan::StepIndex;
use pintle_core::run::command::{FailReason, Failed};
use pintle_core::run::{Command, Outcome, Refusal};
use pintle_plane::BoxFuture;
use pintle_plane::worker::{Assignment, LogChunk, Notice, PlaneError, Reported, Settled, Taken, WorkerPlane};
use pintle_store::{Error as StoreError, LogName, LogPart};
use tokio::sync::{Mutex as AsyncMutex, mpsc};

use crate::commit::Batch;
use crate::error::Error;
use crate::live::Live;
use crate::service::Coordinator;

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

    /// Forgets what workers that are gone were told.
    pub(crate) fn clear(&self) {
        self.queues.lock().unwrap_or_else(PoisonError::into_inner).clear();
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
    /// Settles and claims on one run, in one transaction.
    async fn turn(
        &self,
        worker: &WorkerId,
        live: &mut Live,
        settled: &[Settled],
        want: usize,
    ) -> Result<(Vec<Taken>, Vec<Assignment>), Error> {
        self.refresh(live).await?;
        let settles = self.settles(live, settled).await?;
        let decided = self.commit(live, |batch| {
            let mut accepted = Vec::with_capacity(settles.len());
            for command in &settles {
                let told = batch.attempt(command.clone())?;
                accepted.push(told.inspect_err(|refusal| tracing::info!(%refusal, "a report changed nothing")).is_ok());
            }
            Ok((accepted, claim_ready(batch, worker, want)?))
        });
        let ((accepted, claimed), committed) = decided.await?;
        self.after(live, &committed.effects, want > claimed.len());
        let taken = Taken::Accepted { version: committed.version };
        let taken = accepted.into_iter().map(|yes| if yes { taken.clone() } else { Taken::Stale }).collect();
        Ok((taken, self.assignments(live, claimed).await?))
    }

    /// Decodes a report, once the ends of logs that came with it are stored: a decision may look at them.
    async fn settles(&self, live: &mut Live, settled: &[Settled]) -> Result<Vec<Command>, Error> {
        self.seal(settled).await?;
        let mut settles = Vec::with_capacity(settled.len());
        for item in settled {
            let outcome = self.decode(live, item).await?;
            settles.push(Command::Settle { step: item.claim.step, fence: item.claim.fence, outcome });
        }
        Ok(settles)
    }

    /// Stores the ends of logs that came with results, and lets go of what was held open for them. What cannot be
    /// stored is given up, and that is said: the step's outcome matters more than its last words. Only if the store has
    /// no time is the report to come again.
    async fn seal(&self, settled: &[Settled]) -> Result<(), Error> {
        let printed = |item: &&Settled| !item.tail.is_empty() || item.log_bytes.iter().any(|(_, bytes)| *bytes > 0);
        for Settled { claim, tail, .. } in settled.iter().filter(printed) {
            let rest: Vec<LogPart<'_>> = tail.iter().map(part).collect();
            match self.store.seal_logs(&claim.run, claim.step, claim.fence, &rest).await {
                Ok(()) => {}
                Err(error @ (StoreError::Unavailable | StoreError::Busy { .. })) => return Err(error.into()),
                Err(error) => tracing::warn!(%claim, %error, "the end of a step's log could not be stored"),
            }
        }
        Ok(())
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
        let mut failed = None;
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
                // One run that cannot be read keeps no other from being worked on.
                Err(error) => {
                    if !std::mem::replace(&mut live.troubled, true) {
                        tracing::warn!(%run, %error, "steps cannot be claimed; it is tried again");
                    }
                    failed = Some(error);
                }
            }
        }
        match failed {
            Some(error) if claimed.is_empty() => Err(PlaneError::Unavailable(error.to_string())),
            Some(_) | None => Ok(claimed),
        }
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
                    live.troubled = false;
                    claimed.extend(assignments);
                    verdicts
                }
                Err(error) => {
                    if !std::mem::replace(&mut live.troubled, true) {
                        tracing::warn!(%run, %error, "a report cannot be recorded; the worker sends it again");
                    }
                    vec![Taken::Retry(error.to_string()); items.len()]
                }
            };
            for (place, verdict) in places.into_iter().zip(verdicts) {
                if let Some(slot) = taken.get_mut(place) {
                    *slot = verdict;
                }
            }
        }
        // The slots that this leaves free are anybody's: nobody is woken for them again.
        let free = want.saturating_sub(claimed.len());
        if free > 0 && self.has_several() {
            match self.claim_all(worker, free).await {
                Ok(more) => claimed.extend(more),
                Err(_) => self.notices.send_all(&Notice::Wake),
            }
        }
        Reported { taken, claimed }
    }
}

/// Claims ready steps in the plan's order, as many as are wanted and `max_active_steps` lets.
fn claim_ready(batch: &mut Batch<'_>, worker: &WorkerId, want: usize) -> Result<Vec<StepIndex>, Error> {
    let (run, now) = (&batch.live.run, batch.at);
    let due = |step: &StepIndex| run.step(*step).and_then(|state| state.due).is_none_or(|due| due <= now);
    let ready: Vec<StepIndex> = batch.live.ready.iter().copied().filter(due).take(want).collect();
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

fn log_name(chunk: &LogChunk) -> LogName {
    let claim = &chunk.claim;
    LogName { run: claim.run.clone(), step: claim.step, fence: claim.fence, channel: chunk.channel }
}

fn part(chunk: &LogChunk) -> LogPart<'_> {
    LogPart { channel: chunk.channel, offset: chunk.offset, bytes: &chunk.bytes }
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
            let stored = self.store.append_log(&log_name(&chunk), chunk.offset, chunk.bytes).await;
            stored.map(drop).map_err(|error| PlaneError::Unavailable(error.to_string()))
        })
    }
}
