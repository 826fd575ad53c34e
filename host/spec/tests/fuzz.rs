//! What the fuzzers found worth keeping, once more: each input below `fuzz/` through the check of its folder. `cargo
//! xtask fuzz` searches on from there.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a check that breaks has found something; a test that cannot read its files has failed"
)]

use std::path::Path;

#[path = "fuzz/document.rs"]
mod document;
#[path = "fuzz/expression.rs"]
mod expression;
#[path = "bounds/in_time.rs"]
mod in_time;
#[path = "fuzz/output_file.rs"]
mod output_file;
#[path = "cases/plugins.rs"]
mod plugins;
#[path = "fuzz/schedule.rs"]
mod schedule;

fn replay(target: &str, check: fn(&[u8])) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fuzz").join(target);
    let mut count = 0;
    for entry in std::fs::read_dir(&folder).unwrap() {
        let path = entry.unwrap().path();
        let data = std::fs::read(&path).unwrap();
        in_time::in_time(path.to_str().unwrap(), || check(&data));
        count += 1;
    }
    assert!(count >= 20, "only {count} inputs are kept for {target}");
}

#[test]
fn documents_hold() {
    replay("document", document::check);
}

#[test]
fn expressions_hold() {
    replay("expression", expression::check);
}

#[test]
fn schedules_hold() {
    replay("schedule", schedule::check);
}

#[test]
fn output_files_hold() {
    replay("output_file", output_file::check);
}
