//! DAGs that tests make.

use std::fmt::Write as _;

/// `length` steps, one behind the other, each running `command` (`{n}` is its number).
#[must_use]
pub fn chain(length: usize, command: &str) -> String {
    let mut yaml = String::from("type: chain\nsteps:\n");
    for n in 0..length {
        let command = command.replace("{n}", &n.to_string());
        // Writing to a String cannot fail.
        let _ok = write!(yaml, "  - id: s{n}\n    run: {command}\n");
    }
    yaml
}

/// One step, `width` behind it, one behind all of them.
#[must_use]
pub fn fan(width: usize, command: &str) -> String {
    let mut yaml = format!("steps:\n  - id: first\n    run: {command}\n");
    for n in 0..width {
        let _ok = write!(yaml, "  - id: s{n}\n    run: {command}\n    depends: [first]\n");
    }
    let all: Vec<String> = (0..width).map(|n| format!("s{n}")).collect();
    let _ok = write!(yaml, "  - id: last\n    run: {command}\n    depends: [{}]\n", all.join(", "));
    yaml
}
