//! What a step is given, and the conditions before and after it.

use std::path::PathBuf;

use pintle_core::plan::OutputKind;
use pintle_core::run::command::{FailReason, Outcome};
use pintle_plane::worker::{Assignment, Condition, Probe};

use crate::room::{Room, message};

#[tokio::test]
async fn preconditions_are_all_looked_at_and_errors_win() {
    let probe = |input: &str, expected: Option<&str>| {
        Condition::Probe(Probe {
            text: input.to_owned(),
            input_json: input.to_owned(),
            expected: expected.map(str::to_owned),
            negate: false,
        })
    };
    let known = |met| Condition::Known { text: "known".to_owned(), met };
    let with = |preconditions| async {
        let room = Room::new();
        let outcome = room.perform(Assignment { preconditions, ..room.step(0, "ok", "") }).await;
        let ran = room.actor.tasks.lock().unwrap().len();
        (outcome, ran)
    };
    let (outcome, ran) = with(vec![known(Ok(true)), probe("true", None), probe(" a\nb", Some("b"))]).await;
    assert!(matches!(outcome, Outcome::Finished(_)), "{outcome:?}");
    assert_eq!(ran, 3);
    let (outcome, ran) = with(vec![known(Ok(false)), probe("false", None), probe("true", None)]).await;
    assert_eq!(outcome, Outcome::Skipped { message: "precondition not met: `known`, `false`".to_owned() });
    assert_eq!(ran, 2, "the action ran, or a condition was left out");
    let (outcome, _) = with(vec![known(Ok(false)), probe("broken", None), known(Err("no such name".to_owned()))]).await;
    let (reason, message) = message(outcome);
    assert_eq!(reason, FailReason::PreconditionError);
    assert!(message.contains("`broken`: no shell; `known`: no such name"), "{message}");
}

#[tokio::test]
async fn the_step_is_told_the_paths_that_only_its_worker_knows() {
    let room = Room::new();
    let step = Assignment { losses: 2, ..room.step(0, "ok", "") };
    room.perform(step).await;
    let tasks = room.actor.tasks.lock().unwrap();
    let get = |name: &str| {
        let found: Vec<&str> = tasks[0].env.iter().filter(|(n, _)| n == name).map(|(_, v)| v.as_str()).collect();
        assert_eq!(found.len(), 1, "{name}: {found:?}");
        found[0].to_owned()
    };
    assert_eq!(get("A"), "1");
    assert_eq!(get("PINTLE_LOSSES"), "2");
    assert!(get("PINTLE_OUTPUT_FILE").ends_with("claims/run-0-4.out"));
    assert_eq!(get("DAGU_OUTPUT_FILE"), get("PINTLE_OUTPUT_FILE"));
    assert!(get("DAG_RUN_STEP_STDOUT_FILE").ends_with("run-0-4.Stdout"));
    assert!(get("DAG_RUN_STEP_STDERR_FILE").ends_with("run-0-4.Stderr"));
    assert_eq!((tasks[0].claim.as_str(), tasks[0].losses), ("run-0-4", 2));
    assert!(room.dir.path().join("work/run").is_dir(), "the run's own directory is made");
}

#[tokio::test]
async fn a_directory_that_is_not_the_runs_own_is_not_made() {
    let room = Room::new();
    let elsewhere = room.dir.path().join("elsewhere");
    let step = Assignment { working_dir: elsewhere.clone(), ..room.step(0, "ok", "") };
    let (reason, said) = message(room.perform(step).await);
    assert_eq!(reason, FailReason::NotStarted);
    assert!(said.contains("does not exist; create it"), "{said}");
    assert!(!elsewhere.exists());
    let step = Assignment { stdout_file: Some(PathBuf::from("/proc/no/such")), ..room.step(1, "ok", "") };
    let (reason, said) = message(room.perform(step).await);
    assert_eq!(reason, FailReason::NotStarted);
    assert!(said.contains("/proc/no/such"), "{said}");
}

#[tokio::test]
async fn a_place_that_cannot_be_made_is_named() {
    let not_started = |outcome: Outcome| {
        let (reason, said) = message(outcome);
        assert_eq!(reason, FailReason::NotStarted, "{said}");
        said
    };
    let room = Room::new();
    let step = Assignment { artifacts_dir: Some(PathBuf::from("/proc/none")), ..room.step(0, "ok", "") };
    assert_eq!(
        not_started(room.perform(step).await),
        "the directory of artifacts `/proc/none` cannot be made: No such file or directory (os error 2)"
    );
    std::fs::create_dir_all(room.dir.path().join("data/claims/run-1-4.out")).unwrap();
    let declared_outputs = vec![("n".to_owned(), OutputKind::String)];
    let step = Assignment { declared_outputs, ..room.step(1, "ok", "") };
    assert_eq!(
        not_started(room.perform(step).await),
        "the step's output file cannot be made: Is a directory (os error 21)"
    );
    let room = Room::new();
    std::fs::write(room.dir.path().join("work"), "").unwrap();
    let dir = room.dir.path().join("work/run");
    assert_eq!(
        not_started(room.perform(room.step(0, "ok", "")).await),
        format!("the run's directory `{}` cannot be made: Not a directory (os error 20)", dir.display())
    );
}

#[tokio::test]
async fn a_repeat_condition_is_asked_after_success() {
    let room = Room::new();
    let probe = Probe { text: "p".to_owned(), input_json: "false".to_owned(), expected: None, negate: true };
    let step = Assignment { repeat_probe: Some(probe), ..room.step(0, "ok", "") };
    let outcome = room.perform(step).await;
    assert!(matches!(&outcome, Outcome::Finished(done) if done.repeat_condition == Some(Ok(true))), "{outcome:?}");
}
