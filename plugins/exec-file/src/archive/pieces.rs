//! Files of the host, read and written in pieces: an archive of any size needs little memory.

use std::io::{self, Read, Seek, SeekFrom, Write};

use pintle_guest::prelude::*;

use crate::paths::Place;

/// So much is read or written at once, in bytes.
const PIECE: usize = 256 << 10;

/// The host's error on its way through a library that knows only I/O.
pub(crate) fn carried(error: Error) -> io::Error {
    io::Error::other(error)
}

/// Takes the host's error out again; what the library itself found is a fault of the archive.
pub(crate) fn found(error: io::Error, place: &Place, what: &str) -> Error {
    let text = error.to_string();
    match error.into_inner().map(|inner| inner.downcast::<Error>()) {
        Some(Ok(host)) => place.blame(*host),
        Some(Err(_)) | None => Error::invalid(format!("`{}` is no whole {what} archive: {text}", place.shown)),
    }
}

/// A file, read where it is looked at.
#[derive(Debug)]
pub(crate) struct Source {
    place: Place,
    size: u64,
    at: u64,
    piece: Vec<u8>,
    piece_at: u64,
}

impl Source {
    pub(crate) fn open(place: &Place) -> Result<Self, Error> {
        let size = files::inspect(&place.host).map_err(|error| place.blame(error))?.size;
        Ok(Self { place: place.clone(), size, at: 0, piece: Vec::new(), piece_at: 0 })
    }

    /// What of the held piece stands at the place that is read.
    fn held(&self) -> &[u8] {
        let from = self.at.checked_sub(self.piece_at).and_then(|from| usize::try_from(from).ok());
        from.and_then(|from| self.piece.get(from..)).unwrap_or_default()
    }
}

impl Read for Source {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.held().is_empty() && self.at < self.size {
            call::check().map_err(carried)?;
            let limit = u32::try_from(PIECE).unwrap_or(u32::MAX);
            self.piece = files::read_piece(&self.place.host, self.at, limit).map_err(carried)?;
            self.piece_at = self.at;
        }
        let held = self.held();
        let count = held.len().min(buffer.len());
        for (to, from) in buffer.iter_mut().zip(held) {
            *to = *from;
        }
        self.at += count as u64;
        Ok(count)
    }
}

impl Seek for Source {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let at = match to {
            SeekFrom::Start(at) => Some(at),
            SeekFrom::End(by) => self.size.checked_add_signed(by),
            SeekFrom::Current(by) => self.at.checked_add_signed(by),
        };
        self.at = at.ok_or_else(|| io::Error::from(io::ErrorKind::InvalidInput))?;
        Ok(self.at)
    }
}

/// A file in the making: it takes its name when it is whole, and is gone if it does not come to that.
#[derive(Debug)]
pub(crate) struct Target {
    place: Place,
    part: Place,
    mode: Option<u32>,
    held: Vec<u8>,
    begun: bool,
    done: bool,
}

impl Target {
    pub(crate) fn new(place: &Place, mode: Option<u32>) -> Self {
        let (place, part) = (place.clone(), place.beside(".part"));
        Self { place, part, mode, held: Vec::new(), begun: false, done: false }
    }

    fn store(&mut self) -> Result<(), Error> {
        call::check()?;
        let stored = if self.begun {
            files::append(&self.part.host, &self.held)
        } else {
            files::write(&self.part.host, &self.held, self.mode)
        };
        stored.map_err(|error| self.place.blame(error))?;
        self.begun = true;
        self.held.clear();
        Ok(())
    }

    /// It is whole.
    pub(crate) fn finish(mut self) -> Result<(), Error> {
        if !self.begun || !self.held.is_empty() {
            self.store()?;
        }
        files::rename(&self.part.host, &self.place.host).map_err(|error| self.place.blame(error))?;
        self.done = true;
        Ok(())
    }
}

impl Write for Target {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.held.extend_from_slice(bytes);
        if self.held.len() >= PIECE {
            self.store().map_err(carried)?;
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Drop for Target {
    fn drop(&mut self) {
        if self.begun && !self.done {
            // What is left of it is in nobody's way: the error that ended it is the one to tell.
            let _left = files::remove(&self.part.host, false);
        }
    }
}
