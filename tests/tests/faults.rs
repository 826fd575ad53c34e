//! Every fault of a document is told with its place, a caret, what is wrong and what to do; nothing runs.

use anyhow::{Result, ensure};
use pintle_tests::Home;

/// One faulty document: `validate` and `start` say the same, with place and caret, and nothing runs.
fn faulty(yaml: &str, place: &str, parts: &[&str]) -> Result<()> {
    let home = Home::new()?;
    home.write("bad.yaml", yaml)?;
    for command in ["validate", "start"] {
        let ended = home.run([command, "bad.yaml"])?;
        ended.expect_message(1, parts)?;
        ended.expect_said(&[&format!("bad.yaml:{place}"), "^"])?;
    }
    let history = home.run(["history", "--format", "json"])?;
    ensure!(history.expect_code(0)?.stdout.trim() == "[]", "a faulty document left a run: {}", history.stdout);
    Ok(())
}

#[test]
fn text_that_is_not_yaml() -> Result<()> {
    faulty("steps:\n  - id: a\n    run: \"open\n", "", &["not YAML", "quotes"])
}

#[test]
fn a_tab_for_indentation() -> Result<()> {
    faulty("steps:\n  - id: a\n\trun: echo\n", "", &["tab"])
}

#[test]
fn an_unknown_field_and_the_nearest_known_one() -> Result<()> {
    faulty("steps:\n  - id: a\n    run: echo\n    dependes: []\n", "4:5", &["`dependes`", "did you mean `depends`?"])
}

#[test]
fn an_unknown_action_and_the_nearest_known_one() -> Result<()> {
    let yaml = "steps:\n  - id: a\n    action: jq.fliter\n    with: {filter: ., data: 1}\n";
    faulty(yaml, "3:13", &["`jq.fliter`", "did you mean `jq.filter`?"])
}

#[test]
fn an_action_that_nothing_resembles() -> Result<()> {
    faulty("steps:\n  - action: make.coffee\n", "2:13", &["make.coffee", "pintle plugin list"])
}

#[test]
fn an_unknown_input_of_an_action() -> Result<()> {
    let yaml = "steps:\n  - action: http.request\n    with: {url: 'http://localhost', metod: GET}\n";
    faulty(yaml, "3:", &["metod", "method"])
}

#[test]
fn a_missing_input_of_an_action() -> Result<()> {
    faulty("steps:\n  - action: file.read\n    with: {}\n", "", &["path"])
}

#[test]
fn a_cycle_is_named_whole() -> Result<()> {
    let yaml = "steps:\n  - {id: a, run: 'true', depends: c}\n  - {id: b, run: 'true', depends: a}\n  \
                - {id: c, run: 'true', depends: b}\n";
    faulty(yaml, "", &["a -> ", "-> c", "wait for each other", "remove"])
}

#[test]
fn a_dependency_on_nothing() -> Result<()> {
    let yaml = "steps:\n  - id: first\n    run: 'true'\n  - id: b\n    run: 'true'\n    depends: fisrt\n";
    faulty(yaml, "6:", &["depends on non-existent step `fisrt`", "did you mean `first`?"])
}

#[test]
fn two_steps_of_one_name() -> Result<()> {
    faulty("steps:\n  - {id: a, run: 'true'}\n  - {id: a, run: 'true'}\n", "3:", &["`a`", "two steps"])
}

#[test]
fn a_key_given_twice() -> Result<()> {
    faulty("name: a\nname: b\nsteps: [{run: 'true'}]\n", "2:1", &["name", "already defined"])
}

#[test]
fn a_step_that_runs_nothing() -> Result<()> {
    faulty("steps:\n  - id: a\n", "2:", &["runs nothing", "`run:`"])
}

#[test]
fn a_document_without_steps() -> Result<()> {
    faulty("name: a\n", "1:", &["no `steps:`"])
}

#[test]
fn a_field_of_another_product() -> Result<()> {
    faulty("steps:\n  - run: 'true'\nssh: {host: a}\n", "3:1", &["`ssh`", "not part of Pintle"])
}

#[test]
fn all_faults_are_told_at_once() -> Result<()> {
    let home = Home::new()?;
    home.write(
        "bad.yaml",
        "typ: chain\nsteps:\n  - id: 1a\n    run: 'true'\n    timeout_sec: soon\n    depends: [x]\n",
    )?;
    let ended = home.run(["validate", "bad.yaml"])?;
    ended.expect_message(
        1,
        &["bad.yaml:1:1", "bad.yaml:3:", "bad.yaml:5:", "bad.yaml:6:", "`typ`", "`1a`", "soon", "`x`"],
    )?;
    Ok(())
}

#[test]
fn bytes_that_are_not_utf_8() -> Result<()> {
    let home = Home::new()?;
    home.write("bad.yaml", b"steps:\n  - run: \xff\n")?;
    home.run(["start", "bad.yaml"])?.expect_message(1, &["bad.yaml:2:", "0xff", "UTF-8"])?;
    Ok(())
}

#[test]
fn a_bomb_of_aliases_ends_at_once() -> Result<()> {
    let mut yaml = String::from("a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n");
    for n in 1..20 {
        let refs = vec![format!("*a{}", n - 1); 10].join(", ");
        yaml.push_str(&format!("a{n}: &a{n} [{refs}]\n"));
    }
    let home = Home::new()?;
    home.write("bomb.yaml", yaml)?;
    let begun = std::time::Instant::now();
    home.run(["start", "bomb.yaml"])?.expect_message(1, &["bomb.yaml:"])?;
    ensure!(begun.elapsed().as_secs() < 5, "it took {:?}", begun.elapsed());
    Ok(())
}
