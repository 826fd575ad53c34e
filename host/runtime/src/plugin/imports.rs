//! What a component imports, held against what this host offers and what the manifest wants.

use wasmtime::Engine;
use wasmtime::component::Component;
use wasmtime::component::types::ComponentItem;

use crate::error::LoadFault;
use crate::host::offered::{self, Offered, VERSION};
use crate::manifest::Manifest;

/// An interface with functions that a component imports.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Import {
    /// `pintle:host/http@0.1.0`.
    pub(crate) name: String,
    /// In the order of the component.
    pub(crate) functions: Vec<String>,
}

/// All imports that have functions; those of types alone ask for nothing.
pub(crate) fn imports(engine: &Engine, component: &Component) -> Vec<Import> {
    let list = component.component_type();
    let named = list.imports(engine).filter_map(|(name, import)| {
        let functions: Vec<String> = match import.ty {
            ComponentItem::ComponentInstance(instance) => instance
                .exports(engine)
                .filter(|(_, item)| matches!(item.ty, ComponentItem::ComponentFunc(_)))
                .map(|(function, _)| function.to_owned())
                .collect(),
            ComponentItem::ComponentFunc(_) | ComponentItem::CoreFunc(_) => vec![name.to_owned()],
            ComponentItem::Module(_) | ComponentItem::Component(_) => vec![name.to_owned()],
            ComponentItem::Type(_) | ComponentItem::Resource(_) => Vec::new(),
        };
        (!functions.is_empty()).then(|| Import { name: name.to_owned(), functions })
    });
    named.collect()
}

/// `pintle:host/kv@0.2.0` -> (`pintle:host/kv`, `0.2.0`).
fn split(name: &str) -> (&str, &str) {
    name.split_once('@').unwrap_or((name, ""))
}

fn numbers(version: &str) -> Option<(u64, u64, u64)> {
    let mut parts = version.split(['.', '-', '+']).map(|part| part.parse().ok());
    Some((parts.next()??, parts.next()??, parts.next()??))
}

/// Every fault of the imports.
pub(crate) fn faults(imports: &[Import], manifest: &Manifest) -> Vec<LoadFault> {
    imports.iter().filter_map(|import| fault(import, manifest)).collect()
}

fn fault(import: &Import, manifest: &Manifest) -> Option<LoadFault> {
    let (interface, version) = split(&import.name);
    let plugin = manifest.title();
    let unknown = |hint: &str| {
        let (interface, hint) = (import.name.clone(), hint.to_owned());
        Some(LoadFault::UnknownImport { plugin: plugin.clone(), interface, hint })
    };
    if let Some(rest) = interface.strip_prefix("wasi:") {
        return match rest.split(['/', ':']).next() {
            Some("cli" | "clocks" | "io" | "random" | "filesystem") => None,
            Some("sockets" | "http") => unknown("; want pintle:host/http or pintle:host/tcp instead"),
            _ => unknown(""),
        };
    }
    let Some(offered) = interface.strip_prefix("pintle:host/").and_then(offered::find) else {
        return unknown("");
    };
    if let Some(function) = missing(offered, version, &import.functions) {
        let (major, minor, _) = VERSION;
        return Some(LoadFault::Newer {
            plugin,
            interface: interface.to_owned(),
            version: numbers(version).map_or_else(|| version.to_owned(), |(a, b, _)| format!("{a}.{b}")),
            function: function.to_owned(),
            offered: format!("{major}.{minor}"),
        });
    }
    let capability = offered.capability?;
    if manifest.wants(capability) {
        return None;
    }
    let (interface, capability) = (interface.to_owned(), capability.to_owned());
    Some(LoadFault::Unwanted { plugin, interface, capability })
}

/// The function that shows that an import is of a later version than this host's.
fn missing<'a>(offered: &Offered, version: &str, functions: &'a [String]) -> Option<&'a str> {
    let absent = functions.iter().find(|function| !offered.functions.contains(&function.as_str()));
    let compatible = numbers(version).is_some_and(|(a, b, _)| (a, b) == (VERSION.0, VERSION.1));
    if compatible && absent.is_none() {
        return None;
    }
    absent.or(functions.first()).map(String::as_str)
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use super::*;

    fn messages(name: &str, functions: &[&str], wants: &str) -> Vec<String> {
        let manifest = format!(
            "manifest = 1\nname = \"acme-dns\"\nversion = \"1.4.0\"\nkind = \"executor\"\n\
             [component]\nfile = \"a.wasm\"\n{wants}"
        );
        let manifest = Manifest::parse(&manifest, "plugin.toml").unwrap();
        let functions = functions.iter().map(|&f| f.to_owned()).collect();
        let import = Import { name: name.to_owned(), functions };
        faults(&[import], &manifest).iter().map(LoadFault::to_string).collect()
    }

    #[test]
    fn each_fault_has_its_message() {
        assert_eq!(
            messages("pintle:host/kv@0.2.0", &["get", "watch"], "[wants.kv]"),
            [
                "acme-dns 1.4.0 needs pintle:host/kv@0.2 (function \"watch\"); this pintle offers @0.1. Update pintle, or rebuild with SDK 0.1."
            ]
        );
        assert_eq!(
            messages("pintle:host/http@0.1.0", &["fetch"], ""),
            ["acme-dns 1.4.0 imports pintle:host/http but its manifest does not want it: add [wants.http]."]
        );
        assert_eq!(
            messages("wasi:sockets/tcp@0.2.6", &["connect"], ""),
            [
                "acme-dns 1.4.0 imports wasi:sockets/tcp@0.2.6, which no plugin gets; want pintle:host/http or pintle:host/tcp instead."
            ]
        );
        assert_eq!(
            messages("evil:host/backdoor", &["open"], ""),
            ["acme-dns 1.4.0 imports evil:host/backdoor, which no plugin gets."]
        );
        assert!(messages("pintle:host/http@0.1.0", &["fetch"], "[wants.http]").is_empty());
        assert!(messages("pintle:host/log@0.1.7", &["write"], "").is_empty());
        assert!(messages("wasi:cli/environment@0.2.6", &["get-environment"], "").is_empty());
        assert_eq!(messages("pintle:host/log@0.1.7", &["flush"], "").len(), 1);
    }
}
