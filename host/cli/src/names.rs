//! What RUN means: an id, the beginning of one, the name or file of a DAG, or `latest`. And what STEP means.

use std::path::Path;

use anyhow::bail;
use pintle_core::plan::{Plan, StepIndex};
use pintle_core::plugin::Staged;
use pintle_store::{RunFilter, RunRow, Store};

use crate::context::Context;
use crate::failure::Failure;
use crate::join::House;

/// The word for the run that was submitted last.
const LATEST: &str = "latest";

/// Opens the house and finds the run that a person means; and says whether it was this command that recorded its
/// interruption.
pub(crate) async fn open(text: &str, context: &Context, known: Vec<Staged>) -> anyhow::Result<(House, RunRow, bool)> {
    let house = House::open(&context.settings, known)?;
    let interrupted = house.recover_dead().await?;
    let row = find(&house.store, text).await?;
    let just_recorded = interrupted.contains(&row.id);
    Ok((house, row, just_recorded))
}

/// The run that a person means.
pub(crate) async fn find(store: &dyn Store, text: &str) -> anyhow::Result<RunRow> {
    let mut found = candidates(store, text).await?;
    if found.len() > 1 {
        let ids: Vec<String> = found.iter().map(|row| format!("{} ({})", row.id, row.dag)).collect();
        bail!("`{text}` is the beginning of {} runs: {}; write more of it", ids.len(), ids.join(", "));
    }
    match found.pop() {
        Some(row) => Ok(row),
        None if text == LATEST => bail!("there are no runs yet: `pintle start FILE` makes the first"),
        None => bail!("no run has the id `{text}`, and no DAG of that name has run: `pintle history` lists the runs"),
    }
}

async fn candidates(store: &dyn Store, text: &str) -> anyhow::Result<Vec<RunRow>> {
    if text == LATEST {
        return Ok(store.list(&RunFilter::default(), None, 1).await?.rows);
    }
    let found = store.find(text).await?;
    if !found.is_empty() {
        return Ok(found);
    }
    match stem(text) {
        Some(stem) => Ok(store.find(stem).await?),
        None => Ok(Vec::new()),
    }
}

/// A DAG that names itself nothing is named after its file.
fn stem(text: &str) -> Option<&str> {
    let name = Path::new(text).file_name()?.to_str()?;
    name.strip_suffix(".yaml").or_else(|| name.strip_suffix(".yml"))
}

/// The steps that were named, by name or id; all unknown ones at once.
pub(crate) fn find_steps(plan: &Plan, names: &[String]) -> anyhow::Result<Vec<StepIndex>> {
    let (mut found, mut faults) = (Vec::new(), Vec::new());
    for name in names {
        match plan.find(name) {
            Some(index) => found.push(index),
            None => faults.push(no_such_step(plan, name)),
        }
    }
    if faults.is_empty() { Ok(found) } else { Err(Failure::usage(faults.join("\n"))) }
}

fn no_such_step(plan: &Plan, name: &str) -> String {
    let known = plan.steps.iter().flat_map(|step| std::iter::once(&step.name).chain(&step.id));
    match pintle_spec::nearest(name, known.map(String::as_str)) {
        Some(known) => format!("`{}` has no step `{name}`; did you mean `{known}`?", plan.name),
        None => {
            let all: Vec<&str> = plan.steps.iter().map(|step| step.name.as_str()).take(20).collect();
            format!("`{}` has no step `{name}`; its steps are {}", plan.name, all.join(", "))
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::failure::Exit;

    use super::*;

    #[test]
    fn a_file_stands_for_its_dag() {
        assert_eq!(stem("dags/etl.yaml"), Some("etl"));
        assert_eq!(stem("etl.yml"), Some("etl"));
        assert_eq!(stem("etl"), None);
        assert_eq!(stem("/"), None);
    }

    #[test]
    fn unknown_steps_are_all_named_with_what_was_meant() {
        let plan = crate::render::scene::tests::Script::new(&[("extract", &[]), ("load", &[0])]).scene.run.plan;
        let found = find_steps(&plan, &["load".to_owned()]);
        assert!(found.is_ok_and(|found| found == [StepIndex(1)]));
        let said = find_steps(&plan, &["extrct".to_owned(), "report".to_owned()]).map_err(|error| {
            assert_eq!(Failure::exit_of(&error), Exit::Usage);
            error.to_string()
        });
        let wanted = "`etl` has no step `extrct`; did you mean `extract`?\n\
                      `etl` has no step `report`; its steps are extract, load";
        assert_eq!(said, Err(wanted.to_owned()));
    }

    #[test]
    fn steps_of_short_names_are_not_guessed_at() {
        let plan = crate::render::scene::tests::Script::new(&[("a", &[]), ("b", &[]), ("c", &[])]).scene.run.plan;
        assert_eq!(no_such_step(&plan, "B"), "`etl` has no step `B`; did you mean `b`?");
        assert_eq!(no_such_step(&plan, "zz"), "`etl` has no step `zz`; its steps are a, b, c");
    }
}
