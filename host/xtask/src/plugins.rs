//! First-party plugins: compiled as guests, made components, checked, staged; all in `target/plugins`.
//!
//! | file | what |
//! |---|---|
//! | `<name>.wasm` | the component |
//! | `<name>.toml` | its manifest |
//! | `<name>.staged.json`, `<name>.cwasm` | what `pintle-stage` made of both |
//! | `index.json` | the list that the binary embeds by |

mod component;

use std::fs;
use std::path::PathBuf;

use anyhow::{Context, Result, bail};
use serde::{Deserialize, Serialize};

use crate::shell;
use crate::stamp::{Inputs, Stamp};
use crate::toolchain::{self, GUEST_TARGET};
use crate::workspace::{self, Workspace};

/// One line of `index.json`; the files lie beside it.
#[derive(Debug, Serialize)]
struct Entry {
    name: String,
    wasm: String,
    manifest: String,
    staged: String,
    precompiled: String,
}

impl Entry {
    fn of(name: &str) -> Self {
        let file = |ending: &str| format!("{name}.{ending}");
        Self {
            name: name.to_owned(),
            wasm: file("wasm"),
            manifest: file("toml"),
            staged: file("staged.json"),
            precompiled: file("cwasm"),
        }
    }
}

/// A plugin's source.
#[derive(Debug)]
struct Plugin {
    name: String,
    directory: PathBuf,
    manifest: Manifest,
}

/// What is read of a manifest here; the host checks all of it when it stages the plugin.
#[derive(Debug, Deserialize)]
pub(crate) struct Manifest {
    name: String,
    #[serde(default)]
    wants: toml::Table,
}

/// Builds what is not up to date.
pub(crate) fn build(workspace: &Workspace) -> Result<()> {
    let plugins = sources(workspace)?;
    let built = compile(workspace, &plugins)?;
    let staged = stage(workspace, &plugins)?;
    let index: Vec<Entry> = plugins.iter().map(|plugin| Entry::of(&plugin.name)).collect();
    let index = serde_json::to_string_pretty(&index)?;
    workspace::write_if_changed(&workspace.plugins_out().join("index.json"), index.as_bytes())?;
    let out = workspace.plugins_out();
    match built || staged {
        true => println!("plugins: {} in {}", plugins.len(), out.display()),
        false => println!("plugins: {} up to date in {}", plugins.len(), out.display()),
    }
    Ok(())
}

/// Every directory of `plugins/` with a manifest.
fn sources(workspace: &Workspace) -> Result<Vec<Plugin>> {
    let directory = workspace.root.join("plugins");
    let mut plugins = Vec::new();
    for entry in fs::read_dir(&directory).with_context(|| format!("{} cannot be listed", directory.display()))? {
        let directory = entry?.path();
        let manifest = directory.join("plugin.toml");
        if !manifest.is_file() {
            continue;
        }
        let name = directory.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let manifest: Manifest = toml::from_str(&workspace::read(&manifest)?)
            .with_context(|| format!("{} is faulty", manifest.display()))?;
        if manifest.name != name {
            bail!("plugins/{name}/plugin.toml names itself `{}`: folder and name are the same word", manifest.name);
        }
        plugins.push(Plugin { name, directory, manifest });
    }
    plugins.sort_by(|left, right| left.name.cmp(&right.name));
    if plugins.is_empty() {
        bail!("{} holds no plugin", directory.display());
    }
    Ok(plugins)
}

/// Guests to components; true if anything was built.
fn compile(workspace: &Workspace, plugins: &[Plugin]) -> Result<bool> {
    let out = workspace.plugins_out();
    let mut inputs = Inputs::default().text(&toolchain::fingerprint(workspace)?);
    for path in ["guest-sdk", "plugins", "wit", "Cargo.lock", "Cargo.toml", "host/xtask/src/plugins"] {
        inputs = inputs.tree(&workspace.root, path)?;
    }
    let outputs: Vec<PathBuf> = plugins
        .iter()
        .flat_map(|plugin| ["wasm", "toml"].map(|ending| out.join(format!("{}.{ending}", plugin.name))))
        .collect();
    let stamp = Stamp::new(&out, "components", inputs);
    if stamp.holds(&outputs) {
        return Ok(false);
    }
    let mut cargo = toolchain::guest_build(workspace);
    for plugin in plugins {
        cargo.args(["-p", &plugin.name]);
    }
    shell::run(&mut cargo)?;
    for plugin in plugins {
        let module =
            workspace.target.join(GUEST_TARGET).join("guest").join(format!("{}.wasm", plugin.name.replace('-', "_")));
        let module = fs::read(&module).with_context(|| format!("{} was not built", module.display()))?;
        let component = component::encode(&module).with_context(|| format!("{} is no component", plugin.name))?;
        component::check(&component, &plugin.manifest).with_context(|| format!("{} is refused", plugin.name))?;
        workspace::write_if_changed(&out.join(format!("{}.wasm", plugin.name)), &component)?;
        let manifest = workspace::read(&plugin.directory.join("plugin.toml"))?;
        workspace::write_if_changed(&out.join(format!("{}.toml", plugin.name)), manifest.as_bytes())?;
    }
    stamp.set()?;
    Ok(true)
}

/// Components to staged rows and native code; true if anything was staged.
fn stage(workspace: &Workspace, plugins: &[Plugin]) -> Result<bool> {
    let out = workspace.plugins_out();
    let mut inputs = Inputs::default().text(&this_cpu());
    for path in ["host/core/src", "host/plane/src", "host/runtime/src", "host/runtime/Cargo.toml", "wit", "Cargo.lock"]
    {
        inputs = inputs.tree(&workspace.root, path)?;
    }
    let mut outputs = Vec::new();
    for plugin in plugins {
        let entry = Entry::of(&plugin.name);
        inputs = inputs.tree(&out, &entry.wasm)?.tree(&out, &entry.manifest)?;
        outputs.extend([out.join(entry.staged), out.join(entry.precompiled)]);
    }
    let stamp = Stamp::new(&out, "staged", inputs);
    if stamp.holds(&outputs) {
        return Ok(false);
    }
    let words = ["build", "--locked", "--release", "--workspace", "--bin", "pintle-stage"];
    shell::run(shell::cargo(&workspace.root).args(words))?;
    let mut stage = shell::program(&workspace.root, workspace.release("pintle-stage"));
    stage.arg(&out);
    for plugin in plugins {
        let entry = Entry::of(&plugin.name);
        stage.arg(out.join(entry.wasm)).arg(out.join(entry.manifest));
    }
    shell::run(&mut stage)?;
    match outputs.iter().find(|path| !path.is_file()) {
        Some(missing) => bail!("pintle-stage did not write {}", missing.display()),
        None => stamp.set().map(|()| true),
    }
}

/// Native code is made for this machine: another one's is made anew.
fn this_cpu() -> String {
    let info = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let flags = info.lines().find(|line| line.starts_with("flags") || line.starts_with("Features")).unwrap_or_default();
    format!("{} {flags}", std::env::consts::ARCH)
}

#[cfg(test)]
#[expect(clippy::expect_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;

    #[test]
    fn a_plugin_is_named_as_its_folder() {
        let directory = tempfile::tempdir().expect("a temporary directory");
        let root = directory.path().to_owned();
        let workspace = Workspace { target: root.join("target"), root: root.clone() };
        let write = |name: &str| {
            let text = format!("manifest = 1\nname = \"{name}\"\n[wants.http]\nrequired = true\n");
            workspace::write_if_changed(&root.join("plugins/exec-x/plugin.toml"), text.as_bytes()).expect("writes")
        };
        write("exec-x");
        let plugins = sources(&workspace).expect("one plugin");
        assert_eq!(plugins.iter().map(|plugin| plugin.name.as_str()).collect::<Vec<_>>(), ["exec-x"]);
        write("exec-y");
        let error = sources(&workspace).expect_err("two words for one thing").to_string();
        assert_eq!(error, "plugins/exec-x/plugin.toml names itself `exec-y`: folder and name are the same word");
    }

    #[test]
    fn the_index_names_files_beside_it() {
        let entry = serde_json::to_value(Entry::of("exec-x")).expect("an entry is JSON");
        assert_eq!(
            entry,
            serde_json::json!({
                "name": "exec-x", "wasm": "exec-x.wasm", "manifest": "exec-x.toml",
                "staged": "exec-x.staged.json", "precompiled": "exec-x.cwasm",
            })
        );
    }
}
