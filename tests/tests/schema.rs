//! The JSON Schema for editors: what `pintle schema` prints is the file that the repository keeps, and every DAG that
//! Pintle brings along fits it.
#![expect(clippy::indexing_slicing, reason = "indexing JSON answers null where nothing is")]

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use jsonschema::Validator;
use pintle_tests::{Home, repository};
use serde_json::{Value, json};

const GOLDEN: &str = "tests/golden/schema.json";

fn printed() -> Result<String> {
    Ok(Home::new()?.run(["schema"])?.expect_code(0)?.stdout.clone())
}

fn validator() -> Result<(Value, Validator)> {
    let schema = serde_json::from_str(&printed()?)?;
    let validator = jsonschema::draft202012::new(&schema).map_err(|error| anyhow::anyhow!("{error}"))?;
    Ok((schema, validator))
}

/// What the schema says against a document.
fn errors(validator: &Validator, yaml: &str) -> Result<Vec<String>> {
    let trees: Vec<Value> = serde_saphyr::from_multiple(yaml)?;
    let said = trees.iter().flat_map(|tree| validator.iter_errors(tree));
    Ok(said.map(|error| format!("{}: {error}", error.instance_path())).collect())
}

#[test]
fn the_kept_file_is_what_is_printed() -> Result<()> {
    let kept = std::fs::read_to_string(repository().join(GOLDEN)).unwrap_or_default();
    ensure!(kept == printed()?, "{GOLDEN} is stale: target/release/pintle schema > {GOLDEN}");
    Ok(())
}

#[test]
fn every_example_fits() -> Result<()> {
    let (_, validator) = validator()?;
    let mut count = 0;
    for file in dags(&repository().join("examples"))? {
        let said = errors(&validator, &std::fs::read_to_string(&file)?).with_context(|| file.display().to_string())?;
        ensure!(said.is_empty(), "{}: {said:#?}", file.display());
        count += 1;
    }
    ensure!(count >= 8, "only {count} examples were found");
    Ok(())
}

fn dags(folder: &Path) -> Result<Vec<PathBuf>> {
    let files: Result<Vec<PathBuf>, _> =
        std::fs::read_dir(folder)?.map(|entry| entry.map(|entry| entry.path())).collect();
    Ok(files?.into_iter().filter(|path| path.extension().is_some_and(|extension| extension == "yaml")).collect())
}

#[test]
fn what_an_action_takes_is_part_of_it() -> Result<()> {
    let (schema, validator) = validator()?;
    let actions =
        schema["$defs"]["step"]["properties"]["action"]["anyOf"][0]["enum"].as_array().context("actions are listed")?;
    for name in ["http.request", "jq.filter", "file.read", "dag.run", "script.js", "noop"] {
        ensure!(actions.contains(&json!(name)), "{name} is not among {actions:?}");
    }
    let step = |with: &str| format!("steps: [{{action: http.request, with: {with}}}]");
    for good in ["{url: http://localhost}", "{url: '${env.URL}', timeout_sec: '${params.sec}'}"] {
        let said = errors(&validator, &step(good))?;
        ensure!(said.is_empty(), "{good}: {said:?}");
    }
    for bad in ["{}", "{url: [a]}", "{url: http://localhost, timeout_sec: soon}", "{uri: http://localhost}"] {
        ensure!(!errors(&validator, &step(bad))?.is_empty(), "{bad} fits");
    }
    let unknown = "steps: [{action: htp.request, with: {url: x}}]";
    ensure!(!errors(&validator, unknown)?.is_empty(), "an unknown action fits");
    let own = format!("actions: {{htp.request: {{input_schema: {{type: object}}, template: {{run: x}}}}}}\n{unknown}");
    let said = errors(&validator, &own)?;
    ensure!(said.is_empty(), "an action of the document does not fit: {said:?}");
    Ok(())
}
