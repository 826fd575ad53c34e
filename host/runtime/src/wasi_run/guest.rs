//! The program itself: linked to WASI and nothing else, run in a fresh Store.

use std::sync::Arc;

use pintle_plane::output::{Channel, Sink};
use wasmtime::{Engine, InstancePre, Linker, Store};
use wasmtime_wasi::p1::{self, WasiP1Ctx};
use wasmtime_wasi::p2::bindings::CommandPre;
use wasmtime_wasi::p2::pipe::MemoryInputPipe;
use wasmtime_wasi::{FsPerms, I32Exit, ResourceTable, WasiCtx, WasiCtxBuilder, WasiCtxView, WasiView};

use crate::call::breach::Breach;
use crate::call::fall::Fall;
use crate::call::limiter::Limiter;
use crate::call::meter::Meter;
use crate::call::record::Record;
use crate::call::state::PrintedTo;
use crate::call::streams::Printer;
use crate::call::supervise::{Cut, bound, supervise};
use crate::code_cache::Trusted;
use crate::compiler::Shape;
use crate::limits::{HANDLES, RANDOM_BYTES};
use crate::runtime::Runtime;
use crate::wasi_run::Prepared;

/// A linked program.
pub(super) enum Program {
    /// WASI 0.2.
    Component(CommandPre<Command>),
    /// Preview 1.
    Module(InstancePre<Preview1>),
}

/// Data of a component's Store.
pub(super) struct Command {
    limiter: Limiter,
    ctx: WasiCtx,
    table: ResourceTable,
}

/// Data of a module's Store.
pub(super) struct Preview1 {
    limiter: Limiter,
    wasi: WasiP1Ctx,
}

impl WasiView for Command {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        WasiCtxView { ctx: &mut self.ctx, table: &mut self.table }
    }
}

impl Program {
    /// Links native code to WASI.
    pub(super) fn link(engine: &Engine, native: Trusted<'_>, shape: Shape) -> wasmtime::Result<Self> {
        match shape {
            Shape::Component => {
                let component = native.component(engine)?;
                let mut linker = wasmtime::component::Linker::new(engine);
                wasmtime_wasi::p2::add_to_linker_async(&mut linker)?;
                Ok(Self::Component(CommandPre::new(linker.instantiate_pre(&component)?)?))
            }
            Shape::Module => {
                let module = native.module(engine)?;
                let mut linker = Linker::new(engine);
                p1::add_to_linker_async(&mut linker, |state: &mut Preview1| &mut state.wasi)?;
                if !matches!(module.get_export("_start"), Some(wasmtime::ExternType::Func(_))) {
                    wasmtime::bail!("it exports no `_start`: it is not a command");
                }
                Ok(Self::Module(linker.instantiate_pre(&module)?))
            }
        }
    }

    /// Runs the program and answers its exit code.
    pub(super) async fn run(
        &self,
        runtime: &Runtime,
        prepared: &Prepared,
        record: &Arc<Record>,
        sink: Arc<dyn Sink>,
        over: &Breach,
    ) -> Result<i32, Fall> {
        let _ticking =
            runtime.engine.tick().map_err(|error| Fall::Host(format!("no thread for the ticker: {error}")))?;
        let limits = prepared.input.limits.call();
        let meter = Arc::new(Meter::default());
        let mut wasi = context(prepared, Printer::new(sink, limits.output))
            .map_err(|error| Fall::Host(crate::compiler::sentence(&error)))?;
        let limiter = Limiter::new(limits.memory);
        let ended = match self {
            Self::Component(pre) => {
                let mut table = ResourceTable::new();
                table.set_max_capacity(HANDLES);
                let mut store = Store::new(pre.engine(), Command { limiter, ctx: wasi.build(), table });
                store.limiter(|state| &mut state.limiter);
                bound(&mut store, &limits, &meter, record);
                supervise(command(pre, store), &meter, record).await
            }
            Self::Module(pre) => {
                let mut store = Store::new(pre.module().engine(), Preview1 { limiter, wasi: wasi.build_p1() });
                store.limiter(|state| &mut state.limiter);
                bound(&mut store, &limits, &meter, record);
                supervise(preview1(pre, store), &meter, record).await
            }
        };
        match ended {
            Ok(Ok(code)) => Ok(code),
            Ok(Err(error)) => match error.downcast_ref::<I32Exit>() {
                Some(I32Exit(code)) => Ok(*code),
                None => Err(Fall::of(&error, record.is_over().then(|| over.clone()))),
            },
            Err(Cut::Deadline) => Err(Fall::Breach(over.clone())),
            Err(Cut::Stopped) => Err(Fall::Stopped),
        }
    }
}

async fn command(pre: &CommandPre<Command>, mut store: Store<Command>) -> wasmtime::Result<i32> {
    let command = pre.instantiate_async(&mut store).await?;
    let ended = command.wasi_cli_run().call_run(&mut store).await?;
    Ok(i32::from(ended.is_err()))
}

async fn preview1(pre: &InstancePre<Preview1>, mut store: Store<Preview1>) -> wasmtime::Result<i32> {
    let instance = pre.instantiate_async(&mut store).await?;
    let start = instance.get_typed_func::<(), ()>(&mut store, "_start")?;
    start.call_async(&mut store, ()).await?;
    Ok(0)
}

/// What the step names, and nothing of the host besides.
fn context(prepared: &Prepared, printer: Printer) -> wasmtime::Result<WasiCtxBuilder> {
    let mut wasi = WasiCtxBuilder::new();
    let input = &prepared.input;
    wasi.arg(&input.path);
    wasi.args(&input.args);
    for (name, value) in &input.env {
        wasi.env(name, value);
    }
    wasi.stdin(MemoryInputPipe::new(input.stdin.clone()));
    wasi.stdout(printer.stream(Channel::Stdout, PrintedTo::Output));
    wasi.stderr(printer.stream(Channel::Stderr, PrintedTo::Output));
    for dir in &prepared.dirs {
        let perms = if dir.read_only { FsPerms::ReadOnly } else { FsPerms::ReadWrite };
        wasi.preopened_dir(&dir.host, &dir.guest, perms)?;
    }
    wasi.max_random_size(RANDOM_BYTES).allow_tcp(false).allow_udp(false);
    Ok(wasi)
}
