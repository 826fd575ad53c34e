//! What a submission remembers and a later process cannot know: where its DAG file stood, what its dotenv files said.
//! Dotenv values are often secrets, so the whole is sealed with the data directory's key (XChaCha20-Poly1305, the run's
//! id as associated data: a context cannot be moved to another run).

use std::path::PathBuf;
use std::sync::Arc;

use chacha20poly1305::aead::{Aead, KeyInit, Payload};
use chacha20poly1305::{XChaCha20Poly1305, XNonce};
use pintle_core::ids::RunId;
use pintle_core::plan::{Json, StepIndex, Template};
use pintle_plane::worker::Lineage;
use pintle_spec::eval::{ItemFacts, Outer};
use pintle_spec::fan::FanItem;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

const NONCE: usize = 24;

/// Remembered with a run.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Context {
    /// The DAG file, if there was one.
    pub source: Option<PathBuf>,
    /// Directory of the DAG file: relative paths in it start there.
    pub dag_dir: PathBuf,
    /// What the dotenv files said, in order.
    pub dotenv: Vec<(String, Template)>,
    /// Where the DAGs come from that the plan brings along.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub dags: Vec<SubDag>,
    /// Who wanted the run, or the one that it belongs to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub actor: Option<String>,
    /// Of a child: what it is a child of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub child: Option<ChildContext>,
}

/// A DAG that a plan brings along, as it was when the run was submitted.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SubDag {
    /// As steps name it.
    pub name: String,
    /// Its file.
    pub source: Option<PathBuf>,
    /// Relative paths in it start there.
    pub dag_dir: PathBuf,
    /// What its dotenv files said, in order.
    pub dotenv: Vec<(String, Template)>,
}

/// What a child remembers of where it comes from.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ChildContext {
    /// The run that a person started.
    pub root_id: RunId,
    /// Its DAG.
    pub root_name: String,
    /// The step of the root that this run belongs to.
    pub root_step: StepIndex,
    /// Steps and keys from the root to here, for people.
    pub path: String,
    /// Runs above this one.
    pub depth: u32,
    /// Of a body: the run whose steps it continues; its directory and its id are the body's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub within: Option<RunId>,
    /// Of a body: its item, and the item's place.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub body: Option<(FanItem, u32)>,
}

impl ChildContext {
    pub(crate) fn lineage(&self) -> Lineage {
        Lineage { root: self.root_id.clone(), step: self.root_step, path: self.path.clone() }
    }
}

/// What the texts of a body see around it. Not remembered: it is found again through the parent.
#[derive(Debug, Clone)]
pub(crate) struct Frame {
    pub(crate) outer: Arc<Outer>,
    pub(crate) facts: Option<ItemFacts>,
}

impl Context {
    /// Runs above this one.
    pub(crate) fn depth(&self) -> u32 {
        self.child.as_ref().map_or(0, |child| child.depth)
    }

    /// Of a body: its item.
    pub(crate) fn body(&self) -> Option<&(FanItem, u32)> {
        self.child.as_ref().and_then(|child| child.body.as_ref())
    }
}

/// A nonce for a context that is sealed where nobody hands in chance: a hash, under the key, of all that is sealed. The
/// same nonce means the same text.
pub(crate) fn nonce_of(context: &Context, run: &RunId, key: &[u8; 32]) -> [u8; NONCE] {
    let plain = serde_json::to_vec(context).unwrap_or_default();
    let hash =
        Sha256::new().chain_update(key).chain_update(run.as_str()).chain_update([0]).chain_update(plain).finalize();
    let mut nonce = [0; NONCE];
    nonce.iter_mut().zip(hash).for_each(|(to, from)| *to = from);
    nonce
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
            ..Context::default()
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
