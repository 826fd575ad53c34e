//! One step's stop signal.

use tokio::sync::watch;

use pintle_plane::BoxFuture;
use pintle_plane::stop::{StopSignal, Urgency};

/// Raised by notices, by the step's timeout and by the worker's end.
#[derive(Debug)]
pub(super) struct Stopper(watch::Sender<Urgency>);

impl Default for Stopper {
    fn default() -> Self {
        Self(watch::Sender::new(Urgency::None))
    }
}

impl Stopper {
    /// More urgent, or as it was.
    pub(super) fn raise(&self, urgency: Urgency) {
        self.0.send_if_modified(|current| {
            let more = urgency > *current;
            *current = (*current).max(urgency);
            more
        });
    }
}

impl StopSignal for Stopper {
    fn urgency(&self) -> Urgency {
        *self.0.borrow()
    }

    fn reached(&self, level: Urgency) -> BoxFuture<'_, ()> {
        let mut changes = self.0.subscribe();
        Box::pin(async move {
            if changes.wait_for(|urgency| *urgency >= level).await.is_err() {
                // The sender lives in `self`, which the future borrows.
                std::future::pending::<()>().await;
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn it_only_ever_gets_more_urgent() {
        let stop = Stopper::default();
        stop.reached(Urgency::None).await;
        stop.raise(Urgency::AtOnce);
        stop.raise(Urgency::Gracefully);
        assert_eq!(stop.urgency(), Urgency::AtOnce);
        stop.reached(Urgency::Gracefully).await;
        stop.reached(Urgency::AtOnce).await;
    }
}
