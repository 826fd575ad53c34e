//! host/core decides: it is sync, and has no clock, no chance and no I/O.

use anyhow::Result;

use super::{Fault, Tree};

const CORE: &str = "host/core/src/";

/// What the core must not name, and what to do instead.
const FORBIDDEN: [(&str, &str); 14] = [
    ("std::time::Instant", "take the time as an argument"),
    ("std::time::SystemTime", "take the time as an argument"),
    ("std::fs", "return what to do; the shell does it"),
    ("std::net", "return what to do; the shell does it"),
    ("std::process", "return what to do; the shell does it"),
    ("std::env", "take the setting as an argument"),
    ("std::thread", "return what to do; the shell does it"),
    ("std::io", "return what to do; the shell does it"),
    ("rand", "take chance as an argument"),
    ("getrandom", "take chance as an argument"),
    ("tokio", "return what to wait for"),
    ("futures", "return what to wait for"),
    ("jiff", "take the time as an argument"),
    ("chrono", "take the time as an argument"),
];

pub(super) fn check(tree: &Tree) -> Result<Vec<Fault>> {
    let mut faults = Vec::new();
    for file in tree.ending(".rs").filter(|file| file.starts_with(CORE)) {
        let source = tree.rust(file)?;
        for (path, line) in &source.paths {
            for (name, instead) in FORBIDDEN {
                if path == name || path.strip_prefix(name).is_some_and(|rest| rest.starts_with("::")) {
                    faults.push(Fault::at(file, *line, format!("the core does not use `{path}`: {instead}")));
                }
            }
        }
        for (_, line) in source.words.iter().filter(|(word, _)| word == "async" || word == "await") {
            faults.push(Fault::at(file, *line, "the core is sync: return what to wait for"));
        }
    }
    Ok(faults)
}

#[cfg(test)]
mod tests {
    use super::super::faults_in;
    use super::check;

    #[test]
    fn clocks_chance_io_and_async_are_found_however_they_are_written() {
        let text = "use std::{collections::BTreeMap, time::{Duration, Instant}};\n\
                    fn a() { let _ = std::fs::read(\"x\"); }\n\
                    async fn b() { rand::random::<u8>(); }\n";
        assert_eq!(
            faults_in(check, &[("host/core/src/a.rs", text)]),
            [
                "host/core/src/a.rs:1: the core does not use `std::time::Instant`: take the time as an argument",
                "host/core/src/a.rs:2: the core does not use `std::fs::read`: return what to do; the shell does it",
                "host/core/src/a.rs:3: the core does not use `rand::random`: take chance as an argument",
                "host/core/src/a.rs:3: the core is sync: return what to wait for",
            ]
        );
    }

    #[test]
    fn a_pure_core_and_an_impure_shell_pass() {
        let pure = "//! async, std::fs\nuse std::time::Duration;\nfn strand() -> Duration { Duration::ZERO }\n";
        let shell = "async fn a() { tokio::time::sleep(std::time::Duration::ZERO).await; }";
        assert!(faults_in(check, &[("host/core/src/a.rs", pure), ("host/worker/src/a.rs", shell)]).is_empty());
    }
}
