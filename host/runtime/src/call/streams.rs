//! Printing, with an end: what a guest writes goes to the sink at once, and the byte beyond the limit ends the guest.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use pintle_plane::output::{Channel, Sink};
use tokio::io::AsyncWrite;
use wasmtime_wasi::async_trait;
use wasmtime_wasi::cli::{IsTerminal, StdoutStream};
use wasmtime_wasi::p2::{OutputStream, Pollable, StreamError};

use crate::call::breach::Breach;

/// What one call prints, on both channels together.
#[derive(Clone)]
pub(crate) struct Printer {
    sink: Arc<dyn Sink>,
    limit: Option<u64>,
    used: Arc<AtomicU64>,
}

/// Which limit a stream is charged to.
#[derive(Debug, Clone, Copy)]
pub(crate) enum PrintedTo {
    /// The step's output.
    Output,
    /// The plugin's log.
    Log,
}

impl Printer {
    /// Prints at most `limit` bytes.
    pub(crate) fn new(sink: Arc<dyn Sink>, limit: Option<u64>) -> Self {
        Self { sink, limit, used: Arc::new(AtomicU64::new(0)) }
    }

    /// Counts bytes, and answers how many of them are beyond the limit.
    pub(crate) fn charge(&self, bytes: usize) -> usize {
        let before = self.used.fetch_add(bytes as u64, Ordering::Relaxed);
        let Some(limit) = self.limit else { return 0 };
        let room = usize::try_from(limit.saturating_sub(before)).unwrap_or(usize::MAX);
        bytes.saturating_sub(room)
    }

    /// Prints as much as the limit allows; beyond it the guest ends.
    pub(crate) fn print(&self, channel: Channel, bytes: &[u8]) -> Result<(), Breach> {
        let beyond = self.charge(bytes.len());
        let (fits, _) = bytes.split_at(bytes.len().saturating_sub(beyond));
        if !fits.is_empty() {
            self.sink.write(channel, fits);
        }
        match (beyond, self.limit) {
            (1.., Some(limit)) => Err(Breach::Output { limit }),
            _ => Ok(()),
        }
    }

    /// As a stream of WASI.
    pub(crate) fn stream(&self, channel: Channel, to: PrintedTo) -> PrinterStream {
        PrinterStream { printer: self.clone(), channel, to }
    }
}

/// One channel of a [`Printer`].
#[derive(Clone)]
pub(crate) struct PrinterStream {
    printer: Printer,
    channel: Channel,
    to: PrintedTo,
}

impl PrinterStream {
    fn put(&self, bytes: &[u8]) -> Result<(), Breach> {
        self.printer.print(self.channel, bytes).map_err(|breach| match (self.to, breach) {
            (PrintedTo::Log, Breach::Output { limit }) => Breach::Log { limit },
            (_, breach) => breach,
        })
    }
}

impl IsTerminal for PrinterStream {
    fn is_terminal(&self) -> bool {
        false
    }
}

impl StdoutStream for PrinterStream {
    fn async_stream(&self) -> Box<dyn AsyncWrite + Send + Sync> {
        Box::new(self.clone())
    }

    fn p2_stream(&self) -> Box<dyn OutputStream> {
        Box::new(self.clone())
    }
}

#[async_trait]
impl Pollable for PrinterStream {
    async fn ready(&mut self) {}
}

impl OutputStream for PrinterStream {
    fn write(&mut self, bytes: Bytes) -> Result<(), StreamError> {
        self.put(&bytes).map_err(|breach| StreamError::Trap(breach.into()))
    }

    fn flush(&mut self) -> Result<(), StreamError> {
        Ok(())
    }

    fn check_write(&mut self) -> Result<usize, StreamError> {
        Ok(64 * 1024)
    }
}

impl AsyncWrite for PrinterStream {
    fn poll_write(
        self: std::pin::Pin<&mut Self>,
        _: &mut std::task::Context<'_>,
        bytes: &[u8],
    ) -> std::task::Poll<std::io::Result<usize>> {
        std::task::Poll::Ready(self.put(bytes).map(|()| bytes.len()).map_err(std::io::Error::other))
    }

    fn poll_flush(
        self: std::pin::Pin<&mut Self>,
        _: &mut std::task::Context<'_>,
    ) -> std::task::Poll<std::io::Result<()>> {
        std::task::Poll::Ready(Ok(()))
    }

    fn poll_shutdown(
        self: std::pin::Pin<&mut Self>,
        _: &mut std::task::Context<'_>,
    ) -> std::task::Poll<std::io::Result<()>> {
        std::task::Poll::Ready(Ok(()))
    }
}
