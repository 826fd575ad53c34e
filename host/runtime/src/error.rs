//! What can go wrong before a guest runs.

use std::io;
use std::path::PathBuf;

/// A plugin was not loaded; every fault is listed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}", faults.iter().map(LoadFault::to_string).collect::<Vec<_>>().join("\n"))]
pub struct LoadError {
    /// All of them.
    pub faults: Vec<LoadFault>,
}

impl LoadError {
    /// Of one fault.
    pub(crate) fn one(fault: LoadFault) -> Self {
        Self { faults: vec![fault] }
    }
}

/// One reason why a plugin was not loaded.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LoadFault {
    /// Native code from outside.
    #[error("{file} is precompiled native code; give the .wasm component.")]
    Precompiled {
        /// As it was named.
        file: String,
    },
    /// A module without the component's shell.
    #[error("{file} is a core module, not a component: pintle plugin build, or wasm-tools component new.")]
    CoreModule {
        /// As it was named.
        file: String,
    },
    /// Not WebAssembly, or broken.
    #[error("{file} is not a valid WebAssembly component: {reason}")]
    Malformed {
        /// As it was named.
        file: String,
        /// The validator's words.
        reason: String,
    },
    /// Larger than the host reads.
    #[error("{file} has {size} bytes; at most {limit} are read.")]
    TooLarge {
        /// As it was named.
        file: String,
        /// Its size.
        size: usize,
        /// The bound.
        limit: usize,
    },
    /// It could not be compiled within its bounds.
    #[error("{file} was not compiled: {reason}")]
    NotCompiled {
        /// As it was named.
        file: String,
        /// What stood in the way.
        reason: String,
    },
    /// A fault in `plugin.toml`.
    #[error("{place}: {reason}")]
    Manifest {
        /// `plugin.toml:7`.
        place: String,
        /// What is wrong and what to write.
        reason: String,
    },
    /// The file is not the one that the manifest names.
    #[error(
        "{plugin}: the component's SHA-256 is {actual}, the manifest says {expected}. Pack it again: pintle plugin pack"
    )]
    OtherDigest {
        /// Name and version.
        plugin: String,
        /// Of the manifest.
        expected: String,
        /// Of the file.
        actual: String,
    },
    /// It was built for a later host.
    #[error(
        "{plugin} needs {interface}@{version} (function \"{function}\"); this pintle offers @{offered}. Update pintle, or rebuild with SDK {offered}."
    )]
    Newer {
        /// Name and version.
        plugin: String,
        /// `pintle:host/kv`.
        interface: String,
        /// What it asks for.
        version: String,
        /// The first function that is missing.
        function: String,
        /// What there is.
        offered: String,
    },
    /// An import that the manifest does not mention.
    #[error("{plugin} imports {interface} but its manifest does not want it: add [wants.{capability}].")]
    Unwanted {
        /// Name and version.
        plugin: String,
        /// `pintle:host/http`.
        interface: String,
        /// `http`.
        capability: String,
    },
    /// An import that no host gives.
    #[error("{plugin} imports {interface}, which no plugin gets{hint}.")]
    UnknownImport {
        /// Name and version.
        plugin: String,
        /// Whole name.
        interface: String,
        /// What to do instead.
        hint: String,
    },
    /// It lacks what its kind must export.
    #[error("{plugin} is of kind {kind} but does not export {interface}; export it, or change `kind` in plugin.toml.")]
    NotExported {
        /// Name and version.
        plugin: String,
        /// Of the manifest.
        kind: String,
        /// The missing interface.
        interface: String,
    },
    /// An import or export has another type than the host's.
    #[error("{plugin} does not fit this pintle: {reason}")]
    OtherType {
        /// Name and version.
        plugin: String,
        /// The linker's words.
        reason: String,
    },
    /// A required want without a grant.
    #[error(
        "{plugin} wants {capability} ({reason}), which is not granted. Approve: pintle plugin grant {name} {option}"
    )]
    Ungranted {
        /// Name and version.
        plugin: String,
        /// The plugin's name.
        name: String,
        /// `http`.
        capability: String,
        /// The author's words.
        reason: String,
        /// `--http ORIGIN`.
        option: String,
    },
    /// Manifest and component disagree.
    #[error(
        "{plugin}: the component calls itself {says}; make name and version equal in plugin.toml and in the component."
    )]
    OtherName {
        /// Name and version of the manifest.
        plugin: String,
        /// Name and version that `describe` answers.
        says: String,
    },
    /// More than the operator allows.
    #[error("{plugin} wants {wanted} MiB of memory; at most {allowed} are given. Setting: plugins.max-memory-mib")]
    TooMuchMemory {
        /// Name and version.
        plugin: String,
        /// Of the manifest.
        wanted: u32,
        /// The cap.
        allowed: u32,
    },
    /// An action that is not one.
    #[error("{plugin}: action `{action}` {reason}")]
    BadAction {
        /// Name and version.
        plugin: String,
        /// Its name.
        action: String,
        /// What is wrong.
        reason: String,
    },
    /// A call during staging failed.
    #[error("{0}")]
    Call(String),
    /// The machine did not play along.
    #[error("{0}")]
    Host(String),
}

/// Code could not be compiled, kept or loaded.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CodeError {
    /// The compiler refuses the input.
    #[error("{0}")]
    Refused(String),
    /// The compiler was stopped at a bound.
    #[error("compilation took more than {0}")]
    Bound(String),
    /// The compiler could not be run.
    #[error("the compiler `{program}` could not be run: {source}", program = program.display())]
    Compiler {
        /// What was started.
        program: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// Compiled code does not load.
    #[error("the compiled code does not load: {0}")]
    Load(String),
    /// The machine did not play along.
    #[error("{0}")]
    Host(String),
}
