//! Routers: what was resolved chooses, is remembered, and is seen by the steps behind.

use pintle_core::plan::{Action, Output, Route, Step, StepIndex, Template, Way};
use pintle_core::run::command::Finished;
use pintle_core::run::{Outcome, RunStatus, StepStatus};
use pintle_store::Runs as _;

use crate::stand::{Outcomes, Process, done, one, step, variable};

fn router(value: &str, after: &[u32], routes: &[(&str, u32)]) -> Step {
    let way = |(pattern, target): &(&str, u32)| Way { pattern: (*pattern).into(), targets: vec![StepIndex(*target)] };
    let routes = routes.iter().map(way).collect();
    let route = Route { value: Template(value.into()), routes, otherwise: vec![] };
    Step { action: Action::Route(Box::new(route)), ..step("pick", "", after) }
}

#[tokio::test]
async fn what_a_step_left_chooses_and_others_are_skipped() -> Outcomes {
    let dir = tempfile::tempdir()?;
    let process = Process::on(dir.path(), "n1").await?;
    let mut ask = step("ask", "x", &[]);
    ask.output = Some(Output::Variable("STATUS".into()));
    let mut good = step("good", "x", &[1]);
    good.env = vec![("CHOSEN".into(), Template("${steps.pick.outputs.chosen} for ${steps.pick.outputs.value}".into()))];
    let routes = [("re:^(ok|fine)$", 2), ("bad", 3)];
    let run = process.submit("r1", vec![ask, router("${STATUS}", &[0], &routes), good, step("bad", "x", &[1])]).await?;
    let ask = one(process.claim(1).await?)?;
    let said = Finished { exit_code: Some(0), stdout: Some("fine\n".into()), ..Finished::default() };
    let pick = one(process.settle(&ask, Outcome::Finished(said), 1).await?.1)?;
    assert_eq!(pick.action, "log.write");
    assert!(pick.input_json.contains("Router evaluating: fine"), "{}", pick.input_json);
    let good = one(process.settle(&pick, done(), 8).await?.1)?;
    assert_eq!(variable(&good, "CHOSEN"), Some("[\"good\"] for fine"));
    assert_eq!(process.statuses(&run).await?.get("bad"), Some(&StepStatus::Skipped));
    process.settle(&good, done(), 0).await?;
    assert_eq!(process.coordinator.settled(&run).await?, RunStatus::Succeeded);
    Ok(())
}

#[tokio::test]
async fn a_pattern_that_cannot_be_read_fails_the_router() -> Outcomes {
    let dir = tempfile::tempdir()?;
    let process = Process::on(dir.path(), "n1").await?;
    // No document becomes such a plan; one of another version might.
    let run = process.submit("r1", vec![router("x", &[], &[("re:(", 1)]), step("a", "x", &[0])]).await?;
    let pick = one(process.claim(1).await?)?;
    process.settle(&pick, done(), 0).await?;
    let row = process.store.row(&run).await?.ok_or("no run")?;
    let wanted = "step `pick`: `with.routes` of the step `pick`: `re:(` is not a regular expression: unclosed group";
    assert_eq!(row.message.as_deref(), Some(wanted));
    Ok(())
}
