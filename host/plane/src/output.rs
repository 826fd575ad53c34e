//! What a step prints, as it comes.

pub use pintle_core::output::Channel;

/// Takes a step's output. Does not block for long: a sink buffers, and bounds what it buffers.
pub trait Sink: Send + Sync {
    /// Bytes in the order in which they were printed; any cut, also inside a character.
    fn write(&self, channel: Channel, bytes: &[u8]);

    /// Both channels are one to whoever reads: a program writes them into one pipe, so that their order is kept, and all
    /// of it comes as standard output.
    fn is_one(&self) -> bool {
        false
    }
}
