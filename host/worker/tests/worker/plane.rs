//! A coordinator that does as the test says.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use pintle_core::counter::Version;
use pintle_core::ids::WorkerId;
use pintle_core::run::command::Outcome;
use pintle_plane::BoxFuture;
use pintle_plane::output::Channel;
use pintle_plane::worker::{Assignment, ClaimId, LogChunk, Notice, PlaneError, Reported, Settled, Taken, WorkerPlane};
use tokio::sync::{Notify, mpsc};

use crate::room::claim;

/// A coordinator: hands out what is queued, and does with reports what it is told to.
pub(crate) struct Plane {
    pub(crate) state: Mutex<State>,
    pub(crate) changed: Notify,
    pub(crate) notices: tokio::sync::Mutex<mpsc::UnboundedReceiver<Result<Notice, PlaneError>>>,
    pub(crate) tell: mpsc::UnboundedSender<Result<Notice, PlaneError>>,
    /// Claims wait here while it is locked, ...
    pub(crate) claim_gate: tokio::sync::Mutex<()>,
    /// ... and reports here.
    pub(crate) report_gate: tokio::sync::Mutex<()>,
}

#[derive(Default)]
pub(crate) struct State {
    pub(crate) ready: VecDeque<Assignment>,
    pub(crate) answers: VecDeque<Result<Taken, PlaneError>>,
    pub(crate) settled: Vec<Settled>,
    pub(crate) reports: Vec<(usize, usize)>,
    pub(crate) claims: Vec<usize>,
    pub(crate) held: Vec<ClaimId>,
    pub(crate) most_held: usize,
    pub(crate) logs: HashMap<(ClaimId, Channel), Vec<u8>>,
    pub(crate) log_refusals: usize,
    /// Reports are answered without a word about what was in them.
    pub(crate) is_short: bool,
}

impl State {
    fn log(&mut self, chunk: &LogChunk) {
        let log = self.logs.entry((chunk.claim.clone(), chunk.channel)).or_default();
        assert_eq!(chunk.offset, log.len() as u64, "a chunk came out of order, or left a gap");
        log.extend_from_slice(&chunk.bytes);
    }

    pub(crate) fn give(&mut self, want: usize) -> Vec<Assignment> {
        let given: Vec<Assignment> = self.ready.drain(..want.min(self.ready.len())).collect();
        self.held.extend(given.iter().map(|assignment| assignment.claim.clone()));
        self.most_held = self.most_held.max(self.held.len());
        given
    }
}

impl Plane {
    pub(crate) fn new(ready: impl IntoIterator<Item = Assignment>) -> Arc<Self> {
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

    pub(crate) fn state<T>(&self, look: impl FnOnce(&mut State) -> T) -> T {
        look(&mut self.state.lock().unwrap())
    }

    pub(crate) fn notify(&self, notice: Notice) {
        self.tell.send(Ok(notice)).unwrap();
    }

    pub(crate) async fn until(&self, what: &str, holds: impl Fn(&State) -> bool) {
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

    pub(crate) async fn outcome(&self, step: u32) -> Outcome {
        self.until("the step is settled", |state| state.settled.iter().any(|s| s.claim == claim(step))).await;
        self.state(|state| state.settled.iter().find(|s| s.claim == claim(step)).unwrap().outcome.clone())
    }

    pub(crate) fn log(&self, step: u32, channel: Channel) -> String {
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
                if state.is_short {
                    return Ok(Reported { taken: Vec::new(), claimed: Vec::new() });
                }
                let mut taken = Vec::new();
                for settled in settled {
                    match state.answers.pop_front().unwrap_or(Ok(Taken::Accepted { version: Version(1) })) {
                        Err(error) => return Err(error),
                        Ok(answer) => {
                            if !matches!(answer, Taken::Retry(_)) {
                                state.held.retain(|held| *held != settled.claim);
                            }
                            if matches!(answer, Taken::Accepted { .. }) {
                                settled.tail.iter().for_each(|chunk| state.log(chunk));
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
                state.log(&chunk);
                Ok(())
            });
            self.changed.notify_waiters();
            taken
        })
    }
}
