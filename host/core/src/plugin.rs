//! What the host knows of a component without running it: the row that staging leaves behind.

use serde::{Deserialize, Serialize};

use crate::ids::Digest;

/// A component that was read, compiled, checked and asked to describe itself. Spec, coordinator and server read this
/// row; none of them runs a guest.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Staged {
    /// SHA-256 of the component's bytes.
    pub digest: Digest,
    /// As in its manifest.
    pub name: String,
    /// As in its manifest.
    pub version: String,
    /// `executor`, `policy`, `backend:dns`, ...
    pub kind: String,
    /// One line for people.
    pub summary: String,
    /// Interfaces with functions that it imports: `pintle:host/http@0.1.0`.
    pub imports: Vec<String>,
    /// What it wants, and why.
    pub wants: Vec<Want>,
    /// Its bounds.
    pub limits: PluginLimits,
    /// JSON Schema of its configuration, as text.
    pub config_schema: String,
    /// Of an executor: the actions that it performs.
    pub actions: Vec<ActionRow>,
}

/// One capability that a plugin wants.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Want {
    /// `http`, `process`, `files`, `kv`, ...
    pub capability: String,
    /// Without it the plugin is not loaded.
    pub required: bool,
    /// The author's words.
    pub reason: String,
}

/// Bounds of one call of a plugin; from its manifest, capped by the operator.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct PluginLimits {
    /// Linear memory, MiB.
    pub memory_mib: u32,
    /// CPU time of the guest, without host calls, milliseconds.
    pub cpu_ms: u32,
    /// Wall time, milliseconds. Of an executor the step's deadline counts where it is shorter; 0: only the deadline.
    pub wall_ms: u32,
    /// Log bytes, KiB.
    pub log_kib: u32,
    /// Bytes printed through `output`, KiB; 0: no bound but the step's.
    pub output_kib: u32,
}

/// An action that an executor performs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ActionRow {
    /// `http.request`.
    pub name: String,
    /// One line for people.
    pub summary: String,
    /// JSON Schema of `with`, as text.
    pub input_schema: String,
    /// JSON Schema of the outputs, as text; empty: not known.
    pub output_schema: String,
    /// What running it twice does.
    pub repeats: Repeats,
}

/// `pintle:executor/executor.repeats`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Repeats {
    /// Nothing outside.
    Pure,
    /// Same effect as once.
    Idempotent,
    /// Deduplicated by the operation's key.
    Keyed,
    /// The step decides.
    UnsafeToRepeat,
}
