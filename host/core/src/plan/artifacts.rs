//! Files that a run leaves for people.

use serde::{Deserialize, Serialize};

/// Where a run's artifacts are kept, if they are.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Artifacts {
    /// False: the author wants none, and steps are not told of a directory.
    pub enabled: bool,
    /// Directory that holds one for each run; a relative one begins at the DAG file's. Without it, they stand with the
    /// run in the data directory.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dir: Option<String>,
}
