//! Bytes that are too large for a guest: files of the host, named by their digest once they are sealed.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use pintle_core::ids::Digest;
use sha2::{Digest as _, Sha256};
use tempfile::NamedTempFile;

/// Sealed blobs, below one directory. Made with the first blob.
#[derive(Debug)]
pub(crate) struct BlobStore {
    dir: PathBuf,
}

impl BlobStore {
    /// Below `dir`.
    pub(crate) fn new(dir: PathBuf) -> Self {
        Self { dir }
    }

    /// A new file that goes away with the call, unless it is sealed.
    pub(crate) fn create(&self) -> io::Result<NamedTempFile> {
        std::fs::create_dir_all(&self.dir)?;
        tempfile::Builder::new().prefix(".open-").tempfile_in(&self.dir)
    }

    /// A sealed blob.
    pub(crate) fn open(&self, digest: &Digest) -> io::Result<File> {
        File::open(self.path(digest))
    }

    /// Gives a file its digest as name.
    pub(crate) fn seal(&self, mut file: NamedTempFile) -> io::Result<Digest> {
        let size = file.as_file().metadata()?.len();
        let digest = hash(file.as_file_mut(), 0, size)?;
        file.as_file_mut().flush()?;
        file.persist(self.path(&digest)).map_err(|error| error.error)?;
        Ok(digest)
    }

    /// Where a blob is kept.
    pub(crate) fn path(&self, digest: &Digest) -> PathBuf {
        self.dir.join(Path::new(digest.as_str()))
    }
}

/// SHA-256 of a slice.
pub(crate) fn hash(file: &mut File, offset: u64, length: u64) -> io::Result<Digest> {
    file.seek(SeekFrom::Start(offset))?;
    let mut left = file.take(length);
    let mut hasher = Sha256::new();
    let mut buffer = vec![0; 64 * 1024];
    loop {
        let n = left.read(&mut buffer)?;
        match buffer.get(..n) {
            None | Some([]) => return Ok(Digest::from_bytes(hasher.finalize().into())),
            Some(bytes) => hasher.update(bytes),
        }
    }
}

/// SHA-256 of bytes.
#[must_use]
pub(crate) fn digest_of(bytes: &[u8]) -> Digest {
    Digest::from_bytes(Sha256::digest(bytes).into())
}
