//! The root of a document, and what it says once for all of its steps.

use pintle_core::limits::MOST_OUTPUT;

use super::shape::{ARGUMENTS, ENV, SHELL};
use super::step::{CONTINUE, PRECONDITIONS};
use super::{ARTIFACTS, Fields, LATER, NEVER, NO_MAIL, ONE_WORKER, REPEAT, RETRY, STEP, Shape, UNUSED, field};
use super::{custom, params, schedule};

const NO_SCHEDULER: &str = "only a scheduler uses it, which this version does not have";
const NO_SCHEDULER_YET: &str =
    "only a scheduler uses it, which this version does not have; `pintle scheduler preview` shows its instants";
const NO_QUEUE: &str = "this version has one queue, and runs what is queued in the order it came";
const NO_RETENTION: &str = "this version deletes no history by itself";

/// A step that waits for nothing and has no body.
const HANDLER: Shape =
    Shape::All(&[Shape::Map(&STEP), Shape::Raw(r#"{"properties":{"depends":{"type":"null"},"foreach":false}}"#)]);

/// Names with values.
const LABELLED: Shape =
    Shape::Raw(r#"{"type":"object","additionalProperties":{"type":["string","number","boolean","null"]}}"#);

/// The root of a document.
pub(crate) static DAG: Fields = Fields {
    key: "dag",
    of: "a DAG",
    read: &[
        field(
            "name",
            Shape::Raw(r#"{"type":["string","number","boolean"],"pattern":"^\\s*[^\\s/\\\\\\u0000-\\u001f\\u007f][^/\\\\\\u0000-\\u001f\\u007f]*\\s*$","maxLength":255}"#),
            "Name of the DAG, by which its runs are found; without it, the file's name without its extension.",
        ),
        field("description", Shape::Text, "What the DAG is for, in words for people."),
        field(
            "type",
            Shape::Choice(&["graph", "chain"]),
            "`graph`: steps run as soon as what they depend on is done. `chain`: each step runs behind the one above it.",
        )
        .usual(r#""graph""#),
        field("group", Shape::Text, "What the DAG belongs to, in words for people."),
        field(
            "labels",
            Shape::Either(&[Shape::Many(&Shape::Text), LABELLED]),
            "Words that the DAG is found by, or names with values: `team=web, nightly`.",
        ),
        field("tags", Shape::Either(&[Shape::Many(&Shape::Text), LABELLED]), "Words that the DAG is found by.").old("`labels`"),
        field("log_output", Shape::Choice(&["separate", "merged"]), "Whether a step's two streams have a log each, or one together.")
            .usual(r#""separate""#),
        field("params", params::FORMS, "What the caller may give the DAG: `${params.NAME}`, and variables of that name."),
        field(
            "consts",
            Shape::List(&Shape::Raw(
                r#"{"type":"object","minProperties":1,"maxProperties":1,"propertyNames":{"pattern":"^[A-Za-z_][A-Za-z0-9_]*$"},"additionalProperties":{"type":["string","number","boolean"]}}"#,
            )),
            "Values that never change, each an item of its own: `- region: eu`, used as `${consts.region}`.",
        ),
        field("env", ENV, "Variables of every step, set from top to bottom; a later one may use those above it."),
        field(
            "dotenv",
            Shape::Many(&Shape::Word),
            "Files of `NAME=value` lines, relative to the DAG's directory; `.env` is always among them unless the list is empty.",
        )
        .usual(r#"".env""#),
        field(
            "working_dir",
            Shape::Word,
            "Directory in which steps run, relative to the DAG's file; without it, a directory of the run's own.",
        ),
        field("shell", SHELL, "The shell of every `run`, with its arguments: `bash -e`, or `[bash, -e]`."),
        field("shell_args", ARGUMENTS, "Further arguments of the shell."),
        field(
            "max_active_steps",
            Shape::Whole(0, u32::MAX as i64),
            "How many steps of a run go on at once; 0: as many as are ready.",
        )
        .usual("0"),
        field("timeout_sec", Shape::Seconds, "Seconds after which the run is stopped; 0: never.").usual("0"),
        field("delay_sec", Shape::Seconds, "Seconds between a step's being ready and its start; it takes no place meanwhile.")
            .usual("0"),
        field(
            "max_clean_up_time_sec",
            Shape::Seconds,
            "Seconds between the signal that asks a step to stop and the one that makes it.",
        )
        .usual("5"),
        field(
            "max_output_size",
            Shape::Whole(1, MOST_OUTPUT as i64),
            "Bytes that are kept of what a step prints, and of each of its outputs.",
        )
        .usual("1048576"),
        field("preconditions", PRECONDITIONS, "What must hold before the run begins; otherwise it is aborted."),
        field("handler_on", Shape::Map(&HANDLERS), "Steps that run at the moments of the run's life."),
        field("defaults", Shape::Map(&DEFAULTS), "What steps take where they say nothing themselves."),
        field("artifacts", Shape::Map(&ARTIFACTS), "Files that a run leaves for people (`pintle artifacts`)."),
        field("actions", custom::FORMS, "Actions that this document describes once and its steps call, each with inputs of its own."),
        field("step_types", custom::FORMS, "Actions of the document.").old("`actions`"),
        field("steps", Shape::Some(&Shape::Map(&STEP)), "The steps; at least one.").required(),
    ],
    inert: &[
        field("schedule", schedule::FORMS, NO_SCHEDULER_YET),
        field("catchup_window", Shape::Word, NO_SCHEDULER),
        field("overlap_policy", Shape::Choice(&["skip", "all", "latest"]), NO_SCHEDULER),
        field("skip_if_successful", Shape::Bool, NO_SCHEDULER),
        field(
            "retry_policy",
            Shape::Map(&RETRY),
            "a finished run is only retried by hand in this version (`pintle retry`)",
        ),
        field("restart_wait_sec", Shape::Seconds, UNUSED),
        field("queue", Shape::Word, NO_QUEUE),
        field("max_active_runs", Shape::Whole(0, u32::MAX as i64), NO_QUEUE),
        field(
            "worker_selector",
            Shape::Either(&[Shape::Choice(&["local"]), LABELLED]),
            ONE_WORKER,
        ),
        field("log_dir", Shape::Word, "logs are kept in Pintle's data directory"),
        field("hist_retention_days", Shape::Whole(i32::MIN as i64, i32::MAX as i64), NO_RETENTION),
        field("hist_retention_runs", Shape::Whole(1, u32::MAX as i64), NO_RETENTION),
        field("otel", Shape::Anything, UNUSED),
        field("mail_on", Shape::Anything, NO_MAIL),
        field("error_mail", Shape::Anything, NO_MAIL),
        field("info_mail", Shape::Anything, NO_MAIL),
        field("wait_mail", Shape::Anything, NO_MAIL),
        field("smtp", Shape::Anything, NO_MAIL),
        field("run_config", Shape::Anything, UNUSED),
        field("webhook", Shape::Anything, UNUSED),
    ],
    refused: &[
        ("secrets", LATER),
        ("container", LATER),
        ("resources", LATER),
        ("policies", LATER),
        ("plugins", LATER),
        ("workdir", LATER),
        ("s3", NEVER),
        ("redis", NEVER),
        ("registry_auths", NEVER),
        ("tools", "is not part of Pintle; install the programs, or run them with `wasi.run`"),
        ("tasks", NEVER),
        ("llm", NEVER),
        ("agent", NEVER),
        ("harness", NEVER),
        ("harnesses", NEVER),
        ("wiki", NEVER),
        ("kubernetes", NEVER),
        ("ssh", NEVER),
    ],
    together: r#"{
        "dependentRequired": {"shell_args": ["shell"]},
        "if": {"properties": {"type": {"const": "chain"}}, "required": ["type"]},
        "then": {"properties": {"steps": {"items": {"properties": {"depends": {"type": "null"}}}}}}
    }"#,
};

/// `defaults`.
pub(crate) static DEFAULTS: Fields = Fields {
    key: "defaults",
    of: "`defaults`",
    read: &[
        field("retry_policy", Shape::Map(&RETRY), "Tries of a failed step, where it has no policy of its own."),
        field("continue_on", CONTINUE, "Ends behind which a run goes on, where a step does not say."),
        field("repeat_policy", Shape::Map(&REPEAT), "Repetitions of a step, where it has no policy of its own."),
        field("timeout_sec", Shape::Seconds, "Seconds after which a step fails, where it does not say."),
        field("signal_on_stop", Shape::Signal, "The signal that asks a step to stop, where it does not say."),
        field("env", ENV, "Variables of every step, before its own."),
        field("preconditions", PRECONDITIONS, "What must hold before any step, beside its own."),
    ],
    inert: &[field("mail_on_error", Shape::Anything, NO_MAIL)],
    refused: &[],
    together: "",
};

/// `handler_on`.
pub(crate) static HANDLERS: Fields = Fields {
    key: "handlers",
    of: "`handler_on`",
    read: &[
        field("init", HANDLER, "Runs before the first step."),
        field("success", HANDLER, "Runs when the run succeeded, in whole or in part."),
        field("failure", HANDLER, "Runs when the run failed."),
        field("abort", HANDLER, "Runs when the run was stopped."),
        field("cancel", HANDLER, "Runs when the run was stopped.").old("`abort`"),
        field("exit", HANDLER, "Runs last, whatever became of the run."),
        field("wait", HANDLER, "Runs when the run begins to wait for people."),
    ],
    inert: &[],
    refused: &[],
    together: "",
};
