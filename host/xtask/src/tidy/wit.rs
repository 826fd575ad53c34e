//! The WIT packages parse, and the guest SDK keeps up with them: it generates from `wit/` itself, holds no copy of it,
//! and its world imports every interface of the host.

use anyhow::Result;
use wit_parser::{Resolve, UnresolvedPackageGroup};

use super::{Fault, Tree};

const GUEST_WORLD: &str = "guest-sdk/wit/guest.wit";
const GUEST_BINDINGS: &str = "guest-sdk/src/bindings.rs";

pub(super) fn check(tree: &Tree) -> Result<Vec<Fault>> {
    let mut faults = Vec::new();
    let files: Vec<&str> =
        tree.ending(".wit").filter(|file| file.starts_with("wit/") || *file == GUEST_WORLD).collect();
    if let Err(error) = resolve(tree, &files) {
        return Ok(vec![Fault::of("wit", format!("the packages do not parse: {error:#}"))]);
    }
    for copy in tree.ending(".wit").filter(|file| file.starts_with("guest-sdk/") && *file != GUEST_WORLD) {
        faults.push(Fault::of(copy, "the guest SDK generates from wit/: it holds no copy"));
    }
    if tree.has(GUEST_WORLD) && tree.has("wit/host/host.wit") {
        let world = tree.read(GUEST_WORLD)?;
        let executor = tree.read("wit/executor/executor.wit").unwrap_or_default();
        for interface in interfaces(&tree.read("wit/host/host.wit")?) {
            let import = format!("import pintle:host/{interface}@");
            if !world.contains(&import) && !executor.contains(&import) {
                let message = format!("the host's interface `{interface}` is missing: add `{import}0.1.0;`");
                faults.push(Fault::of(GUEST_WORLD, message));
            }
        }
    }
    if tree.has(GUEST_BINDINGS) {
        let bindings = tree.read(GUEST_BINDINGS)?;
        for package in ["../wit/core", "../wit/host", "../wit/executor"] {
            if !bindings.contains(&format!("\"{package}\"")) {
                faults.push(Fault::of(GUEST_BINDINGS, format!("bindings are generated from `{package}` itself")));
            }
        }
    }
    Ok(faults)
}

/// Parses all packages together, so that each finds the others.
fn resolve(tree: &Tree, files: &[&str]) -> Result<()> {
    let mut groups = Vec::new();
    for file in files {
        let group = UnresolvedPackageGroup::parse(tree.root.join(file), &tree.read(file)?)
            .map_err(|(map, error)| anyhow::anyhow!("{}", error.render(&map)))?;
        groups.push(group);
    }
    let Some(main) = groups.pop() else { return Ok(()) };
    Resolve::default().push_groups(main, groups).map_err(|error| anyhow::anyhow!("{error}"))?;
    Ok(())
}

/// The interfaces that a file declares.
fn interfaces(text: &str) -> Vec<&str> {
    let declared = text.lines().filter_map(|line| line.trim().strip_prefix("interface "));
    declared.filter_map(|rest| rest.split([' ', '{']).next()).collect()
}

#[cfg(test)]
mod tests {
    use super::super::faults_in;
    use super::check;

    const CORE: &str = "package pintle:core@0.1.0;\ninterface types { type span = u32; }\n";
    const HOST: &str = "package pintle:host@0.1.0;\ninterface log { use pintle:core/types@0.1.0.{span}; write: func(s: span); }\ninterface kv { get: func(); }\n";
    const WORLD: &str =
        "package pintle:guest@0.1.0;\nworld g { import pintle:host/log@0.1.0; import pintle:host/kv@0.1.0; }\n";

    fn faults(host: &str, world: &str, more: &[(&str, &str)]) -> Vec<String> {
        let mut files =
            vec![("wit/core/core.wit", CORE), ("wit/host/host.wit", host), ("guest-sdk/wit/guest.wit", world)];
        files.extend(more);
        faults_in(check, &files)
    }

    #[test]
    fn packages_that_parse_and_a_world_that_keeps_up_pass() {
        assert!(faults(HOST, WORLD, &[]).is_empty(), "{:?}", faults(HOST, WORLD, &[]));
    }

    #[test]
    fn a_faulty_package_is_found() {
        let broken = HOST.replace("func(s: span)", "func(s: spam)");
        let found = faults(&broken, WORLD, &[]);
        assert!(found.len() == 1 && found.concat().starts_with("wit: the packages do not parse: "), "{found:?}");
    }

    #[test]
    fn an_interface_that_the_world_lacks_is_found() {
        let behind = WORLD.replace("import pintle:host/kv@0.1.0; ", "");
        assert_eq!(
            faults(HOST, &behind, &[]),
            ["guest-sdk/wit/guest.wit: the host's interface `kv` is missing: add `import pintle:host/kv@0.1.0;`"]
        );
    }

    #[test]
    fn copies_are_found() {
        let bindings = "generate!({ path: [\"../wit/core\", \"../wit/host\", \"wit\"] });";
        assert_eq!(
            faults(HOST, WORLD, &[("guest-sdk/wit/deps/core.wit", CORE), ("guest-sdk/src/bindings.rs", bindings)]),
            [
                "guest-sdk/src/bindings.rs: bindings are generated from `../wit/executor` itself",
                "guest-sdk/wit/deps/core.wit: the guest SDK generates from wit/: it holds no copy",
            ]
        );
    }
}
