//! What steps print, from the worker's threads to the one that shows it.
//!
//! The worker never waits here. When more comes than is shown, the newest is left out and counted: the logs have all
//! of it. Bounded by [`ROOM`] (I-10).

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use pintle_core::plan::StepIndex;
use pintle_plane::output::{Channel, Sink};
use pintle_plane::worker::Assignment;
use tokio::sync::Notify;

/// Bytes that may wait to be shown.
const ROOM: usize = 8 * 1024 * 1024;

/// Some bytes of one step.
#[derive(Debug)]
pub(crate) struct Chunk {
    pub(crate) from: Source,
    pub(crate) channel: Channel,
    pub(crate) bytes: Vec<u8>,
}

/// Who printed.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) enum Source {
    /// A step of the run that is shown.
    Step(StepIndex),
    /// A step of a run below it.
    Below {
        /// The step that it belongs to.
        step: StepIndex,
        /// `deploy[eu]/check`.
        path: String,
    },
}

/// The worker's observer.
#[derive(Debug, Default)]
pub(crate) struct Feed {
    waiting: Mutex<Waiting>,
    came: Notify,
}

#[derive(Debug, Default)]
struct Waiting {
    chunks: VecDeque<Chunk>,
    bytes: usize,
    left_out: u64,
}

impl Feed {
    /// Everything that waits, and how many bytes were left out since the last time.
    pub(crate) fn take(&self) -> (VecDeque<Chunk>, u64) {
        let mut waiting = self.lock();
        waiting.bytes = 0;
        (std::mem::take(&mut waiting.chunks), std::mem::take(&mut waiting.left_out))
    }

    /// Something came since this was last waited for.
    pub(crate) async fn came(&self) {
        self.came.notified().await;
    }

    pub(crate) fn push(&self, from: &Source, channel: Channel, bytes: &[u8]) {
        let mut waiting = self.lock();
        if waiting.bytes + bytes.len() > ROOM {
            waiting.left_out += bytes.len() as u64;
        } else {
            waiting.bytes += bytes.len();
            match waiting.chunks.back_mut().filter(|last| last.from == *from && last.channel == channel) {
                Some(last) => last.bytes.extend_from_slice(bytes),
                None => waiting.chunks.push_back(Chunk { from: from.clone(), channel, bytes: bytes.to_vec() }),
            }
        }
        drop(waiting);
        self.came.notify_one();
    }

    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The feed as a worker sees it.
#[derive(Debug)]
pub(crate) struct Watch(pub(crate) Arc<Feed>);

impl pintle_worker::Observer for Watch {
    fn begins(&self, assignment: &Assignment) -> Option<Arc<dyn Sink>> {
        let from = match &assignment.lineage {
            None => Source::Step(assignment.claim.step),
            Some(lineage) => {
                Source::Below { step: lineage.step, path: format!("{}/{}", lineage.path, assignment.step_name) }
            }
        };
        Some(Arc::new(StepSink { feed: self.0.clone(), from }))
    }
}

struct StepSink {
    feed: Arc<Feed>,
    from: Source,
}

impl Sink for StepSink {
    fn write(&self, channel: Channel, bytes: &[u8]) {
        self.feed.push(&self.from, channel, bytes);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flood_is_bounded_and_what_is_left_out_is_counted() {
        let feed = Feed::default();
        let block = vec![b'x'; 1024 * 1024];
        (0..20).for_each(|_| feed.push(&Source::Step(StepIndex(0)), Channel::Stdout, &block));
        let (chunks, left_out) = feed.take();
        let kept: usize = chunks.iter().map(|chunk| chunk.bytes.len()).sum();
        assert_eq!((kept, left_out), (ROOM, 12 * 1024 * 1024));
        feed.push(&Source::Step(StepIndex(0)), Channel::Stdout, b"again");
        assert_eq!(feed.take().1, 0);
    }

    #[test]
    fn order_is_kept_between_steps_and_streams() {
        let feed = Feed::default();
        for (step, channel, text) in
            [(0, Channel::Stdout, "a"), (0, Channel::Stdout, "b"), (1, Channel::Stdout, "c"), (0, Channel::Stderr, "d")]
        {
            feed.push(&Source::Step(StepIndex(step)), channel, text.as_bytes());
        }
        let texts: Vec<Vec<u8>> = feed.take().0.into_iter().map(|chunk| chunk.bytes).collect();
        assert_eq!(texts, [b"ab".to_vec(), b"c".to_vec(), b"d".to_vec()]);
    }
}
