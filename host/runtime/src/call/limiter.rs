//! What a Store may allocate. A growth beyond the bound ends the guest: a guest that is told "no" usually panics
//! without saying why, and the operator is left to guess.

use wasmtime::ResourceLimiter;

use crate::call::breach::Breach;
use crate::limits::{INSTANCES, MEMORIES, TABLE_ELEMENTS, TABLES};

/// The limiter of one Store.
#[derive(Debug)]
pub(crate) struct Limiter {
    memory: usize,
    /// Of all memories together.
    grown: usize,
}

impl Limiter {
    /// At most `memory` bytes in all memories together.
    pub(crate) fn new(memory: usize) -> Self {
        Self { memory, grown: 0 }
    }
}

impl ResourceLimiter for Limiter {
    fn memory_growing(&mut self, current: usize, desired: usize, _: Option<usize>) -> wasmtime::Result<bool> {
        let asked = self.grown.saturating_add(desired.saturating_sub(current));
        if asked > self.memory {
            return Err(Breach::Memory { limit: self.memory, asked }.into());
        }
        self.grown = asked;
        Ok(true)
    }

    fn table_growing(&mut self, _: usize, desired: usize, _: Option<usize>) -> wasmtime::Result<bool> {
        if desired > TABLE_ELEMENTS {
            return Err(Breach::Table { limit: TABLE_ELEMENTS, asked: desired }.into());
        }
        Ok(true)
    }

    fn instances(&self) -> usize {
        INSTANCES
    }

    fn tables(&self) -> usize {
        TABLES
    }

    fn memories(&self) -> usize {
        MEMORIES
    }
}
