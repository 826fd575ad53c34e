//! One output stream of a program: to the sink, and as much of it as is wanted back.

use std::io;
use std::os::fd::OwnedFd;

use tokio::net::unix::pipe::Receiver;

use pintle_plane::output::{Channel, Sink};

use crate::limits;

/// The reading end, until it is closed.
#[derive(Debug)]
pub(super) struct Tap {
    channel: Channel,
    pipe: Option<Receiver>,
    keep: Keep,
}

/// What is kept of a stream.
#[derive(Debug)]
pub(super) enum Keep {
    /// The first bytes, and whether there were more.
    Head { limit: usize, bytes: Vec<u8>, more: bool },
    /// The last bytes.
    Tail { limit: usize, bytes: Vec<u8> },
}

impl Keep {
    pub(super) fn head(limit: usize) -> Self {
        Self::Head { limit, bytes: Vec::new(), more: false }
    }

    pub(super) fn tail(limit: usize) -> Self {
        Self::Tail { limit, bytes: Vec::new() }
    }

    fn add(&mut self, new: &[u8]) {
        match self {
            Self::Head { limit, bytes, more } => {
                let room = limit.saturating_sub(bytes.len());
                bytes.extend_from_slice(new.get(..room).unwrap_or(new));
                *more |= new.len() > room;
            }
            Self::Tail { limit, bytes } => {
                bytes.extend_from_slice(new);
                // Cut only now and then, so that a talkative program costs no copy per read.
                if bytes.len() > limit.saturating_mul(4) {
                    bytes.drain(..bytes.len().saturating_sub(*limit));
                }
            }
        }
    }

    /// The bytes, and whether there were more.
    pub(super) fn into_bytes(self) -> (Vec<u8>, bool) {
        match self {
            Self::Head { bytes, more, .. } => (bytes, more),
            Self::Tail { limit, mut bytes } => {
                let cut = bytes.len().saturating_sub(limit);
                bytes.drain(..cut);
                (bytes, cut > 0)
            }
        }
    }
}

impl Tap {
    /// Takes over the reading end of a pipe; needs a runtime.
    pub(super) fn new(channel: Channel, pipe: OwnedFd, keep: Keep) -> io::Result<Self> {
        Ok(Self { channel, pipe: Some(Receiver::from_owned_fd(pipe)?), keep })
    }

    /// A stream of which nothing comes.
    pub(super) fn closed(channel: Channel, keep: Keep) -> Self {
        Self { channel, pipe: None, keep }
    }

    /// Whether more may come.
    pub(super) fn is_open(&self) -> bool {
        self.pipe.is_some()
    }

    /// Resolves when there is something to read, or the end.
    pub(super) async fn ready(&self) {
        match &self.pipe {
            Some(pipe) if pipe.readable().await.is_ok() => {}
            Some(_) => {}
            None => std::future::pending().await,
        }
    }

    /// Reads once. False when there was nothing (yet).
    pub(super) fn read(&mut self, buffer: &mut [u8], sink: &dyn Sink) -> bool {
        let Some(pipe) = &self.pipe else { return false };
        match pipe.try_read(buffer) {
            Ok(0) => self.pipe = None,
            Ok(count) => {
                let bytes = buffer.get(..count).unwrap_or_default();
                self.keep.add(bytes);
                sink.write(self.channel, bytes);
                return true;
            }
            Err(error) if matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted) => {}
            Err(error) => {
                tracing::warn!(%error, "a program's output could not be read");
                self.pipe = None;
            }
        }
        false
    }

    /// The end: closes the pipe, also if someone still holds its other end.
    pub(super) fn into_bytes(self) -> (Vec<u8>, bool) {
        self.keep.into_bytes()
    }
}

/// A buffer for [`Tap::read`].
pub(super) fn buffer() -> Vec<u8> {
    vec![0; limits::READ_CHUNK]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_head_says_that_there_was_more_and_a_tail_keeps_the_end() {
        let mut head = Keep::head(4);
        let mut tail = Keep::tail(4);
        for part in ["ab", "cd", "", "efghijklmnopqrstuvwxyz"] {
            head.add(part.as_bytes());
            tail.add(part.as_bytes());
        }
        assert_eq!(head.into_bytes(), (b"abcd".to_vec(), true));
        assert_eq!(tail.into_bytes().0, b"wxyz");
        let mut exact = Keep::head(2);
        exact.add(b"ab");
        assert_eq!(exact.into_bytes(), (b"ab".to_vec(), false));
    }
}
