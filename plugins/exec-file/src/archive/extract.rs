//! `archive.extract` and `archive.list`.

use std::collections::BTreeSet;
use std::io::Read;

use pintle_guest::files::Kind as Standing;
use pintle_guest::prelude::*;
use serde_json::json;

use super::entries::{Entry, Kind, copy, walk};
use super::filter::Filter;
use super::names::parts;
use super::pieces::{Target, found};
use crate::input::{Extract, Format, ListArchive};
use crate::paths::{Place, was_lost};
use crate::told;
use crate::writing::{make_parents, stands, would};

pub(crate) fn extract(task: &Task, input: &Extract) -> Result<Done, Error> {
    let source = Place::of(task, &input.source)?;
    source.must_exist()?;
    let format = Format::of_file(&source)?;
    let destination = Place::of(task, input.destination.as_deref().unwrap_or("."))?;
    let plan = Plan { input, destination: &destination, filter: Filter::of(&input.include, &input.exclude)? };
    let mut sum = Sum::default();
    // A file that a lost run of this step left is replaced.
    let may_stand = input.overwrite.0 || was_lost(task);
    walk(&source, format, input.max_entries.0, &mut |entry, _| plan.look(entry, may_stand, &mut sum))?;
    if sum.bytes > input.max_bytes.0 {
        return Err(plan.too_large(&source));
    }
    if task.is_dry_run() || input.dry_run.0 {
        would(format_args!("extract {} files to {}", sum.files, destination.shown));
    } else {
        let mut left = input.max_bytes.0;
        let (asked, mut made) = (sum.clone(), Sum::default());
        let written = walk(&source, format, input.max_entries.0, &mut |entry, bytes| {
            plan.write(&source, format, entry, bytes, &mut left, &mut made)
        });
        written?;
        sum = Sum { skipped: asked.skipped, ..made };
    }
    Ok(told(json!({
        "source": source.shown,
        "destination": destination.shown,
        "format": format.name(),
        "filesExtracted": sum.files,
        "bytesExtracted": sum.bytes,
        "filesSkipped": sum.skipped,
    })))
}

/// What of an archive is, or would be, written.
#[derive(Debug, Clone, Default)]
struct Sum {
    files: u64,
    bytes: u64,
    skipped: u64,
    targets: BTreeSet<String>,
}

struct Plan<'p> {
    input: &'p Extract,
    destination: &'p Place,
    filter: Filter,
}

impl Plan<'_> {
    /// Where an entry belongs; none: it is left out.
    fn target(&self, entry: &Entry) -> Result<Option<Place>, Error> {
        let parts = parts(&entry.name)?;
        if !self.filter.takes(&entry.name) {
            return Ok(None);
        }
        let kept = match (self.input.preserve_paths.0, entry.kind) {
            (true, _) => parts.get(self.input.strip_components.0..).unwrap_or_default(),
            (false, Kind::Directory) => return Ok(None),
            (false, Kind::File | Kind::Other) => parts.get(parts.len().saturating_sub(1)..).unwrap_or_default(),
        };
        if kept.is_empty() {
            return Ok(None);
        }
        Ok(Some(kept.iter().fold(self.destination.clone(), |place, part| place.join(part))))
    }

    /// The first time, nothing is written.
    fn look(&self, entry: &Entry, may_stand: bool, sum: &mut Sum) -> Result<(), Error> {
        let target = self.target(entry)?;
        match (entry.kind, target) {
            (Kind::Directory, _) => Ok(()),
            (Kind::Other, Some(_)) => {
                output::eprint(&format!("{} is a link or no regular file: left out\n", entry.name));
                sum.skipped += 1;
                Ok(())
            }
            (Kind::File | Kind::Other, None) => {
                sum.skipped += 1;
                Ok(())
            }
            (Kind::File, Some(target)) => {
                let there = target.look()?;
                if there.as_ref().is_some_and(|there| there.kind == Standing::Directory) {
                    return Err(Error::conflict(format!(
                        "`{}` is a directory: a file cannot take its place",
                        target.shown
                    )));
                }
                let twice = !sum.targets.insert(target.host.clone());
                if twice {
                    let shown = &target.shown;
                    return Err(Error::conflict(format!(
                        "two entries of the archive would be `{shown}`: keep their paths"
                    )));
                }
                if there.is_some() && !may_stand {
                    return Err(stands(&target));
                }
                sum.files += 1;
                sum.bytes = sum.bytes.saturating_add(entry.size);
                Ok(())
            }
        }
    }

    fn write(
        &self,
        source: &Place,
        format: Format,
        entry: &Entry,
        bytes: &mut dyn Read,
        left: &mut u64,
        made: &mut Sum,
    ) -> Result<(), Error> {
        let Some(target) = self.target(entry)? else { return Ok(()) };
        match entry.kind {
            Kind::Other => Ok(()),
            Kind::Directory => make_parents(&target.join("x")),
            Kind::File => {
                make_parents(&target)?;
                let mut file = Target::new(&target, entry.mode.map(|mode| mode | 0o600));
                let copied = copy(bytes, &mut file, left, || self.too_large(source));
                made.bytes += copied.map_err(|error| found(error, source, format.name()))?;
                made.files += 1;
                file.finish()
            }
        }
    }

    fn too_large(&self, source: &Place) -> Error {
        let most = self.input.max_bytes.0;
        Error::exhausted(format!(
            "`{}` unpacks to more than {most} bytes: raise `max_bytes` if that is meant",
            source.shown
        ))
    }
}

pub(crate) fn list(task: &Task, input: &ListArchive) -> Result<Done, Error> {
    let source = Place::of(task, &input.source)?;
    source.must_exist()?;
    let format = Format::of_file(&source)?;
    let filter = Filter::of(&input.include, &input.exclude)?;
    let mut entries = Vec::new();
    walk(&source, format, input.max_entries.0, &mut |entry, _| {
        if filter.takes(&entry.name) {
            entries.push(json!({
                "path": entry.name,
                "size": entry.size,
                "mode": entry.mode.map(|mode| format!("{mode:04o}")),
                "modified_ms": entry.modified_ms,
                "isDir": entry.kind == Kind::Directory,
            }));
        }
        Ok(())
    })?;
    Ok(told(json!({
        "source": source.shown,
        "format": format.name(),
        "count": entries.len(),
        "entries": entries,
    })))
}
