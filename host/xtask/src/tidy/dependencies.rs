//! Who may depend on whom: the table of ARCHITECTURE.md, held against what cargo says.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context, Result, bail};
use serde::Deserialize;

use super::{Fault, Tree};
use crate::shell;
use crate::workspace::Workspace;

const PAGE: &str = "ARCHITECTURE.md";

/// Libraries that only some crates know, by the beginnings of their names.
const KNOWN_ONLY_BY: [(&str, &[&str]); 11] = [
    ("anyhow", &["cli", "xtask", "tests"]),
    ("clap", &["cli", "xtask", "tests"]),
    ("prost", &["rpc"]),
    ("redis", &["queue-redis"]),
    ("rusqlite", &["runtime", "store-sqlite"]),
    ("saphyr", &["spec"]),
    ("serde-saphyr", &["exec-data"]),
    ("sqlx", &["store-postgres"]),
    ("tonic", &["rpc"]),
    ("wasmtime", &["runtime"]),
    ("wit-bindgen", &["guest-sdk"]),
];

/// What cargo says of the workspace.
#[derive(Debug, Deserialize)]
struct Metadata {
    packages: Vec<Package>,
}

#[derive(Debug, Deserialize)]
struct Package {
    name: String,
    dependencies: Vec<Dependency>,
}

#[derive(Debug, Deserialize)]
struct Dependency {
    name: String,
    /// `dev`, `build`, or none.
    kind: Option<String>,
}

pub(super) fn check(tree: &Tree, workspace: &Workspace) -> Result<Vec<Fault>> {
    let page = tree.read(PAGE)?;
    let words = ["metadata", "--no-deps", "--locked", "--offline", "--format-version", "1"];
    let text = shell::output(shell::cargo(&workspace.root).args(words))?;
    let metadata: Metadata = serde_json::from_str(&text).context("`cargo metadata` printed something else")?;
    hold(&Table::parse(&page)?, &metadata)
}

/// The word of the table for a package.
fn word(package: &str) -> &str {
    match package {
        "pintle" => "cli",
        "pintle-guest" => "guest-sdk",
        other => other.strip_prefix("pintle-").unwrap_or(other),
    }
}

/// Which crates a crate may use.
#[derive(Debug, Clone, PartialEq, Eq)]
enum May {
    These(BTreeSet<String>),
    AllBut(BTreeSet<String>),
}

impl May {
    fn allows(&self, other: &str) -> bool {
        match self {
            Self::These(these) => these.contains(other),
            Self::AllBut(those) => !those.contains(other),
        }
    }
}

/// `| crate | may use |`, row by row.
#[derive(Debug)]
struct Table(BTreeMap<String, May>);

impl Table {
    fn parse(page: &str) -> Result<Self> {
        let mut rows = BTreeMap::new();
        let start = page
            .lines()
            .position(|line| cells(line).is_some_and(|(left, right)| left == "crate" && right == "may use"));
        let start = start.with_context(|| format!("{PAGE} has no table `| crate | may use |`"))?;
        for line in page.lines().skip(start + 2) {
            let Some((crates, may)) = cells(line) else { break };
            let may = permission(may);
            for name in list(crates) {
                if rows.insert(name.clone(), may.clone()).is_some() {
                    bail!("{PAGE}: the crate `{name}` stands in two rows of the table");
                }
            }
        }
        Ok(Self(rows))
    }
}

fn cells(line: &str) -> Option<(&str, &str)> {
    let (left, right) = line.trim().strip_prefix('|')?.strip_suffix('|')?.split_once('|')?;
    Some((left.trim(), right.trim()))
}

/// Words of a cell; what stands in parentheses is for people.
fn list(cell: &str) -> impl Iterator<Item = String> {
    let plain = cell.split(['(', ')']).step_by(2).collect::<String>().replace('`', "");
    let words: Vec<String> = plain.split(',').map(|word| word.trim().to_owned()).collect();
    words.into_iter().filter(|word| !word.is_empty() && word != "-")
}

fn permission(cell: &str) -> May {
    match cell.strip_prefix("all but ") {
        Some(but) => May::AllBut(list(but).collect()),
        None => May::These(list(cell).collect()),
    }
}

fn hold(table: &Table, metadata: &Metadata) -> Result<Vec<Fault>> {
    let ours: BTreeSet<&str> = metadata.packages.iter().map(|package| package.name.as_str()).collect();
    let is_plugin = |name: &str| name != "guest-sdk" && !table.0.contains_key(name);
    let mut faults = Vec::new();
    for package in &metadata.packages {
        let name = word(&package.name);
        // Plugins stand in no row: they use the SDK. Tests drive the built binary.
        let may = match table.0.get(name) {
            Some(may) => may.clone(),
            None if name == "tests" => May::These(BTreeSet::new()),
            None if is_plugin(name) && !package.name.starts_with("pintle-") => {
                May::These(BTreeSet::from(["guest-sdk".to_owned()]))
            }
            None => {
                faults.push(Fault::of(PAGE, format!("the crate `{name}` stands in no row of the table")));
                continue;
            }
        };
        let shipped = package.dependencies.iter().filter(|dependency| dependency.kind.as_deref() != Some("dev"));
        for dependency in shipped {
            let used = word(&dependency.name);
            if ours.contains(dependency.name.as_str()) {
                if !may.allows(used) {
                    faults.push(Fault::of(name, format!("may not use `{used}` ({PAGE}, who may depend on whom)")));
                }
            } else if let Some((library, knows)) =
                KNOWN_ONLY_BY.iter().find(|(library, _)| is_of(&dependency.name, library))
                && !knows.contains(&name)
            {
                faults.push(Fault::of(
                    name,
                    format!("may not use `{}`: {library} is known to {} only", dependency.name, knows.join(", ")),
                ));
            }
        }
    }
    Ok(faults)
}

/// The library itself, or one of its family: `wasmtime`, `wasmtime-wasi`.
fn is_of(name: &str, library: &str) -> bool {
    name.strip_prefix(library).is_some_and(|rest| rest.is_empty() || rest.starts_with(['-', '_']))
}

#[cfg(test)]
#[expect(clippy::expect_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;

    const TABLE: &str = "# x\n\n| crate | may use |\n|---|---|\n| core, guest-sdk, xtask | - |\n| worker | core, `plane` |\n\
                         | plane | core |\n| cli | all but sim, xtask |\n| sim | core (its own memory store) |\n\nnext\n| a | b |\n";

    /// A crate, and what it uses with the kind of that dependency.
    type Uses<'a> = (&'a str, &'a [(&'a str, Option<&'a str>)]);

    fn faults(packages: &[Uses<'_>]) -> Vec<String> {
        let packages = packages.iter().map(|(name, uses)| Package {
            name: (*name).to_owned(),
            dependencies: uses
                .iter()
                .map(|(name, kind)| Dependency { name: (*name).to_owned(), kind: kind.map(str::to_owned) })
                .collect(),
        });
        let table = Table::parse(TABLE).expect("the table is there");
        hold(&table, &Metadata { packages: packages.collect() })
            .expect("it holds")
            .iter()
            .map(Fault::to_string)
            .collect()
    }

    #[test]
    fn what_the_table_allows_passes() {
        let found = faults(&[
            ("pintle-core", &[("serde", None)]),
            ("pintle-worker", &[("pintle-core", None), ("pintle-plane", None), ("xtask", Some("dev"))]),
            ("pintle-plane", &[("pintle-core", None)]),
            ("pintle", &[("pintle-worker", None), ("clap", None)]),
            ("exec-x", &[("pintle-guest", None)]),
            ("pintle-guest", &[("wit-bindgen", None)]),
            ("pintle-tests", &[("anyhow", None)]),
            ("xtask", &[]),
        ]);
        assert!(found.is_empty(), "{found:?}");
    }

    #[test]
    fn what_it_does_not_allow_is_found() {
        let found = faults(&[
            ("pintle-core", &[("pintle-plane", None), ("anyhow", None)]),
            ("pintle-plane", &[("wasmtime-wasi", Some("build"))]),
            ("pintle", &[("xtask", None)]),
            ("xtask", &[]),
            ("exec-x", &[("pintle-core", None)]),
            ("pintle-tests", &[("pintle-core", None)]),
            ("pintle-novel", &[]),
        ]);
        assert_eq!(
            found,
            [
                "core: may not use `plane` (ARCHITECTURE.md, who may depend on whom)",
                "core: may not use `anyhow`: anyhow is known to cli, xtask, tests only",
                "plane: may not use `wasmtime-wasi`: wasmtime is known to runtime only",
                "cli: may not use `xtask` (ARCHITECTURE.md, who may depend on whom)",
                "exec-x: may not use `core` (ARCHITECTURE.md, who may depend on whom)",
                "tests: may not use `core` (ARCHITECTURE.md, who may depend on whom)",
                "ARCHITECTURE.md: the crate `novel` stands in no row of the table",
            ]
        );
    }

    #[test]
    fn a_page_without_the_table_is_said_to_have_none() {
        let error = Table::parse("# x\n").expect_err("no table").to_string();
        assert_eq!(error, "ARCHITECTURE.md has no table `| crate | may use |`");
        let twice = "| crate | may use |\n|---|---|\n| core | - |\n| core | plane |\n";
        assert!(Table::parse(twice).expect_err("twice").to_string().contains("`core` stands in two rows"));
    }
}
