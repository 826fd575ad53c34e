//! What is asked for, checked before anything is touched; and where the program is.

use std::fs;
use std::path::{Component, Path, PathBuf};
use std::time::Duration;

use rustix::fs::{Access, access};
use rustix::io::Errno;
use rustix::process::Signal;

use pintle_plane::process::{ProcessError, ProcessSpec};

use crate::claims;

/// Looked through when the environment has no `PATH`.
const DEFAULT_PATH: &str = "/usr/local/bin:/usr/bin:/bin";

/// Stands for the script's file.
const SCRIPT: &str = "{script}";

/// A checked request.
#[derive(Debug)]
pub(super) struct Order {
    pub(super) spec: ProcessSpec,
    pub(super) terms: Terms,
}

/// How the program is seen to its end.
#[derive(Debug, Clone)]
pub(super) struct Terms {
    pub(super) stop_signal: Signal,
    pub(super) grace: Duration,
    pub(super) timeout: Option<Duration>,
    pub(super) capture: usize,
}

impl Order {
    /// Refuses what could never start.
    pub(super) fn check(spec: ProcessSpec) -> Result<Self, ProcessError> {
        let invalid = |text: String| Err(ProcessError::Invalid(text));
        if spec.program.is_empty() {
            return invalid("no program was named".to_owned());
        }
        if spec.program.contains('\0') || spec.arguments.iter().any(|argument| argument.contains('\0')) {
            return invalid(format!("the command of `{}` holds a NUL character; remove it", printable(&spec.program)));
        }
        if let Some((name, _)) =
            spec.env.iter().find(|(name, value)| name.is_empty() || name.contains(['=', '\0']) || value.contains('\0'))
        {
            return invalid(format!(
                "the environment variable `{}` cannot be passed on: its name is empty or holds `=`, or it holds a NUL character",
                printable(name)
            ));
        }
        if !claims::is_claim(&spec.claim) {
            return invalid(format!("`{}` is not the name of a claim", printable(&spec.claim)));
        }
        let stop_signal = match &spec.stop_signal {
            None => Signal::TERM,
            Some(name) => match super::signals::by_name(name) {
                Some(signal) => signal,
                None => {
                    return invalid(format!(
                        "`{}` is not a signal; use one such as SIGTERM or SIGINT",
                        printable(name)
                    ));
                }
            },
        };
        let terms = Terms {
            stop_signal,
            grace: spec.kill_grace.as_duration(),
            timeout: spec.timeout.map(pintle_core::time::Span::as_duration),
            capture: spec.capture,
        };
        Ok(Self { spec, terms })
    }

    /// Puts the script's path where it is asked for.
    pub(super) fn insert_script(&mut self, path: &str) {
        self.spec.program = self.spec.program.replace(SCRIPT, path);
        for argument in &mut self.spec.arguments {
            if argument.contains(SCRIPT) {
                *argument = argument.replace(SCRIPT, path);
            }
        }
    }

    /// The program's full path, as a shell in the working directory would find it.
    pub(super) fn find_program(&self) -> Result<PathBuf, ProcessError> {
        let spec = &self.spec;
        if spec.program.contains('/') {
            return Ok(absolute(&spec.working_dir, Path::new(&spec.program)));
        }
        let path = spec.env.iter().rev().find(|(name, _)| name == "PATH").map_or(DEFAULT_PATH, |(_, path)| path);
        let mut refused = None;
        for dir in path.split(':') {
            let candidate = absolute(&spec.working_dir, Path::new(dir)).join(&spec.program);
            match access(&candidate, Access::EXEC_OK) {
                Ok(()) if candidate.is_file() => return Ok(candidate),
                Err(Errno::ACCESS) if candidate.is_file() => refused = Some(candidate),
                Ok(()) | Err(_) => {}
            }
        }
        match refused {
            Some(file) => Err(ProcessError::Denied {
                program: spec.program.clone(),
                reason: format!("`{}` is not executable", file.display()),
            }),
            None => Err(ProcessError::NotFound { program: spec.program.clone() }),
        }
    }

    /// Why the system refused: the same error number may mean the program, its interpreter, or the directory.
    pub(super) fn explain(&self, path: &Path, error: &std::io::Error) -> ProcessError {
        let program = self.spec.program.clone();
        if let Err(reason) = usable_directory(&self.spec.working_dir) {
            return ProcessError::WorkingDir { dir: self.spec.working_dir.clone(), reason };
        }
        match error.raw_os_error().map(Errno::from_raw_os_error) {
            Some(Errno::NOENT) if path.exists() => ProcessError::NotFound { program: interpreter(path, &program) },
            Some(Errno::NOENT | Errno::NOTDIR) => ProcessError::NotFound { program },
            Some(Errno::ACCESS) if path.is_dir() => {
                ProcessError::Denied { program, reason: "it is a directory".to_owned() }
            }
            Some(Errno::NOEXEC) => ProcessError::Denied {
                program,
                reason: "it is neither a program for this machine nor a script that begins with `#!`".to_owned(),
            },
            Some(Errno::ACCESS | Errno::PERM | Errno::LOOP) => {
                ProcessError::Denied { program, reason: error.to_string() }
            }
            Some(Errno::TOOBIG) => ProcessError::Invalid(format!(
                "arguments and environment of `{program}` are too long for the system ({} bytes); pass large data in a file or on standard input",
                self.size()
            )),
            Some(_) | None => ProcessError::Unavailable { program, reason: error.to_string() },
        }
    }

    fn size(&self) -> usize {
        let arguments: usize = self.spec.arguments.iter().map(|argument| argument.len() + 1).sum();
        let env: usize = self.spec.env.iter().map(|(name, value)| name.len() + value.len() + 2).sum();
        self.spec.program.len() + 1 + arguments + env
    }
}

/// Joined without `.`, so that `./x` reads well in messages and in `ps`.
fn absolute(base: &Path, path: &Path) -> PathBuf {
    let mut joined = base.to_path_buf();
    for component in path.components() {
        match component {
            Component::CurDir => {}
            Component::RootDir => joined = PathBuf::from("/"),
            Component::Prefix(_) | Component::ParentDir | Component::Normal(_) => joined.push(component),
        }
    }
    joined
}

fn usable_directory(dir: &Path) -> Result<(), String> {
    match fs::metadata(dir) {
        Err(error) => Err(error.to_string()),
        Ok(meta) if !meta.is_dir() => Err("it is not a directory".to_owned()),
        Ok(_) => access(dir, Access::EXEC_OK).map_err(|error| error.to_string()),
    }
}

/// A file that exists and yet "does not exist": what its first line, or its loader, names is missing.
fn interpreter(path: &Path, program: &str) -> String {
    use std::io::Read;
    let mut head = [0u8; 256];
    let read = fs::File::open(path).and_then(|mut file| file.read(&mut head)).unwrap_or(0);
    let head = String::from_utf8_lossy(head.get(..read).unwrap_or_default());
    let named = head.strip_prefix("#!").and_then(|line| line.lines().next()).map(str::trim);
    match named.and_then(|line| line.split_whitespace().next()) {
        Some(name) => name.to_owned(),
        None => format!("{program} (its loader)"),
    }
}

fn printable(text: &str) -> String {
    text.chars().flat_map(char::escape_debug).take(200).collect()
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test may fail by panic")]

    use std::os::unix::fs::PermissionsExt;

    use super::*;

    fn order(program: &str, path: &str, dir: &Path) -> Order {
        let spec = ProcessSpec {
            program: program.to_owned(),
            arguments: vec!["{script}".to_owned(), "x".to_owned()],
            script: None,
            env: vec![("PATH".to_owned(), path.to_owned())],
            working_dir: dir.to_owned(),
            input: Vec::new(),
            timeout: None,
            kill_grace: pintle_core::time::Span(10),
            stop_signal: None,
            capture: 0,
            claim: "r-0-1".to_owned(),
        };
        Order::check(spec).unwrap()
    }

    #[test]
    fn a_bare_name_is_looked_up_and_a_path_is_taken_from_the_working_directory() {
        let dir = tempfile::tempdir().unwrap();
        for (name, mode) in [("tool", 0o755), ("data", 0o644)] {
            fs::write(dir.path().join(name), "").unwrap();
            fs::set_permissions(dir.path().join(name), fs::Permissions::from_mode(mode)).unwrap();
        }
        let tool = dir.path().join("tool");
        let here = dir.path().to_str().unwrap();
        assert_eq!(order("tool", &format!("/nowhere:{here}"), Path::new("/")).find_program().unwrap(), tool);
        assert_eq!(order("tool", "/nowhere::/x", dir.path()).find_program().unwrap(), tool, "empty is here");
        assert_eq!(order("./tool", "", dir.path()).find_program().unwrap(), tool);
        assert!(matches!(order("tool", "/nowhere", dir.path()).find_program(), Err(ProcessError::NotFound { .. })));
        let refused = order("data", here, dir.path()).find_program().unwrap_err().to_string();
        assert!(refused.contains("is not executable"), "{refused}");
    }

    #[test]
    fn the_script_stands_where_it_was_asked_for() {
        let mut order = order("sh", "/bin", Path::new("/"));
        order.insert_script("/x/y");
        assert_eq!(order.spec.arguments, ["/x/y", "x"]);
    }

    #[test]
    fn what_could_never_start_is_refused() {
        let good = order("sh", "/bin", Path::new("/")).spec;
        let bad = [
            (ProcessSpec { program: String::new(), ..good.clone() }, "no program was named"),
            (
                ProcessSpec { program: "a\0".to_owned(), ..good.clone() },
                "the command of `a\\0` holds a NUL character; remove it",
            ),
            (
                ProcessSpec { env: vec![("A=B".to_owned(), String::new())], ..good.clone() },
                "the environment variable `A=B` cannot be passed on: its name is empty or holds `=`, or it holds a NUL \
                 character",
            ),
            (ProcessSpec { claim: "../x".to_owned(), ..good.clone() }, "`../x` is not the name of a claim"),
            (
                ProcessSpec { stop_signal: Some("SIGNOPE".to_owned()), ..good },
                "`SIGNOPE` is not a signal; use one such as SIGTERM or SIGINT",
            ),
        ];
        for (spec, wanted) in bad {
            let error = Order::check(spec).unwrap_err();
            assert!(matches!(error, ProcessError::Invalid(_)), "{error:?}");
            assert_eq!(error.to_string(), wanted);
        }
    }
}
