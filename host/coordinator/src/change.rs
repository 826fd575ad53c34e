//! What other processes did to our runs: `pintle stop`, `approve` and `retry` append to the same store. A look at the
//! store's mark costs about a microsecond; only when it moved are versions asked for.

use std::time::Duration;

use pintle_core::counter::Version;
use pintle_core::ids::RunId;
use pintle_core::run::Body;
use pintle_store::{Mark, Store};

use crate::error::Error;
use crate::live::Live;
use crate::service::Coordinator;

/// Between two looks: 20 ms while runs are live, 100 ms when idle (decisions.md, 5).
pub(crate) fn interval(busy: bool) -> Duration {
    if busy { Duration::from_millis(20) } else { Duration::from_millis(100) }
}

/// Remembers how the store looked.
#[derive(Debug)]
pub(crate) struct Watcher {
    mark: Option<Mark>,
}

impl Watcher {
    pub(crate) fn new(store: &dyn Store) -> Self {
        Self { mark: store.mark().ok() }
    }

    /// Whether something was committed since the last look. A store that cannot be looked at counts as changed: the
    /// reads that follow say what is wrong with it.
    pub(crate) fn changed(&mut self, store: &dyn Store) -> bool {
        let mark = store.mark().ok();
        let changed = mark.is_none() || mark != self.mark;
        self.mark = mark;
        changed
    }
}

impl Coordinator {
    /// Folds what is newer in the store than in memory.
    pub(crate) async fn fold_changes(&self) {
        self.tending.look_abroad();
        let ids: Vec<RunId> = self.all_live().into_iter().map(|(id, _)| id).collect();
        if ids.is_empty() {
            return;
        }
        let versions = match self.store.versions(&ids).await {
            Ok(versions) => versions,
            Err(error) => {
                tracing::warn!(%error, "cannot see what other processes did; looking again");
                return;
            }
        };
        for (run, version) in versions {
            let Some(live) = self.live(&run) else { continue };
            let mut live = live.lock().await;
            if let Err(error) = self.catch_up(&mut live, version).await {
                tracing::warn!(%run, %error, "what another process did to the run cannot be folded in");
                live.stale = true;
            }
        }
    }

    /// A fold that holds what is not stored is made anew; another takes in what is new.
    async fn catch_up(&self, live: &mut Live, version: Version) -> Result<(), Error> {
        if live.stale {
            self.refresh(live).await?;
        } else if version > live.stored {
            for (version, event) in self.store.events_after(&live.run.id, live.stored).await? {
                let effects = live.fold(&event)?;
                live.stored = version;
                live.announce(std::slice::from_ref(&event));
                self.perform(live, &effects);
                live.answered |= matches!(event.body, Body::StepAnswered { .. });
            }
        }
        // Whoever answers says so, and leaves it to the run's home to go on.
        if live.answered {
            self.go_on(live).await?;
            live.answered = false;
        }
        Ok(())
    }
}
