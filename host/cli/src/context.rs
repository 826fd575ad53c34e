//! What every command is given: the settings, and how to print.

use std::io::{ErrorKind, IsTerminal as _, Write as _};
use std::path::Path;

use anyhow::Context as _;
use pintle_spec::Colours;

use crate::lost;
use crate::render::style::Pen;
use crate::settings::{Colour, Settings};

/// Where no run is listed.
pub(crate) const NO_RUNS: &str = "no runs: `pintle start FILE` makes one";

/// How another data directory is chosen.
const OTHER: &str = "--home or PINTLE_HOME";

/// What every command is given.
pub(crate) struct Context {
    pub(crate) settings: Settings,
    /// For standard output.
    pub(crate) out: Pen,
    /// For standard error.
    pub(crate) err: Pen,
}

impl Context {
    pub(crate) fn new(settings: Settings) -> Self {
        let unicode = is_utf8(&|name| std::env::var(name).ok());
        let colours = |terminal: bool| match settings.colour {
            Colour::Always => true,
            Colour::Never => false,
            Colour::Auto => terminal && std::env::var_os("TERM").is_none_or(|term| term != "dumb"),
        };
        let out = Pen { colours: colours(std::io::stdout().is_terminal()), unicode };
        let err = Pen { colours: colours(std::io::stderr().is_terminal()), unicode };
        Self { settings, out, err }
    }

    /// As the reports of faults want it.
    pub(crate) fn report_colours(&self) -> Colours {
        if self.err.colours { Colours::On } else { Colours::Off }
    }

    /// Whether there are runs to look at: reading makes no data directory. One that may not be looked into, or that is
    /// none, is an error: nobody knows what runs it has.
    pub(crate) fn has_store(&self) -> anyhow::Result<bool> {
        has_store(&self.settings.home)
    }

    /// For commands that need a run: where there is none, they say so and make no data directory.
    pub(crate) fn need_store(&self) -> anyhow::Result<()> {
        anyhow::ensure!(
            self.has_store()?,
            "there are no runs in `{}`: `pintle start FILE` makes the first",
            self.settings.home.display()
        );
        Ok(())
    }
}

fn has_store(home: &Path) -> anyhow::Result<bool> {
    let database = pintle_store_sqlite::Layout::new(home).database();
    match std::fs::metadata(&database) {
        Ok(meta) if meta.is_file() => Ok(true),
        Ok(_) => anyhow::bail!("`{}` is not a file: choose another directory with {OTHER}", database.display()),
        Err(error) => match error.kind() {
            ErrorKind::NotFound => Ok(false),
            ErrorKind::NotADirectory => {
                anyhow::bail!("`{}` is not a directory: choose another with {OTHER}", home.display())
            }
            ErrorKind::PermissionDenied => anyhow::bail!(
                "no permission to look into `{}`: run as its owner, or choose another directory with {OTHER}",
                home.display()
            ),
            _ => Err(error).with_context(|| {
                format!(
                    "cannot look into `{}`: see whether its disk can be read, or choose another with {OTHER}",
                    home.display()
                )
            }),
        },
    }
}

/// Whether the locale has more than ASCII; where nothing is said at all, it is taken to.
fn is_utf8(env: &dyn Fn(&str) -> Option<String>) -> bool {
    let locale = ["LC_ALL", "LC_CTYPE", "LANG"].iter().find_map(|name| env(name).filter(|value| !value.is_empty()));
    locale.is_none_or(|locale| {
        let locale = locale.to_lowercase();
        locale.contains("utf-8") || locale.contains("utf8")
    })
}

/// Text and a line's end on standard output. What it does not take is remembered, and told when the command ends.
pub(crate) fn say(text: &str) {
    let mut out = std::io::stdout().lock();
    lost::remember(out.write_all(text.as_bytes()).and_then(|()| out.write_all(b"\n")));
}

/// As [`say`], on standard error.
pub(crate) fn remark(text: &str) {
    let mut err = std::io::stderr().lock();
    let _ = err.write_all(text.as_bytes()).and_then(|()| err.write_all(b"\n"));
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test may fail loudly")]
mod tests {
    use super::*;

    #[test]
    fn a_directory_that_is_not_there_has_no_runs_and_one_that_is_none_is_told() {
        let dir = tempfile::tempdir().unwrap();
        assert!(!has_store(&dir.path().join("nowhere")).unwrap());
        assert!(!has_store(dir.path()).unwrap());
        let database = dir.path().join("pintle.db");
        std::fs::create_dir(&database).unwrap();
        let said = has_store(dir.path()).unwrap_err().to_string();
        let sentence = "is not a file: choose another directory with --home or PINTLE_HOME";
        assert_eq!(said, format!("`{}` {sentence}", database.display()));
        std::fs::remove_dir(&database).unwrap();
        std::fs::write(&database, "").unwrap();
        assert!(has_store(dir.path()).unwrap());
        let said = has_store(&database).unwrap_err().to_string();
        let sentence = "is not a directory: choose another with --home or PINTLE_HOME";
        assert_eq!(said, format!("`{}` {sentence}", database.display()));
    }

    #[test]
    fn a_directory_that_cannot_be_looked_into_is_told() {
        let dir = tempfile::tempdir().unwrap();
        let around = dir.path().join("around");
        std::os::unix::fs::symlink(&around, &around).unwrap();
        let said = has_store(&around).unwrap_err().to_string();
        let sentence = "see whether its disk can be read, or choose another with --home or PINTLE_HOME";
        assert_eq!(said, format!("cannot look into `{}`: {sentence}", around.display()));
    }

    #[test]
    fn the_locale_decides_about_glyphs() {
        let with =
            |name: &'static str, value: &'static str| move |asked: &str| (asked == name).then(|| value.to_owned());
        assert!(is_utf8(&|_| None));
        assert!(is_utf8(&with("LANG", "de_DE.UTF-8")) && is_utf8(&with("LC_ALL", "C.utf8")));
        assert!(!is_utf8(&with("LC_ALL", "C")) && !is_utf8(&with("LANG", "de_DE.ISO-8859-1")));
    }
}
