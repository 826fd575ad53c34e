//! What a step prints.

use serde::{Deserialize, Serialize};

/// Which of a step's two streams.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Channel {
    /// Standard output.
    Stdout,
    /// Standard error, and what the host has to say about the step.
    Stderr,
}

impl Channel {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Stdout, Self::Stderr];

    /// As it is stored and shown.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Stdout => "stdout",
            Self::Stderr => "stderr",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stream_has_one_name_in_files_and_in_messages() -> Result<(), serde_json::Error> {
        for channel in Channel::ALL {
            assert_eq!(serde_json::to_value(channel)?, channel.as_str());
        }
        Ok(())
    }
}
