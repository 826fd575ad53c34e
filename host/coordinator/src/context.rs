//! What a submission remembers and a later process cannot know: where its DAG file stood, what its dotenv files said.
//! Dotenv values are often secrets, so the whole is sealed with the data directory's key (XChaCha20-Poly1305, the run's
//! id as associated data: a context cannot be moved to another run).

use std::path::PathBuf;

use chacha20poly1305::aead::{Aead, KeyInit, Payload};
use chacha20poly1305::{XChaCha20Poly1305, XNonce};
use pintle_core::ids::RunId;
use pintle_core::plan::{Json, Template};
use serde::{Deserialize, Serialize};

const NONCE: usize = 24;

/// Remembered with a run.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Context {
    /// The DAG file, if there was one.
    pub source: Option<PathBuf>,
    /// Directory of the DAG file: relative paths in it start there.
    pub dag_dir: PathBuf,
    /// What the dotenv files said, in order.
    pub dotenv: Vec<(String, Template)>,
}

/// Why a context cannot be opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Unreadable {
    /// Another key, another run, or damaged.
    #[error(
        "what the run remembers of its submission cannot be opened: the data directory's `key` file was changed, or the \
         database was; put the old one back, or start the DAG as a new run"
    )]
    Sealed,
    /// Not of this version.
    #[error("what the run remembers of its submission was written by another version of pintle; use that one")]
    Format,
}

/// Seals a context for one run. `nonce` must be random: 24 bytes are enough never to draw the same twice.
pub fn seal(context: &Context, run: &RunId, key: &[u8; 32], nonce: [u8; NONCE]) -> Result<Json, Unreadable> {
    let plain = serde_json::to_vec(context).map_err(|_| Unreadable::Format)?;
    let payload = Payload { msg: &plain, aad: run.as_str().as_bytes() };
    let sealed =
        XChaCha20Poly1305::new(key.into()).encrypt(&XNonce::from(nonce), payload).map_err(|_| Unreadable::Sealed)?;
    let mut text = String::with_capacity(2 * (NONCE + sealed.len()) + 2);
    text.push('"');
    for byte in nonce.iter().chain(&sealed) {
        text.push_str(&format!("{byte:02x}"));
    }
    text.push('"');
    Ok(Json(text))
}

/// Opens what [`seal`] sealed.
pub fn open(sealed: &Json, run: &RunId, key: &[u8; 32]) -> Result<Context, Unreadable> {
    let text: String = serde_json::from_str(&sealed.0).map_err(|_| Unreadable::Format)?;
    let bytes = unhex(&text).ok_or(Unreadable::Format)?;
    let (nonce, sealed) = bytes.split_first_chunk::<NONCE>().ok_or(Unreadable::Format)?;
    let payload = Payload { msg: sealed, aad: run.as_str().as_bytes() };
    let plain =
        XChaCha20Poly1305::new(key.into()).decrypt(&XNonce::from(*nonce), payload).map_err(|_| Unreadable::Sealed)?;
    serde_json::from_slice(&plain).map_err(|_| Unreadable::Format)
}

fn unhex(text: &str) -> Option<Vec<u8>> {
    let digits = text.as_bytes();
    if !digits.len().is_multiple_of(2) {
        return None;
    }
    let nibble = |d: u8| char::from(d).to_digit(16).and_then(|n| u8::try_from(n).ok());
    digits.chunks_exact(2).map(|pair| Some(nibble(*pair.first()?)? << 4 | nibble(*pair.last()?)?)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn context() -> Context {
        Context {
            source: Some("/dags/a.yaml".into()),
            dag_dir: "/dags".into(),
            dotenv: vec![("TOKEN".into(), Template("s3cret".into()))],
        }
    }

    #[test]
    fn opens_for_its_run_and_key_alone() -> Result<(), Box<dyn std::error::Error>> {
        let (run, key) = (RunId::new("r1")?, [7; 32]);
        let sealed = seal(&context(), &run, &key, [1; NONCE])?;
        assert!(!sealed.0.contains("s3cret"));
        assert_eq!(open(&sealed, &run, &key)?, context());
        assert_eq!(open(&sealed, &RunId::new("r2")?, &key), Err(Unreadable::Sealed));
        assert_eq!(open(&sealed, &run, &[8; 32]), Err(Unreadable::Sealed));
        assert_eq!(open(&Json("\"zz\"".into()), &run, &key), Err(Unreadable::Format));
        Ok(())
    }
}
