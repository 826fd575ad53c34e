//! A bound that was reached. It is raised inside the Store, travels out as the error of the call, and ends the Store.

use std::time::Duration;

use pintle_plane::executor::Limit;
use wasmtime_wasi::ResourceTableError;

use crate::limits::{HANDLES, HOSTCALL_BYTES, INSTANCES, KIB, MEMORIES, MIB, STACK_BYTES, TABLES};

/// Bounds that wasmtime keeps itself, by the words with which it reports them: none has a type that could be asked for.
/// `tests/runtime/limits.rs` reaches each of them, so that other words of a later wasmtime are noticed.
const SPOKEN: [(&str, Breach); 5] = [
    ("fuel allocated for hostcalls has been exhausted", Breach::Copied),
    ("store handle limit exceeded", OPEN_HANDLES),
    ("instance count too high", Breach::Count { what: "core instances", limit: INSTANCES as u64 }),
    ("memory count too high", Breach::Count { what: "memories", limit: MEMORIES as u64 }),
    ("table count too high", Breach::Count { what: "tables", limit: TABLES as u64 }),
];

/// A guest's own handles are counted by wasmtime, what WASI keeps behind them by its table.
const OPEN_HANDLES: Breach = Breach::Count { what: "open handles", limit: HANDLES as u64 };

/// Which bound, and by how much.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Breach {
    /// Linear memory.
    #[error("memory limit of {} MiB reached (asked for {})", limit / MIB, asked.div_ceil(MIB))]
    Memory { limit: usize, asked: usize },
    /// One table.
    #[error("table limit of {limit} elements reached (asked for {asked})")]
    Table { limit: usize, asked: usize },
    /// CPU time.
    #[error("CPU limit of {} ms reached", .0.as_millis())]
    Cpu(Duration),
    /// Wall time of the plugin.
    #[error("wall time limit of {} ms reached", .0.as_millis())]
    Wall(Duration),
    /// The time that a plugin has to say who it is and what it can do.
    #[error("more than {} ms taken; a plugin says who it is at once", .0.as_millis())]
    Staging(Duration),
    /// The step's own time.
    #[error("the step's time is over: {} ms were left when it began", .0.as_millis())]
    StepDeadline(Duration),
    /// Log bytes.
    #[error("log limit of {} KiB reached", limit / KIB as u64)]
    Log { limit: u64 },
    /// Printed bytes.
    #[error("output limit of {} KiB reached", limit / KIB as u64)]
    Output { limit: u64 },
    /// The guest's stack.
    #[error("stack limit of {} KiB reached: the guest recurses too deeply", STACK_BYTES / KIB)]
    Stack,
    /// Bytes handed over in one go.
    #[error("more than {} KiB passed between host and guest in one go; larger data goes by file or blob", HOSTCALL_BYTES / KIB)]
    Copied,
    /// Anything that is counted.
    #[error("limit of {limit} {what} in one call reached")]
    Count { what: &'static str, limit: u64 },
}

impl Breach {
    /// Its kind, as reports name it.
    pub(crate) fn limit(&self) -> Limit {
        match self {
            Self::Memory { .. } => Limit::Memory,
            Self::Table { .. } => Limit::Table,
            Self::Cpu(_) => Limit::Cpu,
            Self::Wall(_) | Self::Staging(_) | Self::StepDeadline(_) => Limit::Wall,
            Self::Log { .. } => Limit::Log,
            Self::Output { .. } | Self::Copied => Limit::Output,
            Self::Stack => Limit::Stack,
            Self::Count { .. } => Limit::HostCalls,
        }
    }

    /// The word of the setting that moves it; none: it is fixed.
    pub(crate) fn setting(&self) -> Option<&'static str> {
        match self {
            Self::Memory { .. } => Some("memory-mib"),
            Self::Cpu(_) => Some("cpu-ms"),
            Self::Wall(_) => Some("wall-ms"),
            Self::Log { .. } => Some("log-kib"),
            Self::Output { .. } => Some("output-kib"),
            Self::Staging(_)
            | Self::StepDeadline(_)
            | Self::Table { .. }
            | Self::Stack
            | Self::Copied
            | Self::Count { .. } => None,
        }
    }

    /// Finds the breach in the error of a call.
    pub(crate) fn find(error: &wasmtime::Error) -> Option<Self> {
        if let Some(breach) = error.chain().find_map(|cause| cause.downcast_ref::<Self>()) {
            return Some(breach.clone());
        }
        if matches!(error.downcast_ref(), Some(wasmtime::Trap::StackOverflow)) {
            return Some(Self::Stack);
        }
        if error.chain().any(|cause| matches!(cause.downcast_ref(), Some(ResourceTableError::Full))) {
            return Some(OPEN_HANDLES);
        }
        // Only the root: the backtrace, which is in the chain too, holds names that the guest chose.
        let said = error.root_cause().to_string();
        SPOKEN.iter().find(|(words, _)| said.contains(words)).map(|(_, breach)| breach.clone())
    }
}
