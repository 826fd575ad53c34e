//! Steps that wait: for a while, until an instant, for a file, for an answer. None of them holds a slot.

#![expect(clippy::indexing_slicing, reason = "indexing JSON answers null where nothing is")]

use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use pintle_tests::Home;

#[test]
fn a_wait_takes_its_time_and_no_slot() -> Result<()> {
    let home = Home::new()?;
    let yaml = r#"
max_active_steps: 1
steps:
  - {id: pause, action: wait.duration, with: {duration: 2s}}
  - {id: other, run: echo meanwhile}
  - {id: past, action: wait.until, with: {until: "2020-01-01T00:00:00Z"}}
  - {id: last, depends: [pause, past], run: echo over}
"#;
    let began = Instant::now();
    let ended = home.start(yaml)?;
    ended.expect_code(0)?.expect_printed(&["other | meanwhile", "last | over"])?;
    ensure!(began.elapsed() >= Duration::from_secs(2), "it did not wait: {:?}", began.elapsed());
    ended.expect_said(&["pause: waits until ", "pause: succeeded in 2."])?;
    let (other, pause) = (ended.stderr.find("other: succeeded"), ended.stderr.find("pause: succeeded"));
    ensure!(other < pause, "a wait held the one slot:\n{}", ended.stderr);
    Ok(())
}

#[test]
fn a_wait_goes_on_where_it_was_after_a_kill() -> Result<()> {
    let home = Home::new()?;
    home.write("dag.yaml", "steps:\n  - {id: pause, action: wait.duration, with: {duration: 4s}}\n  - {id: b, depends: pause, run: echo gone on}\n")?;
    let began = Instant::now();
    let mut live = home.spawn(["start", "dag.yaml", "--run-id", "r1", "--output", "json"])?;
    live.until_shown("\"event\":\"step_later\"")?;
    live.kill()?;
    let due = home.status("r1")?.0["steps"][0]["due"].clone();
    ensure!(due.is_string(), "no due time is kept: {due}");
    let ended = home.run(["start", "--resume", "r1"])?;
    ended.expect_code(0)?.expect_printed(&["b | gone on"])?;
    let took = began.elapsed();
    ensure!(took >= Duration::from_secs(4) && took < Duration::from_secs(30), "{took:?}");
    let pause = &home.status("r1")?.0["steps"][0];
    ensure!(pause["attempt"] == 1 && pause["status"] == "succeeded", "{pause}");
    Ok(())
}

#[test]
fn a_wait_ends_with_timeout_sec_and_with_a_stop() -> Result<()> {
    let home = Home::new()?;
    let ended = home.start("steps: [{id: long, action: wait.duration, with: {duration: 1h}, timeout_sec: 1}]\n")?;
    ended.expect_message(1, &["long: failed in 1.", "the step waited longer than its timeout of 1.0s"])?;
    ensure!(home.status("latest")?.0["steps"][0]["exit_code"] == 124);
    let file = "steps: [{id: never, action: wait.file, with: {path: never, poll_interval: 200ms}, timeout_sec: 1}]\n";
    home.start(file)?.expect_message(1, &["never: failed in 1."])?;
    ensure!(home.status("latest")?.0["steps"][0]["exit_code"] == 124);
    home.write("long.yaml", "steps: [{id: long, action: wait.until, with: {until: \"2999-01-01T00:00:00Z\"}}]\n")?;
    let mut live = home.spawn(["start", "long.yaml", "--run-id", "r9", "--output", "json"])?;
    live.until_shown("\"event\":\"step_later\"")?;
    home.run(["status", "r9"])?.expect_code(0)?.expect_printed(&["waits until 2999-01-01"])?;
    home.run(["stop", "r9"])?.expect_code(0)?;
    live.wait()?.expect_code(1)?;
    ensure!(home.status("r9")?.0["status"] == "aborted");
    Ok(())
}

#[test]
fn a_file_is_waited_for_until_it_is_there_and_until_it_is_gone() -> Result<()> {
    let home = Home::new()?;
    let yaml = r#"
working_dir: .
steps:
  - {id: flag, action: wait.file, with: {path: ready.flag, poll_interval: 200ms}, output: SEEN}
  - {id: make, run: "sleep 1; touch ready.flag"}
  - {id: gone, depends: flag, action: wait.file, with: {path: ready.flag, state: missing, poll_interval: 200ms}}
  - {id: clean, depends: flag, run: "sleep 1; rm ready.flag"}
  - {id: tell, depends: gone, run: 'echo "${steps.flag.outputs.path} $SEEN"'}
"#;
    let ended = home.start(yaml)?;
    ended.expect_code(0)?.expect_printed(&["/dags/ready.flag {\"path\":", "\"exists\":true}"])?;
    ensure!(ended.stderr.matches("flag: started").count() == 1, "each look is told:\n{}", ended.stderr);
    Ok(())
}

/// Answers `refusals` requests with 503 and all others with 200.
fn server(refusals: usize) -> Result<u16> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let port = listener.local_addr()?.port();
    std::thread::spawn(move || {
        for (number, stream) in listener.incoming().enumerate() {
            let Ok(mut stream) = stream else { return };
            let mut asked = [0; 1024];
            let _read = stream.read(&mut asked);
            let status = if number < refusals { "503 Service Unavailable" } else { "200 OK" };
            let _sent = write!(stream, "HTTP/1.1 {status}\r\ncontent-length: 2\r\nconnection: close\r\n\r\nup");
        }
    });
    Ok(port)
}

#[test]
fn an_answer_is_waited_for_through_the_same_grants_as_a_request() -> Result<()> {
    let home = Home::new()?;
    let port = server(2)?;
    let yaml = format!(
        "steps:\n  - {{id: up, action: wait.http, with: {{url: \"http://127.0.0.1:{port}/health\", poll_interval: 200ms}}}}\n  \
         - {{depends: up, run: 'echo ${{steps.up.outputs.status}} ${{steps.up.outputs.body}}'}}\n"
    );
    let ended = home.start(&yaml)?;
    let health = format!("GET http://127.0.0.1:{port}/health");
    ended.expect_code(0)?.expect_printed(&[&format!("up | {health} answered 200 OK"), "| 200 up"])?;
    let not_yet = format!("up ! {health}: not yet: it answered 503 Service Unavailable");
    ensure!(ended.stderr.matches(&not_yet).count() == 1, "{}", ended.stderr);
    let path = home.path("dag.yaml");
    let path = path.to_str().context("a path that is no text")?;
    home.run(["start", "--sandbox", path])?.expect_message(1, &["up: failed", "http"])?;
    Ok(())
}

#[test]
fn a_sandbox_lets_no_step_wait_for_a_file() -> Result<()> {
    let home = Home::new()?;
    home.write("dag.yaml", "steps: [{id: look, action: wait.file, with: {path: /etc/passwd}}]\n")?;
    home.run(["start", "--sandbox", "dag.yaml"])?.expect_message(1, &["look: failed", "files"])?;
    Ok(())
}
