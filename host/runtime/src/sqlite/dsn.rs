//! What `dsn` names: a path, `file:` with a path and what SQLite's own URIs say behind it, or `:memory:`.
//!
//! SQLite itself is never handed a URI: which file is opened, and how, is decided here and in `place.rs`.

use percent_encoding::percent_decode_str;

/// A database, as the step names it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Dsn {
    /// One that lives as long as the step.
    Memory,
    /// A file.
    File {
        /// Relative to the step's directory, absolute, or below `~`.
        path: String,
        /// `mode=` of a `file:` URI.
        mode: Option<Mode>,
    },
}

/// How a file is opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mode {
    /// Read only; it must be there.
    Read,
    /// Written; it must be there.
    Write,
    /// Written; made where it is not there.
    Create,
}

/// The in-memory database.
const MEMORY: &str = ":memory:";

/// Reads a `dsn`.
pub(super) fn parse(text: &str) -> Result<Dsn, String> {
    let text = text.trim();
    if text.contains('\0') {
        return Err("`dsn` holds a NUL byte".to_owned());
    }
    if text == MEMORY {
        return Ok(Dsn::Memory);
    }
    let Some(uri) = text.strip_prefix("file:") else {
        return match text {
            "" => Err("`dsn` is empty; give the database file, or `:memory:`".to_owned()),
            path => Ok(Dsn::File { path: path.to_owned(), mode: None }),
        };
    };
    let uri = uri.split('#').next().unwrap_or(uri);
    let (path, settings) = uri.split_once('?').unwrap_or((uri, ""));
    let path = percent_decode_str(beside_authority(path)?).decode_utf8();
    let path = path.map_err(|_| "the path in `dsn` is not UTF-8".to_owned())?.into_owned();
    let mut mode = None;
    let mut memory = path == MEMORY;
    for setting in settings.split('&').filter(|setting| !setting.is_empty()) {
        match setting.split_once('=').unwrap_or((setting, "")) {
            ("mode", "ro") => mode = Some(Mode::Read),
            ("mode", "rw") => mode = Some(Mode::Write),
            ("mode", "rwc") => mode = Some(Mode::Create),
            ("mode", "memory") => memory = true,
            ("mode", other) => {
                return Err(format!("`mode={other}` in `dsn` is not known; write `ro`, `rw`, `rwc` or `memory`"));
            }
            // Every step has a connection of its own: there is nobody to share a cache with.
            ("cache", "shared" | "private") => {}
            (name, _) => {
                return Err(format!(
                    "`{name}` in `dsn` is not taken; there may be `mode` and `cache`, and the rest are fields of `with`"
                ));
            }
        }
    }
    match (memory, path.is_empty() || path.contains('\0')) {
        (true, _) => Ok(Dsn::Memory),
        (false, true) => Err("`dsn` names no file; write `file:` and its path, or `:memory:`".to_owned()),
        (false, false) => Ok(Dsn::File { path, mode }),
    }
}

/// `file:///path` and `file://localhost/path` have an authority, which is this machine.
fn beside_authority(path: &str) -> Result<&str, String> {
    let Some(rest) = path.strip_prefix("//") else { return Ok(path) };
    let (host, _) = rest.split_once('/').unwrap_or((rest, ""));
    match host {
        "" | "localhost" => Ok(rest.get(host.len()..).unwrap_or_default()),
        other => Err(format!("`dsn` names the machine `{other}`; a database file is on this one")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dsn_is_a_path_or_a_uri_or_memory() {
        let file = |path: &str, mode| Ok(Dsn::File { path: path.to_owned(), mode });
        for (text, wanted) in [
            (":memory:", Ok(Dsn::Memory)),
            ("file::memory:?cache=shared", Ok(Dsn::Memory)),
            ("file:x?mode=memory", Ok(Dsn::Memory)),
            ("app.db", file("app.db", None)),
            (" ./a b.db ", file("./a b.db", None)),
            ("file:./app.db", file("./app.db", None)),
            ("file:a%20b.db?mode=ro", file("a b.db", Some(Mode::Read))),
            ("file:app.db?mode=rw&cache=private#x", file("app.db", Some(Mode::Write))),
            ("file:///var/app.db?mode=rwc", file("/var/app.db", Some(Mode::Create))),
            ("file://localhost/var/app.db", file("/var/app.db", None)),
        ] {
            assert_eq!(parse(text), wanted, "{text}");
        }
    }

    #[test]
    fn what_else_a_uri_may_say_is_refused_by_name() {
        let nameless = "`dsn` names no file; write `file:` and its path, or `:memory:`";
        for (text, wanted) in [
            ("", "`dsn` is empty; give the database file, or `:memory:`"),
            ("file:", nameless),
            ("file:?mode=ro", nameless),
            ("file:a%00.db", nameless),
            ("file://other/app.db", "`dsn` names the machine `other`; a database file is on this one"),
            ("file:a.db?mode=all", "`mode=all` in `dsn` is not known; write `ro`, `rw`, `rwc` or `memory`"),
            ("file:a%ff.db", "the path in `dsn` is not UTF-8"),
            ("a\0.db", "`dsn` holds a NUL byte"),
        ] {
            assert_eq!(parse(text), Err(wanted.to_owned()), "{text}");
        }
        let others = "is not taken; there may be `mode` and `cache`, and the rest are fields of `with`";
        for (text, name) in [
            ("file:a.db?vfs=unix-none", "vfs"),
            ("file:a.db?nolock=1", "nolock"),
            ("file:a.db?immutable=1", "immutable"),
            ("file:a.db?_pragma=temp_store_directory", "_pragma"),
        ] {
            assert_eq!(parse(text), Err(format!("`{name}` in `dsn` {others}")), "{text}");
        }
    }
}
