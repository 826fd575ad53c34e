//! Assembles `examples/sandbox/*.wat` into the `.wasm` files beside them. Run after a source was changed:
//! `cargo run -p pintle-tests --example sandbox_wasm`.

use anyhow::{Context, Result};

fn main() -> Result<()> {
    let dir = pintle_tests::repository().join("examples/sandbox");
    for entry in std::fs::read_dir(&dir).with_context(|| format!("cannot list {}", dir.display()))? {
        let source = entry?.path();
        if source.extension().is_some_and(|extension| extension == "wat") {
            let module = wat::parse_file(&source)?;
            std::fs::write(source.with_extension("wasm"), &module)?;
            println!("{}: {} bytes", source.display(), module.len());
        }
    }
    Ok(())
}
