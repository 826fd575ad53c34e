//! The checks before a plugin may say anything: its bytes, its manifest, its imports, its exports.

use std::sync::Arc;

use pintle_core::plugin::Staged;

use crate::bindings::Action;
use crate::compiler::{Shape, sentence};
use crate::engine::Allocator;
use crate::error::{CodeError, LoadError, LoadFault};
use crate::grants::Grants;
use crate::limits::COMPONENT_BYTES;
use crate::manifest::Manifest;
use crate::plugin::code::{Code, Source};
use crate::plugin::imports::{faults, imports};
use crate::plugin::{Plugin, digest};
use crate::runtime::Runtime;

/// What an executor must export.
const EXPORTS: [&str; 2] = ["pintle:core/plugin@0.1.0", "pintle:executor/executor@0.1.0"];

/// What a file is, by its first bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Form {
    Component,
    Module,
    /// ELF: what wasmtime's compiler writes.
    Native,
    Other,
}

/// Reads the first eight bytes.
pub(crate) fn form(bytes: &[u8]) -> Form {
    match bytes {
        [0, b'a', b's', b'm', 1, 0, 0, 0, ..] => Form::Module,
        [0, b'a', b's', b'm', _, _, 1, 0, ..] => Form::Component,
        [0x7f, b'E', b'L', b'F', ..] => Form::Native,
        _ => Form::Other,
    }
}

/// Refuses what is not a component of bearable size.
fn check_form(file: &str, bytes: &[u8]) -> Result<(), LoadFault> {
    let file = file.to_owned();
    if bytes.len() > COMPONENT_BYTES {
        return Err(LoadFault::TooLarge { file, size: bytes.len(), limit: COMPONENT_BYTES });
    }
    let form = form(bytes);
    if form == Form::Native || file.ends_with(".cwasm") {
        return Err(LoadFault::Precompiled { file });
    }
    match form {
        Form::Component => Ok(()),
        Form::Module => Err(LoadFault::CoreModule { file }),
        Form::Native | Form::Other => {
            Err(LoadFault::Malformed { file, reason: "it does not begin as WebAssembly does".to_owned() })
        }
    }
}

/// All checks that need no guest to run; every fault at once.
pub(super) async fn check(
    runtime: &Arc<Runtime>,
    file: &str,
    bytes: Vec<u8>,
    manifest: &Manifest,
    grants: Grants,
) -> Result<Plugin, LoadError> {
    check_form(file, &bytes).map_err(LoadError::one)?;
    let bytes: Arc<[u8]> = bytes.into();
    let digest = digest(&bytes);
    let component = component(runtime, file, &digest, &bytes).await.map_err(LoadError::one)?;
    let engine = component.engine();
    let imported = imports(engine, &component);
    let mut found = manifest_faults(runtime, manifest, &digest, &grants);
    found.extend(faults(&imported, manifest));
    found.extend(EXPORTS.iter().filter(|name| component.get_export_index(None, name).is_none()).map(|name| {
        LoadFault::NotExported { plugin: manifest.title(), kind: manifest.kind.clone(), interface: (*name).to_owned() }
    }));
    if !found.is_empty() {
        return Err(LoadError { faults: found });
    }
    let grants = grants.within(|capability| manifest.wants(capability));
    let staged = Staged {
        digest,
        name: manifest.name.clone(),
        version: manifest.version.clone(),
        kind: manifest.kind.clone(),
        summary: manifest.summary.clone(),
        imports: imported.into_iter().map(|import| import.name).collect(),
        wants: manifest.wants.clone(),
        limits: manifest.limits,
        config_schema: String::new(),
        actions: Vec::new(),
    };
    let plugin = Plugin::new(Arc::clone(runtime), staged, Source::Bytes(bytes), grants);
    linked(runtime, &plugin.code, &manifest.title()).await?;
    Ok(plugin)
}

async fn component(
    runtime: &Runtime,
    file: &str,
    digest: &pintle_core::ids::Digest,
    bytes: &[u8],
) -> Result<wasmtime::component::Component, LoadFault> {
    let engine = runtime.engine.of(Allocator::OnDemand).map_err(|error| LoadFault::Host(sentence(&error)))?;
    let native = runtime.cache.native(&engine, digest, bytes.into(), Shape::Component).await;
    let file = file.to_owned();
    let native = native.map_err(|error| match error {
        CodeError::Refused(reason) => LoadFault::Malformed { file: file.clone(), reason },
        bound @ CodeError::Bound(_) => LoadFault::NotCompiled { file: file.clone(), reason: bound.to_string() },
        other @ (CodeError::Compiler { .. } | CodeError::Load(_) | CodeError::Host(_)) => {
            LoadFault::Host(other.to_string())
        }
    })?;
    native.trusted().component(&engine).map_err(|error| LoadFault::NotCompiled { file, reason: sentence(&error) })
}

/// Links once, so that a function of another type is found now and not in a step.
async fn linked(runtime: &Runtime, code: &Code, plugin: &str) -> Result<(), LoadError> {
    match code.ready(runtime).await {
        Ok(_) => Ok(()),
        Err(error) => {
            let reason = match error {
                CodeError::Load(words) => words,
                other @ (CodeError::Refused(_)
                | CodeError::Bound(_)
                | CodeError::Compiler { .. }
                | CodeError::Host(_)) => other.to_string(),
            };
            Err(LoadError::one(LoadFault::OtherType { plugin: plugin.to_owned(), reason }))
        }
    }
}

fn manifest_faults(
    runtime: &Runtime,
    manifest: &Manifest,
    digest: &pintle_core::ids::Digest,
    grants: &Grants,
) -> Vec<LoadFault> {
    let plugin = manifest.title();
    let mut found = Vec::new();
    if let Some(expected) = manifest.sha256.as_ref().filter(|expected| *expected != digest) {
        let (expected, actual) = (expected.to_string(), digest.to_string());
        found.push(LoadFault::OtherDigest { plugin: plugin.clone(), expected, actual });
    }
    if manifest.kind != "executor" {
        let reason = format!("kind `{}` is not run by this version of Pintle; it runs `executor`", manifest.kind);
        found.push(LoadFault::Manifest { place: plugin.clone(), reason });
    }
    if manifest.limits.memory_mib > runtime.max_memory_mib {
        let (wanted, allowed) = (manifest.limits.memory_mib, runtime.max_memory_mib);
        found.push(LoadFault::TooMuchMemory { plugin: plugin.clone(), wanted, allowed });
    }
    for want in manifest.wants.iter().filter(|want| want.required && !grants.has(&want.capability)) {
        found.push(LoadFault::Ungranted {
            plugin: plugin.clone(),
            name: manifest.name.clone(),
            capability: want.capability.clone(),
            reason: if want.reason.is_empty() { "no reason given".to_owned() } else { want.reason.clone() },
            option: grant_option(&want.capability),
        });
    }
    found
}

/// What to put behind `pintle plugin grant NAME`.
fn grant_option(capability: &str) -> String {
    match capability {
        "http" | "http-blobs" => "--http ORIGIN".to_owned(),
        "process" => "--process PROGRAM".to_owned(),
        "files" => "--files ROOT=DIRECTORY".to_owned(),
        "tcp" => "--tcp HOST:PORT".to_owned(),
        other => match other.strip_prefix("secret:") {
            Some(secret) => format!("--secret {}", secret.split(':').next().unwrap_or_default()),
            None => format!("--{other}"),
        },
    }
}

/// Names that no plugin may take.
const RESERVED: [&str; 9] =
    ["wasi", "dns", "load-balancer", "objects", "compute", "network", "storage", "policy", "pintle"];

/// Faults of the actions that an executor lists.
pub(super) fn action_faults(plugin: &str, actions: &[Action]) -> Vec<LoadFault> {
    let fault = |action: &Action, reason: &str| LoadFault::BadAction {
        plugin: plugin.to_owned(),
        action: action.name.clone(),
        reason: reason.to_owned(),
    };
    let mut found = Vec::new();
    if actions.is_empty() {
        found.push(LoadFault::Call(format!("{plugin} is an executor and lists no action")));
    }
    let mut seen = std::collections::HashSet::new();
    for action in actions {
        let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "-_.".contains(c);
        let prefix = action.name.split('.').next().unwrap_or_default();
        if action.name.is_empty() || !action.name.chars().all(plain) {
            found.push(fault(action, "is not made of a-z, 0-9, `-`, `_` and `.`"));
        } else if RESERVED.contains(&prefix) {
            found.push(fault(action, "has a prefix that is reserved"));
        } else if !seen.insert(action.name.as_str()) {
            found.push(fault(action, "is listed twice"));
        }
        for schema in [&action.input_schema, &action.output_schema] {
            let json = schema.is_empty() || serde_json::from_str::<serde::de::IgnoredAny>(schema).is_ok();
            if !json {
                found.push(fault(action, "has a schema that is not JSON"));
            }
        }
    }
    found
}

#[cfg(test)]
mod tests;
