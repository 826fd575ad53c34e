//! `archive.create`.

use std::io::{self, Read as _, Write};

use flate2::Compression;
use flate2::write::GzEncoder;
use pintle_guest::files::{Kind, Metadata};
use pintle_guest::prelude::*;
use serde_json::json;
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, DateTime, ZipWriter};

use super::entries::civil;
use super::filter::Filter;
use super::pieces::{Source, Target, found};
use crate::input::{Create, Format};
use crate::paths::Place;
use crate::told;
use crate::writing::{make_parents, would};

/// Deepest tree that is packed: a guard against mounts that contain themselves.
const DEPTH: usize = 128;

/// What goes into an archive.
struct Item {
    name: String,
    place: Place,
    metadata: Metadata,
}

pub(crate) fn create(task: &Task, input: &Create) -> Result<Done, Error> {
    let source = Place::of(task, &input.source)?;
    let metadata = source.must_exist()?;
    let dry = task.is_dry_run() || input.dry_run.0;
    let destination = input.destination.as_deref().map(|text| Place::of(task, text)).transpose()?;
    if destination.is_none() && !dry {
        return Err(Error::invalid("`destination` is required for create: name the archive that is made"));
    }
    let by_name = || destination.as_ref().and_then(|place| Format::of_name(&place.shown));
    let format = input.format.or_else(by_name).ok_or_else(|| {
        Error::invalid("could not infer format: end `destination` in .zip, .tar or .tar.gz, or set `format`")
    })?;
    if format == Format::TarZst {
        return Err(Error::unsupported("tar.zst archives are read, not made: choose tar.gz or zip"));
    }
    let level = input.compression_level.0;
    if level > 9 {
        return Err(Error::invalid(format!("`compression_level` of {level} is out of range: write 0 to 9")));
    }
    let filter = Filter::of(&input.include, &input.exclude)?;
    let mut items = Vec::new();
    gather(&source, source.name(), metadata, DEPTH, &mut items)?;
    items.retain(|item| item.metadata.kind == Kind::Directory || filter.takes(&item.name));
    if let Some(destination) = &destination {
        // An archive that stands in what is packed is not packed into itself.
        items.retain(|item| item.place != *destination);
    }
    let files = items.iter().filter(|item| item.metadata.kind != Kind::Directory);
    let (count, bytes) = files.fold((0u64, 0u64), |(count, sum), item| (count + 1, sum + item.metadata.size));
    if let (Some(destination), false) = (&destination, dry) {
        make_parents(destination)?;
        write(destination, format, u32::from(level), &items)?;
    } else {
        would(format_args!("pack {count} files of {}", source.shown));
    }
    Ok(told(json!({
        "source": source.shown,
        "destination": destination.map(|place| place.shown),
        "format": format.name(),
        "filesAdded": count,
        "bytesArchived": bytes,
    })))
}

/// The tree below a place, in the order of names. Links are left out, as a copy leaves them out.
fn gather(place: &Place, name: &str, metadata: Metadata, depth: usize, items: &mut Vec<Item>) -> Result<(), Error> {
    call::check()?;
    let Some(depth) = depth.checked_sub(1) else {
        return Err(Error::exhausted(format!("`{}` lies deeper than {DEPTH} directories", place.shown)));
    };
    match metadata.kind {
        Kind::File => {}
        Kind::Directory => {
            items.push(Item { name: name.to_owned(), place: place.clone(), metadata });
            let mut entries = files::list(&place.host).map_err(|error| place.blame(error))?;
            entries.sort_by(|one, other| one.name.cmp(&other.name));
            for entry in entries {
                let below = place.join(&entry.name);
                let Some(metadata) = below.look()? else { continue };
                gather(&below, &format!("{name}/{}", entry.name), metadata, depth, items)?;
            }
            return Ok(());
        }
        Kind::Link | Kind::Other => {
            output::eprint(&format!("{} is neither a regular file nor a directory: left out\n", place.shown));
            return Ok(());
        }
    }
    items.push(Item { name: name.to_owned(), place: place.clone(), metadata });
    Ok(())
}

fn write(destination: &Place, format: Format, level: u32, items: &[Item]) -> Result<(), Error> {
    let target = Target::new(destination, None);
    let faulty = |error| found(error, destination, format.name());
    let target = match format {
        Format::Zip => zip(target, level, items).map_err(faulty)?,
        Format::Tar => tar(target, items).map_err(faulty)?,
        Format::TarGz | Format::TarZst => {
            let encoder = tar(GzEncoder::new(target, Compression::new(level)), items).map_err(faulty)?;
            encoder.finish().map_err(faulty)?
        }
    };
    target.finish()
}

fn open(item: &Item) -> io::Result<io::Take<Source>> {
    // A file that grows meanwhile is packed as it was.
    Ok(Source::open(&item.place).map_err(super::pieces::carried)?.take(item.metadata.size))
}

fn zip(target: Target, level: u32, items: &[Item]) -> io::Result<Target> {
    let mut writer = ZipWriter::new_stream(target);
    for item in items {
        let method = if level == 0 { CompressionMethod::Stored } else { CompressionMethod::Deflated };
        let [year, month, day, hour, minute, second] = civil(item.metadata.modified_ms);
        let small = |number: i64| u8::try_from(number).unwrap_or(0);
        let year = u16::try_from(year).unwrap_or(0);
        let at =
            DateTime::from_date_and_time(year, small(month), small(day), small(hour), small(minute), small(second));
        let options = SimpleFileOptions::default()
            .compression_method(method)
            .last_modified_time(at.unwrap_or_default())
            .unix_permissions(item.metadata.mode & 0o777)
            .large_file(item.metadata.size > u64::from(u32::MAX));
        if item.metadata.kind == Kind::Directory {
            writer.add_directory(item.name.as_str(), options)?;
        } else {
            writer.start_file(item.name.as_str(), options)?;
            io::copy(&mut open(item)?, &mut writer)?;
        }
    }
    Ok(writer.finish()?.into_inner())
}

fn tar<W: Write>(target: W, items: &[Item]) -> io::Result<W> {
    let mut builder = tar::Builder::new(target);
    for item in items {
        let mut header = tar::Header::new_gnu();
        header.set_mode(item.metadata.mode & 0o777);
        header.set_mtime(item.metadata.modified_ms / 1000);
        if item.metadata.kind == Kind::Directory {
            header.set_entry_type(tar::EntryType::Directory);
            header.set_size(0);
            builder.append_data(&mut header, format!("{}/", item.name), io::empty())?;
        } else {
            header.set_entry_type(tar::EntryType::Regular);
            header.set_size(item.metadata.size);
            builder.append_data(&mut header, &item.name, open(item)?)?;
        }
    }
    builder.into_inner()
}
