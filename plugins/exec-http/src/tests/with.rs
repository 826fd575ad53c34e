use std::path::Path;

use pintle_guest::executor::Task;
use pintle_guest::testing::hold_inputs;

use crate::ExecHttp;

#[test]
fn inputs_are_read_as_the_table_says() -> Result<(), String> {
    let table = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/golden/with/exec-http.txt");
    hold_inputs::<ExecHttp>(&table, |task: &Task| {
        Ok(match task.action.as_str() {
            "http.request" => format!("{:?}", task.input::<crate::Input>()?),
            "wait.http" => format!("{:?}", task.input::<crate::waiting::Wait>()?),
            _ => return Err(task.unknown_action()),
        })
    })
}
