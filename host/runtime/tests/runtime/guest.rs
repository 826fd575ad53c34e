//! Components from WebAssembly text: an executor `acme 1.4.0` with one action, whose body each test writes.

use pintle_runtime::Manifest;
use wit_component::{ComponentEncoder, StringEncoding, embed_component_metadata};
use wit_parser::Resolve;

/// An executor in the making.
#[derive(Clone)]
pub(crate) struct Guest {
    /// Interfaces of `pintle:host`, by their short names.
    pub(crate) imports: Vec<&'static str>,
    /// Core imports of the module.
    pub(crate) core_imports: String,
    /// Everything else of the module: data, functions, globals.
    pub(crate) rest: String,
    /// Body of `run`; `$in` points at the arguments; it leaves the address of the result.
    pub(crate) run: String,
    /// Body of `resume`, likewise.
    pub(crate) resume: String,
    /// The memory's limits.
    pub(crate) memory: &'static str,
    /// Body of `describe`, before its answer.
    pub(crate) describe: String,
}

/// Where the answer "done, no outputs" lies.
pub(crate) const DONE: &str = "(i32.const 512)";

impl Default for Guest {
    fn default() -> Self {
        Self {
            imports: Vec::new(),
            core_imports: String::new(),
            rest: String::new(),
            run: DONE.to_owned(),
            resume: DONE.to_owned(),
            memory: "2",
            describe: String::new(),
        }
    }
}

fn words(words: &[u32]) -> String {
    words.iter().flat_map(|word| word.to_le_bytes()).map(|byte| format!("\\{byte:02x}")).collect()
}

impl Guest {
    /// A guest with this body of `run`.
    pub(crate) fn running(run: &str) -> Self {
        Self { run: run.to_owned(), ..Self::default() }
    }

    fn module(&self) -> String {
        let descriptor = words(&[16, 4, 32, 5, 0, 0, 64, 2, 0, 0, 0, 0]);
        let actions = words(&[328, 1, 48, 7, 0, 0, 64, 2, 0, 0, 3]);
        let Self { core_imports, rest, run, resume, memory, describe, .. } = self;
        format!(
            r#"(module
              {core_imports}
              (memory (export "memory") {memory})
              (global $heap (mut i32) (i32.const 8192))
              (data (i32.const 16) "acme") (data (i32.const 32) "1.4.0")
              (data (i32.const 48) "acme.do") (data (i32.const 64) "{{}}")
              (data (i32.const 256) "{descriptor}")
              (data (i32.const 320) "{actions}")
              {rest}
              (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32) (local $p i32)
                (local.set $p (i32.and (i32.add (global.get $heap) (i32.const 7)) (i32.const -8)))
                (global.set $heap (i32.add (local.get $p) (local.get 3)))
                (block $fits (loop $grow
                  (br_if $fits (i32.le_u (global.get $heap) (i32.mul (memory.size) (i32.const 65536))))
                  (drop (memory.grow (i32.const 16))) (br $grow)))
                (local.get $p))
              (func (export "pintle:core/plugin@0.1.0#describe") (result i32) {describe} (i32.const 256))
              (func (export "pintle:core/plugin@0.1.0#check-config") (param i32 i32) (result i32) (i32.const 640))
              (func (export "pintle:executor/executor@0.1.0#actions") (result i32) (i32.const 320))
              (func $run (export "pintle:executor/executor@0.1.0#run") (param $in i32) (result i32) {run})
              (func (export "pintle:executor/executor@0.1.0#resume") (param $in i32) (result i32) {resume})
              (func (export "pintle:executor/executor@0.1.0#abort") (param $in i32) (result i32) (i32.const 640))
            )"#
        )
    }

    /// The component.
    pub(crate) fn build(&self) -> Vec<u8> {
        let imports: String = self.imports.iter().map(|name| format!("import pintle:host/{name}@0.1.0;\n")).collect();
        let world = format!(
            "package test:guest;\nworld guest {{ {imports}
             export pintle:core/plugin@0.1.0; export pintle:executor/executor@0.1.0; }}"
        );
        component(&self.module(), &world)
    }
}

/// Makes a core module a component of the world `guest` in `wit`.
pub(crate) fn component(module: &str, wit: &str) -> Vec<u8> {
    let mut resolve = Resolve::default();
    for package in ["core", "host", "executor"] {
        resolve
            .push_dir(format!("{}/../../wit/{package}", env!("CARGO_MANIFEST_DIR")))
            .expect("the WIT packages parse");
    }
    let package = resolve.push_str("guest.wit", wit).expect("the test's world parses");
    let world = resolve.select_world(&[package], Some("guest")).unwrap();
    let mut module = wat::parse_str(module).unwrap_or_else(|error| panic!("{error}"));
    embed_component_metadata(&mut module, &resolve, world, StringEncoding::UTF8).unwrap();
    ComponentEncoder::default().module(&module).unwrap().validate(true).encode().unwrap()
}

/// The manifest of `acme`; `more` is put behind it.
pub(crate) fn manifest(more: &str) -> Manifest {
    let text = format!(
        "manifest = 1\nname = \"acme\"\nversion = \"1.4.0\"\nkind = \"executor\"\n[component]\nfile = \"acme.wasm\"\n{more}"
    );
    Manifest::parse(&text, "plugin.toml").unwrap()
}
