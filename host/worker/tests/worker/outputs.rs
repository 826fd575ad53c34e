//! Outputs that are read out of what a step left.

use pintle_core::plan::{Decode, Json, OutputField, OutputFrom, OutputRead, OutputSource, Template};
use pintle_core::run::command::{FailReason, Finished, Outcome};
use pintle_plane::worker::Assignment;

use crate::room::{Room, message};

fn value(name: &str, json: &str) -> OutputField {
    OutputField { name: Some(name.to_owned()), source: OutputSource::Value(Json(json.to_owned())) }
}

fn read(name: &str, from: OutputFrom, decode: Decode, select: &str) -> OutputField {
    let select = (!select.is_empty()).then(|| select.to_owned());
    let name = (name != "*").then(|| name.to_owned());
    OutputField { name, source: OutputSource::Read(OutputRead { from, decode, select }) }
}

fn stdout(name: &str, decode: Decode, select: &str) -> OutputField {
    read(name, OutputFrom::Stdout, decode, select)
}

/// What a step that prints `text` leaves.
async fn after(room: &Room, text: &str, published: Vec<OutputField>) -> Outcome {
    room.perform(Assignment { published, ..room.step(0, "run", text) }).await
}

async fn outputs(text: &str, published: Vec<OutputField>) -> Vec<String> {
    match after(&Room::new(), text, published).await {
        Outcome::Finished(Finished { outputs, stdout: None, .. }) => {
            outputs.into_iter().map(|(name, json)| format!("{name}={}", json.0)).collect()
        }
        other => panic!("{other:?}"),
    }
}

async fn fault(text: &str, published: Vec<OutputField>) -> String {
    let (reason, said) = message(after(&Room::new(), text, published).await);
    assert_eq!(reason, FailReason::BadOutput, "{said}");
    assert!(!said.contains("secret"), "what was found is told: {said}");
    said
}

#[tokio::test]
async fn values_are_given_out_as_they_are() {
    assert_eq!(outputs("", vec![value("a", "{\"b\":[1]}"), value("n", "null")]).await, ["a={\"b\":[1]}", "n=null"]);
}

#[tokio::test]
async fn text_is_taken_without_the_space_around_it() {
    assert_eq!(outputs(" a b \n\n", vec![stdout("t", Decode::Text, "")]).await, ["t=\"a b\""]);
    assert_eq!(outputs("", vec![stdout("t", Decode::Text, "")]).await.len(), 1, "nothing is text too");
}

#[tokio::test]
async fn json_is_read_whole_or_taken_apart_in_the_order_of_the_author() {
    let text = r#"{"v":"1","w":[2],"x":{"y":3}}"#;
    let fields = vec![
        stdout("w", Decode::Json, ".w"),
        value("k", "true"),
        stdout("all", Decode::Json, ""),
        stdout("raw", Decode::Text, ""),
        stdout("v", Decode::Json, ".v"),
        stdout("none", Decode::Json, ".none"),
    ];
    let wanted = [
        "w=[2]",
        "k=true",
        "all={\"v\":\"1\",\"w\":[2],\"x\":{\"y\":3}}",
        "raw=\"{\\\"v\\\":\\\"1\\\",\\\"w\\\":[2],\\\"x\\\":{\\\"y\\\":3}}\"",
        "v=\"1\"",
        "none=null",
    ];
    assert_eq!(outputs(text, fields).await, wanted);
    assert_eq!(outputs("\"text\"", vec![stdout("t", Decode::Json, ".")]).await, ["t=\"text\""]);
}

#[tokio::test]
async fn every_place_is_read_once_for_all_its_programs() {
    let room = Room::new();
    let fields = vec![stdout("a", Decode::Json, ".a"), stdout("b", Decode::Json, ".b")];
    assert!(matches!(after(&room, r#"{"a":1,"b":2}"#, fields).await, Outcome::Finished(_)));
    let asked: Vec<String> = room.actor.tasks.lock().unwrap().iter().map(|task| task.action.clone()).collect();
    assert_eq!(asked, ["run", "data.pick"]);
}

#[tokio::test]
async fn plain_json_and_text_ask_nobody() {
    let room = Room::new();
    assert!(matches!(after(&room, "[1]", vec![stdout("a", Decode::Json, "")]).await, Outcome::Finished(_)));
    assert_eq!(room.actor.tasks.lock().unwrap().len(), 1);
}

#[tokio::test]
async fn yaml_is_read_by_whoever_has_its_limits() {
    assert_eq!(outputs("port: http", vec![stdout("all", Decode::Yaml, "")]).await, ["all={\"port\":\"http\"}"]);
    assert_eq!(outputs("port: http", vec![stdout("p", Decode::Yaml, ".port")]).await, ["p=\"http\""]);
    assert_eq!(
        fault("secret", vec![stdout("p", Decode::Yaml, ".port")]).await,
        "the output `p` is read as YAML, and standard output holds none"
    );
}

#[tokio::test]
async fn standard_error_and_files_are_read() {
    let room = Room::new();
    std::fs::create_dir_all(room.dir.path().join("work/run")).unwrap();
    std::fs::write(room.dir.path().join("work/run/made.json"), "{\"n\":1}\n").unwrap();
    let file = |path: &str| OutputFrom::File(Template(path.to_owned()));
    let fields =
        vec![read("e", OutputFrom::Stderr, Decode::Text, ""), read("f", file("made.json"), Decode::Json, ".n")];
    let outcome = room.perform(Assignment { published: fields, ..room.step(0, "print", "said\n") }).await;
    let Outcome::Finished(done) = outcome else { panic!("{outcome:?}") };
    let left: Vec<String> = done.outputs.iter().map(|(name, json)| format!("{name}={}", json.0)).collect();
    assert_eq!(left, ["n=1", "e=\"warned\"", "f=1"], "what the action gives out itself stays");
    assert_eq!(
        fault("", vec![read("f", file("nowhere"), Decode::Text, "")]).await,
        "the output `f` cannot be read from its file: it does not exist"
    );
    std::fs::write(room.dir.path().join("work/run/raw"), [0xff]).unwrap();
    let published = vec![read("f", file("raw"), Decode::Text, "")];
    let (reason, said) = message(room.perform(Assignment { published, ..room.step(1, "ok", "") }).await);
    assert_eq!(reason, FailReason::BadOutput);
    assert_eq!(said, "the output `f` is to be read from `raw`, which is not valid UTF-8");
}

#[tokio::test]
async fn the_authors_word_is_over_the_actions_own() {
    let room = Room::new();
    let step = Assignment { published: vec![value("n", "2")], ..room.step(0, "print", "said\n") };
    let outcome = room.perform(step).await;
    assert!(matches!(&outcome, Outcome::Finished(done) if done.outputs.len() == 1 && done.outputs[0].1.0 == "2"));
}

#[tokio::test]
async fn every_key_of_an_object_is_an_output() {
    assert_eq!(outputs(r#"{"a":1,"b":[2]}"#, vec![stdout("*", Decode::Json, "")]).await, ["a=1", "b=[2]"]);
    assert_eq!(
        fault("[1]", vec![stdout("*", Decode::Json, "")]).await,
        "standard output is to be an object, each key of which is an output, and is none"
    );
}

#[tokio::test]
async fn what_cannot_be_read_names_the_output_and_not_the_value() {
    let said = fault("secret", vec![stdout("a", Decode::Json, "")]).await;
    assert_eq!(
        said,
        "the output `a` is read as JSON, and standard output holds none: expected value at line 1 column 1"
    );
    let good = || stdout("good", Decode::Json, ".v");
    assert_eq!(
        fault("{}", vec![good(), stdout("a", Decode::Json, "boom")]).await,
        "the output `a` cannot be selected: the program `boom` fails on what standard output holds"
    );
    assert_eq!(
        fault("{}", vec![good(), stdout("a", Decode::Json, "][")]).await,
        "the output `a` cannot be selected: the jq program is faulty at line 1, column 1"
    );
    assert_eq!(
        fault("{}", vec![stdout("a", Decode::Json, "spin")]).await,
        "the output `a` cannot be selected: exec-data used up its CPU time"
    );
}

#[tokio::test]
async fn a_limit_is_not_run_into_twice() {
    let room = Room::new();
    let fields = vec![stdout("a", Decode::Json, "spin"), stdout("b", Decode::Json, ".b")];
    let (_, said) = message(after(&room, "{}", fields).await);
    assert_eq!(said, "an output of the step cannot be selected: exec-data used up its CPU time");
    assert_eq!(room.actor.tasks.lock().unwrap().len(), 2);
}

#[tokio::test]
async fn outputs_are_bounded() {
    let room = Room::new();
    let step = room.step(0, "print", "said\n");
    let step = Assignment { published: vec![read("e", OutputFrom::Stderr, Decode::Text, "")], max_output: 3, ..step };
    let (reason, said) = message(room.perform(step).await);
    assert_eq!(reason, FailReason::BadOutput);
    assert!(said.starts_with("the step wrote to standard error more than the 3 bytes"), "{said}");
    let long = format!("\"{}\"", "x".repeat(1000));
    assert_eq!(
        fault("", vec![value("a", &long)]).await,
        "the output `a` has 1002 bytes and may have 1000; raise max_output_size, or select less"
    );
}

#[tokio::test]
async fn a_step_that_failed_gives_nothing_out() {
    let room = Room::new();
    let fields = vec![value("a", "1"), stdout("b", Decode::Json, "")];
    let outcome = room.perform(Assignment { published: fields, ..room.step(0, "run", "false") }).await;
    assert!(matches!(&outcome, Outcome::Finished(done) if done.exit_code == Some(1) && done.outputs.is_empty()));
}
