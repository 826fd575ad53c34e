//! The rules of the house, as programs. Each rule is a file here, and each has a test in which it bites.

mod dependencies;
mod features;
mod grid;
mod links;
mod modules;
mod purity;
mod rust;
mod sql;
mod unsafety;
mod wit;

use std::fmt;
use std::path::{Path, PathBuf};

use anyhow::{Result, bail};

use crate::workspace::{self, Workspace};
use rust::Source;

/// Something that breaks a rule.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Fault {
    place: String,
    message: String,
}

impl Fault {
    fn at(path: &str, line: usize, message: impl Into<String>) -> Self {
        Self { place: format!("{path}:{line}"), message: message.into() }
    }

    fn of(path: &str, message: impl Into<String>) -> Self {
        Self { place: path.to_owned(), message: message.into() }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.place, self.message)
    }
}

/// All files of a repository, by their paths in it.
pub(crate) struct Tree {
    root: PathBuf,
    files: Vec<String>,
}

impl Tree {
    fn of(root: &Path) -> Result<Self> {
        let files = workspace::files_below(root)?;
        let relative = |file: &PathBuf| file.strip_prefix(root).unwrap_or(file).to_string_lossy().replace('\\', "/");
        Ok(Self { root: root.to_owned(), files: files.iter().map(relative).collect() })
    }

    /// Files whose names end so.
    fn ending<'a>(&'a self, ending: &'a str) -> impl Iterator<Item = &'a str> {
        self.files.iter().map(String::as_str).filter(move |file| file.ends_with(ending))
    }

    fn has(&self, path: &str) -> bool {
        self.files.iter().any(|file| file == path)
    }

    fn read(&self, path: &str) -> Result<String> {
        workspace::read(&self.root.join(path))
    }

    /// A Rust file, taken apart.
    fn rust(&self, path: &str) -> Result<Source> {
        Source::parse(path, &self.read(path)?)
    }
}

type Rule = fn(&Tree) -> Result<Vec<Fault>>;

/// Every rule that looks at files; the dependency table and features need cargo besides.
const RULES: [(&str, Rule); 7] = [
    ("grid", grid::check),
    ("links", links::check),
    ("modules", modules::check),
    ("purity of the core", purity::check),
    ("SQL", sql::check),
    ("unsafe", unsafety::check),
    ("WIT", wit::check),
];

/// Checks all rules, and tells every fault at once.
pub(crate) fn run(workspace: &Workspace) -> Result<()> {
    let tree = Tree::of(&workspace.root)?;
    let mut faults = dependencies::check(&tree, workspace)?;
    faults.extend(features::check(workspace)?);
    for (_, rule) in RULES {
        faults.extend(rule(&tree)?);
    }
    faults.sort();
    faults.dedup();
    faults.iter().for_each(|fault| println!("{fault}"));
    match faults.len() {
        0 => {
            let names: Vec<&str> = RULES.iter().map(|(name, _)| *name).collect();
            println!("tidy: dependencies, features, {}: all hold", names.join(", "));
            Ok(())
        }
        count => bail!("tidy: {count} places break a rule"),
    }
}

/// A repository of the given files, for a rule's test.
#[cfg(test)]
#[expect(clippy::expect_used, reason = "a test fails by panicking")]
pub(crate) fn faults_in(rule: Rule, files: &[(&str, &str)]) -> Vec<String> {
    let directory = tempfile::tempdir().expect("a temporary directory");
    for (path, text) in files {
        workspace::write_if_changed(&directory.path().join(path), text.as_bytes()).expect("writes");
    }
    let tree = Tree::of(directory.path()).expect("lists");
    let mut faults: Vec<String> = rule(&tree).expect("the rule can look").iter().map(Fault::to_string).collect();
    faults.sort();
    faults
}
