//! What a step prints and hands out.

use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use pintle_core::plan::OutputKind;
use pintle_core::run::command::{FailReason, Finished, Outcome};
use pintle_plane::output::{Channel, Sink};
use pintle_plane::worker::Assignment;
use pintle_worker::Observer;

use crate::room::{Room, message};

#[tokio::test]
async fn what_is_printed_goes_to_log_terminal_file_and_outcome() {
    #[derive(Default)]
    struct Terminal(Mutex<Vec<u8>>);
    impl Sink for Terminal {
        fn write(&self, _: Channel, bytes: &[u8]) {
            self.0.lock().unwrap().extend_from_slice(bytes);
        }
    }
    struct Watcher(Arc<Terminal>);
    impl Observer for Watcher {
        fn begins(&self, _: &Assignment) -> Option<Arc<dyn Sink>> {
            Some(Arc::clone(&self.0) as _)
        }
    }
    let room = Room::new();
    let out = room.dir.path().join("out.txt");
    std::fs::write(&out, "before\n").unwrap();
    let step = Assignment {
        stdout_file: Some(out.clone()),
        stderr_file: Some(PathBuf::from("err.txt")),
        capture_stdout: true,
        ..room.step(0, "print", "said\n")
    };
    room.queue([step]);
    let terminal = Arc::new(Terminal::default());
    let at_work = room.start(1, Some(Arc::new(Watcher(Arc::clone(&terminal)))));
    let outcome = room.plane.outcome(0).await;
    at_work.drained().await;
    let Outcome::Finished(Finished { stdout, outputs, .. }) = outcome else { panic!("{outcome:?}") };
    assert_eq!(stdout.as_deref(), Some("said\nmore\n"));
    assert_eq!(outputs[0].0, "n");
    assert_eq!(room.plane.log(0, Channel::Stdout), "said\nmore\n");
    assert_eq!(room.plane.log(0, Channel::Stderr), "warned\n");
    assert_eq!(String::from_utf8(terminal.0.lock().unwrap().clone()).unwrap(), "said\nwarned\nmore\n");
    assert_eq!(std::fs::read_to_string(out).unwrap(), "before\nsaid\nmore\n");
    assert_eq!(std::fs::read_to_string(room.dir.path().join("work/run/err.txt")).unwrap(), "warned\n");
    room.plane.state(|state| {
        assert_eq!(state.settled[0].log_bytes, [(Channel::Stdout, 10), (Channel::Stderr, 7)]);
    });
}

#[tokio::test]
async fn a_short_log_comes_with_the_result() {
    let room = Room::new();
    room.plane.state(|state| state.log_refusals = usize::MAX);
    let outcome = room.perform(room.step(0, "print", "said\n")).await;
    assert!(matches!(outcome, Outcome::Finished(_)));
    assert_eq!(room.plane.log(0, Channel::Stdout), "said\nmore\n");
    assert_eq!(room.plane.state(|state| state.log_refusals), usize::MAX, "nothing was sent before");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_flood_is_held_up_and_nothing_of_it_is_lost() {
    let room = Room::new();
    room.plane.state(|state| state.log_refusals = 3);
    let outcome = room.perform(room.step(0, "flood", "")).await;
    assert!(matches!(outcome, Outcome::Finished(_)));
    assert_eq!(room.plane.log(0, Channel::Stdout).len(), 8_000_000);
}

#[tokio::test]
async fn outputs_are_read_bounded_and_only_regular_files() {
    let declared = vec![("x".to_owned(), OutputKind::String)];
    let with = |text: String| {
        let declared = declared.clone();
        async move {
            let room = Room::new();
            let outcome =
                room.perform(Assignment { declared_outputs: declared, ..room.step(0, "output", &text) }).await;
            let left = std::fs::read_dir(room.dir.path().join("data/claims")).unwrap().count();
            (outcome, left)
        }
    };
    let (outcome, left) = with("x=1\n".to_owned()).await;
    assert!(matches!(&outcome, Outcome::Finished(done) if done.output_file.as_deref() == Some("x=1\n")), "{outcome:?}");
    assert_eq!(left, 0, "the output file was left behind");
    let (reason, said) = message(with("y".repeat(1001)).await.0);
    assert_eq!(reason, FailReason::BadOutput);
    assert!(said.contains("longer than 1000 bytes"), "{said}");
    let room = Room::new();
    let step = Assignment { capture_stdout: true, max_output: 3, ..room.step(0, "print", "said\n") };
    let (reason, said) = message(room.perform(step).await);
    assert_eq!(reason, FailReason::BadOutput);
    assert!(said.contains("more than the 3 bytes"), "{said}");
}

#[tokio::test]
async fn an_artifact_holds_what_the_last_try_printed() {
    let room = Room::new();
    let dir = room.dir.path().join("kept");
    std::fs::create_dir_all(dir.join("deep")).unwrap();
    std::fs::write(dir.join("deep/out.txt"), "an earlier try\n").unwrap();
    let step = Assignment {
        artifacts_dir: Some(dir.clone()),
        stdout_artifact: Some(PathBuf::from("deep/out.txt")),
        stderr_artifact: Some(PathBuf::from("new/err.txt")),
        ..room.step(0, "print", "said\n")
    };
    assert!(matches!(room.perform(step).await, Outcome::Finished(_)));
    assert_eq!(std::fs::read_to_string(dir.join("deep/out.txt")).unwrap(), "said\nmore\n");
    assert_eq!(std::fs::read_to_string(dir.join("new/err.txt")).unwrap(), "warned\n");
}

#[tokio::test]
async fn an_artifact_that_cannot_be_opened_is_named_before_anything_runs() {
    let room = Room::new();
    let dir = room.dir.path().join("kept");
    std::fs::create_dir_all(dir.join("taken")).unwrap();
    let (artifacts_dir, stdout_artifact) = (Some(dir), Some(PathBuf::from("taken")));
    let step = Assignment { artifacts_dir, stdout_artifact, ..room.step(0, "print", "said\n") };
    let (reason, said) = message(room.perform(step).await);
    assert_eq!(reason, FailReason::NotStarted);
    assert!(said.contains("kept/taken"), "{said}");
    assert!(room.actor.tasks.lock().unwrap().is_empty());
}

#[tokio::test]
async fn a_merged_log_is_one_and_only_the_log_is_merged() {
    let room = Room::new();
    let step = Assignment { merged_log: true, capture_stdout: true, ..room.step(0, "print", "said\n") };
    let outcome = room.perform(step).await;
    let Outcome::Finished(Finished { stdout, .. }) = outcome else { panic!("{outcome:?}") };
    assert_eq!(stdout.as_deref(), Some("said\nmore\n"));
    assert_eq!(room.plane.log(0, Channel::Stdout), "said\nwarned\nmore\n");
    assert_eq!(room.plane.log(0, Channel::Stderr), "");
}
