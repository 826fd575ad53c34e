//! `pintle.toml`.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::known::{KNOWN, Kind, LIMITS};
use super::{Env, Flags, Limits, Origin, Row};
use crate::failure::Failure;

/// The file's name, in each place where it is looked for.
const NAME: &str = "pintle.toml";

/// What a file said.
#[derive(Debug, Default)]
pub(super) struct Layer {
    path: PathBuf,
    values: Vec<(&'static str, String, usize)>,
    limits: Vec<(String, &'static str, u32, usize)>,
}

/// A file that is to be read.
#[derive(Debug)]
pub(super) struct Found {
    path: PathBuf,
    /// It lies in the data directory: it cannot say where that is.
    inside: bool,
}

/// The file that counts: the one that was named (it must be there), else that of the data directory if one was named,
/// else that of the configuration directory, else that of the default data directory.
pub(super) fn find(flags: &Flags, config: Option<&Path>, env: Env<'_>, cwd: &Path) -> anyhow::Result<Option<Found>> {
    let named = config.map(|path| (path.to_path_buf(), "--config"));
    let named = named.or_else(|| env("PINTLE_CONFIG").filter(|v| !v.is_empty()).map(|v| (v.into(), "PINTLE_CONFIG")));
    if let Some((path, by)) = named {
        let path = cwd.join(path);
        return match std::fs::metadata(&path) {
            Ok(_) => Ok(Some(Found { path, inside: false })),
            Err(error) => {
                Err(Failure::usage(format!("settings file `{}` cannot be read: {error}; check {by}", path.display())))
            }
        };
    }
    let flag = flags.iter().find(|(key, _)| *key == "home").map(|(_, value)| value.clone());
    let home =
        flag.or_else(|| ["PINTLE_HOME", "DAGU_HOME"].iter().find_map(|name| env(name).filter(|v| !v.is_empty())));
    let inside = |home: PathBuf| Found { path: cwd.join(home).join(NAME), inside: true };
    let outside = Found { path: super::xdg(env, "XDG_CONFIG_HOME", ".config").join(NAME), inside: false };
    let candidates = match home {
        Some(home) => [inside(home.into()), outside],
        None => [outside, inside(super::default_home(env).into())],
    };
    Ok(candidates.into_iter().find(|found| found.path.is_file()))
}

/// Reads and checks a file; what is wrong with single keys goes to `faults`.
pub(super) fn read(found: &Found, faults: &mut Vec<String>) -> anyhow::Result<Layer> {
    let path = &found.path;
    let text = std::fs::read_to_string(path)
        .with_context(|| format!("settings file `{}` cannot be read; make it readable text", path.display()))?;
    let root = DeTable::parse(&text).map_err(|error| {
        let line = error.span().map_or(1, |span| line_of(&text, span.start));
        Failure::usage(format!("{}:{line}: {}", path.display(), error.message().trim_end()))
    })?;
    let mut reader = Reader { text: &text, found, faults, layer: Layer { path: path.clone(), ..Layer::default() } };
    reader.root(root.get_ref());
    Ok(reader.layer)
}

impl Layer {
    /// The value of a key.
    pub(super) fn get(&self, key: &str) -> Option<(String, Origin)> {
        let (_, value, line) = self.values.iter().find(|(known, _, _)| *known == key)?;
        Some((value.clone(), Origin::File(self.path.clone(), *line)))
    }

    /// Limits by plugin, each also as a row.
    pub(super) fn plugins(&self, rows: &mut Vec<Row>) -> BTreeMap<String, Limits> {
        let mut plugins: BTreeMap<String, Limits> = BTreeMap::new();
        for (plugin, limit, value, line) in &self.limits {
            let limits = plugins.entry(plugin.clone()).or_default();
            match *limit {
                "memory-mib" => limits.memory_mib = Some(*value),
                "cpu-ms" => limits.cpu_ms = Some(*value),
                "wall-ms" => limits.wall_ms = Some(*value),
                "log-kib" => limits.log_kib = Some(*value),
                _ => limits.output_kib = Some(*value),
            }
            rows.push(Row {
                key: format!("plugins.{plugin}.limits.{limit}"),
                value: value.to_string(),
                origin: Origin::File(self.path.clone(), *line),
            });
        }
        plugins
    }
}

struct Reader<'a> {
    text: &'a str,
    found: &'a Found,
    faults: &'a mut Vec<String>,
    layer: Layer,
}

type Key<'a, 'i> = &'a Spanned<std::borrow::Cow<'i, str>>;

impl Reader<'_> {
    fn root(&mut self, table: &DeTable<'_>) {
        for (key, value) in in_order(table) {
            match (key.get_ref().as_ref(), value.get_ref()) {
                ("log", DeValue::Table(log)) => {
                    for (key, value) in in_order(log) {
                        self.known(&format!("log.{}", key.get_ref()), key, value);
                    }
                }
                ("plugins", DeValue::Table(plugins)) => {
                    for (name, value) in in_order(plugins) {
                        self.plugin(name, value);
                    }
                }
                ("log" | "plugins", other) => {
                    self.fault(key, &format!("`{}` must be a table, not {}", key.get_ref(), kind_of(other)));
                }
                (name, _) => self.known(name, key, value),
            }
        }
    }

    fn known(&mut self, name: &str, key: Key<'_, '_>, value: &Spanned<DeValue<'_>>) {
        let Some(known) = KNOWN.iter().find(|known| known.key == name) else {
            let others = KNOWN.iter().map(|known| known.key).chain(["log", "plugins"]);
            return self.unknown(key, name, others.collect());
        };
        if name == "home" && self.found.inside {
            let rule = "`home` cannot be set in a file of the data directory; set PINTLE_HOME, or use pintle.toml in the configuration directory";
            return self.fault(key, rule);
        }
        match text_of(known.kind, value.get_ref()) {
            Ok(text) => {
                let line = line_of(self.text, key.span().start);
                self.layer.values.push((known.key, text, line));
            }
            Err(wanted) => {
                self.fault(key, &format!("`{name}` must be {wanted}, not {}", kind_of(value.get_ref())));
            }
        }
    }

    fn plugin(&mut self, name: Key<'_, '_>, value: &Spanned<DeValue<'_>>) {
        let plugin = name.get_ref().to_string();
        let Some(table) = value.get_ref().as_table() else {
            return self.fault(name, &format!("`plugins.{plugin}` must be a table"));
        };
        for (key, value) in in_order(table) {
            match (key.get_ref().as_ref(), value.get_ref()) {
                ("limits", DeValue::Table(limits)) => {
                    for (key, value) in in_order(limits) {
                        self.limit(&plugin, key, value.get_ref());
                    }
                }
                ("limits", other) => {
                    self.fault(key, &format!("`plugins.{plugin}.limits` must be a table, not {}", kind_of(other)));
                }
                (other, _) => self.unknown(key, &format!("plugins.{plugin}.{other}"), vec!["limits"]),
            }
        }
    }

    fn limit(&mut self, plugin: &str, key: Key<'_, '_>, value: &DeValue<'_>) {
        let name = format!("plugins.{plugin}.limits.{}", key.get_ref());
        let Some(limit) = LIMITS.iter().find(|limit| **limit == key.get_ref().as_ref()) else {
            return self.fault(key, &format!("unknown key `{name}`; use one of {}", LIMITS.join(", ")));
        };
        let number = value.as_integer().and_then(|n| u32::from_str_radix(n.as_str(), n.radix()).ok());
        match number {
            Some(number) => {
                let line = line_of(self.text, key.span().start);
                self.layer.limits.push((plugin.to_owned(), limit, number, line));
            }
            None => self.fault(key, &format!("`{name}` must be a whole number from 0 to {}", u32::MAX)),
        }
    }

    fn unknown(&mut self, key: Key<'_, '_>, name: &str, others: Vec<&str>) {
        let nearest = pintle_spec::nearest(last_part(name), others.iter().map(|other| last_part(other)));
        let hint = match others.iter().find(|other| nearest == Some(last_part(other))) {
            Some(other) => format!("did you mean `{other}`?"),
            None => format!("use one of {}", others.join(", ")),
        };
        self.fault(key, &format!("unknown key `{name}`; {hint}"));
    }

    fn fault(&mut self, key: Key<'_, '_>, what: &str) {
        let line = line_of(self.text, key.span().start);
        self.faults.push(format!("{}:{line}: {what}", self.found.path.display()));
    }
}

fn last_part(key: &str) -> &str {
    key.rsplit('.').next().unwrap_or(key)
}

/// In the order of the file, so that faults are said in it.
fn in_order<'a, 'i>(table: &'a DeTable<'i>) -> Vec<(Key<'a, 'i>, &'a Spanned<DeValue<'i>>)> {
    let mut entries: Vec<_> = table.iter().collect();
    entries.sort_by_key(|(key, _)| key.span().start);
    entries
}

fn text_of(kind: Kind, value: &DeValue<'_>) -> Result<String, &'static str> {
    let text = || value.as_str().map(str::to_owned);
    let number =
        || value.as_integer().and_then(|n| i64::from_str_radix(n.as_str(), n.radix()).ok()).map(|n| n.to_string());
    match kind {
        Kind::Text | Kind::Path | Kind::Choice(_) => text().ok_or("a string"),
        Kind::Count => number().ok_or("a whole number"),
        Kind::Switch => value.as_bool().map(|b| b.to_string()).ok_or("true or false"),
        Kind::Size => text().or_else(number).ok_or("a size"),
    }
}

fn kind_of(value: &DeValue<'_>) -> &'static str {
    match value {
        DeValue::String(_) => "a string",
        DeValue::Integer(_) | DeValue::Float(_) => "a number",
        DeValue::Boolean(_) => "a boolean",
        DeValue::Datetime(_) => "a date",
        DeValue::Array(_) => "a list",
        DeValue::Table(_) => "a table",
    }
}

fn line_of(text: &str, offset: usize) -> usize {
    text.bytes().take(offset).filter(|byte| *byte == b'\n').count() + 1
}
