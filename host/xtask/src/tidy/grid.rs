//! Nouns in rows, rings in columns: in each ring a noun has one file, and that file has the noun's name.

use anyhow::Result;

use super::{Fault, Tree};

const NOUNS: [&str; 7] = ["run", "attempt", "lease", "queue", "election", "plugin", "policy"];

const RINGS: [&str; 9] = [
    "host/core",
    "host/store",
    "host/store-sqlite",
    "host/store-postgres",
    "host/rpc",
    "host/coordinator",
    "host/worker",
    "host/server",
    "host/sim",
];

/// Words that add nothing to a noun.
const HOLLOW: [&str; 12] = [
    "manager",
    "service",
    "store",
    "handler",
    "helper",
    "helpers",
    "util",
    "utils",
    "impl",
    "repo",
    "repository",
    "base",
];

pub(super) fn check(tree: &Tree) -> Result<Vec<Fault>> {
    let mut faults = Vec::new();
    for file in &tree.files {
        let in_ring = RINGS.iter().any(|ring| file.strip_prefix(ring).is_some_and(|rest| rest.starts_with('/')));
        if !in_ring {
            continue;
        }
        let mut so_far = String::new();
        for part in file.split('/') {
            so_far.push_str(if so_far.is_empty() { "" } else { "/" });
            so_far.push_str(part);
            let (word, ending) = part.split_once('.').map_or((part, ""), |(word, ending)| (word, ending));
            if let Some(noun) = misnamed(word) {
                let right = if ending.is_empty() { noun.to_owned() } else { format!("{noun}.{ending}") };
                faults.push(Fault::of(&so_far, format!("the noun is `{noun}`, in every ring: name it `{right}`")));
            }
        }
    }
    faults.dedup();
    Ok(faults)
}

/// The noun that a word means without being it: its plural, or the noun with a hollow word.
fn misnamed(word: &str) -> Option<&'static str> {
    let word = word.replace('-', "_");
    NOUNS.into_iter().find(|noun| {
        let plural = noun.strip_suffix('y').map_or_else(|| format!("{noun}s"), |stem| format!("{stem}ies"));
        let with_hollow = |rest: &str| HOLLOW.contains(&rest);
        word == plural
            || word.strip_prefix(noun).and_then(|rest| rest.strip_prefix('_')).is_some_and(with_hollow)
            || word.strip_suffix(noun).and_then(|rest| rest.strip_suffix('_')).is_some_and(with_hollow)
    })
}

#[cfg(test)]
mod tests {
    use super::super::faults_in;
    use super::check;

    #[test]
    fn plurals_and_hollow_words_are_found() {
        let files = [
            ("host/core/src/runs.rs", ""),
            ("host/store/src/lease_manager.rs", ""),
            ("host/store-sqlite/queries/policies/insert.sql", ""),
            ("host/worker/src/store_queue.rs", ""),
        ];
        assert_eq!(
            faults_in(check, &files),
            [
                "host/core/src/runs.rs: the noun is `run`, in every ring: name it `run.rs`",
                "host/store-sqlite/queries/policies: the noun is `policy`, in every ring: name it `policy`",
                "host/store/src/lease_manager.rs: the noun is `lease`, in every ring: name it `lease.rs`",
                "host/worker/src/store_queue.rs: the noun is `queue`, in every ring: name it `queue.rs`",
            ]
        );
    }

    #[test]
    fn nouns_compounds_and_other_crates_pass() {
        let files = [
            ("host/core/src/run.rs", ""),
            ("host/core/src/run/decide.rs", ""),
            ("host/worker/src/run_attempt.rs", ""),
            ("host/xtask/src/plugins.rs", ""),
            ("host/coordinator/src/elector.rs", ""),
        ];
        assert!(faults_in(check, &files).is_empty());
    }
}
