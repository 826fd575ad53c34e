//! Which kind of archive.

use pintle_guest::prelude::*;

use crate::input::Format;
use crate::paths::Place;

/// Where a tar archive says that it is one.
const USTAR_AT: usize = 257;

impl Format {
    /// As people call it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Zip => "zip",
            Self::Tar => "tar",
            Self::TarGz => "tar.gz",
            Self::TarZst => "tar.zst",
        }
    }

    /// By the name of a file.
    pub(crate) fn of_name(name: &str) -> Option<Self> {
        let name = name.to_ascii_lowercase();
        let ends = |endings: &[&str]| endings.iter().any(|ending| name.ends_with(ending));
        match () {
            () if ends(&[".zip"]) => Some(Self::Zip),
            () if ends(&[".tar.gz", ".tgz"]) => Some(Self::TarGz),
            () if ends(&[".tar.zst", ".tzst"]) => Some(Self::TarZst),
            () if ends(&[".tar"]) => Some(Self::Tar),
            () => None,
        }
    }

    /// By what a file begins with, else by its name.
    pub(crate) fn of_file(place: &Place) -> Result<Self, Error> {
        let begin = files::read_piece(&place.host, 0, 512).map_err(|error| place.blame(error))?;
        let found = match begin.as_slice() {
            [b'P', b'K', 3 | 5, 4 | 6, ..] => Some(Self::Zip),
            [0x1f, 0x8b, ..] => Some(Self::TarGz),
            [0x28, 0xb5, 0x2f, 0xfd, ..] => Some(Self::TarZst),
            bytes if bytes.get(USTAR_AT..USTAR_AT + 5) == Some(b"ustar") => Some(Self::Tar),
            _ => Self::of_name(&place.shown),
        };
        found.ok_or_else(|| {
            Error::unsupported(format!(
                "`{}` is no archive of a kind that is read: zip, tar, tar.gz or tar.zst",
                place.shown
            ))
        })
    }
}
