use std::path::Path;

use pintle_guest::executor::Task;
use pintle_guest::testing::hold_inputs;

use crate::ExecCommand;

#[test]
fn inputs_are_read_as_the_table_says() -> Result<(), String> {
    let table = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/golden/with/exec-command.txt");
    hold_inputs::<ExecCommand>(&table, |task: &Task| {
        Ok(match task.action.as_str() {
            "run" => format!("{:?}", task.input::<crate::Run>()?),
            "exec" => format!("{:?}", task.input::<crate::Exec>()?),
            _ => return Err(task.unknown_action()),
        })
    })
}
