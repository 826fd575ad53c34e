//! The key that says "this host wrote it": made once for a data directory, readable by its user alone.

use std::fs;
use std::io::{self, Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

/// Length of a MAC.
pub(super) const MAC_BYTES: usize = 32;
/// A whole block of SHA-256: HMAC takes it as it is.
const KEY_BYTES: usize = 64;
const KEY_FILE: &str = "key";

/// The key of one cache.
#[derive(Clone)]
pub(super) struct Key([u8; KEY_BYTES]);

impl Key {
    /// Reads the key below `dir`, or makes it. Of two processes that make it at once, one wins and both use that one.
    pub(super) fn of(dir: &Path) -> io::Result<Self> {
        let path = dir.join(KEY_FILE);
        match read(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => make(dir, &path),
            found => found,
        }
    }

    /// Over the name of an entry and its bytes.
    pub(super) fn mac(&self, name: &str, bytes: &[u8]) -> [u8; MAC_BYTES] {
        self.over(name, bytes).finalize().into_bytes().into()
    }

    /// Compares in constant time.
    pub(super) fn verifies(&self, name: &str, bytes: &[u8], mac: &[u8]) -> bool {
        self.over(name, bytes).verify_slice(mac).is_ok()
    }

    fn over(&self, name: &str, bytes: &[u8]) -> Hmac<Sha256> {
        let mut mac = Hmac::<Sha256>::new(&self.0.into());
        mac.update(&(name.len() as u64).to_le_bytes());
        mac.update(name.as_bytes());
        mac.update(bytes);
        mac
    }
}

fn read(path: &Path) -> io::Result<Key> {
    let mut file = fs::File::open(path)?;
    let metadata = file.metadata()?;
    if metadata.permissions().mode() & 0o077 != 0 {
        let message = format!("{} may be read by others: chmod 600, or remove it", path.display());
        return Err(io::Error::new(io::ErrorKind::PermissionDenied, message));
    }
    let mut key = [0; KEY_BYTES];
    file.read_exact(&mut key)?;
    Ok(Key(key))
}

fn make(dir: &Path, path: &Path) -> io::Result<Key> {
    let mut key = [0; KEY_BYTES];
    let mut filled = 0;
    while let Some(rest) = key.get_mut(filled..).filter(|rest| !rest.is_empty()) {
        filled += rustix::rand::getrandom(rest, rustix::rand::GetRandomFlags::empty())?;
    }
    // Only its owner may read a temporary file.
    let mut file = tempfile::Builder::new().prefix(".key-").tempfile_in(dir)?;
    file.write_all(&key)?;
    // A rename that replaced the file would take away the key that another process already uses.
    match file.persist_noclobber(path).map_err(|error| error.error) {
        Ok(_) => Ok(Key(key)),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => read(path),
        Err(error) => Err(error),
    }
}
