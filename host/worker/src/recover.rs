//! Clearing away what a lost claim left running, before its step is run again at home (I-5).

use std::collections::BTreeSet;
use std::path::Path;
use std::{fs, io};

use crate::claims::{self, Record, Writer};
use crate::error::Error;
use crate::kin::{Quarry, Stat};
use crate::limits;

/// What was found of an old claim.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Recovered {
    /// Its file was still there: its worker did not see its programs to their end.
    pub unclean: bool,
    /// Processes that had to be killed.
    pub killed: usize,
}

/// Kills what `claim` left running below this data directory, waits until it is gone, and removes the claim's files.
///
/// Blocks, a few milliseconds as a rule and some seconds at most. May be repeated, also while the reaper does the
/// same; after an error nothing of the claim's record was removed, and the step must not be run again.
pub fn recover(data_dir: &Path, claim: &str) -> Result<Recovered, Error> {
    if !claims::is_claim(claim) {
        return Err(Error::BadClaim(claim.to_owned()));
    }
    let dir = claims::directory(data_dir);
    let dir = match dir.canonicalize() {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Recovered::default()),
        answer => answer.map_err(|source| Error::ClaimFile { path: dir, source })?,
    };
    let path = dir.join(claim);
    let failed = |source| Error::ClaimFile { path: path.clone(), source };
    let Some(record) = Record::read(&path).map_err(failed)? else {
        forget(&dir, claim).map_err(failed)?;
        return Ok(Recovered::default());
    };
    let killed = if record.of_this_boot().map_err(Error::Proc)? {
        let quarry = Quarry { groups: record.groups, claim_files: vec![path.clone()] };
        let hunt = quarry.exterminate(limits::EXTERMINATE_WITHIN).map_err(Error::Proc)?;
        if !hunt.left.is_empty() {
            return Err(Error::Unkillable { claim: claim.to_owned(), left: hunt.left.len(), pids: hunt.left });
        }
        hunt.killed
    } else {
        0
    };
    forget(&dir, claim).map_err(failed)?;
    tracing::info!(claim, killed, "cleared away what an old claim had left");
    Ok(Recovered { unclean: true, killed })
}

/// Claims that left files below this data directory and whose worker, as far as can be seen from here, is gone; at most
/// `most`, by name. A worker in another container on the same directory is not seen: ask the store whether the process
/// that the run belongs to lives, before [`recover`] is called. Files that such workers had set aside are no claim's: as many
/// of them are removed on the way; a worker that misses one makes another.
pub fn abandoned(data_dir: &Path, most: usize) -> Result<Vec<String>, Error> {
    let dir = claims::directory(data_dir);
    let failed = |source| Error::ClaimsDir { path: dir.clone(), source };
    let entries = match fs::read_dir(&dir) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        answer => answer.map_err(failed)?,
    };
    let (mut found, mut spares) = (BTreeSet::new(), 0);
    for entry in entries {
        if found.len() >= most {
            break;
        }
        let name = entry.map_err(failed)?.file_name();
        if name.to_str().is_some_and(claims::is_spare) {
            spares += 1;
            let spare = dir.join(&name);
            if spares <= most && worker_lives(&spare).is_ok_and(|lives| !lives) {
                // One that will not go keeps no claim from being found.
                let _ = claims::remove(&spare);
            }
            continue;
        }
        let Some(claim) = name.to_str().map(claims::claim_of).filter(|claim| claims::is_claim(claim)) else { continue };
        if found.contains(claim) || worker_lives(&dir.join(claim)).map_err(failed)? {
            continue;
        }
        found.insert(claim.to_owned());
    }
    Ok(found.into_iter().collect())
}

/// Whether the writer of a claim file runs still. Without a file no program runs on the claim's behalf.
fn worker_lives(path: &Path) -> io::Result<bool> {
    let Some(record) = Record::read(path)? else { return Ok(false) };
    if !record.of_this_boot()? {
        return Ok(false);
    }
    let lives = |writer: Writer| Stat::of(writer.pid).is_some_and(|stat| !stat.dead && stat.started == writer.started);
    Ok(record.writer.is_some_and(lives))
}

/// Removes the claim's private files, its own file last: as long as that is there, the rest will be looked for.
pub(crate) fn forget(dir: &Path, claim: &str) -> io::Result<()> {
    for entry in fs::read_dir(dir)? {
        let entry = entry?;
        if entry.file_name().to_str().is_some_and(|name| claims::is_private_file(name, claim)) {
            claims::remove(&entry.path())?;
        }
    }
    claims::remove(&dir.join(claim))
}
