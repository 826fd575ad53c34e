//! The JSON Schema of the language against everything that Pintle takes and refuses.
//!
//! What is taken must fit it. What is refused must not, but for what a schema cannot say: that is listed by its reason
//! in `schema/beyond.txt`, and the list is held to be exact. The documents are read by another YAML reader than
//! Pintle's own, as an editor does.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that cannot read its files has failed"
)]

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use jsonschema::Validator;
use pintle_spec::{SourceFile, language_schema, parse};
use serde_json::Value;

#[path = "cases/plugins.rs"]
mod plugins;
#[path = "values/table.rs"]
#[expect(dead_code, reason = "only what a case says is used here")]
mod table;

use plugins::plugins;

/// Taken, and not read by the other reader: YAML ends anchors with their document.
const ELSEWHERE_NO_YAML: [&str; 1] = ["faults: an anchor is known in the documents behind it"];

fn schema() -> Validator {
    jsonschema::draft202012::new(&language_schema(&plugins())).unwrap()
}

/// A document by the name under which it is listed.
struct Document {
    name: String,
    text: String,
}

impl Document {
    /// Its documents as JSON; none if it is no YAML, or not text.
    fn trees(&self) -> Option<Vec<Value>> {
        let options = serde_saphyr::options! { duplicate_keys: serde_saphyr::options::DuplicateKeyPolicy::LastWins };
        serde_saphyr::from_multiple_with_options(self.text.trim_start_matches('\u{feff}'), options).ok()
    }

    fn is_taken(&self) -> bool {
        parse(&SourceFile::new("flow.yaml", self.text.as_str()), &plugins()).is_ok()
    }

    /// What the schema says against it.
    fn errors(&self, schema: &Validator) -> Option<Vec<String>> {
        let trees = self.trees()?;
        let errors = trees
            .iter()
            .flat_map(|tree| schema.iter_errors(tree).map(|error| format!("{}: {error}", error.instance_path())));
        Some(errors.collect())
    }
}

/// The documents of all cases and of the tables whose cases are documents.
fn documents() -> Vec<Document> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases");
    let mut files = Vec::new();
    gather(&root, &mut files);
    files.sort();
    let mut documents: Vec<Document> = files
        .iter()
        .filter_map(|file| {
            let name = file.strip_prefix(&root).unwrap().to_str().unwrap().to_owned();
            let text = String::from_utf8(fs::read(file).unwrap()).ok()?;
            Some(Document { name, text })
        })
        .collect();
    for directory in ["faults", "notices", "needs"] {
        documents.extend(table::cases(directory).into_iter().map(|case| {
            let has_steps = case.input.lines().any(|line| line.starts_with("steps:"));
            let steps = if has_steps { "" } else { "\nsteps: [{action: noop}]" };
            Document { name: format!("{directory}: {}", case.title), text: format!("{}{steps}", case.input) }
        }));
    }
    documents
}

fn gather(directory: &Path, files: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            gather(&path, files);
        } else if path.extension().is_some_and(|extension| extension == "yaml") {
            files.push(path);
        }
    }
}

/// Names by the reason for which a schema cannot refuse them.
fn beyond() -> BTreeMap<String, String> {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/schema/beyond.txt");
    let text = fs::read_to_string(file).unwrap();
    let mut reason = String::new();
    let mut all = BTreeMap::new();
    for line in text.lines().filter(|line| !line.is_empty() && !line.starts_with('#')) {
        match line.strip_prefix("== ") {
            Some(said) => said.clone_into(&mut reason),
            None => assert!(all.insert(line.to_owned(), reason.clone()).is_none(), "{line} stands there twice"),
        }
    }
    all
}

#[test]
fn it_is_a_schema_of_its_draft() {
    let schema = language_schema(&plugins());
    assert!(jsonschema::draft202012::meta::is_valid(&schema));
    assert_eq!(schema["$schema"], "https://json-schema.org/draft/2020-12/schema");
}

#[test]
fn what_is_taken_fits() {
    let schema = schema();
    let taken: Vec<Document> = documents().into_iter().filter(Document::is_taken).collect();
    assert!(taken.len() >= 80, "only {} documents are taken", taken.len());
    let wrong: Vec<String> = taken
        .iter()
        .filter_map(|document| match document.errors(&schema) {
            None if ELSEWHERE_NO_YAML.contains(&document.name.as_str()) => None,
            None => Some(format!("{}: the other reader cannot read it", document.name)),
            Some(errors) if errors.is_empty() => None,
            Some(errors) => Some(format!("{}:\n  {}", document.name, errors.join("\n  "))),
        })
        .collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn what_is_refused_does_not_fit_but_for_what_a_schema_cannot_say() {
    let (schema, beyond) = (schema(), beyond());
    let refused: Vec<Document> = documents().into_iter().filter(|document| !document.is_taken()).collect();
    let fits = |document: &&Document| document.errors(&schema).is_some_and(|errors| errors.is_empty());
    let fitting: Vec<&str> = refused.iter().filter(fits).map(|document| document.name.as_str()).collect();
    let missing: Vec<&&str> = fitting.iter().filter(|name| !beyond.contains_key(**name)).collect();
    assert!(missing.is_empty(), "the schema takes what Pintle refuses:\n{missing:#?}");
    let stale: Vec<&String> = beyond.keys().filter(|name| !fitting.contains(&name.as_str())).collect();
    assert!(stale.is_empty(), "listed, and refused by the schema or no more a case:\n{stale:#?}");
    assert!(beyond.values().all(|reason| !reason.is_empty()), "a name stands above the first reason");
}

#[test]
fn a_field_shows_what_it_is_for_and_what_it_is_when_it_is_not_there() {
    let schema = language_schema(&plugins());
    let retry = &schema["$defs"]["retry_policy"]["properties"];
    assert_eq!(retry["limit"]["description"], "Tries after the first.");
    assert_eq!(retry["interval_sec"]["default"], 0);
    assert_eq!(schema["$defs"]["step"]["properties"]["command"]["deprecated"], true);
    assert_eq!(schema["required"], serde_json::json!(["steps"]));
}
