//! What was typed, in all places where it can be, made into what it means: flag > environment > file > default.
//!
//! The file is read once and only if there is one; everything is checked before anything is used, and all faults are
//! said together.

mod file;
mod known;
mod value;

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fmt;
use std::path::{Path, PathBuf};

use crate::failure::Failure;
pub(crate) use known::{KNOWN, Known};
pub(crate) use value::{Colour, Durability, LogFormat};

/// Where a value came from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Origin {
    /// This option.
    Flag(String),
    /// This variable.
    Env(String),
    /// This line of the file.
    File(PathBuf, usize),
    /// Nobody said anything.
    Default,
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Flag(name) => write!(f, "--{name}"),
            Self::Env(name) => write!(f, "${name}"),
            Self::File(path, line) => write!(f, "{}:{line}", path.display()),
            Self::Default => f.write_str("default"),
        }
    }
}

/// One setting as `pintle config` shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Row {
    /// As in the file: `log.level`.
    pub(crate) key: String,
    /// As text.
    pub(crate) value: String,
    /// Where it came from.
    pub(crate) origin: Origin,
}

/// Caps that the operator sets on a plugin; absent: the plugin's own.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Limits {
    pub(crate) memory_mib: Option<u32>,
    pub(crate) cpu_ms: Option<u32>,
    pub(crate) wall_ms: Option<u32>,
    pub(crate) log_kib: Option<u32>,
    pub(crate) output_kib: Option<u32>,
}

/// What everything that was typed means.
#[derive(Debug, Clone)]
pub(crate) struct Settings {
    /// Data directory; absolute.
    pub(crate) home: PathBuf,
    pub(crate) durability: Durability,
    /// How many steps run at once.
    pub(crate) slots: usize,
    pub(crate) colour: Colour,
    pub(crate) log_level: String,
    pub(crate) log_format: LogFormat,
    /// Take the trusted grants away from the embedded executors.
    pub(crate) sandbox: bool,
    /// Shell of `run` steps that name none.
    pub(crate) default_shell: Option<String>,
    /// Bound of what is captured of a step, bytes.
    pub(crate) max_output: usize,
    /// By plugin name.
    pub(crate) plugins: BTreeMap<String, Limits>,
    /// All of it, for people.
    pub(crate) rows: Vec<Row>,
}

/// What the command line said, by key.
pub(crate) type Flags = Vec<(&'static str, OsString)>;

/// Looks up an environment variable.
pub(crate) type Env<'a> = &'a dyn Fn(&str) -> Option<OsString>;

impl Settings {
    /// Puts the layers together. `cwd` makes relative paths absolute.
    pub(crate) fn resolve(flags: &Flags, config: Option<&Path>, env: Env<'_>, cwd: &Path) -> anyhow::Result<Self> {
        let mut faults = Vec::new();
        let file = file::find(flags, config, env, cwd)?;
        let file = match file {
            Some(path) => file::read(&path, &mut faults)?,
            None => file::Layer::default(),
        };
        let layers = Layers { flags, env, file: &file, cwd };
        let mut typed = value::Typed::default();
        let mut rows = Vec::with_capacity(KNOWN.len());
        for known in KNOWN {
            let (text, origin) = layers.pick(known, &mut faults);
            match typed.take(known, &text) {
                Ok(shown) => rows.push(Row { key: known.key.to_owned(), value: shown, origin }),
                Err(reason) => faults.push(format!("{origin}: `{}` {reason}", known.key)),
            }
        }
        let plugins = file.plugins(&mut rows);
        if !faults.is_empty() {
            return Err(Failure::usage(faults.join("\n")));
        }
        Ok(typed.finish(plugins, rows))
    }
}

struct Layers<'a> {
    flags: &'a Flags,
    env: Env<'a>,
    file: &'a file::Layer,
    cwd: &'a Path,
}

impl Layers<'_> {
    /// The first layer that says something.
    fn pick(&self, known: &Known, faults: &mut Vec<String>) -> (String, Origin) {
        let (raw, origin) = self.raw(known);
        let text = raw.into_string().unwrap_or_else(|raw| {
            faults.push(format!("{origin}: `{}` is not valid UTF-8; use text", known.key));
            raw.to_string_lossy().into_owned()
        });
        if known.kind == known::Kind::Path { (absolute(self.cwd, Path::new(&text)), origin) } else { (text, origin) }
    }

    fn raw(&self, known: &Known) -> (OsString, Origin) {
        if let Some((_, value)) = self.flags.iter().find(|(key, _)| *key == known.key) {
            return (value.clone(), Origin::Flag(known.flag().to_owned()));
        }
        for name in known.env {
            if let Some(value) = (self.env)(name).filter(|value| !value.is_empty()) {
                // NO_COLOR speaks by being there.
                let value = if *name == "NO_COLOR" { "never".into() } else { value };
                return (value, Origin::Env((*name).to_owned()));
            }
        }
        if let Some((value, origin)) = self.file.get(known.key) {
            return (value.into(), origin);
        }
        let default = match known.key {
            "home" => default_home(self.env),
            "slots" => default_slots().to_string().into(),
            _ => known.default.into(),
        };
        (default, Origin::Default)
    }
}

/// `$XDG_DATA_HOME/pintle`, or `~/.local/share/pintle`.
fn default_home(env: Env<'_>) -> OsString {
    xdg(env, "XDG_DATA_HOME", ".local/share").into_os_string()
}

fn xdg(env: Env<'_>, variable: &str, below_home: &str) -> PathBuf {
    let named = env(variable).map(PathBuf::from).filter(|path| path.is_absolute());
    let base = named.unwrap_or_else(|| PathBuf::from(env("HOME").unwrap_or_else(|| "/".into())).join(below_home));
    base.join("pintle")
}

/// Steps mostly wait for programs and for other machines: many more than there are cores may run at once.
fn default_slots() -> usize {
    std::thread::available_parallelism().map_or(2, std::num::NonZero::get).saturating_mul(16).clamp(64, 256)
}

fn absolute(cwd: &Path, path: &Path) -> String {
    cwd.join(path).to_string_lossy().into_owned()
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test may fail loudly")]
mod tests {
    use std::collections::HashMap;

    use super::*;

    struct World {
        dir: tempfile::TempDir,
        env: HashMap<&'static str, String>,
    }

    impl World {
        fn new(file: &str) -> Self {
            let dir = tempfile::tempdir().unwrap();
            let home = dir.path().join("home");
            std::fs::create_dir(&home).unwrap();
            std::fs::write(home.join("pintle.toml"), file).unwrap();
            let env = HashMap::from([("PINTLE_HOME", home.to_string_lossy().into_owned())]);
            Self { dir, env }
        }

        fn with(mut self, name: &'static str, value: &str) -> Self {
            self.env.insert(name, value.to_owned());
            self
        }

        fn resolve(&self, flags: &Flags) -> anyhow::Result<Settings> {
            Settings::resolve(flags, None, &|name| self.env.get(name).map(OsString::from), self.dir.path())
        }

        fn faults(&self) -> Vec<String> {
            let error = self.resolve(&Vec::new()).map(|_| ()).unwrap_err();
            assert_eq!(Failure::exit_of(&error), crate::failure::Exit::Usage);
            let prefix = format!("{}/", self.dir.path().join("home").display());
            error.to_string().lines().map(|line| line.replace(&prefix, "")).collect()
        }
    }

    fn origin<'a>(settings: &'a Settings, key: &str) -> &'a Origin {
        &settings.rows.iter().find(|row| row.key == key).unwrap().origin
    }

    #[test]
    fn a_flag_comes_before_the_environment_before_the_file_before_the_default() {
        let world = World::new("slots = 3\n");
        let by_file = world.resolve(&Vec::new()).unwrap();
        assert_eq!(by_file.slots, 3);
        assert!(matches!(origin(&by_file, "slots"), Origin::File(_, 1)));

        let world = world.with("PINTLE_SLOTS", "5");
        let by_env = world.resolve(&Vec::new()).unwrap();
        assert_eq!((by_env.slots, origin(&by_env, "slots")), (5, &Origin::Env("PINTLE_SLOTS".into())));

        let by_flag = world.resolve(&vec![("slots", "7".into())]).unwrap();
        assert_eq!((by_flag.slots, origin(&by_flag, "slots")), (7, &Origin::Flag("slots".into())));

        let by_default = World::new("").resolve(&Vec::new()).unwrap();
        assert_eq!((by_default.slots, origin(&by_default, "slots")), (default_slots(), &Origin::Default));
        assert_eq!(by_default.durability, Durability::Process);
        assert_eq!(by_default.max_output, 1024 * 1024);
    }

    #[test]
    fn the_data_directory_is_dagus_where_pintle_has_none() {
        let env = HashMap::from([("HOME", "/u"), ("DAGU_HOME", "/d")]);
        let look = |name: &str| env.get(name).map(OsString::from);
        let settings = Settings::resolve(&Vec::new(), None, &look, Path::new("/w")).unwrap();
        assert_eq!(settings.home, Path::new("/d"));

        let bare = |name: &str| (name == "HOME").then(|| OsString::from("/u"));
        let settings = Settings::resolve(&Vec::new(), None, &bare, Path::new("/w")).unwrap();
        assert_eq!(settings.home, Path::new("/u/.local/share/pintle"));
        let flags: Flags = vec![("home", "rel".into())];
        assert_eq!(Settings::resolve(&flags, None, &bare, Path::new("/w")).unwrap().home, Path::new("/w/rel"));
    }

    #[test]
    fn all_faults_of_a_file_are_said_at_once_with_their_lines() {
        let world = World::new(
            "slots = \"many\"\ndurabilty = \"power\"\ndurability = \"strong\"\nbogus = 1\n[log]\nlevle = \"info\"\n\
             level = \"wran\"\n\
             [plugins.exec-http.limits]\nmemory = 3\ncpu-ms = -1\n[plugin.x]\n",
        );
        assert_eq!(
            world.faults(),
            [
                "pintle.toml:1: `slots` must be a whole number, not a string",
                "pintle.toml:2: unknown key `durabilty`; did you mean `durability`?",
                "pintle.toml:4: unknown key `bogus`; use one of home, durability, slots, sandbox, default_shell, max_output, colour, log.level, log.format, log, plugins",
                "pintle.toml:6: unknown key `log.levle`; did you mean `log.level`?",
                "pintle.toml:9: unknown key `plugins.exec-http.limits.memory`; use one of memory-mib, cpu-ms, wall-ms, log-kib, output-kib",
                "pintle.toml:10: `plugins.exec-http.limits.cpu-ms` must be a whole number from 0 to 4294967295",
                "pintle.toml:11: unknown key `plugin`; did you mean `plugins`?",
                "pintle.toml:3: `durability` is `strong`; use power or process",
                "pintle.toml:7: `log.level` is `wran`; use off, error, warn, info, debug or trace, or one with `target=level` pairs behind it (`info,pintle_store=debug`)",
            ]
        );
    }

    #[test]
    fn values_of_every_layer_are_checked() {
        for (name, value, wanted) in [
            ("PINTLE_SLOTS", "0", "$PINTLE_SLOTS: `slots` is `0`; use a whole number from 1 to 4096"),
            (
                "PINTLE_MAX_OUTPUT",
                "1TB",
                "$PINTLE_MAX_OUTPUT: `max_output` is `1TB`; use a size such as 65536, 512KiB or 1MiB, at most 64MiB",
            ),
            ("PINTLE_SANDBOX", "si", "$PINTLE_SANDBOX: `sandbox` is `si`; use true or false"),
            (
                "PINTLE_LOG_LEVEL",
                "wran",
                "$PINTLE_LOG_LEVEL: `log.level` is `wran`; use off, error, warn, info, debug or trace, or one with \
                 `target=level` pairs behind it (`info,pintle_store=debug`)",
            ),
        ] {
            assert_eq!(World::new("").with(name, value).faults(), [wanted]);
        }
    }

    #[test]
    fn limits_and_sizes_are_read() {
        let world = World::new(
            "max_output = \"2MiB\"\nsandbox = true\ncolour = \"never\"\nlog = { level = \"debug\", format = \"json\" }\n\
             [plugins.exec-data.limits]\nmemory-mib = 64\nwall-ms = 500\n",
        );
        let settings = world.resolve(&Vec::new()).unwrap();
        assert_eq!(settings.max_output, 2 * 1024 * 1024);
        assert!(settings.sandbox);
        assert_eq!((settings.colour, settings.log_format), (Colour::Never, LogFormat::Json));
        assert_eq!(settings.log_level, "debug");
        let limits = settings.plugins.get("exec-data").unwrap();
        assert_eq!((limits.memory_mib, limits.wall_ms, limits.cpu_ms), (Some(64), Some(500), None));
        assert!(settings.rows.iter().any(|row| row.key == "plugins.exec-data.limits.memory-mib" && row.value == "64"));
    }

    #[test]
    fn no_color_speaks_by_being_there_unless_colours_were_asked_for() {
        let settings = World::new("").with("NO_COLOR", "1").resolve(&Vec::new()).unwrap();
        assert_eq!(settings.colour, Colour::Never);
        let asked = World::new("").with("NO_COLOR", "1").resolve(&vec![("colour", "always".into())]).unwrap();
        assert_eq!(asked.colour, Colour::Always);
    }

    #[test]
    fn a_settings_file_that_was_named_must_be_there() {
        let none = |_: &str| None;
        let error = Settings::resolve(&Vec::new(), Some(Path::new("no.toml")), &none, Path::new("/w")).map(|_| ());
        let said = error.unwrap_err().to_string();
        assert_eq!(
            said,
            "settings file `/w/no.toml` cannot be read: No such file or directory (os error 2); check --config"
        );
    }

    #[test]
    fn the_data_directory_is_not_moved_from_inside() {
        let world = World::new("home = \"/elsewhere\"\n");
        assert_eq!(
            world.faults(),
            [
                "pintle.toml:1: `home` cannot be set in a file of the data directory; set PINTLE_HOME, or use pintle.toml in the configuration directory"
            ]
        );
    }
}
