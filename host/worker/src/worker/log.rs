//! A step's log on its way to the coordinator.
//!
//! Bytes are gathered for [`LOG_DELAY`](limits::LOG_DELAY) or up to [`LOG_CHUNK`](limits::LOG_CHUNK), then stored in
//! the order in which they were printed. A chunk stays at the head of the queue until it was taken; its offset makes a
//! second sending harmless. A step that prints faster than that is held up; if its log cannot be stored at all for
//! [`LOG_PATIENCE`](limits::LOG_PATIENCE), what it prints is lost, and the log says how much.
//!
//! Who sends is a task of its own, the pump, because a step that is held up cannot. Most steps are over before the
//! delay is: they send what they printed with their end, and no pump is started.

use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::runtime::{Handle, RuntimeFlavor};
use tokio::sync::Notify;

use pintle_plane::output::Channel;
use pintle_plane::worker::{ClaimId, LogChunk, WorkerPlane};

use crate::limits;

/// One step's log.
pub(super) struct Log {
    claim: ClaimId,
    plane: Arc<dyn WorkerPlane>,
    runtime: Handle,
    queue: Mutex<Queue>,
    /// There is room again.
    room: Condvar,
    /// Something waits that no pump is there for.
    begun: Notify,
    /// Held by whoever sends, so that chunks go one after another.
    sending: tokio::sync::Mutex<()>,
}

#[derive(Default)]
struct Queue {
    chunks: VecDeque<LogChunk>,
    /// Bytes in `chunks`.
    waiting: usize,
    /// The first chunk is being sent: nothing is added to it.
    head_is_out: bool,
    /// A task is there that will send.
    pumped: bool,
    stdout: u64,
    stderr: u64,
    /// Bytes lost since the last note.
    lost: u64,
}

impl Log {
    /// Its pump will run on `runtime`.
    pub(super) fn new(claim: ClaimId, plane: Arc<dyn WorkerPlane>, runtime: Handle) -> Self {
        Self {
            claim,
            plane,
            runtime,
            queue: Mutex::default(),
            room: Condvar::new(),
            begun: Notify::new(),
            sending: tokio::sync::Mutex::new(()),
        }
    }

    /// Adds to the log.
    pub(super) fn write(self: &Arc<Self>, channel: Channel, bytes: &[u8]) {
        for part in bytes.chunks(limits::LOG_CHUNK) {
            self.add(channel, part);
        }
    }

    fn add(self: &Arc<Self>, channel: Channel, bytes: &[u8]) {
        self.wait_for_room(bytes.len());
        let mut queue = self.lock();
        if queue.waiting.saturating_add(bytes.len()) > limits::LOG_BUFFER {
            queue.lost = queue.lost.saturating_add(bytes.len() as u64);
            return;
        }
        if queue.lost > 0 {
            let note =
                format!("\npintle: {} bytes of output are missing here: the log could not be stored\n", queue.lost);
            queue.lost = 0;
            queue.push(&self.claim, channel, note.as_bytes());
        }
        queue.push(&self.claim, channel, bytes);
        if queue.waiting >= limits::LOG_CHUNK {
            self.start_pump(&mut queue);
        } else if !queue.pumped {
            self.begun.notify_one();
        }
    }

    fn start_pump(self: &Arc<Self>, queue: &mut Queue) {
        if !std::mem::replace(&mut queue.pumped, true) {
            self.runtime.spawn(Arc::clone(self).pump());
        }
    }

    /// Starts the pump for what has waited for the delay. Never resolves: to be polled beside the step's action.
    pub(super) async fn watch(self: &Arc<Self>) {
        loop {
            self.begun.notified().await;
            tokio::time::sleep(limits::LOG_DELAY).await;
            let mut queue = self.lock();
            if !queue.chunks.is_empty() {
                self.start_pump(&mut queue);
            }
        }
    }

    /// Holds the printer up while the buffer is full. On a runtime thread others must go on meanwhile, which only a
    /// multi-thread runtime can do; on a single thread, to wait would be to wait for oneself.
    fn wait_for_room(&self, len: usize) {
        let full = |queue: &mut Queue| queue.waiting.saturating_add(len) > limits::LOG_BUFFER && queue.lost == 0;
        if !full(&mut self.lock()) {
            return;
        }
        let wait = || drop(self.room.wait_timeout_while(self.lock(), limits::LOG_PATIENCE, full));
        match Handle::try_current().map(|runtime| runtime.runtime_flavor()) {
            Ok(RuntimeFlavor::MultiThread) => tokio::task::block_in_place(wait),
            Ok(_) => {}
            Err(_) => wait(),
        }
    }

    /// Sends what waits, and ends when less than a chunk has come meanwhile.
    async fn pump(self: Arc<Self>) {
        let mut backoff = limits::BACKOFF_MIN;
        loop {
            if self.send_all().await.is_err() {
                tokio::time::sleep(backoff).await;
                backoff = (backoff * 2).min(limits::BACKOFF_MAX);
                continue;
            }
            backoff = limits::BACKOFF_MIN;
            let mut queue = self.lock();
            if queue.waiting < limits::LOG_CHUNK {
                queue.pumped = false;
                if !queue.chunks.is_empty() {
                    self.begun.notify_one();
                }
                return;
            }
        }
    }

    /// Sends what waits. May be dropped at any point: what was not taken is sent again.
    async fn send_all(&self) -> Result<(), ()> {
        let _turn = self.sending.lock().await;
        while let Some(chunk) = self.head() {
            let len = chunk.bytes.len();
            let answer = self.plane.append_log(chunk).await;
            let mut queue = self.lock();
            queue.head_is_out = false;
            match answer {
                Ok(()) => {
                    if queue.chunks.pop_front().is_some() {
                        queue.waiting = queue.waiting.saturating_sub(len);
                    }
                    self.room.notify_all();
                }
                Err(error) => {
                    tracing::debug!(claim = %self.claim, %error, "a part of a log was not taken");
                    return Err(());
                }
            }
        }
        Ok(())
    }

    fn head(&self) -> Option<LogChunk> {
        let mut queue = self.lock();
        let head = queue.chunks.front().cloned();
        queue.head_is_out = head.is_some();
        head
    }

    /// The step is over: stores what is more than a chunk, and gives the rest, to be stored with the step's result, so
    /// that whoever sees the step finished can read its whole log. Gives up storing after a while: the step's outcome
    /// matters more than its last words.
    pub(super) async fn finish(&self) -> Vec<LogChunk> {
        let until = Instant::now() + limits::LOG_PATIENCE;
        let mut backoff = limits::BACKOFF_MIN;
        loop {
            if let Some(rest) = self.rest().await {
                return rest;
            }
            if self.send_all().await.is_ok() {
                continue;
            }
            if Instant::now() + backoff > until {
                let bytes = self.lock().waiting;
                tracing::warn!(claim = %self.claim, bytes, "the end of a step's log could not be stored yet");
                return Vec::new();
            }
            tokio::time::sleep(backoff).await;
            backoff = (backoff * 2).min(Duration::from_millis(500));
        }
    }

    /// What waits, if it is no more than a chunk.
    async fn rest(&self) -> Option<Vec<LogChunk>> {
        // Nobody is sending any of it.
        let _turn = self.sending.lock().await;
        self.lock().take(limits::LOG_CHUNK)
    }

    /// What waits, of a step whose end nobody has awaited. Bytes that are being sent are sent twice, which is harmless.
    pub(super) fn abandon(&self) -> Vec<LogChunk> {
        self.lock().take(usize::MAX).unwrap_or_default()
    }

    /// Bytes of each stream.
    pub(super) fn lengths(&self) -> Vec<(Channel, u64)> {
        let queue = self.lock();
        vec![(Channel::Stdout, queue.stdout), (Channel::Stderr, queue.stderr)]
    }

    fn lock(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Queue {
    /// All chunks, if they are not more than so many bytes.
    fn take(&mut self, most: usize) -> Option<Vec<LogChunk>> {
        if self.waiting > most {
            return None;
        }
        self.waiting = 0;
        Some(std::mem::take(&mut self.chunks).into())
    }

    /// At the end of the last chunk if that is of the same stream and has room, else as a chunk of its own.
    fn push(&mut self, claim: &ClaimId, channel: Channel, bytes: &[u8]) {
        let end = match channel {
            Channel::Stdout => &mut self.stdout,
            Channel::Stderr => &mut self.stderr,
        };
        let offset = *end;
        *end = end.saturating_add(bytes.len() as u64);
        self.waiting = self.waiting.saturating_add(bytes.len());
        let head_alone = self.head_is_out && self.chunks.len() == 1;
        match self.chunks.back_mut() {
            Some(last)
                if !head_alone
                    && last.channel == channel
                    && last.bytes.len().saturating_add(bytes.len()) <= limits::LOG_CHUNK =>
            {
                last.bytes.extend_from_slice(bytes);
            }
            Some(_) | None => {
                self.chunks.push_back(LogChunk { claim: claim.clone(), channel, offset, bytes: bytes.to_vec() });
            }
        }
    }
}
