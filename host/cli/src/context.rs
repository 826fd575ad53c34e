//! What every command is given: the settings, and how to print.

use std::io::{IsTerminal as _, Write as _};

use pintle_spec::Colours;

use crate::render::style::Pen;
use crate::settings::{Colour, Settings};

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

    /// Whether there are runs to look at: reading makes no data directory.
    pub(crate) fn has_store(&self) -> bool {
        pintle_store_sqlite::Layout::new(&self.settings.home).database().is_file()
    }

    /// For commands that need a run: where there is none, they say so and make no data directory.
    pub(crate) fn need_store(&self) -> anyhow::Result<()> {
        anyhow::ensure!(
            self.has_store(),
            "there are no runs in `{}`: `pintle start FILE` makes the first",
            self.settings.home.display()
        );
        Ok(())
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

/// Text and a line's end on standard output. A reader that went away (`| head`) is no error.
pub(crate) fn say(text: &str) {
    let mut out = std::io::stdout().lock();
    let _ = out.write_all(text.as_bytes()).and_then(|()| out.write_all(b"\n"));
}

/// As [`say`], on standard error.
pub(crate) fn remark(text: &str) {
    let mut err = std::io::stderr().lock();
    let _ = err.write_all(text.as_bytes()).and_then(|()| err.write_all(b"\n"));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_locale_decides_about_glyphs() {
        let with =
            |name: &'static str, value: &'static str| move |asked: &str| (asked == name).then(|| value.to_owned());
        assert!(is_utf8(&|_| None));
        assert!(is_utf8(&with("LANG", "de_DE.UTF-8")) && is_utf8(&with("LC_ALL", "C.utf8")));
        assert!(!is_utf8(&with("LC_ALL", "C")) && !is_utf8(&with("LANG", "de_DE.ISO-8859-1")));
    }
}
