//! Side doors: whatever a document makes happen outside goes through a grant. `--sandbox` gives none: each door is shut,
//! with its one sentence, and nothing has happened behind it; without `--sandbox` the same document goes through.

use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use anyhow::{Result, ensure};
use pintle_tests::{Home, repository};

/// A document that is shut out with exit code `code` and a line that begins and ends so, and prints `opened` with grants.
struct Door<'a> {
    yaml: String,
    code: i32,
    shut: &'a str,
    opened: &'a str,
}

impl Door<'_> {
    /// `happened` tells whether anything did behind the door.
    fn hold(&self, home: &Home, happened: impl Fn() -> bool) -> Result<()> {
        home.write("dag.yaml", &self.yaml)?;
        let shut = home.run(["start", "--sandbox", "dag.yaml"])?;
        shut.expect_message(self.code, &[self.shut])?;
        ensure!(!happened(), "it was refused, and done: {}", self.yaml);
        ensure!(self.opened.is_empty() || !shut.stdout.contains(self.opened), "{}", shut.stdout);
        home.run(["start", "dag.yaml"])?.expect_code(0)?.expect_printed(&[self.opened])?;
        ensure!(happened(), "with the grant nothing was done: {}", self.yaml);
        Ok(())
    }
}

/// Beside the folder of the DAG.
fn outside(home: &Home, name: &str) -> std::path::PathBuf {
    home.data().with_file_name(name)
}

fn stands(path: &Path) -> impl Fn() -> bool {
    move || path.exists()
}

/// Of what is only looked at: it shows in what is printed, which is held too.
fn second() -> impl Fn() -> bool {
    let looks = std::cell::Cell::new(0);
    move || looks.replace(looks.get() + 1) > 0
}

#[test]
fn wait_http_asks_through_the_http_grant() -> Result<()> {
    let home = Home::new()?;
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let url = format!("http://{}/health", listener.local_addr()?);
    let asked = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&asked);
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let Ok(mut stream) = stream else { return };
            let _read = stream.read(&mut [0; 1024]);
            count.fetch_add(1, Ordering::SeqCst);
            let _sent = stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
        }
    });
    Door {
        yaml: format!("steps: [{{id: a, action: wait.http, with: {{url: '{url}'}}}}]\n"),
        code: 1,
        shut: "a failed: exec-http 0.1.0 has no grant for this use of http: --sandbox takes it away. \
               Leave out --sandbox to allow it\n",
        opened: "answered 200 OK",
    }
    .hold(&home, || asked.load(Ordering::SeqCst) > 0)
}

#[test]
fn wait_file_looks_through_the_files_grant() -> Result<()> {
    let home = Home::new()?;
    Door {
        yaml: "steps: [{id: a, action: wait.file, with: {path: /etc/passwd}}]\n".to_owned(),
        code: 1,
        shut: "a failed: `/etc/passwd`: exec-file 0.1.0 has no grant for this use of files: --sandbox takes it away. \
               Leave out --sandbox to allow it\n",
        opened: "a | {\"path\":\"/etc/passwd\",\"exists\":true}",
    }
    .hold(&home, second())
}

#[test]
fn a_dotenv_file_elsewhere_is_read_through_the_files_grant() -> Result<()> {
    let home = Home::new()?;
    let file = outside(&home, "secret.env");
    std::fs::write(&file, "SECRET=forty-two\n")?;
    home.write("dag.yaml", "dotenv: [../secret.env]\nsteps: [{id: a, run: 'echo $SECRET'}]\n")?;
    let said = format!(
        "error: the dotenv file `{}` lies outside of the DAG's directory, and --sandbox reads none there\n",
        home.path("../secret.env").display()
    );
    let shut = home.run(["start", "--sandbox", "dag.yaml"])?;
    shut.expect_message(3, &[&said])?;
    home.run(["start", "dag.yaml"])?.expect_code(0)?.expect_printed(&["forty-two"])?;
    // A link in the DAG's own folder leads out of it all the same.
    std::os::unix::fs::symlink(&file, home.path("near.env"))?;
    home.write("near.yaml", "dotenv: [near.env]\nsteps: [{id: a, run: 'echo $SECRET'}]\n")?;
    let shut = home.run(["start", "--sandbox", "near.yaml"])?;
    shut.expect_message(3, &["near.env` lies outside of the DAG's directory, and --sandbox reads none there\n"])?;
    // What is not even a file is not waited for.
    let pipe = outside(&home, "pipe.env");
    let made = std::process::Command::new("mkfifo").arg(&pipe).status()?;
    ensure!(made.success(), "no pipe");
    home.write("pipe.yaml", format!("dotenv: ['{}']\nsteps: [{{action: noop}}]\n", pipe.display()))?;
    home.run(["start", "--sandbox", "pipe.yaml"])?.expect_message(3, &["pipe.env` lies outside of the DAG's"])?;
    Ok(())
}

#[test]
fn a_dotenv_file_in_the_folder_of_the_dag_is_part_of_it() -> Result<()> {
    let home = Home::new()?;
    home.write("own.env", "OWN=mine\n")?;
    home.write("dag.yaml", "dotenv: own.env\nsteps: [{id: a, action: log.write, with: {message: 'own: $OWN'}}]\n")?;
    home.run(["start", "--sandbox", "dag.yaml"])?.expect_code(0)?.expect_printed(&["own: mine"])?;
    Ok(())
}

#[test]
fn a_computed_parameter_runs_through_the_process_grant() -> Result<()> {
    let home = Home::new()?;
    let mark = outside(&home, "mark");
    Door {
        yaml: format!(
            "params: [{{name: day, eval: '$(touch {}; echo today)'}}]\nsteps: [{{run: 'echo ${{params.day}}'}}]\n",
            mark.display()
        ),
        code: 1,
        shut: "error: params: eval failed for `day`, which has no default: it needs a program, \
               and --sandbox allows none; give it as `day=VALUE`\n",
        opened: "| today",
    }
    .hold(&home, stands(&mark))
}

#[test]
fn the_command_of_a_precondition_runs_through_the_process_grant() -> Result<()> {
    let home = Home::new()?;
    let mark = outside(&home, "mark");
    Door {
        yaml: format!(
            "steps: [{{id: a, action: log.write, with: {{message: done}}, preconditions: [{{eval: '$(touch {}; echo yes)', expected: 'yes'}}]}}]\n",
            mark.display()
        ),
        code: 1,
        shut: "exec-command 0.1.0 has no grant for this use of process: --sandbox takes it away. \
               Leave out --sandbox to allow it\n",
        opened: "a | done",
    }
    .hold(&home, stands(&mark))
}

#[test]
fn wasi_run_opens_its_program_through_the_files_grant() -> Result<()> {
    let home = Home::new()?;
    let examples = repository().join("examples");
    let (tally, data) = (examples.join("sandbox/tally.wasm"), examples.join("data"));
    Door {
        yaml: format!(
            "steps: [{{id: a, action: wasi.run, with: {{path: '{}', dirs: [{{host: '{}', guest: /data}}]}}}}]\n",
            tally.display(),
            data.display()
        ),
        code: 1,
        shut: "a failed: wasi.run is not granted in a sandbox; leave out --sandbox, or grant it files\n",
        opened: "a | 313",
    }
    .hold(&home, second())
}

#[test]
fn an_output_is_read_from_a_file_through_the_files_grant() -> Result<()> {
    let home = Home::new()?;
    let file = outside(&home, "secret");
    std::fs::write(&file, "forty-two")?;
    Door {
        yaml: format!(
            "steps:\n  - {{id: a, output: {{x: {{from: file, path: '{}'}}}}}}\n  - {{depends: a, action: log.write, with: \
             {{message: '${{steps.a.outputs.x}}'}}}}\n",
            file.display()
        ),
        code: 1,
        shut: &format!(
            "a failed: the output `x` cannot be read from its file: `{}`: exec-file 0.1.0 has no grant for this use of \
             files: --sandbox takes it away. Leave out --sandbox to allow it",
            file.display()
        ),
        opened: "| forty-two",
    }
    .hold(&home, second())
}

#[test]
fn files_for_output_elsewhere_are_not_written_in_a_sandbox() -> Result<()> {
    for stream in ["stdout", "stderr"] {
        let home = Home::new()?;
        let file = outside(&home, "profile");
        let place = file.display();
        Door {
            yaml: format!("steps: [{{id: a, action: log.write, with: {{message: rm}}, {stream}: '{place}'}}]\n"),
            code: 1,
            shut: &format!(
                "a failed: `{stream}` of the step is to be written to `{place}`, outside of the run's own directory, and \
                 --sandbox writes nothing there; leave out --sandbox, or name a file of the run's\n"
            ),
            opened: "a | rm",
        }
        .hold(&home, stands(&file))?;
    }
    Ok(())
}

#[test]
fn files_for_output_in_the_runs_own_directory_are_written_in_a_sandbox() -> Result<()> {
    let home = Home::new()?;
    let yaml = "steps:\n  - {id: a, action: log.write, with: {message: one}, stdout: own.txt}\n  - {id: b, action: \
                log.write, with: {message: two}, stdout: {artifact: b.log}}\n  - {id: c, continue_on: {failure: true}, \
                action: log.write, with: {message: three}, stdout: ../../c.txt}\n";
    home.write("dag.yaml", yaml)?;
    let ended = home.run(["start", "--sandbox", "dag.yaml", "-r", "mine"])?;
    ended.expect_said(&["c: failed", "/runs/mine/work/../../c.txt`, outside of the run's own directory"])?;
    let own = home.data().join("runs/mine");
    ensure!(std::fs::read_to_string(own.join("work/own.txt"))? == "one\n", "stdout of a");
    ensure!(std::fs::read_to_string(own.join("artifacts/b.log"))? == "two\n", "the artifact of b");
    ensure!(!home.data().join("c.txt").exists() && !home.data().join("runs/c.txt").exists(), "stdout of c");
    Ok(())
}

#[test]
fn artifacts_elsewhere_are_not_written_in_a_sandbox() -> Result<()> {
    let home = Home::new()?;
    let dir = outside(&home, "kept");
    Door {
        yaml: format!(
            "artifacts: {{dir: '{}'}}\nsteps: [{{id: a, action: log.write, with: {{message: kept}}, stdout: {{artifact: \
             a.log}}}}]\n",
            dir.display()
        ),
        code: 1,
        shut: "outside of the run's own directory, and --sandbox writes nothing there; leave out --sandbox, or name a \
               file of the run's\n",
        opened: "a | kept",
    }
    .hold(&home, stands(&dir))
}
