//! Clearing away what a lost claim left running, before its step is run again at home (I-5).

use std::path::Path;
use std::{fs, io};

use crate::claims::{self, Record};
use crate::error::Error;
use crate::kin::Quarry;
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
