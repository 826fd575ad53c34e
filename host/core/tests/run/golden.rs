//! Files that say what was once right. `UPDATE_GOLDEN=1` writes them anew.

use std::path::{Path, PathBuf};

/// A file below `tests/golden` of the workspace.
pub(crate) fn path(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/golden").join(name)
}

/// Whether the files are to be written anew.
pub(crate) fn updating() -> bool {
    std::env::var_os("UPDATE_GOLDEN").is_some_and(|value| value == "1")
}

pub(crate) fn write(name: &str, text: &str) {
    let path = path(name);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(&path, text).unwrap();
}

/// Holds a text against its golden file, line by line.
#[track_caller]
pub(crate) fn holds(name: &str, text: &str) {
    if updating() {
        return write(name, text);
    }
    let golden = std::fs::read_to_string(path(name))
        .unwrap_or_else(|error| panic!("tests/golden/{name}: {error}; UPDATE_GOLDEN=1 writes it"));
    if golden == text {
        return;
    }
    let lost: Vec<&str> = golden.lines().filter(|line| !text.lines().any(|l| l == *line)).take(10).collect();
    let new: Vec<&str> = text.lines().filter(|line| !golden.lines().any(|l| l == *line)).take(10).collect();
    panic!(
        "tests/golden/{name} says otherwise; if the new is right, UPDATE_GOLDEN=1 writes it.\n\
         only in the file:\n  {}\nonly now:\n  {}",
        lost.join("\n  "),
        new.join("\n  ")
    );
}
