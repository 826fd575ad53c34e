//! What a plugin may do. Absent, empty and any are three things: `None` links the interface to refusals (or refuses to
//! load the plugin that requires it), an empty list grants the interface and nothing behind it, `Any` grants all of it.

use std::collections::BTreeMap;
use std::path::{Component, Path, PathBuf};

use pintle_core::ids::Digest;

use crate::http::grant::HttpGrant;

/// The grants of one plugin for one tenant.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Grants {
    /// Outgoing requests.
    pub http: Option<HttpGrant>,
    /// Native programs.
    pub process: Option<ProcessGrant>,
    /// Files.
    pub files: Option<FilesGrant>,
    /// Durable key-value state.
    pub kv: Option<KvGrant>,
    /// Bytes that stay with the host.
    pub blobs: Option<BlobsGrant>,
    /// Nothing is granted because of `--sandbox`: whoever is refused is told so.
    pub sandbox: bool,
}

impl Grants {
    /// Nothing at all.
    #[must_use]
    pub fn none() -> Self {
        Self::default()
    }

    /// What `--sandbox` leaves: nothing at all.
    #[must_use]
    pub fn sandbox() -> Self {
        Self { sandbox: true, ..Self::none() }
    }

    /// What `pintle start` and `--allow-process` give to the embedded first-party executors, and to no other plugin:
    /// any program, all files, any address, private ones too. These are the rights of the worker's user.
    #[must_use]
    pub fn trusted_first_party() -> Self {
        Self {
            http: Some(HttpGrant::any_with_private()),
            process: Some(ProcessGrant::Any),
            files: Some(FilesGrant::everything()),
            kv: None,
            blobs: Some(BlobsGrant {}),
            sandbox: false,
        }
    }

    /// What is left of these grants for a plugin that wants only some of it.
    #[must_use]
    pub fn within(&self, wanted: impl Fn(&str) -> bool) -> Self {
        Self {
            http: self.http.clone().filter(|_| wanted("http")),
            process: self.process.clone().filter(|_| wanted("process")),
            files: self.files.clone().filter(|_| wanted("files")),
            kv: self.kv.clone().filter(|_| wanted("kv")),
            blobs: self.blobs.clone().filter(|_| wanted("blobs")),
            sandbox: self.sandbox,
        }
    }

    /// Whether a capability of a manifest is granted at all.
    #[must_use]
    pub fn has(&self, capability: &str) -> bool {
        match capability {
            "http" => self.http.is_some(),
            "process" => self.process.is_some(),
            "files" => self.files.is_some(),
            "kv" => self.kv.is_some(),
            "blobs" => self.blobs.is_some(),
            _ => false,
        }
    }
}

/// Which programs may be started. A shell or an interpreter is everything that the worker's user may do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ProcessGrant {
    /// Any.
    Any,
    /// These; empty: none.
    Programs(Vec<ProgramGrant>),
}

/// One program.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProgramGrant {
    /// Name by which the plugin asks for it.
    pub name: String,
    /// Absolute path.
    pub path: PathBuf,
    /// SHA-256 of the file; checked before each start.
    pub sha256: Option<Digest>,
    /// Argument lists that are allowed; empty: none but the empty list.
    pub arguments: Vec<Vec<ArgumentPattern>>,
    /// Where it may start. Not a confinement: the program may go anywhere afterwards.
    pub directories: Vec<PathBuf>,
}

/// One argument of an allowed list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ArgumentPattern {
    /// This text.
    Exact(String),
    /// An absolute path below this one, without `..`.
    Under(PathBuf),
    /// Any one argument.
    Any,
    /// All that follow, however many.
    Rest,
}

impl ProgramGrant {
    /// Whether the arguments match one of the lists.
    #[must_use]
    pub fn allows_arguments(&self, arguments: &[String]) -> bool {
        (self.arguments.is_empty() && arguments.is_empty())
            || self.arguments.iter().any(|pattern| matches_list(pattern, arguments))
    }

    /// Whether the program may start in `dir`.
    #[must_use]
    pub fn allows_directory(&self, dir: &Path) -> bool {
        self.directories.iter().any(|root| is_beneath(dir, root))
    }
}

fn matches_list(pattern: &[ArgumentPattern], arguments: &[String]) -> bool {
    match (pattern.split_first(), arguments.split_first()) {
        (Some((ArgumentPattern::Rest, _)), _) | (None, None) => true,
        (Some((first, patterns)), Some((argument, rest))) => {
            let fits = match first {
                ArgumentPattern::Exact(text) => text == argument,
                ArgumentPattern::Under(root) => is_beneath(Path::new(argument), root),
                ArgumentPattern::Any | ArgumentPattern::Rest => true,
            };
            fits && matches_list(patterns, rest)
        }
        (Some(_), None) | (None, Some(_)) => false,
    }
}

/// Whether an absolute path without `..` lies at or below `root`, by its text alone.
#[must_use]
pub(crate) fn is_beneath(path: &Path, root: &Path) -> bool {
    path.is_absolute() && !path.components().any(|c| matches!(c, Component::ParentDir)) && path.starts_with(root)
}

/// Which files may be reached, by the name of a root.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FilesGrant {
    /// A root named `/` takes absolute paths; any other name is the first part of a path.
    pub roots: BTreeMap<String, FilesRoot>,
}

/// One root.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FilesRoot {
    /// Absolute path of a directory.
    pub path: PathBuf,
    /// Nothing may be changed beneath it.
    pub read_only: bool,
}

impl FilesGrant {
    /// All files that the worker's user may reach: by their absolute paths, and as `fs/...`, by which exec-file, which
    /// may be given less, always speaks.
    #[must_use]
    pub fn everything() -> Self {
        let root = FilesRoot { path: PathBuf::from("/"), read_only: false };
        Self { roots: BTreeMap::from([("/".to_owned(), root.clone()), ("fs".to_owned(), root)]) }
    }

    /// Splits `root-name/path` (or an absolute path, with a root `/`) into the root and the path beneath it.
    pub(crate) fn find<'a>(&self, path: &'a str) -> Option<(&FilesRoot, &'a str)> {
        if let Some(beneath) = path.strip_prefix('/') {
            return self.roots.get("/").map(|root| (root, beneath.trim_start_matches('/')));
        }
        let (name, beneath) = path.split_once('/').unwrap_or((path, ""));
        self.roots.get(name).filter(|_| name != "/").map(|root| (root, beneath))
    }

    /// Whether a path of the machine lies beneath a root (for `write`: beneath one that may be written).
    pub(crate) fn covers(&self, path: &Path, write: bool) -> bool {
        self.roots.values().any(|root| is_beneath(path, &root.path) && !(write && root.read_only))
    }
}

/// Key-value state of a plugin.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KvGrant {
    /// Put before each key.
    pub prefix: String,
    /// Largest key and value together.
    pub bytes: u64,
}

/// Blobs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BlobsGrant {}

#[cfg(test)]
mod tests {
    use super::*;

    fn program(arguments: Vec<Vec<ArgumentPattern>>) -> ProgramGrant {
        let path = PathBuf::from("/usr/bin/btrfs");
        ProgramGrant {
            name: "btrfs".to_owned(),
            path,
            sha256: None,
            arguments,
            directories: vec![PathBuf::from("/pool")],
        }
    }

    #[test]
    fn argument_lists_match_whole_and_paths_stay_beneath() {
        use ArgumentPattern::{Exact, Rest, Under};
        let word = |w: &str| Exact(w.to_owned());
        let grant = program(vec![
            vec![word("subvolume"), word("create"), Under(PathBuf::from("/pool"))],
            vec![word("show"), Rest],
        ]);
        let ask = |list: &[&str]| grant.allows_arguments(&list.iter().map(|&a| a.to_owned()).collect::<Vec<_>>());
        assert!(ask(&["subvolume", "create", "/pool/a"]));
        assert!(ask(&["show"]) && ask(&["show", "a", "b"]));
        for bad in [
            &["subvolume", "create", "/pool/../etc"][..],
            &["subvolume", "create", "/pool2"],
            &["subvolume", "create", "pool/a"],
            &["subvolume", "create"],
            &["subvolume", "create", "/pool/a", "more"],
            &[],
        ] {
            assert!(!ask(bad), "{bad:?} was allowed");
        }
        assert!(program(Vec::new()).allows_arguments(&[]));
        assert!(grant.allows_directory(Path::new("/pool/x")) && !grant.allows_directory(Path::new("/")));
    }

    #[test]
    fn absent_empty_and_any_are_three_things() {
        let empty = Grants { files: Some(FilesGrant::default()), ..Grants::none() };
        assert!(!Grants::none().has("files"));
        assert!(empty.has("files"));
        assert!(empty.files.is_some_and(|files| files.find("/etc/hosts").is_none()));
        for path in ["/etc/hosts", "fs/etc/hosts"] {
            assert!(FilesGrant::everything().find(path).is_some_and(|(_, beneath)| beneath == "etc/hosts"), "{path}");
        }
        assert!(FilesGrant::everything().find("etc/hosts").is_none(), "a relative path found a root");
    }
}
