//! The rules of values, one case each: what is written, and what becomes of it.
//!
//! A table is a text file below `values/`; its directory says what reads it (see the module of that name). A case is
//! three things: its rule, what goes in, and what must come out.
//!
//! ```text
//! == a constant stands for its value
//! < ${consts.region}
//! > eu
//! ```
//! Several `<` or `>` lines are several lines. `~~~ NAME` opens and `~~~` closes a text that the cases behind it share (a
//! document, the world around it); `@ words` says how they are read. A case is added by adding three lines.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a table that cannot be read has failed"
)]

use std::fs;
use std::path::Path;

#[path = "values/answer.rs"]
mod answer;
#[path = "cases/plugins.rs"]
mod cases_plugins;
#[path = "values/custom.rs"]
mod custom;
#[path = "values/evaluate.rs"]
mod evaluate;
#[path = "values/fan.rs"]
mod fan;
#[path = "values/fits.rs"]
mod fits;
#[path = "values/given.rs"]
mod given;
#[path = "values/left.rs"]
mod left;
#[path = "values/legacy.rs"]
mod legacy;
#[path = "values/read.rs"]
mod read;
#[path = "values/resolve.rs"]
mod resolve;
#[path = "values/route.rs"]
mod route;
#[path = "values/table.rs"]
mod table;
#[path = "values/wait.rs"]
mod wait;
#[path = "values/world.rs"]
mod world;

use table::{Case, cases};

/// Runs every case of a directory; all that are wrong are shown at once.
fn hold(directory: &str, answer: impl Fn(&Case) -> String) {
    let cases = cases(directory);
    let wrong: Vec<String> = cases
        .iter()
        .filter_map(|case| {
            let got = answer(case);
            (got != case.wanted)
                .then(|| format!("{case}\n--- in\n{}\n--- wanted\n{}\n--- got\n{got}", case.input, case.wanted))
        })
        .collect();
    assert!(wrong.is_empty(), "{} of {} are wrong\n\n{}", wrong.len(), cases.len(), wrong.join("\n\n"));
}

#[test]
fn texts_are_evaluated_as_the_rules_say() {
    hold("evaluate", evaluate::answer);
}

#[test]
fn parameters_are_bound_as_the_rules_say() {
    hold("given", given::answer);
}

#[test]
fn steps_are_resolved_as_the_rules_say() {
    hold("resolve", resolve::answer);
}

#[test]
fn outputs_are_read_from_documents_as_the_rules_say() {
    hold("left", left::answer);
}

#[test]
fn printed_values_are_held_against_schemas_as_the_rules_say() {
    hold("fits", fits::answer);
}

#[test]
fn actions_of_the_document_become_steps_as_the_rules_say() {
    hold("custom", custom::answer);
}

#[test]
fn output_files_are_read_as_the_rules_say() {
    hold("output_file", read::output_file);
}

#[test]
fn dotenv_files_are_read_as_the_rules_say() {
    hold("dotenv", read::dotenv);
}

#[test]
fn documents_are_refused_as_the_rules_say() {
    hold("faults", read::faults);
}

#[test]
fn references_that_lead_nowhere_are_noticed_as_the_rules_say() {
    hold("notices", read::notices);
}

#[test]
fn steps_become_children_as_the_rules_say() {
    hold("expand", fan::expanded);
}

#[test]
fn bodies_see_what_the_rules_say() {
    hold("body", fan::body);
}

#[test]
fn children_become_a_result_as_the_rules_say() {
    hold("result", fan::result);
}

#[test]
fn answers_are_taken_as_the_rules_say() {
    hold("answer", answer::answer);
}

#[test]
fn steps_wait_as_long_as_the_rules_say() {
    hold("wait", wait::answer);
}

#[test]
fn routers_choose_as_the_rules_say() {
    hold("route", route::answer);
}

#[test]
fn names_of_other_dags_are_asked_for_as_the_rules_say() {
    hold("needs", read::needs);
}

#[test]
fn old_forms_are_those_of_today() {
    hold("legacy", legacy::same);
}

#[test]
fn every_rule_has_a_name_of_its_own() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/values");
    let folders = fs::read_dir(&root).unwrap().map(|entry| entry.unwrap().path()).filter(|path| path.is_dir());
    let mut rows = 0;
    for folder in folders {
        let folder = folder.file_name().unwrap().to_str().unwrap().to_owned();
        let all = cases(&folder);
        let mut titles: Vec<(&str, &str)> = all.iter().map(|case| (case.file.as_str(), case.title.as_str())).collect();
        titles.sort_unstable();
        let twice: Vec<_> = titles.windows(2).filter(|pair| pair[0] == pair[1]).map(|pair| pair[0]).collect();
        assert!(twice.is_empty(), "{twice:?}");
        rows += all.len();
    }
    let documents = documents(&Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases"));
    let sum = rows + documents;
    println!("{sum} cases: {rows} rows of tables, {documents} documents");
    assert!(sum >= FEWEST, "only {sum} cases were found, and there were {FEWEST}");
}

/// Cases that there are; a rule that goes takes its cases along, and this number down.
const FEWEST: usize = 1_300;

fn documents(folder: &Path) -> usize {
    let paths = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    paths.map(|path| if path.is_dir() { documents(&path) } else { is_document(&path).into() }).sum()
}

fn is_document(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension == "yaml")
}
