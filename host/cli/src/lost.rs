//! What standard output did not take.
//!
//! The danger: a disk that is full under `pintle history > runs.csv` leaves half a file and a command that says it
//! succeeded. The rule: whoever writes hands the result in here, and the command's end is the place where it is told,
//! once, and where a success becomes a failure. A reader that went away (`| head`) has seen enough: that is no loss.

use std::io;
use std::sync::OnceLock;

/// The first loss of this process.
static LOST: OnceLock<io::Error> = OnceLock::new();

/// Takes note of a write to standard output.
pub(crate) fn remember(written: io::Result<()>) {
    if let Some(loss) = loss(written) {
        // Those that follow have the same cause.
        let _ = LOST.set(loss);
    }
}

/// What was lost, if something was.
pub(crate) fn told() -> anyhow::Result<()> {
    match LOST.get() {
        None => Ok(()),
        Some(error) => anyhow::bail!(
            "standard output could not be written: {error}; a part of what was printed is lost, make room and print it again"
        ),
    }
}

fn loss(written: io::Result<()>) -> Option<io::Error> {
    written.err().filter(|error| error.kind() != io::ErrorKind::BrokenPipe)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reader_that_went_away_is_no_loss() {
        assert!(loss(Ok(())).is_none());
        assert!(loss(Err(io::ErrorKind::BrokenPipe.into())).is_none());
        assert!(loss(Err(io::ErrorKind::StorageFull.into())).is_some());
    }
}
