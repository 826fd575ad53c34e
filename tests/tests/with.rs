//! `tests/golden/with`: what a document says in `with`, as its executor is given it, or the fault of the document. What
//! the executor makes of it is held by the plugins' own tests, in the same tables.

#![expect(clippy::indexing_slicing, reason = "indexing JSON answers null where nothing is")]

use std::fmt::Write as _;
use std::path::Path;

use anyhow::{Context, Result, bail, ensure};
use pintle_tests::{Home, repository};
use serde_json::{Value, json};

/// One row: the lines before its answer, the step, and the lines behind.
struct Row {
    head: String,
    step: Value,
    held: String,
}

/// The comment above, and the rows.
fn read(text: &str) -> Result<(String, Vec<Row>)> {
    let (mut above, mut rows, mut action) = (String::new(), Vec::<Row>::new(), "");
    for line in text.lines() {
        let (key, value) = line.split_once(' ').unwrap_or((line, ""));
        match key {
            "==" => {
                action = value.split(':').next().unwrap_or_default();
                rows.push(Row { head: format!("{line}\n"), step: Value::Null, held: String::new() });
            }
            "#" | "" if rows.is_empty() => writeln!(above, "{line}")?,
            _ => {
                let row = rows.last_mut().with_context(|| format!("no row above: {line}"))?;
                match key {
                    "with:" => row.step = json!({"action": action, "with": serde_json::from_str::<Value>(value)?}),
                    "step:" => row.step = serde_json::from_str(value)?,
                    "gets:" | "refused:" => continue,
                    "holds:" => {
                        row.held = format!("{line}\n");
                        continue;
                    }
                    _ => bail!("not a line of a table: {line}"),
                }
                writeln!(row.head, "{line}")?;
            }
        }
    }
    Ok((above, rows))
}

/// A document of these steps. JSON is YAML.
fn document(steps: &[&Value]) -> String {
    let params = json!({"number": 30, "truth": true, "word": "soon", "list": r#"["a","b"]"#});
    json!({"params": params, "steps": steps}).to_string()
}

/// The faults of each step, and the inputs of those that have none.
fn answers(home: &Home, rows: &[Row]) -> Result<Vec<String>> {
    let steps: Vec<&Value> = rows.iter().map(|row| &row.step).collect();
    home.write("all.yaml", document(&steps))?;
    let ended = home.run(["validate", "all.yaml", "--output", "json"])?;
    let said: Value = serde_json::from_str(&ended.stdout).with_context(|| ended.stderr.clone())?;
    let findings = said[0]["findings"].as_array().context("no findings")?;
    let mut answers: Vec<String> = (0..rows.len())
        .map(|row| {
            let place = format!("steps[{row}]");
            let own = findings.iter().filter_map(|finding| {
                let path = finding["path"].as_str()?.strip_prefix(&place)?;
                let path = path.strip_prefix(['.']).unwrap_or(path);
                Some(format!("refused: {path}: {}\n", finding["message"].as_str()?))
            });
            own.collect()
        })
        .collect();
    let none = findings.iter().filter(|finding| !finding["path"].as_str().unwrap_or_default().starts_with("steps["));
    ensure!(none.clone().count() == 0, "faults of no row: {:?}", none.collect::<Vec<_>>());
    let sound: Vec<usize> = (0..rows.len()).filter(|row| answers[*row].is_empty()).collect();
    let steps: Vec<&Value> = sound.iter().map(|row| steps[*row]).collect();
    home.write("sound.yaml", document(&steps))?;
    let dry = home.run(["dry", "sound.yaml", "--output", "json"])?;
    let dry: Value = serde_json::from_str(&dry.expect_code(0)?.stdout)?;
    for (place, row) in sound.into_iter().enumerate() {
        answers[row] = format!("gets: {}\n", dry["steps"][place]["input"]);
    }
    Ok(answers)
}

fn hold(home: &Home, file: &Path) -> Result<()> {
    let text = std::fs::read_to_string(file)?;
    let (above, rows) = read(&text)?;
    let made = rows.iter().zip(answers(home, &rows)?).fold(above, |all, (row, answer)| {
        let held = if answer.starts_with("gets: ") { row.held.as_str() } else { "" };
        all + &row.head + &answer + held
    });
    if std::env::var_os("UPDATE").is_some() {
        std::fs::write(file, &made)?;
        return Ok(());
    }
    let pairs = text.lines().zip(made.lines()).find(|(kept, now)| kept != now);
    ensure!(text == made, "{}: kept and now: {pairs:#?}; UPDATE=1 writes it", file.display());
    Ok(())
}

#[test]
fn executors_are_given_what_the_tables_say() -> Result<()> {
    let home = Home::new()?;
    let mut files = std::fs::read_dir(repository().join("tests/golden/with"))?
        .map(|entry| Ok(entry?.path()))
        .collect::<Result<Vec<_>>>()?;
    files.sort();
    ensure!(files.len() >= 5, "tables are gone: {files:?}");
    files.iter().try_for_each(|file| hold(&home, file).with_context(|| file.display().to_string()))
}
