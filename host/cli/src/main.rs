//! `pintle`: arguments become settings, settings join the parts, a command does its work.
//!
//! | file | is about |
//! |---|---|
//! | `args` | what was typed |
//! | `settings` | what it means: flag > environment > file > default |
//! | `join` | the one place where store, coordinator, runtime and worker meet |
//! | `start`, `retry`, `queue` | runs of this process: new ones, ones to go on with, queued ones |
//! | `submission`, `perform`, `stage`, `stopping` | what a new run is, how a run is performed, what happens on stage meanwhile |
//! | `names` | which run and which steps somebody means |
//! | `render`, `feed` | what is seen of it |
//! | `lost` | what standard output did not take |
//! | `leftover` | what killed processes left is cleared away |
//! | `answer` | what steps ask, and what people answer |
//! | `status`, `history`, `logs`, `artifacts`, `stop` | runs of this and of other processes |
//! | `validate`, `dry`, `scheduler`, `schema`, `dag` | DAG files |
//! | `plugin`, `doctor`, `config`, `version` | about Pintle itself |
//!
//! Two more programs are in here and are dispatched before anything is set up: the compiler of components and the
//! reaper, which run as children of this same binary.

mod answer;
mod args;
mod artifacts;
mod config;
mod context;
mod dag;
mod doctor;
mod dry;
mod embedded;
mod failure;
mod feed;
mod history;
mod home;
mod join;
mod leftover;
mod logs;
mod lost;
mod names;
mod perform;
mod plugin;
mod queue;
mod render;
mod retry;
mod scheduler;
mod schema;
mod settings;
mod signals;
mod stage;
mod start;
mod status;
mod stop;
mod stopping;
mod submission;
mod threads;
mod user;
mod validate;
mod version;

use std::ffi::OsString;
use std::io::Write as _;
use std::process::ExitCode;

use clap::{CommandFactory as _, Parser as _};

use args::{Args, Command, Global, HumanTask, Running};
use context::{Context, remark, say};
use failure::{Exit, Failure, sentence};
use render::style::BAD;
use settings::{Flags, LogFormat, Settings};

/// The hidden command of the reaper.
const REAP: &str = "__reap";

fn main() -> ExitCode {
    let mut words = std::env::args_os().skip(1);
    match words.next() {
        Some(word) if word == pintle_runtime::COMPILE_COMMAND => return pintle_runtime::compile_child_main(),
        Some(word) if word == REAP => return pintle_worker::reaper_main(&words.collect::<Vec<_>>()),
        Some(_) | None => {}
    }
    let exit = run(Args::parse());
    // Threads are not joined and memory is not given back: the kernel is faster at that, and everything that was
    // promised is committed.
    std::process::exit(exit.code().into())
}

fn run(args: Args) -> Exit {
    let objects = args.command.prints_lines_of_json();
    // Before the settings are known nothing says whether colours are wanted.
    let mut colours = false;
    let ended = resolve(&args).and_then(|settings| {
        let context = Context::new(settings);
        colours = context.err.colours;
        log(&context)?;
        tracing::debug!("settings are known");
        command(args.command, &context)
    });
    let exit = ended.unwrap_or_else(|error| fail(&error, objects, colours));
    lost::remember(std::io::stdout().flush());
    match (lost::told(), exit) {
        (Ok(()), exit) => exit,
        (Err(error), Exit::Success) => complain(&error, colours),
        (Err(error), exit @ (Exit::Failed | Exit::Usage | Exit::Refused | Exit::Interrupted)) => {
            complain(&error, colours);
            exit
        }
    }
}

/// How a command ends that ended with an error, which people are told, and programs where they are told of all else.
fn fail(error: &anyhow::Error, objects: bool, colours: bool) -> Exit {
    if objects {
        say(&render::json::error(error).to_string());
    }
    complain(error, colours)
}

/// One sentence on standard error.
fn complain(error: &anyhow::Error, colours: bool) -> Exit {
    let pen = render::style::Pen { colours, unicode: true };
    for line in sentence(error).lines() {
        remark(&format!("{} {line}", pen.paint(BAD.bold(), "error:")));
    }
    Failure::exit_of(error)
}

fn resolve(args: &Args) -> anyhow::Result<Settings> {
    let cwd = std::env::current_dir().unwrap_or_else(|_| "/".into());
    let mut flags = global_flags(&args.global);
    match &args.command {
        Command::Start(start) => running_flags(&start.running, &mut flags),
        Command::Enqueue(args) if args.sandbox => flags.push(("sandbox", "true".into())),
        Command::Retry(retry) => running_flags(&retry.running, &mut flags),
        Command::HumanTask(HumanTask::Complete(args)) => running_flags(&args.answering.running, &mut flags),
        Command::Approve(args) => running_flags(&args.answering.running, &mut flags),
        Command::Reject(args) => running_flags(&args.answering.running, &mut flags),
        Command::PushBack(args) => running_flags(&args.answering.running, &mut flags),
        _ => {}
    }
    Settings::resolve(&flags, args.global.config.as_deref(), &|name| std::env::var_os(name), &cwd)
}

fn global_flags(global: &Global) -> Flags {
    let home = global.home.clone().map(|home| ("home", home.into_os_string()));
    let level = global.log_level.clone().map(|level| ("log.level", OsString::from(level)));
    let colour = global.colour.clone().map(|colour| ("colour", OsString::from(colour)));
    home.into_iter().chain(level).chain(colour).collect()
}

fn running_flags(running: &Running, flags: &mut Flags) {
    if running.sandbox {
        flags.push(("sandbox", "true".into()));
    }
    flags.extend(running.durability.clone().map(|mode| ("durability", mode.into())));
    flags.extend(running.slots.map(|slots| ("slots", slots.to_string().into())));
}

fn log(context: &Context) -> anyhow::Result<()> {
    let settings = &context.settings;
    let format = match settings.log_format {
        LogFormat::Pretty => pintle_telemetry::Format::Pretty,
        LogFormat::Json => pintle_telemetry::Format::Json,
    };
    pintle_telemetry::init(&settings.log_level, format, context.err.colours)
        .map_err(|error| Failure::usage(error.to_string()))
}

fn command(command: Command, context: &Context) -> anyhow::Result<Exit> {
    match command {
        Command::Start(args) => start::run(args, context),
        Command::Enqueue(args) => queue::enqueue(args, context),
        Command::Dequeue(args) => queue::dequeue(&args, context),
        Command::Validate(args) => validate::run(&args, context),
        Command::Dry(args) => dry::run(&args, context),
        Command::Status(args) => status::run(&args, context),
        Command::History(args) => history::run(&args, context),
        Command::Logs(args) => logs::run(&args, context),
        Command::Artifacts(args) => artifacts::run(&args, context),
        Command::Retry(args) => retry::run(&args, context),
        Command::Stop(args) => stop::run(&args, context),
        Command::HumanTask(args) => answer::run(args, context),
        Command::Approve(args) => answer::approve(args, context),
        Command::Reject(args) => answer::reject(args, context),
        Command::PushBack(args) => answer::push_back(args, context),
        Command::Schema => schema::run(),
        Command::Scheduler(args) => scheduler::run(&args, context),
        Command::Plugin(args) => plugin::run(&args, context),
        Command::Config(args) => Ok(config::run(&args, context)),
        Command::Doctor(args) => doctor::run(&args, context),
        Command::Version(args) => version::run(&args),
        Command::Completion { shell } => {
            let mut script = Vec::new();
            clap_complete::generate(shell, &mut Args::command(), "pintle", &mut script);
            say(String::from_utf8_lossy(&script).trim_end());
            Ok(Exit::Success)
        }
    }
}
