//! A bound that was reached. It is raised inside the Store, travels out as the error of the call, and ends the Store.

use std::time::Duration;

use pintle_plane::executor::Limit;

use crate::limits::{HOSTCALL_BYTES, KIB, MIB, STACK_BYTES};

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
            Self::Wall(_) | Self::StepDeadline(_) => Limit::Wall,
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
            Self::StepDeadline(_) | Self::Table { .. } | Self::Stack | Self::Copied | Self::Count { .. } => None,
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
        // Neither has a type of its own that could be asked for. A test holds the words of the copied bytes; none yet holds
        // those of the handles: look here when wasmtime is raised.
        let has = |words: &str| error.chain().any(|cause| cause.to_string().contains(words));
        if has("fuel allocated for hostcalls has been exhausted") {
            return Some(Self::Copied);
        }
        has("resource table has no free keys")
            .then_some(Self::Count { what: "open handles", limit: crate::limits::HANDLES as u64 })
    }
}
