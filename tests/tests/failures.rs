//! A step that cannot do what it should says why in one sentence, at once and later; the steps beside it go on.

use std::io::{Read as _, Write as _};

use anyhow::{Result, ensure};
use pintle_tests::Home;

/// A step that cannot do what it should: its message, as `status` shows it.
fn step_fails(step: &str, parts: &[&str]) -> Result<()> {
    let home = Home::new()?;
    let yaml = format!("steps:\n  - id: bad\n{step}\n  - id: good\n    run: echo goes on\n");
    let lines = home.start_json(&yaml, 1)?;
    let shown = lines.result()?;
    shown.expect(&[("bad", "failed"), ("good", "succeeded")])?;
    let message = shown.step("bad")?.message;
    for part in parts {
        ensure!(message.contains(part), "the message lacks {part:?}: {message}");
    }
    for word in ["panicked", "Error {", ".rs:"] {
        ensure!(!message.contains(word), "the message shows the machinery ({word:?}): {message}");
    }
    // The same is told by a plain start, and where the step is looked at later.
    let plain = home.start(&yaml)?;
    plain.expect_message(1, parts)?;
    home.run(["status", "latest"])?.expect_code(0)?.expect_printed(&["bad"])?;
    Ok(())
}

#[test]
fn a_step_whose_directory_is_missing() -> Result<()> {
    step_fails("    run: pwd\n    working_dir: /no/such/dir", &["/no/such/dir", "working_dir"])
}

#[test]
fn a_step_whose_program_is_missing() -> Result<()> {
    step_fails(
        "    action: exec\n    with: {command: no-such-program}",
        &["no-such-program", "not found", "install it"],
    )
}

#[test]
fn a_step_whose_shell_is_missing() -> Result<()> {
    step_fails("    run: echo\n    shell: no-such-shell", &["no-such-shell", "not found"])
}

#[test]
fn a_step_that_fails_says_its_exit_code() -> Result<()> {
    step_fails("    run: exit 7", &["exit code 7"])
}

#[test]
fn a_file_that_is_not_there() -> Result<()> {
    step_fails("    action: file.read\n    with: {path: /no/such/file}", &["/no/such/file"])
}

#[test]
fn a_file_that_stands_in_the_way() -> Result<()> {
    step_fails(
        "    action: file.write\n    with: {path: /etc/hostname, content: x}",
        &["/etc/hostname", "overwrite: true"],
    )
}

#[test]
fn a_jq_program_that_is_none() -> Result<()> {
    step_fails("    action: jq.filter\n    with: {filter: '.a | map(', data: {a: 1}}", &["jq program", "line 1"])
}

#[test]
fn data_that_is_not_what_it_is_said_to_be() -> Result<()> {
    step_fails("    action: jq.filter\n    with: {filter: ., data: 'not json'}", &["not JSON"])
}

#[test]
fn a_template_with_an_unknown_name() -> Result<()> {
    step_fails(
        "    action: template.render\n    with: {template: 'a {{ b }}', data: {a: 1}}",
        &["template", "line 1", "undefined"],
    )
}

#[test]
fn a_server_that_does_not_answer() -> Result<()> {
    // Nothing listens on the discard port of loopback.
    step_fails("    action: http.request\n    with: {url: 'http://127.0.0.1:9/'}", &["127.0.0.1:9"])
}

/// The step's own time is told in the same words, whatever the step waits for.
#[test]
fn a_server_that_keeps_a_step_waiting() -> Result<()> {
    let hangs = std::net::TcpListener::bind("127.0.0.1:0")?;
    let url = format!("http://{}/", hangs.local_addr()?);
    step_fails(
        &format!("    action: http.request\n    with: {{url: '{url}', timeout_sec: 0.3}}"),
        &[&url, "no answer in time"],
    )?;
    let step = format!("    timeout_sec: 0.3\n    action: http.request\n    with: {{url: '{url}'}}");
    step_fails(&step, &["longer than its timeout of 300ms"])?;
    let step = format!("    timeout_sec: 0.3\n    action: http.request\n    with: {{url: '{url}', timeout_sec: 0.3}}");
    step_fails(&step, &["longer than its timeout of 300ms"])
}

#[test]
fn an_address_that_is_none() -> Result<()> {
    step_fails("    action: http.request\n    with: {url: 'gopher://x/'}", &["gopher"])
}

#[test]
fn a_certificate_that_is_not_to_be_verified() -> Result<()> {
    let listener = std::net::TcpListener::bind("127.0.0.1:0")?;
    listener.set_nonblocking(true)?;
    let url = format!("https://{}/", listener.local_addr()?);
    let step = |skip: bool| format!("    action: http.request\n    with: {{url: '{url}', skip_tls_verify: {skip}}}");
    step_fails(&step(true), &["`skip_tls_verify` is not offered: every certificate is verified", "with a program"])?;
    ensure!(listener.accept().is_err(), "a connection was made");
    // Of what it was told to verify, it asks.
    let server = std::thread::spawn(move || {
        listener.set_nonblocking(false)?;
        for _ in 0..2 {
            drop(listener.accept()?);
        }
        std::io::Result::Ok(())
    });
    step_fails(&step(false), &[&url, "no connection"])?;
    ensure!(server.join().is_ok_and(|served| served.is_ok()), "nobody asked");
    Ok(())
}

#[test]
fn redirects_without_end() -> Result<()> {
    let listener = std::net::TcpListener::bind("127.0.0.1:0")?;
    let url = format!("http://{}/", listener.local_addr()?);
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let Ok(mut stream) = stream else { return };
            let _read = stream.read(&mut [0; 1024]);
            let _sent = stream
                .write_all(b"HTTP/1.1 302 Found\r\nlocation: /\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
        }
    });
    let step = |more: &str| format!("    action: http.request\n    with: {{url: '{url}'{more}}}");
    step_fails(&step(""), &[&format!("{url}: it redirects again; the bound of redirects is 10")])?;
    step_fails(&step(", redirects: 2"), &[&format!("{url}: it redirects again; the bound of redirects is 2")])?;
    // Who wants none followed gets the redirect itself.
    let home = Home::new()?;
    let yaml = format!(
        "steps:\n  - id: a\n{}\n  - {{depends: a, run: 'echo ${{steps.a.outputs.status}}'}}\n",
        step(", redirects: 0")
    );
    home.start(&yaml)?.expect_code(0)?.expect_printed(&["| 302"])?;
    Ok(())
}

#[test]
fn outputs_that_were_promised_and_not_written() -> Result<()> {
    step_fails("    run: echo a=1 >> \"$PINTLE_OUTPUT_FILE\"\n    outputs: [{name: a}, {name: b}]", &["`b`"])
}

#[test]
fn outputs_that_were_not_promised() -> Result<()> {
    step_fails("    run: printf 'a=1\\nz=2\\n' >> \"$PINTLE_OUTPUT_FILE\"\n    outputs: [{name: a}]", &["`z`"])
}

#[test]
fn an_output_that_is_not_the_json_that_it_should_be() -> Result<()> {
    step_fails("    run: echo 'a={' >> \"$PINTLE_OUTPUT_FILE\"\n    outputs: [{name: a, type: json}]", &["`a`", "JSON"])
}

#[test]
fn a_stranger_that_is_not_there_or_not_wasm() -> Result<()> {
    step_fails("    action: wasi.run\n    with: {path: /no/such.wasm}", &["/no/such.wasm"])?;
    step_fails("    action: wasi.run\n    with: {path: /etc/hostname}", &["/etc/hostname"])
}

#[test]
fn a_step_that_takes_too_long() -> Result<()> {
    step_fails("    run: sleep 60\n    timeout_sec: 0.3", &["timeout"])
}

#[test]
fn the_sandbox_refuses_programs_files_and_addresses_and_says_what_to_grant() -> Result<()> {
    let home = Home::new()?;
    let yaml = "defaults: {continue_on: {failure: true}}\nsteps:\n  - id: shell\n    run: echo hello\n  - id: file\n    \
                action: file.read\n    with: {path: /etc/hostname}\n  - id: net\n    action: http.request\n    \
                with: {url: 'http://127.0.0.1:9/'}\n  - id: data\n    action: jq.filter\n    \
                with: {filter: '.a', data: {a: 5}}\n";
    let dag = home.write("dag.yaml", yaml)?.display().to_string();
    let ended = home.run(["start", &dag, "--sandbox", "-r", "walled"])?;
    ended.expect_message(1, &["exec-command", "exec-file", "exec-http", "grant"])?;
    ended.expect_printed(&["data | 5"])?;
    home.status("walled")?.expect(&[
        ("shell", "failed"),
        ("file", "failed"),
        ("net", "failed"),
        ("data", "succeeded"),
    ])?;
    ensure!(!ended.stdout.contains("hello"), "a program ran in the sandbox");
    Ok(())
}

#[test]
fn an_output_file_that_is_none_any_more() -> Result<()> {
    let table = [
        (
            "rm \"$PINTLE_OUTPUT_FILE\"; mkfifo \"$PINTLE_OUTPUT_FILE\"",
            ["output file cannot be read", "not a regular file"],
        ),
        ("printf 'a=\\377\\n' > \"$PINTLE_OUTPUT_FILE\"", ["output file", "not valid UTF-8"]),
        ("echo no pair > \"$PINTLE_OUTPUT_FILE\"", ["line 1 of the output file", "name=value"]),
        ("printf 'a<<END\\n' > \"$PINTLE_OUTPUT_FILE\"", ["the value of `a`", "`END` is missing"]),
        ("printf 'a=1\\na=2\\n' > \"$PINTLE_OUTPUT_FILE\"", ["line 2 of the output file", "a second time"]),
    ];
    for (script, parts) in table {
        step_fails(&format!("    run: |\n      {script}\n      true\n    outputs: [{{name: a}}]"), &parts)?;
    }
    Ok(())
}

#[test]
fn a_file_for_output_that_cannot_be_written() -> Result<()> {
    step_fails("    run: echo\n    stdout: /proc/no/such", &["/proc/no/such", "where the step's output was to go"])?;
    let home = Home::new()?;
    let ended = home.start("steps:\n  - id: a\n    run: echo one; echo two\n    stdout: /dev/full\n")?;
    ended.expect_code(0)?;
    ensure!(home.logs("latest", "a")? == "one\ntwo\n", "the log lacks what the file does");
    let said = home.run(["logs", "latest", "a", "--stderr"])?;
    said.expect_code(0)?.expect_printed(&["the file of `stdout:` gets no more", "No space left"])?;
    Ok(())
}

#[test]
fn a_file_that_is_read_and_is_no_text_or_too_long_for_an_output() -> Result<()> {
    let home = Home::new()?;
    let raw = home.write("raw", [0xff, 0x00])?;
    let path = raw.display();
    step_fails(
        &format!("    action: file.read\n    with: {{path: {path}, quiet: true}}"),
        &["is not UTF-8 text", "leave out `quiet`"],
    )?;
    step_fails(
        &format!("    action: file.read\n    with: {{path: {path}, format: json}}"),
        &["is not UTF-8 text", "`format: raw`"],
    )?;
    let long = home.write("long", "x".repeat(600 * 1024))?;
    step_fails(
        &format!("    action: file.read\n    with: {{path: {}, quiet: true}}", long.display()),
        &["has 614400 bytes", "leave out `quiet`"],
    )
}

#[test]
fn a_directory_where_a_file_is_wanted() -> Result<()> {
    step_fails("    action: file.read\n    with: {path: /usr}", &["`/usr`", "a directory, not a regular file"])?;
    step_fails("    action: wasi.run\n    with: {path: /usr}", &["/usr"])
}

#[test]
fn a_move_onto_a_directory() -> Result<()> {
    step_fails(
        "    action: file.move\n    with: {source: /etc/hostname, destination: /usr}",
        &["`/usr` exists already", "delete it first"],
    )
}

#[test]
fn a_condition_that_cannot_be_looked_at() -> Result<()> {
    step_fails(
        "    run: echo\n    preconditions: [{eval: \"$(exit 3)\", expected: x}]",
        &["a precondition could not be evaluated", "$(exit 3)"],
    )
}

#[test]
fn a_header_that_is_none() -> Result<()> {
    step_fails(
        "    action: http.request\n    with: {url: 'http://127.0.0.1:9/', headers: {'a b': c}}",
        &["`a b` is not the name of a header"],
    )?;
    step_fails(
        "    action: http.request\n    with: {url: 'http://127.0.0.1:9/', headers: {x: \"a\\u0007\"}}",
        &["the value of header `x` holds a control character"],
    )
}
