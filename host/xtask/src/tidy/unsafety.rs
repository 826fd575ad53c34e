//! `unsafe` stands in the files that are named here, and in no other.

use anyhow::Result;

use super::{Fault, Tree};

/// Who may, and for what.
const ALLOWED: [&str; 2] = [
    // Tells a guest's allocator which memory is its own.
    "guest-sdk/src/memory.rs",
    // Deserialises native code that this program compiled itself, behind a MAC.
    "host/runtime/src/code_cache/deserialize.rs",
];

pub(super) fn check(tree: &Tree) -> Result<Vec<Fault>> {
    let mut faults = Vec::new();
    let ours = |file: &&str| ["host/", "guest-sdk/", "plugins/", "tests/"].iter().any(|dir| file.starts_with(dir));
    for file in tree.ending(".rs").filter(ours).filter(|file| !ALLOWED.contains(file)) {
        let source = tree.rust(file)?;
        for (_, line) in source.words.iter().filter(|(word, _)| word == "unsafe") {
            faults.push(Fault::at(file, *line, "`unsafe` outside the files that tidy/unsafety.rs names"));
        }
    }
    Ok(faults)
}

#[cfg(test)]
mod tests {
    use super::super::faults_in;
    use super::{ALLOWED, check};

    #[test]
    fn unsafe_code_is_found_outside_of_its_files_only() {
        let text = "// unsafe\nfn a() { let _ = \"unsafe\"; }\nunsafe fn b() {}\n";
        let [memory, deserialize] = ALLOWED;
        assert_eq!(
            faults_in(check, &[("host/worker/src/a.rs", text), (memory, text), (deserialize, text)]),
            ["host/worker/src/a.rs:3: `unsafe` outside the files that tidy/unsafety.rs names"]
        );
    }
}
