//! Arguments of the commands by which people answer what steps ask.

use clap::{Args, Subcommand};

use super::{Output, Running};

#[derive(Debug, Subcommand)]
#[command(after_help = "Examples:
  pintle human-task list
  pintle human-task complete latest release --input region=eu")]
pub(crate) enum HumanTask {
    /// List what steps of all runs ask: tasks, and approvals
    List {
        /// How to print
        #[arg(long, value_enum, default_value_t)]
        output: Output,
    },
    /// Complete a task, and go on with its run
    Complete(Box<Complete>),
}

/// Which step of which run is answered.
#[derive(Debug, Clone, Default, Args)]
pub(crate) struct Target {
    /// Id of a run, the beginning of one, a DAG's name, or `latest`
    #[arg(value_name = "RUN", required_unless_present = "run_id")]
    pub(crate) run: Option<String>,
    /// The step's id or name; without it the only one that asks
    #[arg(value_name = "STEP", conflicts_with = "step_name")]
    pub(crate) step: Option<String>,
    /// The run, as Dagu has it; RUN is then the name of its DAG
    #[arg(long = "run-id", short = 'r', value_name = "RUN")]
    pub(crate) run_id: Option<String>,
    /// The step, as Dagu has it
    #[arg(long = "step", short = 's', value_name = "STEP")]
    pub(crate) step_name: Option<String>,
}

/// What is given with an answer.
#[derive(Debug, Clone, Default, Args)]
pub(crate) struct Inputs {
    /// A value, or an input; may be repeated
    #[arg(long = "input", value_name = "NAME=VALUE", conflicts_with = "inputs_json")]
    pub(crate) input: Vec<String>,
    /// All of them as a JSON object
    #[arg(long, value_name = "JSON")]
    pub(crate) inputs_json: Option<String>,
}

/// Options of every answer.
#[derive(Debug, Clone, Default, Args)]
pub(crate) struct Answering {
    /// Who answers, for the record [default: the user of this process]
    #[arg(long, value_name = "NAME")]
    pub(crate) by: Option<String>,
    /// Only record the answer; `pintle retry RUN` goes on with the run
    #[arg(long)]
    pub(crate) detach: bool,
    #[command(flatten)]
    pub(crate) running: Running,
}

#[derive(Debug, Args)]
#[command(after_help = "Examples:
  pintle human-task complete latest release --input region=eu --input replicas=3
  pintle human-task complete 0193a7 release --inputs-json '{\"region\": \"eu\", \"replicas\": 3}'
  pintle human-task complete latest            asks for each value, on a terminal

The values become outputs of the step. If a process works on the run, it goes on there; if none does, the run goes on \
here.")]
pub(crate) struct Complete {
    #[command(flatten)]
    pub(crate) target: Target,
    #[command(flatten)]
    pub(crate) inputs: Inputs,
    #[command(flatten)]
    pub(crate) answering: Answering,
}

#[derive(Debug, Args)]
#[command(after_help = "Examples:
  pintle approve latest
  pintle approve nightly draft --input WHO=ada

The inputs become variables of the steps behind, and outputs of the step. If a process works on the run, it goes on \
there; if none does, the run goes on here.")]
pub(crate) struct Approve {
    #[command(flatten)]
    pub(crate) target: Target,
    #[command(flatten)]
    pub(crate) inputs: Inputs,
    #[command(flatten)]
    pub(crate) answering: Answering,
}

#[derive(Debug, Args)]
#[command(after_help = "Examples:
  pintle reject latest draft --reason 'not before Monday'

The run ends as rejected, with exit code 1; `pintle retry RUN` runs the step again, and asks again.")]
pub(crate) struct Reject {
    #[command(flatten)]
    pub(crate) target: Target,
    /// Why, for the record
    #[arg(long, value_name = "TEXT")]
    pub(crate) reason: Option<String>,
    #[command(flatten)]
    pub(crate) answering: Answering,
}

#[derive(Debug, Args)]
#[command(after_help = "Examples:
  pintle push-back latest draft --input FEEDBACK='shorter, please'
  pintle push-back latest draft --reason 'the figures are of last week'

The step, or the one that its approval names in `rewind_to`, and everything behind that runs again. These steps are \
given the inputs as variables, and `DAG_PUSHBACK` with all that was said.")]
pub(crate) struct PushBack {
    #[command(flatten)]
    pub(crate) target: Target,
    #[command(flatten)]
    pub(crate) inputs: Inputs,
    /// Why, for the record and for the steps
    #[arg(long, value_name = "TEXT")]
    pub(crate) reason: Option<String>,
    #[command(flatten)]
    pub(crate) answering: Answering,
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use crate::args::Args;

    fn parses(line: &str) -> bool {
        Args::try_parse_from(line.split_whitespace()).is_ok()
    }

    #[test]
    fn runs_and_steps_are_named_in_either_way() {
        for line in [
            "pintle approve latest",
            "pintle approve latest draft --input A=1 --input B=2",
            "pintle human-task complete --run-id r1 --step ask release.yaml",
            "pintle human-task complete --run-id r1 --step ask",
            "pintle reject latest draft --reason no --detach --by ada",
            "pintle push-back latest --inputs-json {}",
        ] {
            assert!(parses(line), "`{line}` was not taken");
        }
        for line in [
            "pintle approve",
            "pintle approve latest draft --step draft",
            "pintle approve latest --input A=1 --inputs-json {}",
            "pintle reject latest --input A=1",
            "pintle human-task",
        ] {
            assert!(!parses(line), "`{line}` was taken");
        }
    }
}
