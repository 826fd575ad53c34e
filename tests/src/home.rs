//! A data directory, a folder for DAG files, and the commands that run on them.

use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};

use crate::lines::Lines;
use crate::shown::Shown;

/// No command of a test takes longer; one that does is killed and the test fails with what it printed.
const PATIENCE: Duration = Duration::from_secs(90);
/// Between two signals that say the same.
const BETWEEN_SIGNALS: Duration = Duration::from_millis(50);

/// A user's machine, as far as Pintle sees it.
#[derive(Debug)]
pub struct Home {
    dir: tempfile::TempDir,
    binary: PathBuf,
    env: Vec<(String, String)>,
}

/// A command that ended.
#[derive(Debug)]
pub struct Ended {
    /// How.
    pub status: ExitStatus,
    /// What it printed.
    pub stdout: String,
    /// What it said.
    pub stderr: String,
}

/// A command that runs.
#[derive(Debug)]
pub struct Live {
    child: Child,
    shown: String,
}

/// The checkout.
#[must_use]
pub fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().map(Path::to_path_buf).unwrap_or_default()
}

fn binary() -> Result<PathBuf> {
    if let Some(path) = std::env::var_os("PINTLE_BIN") {
        return Ok(path.into());
    }
    let test = std::env::current_exe()?;
    let profile = test.ancestors().nth(2).context("the test does not stand in target/<profile>/deps")?;
    let binary = profile.join("pintle");
    ensure!(binary.is_file(), "{} is not built: cargo xtask test builds it", binary.display());
    Ok(binary)
}

impl Home {
    /// An empty one.
    pub fn new() -> Result<Self> {
        let dir = tempfile::Builder::new().prefix("pintle-test-").tempdir()?;
        std::fs::create_dir(dir.path().join("dags"))?;
        Ok(Self { dir, binary: binary()?, env: Vec::new() })
    }

    /// The same with a variable set in every command.
    #[must_use]
    pub fn with_env(mut self, name: &str, value: &str) -> Self {
        self.env.push((name.to_owned(), value.to_owned()));
        self
    }

    /// The data directory.
    #[must_use]
    pub fn data(&self) -> PathBuf {
        self.dir.path().join("data")
    }

    /// A path for the test's own files.
    #[must_use]
    pub fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join("dags").join(name)
    }

    /// Writes a file beside the DAGs, and returns its path.
    pub fn write(&self, name: &str, text: impl AsRef<[u8]>) -> Result<PathBuf> {
        let path = self.path(name);
        if let Some(parent) = path.parent() {
            std::fs::create_dir_all(parent)?;
        }
        std::fs::write(&path, text)?;
        Ok(path)
    }

    /// Reads a file that a test wrote; empty if there is none.
    #[must_use]
    pub fn read(&self, name: &str) -> String {
        std::fs::read_to_string(self.path(name)).unwrap_or_default()
    }

    /// A command, ready to be changed and run.
    pub fn command<S: AsRef<std::ffi::OsStr>>(&self, args: impl IntoIterator<Item = S>) -> Command {
        let mut command = Command::new(&self.binary);
        command
            .args(args)
            .current_dir(self.dir.path().join("dags"))
            .env("PINTLE_HOME", self.data())
            .env("NO_COLOR", "1")
            .env_remove("DAGU_HOME")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        for (name, value) in &self.env {
            command.env(name, value);
        }
        command
    }

    /// Runs a command to its end.
    pub fn run<S: AsRef<std::ffi::OsStr>>(&self, args: impl IntoIterator<Item = S>) -> Result<Ended> {
        self.spawn(args)?.wait()
    }

    /// Starts a command.
    pub fn spawn<S: AsRef<std::ffi::OsStr>>(&self, args: impl IntoIterator<Item = S>) -> Result<Live> {
        let child = self.command(args).spawn()?;
        Ok(Live { child, shown: String::new() })
    }

    /// Runs a command that a test has changed to its end.
    pub fn command_wait(&self, mut command: Command) -> Result<Ended> {
        Live { child: command.spawn()?, shown: String::new() }.wait()
    }

    /// Writes a DAG and starts it to its end.
    pub fn start(&self, yaml: &str) -> Result<Ended> {
        let path = self.write("dag.yaml", yaml)?;
        self.run([Path::new("start"), &path])
    }

    /// Writes a DAG and starts it to its end with `--output json`; it must end with `code`.
    pub fn start_json(&self, yaml: &str, code: i32) -> Result<Lines> {
        let path = self.write("dag.yaml", yaml)?;
        let ended = self.run([Path::new("start"), &path, Path::new("--output"), Path::new("json")])?;
        Lines::parse(&ended.expect_code(code)?.stdout)
    }

    /// `pintle status RUN --output json`.
    pub fn status(&self, run: &str) -> Result<Shown> {
        let ended = self.run(["status", run, "--output", "json"])?;
        ended.expect_code(0)?;
        let value = serde_json::from_str(&ended.stdout).with_context(|| format!("status printed {}", ended.stdout))?;
        Ok(Shown(value))
    }

    /// What `pintle logs RUN STEP` prints.
    pub fn logs(&self, run: &str, step: &str) -> Result<String> {
        let ended = self.run(["logs", run, step])?;
        Ok(ended.expect_code(0)?.stdout.clone())
    }

    /// A copy of the examples in the test's own folder, so that a run may leave something there.
    pub fn examples(&self) -> Result<PathBuf> {
        let to = self.path("examples");
        copy(&repository().join("examples"), &to)?;
        Ok(to)
    }
}

fn copy(from: &Path, to: &Path) -> Result<()> {
    std::fs::create_dir_all(to)?;
    for entry in std::fs::read_dir(from).with_context(|| format!("cannot list {}", from.display()))? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            copy(&entry.path(), &target)?;
        } else {
            std::fs::copy(entry.path(), target)?;
        }
    }
    Ok(())
}

impl Ended {
    /// The exit code; -1 if a signal ended it.
    #[must_use]
    pub fn code(&self) -> i32 {
        self.status.code().unwrap_or(-1)
    }

    /// Fails, showing everything, unless it ended with `code`.
    pub fn expect_code(&self, code: i32) -> Result<&Self> {
        if self.code() != code {
            bail!("ended with {} instead of {code}\nstdout:\n{}\nstderr:\n{}", self.status, self.stdout, self.stderr);
        }
        Ok(self)
    }

    /// Fails unless standard error holds every one of `parts`.
    pub fn expect_said(&self, parts: &[&str]) -> Result<&Self> {
        for part in parts {
            ensure!(self.stderr.contains(part), "standard error lacks {part:?}:\n{}", self.stderr);
        }
        Ok(self)
    }

    /// Fails unless it ended with `code` and said what is wrong in so many words: every one of `parts` is there, and
    /// nothing of the machinery (no panic, no backtrace, no debug text).
    pub fn expect_message(&self, code: i32, parts: &[&str]) -> Result<&Self> {
        self.expect_code(code)?.expect_said(parts)?;
        let inside = ["panicked", "RUST_BACKTRACE", "stack backtrace", "Error {", "Err(", "Some(\"", ".rs:"];
        for word in inside {
            ensure!(!self.stderr.contains(word), "standard error shows the machinery ({word:?}):\n{}", self.stderr);
        }
        Ok(self)
    }

    /// Fails unless standard output holds every one of `parts`.
    pub fn expect_printed(&self, parts: &[&str]) -> Result<&Self> {
        for part in parts {
            ensure!(self.stdout.contains(part), "standard output lacks {part:?}:\n{}\n{}", self.stdout, self.stderr);
        }
        Ok(self)
    }
}

impl Live {
    /// Its process.
    #[must_use]
    pub fn pid(&self) -> rustix::process::Pid {
        rustix::process::Pid::from_child(&self.child)
    }

    /// Sends a signal.
    pub fn signal(&self, signal: rustix::process::Signal) -> Result<()> {
        rustix::process::kill_process(self.pid(), signal).context("the process is gone")
    }

    /// Sends a signal again and again, until nobody is there to get it: [`Live::wait`] meanwhile.
    pub fn signal_until_gone(&self, signal: rustix::process::Signal) -> std::thread::JoinHandle<()> {
        let pid = self.pid();
        std::thread::spawn(move || {
            while rustix::process::kill_process(pid, signal).is_ok() {
                std::thread::sleep(BETWEEN_SIGNALS);
            }
        })
    }

    /// Ends it as a power cut would, and reaps it.
    pub fn kill(mut self) -> Result<()> {
        self.child.kill()?;
        self.child.wait()?;
        Ok(())
    }

    /// Whether it still runs.
    pub fn is_running(&mut self) -> Result<bool> {
        Ok(self.child.try_wait()?.is_none())
    }

    /// Reads standard output until it has shown `text`.
    pub fn until_shown(&mut self, text: &str) -> Result<()> {
        let deadline = Instant::now() + PATIENCE;
        let mut buffer = [0u8; 4096];
        while !self.shown.contains(text) {
            ensure!(Instant::now() < deadline, "{text:?} was not shown in time; shown: {}", self.shown);
            let stdout = self.child.stdout.as_mut().context("standard output is not piped")?;
            let read = stdout.read(&mut buffer)?;
            ensure!(read > 0, "it ended without showing {text:?}; shown: {}", self.shown);
            self.shown.push_str(&String::from_utf8_lossy(buffer.get(..read).unwrap_or_default()));
        }
        Ok(())
    }

    /// Waits for its end.
    pub fn wait(mut self) -> Result<Ended> {
        let stderr = self.child.stderr.take().map(drain);
        let stdout = self.child.stdout.take().map(drain);
        let deadline = Instant::now() + PATIENCE;
        let status = crate::wait::exit(&mut self.child, deadline)?;
        let collect = |reader: Option<std::thread::JoinHandle<Vec<u8>>>| {
            let bytes = reader.and_then(|handle| handle.join().ok()).unwrap_or_default();
            String::from_utf8_lossy(&bytes).into_owned()
        };
        let ended = Ended { status, stdout: self.shown + &collect(stdout), stderr: collect(stderr) };
        ensure!(Instant::now() < deadline, "it did not end in time\n{}\n{}", ended.stdout, ended.stderr);
        Ok(ended)
    }
}

fn drain(mut from: impl Read + Send + 'static) -> std::thread::JoinHandle<Vec<u8>> {
    std::thread::spawn(move || {
        let mut bytes = Vec::new();
        // What came before an error is what there is to look at.
        let _end = from.read_to_end(&mut bytes);
        bytes
    })
}
