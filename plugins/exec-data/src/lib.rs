//! `jq.filter`, `data.convert`, `data.pick`, `template.render`: data in, data out, and nothing else. The component
//! imports no clock, no file and no network beyond what every call has.
//!
//! Each result goes to standard output (for `output: NAME`) and becomes the output `result`.

mod convert;
mod format;
mod jq;
mod pick;
mod source;
mod template;

use pintle_guest::prelude::*;

struct ExecData;

impl Executor for ExecData {
    fn actions() -> Vec<Action> {
        vec![
            Action::new::<jq::Input>("jq.filter", "Filters JSON with a jq program.", Repeats::Pure),
            Action::new::<convert::Input>(
                "data.convert",
                "Converts between JSON, YAML, TOML, CSV, TSV and text.",
                Repeats::Pure,
            ),
            Action::new::<pick::Input>("data.pick", "Picks values out of data by jq paths.", Repeats::Pure),
            Action::new::<template::Input>("template.render", "Renders a Jinja template.", Repeats::Pure),
        ]
    }

    fn run(task: &Task) -> Result<Progress, Error> {
        match task.action.as_str() {
            "jq.filter" => jq::run(task, task.input()?),
            "data.convert" => convert::run(task.input()?),
            "data.pick" => pick::run(task, task.input()?),
            "template.render" => template::run(&task.input()?),
            _ => Err(task.unknown_action()),
        }
        .map(Progress::from)
    }
}

pintle_guest::export!(ExecData);

#[cfg(test)]
#[expect(clippy::expect_used, reason = "a test fails by panicking")]
mod tests;
