//! From the thread that works to the step's output: in chunks, at the reader's pace, with an end.

use std::time::Instant;

use pintle_plane::executor::{Fault, Limit};
use pintle_plane::output::Channel;
use tokio::sync::mpsc;

use super::limits::{CHUNK, FLUSH};
use super::told::Told;

/// A way to the step's output.
#[derive(Debug, Clone)]
pub(super) struct Out(mpsc::Sender<(Channel, Vec<u8>)>);

impl Out {
    /// What is sent comes out of the other end.
    pub(super) fn new(sender: mpsc::Sender<(Channel, Vec<u8>)>) -> Self {
        Self(sender)
    }

    /// A word on the side, on standard error.
    pub(super) fn note(&self, text: &str) {
        // Nobody is there any more: nobody misses it.
        let _ = self.0.blocking_send((Channel::Stderr, text.as_bytes().to_vec()));
    }

    fn print(&self, bytes: Vec<u8>) -> Result<(), Told> {
        let sent = self.0.blocking_send((Channel::Stdout, bytes));
        sent.map_err(|_| Told::new(Fault::Cancelled, "nobody waits for the rows any more"))
    }
}

/// Standard output.
#[derive(Debug)]
pub(super) struct Printer {
    out: Out,
    buffer: Vec<u8>,
    /// Bytes that may still come.
    left: u64,
    most: u64,
    since: Instant,
}

impl Printer {
    /// Prints at most so many bytes.
    pub(super) fn new(out: Out, most: u64) -> Self {
        Self { out, buffer: Vec::new(), left: most, most, since: Instant::now() }
    }

    /// Prints what belongs together: all of it, or nothing.
    pub(super) fn print(&mut self, bytes: &[u8]) -> Result<(), Told> {
        let Some(left) = self.left.checked_sub(bytes.len() as u64) else {
            self.flush()?;
            let message = format!("more than {} bytes would be printed. Setting: with.max_bytes", self.most);
            return Err(Told::new(Fault::Exhausted, message).limited(Limit::Output));
        };
        self.left = left;
        self.buffer.extend_from_slice(bytes);
        if self.buffer.len() >= CHUNK || self.since.elapsed() >= FLUSH {
            self.flush()?;
        }
        Ok(())
    }

    /// Hands over what is held back.
    pub(super) fn flush(&mut self) -> Result<(), Told> {
        self.since = Instant::now();
        match std::mem::take(&mut self.buffer) {
            empty if empty.is_empty() => Ok(()),
            bytes => self.out.print(bytes),
        }
    }
}
