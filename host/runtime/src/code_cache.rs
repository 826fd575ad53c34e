//! Compiled code, kept between processes.
//!
//! The danger: compiled code is machine code, and whoever can write it into the cache runs as the host. The rule: an
//! entry is loaded only if its MAC was made with this host's key over its name and its bytes; what fails that is
//! compiled again. The name holds the digest of the component and the hash of everything that shaped the code (wasmtime's
//! version, the configuration, the processor's features), so a stale entry is never even looked at.

use std::borrow::Cow;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io::{self, Write};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use pintle_core::ids::Digest;
use tokio::sync::Mutex;

mod deserialize;
mod mac;

pub(crate) use self::deserialize::Trusted;
use self::mac::{Key, MAC_BYTES};
use crate::compiler::{Compiler, Shape};
use crate::error::CodeError;

/// The cache below one directory.
pub(crate) struct CodeCache {
    dir: PathBuf,
    compiler: Compiler,
    key: OnceLock<Key>,
    /// One compilation at a time.
    gate: Mutex<()>,
}

/// Native code that this host compiled, itself or earlier.
pub(crate) struct Native {
    bytes: Vec<u8>,
    start: usize,
}

impl Native {
    /// To be loaded.
    pub(crate) fn trusted(&self) -> Trusted<'_> {
        Trusted::verified(self.bytes.get(self.start..).unwrap_or_default())
    }
}

impl CodeCache {
    /// Entries live in `dir`; it is made with the first.
    pub(crate) fn new(dir: PathBuf, compiler: Compiler) -> Self {
        Self { dir, compiler, key: OnceLock::new(), gate: Mutex::new(()) }
    }

    /// The code of a component: from the cache, or compiled and put there. A cache that cannot be written costs time,
    /// never a run.
    pub(crate) async fn native(
        &self,
        engine: &wasmtime::Engine,
        digest: &Digest,
        wasm: Cow<'_, [u8]>,
        shape: Shape,
    ) -> Result<Native, CodeError> {
        let name = entry_name(engine, digest);
        if let Some(native) = self.read(&name) {
            return Ok(native);
        }
        let _one = self.gate.lock().await;
        if let Some(native) = self.read(&name) {
            return Ok(native);
        }
        tracing::debug!(digest = digest.short(), "compiling");
        let bytes = self.compiler.compile(wasm.into_owned(), shape).await?;
        if let Err(error) = self.write(&name, &bytes) {
            tracing::warn!(dir = %self.dir.display(), %error, "compiled code was not kept; the next start compiles again");
        }
        Ok(Native { bytes, start: 0 })
    }

    /// Forgets an entry that did not load.
    pub(crate) fn forget(&self, engine: &wasmtime::Engine, digest: &Digest) {
        let _ = std::fs::remove_file(self.dir.join(entry_name(engine, digest)));
    }

    fn key(&self) -> io::Result<&Key> {
        if let Some(key) = self.key.get() {
            return Ok(key);
        }
        let key = Key::of(&self.dir)?;
        Ok(self.key.get_or_init(|| key))
    }

    fn read(&self, name: &str) -> Option<Native> {
        let bytes = std::fs::read(self.dir.join(name)).ok()?;
        let (mac, native) = bytes.split_at_checked(MAC_BYTES)?;
        let key = self.key().ok()?;
        if !key.verifies(name, native, mac) {
            tracing::warn!(
                entry = name,
                "an entry of the code cache was not written by this host; it is compiled again"
            );
            return None;
        }
        Some(Native { bytes, start: MAC_BYTES })
    }

    fn write(&self, name: &str, native: &[u8]) -> io::Result<()> {
        make_private(&self.dir)?;
        let mac = self.key()?.mac(name, native);
        let mut file = tempfile::Builder::new().prefix(".compiled-").tempfile_in(&self.dir)?;
        file.write_all(&mac)?;
        file.write_all(native)?;
        file.persist(self.dir.join(name)).map_err(|error| error.error)?;
        Ok(())
    }
}

fn make_private(dir: &Path) -> io::Result<()> {
    std::fs::DirBuilder::new().recursive(true).mode(0o700).create(dir)
}

/// `<digest>-<hash of all that shapes the code>.cwasm`. wasmtime's hash covers its version, the configuration and the
/// processor's features that the code relies on.
fn entry_name(engine: &wasmtime::Engine, digest: &Digest) -> String {
    let mut hasher = DefaultHasher::new();
    engine.precompile_compatibility_hash().hash(&mut hasher);
    std::env::consts::ARCH.hash(&mut hasher);
    format!("{digest}-{:016x}.cwasm", hasher.finish())
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]
    use super::*;
    use crate::blobs::digest_of;
    use crate::engine::{Allocator, Engine};
    use std::os::unix::fs::PermissionsExt;

    const EMPTY: &str = "(component)";

    fn cache(dir: &Path) -> CodeCache {
        CodeCache::new(dir.join("code"), Compiler::InProcess)
    }

    #[tokio::test]
    async fn an_entry_is_kept_privately_and_read_again() {
        let dir = tempfile::tempdir().unwrap();
        let engine = Engine::new(1).of(Allocator::OnDemand).unwrap();
        let wasm = wat::parse_str(EMPTY).unwrap();
        let digest = digest_of(&wasm);
        let native = cache(dir.path()).native(&engine, &digest, (&wasm).into(), Shape::Component).await.unwrap();
        native.trusted().component(&engine).unwrap();
        let again = cache(dir.path());
        // Bytes that cannot be compiled: only the cache can answer.
        let kept = again.native(&engine, &digest, b"nonsense"[..].into(), Shape::Component).await.unwrap();
        kept.trusted().component(&engine).unwrap();
        for entry in std::fs::read_dir(dir.path().join("code")).unwrap() {
            let entry = entry.unwrap();
            assert_eq!(entry.metadata().unwrap().permissions().mode() & 0o077, 0, "{:?}", entry.file_name());
        }
    }

    #[tokio::test]
    async fn what_another_wrote_is_compiled_again() {
        let dir = tempfile::tempdir().unwrap();
        let engine = Engine::new(1).of(Allocator::OnDemand).unwrap();
        let wasm = wat::parse_str(EMPTY).unwrap();
        let digest = digest_of(&wasm);
        cache(dir.path()).native(&engine, &digest, (&wasm).into(), Shape::Component).await.unwrap();
        let path = dir.path().join("code").join(entry_name(&engine, &digest));
        let good = std::fs::read(&path).unwrap();
        let mut flipped = good.clone();
        *flipped.last_mut().unwrap() ^= 1;
        let foreign = [Key::of(tempfile::tempdir().unwrap().path()).unwrap().mac("other", b"x").to_vec(), good.clone()];
        for bad in [flipped, foreign.concat(), Vec::new(), vec![0; 16]] {
            std::fs::write(&path, bad).unwrap();
            let fresh = cache(dir.path());
            let refused = fresh.native(&engine, &digest, b"nonsense"[..].into(), Shape::Component).await;
            assert!(matches!(refused, Err(CodeError::Refused(_))), "a foreign entry was loaded");
            fresh.native(&engine, &digest, (&wasm).into(), Shape::Component).await.unwrap();
            assert_eq!(std::fs::read(&path).unwrap().len(), good.len());
        }
    }

    #[test]
    fn one_key_for_a_directory_however_many_ask() {
        let dir = tempfile::tempdir().unwrap();
        let macs: Vec<[u8; MAC_BYTES]> = std::thread::scope(|scope| {
            let ask = || Key::of(dir.path()).unwrap().mac("n", b"b");
            let asking: Vec<_> = (0..8).map(|_| scope.spawn(ask)).collect();
            asking.into_iter().map(|thread| thread.join().unwrap()).collect()
        });
        assert!(macs.iter().all(|mac| *mac == macs[0]));
        let key = dir.path().join("key");
        std::fs::set_permissions(&key, std::fs::Permissions::from_mode(0o644)).unwrap();
        let said = Key::of(dir.path()).map(drop).unwrap_err().to_string();
        assert_eq!(said, format!("{} may be read by others: chmod 600, or remove it", key.display()));
    }
}
