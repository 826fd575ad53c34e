//! An executor that does as the test says.

use std::sync::{Arc, Mutex};

use pintle_plane::BoxFuture;
use pintle_plane::executor::{Executor, Failure, Fault, Limit, Performed, Task};
use pintle_plane::output::{Channel, Sink};
use pintle_plane::stop::{StopSignal, Urgency};
use serde_json::{Value, json};
use tokio::sync::Notify;

/// What a step's "program" does: the action's name says it.
#[derive(Default)]
pub(crate) struct Actor {
    pub(crate) tasks: Mutex<Vec<Task>>,
    pub(crate) begun: Notify,
    pub(crate) go: Notify,
}

pub(crate) fn done(code: i32) -> Performed {
    Performed::Done { outputs: Vec::new(), exit_code: Some(code) }
}

fn failed(message: &str, code: Option<&str>, limit: Option<Limit>) -> Performed {
    let (message, code) = (message.to_owned(), code.map(str::to_owned));
    Performed::Failed(Failure { fault: Fault::NotFound, message, retry_after: None, code, exit_code: None, limit })
}

/// `data.pick`, as far as these tests go: `.name` and `.`; other programs are faulty, fail or never end.
fn picked(input: &Value) -> Performed {
    let data = match (input["from"].as_str().unwrap(), &input["data"]) {
        ("yaml", Value::String(text)) => match text.trim().split_once(": ") {
            Some((key, value)) => json!({ key: value }),
            None => return failed("secret text is no YAML", Some("unreadable"), None),
        },
        ("json", Value::String(text)) => serde_json::from_str(text).unwrap(),
        (_, data) => data.clone(),
    };
    let mut outputs = Vec::new();
    for (name, program) in input["select"].as_object().unwrap() {
        let value = match program.as_str().unwrap() {
            "." => data.clone(),
            "boom" => return failed("secret text cannot be indexed", None, None),
            "][" => return failed("the jq program is faulty at line 1, column 1", Some("program"), None),
            "spin" => return failed("exec-data used up its CPU time", None, Some(Limit::Cpu)),
            path => data[path.trim_start_matches('.')].clone(),
        };
        outputs.push((name.clone(), value.to_string()));
    }
    Performed::Done { outputs, exit_code: None }
}

impl Executor for Actor {
    fn perform<'a>(&'a self, task: Task, sink: Arc<dyn Sink>, stop: Arc<dyn StopSignal>) -> BoxFuture<'a, Performed> {
        Box::pin(async move {
            self.tasks.lock().unwrap().push(task.clone());
            self.begun.notify_one();
            match (task.action.as_str(), task.input_json.as_str()) {
                ("run", "true") | ("ok", _) => done(0),
                ("run", "false") => done(1),
                ("run", "broken") => failed("no shell", None, None),
                ("run", text) => {
                    sink.write(Channel::Stdout, text.as_bytes());
                    done(0)
                }
                ("print", text) => {
                    sink.write(Channel::Stdout, text.as_bytes());
                    sink.write(Channel::Stderr, b"warned\n");
                    sink.write(Channel::Stdout, b"more\n");
                    Performed::Done { outputs: vec![("n".to_owned(), "1".to_owned())], exit_code: None }
                }
                ("flood", _) => {
                    for _ in 0..200 {
                        sink.write(Channel::Stdout, &[b'x'; 40_000]);
                    }
                    done(0)
                }
                ("output", text) => {
                    let path = &task.env.iter().find(|(name, _)| name == "PINTLE_OUTPUT_FILE").unwrap().1;
                    std::fs::write(path, text).unwrap();
                    done(0)
                }
                ("data.pick", input) => picked(&serde_json::from_str(input).unwrap()),
                ("file.read", input) => {
                    let input: Value = serde_json::from_str(input).unwrap();
                    let path = task.working_dir.join(input["path"].as_str().unwrap());
                    match std::fs::read(path) {
                        Ok(bytes) => {
                            sink.write(Channel::Stdout, &bytes);
                            done(0)
                        }
                        Err(_) => failed("it does not exist", None, None),
                    }
                }
                ("wait", _) => {
                    tokio::select! {
                        () = self.go.notified() => done(0),
                        () = stop.reached(Urgency::Gracefully) => {
                            let code = if stop.urgency() == Urgency::AtOnce { 137 } else { 143 };
                            Performed::Failed(Failure {
                                fault: Fault::Cancelled,
                                message: "stopped".to_owned(),
                                retry_after: None,
                                code: None,
                                exit_code: Some(code),
                                limit: None,
                            })
                        }
                    }
                }
                ("panic", _) => panic!("the runtime fell over"),
                (other, _) => panic!("no such action in this test: {other}"),
            }
        })
    }
}
