//! What a Pintle plugin is written with.
//!
//! A plugin is a type that implements the trait of its kind, and one line that exports it:
//!
//! ```
//! use pintle_guest::prelude::*;
//!
//! #[derive(Deserialize, JsonSchema)]
//! #[serde(deny_unknown_fields)]
//! struct Greeting {
//!     /// Who is greeted.
//!     name: String,
//! }
//!
//! struct Greeter;
//!
//! impl Executor for Greeter {
//!     fn actions() -> Vec<Action> {
//!         vec![Action::new::<Greeting>("demo.greet", "Greets somebody.", Repeats::Pure)]
//!     }
//!
//!     fn run(task: &Task) -> Result<Progress, Error> {
//!         let greeting: Greeting = task.input()?;
//!         output::print(&format!("hello {}\n", greeting.name));
//!         Ok(Done::new().output("greeted", greeting.name).into())
//!     }
//! }
//!
//! pintle_guest::export!(Greeter);
//!
//! // The same type runs natively, on a fake host:
//! let host = pintle_guest::testing::FakeHost::new();
//! let ended = host.run::<Greeter>(&Task::new("demo.greet", serde_json::json!({ "name": "Ada" })));
//! assert_eq!(ended.stdout(), "hello Ada\n");
//! ```
//!
//! Build it for `wasm32-unknown-unknown` as a `cdylib` and componentize it (`pintle plugin build`). The component imports
//! what its code calls and nothing else: a plugin that never calls [`http`] does not import it, and needs no grant for it.
//!
//! | module | holds |
//! |---|---|
//! | [`executor`] | the trait of executors, their actions, tasks and answers |
//! | [`plugin`] | name, version and configuration of a plugin |
//! | [`input`], [`schema`] | typed input with errors that name the field, and its JSON Schema |
//! | [`span`] | lengths of time as documents write them |
//! | [`error`] | what went wrong, in the words that decide what the host does next |
//! | [`call`], [`log`], [`output`], [`config`], [`random`], [`metrics`] | host calls that are always there |
//! | [`http`], [`process`], [`files`], [`kv`], [`blobs`], [`tcp`], [`sign`], [`secrets`] | host calls that need a grant |
//! | `testing` (native targets) | the fake host |
//!
//! The crate brings its heap along, which is made for calls that are short and many; a plugin that wants another one
//! switches the feature `heap` off.
//!
//! A panic is a fault of the plugin: the hook of [`export!`] logs its message and place, then the guest traps, and the
//! host names both. What the outside can cause is an [`Error`], never a panic.

#[doc(hidden)]
pub mod bindings;
pub mod error;
pub mod executor;
pub mod host;
pub mod input;
#[cfg(all(feature = "heap", target_family = "wasm", not(target_feature = "atomics")))]
mod memory;
mod panic;
pub mod plugin;
pub mod schema;
pub mod span;
#[cfg(not(target_family = "wasm"))]
pub mod testing;

pub use error::Error;
pub use host::{blobs, call, config, files, http, kv, log, metrics, output, process, random, secrets, sign, tcp};
pub use schemars;
pub use serde;
pub use serde_json;

/// What most plugins need.
pub mod prelude {
    pub use schemars::JsonSchema;
    pub use serde::{Deserialize, Serialize};

    pub use crate::error::{Error, Fault};
    pub use crate::executor::{Action, Done, Executor, Progress, Repeats, Task};
    pub use crate::input::Lenient;
    pub use crate::{call, config, files, http, kv, log, output, process, random};
}

/// Makes a type that implements [`Executor`](executor::Executor) the plugin of this crate. Name, version and summary
/// are the crate's; `config = Type` names the type of the plugin's configuration.
#[macro_export]
macro_rules! export {
    ($plugin:ty $(,)?) => {
        $crate::export!($plugin, config = $crate::plugin::NoConfig);
    };
    ($plugin:ty, config = $config:ty $(,)?) => {
        impl $crate::plugin::Identity for $plugin {
            const NAME: &'static str = ::core::env!("CARGO_PKG_NAME");
            const VERSION: &'static str = ::core::env!("CARGO_PKG_VERSION");
            const SUMMARY: &'static str = ::core::env!("CARGO_PKG_DESCRIPTION");
            type Config = $config;
        }

        // The exports of the component; on native targets, where there is none, tests call the same functions.
        const _: (fn() -> Vec<$crate::executor::Action>, fn(&$crate::executor::Task) -> $crate::executor::Outcome) =
            (<$plugin as $crate::executor::Executor>::actions, <$plugin as $crate::executor::Executor>::run);

        #[cfg(target_family = "wasm")]
        type PintleExported = $crate::executor::Adapter<$plugin>;
        #[cfg(target_family = "wasm")]
        $crate::bindings::export_executor!(PintleExported with_types_in $crate::bindings);
    };
}
