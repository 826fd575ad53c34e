//! What a call costs, measured where calls run: on the guests' own threads, with every bound set.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use pintle_core::ids::TenantId;
use wasmtime::Store;

use crate::call::breach::Breach;
use crate::call::record::Record;
use crate::call::state::{CallParts, CallState, Identity};
use crate::call::supervise::{bound, supervise};
use crate::grants::Grants;
use crate::plugin::invoke::{Ask, invoke};
use crate::plugin::{NoSink, NoStop, Plugin};

/// Times of single calls.
#[derive(Debug, Clone, Default)]
pub struct Measured {
    /// A fresh Store and instance, one call of `describe`, and the drop of both.
    pub fresh: Vec<Duration>,
    /// One call of `describe` on an instance that stands.
    pub warm: Vec<Duration>,
}

/// Any bound does: it is far away.
const BOUND: Duration = Duration::from_secs(60);

/// Measures `calls` of each kind.
pub fn measure(plugin: &Arc<Plugin>, calls: usize) -> Result<Measured, String> {
    let guests = plugin.runtime.engine.guests().map_err(|error| error.to_string())?.clone();
    let plugin = Arc::clone(plugin);
    let measuring = guests.spawn(async move {
        let mut measured = Measured::default();
        for _ in 0..calls {
            let start = Instant::now();
            fresh(&plugin).await?;
            measured.fresh.push(start.elapsed());
        }
        measured.warm = warm(&plugin, calls).await?;
        Ok(measured)
    });
    guests.block_on(measuring).map_err(|error| error.to_string())?
}

fn parts(plugin: &Plugin) -> CallParts {
    let who = Identity {
        plugin: plugin.staged.name.clone(),
        version: plugin.staged.version.clone(),
        tenant: TenantId::default_tenant(),
        step: "measure".to_owned(),
        claim: String::new(),
        working_dir: PathBuf::from("/"),
        dry_run: true,
    };
    CallParts {
        who: Arc::new(who),
        grants: Arc::new(Grants::none()),
        services: Arc::clone(&plugin.runtime.services),
        config: Arc::clone(&plugin.config),
        record: Arc::new(Record::new(Some(Instant::now() + BOUND), Arc::new(NoStop))),
        limits: plugin.limits,
        sink: Arc::new(NoSink),
    }
}

async fn fresh(plugin: &Plugin) -> Result<(), String> {
    let ready = plugin.code.ready(&plugin.runtime).await.map_err(|error| error.to_string())?;
    let called = invoke(&plugin.runtime, ready, parts(plugin), Ask::Describe, &Breach::Wall(BOUND)).await;
    called.map(drop).map_err(|fall| format!("{fall:?}"))
}

async fn warm(plugin: &Plugin, calls: usize) -> Result<Vec<Duration>, String> {
    let ready = plugin.code.ready(&plugin.runtime).await.map_err(|error| error.to_string())?;
    let _ticking = plugin.runtime.engine.tick().map_err(|error| error.to_string())?;
    let parts = parts(plugin);
    let record = Arc::clone(&parts.record);
    let state = CallState::new(parts);
    let (meter, limits) = (Arc::clone(&state.meter), state.limits);
    let mut store = Store::new(ready.pre.engine(), state);
    store.limiter(|state| &mut state.limiter);
    bound(&mut store, &limits, &meter, &record);
    let sentence = |error: wasmtime::Error| crate::compiler::sentence(&error);
    let guest = async {
        let guest = ready.pre.instantiate_async(&mut store).await?;
        let mut times = Vec::with_capacity(calls);
        for _ in 0..calls {
            let start = Instant::now();
            guest.pintle_core_plugin().call_describe(&mut store).await?;
            times.push(start.elapsed());
        }
        Ok(times)
    };
    supervise(guest, &meter, &record).await.map_err(|cut| format!("{cut:?}"))?.map_err(sentence)
}
