//! The code of one plugin on its way to an instance: native code, component, linked.

use std::borrow::Cow;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use pintle_core::ids::Digest;
use tokio::sync::OnceCell;

use crate::bindings::GuestPre;
use crate::call::state::CallState;
use crate::code_cache::Trusted;
use crate::compiler::{Shape, sentence};
use crate::engine::{Allocator, Slot, config};
use crate::error::CodeError;
use crate::plugin::link::link;
use crate::runtime::Runtime;

/// Where the bytes come from.
pub(crate) enum Source {
    /// Part of the program.
    Embedded {
        /// The component.
        wasm: &'static [u8],
        /// Compiled for the build machine; of no use on an older processor.
        precompiled: Option<&'static [u8]>,
    },
    /// Read from a file or a store.
    Bytes(Arc<[u8]>),
}

/// A plugin's code, linked once per allocator and kept.
pub(crate) struct Code {
    digest: Digest,
    source: Source,
    memory: usize,
    /// More than a place of the pool holds.
    too_large: AtomicBool,
    pooled: OnceCell<GuestPre<CallState>>,
    on_demand: OnceCell<GuestPre<CallState>>,
}

/// What an instance is made from.
pub(crate) struct Ready<'a> {
    /// Linked.
    pub(crate) pre: &'a GuestPre<CallState>,
    /// Held while the instance lives.
    #[expect(dead_code, reason = "held for its drop")]
    pub(crate) slot: Option<Slot>,
}

impl Code {
    /// Nothing is loaded yet. A guest that may use more than the pool's slots hold never goes there.
    pub(crate) fn new(digest: Digest, source: Source, memory: usize) -> Self {
        Self {
            digest,
            source,
            memory,
            too_large: AtomicBool::new(false),
            pooled: OnceCell::new(),
            on_demand: OnceCell::new(),
        }
    }

    /// The linked component: from the pool if it has a free place, else on demand. A failure is not kept.
    pub(crate) async fn ready(&self, runtime: &Runtime) -> Result<Ready<'_>, CodeError> {
        if let Some(slot) = self.slot(runtime) {
            match self.pooled.get_or_try_init(|| self.linked(runtime, Allocator::Pool)).await {
                Ok(pre) => return Ok(Ready { pre, slot: Some(slot) }),
                Err(CodeError::Load(reason)) => {
                    tracing::debug!(digest = self.digest.short(), reason, "not served from the pool");
                    self.too_large.store(true, Ordering::Relaxed);
                }
                Err(error) => return Err(error),
            }
        }
        let pre = self.on_demand.get_or_try_init(|| self.linked(runtime, Allocator::OnDemand)).await?;
        Ok(Ready { pre, slot: None })
    }

    fn slot(&self, runtime: &Runtime) -> Option<Slot> {
        let fits = self.memory <= config::POOL_MEMORY && !self.too_large.load(Ordering::Relaxed);
        if fits { runtime.engine.slot() } else { None }
    }

    async fn linked(&self, runtime: &Runtime, allocator: Allocator) -> Result<GuestPre<CallState>, CodeError> {
        let load = |error: wasmtime::Error| CodeError::Load(sentence(&error));
        let engine = runtime.engine.of(allocator).map_err(load)?;
        if let Source::Embedded { precompiled: Some(native), .. } = self.source {
            match Trusted::embedded(native).component(&engine) {
                Ok(component) => return link(&engine, &component).map_err(load),
                Err(error) => tracing::debug!(error = %sentence(&error), "embedded code does not fit this processor"),
            }
        }
        let wasm: Cow<'_, [u8]> = match &self.source {
            Source::Embedded { wasm, .. } => Cow::Borrowed(wasm),
            Source::Bytes(bytes) => Cow::Borrowed(bytes),
        };
        let native = runtime.cache.native(&engine, &self.digest, wasm, Shape::Component).await?;
        match native.trusted().component(&engine) {
            Ok(component) => link(&engine, &component).map_err(load),
            Err(error) => {
                if allocator == Allocator::OnDemand {
                    runtime.cache.forget(&engine, &self.digest);
                }
                Err(load(error))
            }
        }
    }
}
