use std::path::Path;

use pintle_guest::executor::Task;
use pintle_guest::testing::hold_inputs;

use crate::ExecJs;

#[test]
fn inputs_are_read_as_the_table_says() -> Result<(), String> {
    let table = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/golden/with/exec-js.txt");
    hold_inputs::<ExecJs>(&table, |task: &Task| {
        Ok(match task.action.as_str() {
            "script.js" => format!("{:?}", task.input::<crate::script::Input>()?),
            _ => return Err(task.unknown_action()),
        })
    })
}
