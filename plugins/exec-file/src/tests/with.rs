use std::path::Path;

use pintle_guest::executor::Task;
use pintle_guest::testing::hold_inputs;

use crate::ExecFile;

#[test]
fn inputs_are_read_as_the_table_says() -> Result<(), String> {
    let table = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/golden/with/exec-file.txt");
    hold_inputs::<ExecFile>(&table, |task: &Task| {
        Ok(match task.action.as_str() {
            "file.stat" => format!("{:?}", task.input::<crate::input::Stat>()?),
            "file.read" => format!("{:?}", task.input::<crate::input::Read>()?),
            "file.write" => format!("{:?}", task.input::<crate::input::Write>()?),
            "file.copy" => format!("{:?}", task.input::<crate::input::Transfer>()?),
            "file.move" => format!("{:?}", task.input::<crate::input::Transfer>()?),
            "file.delete" => format!("{:?}", task.input::<crate::input::Delete>()?),
            "file.mkdir" => format!("{:?}", task.input::<crate::input::Mkdir>()?),
            "file.list" => format!("{:?}", task.input::<crate::input::List>()?),
            "archive.create" => format!("{:?}", task.input::<crate::input::Create>()?),
            "archive.extract" => format!("{:?}", task.input::<crate::input::Extract>()?),
            "archive.list" => format!("{:?}", task.input::<crate::input::ListArchive>()?),
            "wait.file" => format!("{:?}", task.input::<crate::input::Wait>()?),
            "artifact.write" => format!("{:?}", task.input::<crate::artifact::Write>()?),
            "artifact.read" => format!("{:?}", task.input::<crate::artifact::Read>()?),
            "artifact.list" => format!("{:?}", task.input::<crate::artifact::List>()?),
            _ => return Err(task.unknown_action()),
        })
    })
}
