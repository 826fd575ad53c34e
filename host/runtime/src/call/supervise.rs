//! Seeing one call to its end, whatever the guest does.

use std::sync::Arc;
use std::time::Duration;

use pintle_plane::stop::Urgency;
use wasmtime::{Store, StoreContextMut, UpdateDeadline};

use crate::call::breach::Breach;
use crate::call::meter::Meter;
use crate::call::record::Record;
use crate::limits::{CallLimits, HANDLES, HOSTCALL_BYTES};

/// How long a guest may take to notice that it was asked to stop.
pub(crate) const STOP_GRACE: Duration = Duration::from_secs(2);
/// How long a program that was killed may take to be gone.
const KILL_GRACE: Duration = Duration::from_secs(2);

/// Why a call ended before the guest did.
#[derive(Debug)]
pub(crate) enum Cut {
    /// Its time is over.
    Deadline,
    /// It was asked to stop, and did not.
    Stopped,
}

/// Sets every bound of a Store. Before instantiation: a start function is guest code too.
pub(crate) fn bound<T: Send + 'static>(
    store: &mut Store<T>,
    limits: &CallLimits,
    meter: &Arc<Meter>,
    record: &Arc<Record>,
) {
    store.set_hostcall_fuel(HOSTCALL_BYTES);
    store.set_max_component_handles(HANDLES);
    store.set_epoch_deadline(1);
    let (cpu, meter, record) = (limits.cpu, Arc::clone(meter), Arc::clone(record));
    store.epoch_deadline_callback(move |_: StoreContextMut<'_, T>| {
        if meter.used() >= cpu {
            return Err(Breach::Cpu(cpu).into());
        }
        if record.is_over() && record.program_grace().is_none() {
            return Ok(UpdateDeadline::Interrupt);
        }
        Ok(UpdateDeadline::YieldCustom(1, Box::pin(tokio::task::yield_now())))
    });
}

/// Polls the guest on its meter until it ends, its deadline passes or it is stopped. Ending it drops the Store.
pub(crate) async fn supervise<F: Future>(guest: F, meter: &Meter, record: &Record) -> Result<F::Output, Cut> {
    tokio::select! {
        biased;
        done = meter.charge(guest) => Ok(done),
        cut = cut(record) => Err(cut),
    }
}

async fn cut(record: &Record) -> Cut {
    let stop = record.outer();
    let deadline = async {
        match record.deadline {
            Some(deadline) => tokio::time::sleep_until(deadline.into()).await,
            None => std::future::pending().await,
        }
    };
    tokio::select! {
        () = deadline => {
            // A program gets the time to clean up that it was promised; a guest alone gets none.
            if let Some(grace) = record.program_grace() {
                record.stop_gracefully();
                tokio::time::sleep(grace + KILL_GRACE).await;
            }
            Cut::Deadline
        }
        () = stop.reached(Urgency::Gracefully) => {
            let grace = record.program_grace().map_or(STOP_GRACE, |grace| grace + KILL_GRACE);
            tokio::select! {
                () = tokio::time::sleep(grace) => {}
                () = stop.reached(Urgency::AtOnce) => {
                    if record.program_grace().is_some() {
                        tokio::time::sleep(KILL_GRACE).await;
                    }
                }
            }
            Cut::Stopped
        }
    }
}
