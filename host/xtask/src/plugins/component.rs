//! Core modules to components, and what a component must be to ship.

use std::collections::BTreeSet;

use anyhow::{Context, Result, bail};
use wasmparser::{ComponentExternalKind, Parser, Payload, Validator, WasmFeatures};
use wit_component::{ComponentEncoder, DecodedWasm};
use wit_parser::{Resolve, WorldId, WorldItem};

use super::Manifest;

/// Interfaces that every plugin may import; no manifest wants them.
const ALWAYS: [&str; 6] = ["call", "config", "log", "metrics", "output", "random"];

/// The component of a core module that carries its world.
pub(crate) fn encode(module: &[u8]) -> Result<Vec<u8>> {
    ComponentEncoder::default().module(module)?.validate(true).encode()
}

/// It is valid, imports nothing but what its manifest wants, and all of that.
pub(crate) fn check(component: &[u8], manifest: &Manifest) -> Result<()> {
    let features = WasmFeatures::WASM3 | WasmFeatures::COMPONENT_MODEL;
    Validator::new_with_features(features).validate_all(component).context("it is not valid")?;
    if exports(component)?.is_empty() {
        bail!("it exports nothing: `pintle_guest::export!` is missing");
    }
    let imports = imports(component)?;
    let wanted: BTreeSet<String> = manifest.wants.keys().filter(|name| *name != "secret").cloned().collect();
    let mut used = BTreeSet::new();
    for import in &imports {
        let interface = import.strip_prefix("pintle:host/").and_then(|rest| rest.split('@').next());
        match interface {
            Some(name) if ALWAYS.contains(&name) => {}
            Some(name) if wanted.contains(name) => {
                used.insert(name.to_owned());
            }
            Some(name) => bail!("it imports {import} but its manifest does not want it: add [wants.{name}]"),
            None => bail!("it imports {import}: a plugin of this house imports pintle:host alone"),
        }
    }
    match wanted.difference(&used).next() {
        Some(name) => bail!("its manifest wants {name}, and it never uses it: take [wants.{name}] out"),
        None => Ok(()),
    }
}

/// Interfaces with functions that a component imports.
pub(crate) fn imports(component: &[u8]) -> Result<Vec<String>> {
    let (resolve, world) = decode(component)?;
    let world = resolve.worlds.get(world).context("the component has a world")?;
    let interfaces = world.imports.values().filter_map(|item| match item {
        WorldItem::Interface { id, .. } => Some(*id),
        WorldItem::Function(_) | WorldItem::Type { .. } => None,
    });
    let with_functions =
        interfaces.filter(|id| resolve.interfaces.get(*id).is_some_and(|interface| !interface.functions.is_empty()));
    Ok(with_functions.filter_map(|id| resolve.id_of(id)).collect())
}

fn decode(component: &[u8]) -> Result<(Resolve, WorldId)> {
    match wit_component::decode(component)? {
        DecodedWasm::Component(resolve, world) => Ok((resolve, world)),
        DecodedWasm::WitPackage(..) => bail!("it is a WIT package, not a component"),
    }
}

/// Instances that a component exports.
fn exports(component: &[u8]) -> Result<Vec<String>> {
    let mut names = Vec::new();
    let mut depth = 0_usize;
    for payload in Parser::new(0).parse_all(component) {
        match payload? {
            Payload::ModuleSection { .. } | Payload::ComponentSection { .. } => depth += 1,
            Payload::End(_) => depth = depth.saturating_sub(1),
            Payload::ComponentExportSection(section) if depth == 0 => {
                for export in section {
                    let export = export?;
                    if export.kind == ComponentExternalKind::Instance {
                        names.push(export.name.name.to_owned());
                    }
                }
            }
            _ => {}
        }
    }
    Ok(names)
}

#[cfg(test)]
#[expect(clippy::expect_used, reason = "a test fails by panicking")]
mod tests;
