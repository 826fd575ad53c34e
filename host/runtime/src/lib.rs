//! Running guests: the only crate that knows wasmtime. And SQL of authors, which needs the same grants and bounds.
//!
//! An [`Executors`] performs steps. Each call gets a fresh instance of a component in a Store of its own, on threads
//! of their own, within bounds that the host keeps: memory, CPU time, wall time, bytes logged and printed, requests,
//! programs. What a component may reach is what its imports name, its manifest wants and the operator grants; the
//! linker is built from that, interface by interface.
//!
//! | to | read |
//! |---|---|
//! | see a step through | `executors/perform.rs`, then `plugin/invoke.rs` and `call/supervise.rs` |
//! | see what a guest may reach | [`Grants`], `plugin/link.rs`, `host/` |
//! | see why a guest cannot hang the host | `engine.rs`, `call/meter.rs`, `call/limiter.rs` |
//! | load a plugin | [`Plugin::load`], `plugin/load.rs`, `plugin/imports.rs`, [`Manifest`] |
//! | see where machine code comes from | `compiler.rs`, `code_cache.rs` and its one file with unsafe code |
//! | run a program of a stranger | `wasi_run.rs` |
//! | run SQL | `sqlite.rs`, then `sqlite/place.rs` and `sqlite/gate.rs` |

mod bindings;
mod blobs;
mod call;
mod code_cache;
mod compiler;
mod embedded;
mod engine;
mod error;
mod executors;
mod grants;
mod host;
mod http;
mod limits;
mod manifest;
mod measure;
mod plugin;
mod runtime;
mod services;
mod sqlite;
mod stage;
mod wasi_run;

pub use self::compiler::{COMPILE_COMMAND, Compiler, compile_child_main};
pub use self::embedded::Embedded;
pub use self::engine::Engine;
pub use self::error::{LoadError, LoadFault};
pub use self::executors::{Executors, GrantPolicy};
pub use self::grants::{
    ArgumentPattern, BlobsGrant, FilesGrant, FilesRoot, Grants, KvGrant, ProcessGrant, ProgramGrant,
};
pub use self::http::grant::{HttpGrant, HttpRule, Origin};
pub use self::limits::COMPONENT_BYTES;
pub use self::manifest::{Lifecycle, Manifest, Reuse};
pub use self::measure::{Measured, measure};
pub use self::plugin::Plugin;
pub use self::runtime::{Runtime, Settings};
pub use self::services::{Kv, KvCondition, KvEntry, KvError, KvScope};
pub use self::sqlite::staged as sqlite_staged;
pub use self::stage::{StagedFiles, stage};
pub use self::wasi_run::staged as wasi_run_staged;
