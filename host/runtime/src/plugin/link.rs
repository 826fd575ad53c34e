//! The linker of one component: built from what it imports and what it may have, interface by interface.

use wasmtime::Engine;
use wasmtime::component::{Component, HasSelf, Linker};

use crate::bindings::pintle::core::types;
use crate::bindings::{GuestPre, host};
use crate::call::state::CallState;
use crate::plugin::imports::imports;

/// Links a component to the interfaces that it imports and no others.
pub(crate) fn link(engine: &Engine, component: &Component) -> wasmtime::Result<GuestPre<CallState>> {
    let mut linker = Linker::new(engine);
    types::add_to_linker::<_, HasSelf<CallState>>(&mut linker, |state| state)?;
    let mut wasi = false;
    for import in imports(engine, component) {
        let name = import.name.split('@').next().unwrap_or_default();
        match name.strip_prefix("pintle:host/") {
            Some(interface) => add(&mut linker, interface)?,
            None => wasi |= name.starts_with("wasi:"),
        }
    }
    if wasi {
        wasmtime_wasi::p2::add_to_linker_async(&mut linker)?;
    }
    GuestPre::new(linker.instantiate_pre(component)?)
}

/// Adds one interface. What is not granted is linked too: its functions answer `denied`.
fn add(linker: &mut Linker<CallState>, interface: &str) -> wasmtime::Result<()> {
    macro_rules! link {
        ($($name:literal => $module:ident),* $(,)?) => {
            match interface {
                $($name => host::$module::add_to_linker::<_, HasSelf<CallState>>(linker, |state| state),)*
                // The linker will name what is missing.
                _ => Ok(()),
            }
        };
    }
    link! {
        "call" => call,
        "random" => random,
        "log" => log,
        "output" => output,
        "config" => config,
        "metrics" => metrics,
        "kv" => kv,
        "secrets-reveal" => secrets_reveal,
        "sign" => sign,
        "tcp" => tcp,
        "http" => http,
        "blobs" => blobs,
        "http-blobs" => http_blobs,
        "process" => process,
        "files" => files,
    }
}
