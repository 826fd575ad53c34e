//! An executor that does as the test says.

use std::sync::{Arc, Mutex};

use pintle_plane::BoxFuture;
use pintle_plane::executor::{Executor, Failure, Fault, Performed, Task};
use pintle_plane::output::{Channel, Sink};
use pintle_plane::stop::{StopSignal, Urgency};
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

impl Executor for Actor {
    fn perform<'a>(&'a self, task: Task, sink: Arc<dyn Sink>, stop: Arc<dyn StopSignal>) -> BoxFuture<'a, Performed> {
        Box::pin(async move {
            self.tasks.lock().unwrap().push(task.clone());
            self.begun.notify_one();
            match (task.action.as_str(), task.input_json.as_str()) {
                ("run", "true") | ("ok", _) => done(0),
                ("run", "false") => done(1),
                ("run", "broken") => Performed::Failed(Failure {
                    fault: Fault::NotFound,
                    message: "no shell".to_owned(),
                    retry_after: None,
                    code: None,
                    exit_code: None,
                    limit: None,
                }),
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
