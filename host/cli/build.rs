//! Puts the first-party plugins into the binary: writes a table of what `cargo xtask plugins` made.

use std::env;
use std::error::Error;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-env-changed=PINTLE_PLUGINS_DIR");
    let out = PathBuf::from(env::var_os("OUT_DIR").ok_or("OUT_DIR is not set")?);
    println!("cargo::rustc-env=PINTLE_TARGET={}", env::var("TARGET")?);
    println!("cargo::rustc-env=PINTLE_PROFILE={}", env::var("PROFILE")?);
    let dir = plugins_dir(&out)?;
    let index = dir.join("index.json");
    println!("cargo::rerun-if-changed={}", index.display());
    let Ok(text) = fs::read_to_string(&index) else {
        println!("cargo::error=run `cargo xtask plugins` first: {} is not there", index.display());
        return Ok(());
    };
    let entries: Vec<serde_json::Value> = serde_json::from_str(&text)?;
    fs::write(out.join("embedded.rs"), table(&dir, &entries)?)?;
    Ok(())
}

/// `plugins` in the target directory, which is above `OUT_DIR`.
fn plugins_dir(out: &Path) -> Result<PathBuf, Box<dyn Error>> {
    if let Some(dir) = env::var_os("PINTLE_PLUGINS_DIR") {
        return Ok(dir.into());
    }
    // The nearest of the directories above that has one: a build for a named target lies one level deeper.
    let above = out.ancestors().map(|dir| dir.join("plugins")).find(|dir| dir.join("index.json").is_file());
    let manifest = PathBuf::from(env::var_os("CARGO_MANIFEST_DIR").ok_or("CARGO_MANIFEST_DIR is not set")?);
    Ok(above.unwrap_or_else(|| manifest.join("../../target/plugins")))
}

fn table(dir: &Path, entries: &[serde_json::Value]) -> Result<String, Box<dyn Error>> {
    let mut table = String::from("&[\n");
    for entry in entries {
        let file = |key: &str| -> Result<Option<String>, Box<dyn Error>> {
            let Some(name) = entry.get(key).and_then(serde_json::Value::as_str) else { return Ok(None) };
            let path = dir
                .join(name)
                .canonicalize()
                .map_err(|error| format!("{}: {error}; run `cargo xtask plugins` again", dir.join(name).display()))?;
            println!("cargo::rerun-if-changed={}", path.display());
            Ok(Some(format!("{:?}", path.display().to_string())))
        };
        let needed = |key: &'static str| file(key)?.ok_or_else(|| format!("index.json: `{key}` is missing").into());
        let needed = |key| -> Result<String, Box<dyn Error>> { needed(key) };
        let precompiled = match file("precompiled")? {
            Some(path) => format!("Some(include_bytes!({path}))"),
            None => "None".to_owned(),
        };
        writeln!(
            table,
            "    Embedded {{ wasm: include_bytes!({}), manifest: include_str!({}), staged_json: include_str!({}), \
             precompiled: {precompiled} }},",
            needed("wasm")?,
            needed("manifest")?,
            needed("staged")?,
        )?;
    }
    table.push(']');
    Ok(table)
}
