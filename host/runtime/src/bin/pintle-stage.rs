//! Stages components at build time: `pintle-stage OUT COMPONENT.wasm plugin.toml [COMPONENT.wasm plugin.toml]...`
//! writes `OUT/<name>.staged.json` and `OUT/<name>.cwasm`, which are embedded into the `pintle` binary.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use pintle_runtime::{COMPILE_COMMAND, Manifest, compile_child_main, stage};

fn main() -> ExitCode {
    let mut arguments = std::env::args_os().skip(1);
    let Some(first) = arguments.next() else {
        return usage();
    };
    if first == COMPILE_COMMAND {
        return compile_child_main();
    }
    let files: Vec<PathBuf> = arguments.map(PathBuf::from).collect();
    if files.is_empty() || !files.len().is_multiple_of(2) {
        return usage();
    }
    let out = PathBuf::from(first);
    let mut code = ExitCode::SUCCESS;
    for pair in files.chunks_exact(2) {
        if let [component, manifest] = pair
            && let Err(message) = stage_one(&out, component, manifest)
        {
            eprintln!("{message}");
            code = ExitCode::FAILURE;
        }
    }
    code
}

fn usage() -> ExitCode {
    eprintln!("usage: pintle-stage OUT COMPONENT.wasm plugin.toml [COMPONENT.wasm plugin.toml]...");
    ExitCode::from(2)
}

fn stage_one(out: &Path, component: &Path, manifest: &Path) -> Result<(), String> {
    let failed = |path: &Path, error: std::io::Error| format!("{}: {error}", path.display());
    let text = std::fs::read_to_string(manifest).map_err(|error| failed(manifest, error))?;
    let wasm = std::fs::read(component).map_err(|error| failed(component, error))?;
    let parsed = Manifest::parse(&text, &manifest.display().to_string()).map_err(|error| error.to_string())?;
    let staged = stage(&component.display().to_string(), wasm, &parsed).map_err(|error| error.to_string())?;
    let json = serde_json::to_vec_pretty(&staged.staged).map_err(|error| error.to_string())?;
    std::fs::create_dir_all(out).map_err(|error| failed(out, error))?;
    for (ending, bytes) in [("staged.json", json), ("cwasm", staged.native)] {
        let path = out.join(format!("{}.{ending}", parsed.name));
        std::fs::write(&path, bytes).map_err(|error| failed(&path, error))?;
    }
    Ok(())
}
