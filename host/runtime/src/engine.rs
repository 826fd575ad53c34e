//! The worker engine: where executors and backends run.
//!
//! The danger is a guest that does not end, and a host that waits for it. The rule: every call has a CPU budget, a
//! wall deadline and a Store of its own; epochs move on a thread that no guest can hold; a guest gives its thread back
//! at every epoch; and whatever ends a call early drops the Store with it. Nothing is made before it is needed: not
//! the threads, not the pool, not the ticker.

use std::io;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use tokio::runtime::Handle;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

pub(crate) mod config;
mod guests;
mod ticker;

pub(crate) use self::ticker::Ticking;

/// Where an instance's memory comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Allocator {
    /// Kept slots, ready at once; bounded.
    Pool,
    /// The system.
    OnDemand,
}

/// The engines, the ticker and the guests' threads of one process.
pub struct Engine {
    pool: OnceLock<Option<wasmtime::Engine>>,
    on_demand: OnceLock<wasmtime::Engine>,
    making: Mutex<()>,
    ticker: ticker::Ticker,
    guests: guests::GuestThreads,
    slots: Arc<Semaphore>,
}

impl std::fmt::Debug for Engine {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Engine").field("free_slots", &self.slots.available_permits()).finish_non_exhaustive()
    }
}

/// A place in the pool, given back when dropped.
pub(crate) struct Slot(#[expect(dead_code, reason = "held for its drop")] OwnedSemaphorePermit);

impl Engine {
    /// Costs nothing yet. Guests will run on `threads` threads.
    #[must_use]
    pub fn new(threads: usize) -> Self {
        Self {
            pool: OnceLock::new(),
            on_demand: OnceLock::new(),
            making: Mutex::new(()),
            ticker: ticker::Ticker::default(),
            guests: guests::GuestThreads::new(threads),
            slots: Arc::new(Semaphore::new(config::POOL as usize)),
        }
    }

    /// The threads on which guests run.
    pub(crate) fn guests(&self) -> io::Result<&Handle> {
        self.guests.handle()
    }

    /// Epochs move while the answer lives.
    pub(crate) fn tick(&self) -> io::Result<Ticking> {
        self.ticker.enter()
    }

    /// A place in the pool, if one is free. Nobody waits here: beyond the pool calls take memory from the system.
    pub(crate) fn slot(&self) -> Option<Slot> {
        Arc::clone(&self.slots).try_acquire_owned().ok().map(Slot)
    }

    /// The engine of an allocator. A machine that does not give the pool its address space gets the system's memory.
    pub(crate) fn of(&self, allocator: Allocator) -> wasmtime::Result<wasmtime::Engine> {
        match allocator {
            Allocator::Pool => match self.pool()? {
                Some(engine) => Ok(engine),
                None => self.of(Allocator::OnDemand),
            },
            Allocator::OnDemand => {
                if let Some(engine) = self.on_demand.get() {
                    return Ok(engine.clone());
                }
                let _one = self.making.lock().unwrap_or_else(PoisonError::into_inner);
                let engine = wasmtime::Engine::new(&config::on_demand())?;
                Ok(self.on_demand.get_or_init(|| self.ticked(engine)).clone())
            }
        }
    }

    fn pool(&self) -> wasmtime::Result<Option<wasmtime::Engine>> {
        if let Some(engine) = self.pool.get() {
            return Ok(engine.clone());
        }
        let _one = self.making.lock().unwrap_or_else(PoisonError::into_inner);
        let made = self.pool.get_or_init(|| match wasmtime::Engine::new(&config::pooled()) {
            Ok(engine) => Some(self.ticked(engine)),
            Err(error) => {
                tracing::warn!(%error, "no address space for the instance pool; guests get their memory on demand");
                None
            }
        });
        Ok(made.clone())
    }

    fn ticked(&self, engine: wasmtime::Engine) -> wasmtime::Engine {
        self.ticker.register(&engine);
        engine
    }
}
