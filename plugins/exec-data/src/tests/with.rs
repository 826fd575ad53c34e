use std::path::Path;

use pintle_guest::executor::Task;
use pintle_guest::testing::hold_inputs;

use crate::ExecData;

#[test]
fn inputs_are_read_as_the_table_says() -> Result<(), String> {
    let table = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/golden/with/exec-data.txt");
    hold_inputs::<ExecData>(&table, |task: &Task| {
        Ok(match task.action.as_str() {
            "jq.filter" => format!("{:?}", task.input::<crate::jq::Input>()?),
            "data.convert" => format!("{:?}", task.input::<crate::convert::Input>()?),
            "data.pick" => format!("{:?}", task.input::<crate::pick::Input>()?),
            "template.render" => format!("{:?}", task.input::<crate::template::Input>()?),
            _ => return Err(task.unknown_action()),
        })
    })
}
