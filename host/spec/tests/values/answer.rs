//! A step that asks, under `~~~ ask`; the input is what is given: a JSON text, or lines of `NAME=value` (`-` is nothing).
//! What comes out is what is taken, line by line, or the reasons of a refusal.

use pintle_spec::{Given, read_inputs, read_values};

use crate::table::Case;
use crate::world::plan;

pub(crate) fn answer(case: &Case) -> String {
    let text = &case.input;
    let pair = |line: &str| {
        let (name, value) = line.split_once('=').unwrap_or_else(|| panic!("{case}: no value"));
        (name.to_owned(), value.to_owned())
    };
    let given = match text.as_str() {
        "-" => Given::Pairs(Vec::new()),
        json if json.starts_with(['{', '[', '"']) => Given::Json(json.to_owned()),
        lines => Given::Pairs(lines.lines().map(pair).collect()),
    };
    let plan = plan(&format!("steps:\n{}\n", case.shared("ask")));
    let step = plan.steps.last().unwrap();
    let taken = match (step.action.task(), &step.approval) {
        (Some(task), _) => read_values(task.form.as_ref(), &given).map(|read| {
            let values = read.values.into_iter().map(|(name, json)| format!("{name}={}", json.0));
            values.chain(read.others.into_iter().map(|(name, json)| format!("beside it {name}={}", json.0))).collect()
        }),
        (None, Some(approval)) => read_inputs(approval, &given)
            .map(|inputs| inputs.into_iter().map(|(name, text)| format!("{name}={text}")).collect::<Vec<_>>()),
        (None, None) => panic!("{case}: the step asks nothing"),
    };
    match taken {
        Ok(lines) if lines.is_empty() => "nothing".to_owned(),
        Ok(lines) => lines.join("\n"),
        Err(faults) => faults.to_string(),
    }
}
