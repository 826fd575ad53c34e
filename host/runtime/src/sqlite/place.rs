//! Where a file of a step lies, and that it may be used: found once, then reached from the directory that was checked.
//!
//! A path is resolved, must lie beneath a granted root, and its directory is opened beneath that root (`openat2`), so a
//! link that is put into the path meanwhile leads nowhere. SQLite itself opens by path: it gets the directory's own path
//! and the order to follow no link in it, and below a root that is not `/` its thread is confined besides (`confine.rs`).

use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use cap_std::ambient_authority;
use cap_std::fs::{Dir, Metadata, MetadataExt, OpenOptions, OpenOptionsExt};
use pintle_plane::executor::Fault;

use super::told::Told;
use crate::grants::FilesGrant;

/// What a step may reach, and from where its paths begin.
#[derive(Debug)]
pub(super) struct Reach<'a> {
    pub(super) files: &'a FilesGrant,
    /// Pintle's own databases.
    pub(super) guarded: &'a [PathBuf],
    pub(super) working_dir: &'a Path,
    /// For `~`.
    pub(super) home: Option<&'a str>,
}

/// A file that was found, and whose directory is held open.
#[derive(Debug)]
pub(super) struct Place {
    /// As the step named it.
    pub(super) shown: String,
    /// Its root; none: all files are granted.
    pub(super) root: Option<PathBuf>,
    /// The grant is for reading alone.
    pub(super) read_only: bool,
    dir: Dir,
    /// Of the directory, without a link in it.
    dir_path: PathBuf,
    name: OsString,
}

impl Reach<'_> {
    /// Finds a file. It need not be there, its directory must. A link to a file counts as that file.
    pub(super) fn find(&self, path: &str) -> Result<Place, Told> {
        if path.contains('\0') {
            return Err(Told::invalid("a path holds a NUL byte"));
        }
        let absolute = self.working_dir.join(self.expanded(path));
        let found = resolved(&absolute).map_err(|error| told(path, &error))?;
        let (Some(parent), Some(name)) = (found.parent(), found.file_name()) else {
            return Err(Told::invalid(format!("`{path}` is a directory, not a file")));
        };
        let roots = || self.files.roots.values().filter(|root| found.starts_with(&root.path));
        let root = roots().find(|root| !root.read_only).or_else(|| roots().next());
        let Some(root) = root else {
            return Err(Told::denied(format!("`{path}` is not granted: it lies beneath no root of the files grant")));
        };
        let opened = || {
            let beneath = parent.strip_prefix(&root.path).unwrap_or(parent);
            let dir = Dir::open_ambient_dir(&root.path, ambient_authority())?;
            let dir = if beneath.as_os_str().is_empty() { dir } else { dir.open_dir(beneath)? };
            Ok::<_, io::Error>(dir)
        };
        let place = Place {
            shown: path.to_owned(),
            root: Some(root.path.clone()).filter(|root| root != Path::new("/")),
            read_only: root.read_only,
            dir: opened().map_err(|error| told(path, &error))?,
            dir_path: parent.to_owned(),
            name: name.to_owned(),
        };
        place.refuse_own(self.guarded)?;
        Ok(place)
    }

    fn expanded(&self, path: &str) -> PathBuf {
        match (path.strip_prefix("~/"), self.home) {
            (Some(rest), Some(home)) => Path::new(home).join(rest),
            (Some(_), None) | (None, _) => PathBuf::from(path),
        }
    }
}

/// The path without links. What is not there is named in its directory, which must be there.
fn resolved(absolute: &Path) -> io::Result<PathBuf> {
    match absolute.canonicalize() {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let (Some(parent), Some(name)) = (absolute.parent(), absolute.file_name()) else { return Err(error) };
            parent.canonicalize().map(|parent| parent.join(name))
        }
        found => found,
    }
}

impl Place {
    /// For SQLite: without a link, when it was found.
    pub(super) fn path(&self) -> PathBuf {
        self.dir_path.join(&self.name)
    }

    /// Whether the file is there. Anything but a regular file is refused, a link too: it was not there before.
    pub(super) fn is_there(&self) -> Result<bool, Told> {
        let shown = &self.shown;
        match self.dir.symlink_metadata(&self.name) {
            Ok(metadata) if metadata.is_file() => Ok(true),
            Ok(metadata) if metadata.is_symlink() => {
                Err(Told::denied(format!("`{shown}` is a link that leads to no file; make the file, or name another")))
            }
            Ok(_) => Err(Told::invalid(format!("`{shown}` is not a regular file"))),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
            Err(error) => Err(told(shown, &error)),
        }
    }

    /// Opens the file for reading. A pipe or a device is not even waited for.
    pub(super) fn open(&self) -> Result<File, Told> {
        if !self.is_there()? {
            return Err(Told::new(Fault::NotFound, format!("`{}` does not exist", self.shown)));
        }
        let flags = rustix::fs::OFlags::NONBLOCK | rustix::fs::OFlags::NOCTTY | rustix::fs::OFlags::NOFOLLOW;
        let mut options = OpenOptions::new();
        options.read(true).custom_flags(i32::try_from(flags.bits()).unwrap_or(0));
        let file = self.dir.open_with(&self.name, &options).map_err(|error| told(&self.shown, &error))?;
        match file.metadata().map(|metadata| metadata.is_file()) {
            Ok(true) => Ok(file.into_std()),
            Ok(false) => Err(Told::invalid(format!("`{}` is not a regular file", self.shown))),
            Err(error) => Err(told(&self.shown, &error)),
        }
    }

    /// Reads a file of at most so many bytes.
    pub(super) fn text(&self, most: usize) -> Result<String, Told> {
        let mut bytes = Vec::new();
        let read = self.open()?.take(most as u64 + 1).read_to_end(&mut bytes);
        read.map_err(|error| told(&self.shown, &error))?;
        if bytes.len() > most {
            return Err(Told::invalid(format!("`{}` has more than {most} bytes", self.shown)));
        }
        String::from_utf8(bytes).map_err(|_| Told::invalid(format!("`{}` is not UTF-8", self.shown)))
    }

    /// Pintle's own database is not a step's to open: neither by its name, nor what stands beside it, nor by a hard link.
    /// Even to close a file that reads it would drop the locks of this process.
    fn refuse_own(&self, guarded: &[PathBuf]) -> Result<(), Told> {
        let own = guarded.iter().any(|own| {
            let beside = starts_with(&self.name, own.file_name().unwrap_or_default())
                && own.parent().and_then(|dir| dir.metadata().ok()).is_some_and(|dir| {
                    use std::os::unix::fs::MetadataExt as _;
                    self.dir.dir_metadata().is_ok_and(|here| (here.dev(), here.ino()) == (dir.dev(), dir.ino()))
                });
            beside || self.is_same_file(own)
        });
        match own {
            true => Err(Told::denied(format!("`{}` is Pintle's own database; no step opens it", self.shown))),
            false => Ok(()),
        }
    }

    fn is_same_file(&self, other: &Path) -> bool {
        use std::os::unix::fs::MetadataExt as _;
        let here: Option<Metadata> = self.dir.symlink_metadata(&self.name).ok();
        let there = other.metadata().ok();
        here.zip(there).is_some_and(|(here, there)| (here.dev(), here.ino()) == (there.dev(), there.ino()))
    }
}

fn starts_with(name: &OsStr, beginning: &OsStr) -> bool {
    !beginning.is_empty() && name.as_encoded_bytes().starts_with(beginning.as_encoded_bytes())
}

fn told(path: &str, error: &io::Error) -> Told {
    use io::ErrorKind as Kind;
    match error.kind() {
        Kind::NotFound => Told::new(Fault::NotFound, format!("the directory of `{path}` does not exist")),
        Kind::PermissionDenied | Kind::ReadOnlyFilesystem => Told::denied(format!("`{path}`: {error}")),
        Kind::NotADirectory | Kind::IsADirectory | Kind::InvalidFilename | Kind::InvalidInput => {
            Told::invalid(format!("`{path}`: {error}"))
        }
        _ => Told::new(Fault::Failed, format!("`{path}`: {error}")),
    }
}
