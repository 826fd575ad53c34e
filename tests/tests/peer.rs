//! What the peer documents, as DAGs of our own, with the result that its users see.
//!
//! A case is two files below `peer/`: `NN-name.yaml`, and `NN-name.want`, lines that say what is run and what is seen
//! of it. `$` runs a command on the file; the lines behind it are about that command.
//!
//! | line | holds if |
//! |---|---|
//! | `exit N` | the command ended with this code |
//! | `run STATUS`, `step NAME STATUS` | the run, or its step, stands so |
//! | `code NAME N`, `attempt NAME N` | the step ended with this exit code, at this try |
//! | `log NAME LINE`, `logged NAME PART` | the step printed this line, or this in a line |
//! | `without NAME PART` | the step printed nothing like it |
//! | `before A B` | step A was over before step B began |
//! | `prints PART`, `says PART` | standard output, or standard error, holds it |
//! | `file NAME A/B` | the file beside the DAG has these lines; without lines, that there is none |

use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail, ensure};
use pintle_tests::{Ended, Home, Shown, repository};

fn cases() -> Result<Vec<PathBuf>> {
    let entries: Result<Vec<_>, _> = std::fs::read_dir(repository().join("tests/peer"))?.collect();
    let mut files: Vec<PathBuf> = entries?.iter().map(std::fs::DirEntry::path).collect();
    files.retain(|path| path.extension().is_some_and(|extension| extension == "yaml"));
    files.sort();
    Ok(files)
}

#[test]
fn what_the_peer_documents_is_what_is_seen() -> Result<()> {
    let base = serve()?;
    let cases = cases()?;
    ensure!(cases.len() >= 20, "only {} cases were found", cases.len());
    let failed: Vec<String> = cases
        .iter()
        .filter_map(|file| check(file, &base).err().map(|error| format!("{}: {error:#}", file.display())))
        .collect();
    ensure!(failed.is_empty(), "{} of {} differ\n{}", failed.len(), cases.len(), failed.join("\n\n"));
    Ok(())
}

#[test]
fn they_are_taken_without_a_word_but_for_schedules() -> Result<()> {
    let home = Home::new()?;
    for file in cases()? {
        let ended = home.run([Path::new("validate"), &file])?;
        ended.expect_code(0)?;
        let scheduled = file.to_string_lossy().contains("schedule");
        ensure!(ended.stderr.is_empty() != scheduled, "{}: {}", file.display(), ended.stderr);
    }
    Ok(())
}

/// One command of a case, and what was seen of it.
struct Seen {
    ended: Ended,
    home: Home,
}

fn check(file: &Path, base: &str) -> Result<()> {
    let want = std::fs::read_to_string(file.with_extension("want"))?;
    let mut seen: Option<Seen> = None;
    for line in want.lines().filter(|line| !line.is_empty()) {
        match line.strip_prefix("$ ") {
            Some(command) => seen = Some(run(file, &command.replace("{server}", base))?),
            None => hold(seen.as_ref().context("the first line runs a command")?, line)?,
        }
    }
    ensure!(seen.is_some(), "nothing is run");
    Ok(())
}

/// Runs a command on a copy of the file, with what lies beside it.
fn run(file: &Path, command: &str) -> Result<Seen> {
    let home = Home::new()?;
    for entry in std::fs::read_dir(file.parent().context("a case lies in a folder")?)? {
        let path = entry?.path();
        let name = path.file_name().context("a file has a name")?.to_string_lossy().into_owned();
        home.write(&name, std::fs::read(&path)?)?;
    }
    let name = file.file_name().context("a case has a name")?.to_string_lossy().into_owned();
    // The file stands behind the command's own words, before what is given to it.
    let (words, given) = command.split_once(" --").map_or((command, None), |(words, given)| (words, Some(given)));
    let mut args: Vec<String> = words.split_whitespace().map(str::to_owned).collect();
    args.push(name);
    args.extend(
        given.into_iter().flat_map(|given| format!("--{given}").split(' ').map(str::to_owned).collect::<Vec<_>>()),
    );
    Ok(Seen { ended: home.run(&args)?, home })
}

fn hold(seen: &Seen, line: &str) -> Result<()> {
    let (word, rest) = line.split_once(' ').unwrap_or((line, ""));
    let (name, value) = rest.split_once(' ').unwrap_or((rest, ""));
    match word {
        "exit" => seen.ended.expect_code(rest.parse()?).map(drop)?,
        "prints" => seen.ended.expect_printed(&[rest]).map(drop)?,
        "says" => seen.ended.expect_said(&[rest]).map(drop)?,
        "run" => {
            let shown = shown(seen)?;
            ensure!(shown.status() == rest, "the run is {}, not {rest}: {}", shown.status(), seen.ended.stderr);
        }
        "step" => shown(seen)?.expect(&[(name, value)]).map(drop)?,
        "code" => {
            let code = shown(seen)?.step(name)?.exit_code;
            ensure!(code == Some(value.parse()?), "{name} ended with {code:?}, not {value}");
        }
        "attempt" => {
            let attempt = shown(seen)?.step(name)?.attempt;
            ensure!(attempt == value.parse::<u64>()?, "{name} was tried {attempt} times, not {value}");
        }
        "before" => {
            let (first, second) = (shown(seen)?.step(name)?, shown(seen)?.step(value)?);
            ensure!(first.finished_at <= second.started_at, "{value} began before {name} was over");
        }
        "log" | "logged" | "without" => {
            let log = seen.home.logs("latest", name)?;
            let holds = log.lines().any(|line| if word == "log" { line == value } else { line.contains(value) });
            ensure!(holds != (word == "without"), "`{line}` does not hold; the log of {name}:\n{log}");
        }
        "file" => {
            let lines = seen.home.read(name).lines().map(str::trim).collect::<Vec<_>>().join("/");
            ensure!(lines == value, "{name} has {lines}, not {value}");
        }
        other => bail!("no line begins with `{other}`"),
    }
    Ok(())
}

fn shown(seen: &Seen) -> Result<Shown> {
    seen.home.status("latest")
}

/// A server on loopback: `/answer` is an object, all else is not found. It lives as long as the test.
fn serve() -> Result<String> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let base = format!("http://{}", listener.local_addr()?);
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            // A client that goes away is the client's affair.
            let _answered = stream.and_then(|mut stream| {
                let mut head = Vec::new();
                let mut byte = [0];
                while !head.ends_with(b"\r\n\r\n") && stream.read(&mut byte)? == 1 {
                    head.extend_from_slice(&byte);
                }
                let (status, body) = match head.starts_with(b"GET /answer ") {
                    true => ("200 OK", r#"{"answer":42}"#),
                    false => ("404 Not Found", "{}"),
                };
                let length = body.len();
                write!(stream, "HTTP/1.1 {status}\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{body}")
            });
        }
    });
    Ok(base)
}
