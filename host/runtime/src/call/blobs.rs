//! The blobs of one call.

use std::collections::HashMap;
use std::fs::File;
use std::io::{self, Seek, SeekFrom, Write};

use pintle_core::ids::Digest;
use tempfile::NamedTempFile;

use crate::bindings::{GuestError, GuestFault, guest_error};
use crate::blobs::BlobStore;
use crate::call::budget::Budget;
use crate::limits::{BLOB_BYTES, BLOBS};

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

/// What the system says of a blob, as the guest is told.
pub(crate) fn failed(name: &str, error: &io::Error) -> GuestError {
    match error.kind() {
        io::ErrorKind::NotFound => guest_error(GuestFault::NotFound, format!("there is no blob `{name}`")),
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
            guest_error(GuestFault::Exhausted, format!("blob `{name}`: {error}"))
        }
        _ => guest_error(GuestFault::Failed, format!("blob `{name}`: {error}")),
    }
}
