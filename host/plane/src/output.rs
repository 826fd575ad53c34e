//! What a step prints, as it comes.

use serde::{Deserialize, Serialize};

/// Which of a step's two streams.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Channel {
    /// Standard output.
    Stdout,
    /// Standard error, and what the host has to say about the step.
    Stderr,
}

/// Takes a step's output. Does not block for long: a sink buffers, and bounds what it buffers.
pub trait Sink: Send + Sync {
    /// Bytes in the order in which they were printed; any cut, also inside a character.
    fn write(&self, channel: Channel, bytes: &[u8]);
}
