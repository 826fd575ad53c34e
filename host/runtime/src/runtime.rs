//! What all plugins of a process share: engines, compiled code, and the services behind the host interfaces.

use std::path::PathBuf;
use std::sync::Arc;

use pintle_plane::process::Processes;

use crate::code_cache::CodeCache;
use crate::compiler::Compiler;
use crate::engine::Engine;
use crate::services::{Kv, Services};

/// How guests run on this host.
#[derive(Clone)]
pub struct Settings {
    /// Compiled code: `<data>/cache/code`. Made with the first entry, private to the user.
    pub cache_dir: PathBuf,
    /// Blobs: `<data>/blobs`. Made with the first blob.
    pub blobs_dir: PathBuf,
    /// Who compiles.
    pub compiler: Compiler,
    /// Who starts programs.
    pub processes: Arc<dyn Processes>,
    /// Who keeps key-value state; none: `kv` answers `unsupported`.
    pub kv: Option<Arc<dyn Kv>>,
    /// Threads on which guests run, made with the first call.
    pub threads: usize,
    /// Largest memory that a manifest may ask for.
    pub max_memory_mib: u32,
    /// Pintle's own databases: no step opens them with SQL, nor what stands beside them.
    pub guarded: Vec<PathBuf>,
}

impl std::fmt::Debug for Settings {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Settings")
            .field("cache_dir", &self.cache_dir)
            .field("blobs_dir", &self.blobs_dir)
            .field("compiler", &self.compiler)
            .field("threads", &self.threads)
            .field("max_memory_mib", &self.max_memory_mib)
            .finish_non_exhaustive()
    }
}

impl Settings {
    /// The defaults of a data directory: compiled code and blobs below it, a thread for each core, 128 MiB a guest.
    #[must_use]
    pub fn below(data: &std::path::Path, compiler: Compiler, processes: Arc<dyn Processes>) -> Self {
        Self {
            cache_dir: data.join("cache").join("code"),
            blobs_dir: data.join("blobs"),
            compiler,
            processes,
            kv: None,
            threads: std::thread::available_parallelism().map_or(2, std::num::NonZeroUsize::get),
            max_memory_mib: 128,
            guarded: Vec::new(),
        }
    }
}

/// The shared parts. Cheap to make: threads, pools, keys and connections come with their first use.
pub struct Runtime {
    pub(crate) engine: Engine,
    pub(crate) cache: CodeCache,
    pub(crate) services: Arc<Services>,
    pub(crate) max_memory_mib: u32,
}

impl std::fmt::Debug for Runtime {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Runtime").field("engine", &self.engine).finish_non_exhaustive()
    }
}

impl Runtime {
    /// Touches nothing yet.
    #[must_use]
    pub fn new(settings: Settings) -> Arc<Self> {
        let Settings { cache_dir, blobs_dir, compiler, processes, kv, threads, max_memory_mib, guarded: _ } = settings;
        Arc::new(Self {
            engine: Engine::new(threads),
            cache: CodeCache::new(cache_dir, compiler),
            services: Arc::new(Services::new(processes, kv, blobs_dir)),
            max_memory_mib,
        })
    }
}
