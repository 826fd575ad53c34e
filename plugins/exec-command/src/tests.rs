use pintle_guest::error::Fault;
use pintle_guest::executor::{Executor as _, Task};
use pintle_guest::testing::{Ended, FakeHost, ProcessCommand, ProcessExit, exit};
use serde_json::{Value, json};

use crate::ExecCommand;

mod with;

fn host() -> FakeHost {
    FakeHost::new().process(|_| Ok(exit(0)))
}

fn words(command: &ProcessCommand) -> Vec<&str> {
    std::iter::once(command.program.as_str()).chain(command.arguments.iter().map(String::as_str)).collect()
}

/// Program and arguments of the only process that a task starts.
fn started(task: &Task) -> Vec<String> {
    let host = host();
    assert_eq!(host.run::<ExecCommand>(task).done().code(), Some(0));
    let commands = host.commands();
    assert_eq!(commands.len(), 1);
    commands.iter().flat_map(|command| words(command).into_iter().map(str::to_owned)).collect()
}

fn run_task(input: Value) -> Task {
    Task::new("run", input)
}

fn command(text: &str) -> Task {
    run_task(json!({ "body": { "command": text } }))
}

fn refused(task: &Task) -> String {
    let host = host();
    let ended = host.run::<ExecCommand>(task);
    assert_eq!(ended.error().fault, Fault::Invalid);
    assert!(host.commands().is_empty(), "nothing may start");
    ended.error().message.clone()
}

#[test]
fn a_command_runs_in_sh_that_stops_at_errors() {
    assert_eq!(started(&command("echo hi")), ["sh", "-e", "-c", "echo hi"]);
}

#[test]
fn the_default_shell_comes_from_the_environment() {
    let both = command("x").var("SHELL", "/bin/zsh").var("DAGU_DEFAULT_SHELL", "/bin/bash -u");
    assert_eq!(started(&both), ["/bin/bash", "-u", "-e", "-c", "x"]);
    assert_eq!(started(&both.var("PINTLE_DEFAULT_SHELL", "dash")), ["dash", "-e", "-c", "x"]);
    assert_eq!(started(&command("x").var("SHELL", "/bin/zsh")), ["/bin/zsh", "-e", "-c", "x"]);
    assert_eq!(started(&command("x").var("SHELL", "/usr/bin/fish")), ["sh", "-e", "-c", "x"]);
}

#[test]
fn an_explicit_shell_gets_nothing_but_the_text() {
    let explicit = json!({ "body": { "command": "x" }, "shell": ["bash", "-u"], "shell_explicit": true });
    assert_eq!(started(&run_task(explicit)), ["bash", "-u", "-c", "x"]);
    let of_dag = json!({ "body": { "command": "x" }, "shell": ["bash", "-u"] });
    assert_eq!(started(&run_task(of_dag)), ["bash", "-u", "-e", "-c", "x"]);
}

#[test]
fn an_unknown_shell_gets_the_text_by_c() {
    assert_eq!(
        started(&run_task(json!({ "body": { "command": "1+1" }, "shell": ["python3", "-I"] }))),
        ["python3", "-I", "-c", "1+1"]
    );
}

#[test]
fn arguments_that_would_take_the_text_are_refused_by_name() {
    for (shell, token) in [(["bash", "-lc"], "`-lc`"), (["sh", "-c"], "`-c`"), (["python3", "-cprint"], "`-cprint`")] {
        for body in [json!({ "command": "x" }), json!({ "script": "x\n" })] {
            let message = refused(&run_task(json!({ "body": body, "shell": shell })));
            assert!(message.contains(token), "{message}");
        }
    }
    assert_eq!(started(&run_task(json!({ "body": { "command": "x" }, "shell": ["bash", "--norc"] })))[1], "--norc");
}

#[test]
fn a_line_break_in_a_command_is_refused_before_anything_starts() {
    assert!(refused(&command("echo a\nrm -rf b")).contains("line break"));
    let list = run_task(json!({ "body": { "commands": ["true", "echo a\r"] } }));
    assert!(refused(&list).starts_with("command 2 of 2: "), "{}", refused(&list));
}

#[test]
fn what_a_shell_is_not_given_is_said_in_whole_sentences() {
    let shell = |shell: Value| refused(&run_task(json!({ "body": { "command": "x" }, "shell": shell })));
    assert_eq!(shell(json!([""])), "`shell` is empty: name a program, such as `bash`");
    assert_eq!(
        shell(json!(["bash", "-c"])),
        "`-c` among the arguments of shell `bash` would take the step's text: leave it out, `-c` is added"
    );
    assert_eq!(
        refused(&command("echo a\nrm -rf b")),
        "the command contains a line break once its references are resolved: write it as a script of several lines, or \
         pass the value by the environment"
    );
    assert_eq!(
        refused(&Task::new("exec", json!({ "command": "x", "args": [["a"]] }))),
        "the input of `exec` is faulty: `args[0]`: expected text, a number or a truth value"
    );
}

#[test]
fn a_script_is_a_file_that_the_shell_runs() {
    let host = host();
    let ended = host.run::<ExecCommand>(&run_task(json!({ "body": { "script": "set -u\necho hi\n" } })));
    assert_eq!(ended.done().code(), Some(0));
    let commands = host.commands();
    assert_eq!(words(&commands[0]), ["sh", "-e", "{script}"]);
    assert_eq!(commands[0].script.as_deref(), Some("set -u\necho hi\n"));
}

#[test]
fn a_script_with_an_interpreter_line_runs_by_itself_unless_the_step_chose_a_shell() {
    let script = "#!/usr/bin/env python3\nprint(1)\n";
    assert_eq!(started(&run_task(json!({ "body": { "script": script } }))), ["{script}"]);
    let of_dag = json!({ "body": { "script": script }, "shell": ["bash"] });
    assert_eq!(started(&run_task(of_dag)), ["{script}"]);
    let of_step = json!({ "body": { "script": script }, "shell": ["bash"], "shell_explicit": true });
    assert_eq!(started(&run_task(of_step)), ["bash", "{script}"]);
    let indented = json!({ "body": { "script": format!(" {script}") } });
    assert_eq!(started(&run_task(indented)), ["sh", "-e", "{script}"]);
}

#[test]
fn a_list_runs_each_in_a_fresh_shell_up_to_the_first_that_fails() {
    let host = FakeHost::new()
        .process(|command| Ok(exit(if command.arguments.last().is_some_and(|text| text == "false") { 3 } else { 0 })));
    let ended = host.run::<ExecCommand>(&run_task(json!({ "body": { "commands": ["true", "false", "never"] } })));
    assert_eq!(ended.done().code(), Some(3));
    let texts: Vec<_> = host.commands().iter().filter_map(|command| command.arguments.last().cloned()).collect();
    assert_eq!(texts, ["true", "false"]);
}

#[test]
fn environment_directory_and_way_of_stopping_are_the_tasks() {
    let input = json!({ "body": { "command": "x" }, "kill_grace_ms": 1500, "stop_signal": "SIGINT" });
    let host = host();
    let ended = host.run::<ExecCommand>(&run_task(input).var("A", "1").working_dir("/data"));
    assert_eq!(ended.done().code(), Some(0));
    let command = &host.commands()[0];
    assert_eq!((command.env[0].name.as_str(), command.env[0].value.as_str(), command.env.len()), ("A", "1", 1));
    assert_eq!(command.working_dir.as_deref(), Some("/data"));
    assert_eq!((command.kill_grace, command.stop_signal.as_deref()), (1500, Some("SIGINT")));
}

#[test]
fn exec_passes_its_arguments_on_as_they_are() {
    let input = json!({ "command": "/bin/echo", "args": ["a b", "$HOME", 8080, true, 0.5] });
    assert_eq!(started(&Task::new("exec", input)), ["/bin/echo", "a b", "$HOME", "8080", "true", "0.5"]);
    assert!(refused(&Task::new("exec", json!({ "command": "" }))).contains("`with.command` is empty"));
    let message = refused(&Task::new("exec", json!({ "command": "x", "arg": [] })));
    assert!(message.contains("`exec`") && message.contains("unknown field `arg`"), "{message}");
}

fn ended_by(exit: ProcessExit) -> Ended {
    FakeHost::new().process(move |_| Ok(exit.clone())).run::<ExecCommand>(&command("x"))
}

#[test]
fn a_program_that_fails_is_a_result_and_no_error() {
    assert_eq!(ended_by(exit(7)).done().code(), Some(7));
    let killed = ProcessExit { code: None, signal: Some("SIGKILL".to_owned()), ..exit(0) };
    assert_eq!(ended_by(killed).done().code(), Some(137));
    let late = ProcessExit { code: Some(0), timed_out: true, ..exit(0) };
    assert_eq!(ended_by(late).done().code(), Some(124));
}

#[test]
fn without_the_grant_the_hosts_refusal_is_the_steps() {
    let ended = FakeHost::new().run::<ExecCommand>(&command("x"));
    assert_eq!(ended.error().fault, Fault::Denied);
}

#[test]
fn nothing_starts_once_the_run_is_being_stopped() {
    let host = host().cancelled();
    assert_eq!(host.run::<ExecCommand>(&command("x")).error().fault, Fault::Cancelled);
    assert!(host.commands().is_empty());
}

#[test]
fn a_dry_run_says_what_would_run() {
    let host = host();
    let ended = host.run::<ExecCommand>(&command("echo 'hi'").dry_run());
    assert_eq!(ended.stdout(), "would run: sh -e -c 'echo '\\''hi'\\'''\n");
    assert!(host.commands().is_empty());
}

#[test]
fn schemas_are_strict() {
    for action in ExecCommand::actions() {
        let schema: Value = serde_json::from_str(&action.input_schema).expect("a schema is JSON");
        assert_eq!(schema["additionalProperties"], false, "{}: {schema}", action.name);
    }
}

#[test]
fn a_program_without_a_name_is_refused() {
    let error = host().run::<ExecCommand>(&Task::new("exec", json!({ "command": "" }))).error().clone();
    assert_eq!(
        (error.fault, error.message.as_str()),
        (Fault::Invalid, "`with.command` is empty: name the program to run")
    );
}
