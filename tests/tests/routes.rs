//! Routers, through the binary.

use anyhow::{Result, ensure};
use pintle_tests::Home;

const FORK: &str = r#"
params: [{CODE: "200"}]
steps:
  - id: pick
    action: router.route
    with:
      value: ${params.CODE}
      routes:
        "200": [good]
        "re:^5": [bad, page]
        "re:^[45]": bad
      default: odd
    output: SAID
  - {id: good, run: echo good}
  - {id: bad, run: echo bad}
  - {id: page, run: echo paged}
  - {id: odd, run: echo odd}
  - {id: join, depends: [good, bad], run: 'echo "chosen: ${steps.pick.outputs.chosen}"'}
"#;

#[test]
fn a_value_says_which_steps_run() -> Result<()> {
    let home = Home::new()?;
    home.write("fork.yaml", FORK)?;
    let table = [
        ("200", vec!["good"], vec!["bad", "page", "odd"]),
        ("503", vec!["bad", "page"], vec!["good", "odd"]),
        ("404", vec!["bad"], vec!["good", "page", "odd"]),
        ("302", vec!["odd"], vec!["good", "bad", "page"]),
    ];
    for (code, chosen, others) in table {
        let ended = home.run(["start", "fork.yaml", "--", &format!("CODE={code}")])?;
        ended.expect_code(0)?.expect_printed(&[
            &format!("pick | Router evaluating: {code}"),
            "pick |   200 -> [good]",
            "pick |   re:^5 -> [bad page]",
            &format!("join | chosen: [{}]", chosen.join(",")),
        ])?;
        for step in chosen {
            ensure!(ended.stderr.contains(&format!("{step}: succeeded")), "{code}: {step}\n{}", ended.stderr);
        }
        for step in others {
            let said = format!("{step}: skipped in 0ms: `pick` before it chose other steps");
            let said = said.replace(" in 0ms", "");
            ensure!(ended.stderr.contains(&said), "{code}: {said}\n{}", ended.stderr);
        }
    }
    Ok(())
}

#[test]
fn faults_of_routes_are_told_before_anything_runs() -> Result<()> {
    let home = Home::new()?;
    let yaml = "steps:\n  - {id: pick, action: router.route, with: {value: x, routes: {x: [god], \"re:(\": [good]}}}\n  - {id: good, run: echo ran}\n";
    let path = home.write("fork.yaml", yaml)?;
    let path = path.display().to_string();
    let wanted = ["no step is called `god`; did you mean `good`?", "`re:(` is not a regular expression"];
    home.run(["validate", &path])?.expect_message(1, &wanted)?;
    let ended = home.run(["start", &path])?;
    ended.expect_message(1, &wanted)?;
    ensure!(!ended.stdout.contains("ran"), "{}", ended.stdout);
    Ok(())
}
