//! `pintle:host/process`: the grant is checked here, the program is started by whoever owns process groups.

use std::fs::File;
use std::io::{Read, Seek};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use pintle_plane::process::{ProcessError, ProcessExit, ProcessSpec};
use pintle_plane::stop::StopSignal;

use crate::bindings::host::process as wit;
use crate::bindings::{GuestError, GuestFault, Pair, denied, guest_error};
use crate::blobs::hash;
use crate::call::breach::Breach;
use crate::call::state::{CallState, span};
use crate::grants::{ProcessGrant, ProgramGrant};
use crate::limits::{BLOB_BYTES, CHUNK_BYTES, PROGRAMS};

/// Bytes of a blob that may be a program's standard input.
const INPUT_BYTES: u64 = if BLOB_BYTES < 64 << 20 { BLOB_BYTES } else { 64 << 20 };

impl wit::Host for CallState {
    async fn run(&mut self, command: wit::Command) -> wasmtime::Result<Result<wit::Exit, GuestError>> {
        let spec = match self.allowed(command) {
            Ok(spec) => spec,
            Err(error) => return Ok(Err(error)),
        };
        let taken = self.budgets.programs.take(1);
        taken.map_err(|_| Breach::Count { what: "programs", limit: PROGRAMS })?;
        let record = Arc::clone(&self.record);
        let stop: Arc<dyn StopSignal> = Arc::clone(&record) as _;
        let effect = record.effect();
        let program = spec.program.clone();
        record.program_runs(Some(Duration::from_millis(spec.kill_grace.0)));
        let ended = self.services.processes.run(spec, Arc::clone(&self.sink), stop).await;
        record.program_runs(None);
        Ok(match ended {
            Ok(exit) => Ok(told(exit)),
            Err(error) => {
                effect.undo();
                Err(refused(&program, &error))
            }
        })
    }
}

fn told(exit: ProcessExit) -> wit::Exit {
    wit::Exit {
        code: exit.code,
        signal: exit.signal,
        timed_out: exit.timed_out,
        stdout: exit.stdout,
        stdout_truncated: exit.stdout_truncated,
        stderr_tail: exit.stderr_tail,
    }
}

fn refused(program: &str, error: &ProcessError) -> GuestError {
    let (fault, code) = match error {
        ProcessError::NotFound { .. } => (GuestFault::NotFound, Some("ENOENT")),
        ProcessError::Denied { .. } => (GuestFault::Denied, Some("EACCES")),
        ProcessError::WorkingDir { .. } => (GuestFault::Invalid, Some("working-dir")),
        ProcessError::Invalid(_) => (GuestFault::Invalid, None),
        ProcessError::Unavailable { .. } => (GuestFault::Unavailable, None),
    };
    tracing::debug!(program, %error, "a program was not started");
    GuestError { code: code.map(str::to_owned), ..guest_error(fault, error.to_string()) }
}

impl CallState {
    /// Checks a command against the grant and makes it a start.
    fn allowed(&mut self, command: wit::Command) -> Result<ProcessSpec, GuestError> {
        let grants = Arc::clone(&self.grants);
        let option = format!("--process {}", command.program);
        let Some(grant) = &grants.process else {
            return Err(self.deny("process", &self.grant_line(&option)));
        };
        self.refuse_dry_run("a program")?;
        if !command.secret_env.is_empty() {
            return Err(denied("secrets are not granted to this plugin"));
        }
        let working_dir = match &command.working_dir {
            Some(dir) => self.who.working_dir.join(dir),
            None => self.who.working_dir.clone(),
        };
        let program = match grant {
            ProcessGrant::Any => command.program.clone(),
            ProcessGrant::Programs(programs) => self
                .meter
                .free(|| find(programs, &command, &working_dir))?
                .ok_or_else(|| self.deny("process", &self.grant_line(&option)))?,
        };
        Ok(ProcessSpec {
            program,
            input: self.input(command.input)?,
            arguments: command.arguments,
            script: command.script,
            env: command.env.into_iter().map(|Pair { name, value }| (name, value)).collect(),
            working_dir,
            timeout: command.timeout.map(span),
            kill_grace: span(command.kill_grace),
            stop_signal: command.stop_signal,
            capture: (command.capture as usize).min(CHUNK_BYTES),
            claim: self.who.claim.clone(),
        })
    }

    fn input(&self, input: wit::Input) -> Result<Vec<u8>, GuestError> {
        let name = match input {
            wit::Input::None => return Ok(Vec::new()),
            wit::Input::Bytes(bytes) => return Ok(bytes),
            wit::Input::Blob(name) => name,
        };
        let mut file = self.blobs.open(&self.services.blobs, &name)?;
        let mut bytes = Vec::new();
        let read = file.rewind().and_then(|()| file.take(INPUT_BYTES + 1).read_to_end(&mut bytes));
        read.map_err(|error| guest_error(GuestFault::Failed, format!("blob `{name}`: {error}")))?;
        if bytes.len() as u64 > INPUT_BYTES {
            let message = format!("blob `{name}` is too large for a program's input: at most {INPUT_BYTES} bytes");
            return Err(guest_error(GuestFault::Exhausted, message));
        }
        Ok(bytes)
    }
}

/// The path of a granted program; none: nothing that is granted fits the command.
fn find(programs: &[ProgramGrant], command: &wit::Command, working_dir: &Path) -> Result<Option<String>, GuestError> {
    let fits = |program: &&ProgramGrant| {
        program.name == command.program
            && command.script.is_none()
            && program.allows_arguments(&command.arguments)
            && program.allows_directory(working_dir)
    };
    let Some(program) = programs.iter().find(fits) else { return Ok(None) };
    if let Some(expected) = &program.sha256 {
        let actual = hash_of(&program.path).map_err(|error| {
            let path = program.path.display();
            let message = format!("the granted program {path} cannot be read: {error}; install it, or grant another");
            guest_error(GuestFault::NotFound, message)
        })?;
        if actual != *expected {
            let path = program.path.display();
            return Err(denied(format!("{path} is not the program that was granted: its SHA-256 is {actual}")));
        }
    }
    Ok(Some(program.path.to_string_lossy().into_owned()))
}

fn hash_of(path: &PathBuf) -> std::io::Result<pintle_core::ids::Digest> {
    let mut file = File::open(path)?;
    let size = file.metadata()?.len();
    hash(&mut file, 0, size)
}
