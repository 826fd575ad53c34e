//! How guests are compiled: the one file that knows. They are compiled by the toolchain of the workspace, for a target
//! that rustup adds.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};

use crate::shell;
use crate::workspace::Workspace;

/// What guests are compiled for: no WASI, no clock, nothing but what they import by name.
pub(crate) const GUEST_TARGET: &str = "wasm32-unknown-unknown";

/// What the examples are compiled for besides.
pub(crate) const EXAMPLE_TARGETS: [&str; 2] = ["wasm32-wasip1", "wasm32-wasip2"];

/// A guest's chance is the host's, by `pintle_guest::random`: a library that asks for the system's is told that there is
/// none. (Without this the crate `getrandom` does not compile for a guest.)
const NO_CHANCE: [&str; 2] = ["--cfg", "getrandom_backend=\"unsupported\""];

/// `cargo build` for guests, to which the packages are added.
pub(crate) fn guest_build(workspace: &Workspace) -> Command {
    let mut command = shell::cargo(&workspace.root);
    command.args(["build", "--locked", "--profile", "guest", "--target", GUEST_TARGET]);
    // No path of this machine gets into a component: a panic names `plugins/...` and `cargo/...`.
    let mut flags = remaps(workspace);
    flags.extend(NO_CHANCE.map(str::to_owned));
    command.env(rustflags_variable(), flags.join("\u{1f}"));
    command
}

/// What a change of compiler changes in what it builds.
pub(crate) fn fingerprint(workspace: &Workspace) -> Result<String> {
    shell::output(shell::program(&workspace.root, rustc()).arg("-vV"))
}

fn rustc() -> OsString {
    std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into())
}

/// Separated by a byte that is in no path.
fn rustflags_variable() -> &'static str {
    "CARGO_ENCODED_RUSTFLAGS"
}

fn remaps(workspace: &Workspace) -> Vec<String> {
    let home = std::env::var_os("CARGO_HOME").map(PathBuf::from);
    let home = home.or_else(|| std::env::var_os("HOME").map(|home| Path::new(&home).join(".cargo")));
    let registry = home.map(|home| format!("--remap-path-prefix={}=cargo", home.display()));
    let own = format!("--remap-path-prefix={}=.", workspace.root.display());
    std::iter::once(own).chain(registry).collect()
}

/// Whether the workspace's toolchain can compile for a target.
pub(crate) fn has_target(workspace: &Workspace, target: &str) -> Result<bool> {
    let sysroot = shell::output(shell::program(&workspace.root, rustc()).args(["--print", "sysroot"]))
        .context("rustc is not there: install Rust by rustup")?;
    Ok(Path::new(sysroot.trim()).join("lib/rustlib").join(target).join("lib").is_dir())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_path_of_this_machine_gets_into_a_component() {
        let workspace = Workspace { root: "/somewhere/pintle".into(), target: "/somewhere/target".into() };
        let remaps = remaps(&workspace);
        assert!(remaps.contains(&"--remap-path-prefix=/somewhere/pintle=.".to_owned()), "{remaps:?}");
        assert!(remaps.iter().any(|flag| flag.ends_with("=cargo")), "{remaps:?}");
    }

    #[test]
    fn a_guest_has_no_chance_but_the_hosts() {
        let workspace = Workspace { root: "/w".into(), target: "/w/target".into() };
        let command = guest_build(&workspace);
        let flags = command.get_envs().find_map(|(name, value)| value.filter(|_| name == rustflags_variable()));
        let flags = flags.unwrap_or_default().to_string_lossy().into_owned();
        assert!(flags.ends_with("\u{1f}--cfg\u{1f}getrandom_backend=\"unsupported\""), "{flags:?}");
    }
}
