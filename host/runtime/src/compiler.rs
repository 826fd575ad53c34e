//! Compilation, off the hot path: one at a time, in a child process of the same program with limits of its own, because
//! in one's own process neither the memory nor the time of a compilation can be bounded.

use std::ffi::OsString;
use std::io::{self, Read, Write};
use std::path::PathBuf;
use std::process::{ExitCode, Stdio};
use std::time::Duration;

use rustix::process::{Resource, Rlimit, setrlimit};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::process::{Child, Command};

use crate::engine::config;
use crate::error::CodeError;
use crate::limits::{COMPONENT_BYTES, MIB};

/// The first argument that makes the program a compiler.
pub const COMPILE_COMMAND: &str = "__compile";
/// Exit code for input that the compiler refuses.
const REFUSED: u8 = 65;
/// Most that a compiler may answer.
const NATIVE_BYTES: u64 = 512 * MIB as u64;

/// Who compiles.
#[derive(Debug, Clone)]
pub enum Compiler {
    /// This process: for tests and for tools that end with it.
    InProcess,
    /// A child process that runs [`compile_child_main`].
    Child {
        /// The program, usually this one.
        program: PathBuf,
        /// What comes before [`COMPILE_COMMAND`].
        arguments: Vec<OsString>,
        /// Address space of the child.
        memory_mib: u64,
        /// CPU time of the child.
        cpu_seconds: u64,
    },
}

impl Compiler {
    /// The given program (this one: `std::env::current_exe`), with 2 GiB and a minute of CPU time.
    #[must_use]
    pub fn child(program: PathBuf) -> Self {
        Self::Child { program, arguments: Vec::new(), memory_mib: 2048, cpu_seconds: 60 }
    }
}

/// What is compiled.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Shape {
    /// A component.
    Component,
    /// A core module.
    Module,
}

impl Shape {
    fn word(self) -> &'static str {
        match self {
            Self::Component => "component",
            Self::Module => "module",
        }
    }
}

/// Compiles in this process.
pub(crate) fn compile_here(wasm: &[u8], shape: Shape) -> wasmtime::Result<Vec<u8>> {
    let engine = wasmtime::Engine::new(&config::on_demand())?;
    match shape {
        Shape::Component => engine.precompile_component(wasm),
        Shape::Module => engine.precompile_module(wasm),
    }
}

impl Compiler {
    /// Native code of `wasm`.
    pub(crate) async fn compile(&self, wasm: Vec<u8>, shape: Shape) -> Result<Vec<u8>, CodeError> {
        match self {
            Self::InProcess => {
                let compiled = tokio::task::spawn_blocking(move || compile_here(&wasm, shape)).await;
                compiled
                    .map_err(|error| CodeError::Host(format!("the compiler failed: {error}")))?
                    .map_err(|error| CodeError::Refused(sentence(&error)))
            }
            Self::Child { program, arguments, memory_mib, cpu_seconds } => {
                let failed = |source| CodeError::Compiler { program: program.clone(), source };
                let mut command = Command::new(program);
                command
                    .args(arguments)
                    .args([COMPILE_COMMAND, shape.word(), &memory_mib.to_string(), &cpu_seconds.to_string()])
                    .env_clear()
                    .current_dir("/")
                    .stdin(Stdio::piped())
                    .stdout(Stdio::piped())
                    .stderr(Stdio::piped())
                    .kill_on_drop(true);
                let child = command.spawn().map_err(failed)?;
                // A child that waits instead of working uses no CPU time: a wall clock bounds it.
                let wall = Duration::from_secs(cpu_seconds.saturating_mul(3).saturating_add(5));
                let ended = tokio::time::timeout(wall, exchange(child, wasm)).await;
                let answer = ended.map_err(|_| CodeError::Bound(format!("{} s", wall.as_secs())))?.map_err(failed)?;
                answer.read(*memory_mib, *cpu_seconds)
            }
        }
    }
}

/// What a child said.
struct Answer {
    status: std::process::ExitStatus,
    native: Vec<u8>,
    message: String,
}

async fn exchange(mut child: Child, wasm: Vec<u8>) -> io::Result<Answer> {
    let missing = || io::Error::other("a pipe is missing");
    let mut stdin = child.stdin.take().ok_or_else(missing)?;
    let mut stdout = child.stdout.take().ok_or_else(missing)?.take(NATIVE_BYTES);
    let mut stderr = child.stderr.take().ok_or_else(missing)?.take(64 * 1024);
    let write = async move {
        // A child that stops early closes the pipe; its exit code says why.
        let _ = stdin.write_all(&wasm).await;
        drop(stdin);
    };
    let (mut native, mut message) = (Vec::new(), Vec::new());
    let ((), read, told) = tokio::join!(write, stdout.read_to_end(&mut native), stderr.read_to_end(&mut message));
    read?;
    told?;
    let status = child.wait().await?;
    Ok(Answer { status, native, message: String::from_utf8_lossy(&message).trim().to_owned() })
}

impl Answer {
    fn read(self, memory_mib: u64, cpu_seconds: u64) -> Result<Vec<u8>, CodeError> {
        use rustix::process::Signal;
        use std::os::unix::process::ExitStatusExt;
        let signal = self.status.signal();
        let is = |known: Signal| signal == Some(known.as_raw());
        if self.status.success() {
            return Ok(self.native);
        }
        Err(if self.status.code() == Some(i32::from(REFUSED)) {
            CodeError::Refused(self.message)
        } else if is(Signal::XCPU) || is(Signal::KILL) {
            CodeError::Bound(format!("{cpu_seconds} s of CPU time"))
        } else if is(Signal::ABORT) || is(Signal::SEGV) {
            CodeError::Bound(format!("{memory_mib} MiB of memory"))
        } else {
            CodeError::Host(format!("the compiler ended with {}: {}", self.status, self.message))
        })
    }
}

/// The whole program, when its first argument is [`COMPILE_COMMAND`]: reads a component from standard input and writes
/// native code to standard output, within the limits that its arguments name.
#[must_use]
pub fn compile_child_main() -> ExitCode {
    match compile_child() {
        Ok(()) => ExitCode::SUCCESS,
        Err(ChildError::Refused(message)) => {
            eprintln!("{message}");
            ExitCode::from(REFUSED)
        }
        Err(ChildError::Failed(message)) => {
            eprintln!("{message}");
            ExitCode::FAILURE
        }
    }
}

enum ChildError {
    Refused(String),
    Failed(String),
}

fn compile_child() -> Result<(), ChildError> {
    let failed = |error: io::Error| ChildError::Failed(error.to_string());
    let arguments: Vec<String> = std::env::args().skip_while(|arg| arg != COMPILE_COMMAND).skip(1).collect();
    let [shape, memory_mib, cpu_seconds] = arguments.as_slice() else {
        return Err(ChildError::Failed("this command is for pintle itself".to_owned()));
    };
    let number = |text: &str| text.parse::<u64>().map_err(|error| ChildError::Failed(error.to_string()));
    let shape = if shape == Shape::Module.word() { Shape::Module } else { Shape::Component };
    let bound = |resource, soft: u64, hard: u64| {
        let limit = Rlimit { current: Some(soft), maximum: Some(hard) };
        setrlimit(resource, limit).map_err(|error| failed(error.into()))
    };
    let memory = number(memory_mib)?.saturating_mul(MIB as u64);
    let cpu = number(cpu_seconds)?;
    bound(Resource::As, memory, memory)?;
    bound(Resource::Cpu, cpu, cpu.saturating_add(1))?;
    bound(Resource::Core, 0, 0)?;
    bound(Resource::Fsize, 0, 0)?;
    let mut wasm = Vec::new();
    io::stdin().lock().take(COMPONENT_BYTES as u64 + 1).read_to_end(&mut wasm).map_err(failed)?;
    let native = compile_here(&wasm, shape).map_err(|error| ChildError::Refused(sentence(&error)))?;
    let mut stdout = io::stdout().lock();
    stdout.write_all(&native).and_then(|()| stdout.flush()).map_err(failed)
}

/// An error and its causes on one line.
pub(crate) fn sentence(error: &wasmtime::Error) -> String {
    let mut parts: Vec<String> = Vec::new();
    for cause in error.chain() {
        let text = cause.to_string().split_whitespace().collect::<Vec<_>>().join(" ");
        if parts.last().is_none_or(|last| *last != text) {
            parts.push(text);
        }
    }
    parts.join(": ")
}

#[cfg(test)]
mod tests;
