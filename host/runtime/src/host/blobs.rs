//! `pintle:host/blobs`, and the blobs of one call.

use std::collections::HashMap;
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom, Write};

use pintle_core::ids::Digest;
use tempfile::NamedTempFile;

use crate::bindings::host::blobs as wit;
use crate::bindings::{GuestError, GuestFault};
use crate::blobs::{BlobStore, hash};
use crate::call::state::{Budget, CallState, guest_error};
use crate::limits::{BLOB_BYTES, BLOBS, CHUNK_BYTES};

type Answer<T> = wasmtime::Result<Result<T, GuestError>>;

/// Blobs that the call has made; they go away with it unless they are sealed.
#[derive(Debug)]
pub(crate) struct CallBlobs {
    open: HashMap<String, NamedTempFile>,
    count: Budget,
    bytes: Budget,
}

impl Default for CallBlobs {
    fn default() -> Self {
        Self::new(BLOBS, BLOB_BYTES)
    }
}

impl CallBlobs {
    /// At most so many, and so many bytes in all of them together.
    pub(crate) fn new(count: u64, bytes: u64) -> Self {
        Self { open: HashMap::new(), count: Budget::new(count), bytes: Budget::new(bytes) }
    }

    /// A new, empty blob.
    pub(crate) fn create(&mut self, store: &BlobStore) -> Result<String, GuestError> {
        self.count.take(1).map_err(|limit| exhausted(&format!("{limit} blobs in one call")))?;
        let name = format!("blob-{}", self.open.len() + 1);
        let file = store.create().map_err(|error| failed(&name, &error))?;
        self.open.insert(name.clone(), file);
        Ok(name)
    }

    /// Adds bytes and answers the new size.
    pub(crate) fn append(&mut self, name: &str, bytes: &[u8]) -> Result<u64, GuestError> {
        let Some(file) = self.open.get_mut(name) else {
            return Err(guest_error(GuestFault::NotFound, format!("this call made no blob `{name}`")));
        };
        self.bytes.take(bytes.len() as u64).map_err(|limit| exhausted(&format!("{limit} blob bytes in one call")))?;
        let file = file.as_file_mut();
        let write = |file: &mut File| {
            let end = file.seek(SeekFrom::End(0))?;
            file.write_all(bytes)?;
            io::Result::Ok(end + bytes.len() as u64)
        };
        write(file).map_err(|error| failed(name, &error))
    }

    /// A blob for reading: one of this call, or a sealed one.
    pub(crate) fn open(&self, store: &BlobStore, name: &str) -> Result<File, GuestError> {
        let opened = match self.open.get(name) {
            Some(file) => file.as_file().try_clone(),
            None => match Digest::new(name) {
                Ok(digest) => store.open(&digest),
                Err(_) => Err(io::Error::from(io::ErrorKind::NotFound)),
            },
        };
        opened.map_err(|error| failed(name, &error))
    }

    /// Takes a blob out, to be sealed.
    pub(crate) fn take(&mut self, name: &str) -> Option<NamedTempFile> {
        self.open.remove(name)
    }
}

fn exhausted(what: &str) -> GuestError {
    guest_error(GuestFault::Exhausted, format!("limit of {what} reached"))
}

fn failed(name: &str, error: &io::Error) -> GuestError {
    match error.kind() {
        io::ErrorKind::NotFound => guest_error(GuestFault::NotFound, format!("there is no blob `{name}`")),
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
            guest_error(GuestFault::Exhausted, format!("blob `{name}`: {error}"))
        }
        _ => guest_error(GuestFault::Failed, format!("blob `{name}`: {error}")),
    }
}

/// At most `limit` bytes from `offset`.
pub(crate) fn read_slice(file: &mut File, offset: u64, limit: usize) -> io::Result<Vec<u8>> {
    file.seek(SeekFrom::Start(offset))?;
    let mut bytes = Vec::new();
    file.take(limit as u64).read_to_end(&mut bytes)?;
    Ok(bytes)
}

impl CallState {
    fn blob_grant(&self) -> Result<(), GuestError> {
        if self.grants.blobs.is_none() {
            return Err(self.deny("blobs", &self.grant_line("--blobs")));
        }
        Ok(())
    }

    fn blob(&self, name: &str) -> Result<File, GuestError> {
        self.blob_grant()?;
        self.blobs.open(&self.services.blobs, name)
    }
}

impl wit::Host for CallState {
    fn size(&mut self, blob: String) -> Answer<u64> {
        let size = || {
            let file = self.blob(&blob)?;
            file.metadata().map(|metadata| metadata.len()).map_err(|error| failed(&blob, &error))
        };
        Ok(size())
    }

    fn read(&mut self, blob: String, offset: u64, limit: u32) -> Answer<Vec<u8>> {
        let limit = (limit as usize).min(CHUNK_BYTES);
        Ok(self.meter.free(|| {
            let mut file = self.blob(&blob)?;
            read_slice(&mut file, offset, limit).map_err(|error| failed(&blob, &error))
        }))
    }

    fn create(&mut self) -> Answer<String> {
        if let Err(error) = self.blob_grant() {
            return Ok(Err(error));
        }
        Ok(self.blobs.create(&self.services.blobs))
    }

    fn append(&mut self, blob: String, bytes: Vec<u8>) -> Answer<u64> {
        if let Err(error) = self.blob_grant() {
            return Ok(Err(error));
        }
        let (meter, blobs) = (&self.meter, &mut self.blobs);
        Ok(meter.free(|| blobs.append(&blob, &bytes)))
    }

    fn sha256(&mut self, blob: String, offset: u64, length: u64) -> Answer<String> {
        Ok(self.meter.free(|| {
            let mut file = self.blob(&blob)?;
            let digest = hash(&mut file, offset, length).map_err(|error| failed(&blob, &error))?;
            Ok(digest.as_str().to_owned())
        }))
    }
}
