//! What killed processes left in the data directory, cleared away by the next one that comes to run something.
//!
//! The rule: nothing of a living process is touched. A claim belongs to a run, and a run to a process whose node's lock
//! says whether it lives; only then is it asked who wrote the claim's file. (A spare file is no claim's, and a worker that
//! misses one makes another: of it only its writer is asked.) What cannot be cleared away is logged and
//! left to the next start: no run fails for it.

use pintle_core::ids::RunId;
use pintle_store::{Nodes as _, Runs as _};

use crate::join::House;

/// So many files of each kind are looked at: a start does not pay for a long history of kills.
const MOST: usize = 64;

/// Clears away: files of dead nodes, unfinished blobs, and of abandoned claims the files and whatever still runs.
pub(crate) async fn clear(house: &House) {
    match house.store.clear_leftovers(MOST) {
        Ok(0) => {}
        Ok(removed) => tracing::debug!(removed, "files of processes that are gone were removed"),
        Err(error) => tracing::warn!(%error, "files of processes that are gone could not be removed"),
    }
    if let Err(error) = clear_claims(house).await {
        tracing::warn!(error = %crate::failure::sentence(&error), "old claims could not be looked for");
    }
}

async fn clear_claims(house: &House) -> anyhow::Result<()> {
    let root = house.layout().root().to_path_buf();
    let mut dead = Vec::new();
    for claim in pintle_worker::abandoned(&root, MOST)? {
        if !has_living_home(house, &claim).await? {
            dead.push(claim);
        }
    }
    if dead.is_empty() {
        return Ok(());
    }
    // One that will not go keeps none of the others from going.
    let recover = move || {
        for claim in dead {
            match pintle_worker::recover(&root, &claim) {
                Ok(recovered) if recovered.killed == 0 => {}
                Ok(recovered) => {
                    tracing::warn!(claim, killed = recovered.killed, "processes of an old claim were killed");
                }
                Err(error) => tracing::warn!(claim, %error, "what an old claim left could not be cleared away"),
            }
        }
    };
    Ok(tokio::task::spawn_blocking(recover).await?)
}

async fn has_living_home(house: &House, claim: &str) -> anyhow::Result<bool> {
    let Some(run) = run_of(claim) else { return Ok(false) };
    let Some(home) = house.store.row(&run).await?.and_then(|row| row.home) else { return Ok(false) };
    Ok(house.store.is_alive(&home).await?)
}

/// `<run>-<step>-<fence>`.
pub(crate) fn run_of(claim: &str) -> Option<RunId> {
    let number = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    let (rest, fence) = claim.rsplit_once('-')?;
    let (run, step) = rest.rsplit_once('-')?;
    (number(step) && number(fence)).then(|| RunId::new(run).ok())?
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn claims_are_known_by_their_whole_name() {
        for (name, run) in [
            ("nightly-1-0-1", Some("nightly-1")),
            ("nightly-1-12-345", Some("nightly-1")),
            ("nightly-1-2-0-1", Some("nightly-1-2")),
            ("nightly-1-0-1.out", None),
            ("nightly-10-1", Some("nightly")),
            ("nightly-1", None),
            ("-0-1", None),
        ] {
            assert_eq!(run_of(name).as_ref().map(RunId::as_str), run, "{name}");
        }
    }
}
