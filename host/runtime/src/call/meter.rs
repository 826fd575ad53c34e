//! CPU time of a guest: what its thread spent while the guest's future was polled. A guest that waits for a host call
//! is not polled, and long work that the host does on its behalf is taken out with [`Meter::free`].

use std::pin::pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::Poll;
use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};

/// CPU time of one call. Written by the thread that polls the guest, which is one at a time.
#[derive(Debug, Default)]
pub(crate) struct Meter {
    used_ns: AtomicU64,
    since_ns: AtomicU64,
}

fn thread_cpu_ns() -> u64 {
    let now = clock_gettime(ClockId::ThreadCPUTime);
    u64::try_from(now.tv_sec).unwrap_or(0) * 1_000_000_000 + u64::try_from(now.tv_nsec).unwrap_or(0)
}

impl Meter {
    fn start(&self) {
        self.since_ns.store(thread_cpu_ns(), Ordering::Relaxed);
    }

    fn stop(&self) {
        self.used_ns.store(self.running_ns(), Ordering::Relaxed);
    }

    fn running_ns(&self) -> u64 {
        let slice = thread_cpu_ns().saturating_sub(self.since_ns.load(Ordering::Relaxed));
        self.used_ns.load(Ordering::Relaxed).saturating_add(slice)
    }

    /// Used so far. Only asked from inside the guest's future.
    pub(crate) fn used(&self) -> Duration {
        Duration::from_nanos(self.running_ns())
    }

    /// Does the host's own work without charging the guest. Only called from inside the guest's future.
    pub(crate) fn free<R>(&self, work: impl FnOnce() -> R) -> R {
        self.stop();
        let result = work();
        self.start();
        result
    }

    /// Polls a guest on this meter.
    pub(crate) async fn charge<F: Future>(&self, guest: F) -> F::Output {
        let mut guest = pin!(guest);
        std::future::poll_fn(|context| {
            self.start();
            let polled: Poll<F::Output> = guest.as_mut().poll(context);
            self.stop();
            polled
        })
        .await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn burn(time: Duration) {
        let start = thread_cpu_ns();
        while Duration::from_nanos(thread_cpu_ns() - start) < time {
            std::hint::spin_loop();
        }
    }

    #[tokio::test]
    async fn waiting_and_the_hosts_own_work_are_free() {
        let meter = Meter::default();
        meter
            .charge(async {
                burn(Duration::from_millis(3));
                tokio::time::sleep(Duration::from_millis(60)).await;
                meter.free(|| burn(Duration::from_millis(60)));
                burn(Duration::from_millis(3));
            })
            .await;
        let used = Duration::from_nanos(meter.used_ns.load(Ordering::Relaxed));
        assert!(used >= Duration::from_millis(6), "{used:?}");
        assert!(used < Duration::from_millis(40), "{used:?}");
    }
}
