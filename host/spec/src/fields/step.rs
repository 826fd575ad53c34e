//! A step, and the maps that stand in it.

use super::output::FIELDS;
use super::shape::{ARGUMENTS, ENV, Empty, PRINTABLE, SHELL};
use super::{
    APPROVAL, CONTINUE_ON, Fields, LATER, NEVER, NO_MAIL, ONE_WORKER, OUTPUT, PRECONDITION, REPEAT, RETRY, STDERR,
    STDOUT, Shape, UNUSED, field,
};
use crate::limits::MAX_CONCURRENT;

/// One condition or several: a command, or a map.
pub(super) const PRECONDITIONS: Shape = Shape::Many(&Shape::Either(&[Shape::Word, Shape::Map(&PRECONDITION)]));

/// A word or several, or a map.
pub(super) const CONTINUE: Shape =
    Shape::Either(&[Shape::Many(&Shape::Choice(&["failed", "failure", "skipped"])), Shape::Map(&CONTINUE_ON)]);

/// What is run: a line, a script, or commands in a list.
const TEXT: Shape = Shape::Either(&[
    Shape::Word,
    Shape::Some(&Shape::Raw(
        r#"{"type":["string","number","boolean"],"pattern":"^(?=[^\\n]*[^\\s])[^\\n]*[\\r\\n]*$"}"#,
    )),
]);

/// Items: a list, or text that becomes one.
const ITEMS: Shape = Shape::Either(&[Shape::List(&Shape::Anything), Shape::Word]);

/// A step, a handler included.
pub(crate) static STEP: Fields = Fields {
    key: "step",
    of: "a step",
    read: &[
        field(
            "id",
            Shape::Raw(
                r#"{"type":["string","boolean"],"pattern":"^\\s*[A-Za-z][A-Za-z0-9_]{0,39}\\s*$","not":{"enum":["env","params","args","stdout","stderr","output","outputs"]}}"#,
            ),
            "By what other steps and references call it: letters, digits and `_`, at most 40.",
        ),
        field("name", PRINTABLE, "What people see of it; without it, the id."),
        field("description", Shape::Text, "What the step is for, in words for people."),
        field(
            "run",
            TEXT,
            "What a shell runs: one line, a script of several (`run: |`), or a list of commands that ends at the first failure.",
        )
        .filled(),
        field("action", Shape::Action, "What is done, by the plugin that performs it or by Pintle itself.").filled(),
        field(
            "with",
            Shape::Raw(r#"{"type":["object","null"]}"#),
            "Input of the action; of a `run`, its `shell` and `shell_args`.",
        ),
        field("depends", Shape::Many(&Shape::Word), "Ids or names of the steps behind which this one runs."),
        field("env", ENV, "Variables of this step, set from top to bottom."),
        field("preconditions", PRECONDITIONS, "What must hold before the step runs; otherwise it is skipped."),
        field("continue_on", CONTINUE, "Ends of this step behind which the run goes on all the same."),
        field("retry_policy", Shape::Map(&RETRY), "Further tries when the step fails."),
        field("repeat_policy", Shape::Map(&REPEAT), "Repetitions of the step while, or until, something holds."),
        field(
            "timeout_sec",
            Shape::Seconds,
            "Seconds after which the step fails, with exit code 124 and without a retry; 0: never.",
        ),
        field(
            "output",
            Shape::Either(&[
                Shape::Like("^\\$?(?:[A-Za-z_][A-Za-z0-9_]*|\\{[A-Za-z_][A-Za-z0-9_]*\\})$"),
                FIELDS,
            ]),
            "Name of a variable that steps behind this one find its trimmed standard output in; or outputs by name, each a value or where it is read: `${steps.ID.outputs.NAME}`.",
        ),
        field(
            "outputs",
            Shape::List(&Shape::Map(&OUTPUT)),
            "Outputs that the step writes to `$PINTLE_OUTPUT_FILE` as `name=value`: `${steps.ID.outputs.NAME}`.",
        ),
        field(
            "output_schema",
            Shape::Raw(r#"{"type":["object","null"]}"#),
            "JSON Schema that standard output must fit, as one JSON value; an object's fields become outputs of the step.",
        ),
        field(
            "stdout",
            Shape::Either(&[Shape::Word, Shape::Map(&STDOUT)]),
            "File that standard output is written to, beside the log; or what becomes of it.",
        ),
        field(
            "stderr",
            Shape::Either(&[Shape::Word, Shape::Map(&STDERR)]),
            "File that standard error is written to, beside the log.",
        ),
        field("log_output", Shape::Choice(&["separate", "merged"]), "Whether the step's two streams have a log each, or one together."),
        field("signal_on_stop", Shape::Signal, "The signal that asks the step to stop.").usual(r#""SIGTERM""#),
        field(
            "on_lost",
            Shape::Choice(&["rerun", "park", "fail"]),
            "What becomes of the step when the process that ran it died: run again, wait for people, or fail.",
        ),
        field("working_dir", Shape::Word, "Directory in which the step runs; a relative one begins at the DAG's."),
        field(
            "parallel",
            Shape::Either(&[Shape::Map(&PARALLEL), ITEMS]),
            "Items, for each of which `action: dag.run` runs its DAG once, or `dag.enqueue` queues it.",
        )
        .filled(),
        field("foreach", Shape::Map(&FOREACH), "Steps that run once for each item of a list.").filled(),
        field("approval", Shape::Map(&APPROVAL), "A person says whether what the step did is good.").filled(),
        field("value", Shape::Word, "Of `action: router.route` without `with:`: what it routes by."),
        field(
            "routes",
            Shape::Raw(r#"{"type":["object","null"],"additionalProperties":{"type":["array","string"]}}"#),
            "Of `action: router.route` without `with:`: for each value, or `re:` expression, the steps that run.",
        ),
        field("command", TEXT, "What a shell runs.").filled().old("`run`"),
        field("script", Shape::Word, "A script.").old("`run: |`"),
        field("call", Shape::Word, "Another DAG to run.").filled().old("`action: dag.run` with `with: {dag: ..., params: ...}`"),
        field(
            "exec",
            Shape::Either(&[SHELL, Shape::Raw(r#"{"type":"object","required":["command"]}"#)]),
            "A program with its arguments, without a shell.",
        )
        .filled()
        .old("`action: exec` with `with: {command: ..., args: [...]}`"),
        field(
            "executor",
            Shape::Either(&[Shape::Word, Shape::Raw(r#"{"type":"object","required":["type"],"additionalProperties":false,"properties":{"type":{"type":"string"},"config":{"type":["object","null"]}}}"#)]),
            "The kind of step, alone or with its `config`.",
        )
        .filled()
        .old("`action:` with its `with:`"),
        field("type", Shape::Word, "The kind of step.").filled().old("`action:` with its `with:`"),
        field("config", Shape::Raw(r#"{"type":["object","null"]}"#), "What a step of its kind takes.").old("`with:`"),
        field("params", Shape::Anything, "Parameters of the DAG that is called.").old("`params` in `with`"),
        field("shell", SHELL, "The shell of this step.").old("`with: {shell: ...}`"),
        field("shell_args", ARGUMENTS, "Further arguments of the shell.").old("`with: {shell_args: ...}`"),
    ],
    inert: &[
        field("mail_on_error", Shape::Anything, NO_MAIL),
        field("worker_selector", Shape::Anything, ONE_WORKER),
        field("dependencies", Shape::Anything, ONE_WORKER),
        field("shell_packages", Shape::Anything, UNUSED),
    ],
    refused: &[
        ("container", LATER),
        ("secrets", LATER),
        ("policies", LATER),
        ("plugins", LATER),
        ("backend", LATER),
        ("workdir", LATER),
        ("result", LATER),
        ("inputs", LATER),
        ("messages", NEVER),
        ("llm", NEVER),
        ("agent", NEVER),
        ("chat", NEVER),
        ("harness", NEVER),
        ("k8s", NEVER),
        ("kubernetes", NEVER),
        ("ssh", NEVER),
        ("wiki", NEVER),
    ],
    together: r#"{
        "oneOf": [
            {"not": {"anyOf": [
                {"required": ["run"]}, {"required": ["action"]}, {"required": ["foreach"]}, {"required": ["call"]},
                {"required": ["command"]}, {"required": ["script"]}
            ]}, "required": ["output"], "properties": {"output": {"type": "object"}}},
            {"required": ["run"]},
            {"required": ["action"]},
            {"required": ["foreach"]},
            {"required": ["call"]},
            {"required": ["exec"]},
            {"anyOf": [
                {"required": ["command"]}, {"required": ["script"]}, {"required": ["executor"]}, {"required": ["type"]}
            ]}
        ],
        "dependentRequired": {"shell_args": ["shell"], "outputs": ["id"]},
        "dependentSchemas": {
            "with": {"anyOf": [{"required": ["run"]}, {"required": ["action"]}]},
            "shell": {"not": {"anyOf": [{"required": ["call"]}, {"required": ["foreach"]}, {"required": ["action"]}]}},
            "outputs": {"not": {"anyOf": [
                {"required": ["call"]},
                {"required": ["foreach"]},
                {"properties": {"action": {"enum": ["dag.run", "dag.enqueue"]}}, "required": ["action"]}
            ]}},
            "params": {"anyOf": [{"required": ["call"]}, {"required": ["executor"]}, {"required": ["type"]}]},
            "config": {"anyOf": [{"required": ["executor"]}, {"required": ["type"]}]},
            "type": {"not": {"required": ["executor"]}},
            "value": {"anyOf": [
                {"properties": {"action": {"const": "router.route"}}, "required": ["action"]},
                {"properties": {"type": {"const": "router"}}, "required": ["type"]},
                {"properties": {"executor": {"const": "router"}}, "required": ["executor"]}
            ]},
            "routes": {"anyOf": [
                {"properties": {"action": {"const": "router.route"}}, "required": ["action"]},
                {"properties": {"type": {"const": "router"}}, "required": ["type"]},
                {"properties": {"executor": {"const": "router"}}, "required": ["executor"]}
            ]},
            "parallel": {"anyOf": [
                {"required": ["call"]},
                {"required": ["executor"]},
                {"required": ["type"]},
                {"properties": {"action": {"enum": ["dag.run", "dag.enqueue"]}}, "required": ["action"]}
            ]}
        }
    }"#,
};

/// `with` of a `run` step.
pub(crate) static RUN_WITH: Fields = Fields {
    key: "run_with",
    of: "`with` of a `run` step",
    read: &[
        field("shell", SHELL, "The shell of this step, with its arguments: `bash -e`, or `[bash, -e]`."),
        field("shell_args", ARGUMENTS, "Further arguments of the shell."),
    ],
    inert: &[field("shell_packages", Shape::Anything, UNUSED)],
    refused: &[],
    together: r#"{"dependentRequired":{"shell_args":["shell"]}}"#,
};

/// `parallel`.
pub(crate) static PARALLEL: Fields = Fields {
    key: "parallel",
    of: "`parallel`",
    read: &[
        field("items", ITEMS, "The items: a list, or text that becomes one; `${ITEM}` in `with`.").required(),
        field("max_concurrent", Shape::Whole(1, MAX_CONCURRENT as i64), "How many children go on at once.").usual("10"),
    ],
    inert: &[],
    refused: &[],
    together: "",
};

/// `foreach`.
pub(crate) static FOREACH: Fields = Fields {
    key: "foreach",
    of: "`foreach`",
    read: &[
        field("items", ITEMS, "The items: a list, or text that becomes one; `${foreach.item}` in the steps.")
            .required(),
        field(
            "as",
            Shape::Raw(
                r#"{"type":["string","boolean"],"pattern":"^[A-Za-z_][A-Za-z0-9_]*$","not":{"enum":["index","key"]}}"#,
            ),
            "Another word for the item: `${foreach.WORD}`.",
        )
        .usual(r#""item""#),
        field("key", Shape::Word, "Text that names the item and is its own: `${foreach.item.id}`."),
        field("max_concurrent", Shape::Whole(1, MAX_CONCURRENT as i64), "How many items go on at once.").usual("10"),
        field("steps", Shape::Some(&Shape::Map(&STEP)), "What runs for each item; at least one step.").required(),
        field(
            "collect",
            Shape::Named(&Shape::Text, Empty::Refused),
            "Outputs of an item, by name: `size: ${steps.ID.outputs.size}`.",
        ),
    ],
    inert: &[],
    refused: &[],
    together: "",
};
