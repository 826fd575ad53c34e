//! What is tested is what is shipped: tests ask for no feature of a crate that the programs do without, so that both
//! are built from the same crates, and each crate once.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::Result;

use super::Fault;
use crate::shell;
use crate::workspace::Workspace;

pub(super) fn check(workspace: &Workspace) -> Result<Vec<Fault>> {
    let tree = |of: &[&str], edges: &str| {
        let words = ["tree", "--locked", "--prefix", "none", "--format", "{p}|{f}", "--edges", edges];
        shell::output(shell::cargo(&workspace.root).args(words).args(of))
    };
    let program = tree(&["--package", "pintle"], "normal")?;
    Ok(hold(&program, &tree(&["--workspace"], "normal,build")?, &tree(&["--workspace"], "normal,build,dev")?))
}

/// All texts hold lines of `name version|feature,feature`; a crate that is built in two ways stands there twice. The
/// crates of the program count, with the features that the workspace asks for, with its tests and without.
fn hold(program: &str, shipped: &str, tested: &str) -> Vec<Fault> {
    let (program, shipped, tested) = (builds(program), builds(shipped), builds(tested));
    let mut faults = Vec::new();
    for (package, ways) in shipped.iter().filter(|(package, _)| program.contains_key(*package)) {
        for way in tested.get(package).into_iter().flatten().filter(|way| !ways.contains(*way)) {
            let known: BTreeSet<&str> = ways.iter().flatten().copied().collect();
            let added: Vec<&str> = way.iter().copied().filter(|feature| !known.contains(feature)).collect();
            faults.push(Fault::of(
                "Cargo.toml",
                format!(
                    "tests build {package} anew with {}: let the workspace ask for that too, or the tests do without",
                    added.join(", ")
                ),
            ));
        }
    }
    faults
}

type Ways<'a> = BTreeSet<BTreeSet<&'a str>>;

fn builds(text: &str) -> BTreeMap<&str, Ways<'_>> {
    let mut builds: BTreeMap<&str, Ways<'_>> = BTreeMap::new();
    for (package, features) in text.lines().filter_map(|line| line.split_once('|')) {
        // Of what was shown before, cargo says `(*)`.
        let features = features.trim_end_matches(" (*)");
        let features = features.split(',').filter(|feature| !feature.is_empty()).collect();
        builds.entry(package).or_default().insert(features);
    }
    builds
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_feature_that_only_tests_ask_for_is_named() {
        let program = "a v1.0.0|std\nb v2.0.0|\n\nb v2.0.0| (*)\n";
        let shipped = &format!("{program}tool v1.0.0|\n");
        assert_eq!(hold(program, shipped, shipped), []);
        assert_eq!(hold(program, shipped, "a v1.0.0|std (*)\nc v3.0.0|x\ntool v1.0.0|more\n"), []);
        let tested = "a v1.0.0|std\na v1.0.0|std,test-util\nb v2.0.0|\n";
        let faults: Vec<String> = hold(program, shipped, tested).iter().map(Fault::to_string).collect();
        assert_eq!(
            faults,
            [
                "Cargo.toml: tests build a v1.0.0 anew with test-util: let the workspace ask for that too, or the tests do \
              without"
            ]
        );
    }
}
