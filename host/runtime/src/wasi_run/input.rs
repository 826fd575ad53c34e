//! `with:` of `wasi.run`.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use serde::Deserialize;

use crate::limits::{CallLimits, KIB, MIB};

/// As the step wrote it.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Input {
    pub(super) path: String,
    #[serde(default)]
    pub(super) args: Vec<String>,
    #[serde(default)]
    pub(super) env: BTreeMap<String, String>,
    #[serde(default)]
    pub(super) stdin: String,
    #[serde(default)]
    pub(super) dirs: Vec<Dir>,
    #[serde(default)]
    pub(super) limits: InputLimits,
}

/// A directory that the program may use.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Dir {
    pub(super) host: String,
    #[serde(default)]
    pub(super) guest: Option<String>,
    #[serde(default)]
    pub(super) read_only: bool,
}

/// A directory that was found and is granted.
#[derive(Debug)]
pub(super) struct Mapped {
    pub(super) host: PathBuf,
    pub(super) guest: String,
    pub(super) read_only: bool,
}

/// The bounds of the program.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct InputLimits {
    pub(super) memory_mib: u32,
    pub(super) cpu_ms: u64,
    pub(super) wall_ms: Option<u64>,
    pub(super) output_kib: u32,
}

impl Default for InputLimits {
    fn default() -> Self {
        Self { memory_mib: 64, cpu_ms: 10_000, wall_ms: None, output_kib: 10_240 }
    }
}

/// 32-bit memories end here.
const MEMORY_MIB: u32 = 4096;

impl Input {
    /// What the types do not say.
    pub(super) fn check(&self) -> Result<(), String> {
        let InputLimits { memory_mib, cpu_ms, wall_ms, output_kib } = self.limits;
        if self.path.is_empty() {
            return Err("`path` is empty; give the .wasm file".to_owned());
        }
        if memory_mib == 0 || memory_mib > MEMORY_MIB {
            return Err(format!("limits.memory_mib is {memory_mib}; write 1 to {MEMORY_MIB}"));
        }
        for (name, value) in [("cpu_ms", Some(cpu_ms)), ("wall_ms", wall_ms), ("output_kib", Some(output_kib.into()))] {
            if value == Some(0) {
                return Err(format!("limits.{name} is 0; write at least 1"));
            }
        }
        let nul = |text: &String| text.contains('\0');
        if self.args.iter().any(nul) || self.env.iter().any(|(name, value)| nul(name) || nul(value)) {
            return Err("an argument or variable holds a NUL byte".to_owned());
        }
        Ok(())
    }
}

impl InputLimits {
    /// Wall time of the program; none: only the step's.
    pub(super) fn wall(&self) -> Option<Duration> {
        self.wall_ms.map(Duration::from_millis)
    }

    /// As bounds of a call.
    pub(super) fn call(&self) -> CallLimits {
        let output = u64::from(self.output_kib) * KIB as u64;
        CallLimits {
            memory: self.memory_mib as usize * MIB,
            cpu: Duration::from_millis(self.cpu_ms),
            wall: self.wall(),
            log: output,
            output: Some(output),
        }
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;

    /// The golden table of `with`: its lines `holds:` are written by `UPDATE=1`.
    #[test]
    fn inputs_are_read_as_the_table_says() {
        let file = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/golden/with/wasi-run.txt");
        let table = std::fs::read_to_string(file).unwrap();
        let mut made = String::new();
        for line in table.lines().filter(|line| !line.starts_with("holds: ")) {
            made.push_str(&format!("{line}\n"));
            if let Some(json) = line.strip_prefix("gets: ") {
                let held = match serde_json::from_str::<Input>(json).map_err(|error| error.to_string()) {
                    Ok(input) => input.check().map(|()| format!("{input:?}")),
                    Err(error) => Err(error),
                };
                made.push_str(&format!("holds: {}\n", held.unwrap_or_else(|error| format!("refused: {error}"))));
            }
        }
        if std::env::var_os("UPDATE").is_some() {
            std::fs::write(file, &made).unwrap();
        }
        assert_eq!(std::fs::read_to_string(file).unwrap(), made, "UPDATE=1 writes it");
        assert!(table.matches("\nholds: ").count() >= 9, "rows are gone");
    }
}
