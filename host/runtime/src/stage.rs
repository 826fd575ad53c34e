//! Staging: reading, compiling, checking and asking a component once, so that nobody has to run it to know it.

use std::sync::Arc;

use pintle_core::plugin::Staged;
use pintle_plane::BoxFuture;
use pintle_plane::output::Sink;
use pintle_plane::process::{ProcessError, ProcessExit, ProcessSpec, Processes};
use pintle_plane::stop::StopSignal;

use crate::compiler::{Compiler, Shape, compile_here, sentence};
use crate::error::{LoadError, LoadFault};
use crate::grants::{BlobsGrant, FilesGrant, Grants, KvGrant, ProcessGrant};
use crate::http::grant::HttpGrant;
use crate::manifest::Manifest;
use crate::plugin::Plugin;
use crate::runtime::{Runtime, Settings};

/// What staging leaves behind.
#[derive(Debug, Clone)]
pub struct StagedFiles {
    /// The row.
    pub staged: Staged,
    /// Native code for this machine.
    pub native: Vec<u8>,
}

/// Stages a component at build time, in this process. It is asked without any capability; whether its wants are
/// granted is the host's question, later.
pub fn stage(file: &str, wasm: Vec<u8>, manifest: &Manifest) -> Result<StagedFiles, LoadError> {
    let host = |reason: String| LoadError::one(LoadFault::Host(reason));
    let scratch = tempfile::tempdir().map_err(|error| host(error.to_string()))?;
    let mut settings = Settings::below(scratch.path(), Compiler::InProcess, Arc::new(NoProcesses));
    settings.max_memory_mib = settings.max_memory_mib.max(manifest.limits.memory_mib);
    let runtime = Runtime::new(settings);
    let guests = runtime.engine.guests().map_err(|error| host(error.to_string()))?.clone();
    let native = compile_here(&wasm, Shape::Component);
    let plugin = guests.block_on(Plugin::load(&runtime, file, wasm, manifest, wanted_by_anyone()))?;
    let native = native.map_err(|error| host(sentence(&error)))?;
    Ok(StagedFiles { staged: plugin.staged().clone(), native })
}

/// Every grant, with nothing behind it.
fn wanted_by_anyone() -> Grants {
    Grants {
        http: Some(HttpGrant::default()),
        process: Some(ProcessGrant::Programs(Vec::new())),
        files: Some(FilesGrant::default()),
        kv: Some(KvGrant { prefix: String::new(), bytes: 0 }),
        blobs: Some(BlobsGrant {}),
        sandbox: false,
    }
}

/// While staging no program is started.
struct NoProcesses;

impl Processes for NoProcesses {
    fn run<'a>(
        &'a self,
        spec: ProcessSpec,
        _: Arc<dyn Sink>,
        _: Arc<dyn StopSignal>,
    ) -> BoxFuture<'a, Result<ProcessExit, ProcessError>> {
        let reason = "no program is started while a plugin is staged".to_owned();
        Box::pin(async move { Err(ProcessError::Denied { program: spec.program, reason }) })
    }
}
