//! A process with its coordinator, and a worker that does what the test says.

use std::collections::BTreeMap;
use std::error::Error;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use pintle_coordinator::{Compute, Coordinator, Options, Submit};
use pintle_core::ids::{NodeId, RunId, TenantId, WorkerId};
use pintle_core::plan::{Action, Plan, RunBody, Step, StepIndex, Template};
use pintle_core::run::command::Finished;
use pintle_core::run::{Outcome, StepStatus};
use pintle_plane::output::Channel;
use pintle_plane::worker::{Assignment, LogChunk, Settled, Taken, WorkerPlane};
use pintle_spec::bind::BoundParams;
use pintle_store::{Nodes, Steps};
use pintle_store_sqlite::{Options as StoreOptions, Sqlite};

pub(crate) type Outcomes<T = ()> = Result<T, Box<dyn Error>>;

pub(crate) struct Process {
    pub(crate) store: Sqlite,
    pub(crate) coordinator: Arc<Coordinator>,
    pub(crate) worker: WorkerId,
}

/// Prints what is to be substituted, with the directory; fails where that is `false`.
#[derive(Debug)]
struct Echo;

impl Compute for Echo {
    fn compute(&self, command: &str, variables: &[(String, String)], dir: &Path) -> Result<String, String> {
        let command = command.split(['(', ')']).nth(1).unwrap_or(command);
        if command == "false" {
            return Err("its command ended with exit status: 1".to_owned());
        }
        let variables: Vec<String> = variables.iter().map(|(name, value)| format!("{name}={value}")).collect();
        Ok(format!("{command} in {} with {}\n", dir.display(), variables.join(" ")))
    }
}

impl Process {
    /// A process on a directory. Dropping it lets its node lock go, as its death would.
    pub(crate) async fn on(dir: &Path, name: &str) -> Outcomes<Self> {
        let store = Sqlite::open(StoreOptions::new(dir))?;
        let node = NodeId::new(name)?;
        assert!(store.register(&node).await?);
        let options = Options {
            tenant: TenantId::default_tenant(),
            node,
            pid: 4711,
            data_dir: dir.to_path_buf(),
            claims_dir: dir.join("claims"),
            key: [3; 32],
            env: vec![("PATH".into(), "/bin".into()), ("HOME".into(), "/home/ada".into())],
            max_output: 1 << 20,
            compute: Arc::new(Echo),
        };
        let actions: Arc<Vec<pintle_core::plugin::ActionRow>> = Arc::default();
        let coordinator = Coordinator::new(options, Arc::new(store.clone()), actions);
        Ok(Self { store, coordinator, worker: WorkerId::new(format!("{name}-w"))? })
    }

    pub(crate) async fn submit(&self, run: &str, steps: Vec<Step>) -> Outcomes<RunId> {
        let run = RunId::new(run)?;
        self.coordinator.submit(submission(&run, steps)).await?;
        Ok(run)
    }

    /// Lets go of everything, and waits until others see that. Logs may still be being closed behind the last report.
    pub(crate) async fn die(self, seen_by: &Sqlite) -> Outcomes {
        let node = NodeId::new(self.worker.as_str().trim_end_matches("-w"))?;
        drop(self);
        let gone = async {
            while seen_by.is_alive(&node).await? {
                tokio::task::yield_now().await;
            }
            Ok::<_, Box<dyn Error>>(())
        };
        tokio::time::timeout(Duration::from_secs(5), gone).await?
    }

    pub(crate) async fn claim(&self, want: usize) -> Outcomes<Vec<Assignment>> {
        Ok(self.coordinator.claim(self.worker.clone(), want).await?)
    }

    pub(crate) async fn settle(
        &self,
        claimed: &Assignment,
        outcome: Outcome,
        want: usize,
    ) -> Outcomes<(Taken, Vec<Assignment>)> {
        self.settle_printing(claimed, outcome, "", want).await
    }

    pub(crate) async fn settle_printing(
        &self,
        claimed: &Assignment,
        outcome: Outcome,
        printed: &str,
        want: usize,
    ) -> Outcomes<(Taken, Vec<Assignment>)> {
        let (claim, channel, bytes) = (claimed.claim.clone(), Channel::Stdout, printed.as_bytes().to_vec());
        let log_bytes = vec![(channel, bytes.len() as u64)];
        let tail = vec![LogChunk { claim: claim.clone(), channel, offset: 0, bytes }];
        let settled = Settled { claim, outcome, log_bytes, tail };
        let reported = self.coordinator.report(self.worker.clone(), vec![settled], want).await?;
        let taken = reported.taken.into_iter().next().ok_or("no answer to the report")?;
        Ok((taken, reported.claimed))
    }

    pub(crate) async fn statuses(&self, run: &RunId) -> Outcomes<BTreeMap<String, StepStatus>> {
        Ok(self.store.steps(run).await?.into_iter().map(|row| (row.name, row.status)).collect())
    }
}

pub(crate) fn submission(run: &RunId, steps: Vec<Step>) -> Submit {
    Submit {
        run: run.clone(),
        plan: Plan { steps, ..Plan::named("dag") },
        params: BoundParams::default(),
        source: None,
        dag_dir: "/dags".into(),
        dotenv: vec![("SECRET".into(), Template("s3cret".into()))],
        dags: vec![],
        actor: None,
        nonce: [9; 24],
    }
}

pub(crate) fn step(name: &str, command: &str, after: &[u32]) -> Step {
    let body = RunBody::Command(Template(command.into()));
    let mut step = Step::doing(name, Action::Run { body, shell: None });
    step.id = Some(name.into());
    step.depends = after.iter().map(|i| StepIndex(*i)).collect();
    step
}

pub(crate) fn done() -> Outcome {
    Outcome::Finished(Finished { exit_code: Some(0), ..Finished::default() })
}

pub(crate) fn exit(code: i32) -> Outcome {
    Outcome::Finished(Finished { exit_code: Some(code), ..Finished::default() })
}

pub(crate) fn one(mut claimed: Vec<Assignment>) -> Outcomes<Assignment> {
    assert_eq!(claimed.len(), 1, "{claimed:#?}");
    claimed.pop().ok_or_else(|| "nothing claimed".into())
}

pub(crate) fn variable<'a>(claimed: &'a Assignment, name: &str) -> Option<&'a str> {
    claimed.env.iter().find(|(n, _)| n == name).map(|(_, value)| value.as_str())
}
