//! The text of a document, and where in it a byte stands.

use std::path::Path;

use crate::fault::{Faults, Finding};
use crate::limits::MAX_DOCUMENT_BYTES;

/// A document as it was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourceFile {
    /// Path, as it is shown to people; its stem names the DAG that has no `name`.
    pub name: String,
    /// The whole text.
    pub text: String,
}

impl SourceFile {
    /// A document from text.
    #[must_use]
    pub fn new(name: impl Into<String>, text: impl Into<String>) -> Self {
        Self { name: name.into(), text: text.into() }
    }

    /// A document from a file's bytes: UTF-8, with or without a byte order mark.
    pub fn from_bytes(name: impl Into<String>, bytes: &[u8]) -> Result<Self, Faults> {
        let name = name.into();
        let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
        if let Some(faults) = too_large(&name, bytes.len()) {
            return Err(faults);
        }
        match std::str::from_utf8(bytes) {
            Ok(text) => Ok(Self { name, text: text.to_owned() }),
            Err(error) => Err(not_utf8(name, bytes, error.valid_up_to())),
        }
    }

    /// The name of a DAG that names itself nothing: the file's stem.
    #[must_use]
    pub fn stem(&self) -> &str {
        let file = Path::new(&self.name).file_name().and_then(|file| file.to_str());
        let file = file.unwrap_or("dag");
        file.strip_suffix(".yaml").or_else(|| file.strip_suffix(".yml")).unwrap_or(file)
    }
}

/// Refuses a text that is too large to be looked at.
pub(crate) fn too_large(name: &str, bytes: usize) -> Option<Faults> {
    let message = format!(
        "the document has more than {MAX_DOCUMENT_BYTES} bytes; \
         move data into files that its steps read"
    );
    (bytes > MAX_DOCUMENT_BYTES).then(|| {
        let source = SourceFile::new(name, "");
        Faults::from_findings(source, vec![Finding::new(Place::default(), String::new(), message)])
    })
}

fn not_utf8(name: String, bytes: &[u8], at: usize) -> Faults {
    let byte = bytes.get(at).copied().unwrap_or_default();
    let message = format!("byte 0x{byte:02x} is not UTF-8; save the file with the encoding UTF-8");
    let source = SourceFile { name, text: String::from_utf8_lossy(bytes).into_owned() };
    // The text before `at` is valid, so the replacement character stands at the same offset.
    let place = Place::new(at, at + char::REPLACEMENT_CHARACTER.len_utf8());
    Faults::from_findings(source, vec![Finding::new(place, String::new(), message)])
}

/// A range of bytes in a document.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Place {
    pub(crate) start: u32,
    pub(crate) end: u32,
}

impl Place {
    pub(crate) fn new(start: usize, end: usize) -> Self {
        let narrow = |offset: usize| u32::try_from(offset).unwrap_or(u32::MAX);
        Self { start: narrow(start), end: narrow(end.max(start)) }
    }
}

/// Where lines begin. Positions of the YAML parser are lines and characters; ours are bytes.
#[derive(Debug)]
pub(crate) struct Lines {
    /// Byte at which each line begins.
    starts: Vec<usize>,
    /// Byte at which each character begins, and the number of the first character of each line; only for texts that
    /// are not ASCII, in which a character is a byte.
    wide: Option<Wide>,
    len: usize,
}

#[derive(Debug)]
struct Wide {
    chars: Vec<u32>,
    firsts: Vec<usize>,
}

impl Lines {
    pub(crate) fn new(text: &str) -> Self {
        let bytes = text.as_bytes();
        let mut starts = vec![0];
        for (at, byte) in bytes.iter().enumerate() {
            let ends = match byte {
                b'\n' => true,
                b'\r' => bytes.get(at + 1) != Some(&b'\n'),
                _ => false,
            };
            if ends {
                starts.push(at + 1);
            }
        }
        let wide = (!text.is_ascii()).then(|| Wide::new(text, &starts));
        Self { starts, wide, len: text.len() }
    }

    /// The byte at a line (from 1) and a character in it (from 0).
    pub(crate) fn offset(&self, line: usize, column: usize) -> usize {
        let row = line.saturating_sub(1);
        let offset = match &self.wide {
            None => self.starts.get(row).map(|start| start + column),
            Some(wide) => wide
                .firsts
                .get(row)
                .and_then(|first| wide.chars.get(first + column))
                .and_then(|byte| usize::try_from(*byte).ok()),
        };
        offset.unwrap_or(self.len).min(self.len)
    }

    /// Line and column of a byte, both from 1; the column counts characters.
    pub(crate) fn position(&self, text: &str, offset: usize) -> (u32, u32) {
        let row = self.starts.partition_point(|start| *start <= offset).saturating_sub(1);
        let start = self.starts.get(row).copied().unwrap_or_default();
        let column = text.get(start..offset).map_or(0, |before| before.chars().count());
        let number = |n: usize| u32::try_from(n + 1).unwrap_or(u32::MAX);
        (number(row), number(column))
    }

    /// The bytes of the line on which `offset` stands, without its end.
    pub(crate) fn line_around(&self, text: &str, offset: usize) -> std::ops::Range<usize> {
        let row = self.starts.partition_point(|start| *start <= offset).saturating_sub(1);
        let start = self.starts.get(row).copied().unwrap_or_default();
        let end = self.starts.get(row + 1).copied().unwrap_or(self.len);
        let line = text.get(start..end).unwrap_or_default();
        start..start + line.trim_end_matches(['\n', '\r']).len()
    }
}

impl Wide {
    fn new(text: &str, starts: &[usize]) -> Self {
        let chars: Vec<u32> = text.char_indices().map(|(at, _)| u32::try_from(at).unwrap_or(u32::MAX)).collect();
        let firsts = starts
            .iter()
            .map(|start| chars.partition_point(|at| usize::try_from(*at).is_ok_and(|at| at < *start)))
            .collect();
        Self { chars, firsts }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn positions_and_offsets_agree_in_any_text() {
        for text in ["", "a", "a: b\nc: d\n", "ä: ö\r\n→ x\ny", "a\rb\r\nc\n\nd"] {
            let lines = Lines::new(text);
            for (offset, _) in text.char_indices() {
                let (line, column) = lines.position(text, offset);
                assert_eq!(lines.offset(line as usize, column as usize - 1), offset, "{text:?} at {offset}");
            }
            assert_eq!(lines.offset(1_000, 5), text.len());
        }
    }

    #[test]
    fn a_dag_without_a_name_takes_the_files() {
        for (name, stem) in [
            ("flow.yaml", "flow"),
            ("/etc/dags/night.load.yml", "night.load"),
            ("-", "-"),
            ("", "dag"),
            ("dags/plain", "plain"),
        ] {
            assert_eq!(SourceFile::new(name, "").stem(), stem);
        }
    }
}
