//! The entries of an archive, one after the other, whatever its kind.

use std::io::{self, Read};

use flate2::read::MultiGzDecoder;
use pintle_guest::prelude::*;
use ruzstd::decoding::StreamingDecoder;

use super::pieces::{Source, carried, found};
use crate::input::Format;
use crate::paths::Place;

/// What an entry is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    File,
    Directory,
    /// A link, a device, a pipe: nothing that is made.
    Other,
}

/// One entry, as the archive has it.
#[derive(Debug, Clone)]
pub(crate) struct Entry {
    pub(crate) name: String,
    pub(crate) kind: Kind,
    pub(crate) size: u64,
    pub(crate) mode: Option<u32>,
    pub(crate) modified_ms: u64,
}

/// What is done with each entry; the reader gives its bytes.
pub(crate) type Visit<'v> = dyn FnMut(&Entry, &mut dyn Read) -> Result<(), Error> + 'v;

/// Goes through an archive.
pub(crate) fn walk(place: &Place, format: Format, most: u64, visit: &mut Visit<'_>) -> Result<(), Error> {
    let mut count = 0;
    let mut counted = |entry: &Entry, bytes: &mut dyn Read| {
        count += 1;
        if count > most {
            return Err(Error::exhausted(format!(
                "`{}` has more than {most} entries: raise `max_entries` if that is meant",
                place.shown
            )));
        }
        call::check()?;
        visit(entry, bytes)
    };
    let source = Source::open(place)?;
    match format {
        Format::Zip => zip(place, source, &mut counted),
        Format::Tar => tar(place, format, source, &mut counted),
        Format::TarGz => tar(place, format, MultiGzDecoder::new(source), &mut counted),
        Format::TarZst => {
            let decoder = StreamingDecoder::new(source);
            let decoder = decoder.map_err(|error| found(io::Error::other(error.to_string()), place, format.name()))?;
            tar(place, format, decoder, &mut counted)
        }
    }
}

fn zip(place: &Place, source: Source, visit: &mut Visit<'_>) -> Result<(), Error> {
    let faulty = |error: zip::result::ZipError| found(error.into(), place, "zip");
    let mut archive = zip::ZipArchive::new(source).map_err(faulty)?;
    for number in 0..archive.len() {
        let mut file = archive.by_index(number).map_err(faulty)?;
        let kind = match () {
            () if file.is_dir() => Kind::Directory,
            () if file.is_symlink() => Kind::Other,
            () => Kind::File,
        };
        let name = file.name().to_owned();
        let modified_ms = file.last_modified().map_or(0, |at| {
            millis(
                (at.year().into(), at.month().into(), at.day().into()),
                (at.hour().into(), at.minute().into(), at.second().into()),
            )
        });
        let entry =
            Entry { name, kind, size: file.size(), mode: file.unix_mode().map(|mode| mode & 0o777), modified_ms };
        visit(&entry, &mut file)?;
    }
    Ok(())
}

fn tar(place: &Place, format: Format, source: impl Read, visit: &mut Visit<'_>) -> Result<(), Error> {
    let faulty = |error| found(error, place, format.name());
    let mut archive = tar::Archive::new(source);
    for entry in archive.entries().map_err(faulty)? {
        let mut file = entry.map_err(faulty)?;
        let kind = match file.header().entry_type() {
            tar::EntryType::Regular | tar::EntryType::Continuous | tar::EntryType::GNUSparse => Kind::File,
            tar::EntryType::Directory => Kind::Directory,
            _ => Kind::Other,
        };
        let name = String::from_utf8_lossy(&file.path_bytes()).into_owned();
        let header = file.header();
        let mode = header.mode().ok().map(|mode| mode & 0o777);
        let modified_ms = header.mtime().unwrap_or(0).saturating_mul(1000);
        let entry = Entry { name, kind, size: file.size(), mode, modified_ms };
        visit(&entry, &mut file)?;
    }
    Ok(())
}

/// Copies an entry's bytes as far as they are allowed; how many there were.
pub(crate) fn copy(
    bytes: &mut dyn Read,
    into: &mut dyn io::Write,
    left: &mut u64,
    too_many: impl Fn() -> Error,
) -> io::Result<u64> {
    let mut buffer = vec![0; 64 << 10];
    let mut copied = 0;
    loop {
        let count = bytes.read(&mut buffer)?;
        if count == 0 {
            return Ok(copied);
        }
        *left = left.checked_sub(count as u64).ok_or_else(|| carried(too_many()))?;
        into.write_all(buffer.get(..count).unwrap_or_default())?;
        copied += count as u64;
    }
}

/// Milliseconds since 1970 of a civil time in UTC (Howard Hinnant, "chrono-compatible low-level date algorithms",
/// days_from_civil). 0 before 1970.
fn millis((year, month, day): (i64, i64, i64), (hour, minute, second): (i64, i64, i64)) -> u64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let of_era = year.rem_euclid(400);
    let of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    let days = era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468;
    let seconds = ((days * 24 + hour) * 60 + minute) * 60 + second;
    u64::try_from(seconds).unwrap_or(0).saturating_mul(1000)
}

/// The civil date and time in UTC of milliseconds since 1970 (the same source, civil_from_days).
pub(crate) fn civil(ms: u64) -> [i64; 6] {
    let seconds = i64::try_from(ms / 1000).unwrap_or(0);
    let shifted = seconds.div_euclid(86_400) + 719_468;
    let (era, of_era) = (shifted.div_euclid(146_097), shifted.rem_euclid(146_097));
    let year_of_era = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let day_of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let moved = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * moved + 2) / 5 + 1;
    let month = if moved < 10 { moved + 3 } else { moved - 9 };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    let of_day = seconds.rem_euclid(86_400);
    [year, month, day, of_day / 3600, of_day / 60 % 60, of_day % 60]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn civil_times_and_instants_are_the_same() {
        let table = [
            (0, [1970, 1, 1, 0, 0, 0]),
            (951_782_400_000, [2000, 2, 29, 0, 0, 0]),
            (1_793_521_805_000, [2026, 11, 1, 8, 30, 5]),
            (4_102_444_799_000, [2099, 12, 31, 23, 59, 59]),
        ];
        for (ms, at) in table {
            assert_eq!(civil(ms), at);
            assert_eq!(millis((at[0], at[1], at[2]), (at[3], at[4], at[5])), ms);
        }
    }
}
