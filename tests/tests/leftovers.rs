//! What killed processes left in the data directory goes when the next one comes; what is alive stays.

use std::path::{Path, PathBuf};

use anyhow::{Result, ensure};
use pintle_tests::{Home, wait};

fn names(dir: &Path) -> Result<Vec<String>> {
    let mut names = Vec::new();
    for entry in std::fs::read_dir(dir)? {
        names.push(entry?.file_name().to_string_lossy().into_owned());
    }
    names.sort();
    Ok(names)
}

/// A process that runs a step until `go` is there.
fn live(home: &Home, run: &str, go: &str) -> Result<pintle_tests::Live> {
    let go = home.path(go);
    let script =
        format!("echo $$ > {1}; until test -e {0}; do sleep 0.02; done", go.display(), home.path(run).display());
    let dag = home.write(&format!("{run}.yaml"), format!("steps:\n  - id: a\n    run: {script}\n"))?;
    let args = [PathBuf::from("start"), dag, "-r".into(), run.into(), "--output".into(), "json".into()];
    let mut live = home.spawn(args)?;
    live.until_shown("step_claimed")?;
    wait::until("the step's program", std::time::Duration::from_secs(20), || {
        Ok((!home.read(run).trim().is_empty()).then_some(()))
    })?;
    Ok(live)
}

#[test]
fn files_of_dead_processes_go_and_those_of_living_ones_stay() -> Result<()> {
    let home = Home::new()?;
    let living = live(&home, "living", "go")?;
    let (nodes, claims, blobs) = (home.data().join("nodes"), home.data().join("claims"), home.data().join("blobs"));
    let (kept_nodes, kept_claims) = (names(&nodes)?, names(&claims)?);
    ensure!(kept_nodes.len() == 1 && kept_claims == ["living-0-1"], "{kept_nodes:?} {kept_claims:?}");

    live(&home, "killed", "never")?.kill()?;
    let killed: i32 = home.read("killed").trim().parse()?;
    ensure!(names(&nodes)?.len() == 2, "a killed process leaves its file");
    // What a worker and its reaper leave that die in the same moment, before a boot: nothing of it can live.
    std::fs::write(claims.join("killed-0-9"), "boot of-old\nworker 1 1\n")?;
    std::fs::write(claims.join("killed-0-9.0.script"), "")?;
    std::fs::write(claims.join("killed-0-9.out"), "")?;
    std::fs::write(claims.join(".spare-1-1-0"), "boot of-old\nworker 1 1\n")?;
    let draft = std::fs::File::create(blobs.join(".2147483647-0"))?;
    draft.set_modified(std::time::SystemTime::UNIX_EPOCH)?;
    std::fs::write(blobs.join(".2147483647-1"), "young")?;

    home.start("steps:\n  - {id: a, run: echo fine}\n")?.expect_code(0)?;
    ensure!(names(&nodes)? == kept_nodes, "{:?} instead of {kept_nodes:?}", names(&nodes)?);
    ensure!(names(&claims)? == kept_claims, "{:?} instead of {kept_claims:?}", names(&claims)?);
    ensure!(names(&blobs)? == [".2147483647-1"], "{:?}", names(&blobs)?);
    ensure!(!wait::lives(killed), "the program of the killed process lives");
    home.run(["status", "killed"])?.expect_code(0)?.expect_printed(&["pintle start --resume killed"])?;

    home.write("go", "")?;
    living.wait()?.expect_code(0)?;
    ensure!(home.status("living")?.status() == "succeeded", "the living run was hurt");
    Ok(())
}
