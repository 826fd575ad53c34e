//! Doing nothing twice: a digest of all that goes into a piece of work is kept beside its result.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use sha2::{Digest, Sha256};

use crate::workspace;

/// A digest in the making.
#[derive(Default)]
pub(crate) struct Inputs {
    hasher: Sha256,
}

impl Inputs {
    /// All files below a directory, by their paths in it and their bytes; or one file.
    pub(crate) fn tree(mut self, root: &Path, path: &str) -> Result<Self> {
        let full = root.join(path);
        let files = if full.is_dir() { workspace::files_below(&full)? } else { vec![full] };
        for file in files {
            let bytes = fs::read(&file).with_context(|| format!("{} cannot be read", file.display()))?;
            let name = file.strip_prefix(root).unwrap_or(&file).to_string_lossy().into_owned();
            self = self.text(&name).bytes(&bytes);
        }
        Ok(self)
    }

    /// A piece of text.
    pub(crate) fn text(self, text: &str) -> Self {
        self.bytes(text.as_bytes())
    }

    fn bytes(mut self, bytes: &[u8]) -> Self {
        // The length keeps neighbours apart: `ab` + `c` is not `a` + `bc`.
        self.hasher.update((bytes.len() as u64).to_le_bytes());
        self.hasher.update(bytes);
        self
    }

    /// The digest as lower-case hex.
    pub(crate) fn digest(self) -> String {
        self.hasher.finalize().iter().fold(String::with_capacity(64), |mut hex, byte| {
            // Writing to a String cannot fail.
            let _ = write!(hex, "{byte:02x}");
            hex
        })
    }
}

/// Work that was done for certain inputs and left certain files.
pub(crate) struct Stamp {
    path: PathBuf,
    digest: String,
}

impl Stamp {
    /// The stamp `name` of a directory.
    pub(crate) fn new(directory: &Path, name: &str, inputs: Inputs) -> Self {
        Self { path: directory.join(format!(".{name}.stamp")), digest: inputs.digest() }
    }

    /// The work was done for the same inputs, and what it left is there.
    pub(crate) fn holds(&self, outputs: &[PathBuf]) -> bool {
        fs::read_to_string(&self.path).is_ok_and(|there| there == self.digest)
            && outputs.iter().all(|path| path.is_file())
    }

    /// The work is done.
    pub(crate) fn set(&self) -> Result<()> {
        workspace::write_if_changed(&self.path, self.digest.as_bytes()).map(drop)
    }
}

#[cfg(test)]
#[expect(clippy::expect_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;

    fn inputs(root: &Path) -> Inputs {
        Inputs::default().tree(root, "src").expect("reads")
    }

    #[test]
    fn a_stamp_holds_until_an_input_changes_or_an_output_is_gone() {
        let directory = tempfile::tempdir().expect("a temporary directory");
        let root = directory.path();
        let source = root.join("src/a");
        let output = root.join("out");
        workspace::write_if_changed(&source, b"1").expect("writes");
        workspace::write_if_changed(&output, b"").expect("writes");
        let outputs = [output.clone()];

        assert!(!Stamp::new(root, "x", inputs(root)).holds(&outputs), "nothing was done yet");
        Stamp::new(root, "x", inputs(root)).set().expect("sets");
        assert!(Stamp::new(root, "x", inputs(root)).holds(&outputs));

        workspace::write_if_changed(&source, b"2").expect("writes");
        assert!(!Stamp::new(root, "x", inputs(root)).holds(&outputs), "an input changed");

        Stamp::new(root, "x", inputs(root)).set().expect("sets");
        fs::remove_file(output).expect("removes");
        assert!(!Stamp::new(root, "x", inputs(root)).holds(&outputs), "an output is gone");
    }

    #[test]
    fn moving_bytes_between_files_changes_the_digest() {
        let of = |parts: [&str; 2]| parts.iter().fold(Inputs::default(), |inputs, part| inputs.text(part)).digest();
        assert_ne!(of(["ab", "c"]), of(["a", "bc"]));
    }
}
