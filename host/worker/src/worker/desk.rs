//! The one task that speaks to the coordinator.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::sync::mpsc;
use tokio::task::{self, JoinError, JoinSet};
use tokio::time::{Instant, sleep_until};

use pintle_core::ids::WorkerId;
use pintle_core::run::command::{FailReason, Outcome};
use pintle_plane::BoxFuture;
use pintle_plane::stop::Urgency;
use pintle_plane::worker::{Assignment, ClaimId, Notice, PlaneError, Reported, Settled, Taken, WorkerPlane};

use super::log::Log;
use super::outcome;
use super::step::Step;
use super::stopper::Stopper;
use super::{Order, Shared};
use crate::error::Error;
use crate::limits;

/// What the worker knows.
pub(super) struct Desk {
    shared: Arc<Shared>,
    orders: mpsc::UnboundedReceiver<Order>,
    tasks: JoinSet<Settled>,
    running: HashMap<task::Id, Running>,
    /// Not yet sent.
    results: Vec<Settled>,
    /// Sent, and not yet answered.
    sent: Vec<Settled>,
    /// Stop notices that overtook their assignment: kept while a call is under way that may bring it.
    early_stops: Vec<(ClaimId, Urgency)>,
    /// There may be something to claim.
    hungry: bool,
    /// Take nothing new.
    draining: bool,
    silence: Silence,
}

struct Running {
    claim: ClaimId,
    stop: Arc<Stopper>,
    log: Arc<Log>,
}

/// The coordinator does not answer, since when, and when to try again.
#[derive(Default)]
struct Silence {
    since: Option<Instant>,
    retry_at: Option<Instant>,
    wait: Duration,
    reason: String,
}

enum Answer {
    Claimed(Result<Vec<Assignment>, PlaneError>),
    Reported(Result<Reported, PlaneError>),
}

impl Desk {
    pub(super) fn new(shared: Arc<Shared>, orders: mpsc::UnboundedReceiver<Order>) -> Self {
        Self {
            shared,
            orders,
            tasks: JoinSet::new(),
            running: HashMap::new(),
            results: Vec::new(),
            sent: Vec::new(),
            early_stops: Vec::new(),
            hungry: true,
            draining: false,
            silence: Silence::default(),
        }
    }

    pub(super) async fn work(mut self) -> Result<(), Error> {
        let plane = Arc::clone(&self.shared.plane);
        let worker = self.shared.options.worker.clone();
        let mut notices = Box::pin(listen(Duration::ZERO, &*plane, &worker));
        let mut call: Option<BoxFuture<'_, Answer>> = None;
        loop {
            if call.is_none() {
                call = self.next_call(&*plane, &worker);
            }
            if call.is_none() && self.is_done()? {
                return Ok(());
            }
            tokio::select! {
                answer = wait_for(&mut call) => {
                    call = None;
                    self.on_answer(answer).await?;
                }
                Some(ended) = self.tasks.join_next_with_id() => {
                    self.on_end(ended);
                    // Those that ended with it go into the same report.
                    while let Some(ended) = self.tasks.try_join_next_with_id() {
                        self.on_end(ended);
                    }
                }
                notice = &mut notices => {
                    let waits = match notice {
                        Ok(notice) => { self.on_notice(notice, call.is_some()); Duration::ZERO }
                        Err(PlaneError::Replaced(worker)) => return self.give_way(worker).await,
                        // Wakes may have been missed meanwhile.
                        Err(PlaneError::Unavailable(_)) => { self.hungry = true; limits::BACKOFF_MAX }
                    };
                    notices = Box::pin(listen(waits, &*plane, &worker));
                }
                // Without a handle nobody can ask from here any more; the coordinator still can.
                Some(order) = self.orders.recv() => self.on_order(order),
                () = at(self.silence.retry_at) => self.silence.retry_at = None,
            }
        }
    }

    /// Report what there is, wanting as many steps as there are free slots; else claim; else nothing.
    fn next_call<'p>(&mut self, plane: &'p dyn WorkerPlane, worker: &WorkerId) -> Option<BoxFuture<'p, Answer>> {
        if self.silence.retry_at.is_some() {
            return None;
        }
        let free = self.shared.options.slots.saturating_sub(self.running.len());
        let want = if self.draining { 0 } else { free };
        let worker = worker.clone();
        if !self.results.is_empty() {
            self.sent = std::mem::take(&mut self.results);
            self.hungry &= want == 0;
            let report = plane.report(worker, self.sent.clone(), want);
            return Some(Box::pin(async move { Answer::Reported(report.await) }));
        }
        if want > 0 && std::mem::take(&mut self.hungry) {
            let claim = plane.claim(worker, want);
            return Some(Box::pin(async move { Answer::Claimed(claim.await) }));
        }
        None
    }

    /// Drained, with nothing left to do or nobody to tell.
    fn is_done(&self) -> Result<bool, Error> {
        if !self.draining || !self.running.is_empty() {
            return Ok(false);
        }
        if self.results.is_empty() {
            return Ok(true);
        }
        match self.silence.since {
            Some(since) if since.elapsed() >= self.shared.options.patience => {
                Err(Error::Unreported { count: self.results.len(), reason: self.silence.reason.clone() })
            }
            Some(_) | None => Ok(false),
        }
    }

    async fn on_answer(&mut self, answer: Answer) -> Result<(), Error> {
        let error = match answer {
            Answer::Claimed(Ok(claimed)) => {
                self.silence = Silence::default();
                self.start_all(claimed);
                return Ok(());
            }
            Answer::Reported(Ok(reported)) => {
                self.on_reported(reported);
                return Ok(());
            }
            Answer::Claimed(Err(error)) | Answer::Reported(Err(error)) => error,
        };
        let sent = std::mem::take(&mut self.sent);
        self.results.splice(..0, sent);
        self.hungry = true;
        match error {
            PlaneError::Unavailable(reason) => {
                self.silence.go_on(reason);
                Ok(())
            }
            PlaneError::Replaced(worker) => self.give_way(worker).await,
        }
    }

    fn on_reported(&mut self, reported: Reported) {
        let mut again = None;
        let mut taken = reported.taken.into_iter();
        for settled in std::mem::take(&mut self.sent) {
            match taken.next() {
                Some(Taken::Accepted { .. }) => {}
                Some(Taken::Stale) => {
                    tracing::warn!(claim = %settled.claim, "a newer claim holds this step: its result was not taken");
                }
                Some(Taken::Retry(reason)) => {
                    again = Some(reason);
                    self.results.push(settled);
                }
                None => {
                    again = Some("the answer was too short".to_owned());
                    self.results.push(settled);
                }
            }
        }
        match again {
            Some(reason) => self.silence.go_on(reason),
            None => self.silence = Silence::default(),
        }
        self.start_all(reported.claimed);
    }

    fn start_all(&mut self, claimed: Vec<Assignment>) {
        for assignment in claimed {
            self.start(assignment);
        }
        self.early_stops.clear();
    }

    fn start(&mut self, assignment: Assignment) {
        let claim = assignment.claim.clone();
        if self.draining {
            self.results.push(Settled { claim, outcome: Outcome::GivenBack, log_bytes: Vec::new(), tail: Vec::new() });
            return;
        }
        if self.running.values().any(|running| running.claim == claim) {
            tracing::warn!(%claim, "the same claim was given twice: it is performed once");
            return;
        }
        let stop = Arc::new(Stopper::default());
        if let Some((_, urgency)) = self.early_stops.iter().find(|(stopped, _)| *stopped == claim) {
            stop.raise(*urgency);
        }
        let threads = self.shared.options.threads.clone().unwrap_or_else(Handle::current);
        let log = Arc::new(Log::new(claim.clone(), Arc::clone(&self.shared.plane), threads.clone()));
        let step = Step::new(Arc::clone(&self.shared), assignment, Arc::clone(&stop), Arc::clone(&log));
        let task = self.tasks.spawn_on(step.perform(), &threads);
        self.running.insert(task.id(), Running { claim, stop, log });
    }

    /// A step's task ended, well or by a panic.
    fn on_end(&mut self, ended: Result<(task::Id, Settled), JoinError>) {
        match ended {
            Ok((id, settled)) => {
                self.running.remove(&id);
                self.results.push(settled);
            }
            Err(error) => {
                if let Some(running) = self.running.remove(&error.id()) {
                    let message = format!(
                        "the worker itself failed while it performed this step, which is a defect of Pintle: {}",
                        panic_text(error)
                    );
                    tracing::error!(claim = %running.claim, message);
                    self.results.push(Settled {
                        claim: running.claim,
                        outcome: outcome::fault(FailReason::UnknownOutcome, message),
                        log_bytes: running.log.lengths(),
                        tail: running.log.abandon(),
                    });
                }
            }
        }
    }

    fn on_notice(&mut self, notice: Notice, call_is_out: bool) {
        match notice {
            Notice::Wake => self.hungry = true,
            Notice::Drain => self.draining = true,
            Notice::Stop(claim, urgency) => match self.running.values().find(|running| running.claim == claim) {
                Some(running) => running.stop.raise(urgency),
                None if call_is_out => self.early_stops.push((claim, urgency)),
                None => tracing::debug!(%claim, "a step that is not running here was to be stopped"),
            },
        }
    }

    fn on_order(&mut self, order: Order) {
        self.draining = true;
        match order {
            Order::Drain => {}
            Order::Stop(urgency) => self.stop_all(urgency),
        }
    }

    fn stop_all(&self, urgency: Urgency) {
        for running in self.running.values() {
            running.stop.raise(urgency);
        }
    }

    /// A newer worker of the same id is there: nothing of this one would be accepted, so its steps are killed.
    async fn give_way(&mut self, worker: WorkerId) -> Result<(), Error> {
        tracing::error!(%worker, "a newer process of the same worker id took over: stopping all steps of this one");
        self.stop_all(Urgency::AtOnce);
        while self.tasks.join_next().await.is_some() {}
        Err(Error::Replaced(worker))
    }
}

impl Silence {
    /// It goes on: the next try is later.
    fn go_on(&mut self, reason: String) {
        let now = Instant::now();
        if self.since.is_none() {
            tracing::warn!(reason, "the coordinator does not take results or give steps: trying again");
        }
        self.since.get_or_insert(now);
        self.wait = (self.wait * 2).clamp(limits::BACKOFF_MIN, limits::BACKOFF_MAX);
        self.retry_at = Some(now + self.wait);
        self.reason = reason;
    }
}

fn panic_text(error: JoinError) -> String {
    match error.try_into_panic() {
        Ok(panic) => panic
            .downcast_ref::<&str>()
            .map(|text| (*text).to_owned())
            .or_else(|| panic.downcast_ref::<String>().cloned())
            .unwrap_or_else(|| "it panicked".to_owned()),
        Err(error) => error.to_string(),
    }
}

async fn listen(after: Duration, plane: &dyn WorkerPlane, worker: &WorkerId) -> Result<Notice, PlaneError> {
    if !after.is_zero() {
        tokio::time::sleep(after).await;
    }
    plane.notice(worker.clone()).await
}

async fn wait_for(call: &mut Option<BoxFuture<'_, Answer>>) -> Answer {
    match call {
        Some(call) => call.await,
        None => std::future::pending().await,
    }
}

async fn at(instant: Option<Instant>) {
    match instant {
        Some(instant) => sleep_until(instant).await,
        None => std::future::pending().await,
    }
}
