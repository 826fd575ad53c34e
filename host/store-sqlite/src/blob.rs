//! Payloads by digest: `blobs/ab/cdef...`, written beside and renamed, so that a name always has all its bytes.

use std::fs::{File, OpenOptions};
use std::io::Write;
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};

use pintle_core::ids::Digest;
use pintle_store::{Blobs, BoxFuture, Error};
use sha2::{Digest as _, Sha256};

use crate::fault;
use crate::layout::Layout;
use crate::options::Mode;
use crate::store::Sqlite;

/// Bytes that one read returns at most.
pub(crate) const MOST: usize = 1 << 20;

impl Blobs for Sqlite {
    fn put_blob(&self, bytes: Vec<u8>) -> BoxFuture<'_, Result<Digest, Error>> {
        let (layout, mode) = (self.layout().clone(), self.inner().mode);
        Box::pin(self.inner().desk.block(move || put(&layout, mode, &bytes)))
    }

    fn read_blob<'a>(
        &'a self,
        digest: &'a Digest,
        offset: u64,
        limit: usize,
    ) -> BoxFuture<'a, Result<Option<Vec<u8>>, Error>> {
        let path = self.layout().blob(digest);
        Box::pin(self.inner().desk.block(move || read(&path, offset, limit)))
    }

    fn blob_size<'a>(&'a self, digest: &'a Digest) -> BoxFuture<'a, Result<Option<u64>, Error>> {
        let path = self.layout().blob(digest);
        Box::pin(self.inner().desk.block(move || size(&path)))
    }
}

fn put(layout: &Layout, mode: Mode, bytes: &[u8]) -> Result<Digest, Error> {
    static NAMES: AtomicU64 = AtomicU64::new(0);
    let digest = Digest::from_bytes(Sha256::digest(bytes).into());
    let path = layout.blob(&digest);
    if path.exists() {
        return Ok(digest);
    }
    let dir = path.parent().unwrap_or(&path);
    layout.make(dir)?;
    let name = format!(".{}-{}", std::process::id(), NAMES.fetch_add(1, Ordering::Relaxed));
    let beside = layout.blobs().join(name);
    let done = write(&beside, mode, bytes).and_then(|()| std::fs::rename(&beside, &path)).and_then(|()| match mode {
        Mode::Power => File::open(dir)?.sync_all(),
        Mode::Process => Ok(()),
    });
    done.map_err(|error| {
        // What is half there is nobody's.
        let _ = std::fs::remove_file(&beside);
        fault::io(error, "write", &path)
    })?;
    Ok(digest)
}

fn write(path: &Path, mode: Mode, bytes: &[u8]) -> std::io::Result<()> {
    let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(path)?;
    file.write_all(bytes)?;
    match mode {
        Mode::Power => file.sync_all(),
        Mode::Process => Ok(()),
    }
}

/// A part of a file; none if there is no such file.
pub(crate) fn read(path: &Path, offset: u64, limit: usize) -> Result<Option<Vec<u8>>, Error> {
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(fault::io(error, "read", path)),
    };
    let read = || {
        let left = file.metadata()?.len().saturating_sub(offset);
        let mut bytes = vec![0; limit.min(MOST).min(usize::try_from(left).unwrap_or(MOST))];
        file.read_exact_at(&mut bytes, offset).map(|()| bytes)
    };
    read().map(Some).map_err(|e| fault::io(e, "read", path))
}

/// How long a file is; none if there is no such file.
pub(crate) fn size(path: &Path) -> Result<Option<u64>, Error> {
    match std::fs::metadata(path) {
        Ok(found) => Ok(Some(found.len())),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(fault::io(error, "read", path)),
    }
}
