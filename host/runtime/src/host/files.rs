//! `pintle:host/files`: regular files and directories beneath the granted roots, resolved beneath the root at every step.
//!
//! A root `/` confines nothing; there links may also be absolute, so a path is resolved first and then opened without
//! a link in it.

use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

use cap_std::ambient_authority;
use cap_std::fs::{Dir, File, FileType, Metadata, MetadataExt, OpenOptions, OpenOptionsExt, PermissionsExt};

use crate::bindings::host::files as wit;
use crate::bindings::{GuestError, GuestFault, PageRequest, denied, guest_error};
use crate::call::state::CallState;
use crate::grants::FilesRoot;
use crate::host::blobs::read_slice;
use crate::limits::CHUNK_BYTES;

type Answer<T> = wasmtime::Result<Result<T, GuestError>>;

/// Entries of one page.
const PAGE: u32 = 1000;
/// Entries of a directory that is listed at all.
const ENTRIES: usize = 1_000_000;
/// Of the mode, this counts: no set-uid, set-gid or sticky bit.
const MODE: u32 = 0o777;

/// A path in its root.
struct Place {
    root: Dir,
    /// Never empty; `.` is the root itself.
    path: PathBuf,
    shown: String,
}

/// What becomes of a link at the end of a path.
#[derive(Clone, Copy, PartialEq)]
enum LastLink {
    Follow,
    Keep,
}

impl Place {
    fn open(root: &FilesRoot, beneath: &str, shown: &str, last: LastLink) -> Result<Self, GuestError> {
        let path = Path::new(if beneath.is_empty() { "." } else { beneath });
        let bad = path.components().any(|part| matches!(part, std::path::Component::ParentDir));
        let whole = root.path == Path::new("/");
        if bad && !whole {
            return Err(denied(format!("`{shown}`: `..` is not followed")));
        }
        let dir = Dir::open_ambient_dir(&root.path, ambient_authority()).map_err(|error| told(shown, &error))?;
        let path = if whole { resolved(path, last).map_err(|error| told(shown, &error))? } else { path.to_path_buf() };
        Ok(Self { root: dir, path, shown: shown.to_owned() })
    }

    fn told(&self, error: &io::Error) -> GuestError {
        told(&self.shown, error)
    }

    /// Opens a regular file. A pipe or a device is not even waited for.
    fn file(&self, options: &mut OpenOptions) -> Result<File, GuestError> {
        let flags = rustix::fs::OFlags::NONBLOCK | rustix::fs::OFlags::NOCTTY;
        options.custom_flags(i32::try_from(flags.bits()).unwrap_or(0));
        if let Ok(metadata) = self.root.metadata(&self.path) {
            self.regular(&metadata)?;
        }
        let file = self.root.open_with(&self.path, options).map_err(|error| self.told(&error))?;
        self.regular(&file.metadata().map_err(|error| self.told(&error))?)?;
        Ok(file)
    }

    fn regular(&self, metadata: &Metadata) -> Result<(), GuestError> {
        if metadata.is_file() {
            return Ok(());
        }
        let what = if metadata.is_dir() { "a directory" } else { "neither a file nor a directory" };
        Err(guest_error(GuestFault::Invalid, format!("`{}` is {what}, not a regular file", self.shown)))
    }

    /// Replaces the file in one step.
    fn replace(&self, mode: Option<u32>, fill: impl FnOnce(&mut File) -> io::Result<()>) -> Result<(), GuestError> {
        // A link that stays beneath the root is written through, as an editor would.
        let path = self.root.canonicalize(&self.path).unwrap_or_else(|_| self.path.clone());
        let old = self.root.metadata(&path).ok();
        if let Some(old) = &old {
            self.regular(old)?;
        }
        let mode = mode.or(old.map(|old| old.permissions().mode())).map(|mode| mode & MODE);
        let temporary = beside(&path).map_err(|error| self.told(&error))?;
        let write = || {
            let mut options = OpenOptions::new();
            options.write(true).create_new(true);
            let mut file = self.root.open_with(&temporary, &options)?;
            fill(&mut file)?;
            if let Some(mode) = mode {
                file.set_permissions(cap_std::fs::Permissions::from_mode(mode))?;
            }
            self.root.rename(&temporary, &self.root, &path)
        };
        write().map_err(|error| {
            let _ = self.root.remove_file(&temporary);
            self.told(&error)
        })
    }
}

/// A name in the same directory that nobody else uses.
fn beside(path: &Path) -> io::Result<PathBuf> {
    let mut random = [0; 8];
    rustix::rand::getrandom(&mut random, rustix::rand::GetRandomFlags::empty())?;
    Ok(path.with_file_name(format!(".pintle-{:016x}", u64::from_ne_bytes(random))))
}

/// A path below `/` without links, relative to it. What does not exist yet is named beneath its resolved directory.
fn resolved(beneath: &Path, last: LastLink) -> io::Result<PathBuf> {
    let absolute = Path::new("/").join(beneath);
    let found = match (last, absolute.parent(), absolute.file_name()) {
        (LastLink::Follow, parent, name) => match (absolute.canonicalize(), parent, name) {
            (Err(error), Some(parent), Some(name)) if error.kind() == io::ErrorKind::NotFound => {
                parent.canonicalize()?.join(name)
            }
            (found, ..) => found?,
        },
        (LastLink::Keep, Some(parent), Some(name)) => parent.canonicalize()?.join(name),
        (LastLink::Keep, ..) => absolute.canonicalize()?,
    };
    let relative = found.strip_prefix("/").unwrap_or(&found).to_path_buf();
    Ok(if relative.as_os_str().is_empty() { PathBuf::from(".") } else { relative })
}

fn told(path: &str, error: &io::Error) -> GuestError {
    use io::ErrorKind as Kind;
    let fault = match error.kind() {
        Kind::NotFound => GuestFault::NotFound,
        Kind::PermissionDenied | Kind::ReadOnlyFilesystem => GuestFault::Denied,
        Kind::AlreadyExists | Kind::DirectoryNotEmpty => GuestFault::Conflict,
        Kind::StorageFull | Kind::QuotaExceeded | Kind::FileTooLarge => GuestFault::Exhausted,
        Kind::NotADirectory | Kind::IsADirectory | Kind::InvalidFilename | Kind::InvalidInput => GuestFault::Invalid,
        Kind::ResourceBusy => GuestFault::Busy,
        _ => GuestFault::Failed,
    };
    GuestError { code: Some(format!("{:?}", error.kind())), ..guest_error(fault, format!("`{path}`: {error}")) }
}

fn kind(file_type: FileType) -> wit::Kind {
    if file_type.is_file() {
        wit::Kind::File
    } else if file_type.is_dir() {
        wit::Kind::Directory
    } else if file_type.is_symlink() {
        wit::Kind::Link
    } else {
        wit::Kind::Other
    }
}

impl CallState {
    fn place(&self, path: &str, write: bool, last: LastLink) -> Result<Place, GuestError> {
        let line = || self.grant_line(&format!("--files {path}"));
        let Some(grant) = &self.grants.files else {
            return Err(self.deny("files", &line()));
        };
        if path.contains('\0') {
            return Err(guest_error(GuestFault::Invalid, "a path must not hold a NUL byte"));
        }
        if write {
            self.refuse_dry_run(&format!("a change of `{path}`"))?;
        }
        match grant.find(path) {
            None => Err(self.deny("files", &line())),
            Some((root, _)) if write && root.read_only => Err(self.deny("files", &format!("{} --write", line()))),
            Some((root, beneath)) => Place::open(root, beneath, path, last),
        }
    }

    fn list(&self, path: &str, page: &PageRequest) -> Result<wit::EntryPage, GuestError> {
        let place = self.place(path, false, LastLink::Follow)?;
        let told = |error: io::Error| place.told(&error);
        let mut entries = Vec::new();
        for entry in place.root.read_dir(&place.path).map_err(told)? {
            let entry = entry.map_err(told)?;
            let name = entry.file_name().to_string_lossy().into_owned();
            if page.cursor.as_ref().is_none_or(|cursor| name > *cursor) {
                entries.push((name, entry));
            }
            if entries.len() > ENTRIES {
                let message = format!("`{path}` holds more than {ENTRIES} entries");
                return Err(guest_error(GuestFault::Exhausted, message));
            }
        }
        entries.sort_by(|(a, _), (b, _)| a.cmp(b));
        let limit = page.limit.clamp(1, PAGE) as usize;
        let more = entries.len() > limit;
        let entries: Vec<wit::Entry> = entries
            .into_iter()
            .take(limit)
            .filter_map(|(name, entry)| {
                // Gone meanwhile: not part of the answer.
                let metadata = entry.metadata().ok()?;
                Some(wit::Entry { name, kind: kind(metadata.file_type()), size: metadata.len() })
            })
            .collect();
        let next = entries.last().filter(|_| more).map(|entry| entry.name.clone());
        Ok(wit::EntryPage { entries, next })
    }

    fn load_file(&mut self, path: &str) -> Result<String, GuestError> {
        let place = self.place(path, false, LastLink::Follow)?;
        let mut file = place.file(OpenOptions::new().read(true))?;
        let blob = self.blobs.create(&self.services.blobs)?;
        let mut buffer = vec![0; 256 * 1024];
        loop {
            let n = file.read(&mut buffer).map_err(|error| place.told(&error))?;
            match buffer.get(..n) {
                None | Some([]) => return Ok(blob),
                Some(bytes) => self.blobs.append(&blob, bytes)?,
            };
        }
    }
}

impl wit::Host for CallState {
    fn read(&mut self, path: String, offset: u64, limit: u32) -> Answer<Vec<u8>> {
        let limit = (limit as usize).min(CHUNK_BYTES);
        Ok(self.meter.free(|| {
            let place = self.place(&path, false, LastLink::Follow)?;
            let file = place.file(OpenOptions::new().read(true))?;
            read_slice(&mut file.into_std(), offset, limit).map_err(|error| place.told(&error))
        }))
    }

    fn write(&mut self, path: String, bytes: Vec<u8>, mode: Option<u32>) -> Answer<()> {
        Ok(self.meter.free(|| {
            let place = self.place(&path, true, LastLink::Follow)?;
            place.replace(mode, |file| file.write_all(&bytes))
        }))
    }

    fn append(&mut self, path: String, bytes: Vec<u8>) -> Answer<()> {
        Ok(self.meter.free(|| {
            let place = self.place(&path, true, LastLink::Follow)?;
            let mut file = place.file(OpenOptions::new().append(true).create(true))?;
            file.write_all(&bytes).map_err(|error| place.told(&error))
        }))
    }

    fn load(&mut self, path: String) -> Answer<String> {
        let meter = std::sync::Arc::clone(&self.meter);
        Ok(meter.free(|| self.load_file(&path)))
    }

    fn store(&mut self, path: String, blob: String, mode: Option<u32>) -> Answer<()> {
        Ok(self.meter.free(|| {
            let place = self.place(&path, true, LastLink::Follow)?;
            let mut source = self.blobs.open(&self.services.blobs, &blob)?;
            place.replace(mode, |file| {
                io::Seek::rewind(&mut source)?;
                io::copy(&mut source, file).map(|_| ())
            })
        }))
    }

    fn inspect(&mut self, path: String) -> Answer<wit::Metadata> {
        Ok(self.meter.free(|| {
            let place = self.place(&path, false, LastLink::Keep)?;
            let metadata = place.root.symlink_metadata(&place.path).map_err(|error| place.told(&error))?;
            let modified = metadata.modified().ok().map(cap_std::time::SystemTime::into_std);
            let since = modified.and_then(|at| at.duration_since(UNIX_EPOCH).ok()).unwrap_or_default();
            Ok(wit::Metadata {
                kind: kind(metadata.file_type()),
                size: metadata.len(),
                modified_ms: u64::try_from(since.as_millis()).unwrap_or(u64::MAX),
                mode: metadata.mode() & 0o7777,
            })
        }))
    }

    fn list_entries(&mut self, path: String, page: PageRequest) -> Answer<wit::EntryPage> {
        Ok(self.meter.free(|| self.list(&path, &page)))
    }

    fn make_dir(&mut self, path: String) -> Answer<()> {
        Ok(self.meter.free(|| {
            let place = self.place(&path, true, LastLink::Follow)?;
            place.root.create_dir(&place.path).map_err(|error| place.told(&error))
        }))
    }

    fn remove(&mut self, path: String, recursive: bool) -> Answer<()> {
        Ok(self.meter.free(|| {
            let place = self.place(&path, true, LastLink::Keep)?;
            if place.path == Path::new(".") {
                return Err(denied(format!("`{path}` is a root; it is not removed")));
            }
            let metadata = place.root.symlink_metadata(&place.path).map_err(|error| place.told(&error))?;
            let removed = match (metadata.is_dir(), recursive) {
                (true, true) => place.root.remove_dir_all(&place.path),
                (true, false) => place.root.remove_dir(&place.path),
                (false, _) => place.root.remove_file(&place.path),
            };
            removed.map_err(|error| place.told(&error))
        }))
    }

    fn rename(&mut self, path: String, to: String) -> Answer<()> {
        Ok(self.meter.free(|| {
            let from = self.place(&path, true, LastLink::Keep)?;
            let onto = self.place(&to, true, LastLink::Keep)?;
            from.root.rename(&from.path, &onto.root, &onto.path).map_err(|error| from.told(&error))
        }))
    }
}
