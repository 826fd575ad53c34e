//! How guests are compiled: the one file that knows.
//!
//! Usually rustup's target is there, or can be added. Where it is out of reach, Debian's `rustc-web` with
//! `rust-web-src` and `lld` builds the same guests from the standard library's sources.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::shell;
use crate::workspace::Workspace;

/// What guests are compiled for: no WASI, no clock, nothing but what they import by name.
pub(crate) const GUEST_TARGET: &str = "wasm32-unknown-unknown";

/// What the examples are compiled for besides.
pub(crate) const EXAMPLE_TARGETS: [&str; 2] = ["wasm32-wasip1", "wasm32-wasip2"];

/// A guest's chance is the host's, by `pintle_guest::random`: a library that asks for the system's is told that there is
/// none. (Without this the crate `getrandom` does not compile for a guest.)
const NO_CHANCE: [&str; 2] = ["--cfg", "getrandom_backend=\"unsupported\""];

/// Which compiler builds guests.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum GuestCompiler {
    /// The toolchain of the workspace.
    Rustup,
    /// Debian's, with this linker.
    Debian { linker: PathBuf },
}

impl GuestCompiler {
    /// The one that is there.
    pub(crate) fn find(workspace: &Workspace) -> Result<Self> {
        if has_target(workspace, GUEST_TARGET)? {
            return Ok(Self::Rustup);
        }
        if let Some(linker) = debian_linker(workspace) {
            return Ok(Self::Debian { linker });
        }
        bail!(
            "guests cannot be compiled: run `rustup target add {GUEST_TARGET}`, or install Debian's rustc-web, \
             rust-web-src and lld"
        )
    }

    /// `cargo build` for guests, to which the packages are added.
    pub(crate) fn build(&self, workspace: &Workspace) -> Command {
        let mut command = shell::cargo(&workspace.root);
        command.args(["build", "--locked", "--profile", "guest", "--target", GUEST_TARGET]);
        // No path of this machine gets into a component: a panic names `plugins/...` and `cargo/...`.
        let mut flags = remaps(workspace);
        flags.extend(NO_CHANCE.map(str::to_owned));
        command.env(rustflags_variable(), flags.join("\u{1f}"));
        if let Self::Debian { linker } = self {
            command
                .args(["-Zbuild-std=std,panic_abort"])
                .env("RUSTC", DEBIAN_RUSTC)
                .env("RUSTC_BOOTSTRAP", "1")
                .env("CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_LINKER", linker);
        }
        command
    }

    /// What a change of compiler changes in what it builds.
    pub(crate) fn fingerprint(&self, workspace: &Workspace) -> Result<String> {
        let rustc = match self {
            Self::Rustup => std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into()),
            Self::Debian { .. } => DEBIAN_RUSTC.into(),
        };
        shell::output(shell::program(&workspace.root, rustc).arg("-vV"))
    }
}

const DEBIAN_RUSTC: &str = "/usr/bin/rustc";

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
    let rustc = std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let sysroot = shell::output(shell::program(&workspace.root, rustc).args(["--print", "sysroot"]))
        .context("rustc is not there: install Rust by rustup")?;
    Ok(Path::new(sysroot.trim()).join("lib/rustlib").join(target).join("lib").is_dir())
}

/// Debian's linker for Wasm, if its compiler is there too.
fn debian_linker(workspace: &Workspace) -> Option<PathBuf> {
    let sources = Path::new("/usr/lib/rustlib/src/rust/library/std/Cargo.toml").is_file()
        || Path::new("/usr/src/rustc-web").is_dir();
    let compiles = shell::succeeds(shell::program(&workspace.root, DEBIAN_RUSTC).arg("-vV"));
    let linkers = ["/usr/bin/wasm-ld", "/usr/bin/rust-lld"];
    linkers.iter().map(PathBuf::from).find(|linker| sources && compiles && linker.is_file())
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
        let command = GuestCompiler::Rustup.build(&workspace);
        let flags = command.get_envs().find_map(|(name, value)| value.filter(|_| name == rustflags_variable()));
        let flags = flags.unwrap_or_default().to_string_lossy().into_owned();
        assert!(flags.ends_with("\u{1f}--cfg\u{1f}getrandom_backend=\"unsupported\""), "{flags:?}");
    }

    #[test]
    fn debians_compiler_builds_the_standard_library_itself() {
        let workspace = Workspace { root: "/w".into(), target: "/w/target".into() };
        let command = GuestCompiler::Debian { linker: "/usr/bin/wasm-ld".into() }.build(&workspace);
        let shown = shell::shown(&command);
        assert!(shown.contains("-Zbuild-std=std,panic_abort"), "{shown}");
        assert!(command.get_envs().any(|(name, _)| name == "RUSTC_BOOTSTRAP"));
        let usual = GuestCompiler::Rustup.build(&workspace);
        assert!(!shell::shown(&usual).contains("build-std"));
    }
}
