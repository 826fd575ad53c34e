//! Bytes to standard output and standard error, in one order, and never so that the run waits for who reads them.
//!
//! The danger: a pager that is not scrolled, or a terminal that was stopped by Ctrl-S, blocks a `write` for as long as
//! it likes, and with it timers, reports and the answer to Ctrl-C. The rule: a write is made only after `poll` said
//! that it will not block, and then of no more than a pipe takes at once; the rest stays here. What is not promised:
//! a reader that went away gets nothing more, and the run goes on; so it does where standard output takes nothing more for
//! another reason, and that is told when the command ends.

use std::collections::VecDeque;
use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, poll};

use crate::lost;

/// A pipe that can be written takes this much without blocking (PIPE_BUF).
const AT_ONCE: usize = 4096;
/// More than this waiting means that somebody does not read: the run's output is then taken in no further.
pub(crate) const FULL: usize = 1024 * 1024;
/// How soon a full pipe is looked at again.
pub(crate) const AGAIN: Duration = Duration::from_millis(5);

/// Where bytes go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stream {
    Out,
    Err,
}

/// What is still to be written.
#[derive(Debug, Default)]
pub(crate) struct Printer {
    waiting: VecDeque<(Stream, Vec<u8>)>,
    bytes: usize,
    gone: [bool; 2],
}

impl Printer {
    /// A line, and its end.
    pub(crate) fn line(&mut self, stream: Stream, line: &str) {
        self.bytes(stream, line.as_bytes());
        self.bytes(stream, b"\n");
    }

    /// Bytes as they are.
    pub(crate) fn bytes(&mut self, stream: Stream, bytes: &[u8]) {
        self.bytes += bytes.len();
        match self.waiting.back_mut().filter(|(last, _)| *last == stream) {
            Some((_, waiting)) => waiting.extend_from_slice(bytes),
            None => self.waiting.push_back((stream, bytes.to_vec())),
        }
    }

    /// Nothing is left.
    pub(crate) fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    /// So much is left that no more should come.
    pub(crate) fn is_full(&self) -> bool {
        self.bytes >= FULL
    }

    /// Writes what can be written without blocking.
    pub(crate) fn pump(&mut self) {
        let (out, err) = (io::stdout(), io::stderr());
        self.pump_to(out.as_fd(), err.as_fd());
    }

    fn pump_to(&mut self, out: BorrowedFd<'_>, err: BorrowedFd<'_>) {
        while let Some((stream, bytes)) = self.waiting.front_mut() {
            let (fd, gone) = match stream {
                Stream::Out => (out, 0),
                Stream::Err => (err, 1),
            };
            let gone = self.gone.get_mut(gone);
            if gone.as_deref().copied().unwrap_or(true) {
                self.bytes = self.bytes.saturating_sub(bytes.len());
                self.waiting.pop_front();
                continue;
            }
            match write_some(fd, bytes) {
                Written::Some(count) => {
                    self.bytes = self.bytes.saturating_sub(count);
                    bytes.drain(..count);
                    if bytes.is_empty() {
                        self.waiting.pop_front();
                    }
                }
                Written::Later => return,
                Written::Gone(why) => {
                    if *stream == Stream::Out {
                        lost::remember(Err(why.into()));
                    }
                    if let Some(gone) = gone {
                        *gone = true;
                    }
                }
            }
        }
    }

    /// Writes all of it, looking again while the reader is slow.
    pub(crate) async fn drain(&mut self) {
        self.pump();
        while !self.is_empty() {
            tokio::time::sleep(AGAIN).await;
            self.pump();
        }
    }
}

enum Written {
    Some(usize),
    Later,
    Gone(rustix::io::Errno),
}

fn write_some(fd: BorrowedFd<'_>, bytes: &[u8]) -> Written {
    let mut written = 0;
    while written < bytes.len() {
        let chunk = bytes.get(written..bytes.len().min(written + AT_ONCE)).unwrap_or_default();
        let mut polled = [PollFd::new(&fd, PollFlags::OUT)];
        let now = rustix::event::Timespec { tv_sec: 0, tv_nsec: 0 };
        match poll(&mut polled, Some(&now)) {
            Ok(0) => break,
            Ok(_) => {}
            Err(rustix::io::Errno::INTR) => continue,
            Err(error) => return Written::Gone(error),
        }
        match rustix::io::write(fd, chunk) {
            Ok(count) => written += count,
            Err(rustix::io::Errno::INTR) => {}
            Err(rustix::io::Errno::AGAIN) => break,
            Err(error) => return Written::Gone(error),
        }
    }
    if written == 0 && !bytes.is_empty() { Written::Later } else { Written::Some(written) }
}

#[cfg(test)]
impl Printer {
    /// What waits, each line marked with its stream: `1>` or `2>`.
    pub(crate) fn text(&self) -> String {
        let mut text = String::new();
        for (stream, bytes) in &self.waiting {
            let mark = if *stream == Stream::Out { "1> " } else { "2> " };
            for line in String::from_utf8_lossy(bytes).lines() {
                text.push_str(mark);
                text.push_str(line);
                text.push('\n');
            }
        }
        text
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test may fail loudly")]
mod tests {
    use std::io::Read as _;

    use super::*;

    #[test]
    fn a_reader_that_does_not_read_blocks_nobody_and_loses_nothing() {
        let (mut read, write) = io::pipe().unwrap();
        let mut printer = Printer::default();
        let text: Vec<u8> = (0..1_000_000u32).map(|n| u8::try_from(n % 251).unwrap()).collect();
        printer.bytes(Stream::Out, &text);
        printer.line(Stream::Err, "after");
        printer.pump_to(write.as_fd(), write.as_fd());
        assert!(!printer.is_empty(), "a pipe took a megabyte");

        let mut got = vec![0; 65536];
        let mut all: Vec<u8> = Vec::new();
        while all.len() < text.len() + 6 {
            let count = read.read(&mut got).unwrap();
            all.extend(got.iter().take(count));
            printer.pump_to(write.as_fd(), write.as_fd());
        }
        assert!(printer.is_empty() && printer.bytes == 0);
        let (printed, after) = all.split_at(text.len());
        assert!(printed == text.as_slice(), "what was printed is not what was given");
        assert_eq!(after, b"after\n");
    }

    #[test]
    fn a_reader_that_went_away_ends_nothing() {
        let (read, write) = io::pipe().unwrap();
        drop(read);
        let mut printer = Printer::default();
        printer.line(Stream::Out, "nobody hears this");
        printer.pump_to(write.as_fd(), write.as_fd());
        assert!(printer.is_empty());
        printer.line(Stream::Out, "nor this");
        printer.pump_to(write.as_fd(), write.as_fd());
        assert!(printer.is_empty());
    }
}
