//! Arguments of the commands that are about runs.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use pintle_core::run::RunStatus;

use super::Output;

#[derive(Debug, Args)]
#[command(after_help = "Examples:
  pintle start flow.yaml
  pintle start flow.yaml -- DAY=monday REGION=eu
  pintle start flow.yaml --params '{\"DAY\": \"monday\"}' --output json
  pintle start --resume latest
  pintle start --queued                one after another, everything that is queued

On a terminal the steps are drawn as a tree that lives. In a pipe, each line of a step's output is printed as \
`STEP | LINE` on standard output, and what happens to steps as `STEP: STATUS ...` on standard error.

With --output json each line of standard output is an object with `event`: what happens to steps, `output` for what they \
print, and at the end `result`. A command that fails before that ends with an `error`, which has a `message` and, where \
the file is not a valid DAG, its `findings` as `pintle validate --output json` prints them.

Ctrl-C stops the steps gracefully, a second one at once. RUN is an id, the beginning of one, the name of a DAG \
(its latest run) or `latest`.")]
#[command(override_usage = "pintle start [OPTIONS] <FILE> [-- <PARAMS>...]
       pintle start [OPTIONS] --resume <RUN>
       pintle start [OPTIONS] --queued")]
pub(crate) struct Start {
    /// DAG file
    #[arg(required_unless_present_any = ["resume", "queued"], conflicts_with_all = ["resume", "queued"])]
    pub(crate) file: Option<PathBuf>,
    /// Parameters: NAME=VALUE, or values in order
    #[arg(last = true, value_name = "PARAMS", conflicts_with_all = ["resume", "queued"])]
    pub(crate) values: Vec<String>,
    /// Parameters as one text: `A=1 B="two words"`, or a JSON object
    #[arg(long, short = 'p', conflicts_with_all = ["values", "resume", "queued"])]
    pub(crate) params: Option<String>,
    /// Id of the new run [default: a new UUIDv7]; the same run under the same id is not run again
    #[arg(long, short = 'r', value_name = "ID", conflicts_with_all = ["resume", "queued"])]
    pub(crate) run_id: Option<String>,
    /// Name of the DAG, instead of the file's own
    #[arg(long, short = 'N', conflicts_with_all = ["resume", "queued"])]
    pub(crate) name: Option<String>,
    /// Go on with an interrupted run, or begin one that is queued
    #[arg(long, value_name = "RUN")]
    pub(crate) resume: Option<String>,
    /// Run what is queued, one run after another in the order in which they came, until the queue is empty
    #[arg(long, conflicts_with = "resume")]
    pub(crate) queued: bool,
    #[command(flatten)]
    pub(crate) running: Running,
}

#[derive(Debug, Args)]
#[command(after_help = "Examples:
  pintle enqueue flow.yaml
  pintle enqueue flow.yaml --output json -- DAY=monday REGION=eu
  pintle start --queued                run what is queued
  pintle dequeue flow                  take it out again

When this returns the run is kept; nothing of it runs before somebody takes it from the queue. \
Parameters and dotenv files are read now; the environment is that of the process which runs it.")]
pub(crate) struct Enqueue {
    /// DAG file
    pub(crate) file: PathBuf,
    /// Parameters: NAME=VALUE, or values in order
    #[arg(last = true, value_name = "PARAMS")]
    pub(crate) values: Vec<String>,
    /// Parameters as one text: `A=1 B="two words"`, or a JSON object
    #[arg(long, short = 'p', conflicts_with = "values")]
    pub(crate) params: Option<String>,
    /// Id of the new run [default: a new UUIDv7]; the same run under the same id is queued once
    #[arg(long, short = 'r', value_name = "ID")]
    pub(crate) run_id: Option<String>,
    /// Name of the DAG, instead of the file's own
    #[arg(long, short = 'N')]
    pub(crate) name: Option<String>,
    /// Read no dotenv file and run no command for a parameter [env: PINTLE_SANDBOX]
    #[arg(long)]
    pub(crate) sandbox: bool,
    /// Print nothing but errors
    #[arg(long, short = 'q', conflicts_with = "output")]
    pub(crate) quiet: bool,
    /// How to print
    #[arg(long, value_enum, default_value_t)]
    pub(crate) output: Output,
}

#[derive(Debug, Args)]
#[command(after_help = "Examples:
  pintle dequeue latest
  pintle dequeue 0193a7                by the beginning of its id

The run ends as `aborted`; one that has begun is stopped with `pintle stop`.")]
pub(crate) struct Dequeue {
    /// Id of a run, the beginning of one, a DAG's name (its latest run), or `latest`
    pub(crate) run: String,
}

/// Options of the commands that run steps themselves.
#[derive(Debug, Clone, Default, Args)]
pub(crate) struct Running {
    /// Take programs, files and addresses away from the embedded executors [env: PINTLE_SANDBOX]
    #[arg(long)]
    pub(crate) sandbox: bool,
    /// Print nothing but errors
    #[arg(long, short = 'q', conflicts_with = "output")]
    pub(crate) quiet: bool,
    /// How to print; json: one object a line
    #[arg(long, value_enum, default_value_t)]
    pub(crate) output: Output,
    /// What a commit survives: `power` loss, or the death of the `process` [env: PINTLE_DURABILITY]
    #[arg(long, value_parser = ["power", "process"], value_name = "MODE")]
    pub(crate) durability: Option<String>,
    /// How many steps run at once [env: PINTLE_SLOTS]
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..=4096), value_name = "N")]
    pub(crate) slots: Option<u32>,
}

#[derive(Debug, Args)]
#[command(after_help = "Examples:
  pintle validate flow.yaml
  pintle validate dags/*.yaml --strict")]
pub(crate) struct Validate {
    /// DAG files
    #[arg(required = true)]
    pub(crate) files: Vec<PathBuf>,
    /// Notices count as faults
    #[arg(long)]
    pub(crate) strict: bool,
    /// Also show references that only the run can resolve
    #[arg(long)]
    pub(crate) show_unresolved: bool,
    /// How to print
    #[arg(long, value_enum, default_value_t)]
    pub(crate) output: Output,
}

#[derive(Debug, Args)]
#[command(after_help = "Examples:
  pintle dry flow.yaml
  pintle dry flow.yaml -- DAY=monday")]
pub(crate) struct Dry {
    /// DAG file
    pub(crate) file: PathBuf,
    /// Parameters: NAME=VALUE, or values in order
    #[arg(last = true, value_name = "PARAMS")]
    pub(crate) values: Vec<String>,
    /// Parameters as one text: `A=1 B="two words"`, or a JSON object
    #[arg(long, short = 'p', conflicts_with = "values")]
    pub(crate) params: Option<String>,
    /// How to print
    #[arg(long, value_enum, default_value_t)]
    pub(crate) output: Output,
}

#[derive(Debug, Args)]
#[command(after_help = "Examples:
  pintle status                        runs that are not over, and the latest
  pintle status latest
  pintle status nightly                the latest run of the DAG `nightly`
  pintle status 0193a7 --output json   by the beginning of its id")]
pub(crate) struct Status {
    /// Id of a run, the beginning of one, a DAG's name or file, or `latest`
    pub(crate) run: Option<String>,
    /// How to print
    #[arg(long, value_enum, default_value_t)]
    pub(crate) output: Output,
}

#[derive(Debug, Args)]
#[command(after_help = "Examples:
  pintle artifacts latest
  pintle artifacts nightly reports/summary.md
  pintle artifacts 0193a7 --output json")]
pub(crate) struct Artifacts {
    /// Id of a run, the beginning of one, a DAG's name or file, or `latest`
    pub(crate) run: String,
    /// The file to print, by its path in the list
    pub(crate) path: Option<String>,
    /// How to list
    #[arg(long, value_enum, default_value_t)]
    pub(crate) output: Output,
}

/// How `history` prints.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// For people
    #[default]
    Table,
    /// One array
    Json,
    /// With a header
    Csv,
}

#[derive(Debug, Args)]
#[command(after_help = "Examples:
  pintle history
  pintle history nightly --status failed --last 7d
  pintle history --from 2026-11-01 --format csv > runs.csv")]
pub(crate) struct History {
    /// Only this DAG
    pub(crate) name: Option<String>,
    /// How to print
    #[arg(long, short = 'f', value_enum, default_value_t)]
    pub(crate) format: Format,
    /// How many at most
    #[arg(long, short = 'l', default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..=1000))]
    pub(crate) limit: u32,
    /// Only runs that stand so; may be repeated
    #[arg(long, short = 's', value_parser = run_status, value_name = "STATUS")]
    pub(crate) status: Vec<RunStatus>,
    /// Only runs since a day (2026-11-01) or an instant (2026-11-01T08:00:00Z)
    #[arg(long, conflicts_with = "last", value_name = "TIME")]
    pub(crate) from: Option<String>,
    /// Only runs of the last 30m, 12h, 7d, ...
    #[arg(long, value_name = "SPAN")]
    pub(crate) last: Option<String>,
}

fn run_status(text: &str) -> Result<RunStatus, String> {
    RunStatus::ALL.into_iter().find(|status| status.as_str() == text).ok_or_else(|| {
        let all: Vec<&str> = RunStatus::ALL.iter().map(|status| status.as_str()).collect();
        format!("use one of {}", all.join(", "))
    })
}

#[derive(Debug, Args)]
#[command(after_help = "Examples:
  pintle logs latest
  pintle logs latest transform
  pintle logs nightly load --stderr
  pintle logs latest -f")]
pub(crate) struct Logs {
    /// Id of a run, the beginning of one, a DAG's name, or `latest`
    pub(crate) run: String,
    /// Only this step: its name or id
    pub(crate) step: Option<String>,
    /// Go on as long as the run does
    #[arg(long, short = 'f')]
    pub(crate) follow: bool,
    /// Standard error instead of standard output
    #[arg(long)]
    pub(crate) stderr: bool,
    /// What each claim of a step printed (a try, or a part of one), under a line that names it, instead of the last alone
    #[arg(long)]
    pub(crate) all: bool,
}

#[derive(Debug, Args)]
#[command(after_help = "Examples:
  pintle retry latest
  pintle retry nightly --step load
  pintle retry 0193a7 --step extract --downstream

Steps that succeeded keep what they did. An interrupted run goes on where it was; a finished run begins its next \
attempt. Either has the plan that it had: what was changed in the DAG's file since is run by a new `pintle start FILE`.")]
pub(crate) struct Retry {
    /// Id of a run, the beginning of one, a DAG's name, or `latest`
    pub(crate) run: String,
    /// Run this step again, whatever became of it; may be repeated
    #[arg(long, short = 's', value_name = "STEP")]
    pub(crate) step: Vec<String>,
    /// And everything behind those steps
    #[arg(long, requires = "step")]
    pub(crate) downstream: bool,
    #[command(flatten)]
    pub(crate) running: Running,
}

#[derive(Debug, Args)]
#[command(after_help = "Examples:
  pintle stop latest
  pintle stop nightly --now

A run that no process works on any more is over at once; its `abort` and `exit` handlers run here first, but not with \
--now.")]
pub(crate) struct Stop {
    /// Id of a run, the beginning of one, a DAG's name, or `latest`
    pub(crate) run: String,
    /// Kill the steps instead of asking them to end
    #[arg(long)]
    pub(crate) now: bool,
}
