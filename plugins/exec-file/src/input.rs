//! What `with` of each action holds.

use pintle_guest::prelude::*;
use pintle_guest::span::Span;
use serde_json::{Value, json};

/// Of `file.stat`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Stat {
    /// Absolute, below `~`, or relative to the step's directory.
    pub(crate) path: String,
    /// Nothing there is a result (`exists: false`), not an error.
    #[serde(default)]
    pub(crate) missing_ok: Lenient<bool>,
}

/// How a file is told.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum ReadFormat {
    /// Its bytes.
    #[default]
    Raw,
    /// An object of path, size and content.
    Json,
}

/// Of `file.read`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Read {
    /// Absolute, below `~`, or relative to the step's directory.
    pub(crate) path: String,
    /// What is printed.
    #[serde(default)]
    pub(crate) format: ReadFormat,
    /// Prints nothing: the text, of at most 512 KiB, is the output `content` alone.
    #[serde(default)]
    pub(crate) quiet: Lenient<bool>,
    /// A larger file is an error; at most 16 MiB.
    #[serde(default = "one_mib")]
    pub(crate) max_bytes: Lenient<u64>,
}

fn one_mib() -> Lenient<u64> {
    Lenient(1 << 20)
}

/// Permission bits: text is octal, as a shell takes it.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(untagged, expecting = "expected octal digits, such as `0644`")]
pub(crate) enum Mode {
    /// `"0644"`, `"755"`.
    Octal(String),
    /// `644` is read as octal too: YAML drops the leading zero.
    Digits(u32),
}

/// Of `file.write`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Write {
    /// Absolute, below `~`, or relative to the step's directory.
    pub(crate) path: String,
    /// Text is written as it is; anything else as indented JSON.
    pub(crate) content: Value,
    /// Permission bits; without them those of the file that is replaced, or `0644`.
    #[serde(default)]
    pub(crate) mode: Option<Mode>,
    /// Replaces what stands there. Without it another content there is a conflict.
    #[serde(default)]
    pub(crate) overwrite: Lenient<bool>,
    /// Adds to the end instead.
    #[serde(default)]
    pub(crate) append: Lenient<bool>,
    /// Always: readers see the old file or the new one.
    #[serde(default = "yes")]
    #[expect(dead_code, reason = "taken for files written for others; there is no other way here")]
    pub(crate) atomic: Lenient<bool>,
    /// Makes the directories that are missing.
    #[serde(default)]
    pub(crate) create_dirs: Lenient<bool>,
    /// Says what would be done.
    #[serde(default)]
    pub(crate) dry_run: Lenient<bool>,
}

fn yes() -> Lenient<bool> {
    Lenient(true)
}

/// Of `file.copy` and `file.move`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Transfer {
    /// Absolute, below `~`, or relative to the step's directory.
    pub(crate) source: String,
    /// Likewise: the new path itself, not a directory to put it in.
    pub(crate) destination: String,
    /// Replaces a file that stands there.
    #[serde(default)]
    pub(crate) overwrite: Lenient<bool>,
    /// Takes directories with all that is in them.
    #[serde(default)]
    pub(crate) recursive: Lenient<bool>,
    /// Makes the directories that are missing.
    #[serde(default)]
    pub(crate) create_dirs: Lenient<bool>,
    /// Says what would be done.
    #[serde(default)]
    pub(crate) dry_run: Lenient<bool>,
}

/// Of `file.delete`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Delete {
    /// Absolute, below `~`, or relative to the step's directory.
    pub(crate) path: String,
    /// Takes directories with all that is in them.
    #[serde(default)]
    pub(crate) recursive: Lenient<bool>,
    /// Nothing there is no error.
    #[serde(default)]
    pub(crate) missing_ok: Lenient<bool>,
    /// Says what would be done.
    #[serde(default)]
    pub(crate) dry_run: Lenient<bool>,
}

/// Of `file.mkdir`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Mkdir {
    /// Absolute, below `~`, or relative to the step's directory.
    pub(crate) path: String,
    /// Makes the directories above it too.
    #[serde(default = "yes")]
    pub(crate) parents: Lenient<bool>,
    /// Says what would be done.
    #[serde(default)]
    pub(crate) dry_run: Lenient<bool>,
}

/// Of `file.list`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct List {
    /// Absolute, below `~`, or relative to the step's directory.
    pub(crate) path: String,
    /// With all that is below.
    #[serde(default)]
    pub(crate) recursive: Lenient<bool>,
    /// Only names that match, such as `*.csv`.
    #[serde(default)]
    pub(crate) pattern: Option<String>,
    /// Names that begin with a dot too.
    #[serde(default)]
    pub(crate) include_hidden: Lenient<bool>,
    /// More entries are an error.
    #[serde(default = "ten_thousand")]
    pub(crate) max_entries: Lenient<usize>,
}

fn ten_thousand() -> Lenient<usize> {
    Lenient(10_000)
}

/// What is waited for at a path.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Presence {
    /// Something stands there.
    #[default]
    Exists,
    /// Nothing stands there.
    Missing,
}

/// Of `wait.file`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Wait {
    /// Absolute, below `~`, or relative to the step's directory.
    pub(crate) path: String,
    /// `exists` or `missing`.
    #[serde(default)]
    pub(crate) state: Presence,
    /// Between two looks; at least 100ms.
    #[serde(default = "second")]
    pub(crate) poll_interval: Span,
}

fn second() -> Span {
    Span(1000)
}

/// A kind of archive.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[schemars(transform = name_tgz)]
pub(crate) enum Format {
    /// With deflate.
    #[serde(rename = "zip")]
    Zip,
    /// Not compressed.
    #[serde(rename = "tar")]
    Tar,
    /// With gzip.
    #[serde(rename = "tar.gz", alias = "tgz")]
    TarGz,
    /// With zstd: read, not made.
    #[serde(rename = "tar.zst")]
    TarZst,
}

/// The other name of `tar.gz`, which the derived schema leaves out.
fn name_tgz(schema: &mut schemars::Schema) {
    if let Some(Value::Array(each)) = schema.get_mut("oneOf") {
        each.push(json!({"type": "string", "const": "tgz", "description": "The same as `tar.gz`."}));
    }
}

/// Of `archive.create`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Create {
    /// A file, or a directory with all that is in it: its entries begin with its name.
    pub(crate) source: String,
    /// The archive that is made, or replaced.
    #[serde(default)]
    pub(crate) destination: Option<String>,
    /// Without it, what the name of `destination` ends in.
    #[serde(default)]
    pub(crate) format: Option<Format>,
    /// From 0 (none) to 9.
    #[serde(default = "six")]
    pub(crate) compression_level: Lenient<u8>,
    /// Patterns of names in the archive; without them all.
    #[serde(default)]
    pub(crate) include: Vec<String>,
    /// Patterns of names that are left out.
    #[serde(default)]
    pub(crate) exclude: Vec<String>,
    /// Says what would be packed.
    #[serde(default)]
    pub(crate) dry_run: Lenient<bool>,
}

/// Of `archive.extract`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Extract {
    /// The archive; its kind is found by what it begins with.
    pub(crate) source: String,
    /// Directory that its entries go to; without it the step's own. It is made.
    #[serde(default)]
    pub(crate) destination: Option<String>,
    /// So many directories of each entry's name are left out.
    #[serde(default)]
    pub(crate) strip_components: Lenient<usize>,
    /// `false`: every file goes to the destination itself.
    #[serde(default = "yes")]
    pub(crate) preserve_paths: Lenient<bool>,
    /// Patterns of entries; without them all.
    #[serde(default)]
    pub(crate) include: Vec<String>,
    /// Patterns of entries that are left out.
    #[serde(default)]
    pub(crate) exclude: Vec<String>,
    /// Files that stand there are replaced.
    #[serde(default)]
    pub(crate) overwrite: Lenient<bool>,
    /// It may unpack to so many bytes.
    #[serde(default = "archive_bytes")]
    pub(crate) max_bytes: Lenient<u64>,
    /// It may have so many entries.
    #[serde(default = "archive_entries")]
    pub(crate) max_entries: Lenient<u64>,
    /// Says what would be written.
    #[serde(default)]
    pub(crate) dry_run: Lenient<bool>,
}

/// Of `archive.list`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ListArchive {
    /// The archive; its kind is found by what it begins with.
    pub(crate) source: String,
    /// Patterns of entries; without them all.
    #[serde(default)]
    pub(crate) include: Vec<String>,
    /// Patterns of entries that are left out.
    #[serde(default)]
    pub(crate) exclude: Vec<String>,
    /// It may have so many entries.
    #[serde(default = "archive_entries")]
    pub(crate) max_entries: Lenient<u64>,
}

fn six() -> Lenient<u8> {
    Lenient(6)
}

fn archive_bytes() -> Lenient<u64> {
    Lenient(crate::archive::BYTES)
}

fn archive_entries() -> Lenient<u64> {
    Lenient(crate::archive::ENTRIES)
}
