//! First-party plugins that are part of the program.

use std::sync::Arc;

use pintle_core::plugin::Staged;

use crate::error::{LoadError, LoadFault};
use crate::grants::Grants;
use crate::plugin::Plugin;
use crate::plugin::code::Source;
use crate::runtime::Runtime;

/// One of them, as `pintle-stage` made it.
#[derive(Debug, Clone, Copy)]
pub struct Embedded {
    /// The component.
    pub wasm: &'static [u8],
    /// Its `plugin.toml`.
    pub manifest: &'static str,
    /// Its staged row as JSON. It is trusted as the program itself is: `describe` is not asked again.
    pub staged_json: &'static str,
    /// Compiled for the build machine's processor; wasmtime checks that it fits, and where it does not the component is
    /// compiled once into the cache.
    pub precompiled: Option<&'static [u8]>,
}

impl Embedded {
    /// Its staged row.
    pub fn staged(&self) -> Result<Staged, LoadError> {
        serde_json::from_str(self.staged_json).map_err(|error| {
            let place = "the staged row of an embedded plugin".to_owned();
            LoadError::one(LoadFault::Manifest { place, reason: error.to_string() })
        })
    }

    /// Ready to be called; nothing is loaded before the first call.
    pub(crate) fn plugin(&self, runtime: &Arc<Runtime>, grants: &Grants) -> Result<Arc<Plugin>, LoadError> {
        let source = Source::Embedded { wasm: self.wasm, precompiled: self.precompiled };
        Ok(Plugin::known(runtime, self.staged()?, source, grants.clone()))
    }
}
