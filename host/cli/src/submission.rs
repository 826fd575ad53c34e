//! A new run, from what was typed to what the coordinator takes.

use anyhow::Context as _;
use pintle_coordinator::{SubDag, Submit};
use pintle_core::ids::RunId;
use pintle_spec::BoundParams;

use crate::context::{Context, remark};
use crate::dag::{self, Dag, World};
use crate::home;
use crate::join::House;
use crate::user;

/// What the command line says of a new run.
pub(crate) struct Given<'a> {
    pub(crate) values: &'a [String],
    pub(crate) params: Option<&'a str>,
    pub(crate) name: Option<&'a str>,
}

/// The id that was given, or a new one.
pub(crate) fn run_id(given: Option<&str>) -> anyhow::Result<RunId> {
    match given {
        Some(text) => Ok(RunId::new(text)?),
        None => Ok(RunId::new(uuid::Uuid::now_v7().to_string())?),
    }
}

/// A run of a DAG, ready to be submitted: parameters are bound and dotenv files are read.
pub(crate) fn submission(
    given: &Given<'_>,
    dag: Dag,
    run: RunId,
    quiet: bool,
    house: &House,
    context: &Context,
) -> anyhow::Result<Submit> {
    let world = World { env: &house.env, sandbox: context.settings.sandbox };
    let params = dag::bind(&dag, &dag::given(given.values, given.params), world)?;
    let (dotenv, mut missing) = dag::dotenv((&dag.plan, &dag.dir), &params, &run, world)?;
    let mut dags = Vec::with_capacity(dag.dags.len());
    for (origin, (name, plan)) in dag.dags.iter().zip(&dag.plan.dags) {
        // Its parameters are bound when a step runs it; the files that it names are read now, with the defaults.
        let (dotenv, not_there) = dag::dotenv((plan, &origin.dir), &BoundParams::default(), &run, world)?;
        missing.extend(not_there);
        let (source, dag_dir) = (Some(origin.path.clone()), origin.dir.clone());
        dags.push(SubDag { name: name.clone(), source, dag_dir, dotenv });
    }
    if !quiet {
        for path in missing {
            remark(&format!("dotenv file `{}` is not there; it sets nothing", path.display()));
        }
    }
    let mut nonce = [0; 24];
    home::random(&mut nonce).context("the system gives no random bytes")?;
    let mut plan = dag.plan;
    if let Some(name) = given.name {
        name.clone_into(&mut plan.name);
    }
    let (source, dag_dir, actor) = (Some(dag.path), dag.dir, Some(user::name()));
    Ok(Submit { run, plan, params, source, dag_dir, dotenv, dags, actor, nonce })
}
