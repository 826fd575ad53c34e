//! What was typed. What it means is in [`crate::settings`] and in the command's own file.

use std::path::PathBuf;

use clap::{Args as ClapArgs, Parser, Subcommand, ValueEnum};

mod answer;
mod run;
mod scheduler;

pub(crate) use answer::{Answering, Approve, Complete, HumanTask, Inputs, PushBack, Reject, Target};
pub(crate) use run::{
    Artifacts, Dequeue, Dry, Enqueue, Format, History, Logs, Retry, Running, Start, Status, Stop, Validate,
};
pub(crate) use scheduler::{Preview, Scheduler};

/// Run DAGs from YAML; each step in a sandboxed WebAssembly component.
#[derive(Debug, Parser)]
#[command(name = "pintle", version, disable_help_subcommand = true, max_term_width = 110)]
#[command(after_help = "Examples:
  pintle start flow.yaml               run a DAG to its end
  pintle status latest                 where the latest run stands
  pintle retry latest                  run again what did not succeed
  pintle human-task list               what runs ask of people
  pintle doctor                        see whether this machine is fit

Exit codes: 0 succeeded, or waiting for people; 1 failed or invalid; 2 wrong usage; 3 refused: it belongs to another \
process, or --sandbox forbids it; 130 interrupted.")]
pub(crate) struct Args {
    #[command(flatten)]
    pub(crate) global: Global,
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// Options of every command.
#[derive(Debug, Clone, Default, ClapArgs)]
pub(crate) struct Global {
    /// Data directory [env: PINTLE_HOME, DAGU_HOME; default: the XDG data directory]
    #[arg(long, global = true, value_name = "DIR", help_heading = "Global options")]
    pub(crate) home: Option<PathBuf>,
    /// Settings file [env: PINTLE_CONFIG; default: pintle.toml in the XDG configuration or the data directory]
    #[arg(long, global = true, value_name = "FILE", help_heading = "Global options")]
    pub(crate) config: Option<PathBuf>,
    /// What Pintle logs about itself on standard error: a level, or `target=level` pairs [env: PINTLE_LOG_LEVEL]
    #[arg(long, global = true, value_name = "LEVEL", help_heading = "Global options")]
    pub(crate) log_level: Option<String>,
    /// Colours: auto, always or never [env: PINTLE_COLOUR, NO_COLOR]
    #[arg(long, visible_alias = "color", global = true, value_name = "WHEN", help_heading = "Global options")]
    pub(crate) colour: Option<String>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Run a DAG to its end, or go on with an interrupted run
    Start(Start),
    /// Put a run of a DAG into the queue, and run nothing
    Enqueue(Enqueue),
    /// Take a run out of the queue before it begins
    Dequeue(Dequeue),
    /// Check DAG files: every fault at once, with its place
    Validate(Validate),
    /// Show what a DAG would do, and do nothing
    Dry(Dry),
    /// Show where a run stands
    Status(Status),
    /// List runs, newest first
    History(History),
    /// Show what steps printed
    Logs(Logs),
    /// List the files that a run left, or print one of them
    Artifacts(Artifacts),
    /// Run again what did not succeed, or go on with an interrupted run
    Retry(Retry),
    /// Stop a run, whichever process runs it
    Stop(Stop),
    /// See what runs ask of people, and complete tasks
    #[command(subcommand)]
    HumanTask(HumanTask),
    /// Say that what a step did is good, and go on
    Approve(Approve),
    /// Say that it is not: the run ends
    Reject(Reject),
    /// Say that it is not yet: it is done again
    PushBack(PushBack),
    /// Print the JSON Schema of DAG files, for editors
    #[command(after_help = "Examples:
  pintle schema > pintle.schema.json

An editor with a YAML language server completes, explains and checks a DAG whose first line is
  # yaml-language-server: $schema=pintle.schema.json")]
    Schema,
    /// See when DAGs start by their schedules
    #[command(subcommand)]
    Scheduler(Scheduler),
    /// Look at plugins
    #[command(subcommand)]
    Plugin(Plugin),
    /// Show each setting, its value, and where that came from
    Config(Config),
    /// See whether this machine and the data directory are fit
    Doctor(Doctor),
    /// Show the version
    Version(Version),
    /// Write a completion script for a shell
    #[command(after_help = "Examples:
  pintle completion bash > ~/.local/share/bash-completion/completions/pintle
  pintle completion fish > ~/.config/fish/completions/pintle.fish")]
    Completion {
        /// Which shell
        shell: clap_complete::Shell,
    },
}

impl Command {
    /// Whether what it prints is one JSON object a line, as of commands that run or queue something: then an error is
    /// such an object too.
    pub(crate) fn prints_lines_of_json(&self) -> bool {
        let output = match self {
            Self::Start(args) => args.running.output,
            Self::Enqueue(args) => args.output,
            Self::Retry(args) => args.running.output,
            Self::HumanTask(HumanTask::Complete(args)) => args.answering.running.output,
            Self::Approve(args) => args.answering.running.output,
            Self::Reject(args) => args.answering.running.output,
            Self::PushBack(args) => args.answering.running.output,
            Self::Dequeue(_)
            | Self::Validate(_)
            | Self::Dry(_)
            | Self::Status(_)
            | Self::History(_)
            | Self::Logs(_)
            | Self::Artifacts(_)
            | Self::Stop(_)
            | Self::HumanTask(HumanTask::List { .. })
            | Self::Schema
            | Self::Scheduler(_)
            | Self::Plugin(_)
            | Self::Config(_)
            | Self::Doctor(_)
            | Self::Version(_)
            | Self::Completion { .. } => Output::Text,
        };
        output == Output::Json
    }
}

/// How a command prints.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Output {
    /// For people
    #[default]
    Text,
    /// For programs
    Json,
}

#[derive(Debug, Subcommand)]
#[command(after_help = "Examples:
  pintle plugin list
  pintle plugin inspect exec-http")]
pub(crate) enum Plugin {
    /// List plugins with their versions and actions
    List {
        /// How to print
        #[arg(long, value_enum, default_value_t)]
        output: Output,
    },
    /// Show a plugin's actions, wants, limits and schemas
    Inspect {
        /// A plugin's name, the first digits of its digest, or an action
        name: String,
        /// How to print
        #[arg(long, value_enum, default_value_t)]
        output: Output,
    },
}

#[derive(Debug, ClapArgs)]
#[command(after_help = "Examples:
  pintle config
  PINTLE_SLOTS=4 pintle config --output json

A flag comes before the environment, that before the file, that before the default.")]
pub(crate) struct Config {
    /// How to print
    #[arg(long, value_enum, default_value_t)]
    pub(crate) output: Output,
}

#[derive(Debug, ClapArgs)]
#[command(after_help = "Examples:
  pintle doctor
  pintle doctor --home /srv/pintle --output json

Ends with 1 if a check failed; warnings do not count.")]
pub(crate) struct Doctor {
    /// How to print
    #[arg(long, value_enum, default_value_t)]
    pub(crate) output: Output,
}

#[derive(Debug, ClapArgs)]
#[command(after_help = "Examples:
  pintle version
  pintle version --output json         with its plugins, each with its digest")]
pub(crate) struct Version {
    /// How to print
    #[arg(long, value_enum, default_value_t)]
    pub(crate) output: Output,
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    fn parse(line: &str) -> Result<Args, clap::Error> {
        Args::try_parse_from(line.split_whitespace())
    }

    #[test]
    fn the_definition_is_consistent() {
        Args::command().debug_assert();
    }

    #[test]
    fn every_command_shows_its_help_with_examples() {
        for command in Args::command().get_subcommands() {
            let name = command.get_name();
            let help = command.clone().render_long_help().to_string();
            assert!(help.contains("Examples:"), "`{name} --help` has no examples");
        }
    }

    /// Those of all commands and of the commands below them.
    fn helps(command: &clap::Command) -> Vec<(String, String)> {
        let own = command.get_after_help().map(ToString::to_string).unwrap_or_default();
        let below = command.get_subcommands().flat_map(helps);
        std::iter::once((command.get_name().to_owned(), own)).chain(below).collect()
    }

    #[test]
    fn no_help_is_wrapped_twice() {
        for (name, help) in helps(&Args::command()) {
            // Examples stand in; a paragraph is one line, which is broken where the terminal ends.
            let lines: Vec<&str> = help.lines().collect();
            let prose = |line: &&str| !line.is_empty() && !line.starts_with(' ');
            let broken = lines.windows(2).find(|pair| pair.iter().all(prose));
            assert!(broken.is_none(), "`{name} --help` goes on behind a line's end: {broken:?}");
        }
    }

    #[test]
    fn start_without_a_file_says_what_else_it_takes() {
        let said = parse("pintle start").map(|_| ()).map_err(|error| error.to_string()).err().unwrap_or_default();
        for part in ["<FILE>", "pintle start [OPTIONS] --resume <RUN>", "pintle start [OPTIONS] --queued"] {
            assert!(said.contains(part), "{part} is missing in {said}");
        }
    }

    #[test]
    fn what_follows_two_dashes_are_parameters() -> Result<(), clap::Error> {
        let args = parse("pintle start flow.yaml --name nightly -- DAY=mon --not-a-flag")?;
        let Command::Start(start) = args.command else {
            return Err(clap::Error::new(clap::error::ErrorKind::InvalidValue));
        };
        assert_eq!(start.values, ["DAY=mon", "--not-a-flag"]);
        assert_eq!(start.name.as_deref(), Some("nightly"));
        Ok(())
    }

    #[test]
    fn a_file_or_a_run_to_resume_is_needed() {
        assert!(parse("pintle start").is_err());
        assert!(parse("pintle start --resume latest").is_ok());
        assert!(parse("pintle start a.yaml --resume latest").is_err());
        assert!(parse("pintle start a.yaml --resume").is_err());
        assert!(parse("pintle start --queued").is_ok());
        assert!(parse("pintle start a.yaml --queued").is_err());
        assert!(parse("pintle start --queued --resume latest").is_err());
        assert!(parse("pintle start --queued --params a=1").is_err());
    }

    #[test]
    fn global_options_stand_anywhere() -> Result<(), clap::Error> {
        let before = parse("pintle --home /a status latest")?;
        let after = parse("pintle status latest --home /a")?;
        assert_eq!(before.global.home, after.global.home);
        assert!(before.global.home.is_some());
        Ok(())
    }

    #[test]
    fn downstream_needs_steps() {
        assert!(parse("pintle retry latest --downstream").is_err());
        assert!(parse("pintle retry latest --step a --step b --downstream").is_ok());
    }

    #[test]
    fn unknown_values_are_refused() {
        for bad in
            ["pintle start a.yaml --durability strong", "pintle history --status ended", "pintle history --limit 0"]
        {
            assert!(parse(bad).is_err(), "`{bad}` was taken");
        }
    }
}
