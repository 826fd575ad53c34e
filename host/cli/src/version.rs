//! `pintle version`.

use serde_json::json;

use crate::args::{Output, Version};
use crate::context::say;
use crate::embedded;
use crate::failure::Exit;

/// The version, what it was built for, and the plugins that are part of it.
pub(crate) fn run(args: &Version) -> anyhow::Result<Exit> {
    let version = env!("CARGO_PKG_VERSION");
    match args.output {
        Output::Text => say(&format!("pintle {version} ({}, {})", env!("PINTLE_TARGET"), env!("PINTLE_PROFILE"))),
        Output::Json => {
            let plugins = embedded::staged()?;
            let plugins: Vec<_> = plugins
                .iter()
                .map(|row| json!({ "name": row.name, "version": row.version, "digest": row.digest }))
                .collect();
            let object = json!({
                "version": version, "target": env!("PINTLE_TARGET"), "profile": env!("PINTLE_PROFILE"),
                "plan_schema": pintle_core::plan::SCHEMA, "plugins": plugins,
            });
            say(&object.to_string());
        }
    }
    Ok(Exit::Success)
}
