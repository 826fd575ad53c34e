//! From text to what it means.

use std::collections::BTreeMap;
use std::path::PathBuf;

use super::known::{Kind, Known};
use super::{Limits, Row, Settings};

/// What a commit survives.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Durability {
    /// Power loss.
    Power,
    /// The death of the process.
    #[default]
    Process,
}

/// When there are colours.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Colour {
    /// On a terminal.
    #[default]
    Auto,
    Always,
    Never,
}

/// How a log line looks.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum LogFormat {
    #[default]
    Pretty,
    Json,
}

/// Largest output that may be captured of a step: it is held in memory and stored with the run's events.
const MAX_OUTPUT: u64 = 64 * 1024 * 1024;
const MAX_SLOTS: usize = 4096;
/// What a log level may be.
const LEVELS: &str = "off, error, warn, info, debug or trace, or one with `target=level` pairs behind it \
                      (`info,pintle_store=debug`)";

/// Settings while they are being read.
#[derive(Debug, Default)]
pub(super) struct Typed {
    home: PathBuf,
    durability: Durability,
    slots: usize,
    colour: Colour,
    log_level: String,
    log_format: LogFormat,
    sandbox: bool,
    default_shell: Option<String>,
    max_output: usize,
}

impl Typed {
    /// Takes one value; how it is shown, or what is wrong with it.
    pub(super) fn take(&mut self, known: &Known, text: &str) -> Result<String, String> {
        let wrong = |use_this: &str| format!("is `{text}`; use {use_this}");
        if let Kind::Choice(choices) = known.kind
            && !choices.contains(&text)
        {
            let (last, rest) = choices.split_last().unwrap_or((&"", &[]));
            return Err(wrong(&format!("{} or {last}", rest.join(", "))));
        }
        match known.key {
            "home" => self.home = PathBuf::from(text),
            "durability" => self.durability = if text == "power" { Durability::Power } else { Durability::Process },
            "slots" => {
                let slots = text.parse().ok().filter(|n| (1..=MAX_SLOTS).contains(n));
                self.slots = slots.ok_or_else(|| wrong(&format!("a whole number from 1 to {MAX_SLOTS}")))?;
            }
            "colour" => {
                self.colour = match text {
                    "always" => Colour::Always,
                    "never" => Colour::Never,
                    _ => Colour::Auto,
                };
            }
            "log.level" => {
                pintle_telemetry::check(text).map_err(|_| wrong(LEVELS))?;
                text.clone_into(&mut self.log_level);
            }
            "log.format" => self.log_format = if text == "json" { LogFormat::Json } else { LogFormat::Pretty },
            "sandbox" => self.sandbox = switch(text).ok_or_else(|| wrong("true or false"))?,
            "default_shell" => self.default_shell = Some(text.to_owned()).filter(|text| !text.is_empty()),
            "max_output" => {
                let bytes = size(text).filter(|bytes| *bytes <= MAX_OUTPUT).and_then(|n| usize::try_from(n).ok());
                self.max_output = bytes.ok_or_else(|| wrong("a size such as 65536, 512KiB or 1MiB, at most 64MiB"))?;
            }
            other => return Err(format!("has no meaning: `{other}` is not read by anything")),
        }
        Ok(text.to_owned())
    }

    pub(super) fn finish(self, plugins: BTreeMap<String, Limits>, rows: Vec<Row>) -> Settings {
        Settings {
            home: self.home,
            durability: self.durability,
            slots: self.slots,
            colour: self.colour,
            log_level: self.log_level,
            log_format: self.log_format,
            sandbox: self.sandbox,
            default_shell: self.default_shell,
            max_output: self.max_output,
            plugins,
            rows,
        }
    }
}

fn switch(text: &str) -> Option<bool> {
    match text {
        "true" | "1" | "yes" | "on" => Some(true),
        "false" | "0" | "no" | "off" => Some(false),
        _ => None,
    }
}

/// `65536`, `512KiB`, `1MiB`; also `KB` and `MB` of 1000.
pub(super) fn size(text: &str) -> Option<u64> {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (number, unit) = text.split_at_checked(digits)?;
    let unit: u64 = match unit.trim() {
        "" | "B" => 1,
        "KiB" | "K" => 1024,
        "MiB" | "M" => 1024 * 1024,
        "KB" | "kB" => 1000,
        "MB" => 1_000_000,
        _ => return None,
    };
    number.parse::<u64>().ok()?.checked_mul(unit)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_have_units() {
        let read = ["0", "12", "1KiB", "2 MiB", "3KB", "4MB"].map(size);
        assert_eq!(read, [Some(0), Some(12), Some(1024), Some(2 << 20), Some(3000), Some(4_000_000)]);
        assert_eq!(["", "MiB", "1TB", "-1", "1.5MiB", "99999999999999999999"].map(size), [None; 6]);
    }

    #[test]
    fn every_known_setting_is_read_by_something() {
        for known in super::super::KNOWN {
            let text = match known.key {
                "home" => "/tmp",
                "slots" => "2",
                _ => known.default,
            };
            assert_eq!(Typed::default().take(known, text), Ok(text.to_owned()), "{}", known.key);
        }
    }
}
