//! What the step prints: shown live, kept in its logs, captured for `output:`.

use crate::bindings::wire::output as wire;

pub use crate::bindings::pintle::host::output::Channel;

/// Largest piece that crosses at once, in bytes.
const PIECE: usize = 256 * 1024;

/// Bytes to one of the step's two streams.
pub fn write(channel: Channel, bytes: &[u8]) {
    bytes.chunks(PIECE).for_each(|piece| wire::write(channel, piece));
}

/// Text to standard output, as it is.
pub fn print(text: &str) {
    write(Channel::Stdout, text.as_bytes());
}

/// Text to standard error, as it is.
pub fn eprint(text: &str) {
    write(Channel::Stderr, text.as_bytes());
}
