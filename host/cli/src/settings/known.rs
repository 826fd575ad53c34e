//! Every setting there is. The doc line is the manual.

/// What a value may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Any text.
    Text,
    /// A path; relative to the current directory.
    Path,
    /// A whole number.
    Count,
    /// `true` or `false`.
    Switch,
    /// A number of bytes, or text with a unit.
    Size,
    /// One of these.
    Choice(&'static [&'static str]),
}

/// One setting.
#[derive(Debug)]
pub(crate) struct Known {
    /// As in the file.
    pub(crate) key: &'static str,
    /// Variables, the first that is set counts.
    pub(crate) env: &'static [&'static str],
    /// What it may be.
    pub(crate) kind: Kind,
    /// As text; computed for `home` and `slots`.
    pub(crate) default: &'static str,
    /// For people.
    pub(crate) doc: &'static str,
}

impl Known {
    /// The option that sets it, where there is one.
    pub(crate) fn flag(&self) -> &'static str {
        if self.key == "log.level" { "log-level" } else { self.key }
    }
}

/// In the order in which they are shown.
pub(crate) const KNOWN: &[Known] = &[
    Known {
        key: "home",
        env: &["PINTLE_HOME", "DAGU_HOME"],
        kind: Kind::Path,
        default: "",
        doc: "data directory: database, logs, work directories of runs",
    },
    Known {
        key: "durability",
        env: &["PINTLE_DURABILITY"],
        kind: Kind::Choice(&["power", "process"]),
        default: "process",
        doc: "what a commit survives: power loss, or the death of the process",
    },
    Known { key: "slots", env: &["PINTLE_SLOTS"], kind: Kind::Count, default: "", doc: "how many steps run at once" },
    Known {
        key: "sandbox",
        env: &["PINTLE_SANDBOX"],
        kind: Kind::Switch,
        default: "false",
        doc: "take programs, files and addresses away from the embedded executors",
    },
    Known {
        key: "default_shell",
        env: &["PINTLE_DEFAULT_SHELL"],
        kind: Kind::Text,
        default: "",
        doc: "shell of `run` steps that name none; empty: $SHELL, else sh",
    },
    Known {
        key: "max_output",
        env: &["PINTLE_MAX_OUTPUT"],
        kind: Kind::Size,
        default: "1MiB",
        doc: "how much of a step's output is captured for the steps behind it",
    },
    Known {
        key: "colour",
        env: &["PINTLE_COLOUR", "PINTLE_COLOR", "NO_COLOR"],
        kind: Kind::Choice(&["auto", "always", "never"]),
        default: "auto",
        doc: "colours on terminals",
    },
    Known {
        key: "log.level",
        env: &["PINTLE_LOG_LEVEL"],
        kind: Kind::Text,
        default: "warn",
        doc: "what Pintle logs about itself: a level, or target=level pairs",
    },
    Known {
        key: "log.format",
        env: &["PINTLE_LOG_FORMAT"],
        kind: Kind::Choice(&["pretty", "json"]),
        default: "pretty",
        doc: "how a log line looks",
    },
];

/// Keys below `plugins.<name>.limits`.
pub(crate) const LIMITS: &[&str] = &["memory-mib", "cpu-ms", "wall-ms", "log-kib", "output-kib"];
