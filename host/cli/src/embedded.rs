//! The first-party plugins that are part of this binary.

use anyhow::Context as _;
use pintle_core::plugin::Staged;
use pintle_runtime::Embedded;

/// What `cargo xtask plugins` made, as `build.rs` found it.
pub(crate) static EMBEDDED: &[Embedded] = include!(concat!(env!("OUT_DIR"), "/embedded.rs"));

/// The staged rows of all of them.
pub(crate) fn staged() -> anyhow::Result<Vec<Staged>> {
    EMBEDDED
        .iter()
        .map(|plugin| plugin.staged().context("an embedded plugin cannot be read: this pintle was not built whole"))
        .collect()
}

/// The rows of all actions beside the core's own: those of the plugins, and those that are native.
pub(crate) fn known() -> anyhow::Result<Vec<Staged>> {
    let mut rows = staged()?;
    rows.push(pintle_runtime::sqlite_staged());
    Ok(rows)
}
