//! `pintle:host/blobs`.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};

use crate::bindings::GuestError;
use crate::bindings::host::blobs as wit;
use crate::blobs::hash;
use crate::call::blobs::failed;
use crate::call::state::CallState;
use crate::limits::CHUNK_BYTES;

type Answer<T> = wasmtime::Result<Result<T, GuestError>>;

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
