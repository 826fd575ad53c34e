//! The component's side of `wit/`, generated once here for all plugins, and the one place where it is decided who
//! answers a host call: the host on Wasm, the fake host of [`testing`](crate::testing) on native targets.

mod generated {
    wit_bindgen::generate!({
        world: "pintle:guest/executor-guest",
        path: ["../wit/core", "../wit/host", "../wit/executor", "wit"],
        generate_all,
        generate_unused_types: true,
        pub_export_macro: true,
        export_macro_name: "export_executor",
        default_bindings_module: "pintle_guest::bindings",
        additional_derives: [PartialEq],
    });
}

pub use generated::{export_executor, exports, pintle};

#[cfg(target_family = "wasm")]
pub(crate) use generated::pintle::host as wire;

#[cfg(not(target_family = "wasm"))]
pub(crate) use crate::testing::wire;
