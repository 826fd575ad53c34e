//! A thread that can open files beneath one root alone.
//!
//! SQLite opens the database and what it keeps beside it (`-journal`, `-wal`, `-shm`) by path, whenever it needs them. A
//! directory of that path that is swapped for a link meanwhile would lead it anywhere. So the kernel is asked (Landlock)
//! to refuse whatever this thread opens elsewhere. Where the grant is all files there is nothing to hold.
//!
//! Temporary files lie elsewhere and are refused too: what a query sorts must fit into the connection's cache then.

use std::path::Path;

use super::told::Told;

/// Confines the calling thread, for the rest of its life, to files beneath `root`.
#[cfg(target_os = "linux")]
pub(super) fn confine(root: &Path, read_only: bool) -> Result<(), Told> {
    use landlock::{
        ABI, Access, AccessFs, CompatLevel, Compatible, PathBeneath, PathFd, Ruleset, RulesetAttr, RulesetCreatedAttr,
        RulesetStatus, path_beneath_rules,
    };
    use pintle_plane::executor::Fault;

    // What all kernels with Landlock know; later rights are about devices and sockets.
    let all = AccessFs::from_all(ABI::V1);
    let reading = AccessFs::ReadFile | AccessFs::ReadDir;
    // Sources of chance and of the local time; where they are missing SQLite does without.
    let aside = ["/dev/urandom", "/etc/localtime", "/usr/share/zoneinfo"];
    let confined = || -> Result<_, Box<dyn std::error::Error>> {
        let granted = PathBeneath::new(PathFd::new(root)?, if read_only { reading } else { all });
        Ok(Ruleset::default()
            .set_compatibility(CompatLevel::HardRequirement)
            .handle_access(all)?
            .create()?
            .add_rule(granted)?
            .set_compatibility(CompatLevel::BestEffort)
            .add_rules(path_beneath_rules(aside, reading))?
            .restrict_self()?)
    };
    match confined() {
        Ok(status) if status.ruleset == RulesetStatus::FullyEnforced => Ok(()),
        Ok(_) => Err(Told::new(Fault::Unsupported, unsupported(root, "it has no Landlock"))),
        Err(error) => Err(Told::new(Fault::Unsupported, unsupported(root, &error.to_string()))),
    }
}

/// There is nothing that could hold a thread.
#[cfg(not(target_os = "linux"))]
pub(super) fn confine(root: &Path, _: bool) -> Result<(), Told> {
    Err(Told::new(pintle_plane::executor::Fault::Unsupported, unsupported(root, "this takes Linux")))
}

fn unsupported(root: &Path, why: &str) -> String {
    format!(
        "this system cannot keep a database beneath {}: {why}; grant all files, or run it elsewhere",
        root.display()
    )
}
