//! Telling a run of this process to stop, also while the store takes nothing.
//!
//! The danger: a stop is an event, and a disk that is full, or a lock that another process holds, keeps it from being
//! stored for as long as it likes. The rule: it is said again until it is taken, and nobody who asks waits for that. Who
//! asks a second time, or asked long ago, is let go all the same: the steps are killed, the process leaves, and whoever
//! comes next finds the run interrupted.

use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use pintle_coordinator::Error;
use pintle_core::ids::RunId;
use pintle_core::run::command::{Refusal, StopCause};
use tokio::time::Instant;

use crate::join::House;

/// What the store did not take is said again after this.
const AGAIN: Duration = Duration::from_secs(1);
/// So long a first stop is said again.
const PATIENCE: Duration = Duration::from_secs(30);
/// So long a second one is.
const NO_PATIENCE: Duration = Duration::from_secs(2);

type Call<'a> = Pin<Box<dyn Future<Output = Result<(), Error>> + 'a>>;

/// How far it is.
pub(crate) struct Stopping<'a> {
    house: &'a House,
    run: RunId,
    /// How often somebody asked.
    asked: u32,
    /// The store is being told.
    call: Option<Call<'a>>,
    /// When it is told again.
    again: Option<Instant>,
    /// When this process leaves, told or not.
    leave: Option<Instant>,
    /// That it takes nothing was said.
    complained: bool,
}

impl<'a> Stopping<'a> {
    pub(crate) fn new(house: &'a House, run: RunId) -> Self {
        Self { house, run, asked: 0, call: None, again: None, leave: None, complained: false }
    }

    /// Somebody asks: first with grace, then at once.
    pub(crate) fn ask(&mut self) {
        self.asked += 1;
        let patience = if self.asked > 1 { NO_PATIENCE } else { PATIENCE };
        let leave = Instant::now() + patience;
        self.leave = Some(self.leave.map_or(leave, |before| before.min(leave)));
        self.tell();
    }

    fn tell(&mut self) {
        let (house, run, at_once) = (self.house, self.run.clone(), self.asked > 1);
        self.again = None;
        self.call = Some(Box::pin(async move { house.coordinator.stop(&run, StopCause::Interrupted, at_once).await }));
    }

    /// Goes on with it a little, if anybody asked. True when it is time to leave. May be dropped at any time.
    pub(crate) async fn go_on(&mut self) -> bool {
        tokio::select! {
            told = told(&mut self.call) => {
                self.call = None;
                match told {
                    Ok(()) | Err(Error::Refused(Refusal::AlreadyStopping(_) | Refusal::WrongRunStatus { .. })) => {
                        self.leave = None;
                    }
                    Err(error) => {
                        let run = &self.run;
                        if !std::mem::replace(&mut self.complained, true) {
                            tracing::error!(%run, %error, "the run cannot be told to stop yet; a second Ctrl-C kills its steps");
                        }
                        self.again = Some(Instant::now() + AGAIN);
                    }
                }
                false
            }
            () = over(self.again) => {
                self.tell();
                false
            }
            () = over(self.leave) => true,
        }
    }
}

async fn told(call: &mut Option<Call<'_>>) -> Result<(), Error> {
    match call {
        Some(call) => call.await,
        None => std::future::pending().await,
    }
}

/// Resolves at an instant; never without one.
pub(crate) async fn over(at: Option<Instant>) {
    match at {
        Some(at) => tokio::time::sleep_until(at).await,
        None => std::future::pending().await,
    }
}
