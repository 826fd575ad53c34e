//! Components from WebAssembly text: an executor `acme 1.4.0` with one action, whose body each test writes.

use pintle_runtime::Manifest;
use wit_component::{ComponentEncoder, StringEncoding, embed_component_metadata};
use wit_parser::{Resolve, WorldId};

/// An executor in the making.
#[derive(Clone)]
pub(crate) struct Guest {
    /// Interfaces of `pintle:host`, by their short names.
    pub(crate) imports: Vec<&'static str>,
    /// More items of its world.
    pub(crate) world: &'static str,
    /// The WIT packages that those come from.
    pub(crate) packages: &'static str,
    /// Core imports of the module.
    pub(crate) core_imports: String,
    /// Everything else of the module: data, functions, globals.
    pub(crate) rest: String,
    /// Body of `run`; `$in` points at the arguments; it leaves the address of the result.
    pub(crate) run: String,
    /// Body of `resume`, likewise.
    pub(crate) resume: String,
    /// Body of `abort`, likewise.
    pub(crate) abort: String,
    /// The memory's limits.
    pub(crate) memory: &'static str,
    /// Body of `describe`, before its answer.
    pub(crate) describe: String,
}

/// Where the answer "done, no outputs" lies.
pub(crate) const DONE: &str = "(i32.const 512)";
/// Where the answer of an `abort` that succeeded lies.
pub(crate) const ABORTED: &str = "(i32.const 640)";
/// The token that `resume` and `abort` get: address and length, behind context, operation and task.
pub(crate) const TOKEN: &str = "(i32.load offset=108 (local.get $in)) (i32.load offset=112 (local.get $in))";

impl Default for Guest {
    fn default() -> Self {
        Self {
            imports: Vec::new(),
            world: "",
            packages: "",
            core_imports: String::new(),
            rest: String::new(),
            run: DONE.to_owned(),
            resume: DONE.to_owned(),
            abort: ABORTED.to_owned(),
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

    /// A guest that imports a function of `pintle:host` as `$host`, with this body of `run`.
    pub(crate) fn calling(interface: &'static str, function: &str, parameters: &str, run: &str) -> Self {
        let import =
            format!(r#"(import "pintle:host/{interface}@0.1.0" "{function}" (func $host (param {parameters})))"#);
        Self { imports: vec![interface], core_imports: import, ..Self::running(run) }
    }

    /// A guest that may print by `(call $host (i32.const 0) ADDRESS LENGTH)`.
    pub(crate) fn printing(run: &str) -> Self {
        Self::calling("output", "write", "i32 i32 i32", run)
    }

    /// A guest that may log by `(call $host LEVEL ADDRESS LENGTH FIELDS FIELD-COUNT)`.
    pub(crate) fn logging(run: &str) -> Self {
        Self::calling("log", "write", "i32 i32 i32 i32 i32", run)
    }

    /// A guest that runs this body once `(call $start)` would start the program.
    pub(crate) fn starting(program: &str, run: &str) -> Self {
        let run = format!("(call $command) {run}");
        Self {
            // command: program at 0; arguments 8; script 16 (option<string>, 12); env 28; secret-env 36; working-dir 44
            // (12); input 56 (variant, 12); timeout 68 (8); kill-grace 76; stop-signal 80 (12); capture 92.
            rest: format!(
                r#"(data (i32.const 900) "{program}")
                   (func $command
                     (i32.store (i32.const 1024) (i32.const 900)) (i32.store (i32.const 1028) (i32.const {}))
                     (i32.store (i32.const 1100) (i32.const 100)) (i32.store (i32.const 1116) (i32.const -1)))
                   (func $start (call $host (i32.const 1024) (i32.const 2048)))"#,
                program.len()
            ),
            ..Self::calling("process", "run", "i32 i32", &run)
        }
    }

    fn module(&self) -> String {
        let descriptor = words(&[16, 4, 32, 5, 0, 0, 64, 2, 0, 0, 0, 0]);
        let actions = words(&[328, 1, 48, 7, 0, 0, 64, 2, 0, 0, 3]);
        let Self { core_imports, rest, run, resume, abort, memory, describe, .. } = self;
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
              (func (export "pintle:executor/executor@0.1.0#abort") (param $in i32) (result i32) {abort})
            )"#
        )
    }

    /// The component.
    pub(crate) fn build(&self) -> Vec<u8> {
        let imports: String = self.imports.iter().map(|name| format!("import pintle:host/{name}@0.1.0;\n")).collect();
        let world = format!(
            "package test:guest;\nworld guest {{ {imports} {}
             export pintle:core/plugin@0.1.0; export pintle:executor/executor@0.1.0; }} {}",
            self.world, self.packages
        );
        component(&self.module(), &world)
    }
}

/// The world `guest` in `wit`, which may speak of the packages of `wit/`.
pub(crate) fn world(wit: &str) -> (Resolve, WorldId) {
    let mut resolve = Resolve::default();
    for package in ["core", "host", "executor"] {
        resolve
            .push_dir(format!("{}/../../wit/{package}", env!("CARGO_MANIFEST_DIR")))
            .expect("the WIT packages parse");
    }
    let package = resolve.push_str("guest.wit", wit).expect("the test's world parses");
    let world = resolve.select_world(&[package], Some("guest")).unwrap();
    (resolve, world)
}

/// Makes a core module a component of the world `guest` in `wit`.
pub(crate) fn component(module: &str, wit: &str) -> Vec<u8> {
    let (resolve, world) = world(wit);
    let mut module = wat::parse_str(module).unwrap_or_else(|error| panic!("{error}"));
    embed_component_metadata(&mut module, &resolve, world, StringEncoding::UTF8).unwrap();
    ComponentEncoder::default().module(&module).unwrap().validate(true).encode().unwrap()
}

/// The component with more core instances, each of this module, which imports nothing.
pub(crate) fn with_instances(mut component: Vec<u8>, module: &str, count: u8) -> Vec<u8> {
    const MODULE: u8 = 1;
    const INSTANCES: u8 = 2;
    let index = sections(&component).into_iter().filter(|id| *id == MODULE).count();
    let module = wat::parse_str(module).unwrap();
    section(&mut component, MODULE, &module);
    let instance = [0, u8::try_from(index).unwrap(), 0];
    let instances: Vec<u8> = std::iter::once(count).chain(instance.repeat(count.into())).collect();
    section(&mut component, INSTANCES, &instances);
    component
}

fn section(component: &mut Vec<u8>, id: u8, content: &[u8]) {
    assert!(content.len() < 128, "its length must fit one byte");
    component.push(id);
    component.push(u8::try_from(content.len()).unwrap());
    component.extend_from_slice(content);
}

/// The ids of a component's own sections.
fn sections(component: &[u8]) -> Vec<u8> {
    let (mut found, mut at) = (Vec::new(), 8);
    while at < component.len() {
        found.push(component[at]);
        at += 1;
        let (mut length, mut shift) = (0, 0);
        loop {
            let byte = component[at];
            at += 1;
            length |= usize::from(byte & 0x7f) << shift;
            shift += 7;
            if byte < 0x80 {
                break;
            }
        }
        at += length;
    }
    found
}

/// The manifest of `acme`; `more` is put behind it.
pub(crate) fn manifest(more: &str) -> Manifest {
    let text = format!(
        "manifest = 1\nname = \"acme\"\nversion = \"1.4.0\"\nkind = \"executor\"\n[component]\nfile = \"acme.wasm\"\n{more}"
    );
    Manifest::parse(&text, "plugin.toml").unwrap()
}
