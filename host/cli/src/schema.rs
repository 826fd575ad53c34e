//! `pintle schema`.

use anyhow::Context as _;

use crate::context::say;
use crate::embedded;
use crate::failure::Exit;

/// The language as a JSON Schema, with the actions of the plugins that are part of this binary.
pub(crate) fn run() -> anyhow::Result<Exit> {
    let schema = pintle_spec::language_schema(&embedded::known()?);
    say(&serde_json::to_string_pretty(&schema).context("the schema of the language is JSON")?);
    Ok(Exit::Success)
}
