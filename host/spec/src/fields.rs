//! The names of fields: which are read, which do nothing yet, which are refused and why.
//!
//! The whole language is larger than what this version runs (workflow.md, "Covered fields"). A field that only
//! describes, or that matters to parts not in use here, is accepted with a notice; one that would change what runs is
//! refused, so that no file is half-obeyed.

/// The fields of one kind of map.
#[derive(Debug)]
pub(crate) struct Fields {
    /// What the map is, in a sentence: "a step".
    pub(crate) of: &'static str,
    pub(crate) read: &'static [&'static str],
    /// Name, and what it does not do: "... is accepted, but {}".
    pub(crate) inert: &'static [(&'static str, &'static str)],
    /// Name, and why it is refused: "`name` {}".
    pub(crate) refused: &'static [(&'static str, &'static str)],
}

const UNUSED: &str = "nothing uses it in this version";
const NO_SCHEDULER: &str = "only a scheduler uses it, which this version does not have";
const NO_SCHEDULER_YET: &str =
    "only a scheduler uses it, which this version does not have; `pintle scheduler preview` shows its instants";
const NO_QUEUE: &str = "only queues use it, which this version does not have";
const NO_RETENTION: &str = "this version deletes no history by itself";
const NO_MAIL: &str = "this version sends no mail";
const ONE_WORKER: &str = "this version runs every step on this machine";
const LATER: &str = "is part of the language, but this version does not run it yet; remove it";
const NEVER: &str = "is not part of Pintle; use an action that a plugin performs instead";

/// The root of a document.
pub(crate) const DAG: Fields = Fields {
    of: "a DAG",
    read: &[
        "name",
        "description",
        "type",
        "params",
        "consts",
        "env",
        "dotenv",
        "working_dir",
        "shell",
        "shell_args",
        "max_active_steps",
        "timeout_sec",
        "max_clean_up_time_sec",
        "preconditions",
        "handler_on",
        "defaults",
        "steps",
    ],
    inert: &[
        ("group", UNUSED),
        ("labels", UNUSED),
        ("tags", UNUSED),
        ("schedule", NO_SCHEDULER_YET),
        ("catchup_window", NO_SCHEDULER),
        ("overlap_policy", NO_SCHEDULER),
        ("skip_if_successful", NO_SCHEDULER),
        ("retry_policy", "a finished run is only retried by hand in this version (`pintle retry`)"),
        ("restart_wait_sec", UNUSED),
        ("queue", NO_QUEUE),
        ("max_active_runs", NO_QUEUE),
        ("worker_selector", ONE_WORKER),
        ("log_dir", "logs are kept in Pintle's data directory"),
        ("log_output", "both streams are always kept apart in the log"),
        ("artifacts", UNUSED),
        ("hist_retention_days", NO_RETENTION),
        ("hist_retention_runs", NO_RETENTION),
        ("max_output_size", "the bound of a captured output is 1 MiB in this version"),
        ("otel", UNUSED),
        ("mail_on", NO_MAIL),
        ("error_mail", NO_MAIL),
        ("info_mail", NO_MAIL),
        ("wait_mail", NO_MAIL),
        ("smtp", NO_MAIL),
        ("run_config", UNUSED),
        ("webhook", UNUSED),
    ],
    refused: &[
        ("secrets", LATER),
        ("delay_sec", LATER),
        ("actions", LATER),
        ("step_types", LATER),
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
};

/// A step, a handler included.
pub(crate) const STEP: Fields = Fields {
    of: "a step",
    read: &[
        "id",
        "name",
        "description",
        "run",
        "action",
        "with",
        "depends",
        "env",
        "preconditions",
        "continue_on",
        "retry_policy",
        "repeat_policy",
        "timeout_sec",
        "output",
        "outputs",
        "stdout",
        "stderr",
        "signal_on_stop",
        "on_lost",
        "working_dir",
        "parallel",
        "foreach",
        "command",
        "script",
        "call",
        "params",
        "shell",
        "shell_args",
    ],
    inert: &[
        ("mail_on_error", NO_MAIL),
        ("log_output", "both streams are always kept apart in the log"),
        ("worker_selector", ONE_WORKER),
        ("dependencies", ONE_WORKER),
        ("shell_packages", UNUSED),
    ],
    refused: &[
        ("approval", LATER),
        ("output_schema", LATER),
        ("container", LATER),
        ("secrets", LATER),
        ("policies", LATER),
        ("plugins", LATER),
        ("backend", LATER),
        ("workdir", LATER),
        ("result", LATER),
        ("routes", LATER),
        ("value", LATER),
        ("inputs", LATER),
        ("exec", "is an old form; write `action: exec` with `with: {command: ..., args: [...]}`"),
        ("executor", "is an old form; write `action:` with its `with:`"),
        ("type", "is an old form; write `action:` with its `with:`"),
        ("config", "is an old form; write `action:` with its `with:`"),
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
};

/// `defaults`.
pub(crate) const DEFAULTS: Fields = Fields {
    of: "`defaults`",
    read: &["retry_policy", "continue_on", "repeat_policy", "timeout_sec", "signal_on_stop", "env", "preconditions"],
    inert: &[("mail_on_error", NO_MAIL)],
    refused: &[],
};

/// `handler_on`.
pub(crate) const HANDLERS: Fields = Fields {
    of: "`handler_on`",
    read: &["init", "success", "failure", "abort", "cancel", "exit", "wait"],
    inert: &[],
    refused: &[],
};

/// `with` of a `run` step.
pub(crate) const RUN_WITH: Fields = Fields {
    of: "`with` of a `run` step",
    read: &["shell", "shell_args"],
    inert: &[("shell_packages", UNUSED)],
    refused: &[],
};

/// `retry_policy`.
pub(crate) const RETRY: Fields = Fields {
    of: "`retry_policy`",
    read: &["limit", "interval_sec", "backoff", "max_interval_sec", "exit_code"],
    inert: &[],
    refused: &[],
};

/// `repeat_policy`.
pub(crate) const REPEAT: Fields = Fields {
    of: "`repeat_policy`",
    read: &[
        "repeat",
        "interval_sec",
        "limit",
        "backoff",
        "max_interval_sec",
        "condition",
        "eval",
        "expected",
        "exit_code",
    ],
    inert: &[],
    refused: &[],
};

/// `schedule`, as a map.
pub(crate) const SCHEDULES: Fields =
    Fields { of: "`schedule`", read: &["start", "stop", "restart"], inert: &[], refused: &[] };

/// One schedule, as a map.
pub(crate) const SCHEDULE: Fields = Fields {
    of: "a schedule",
    read: &["kind", "expression", "at", "zone", "profile", "start_date", "end_date"],
    inert: &[],
    refused: &[],
};

/// `continue_on`.
pub(crate) const CONTINUE_ON: Fields = Fields {
    of: "`continue_on`",
    read: &["failure", "failed", "skipped", "exit_code", "output", "mark_success"],
    inert: &[],
    refused: &[],
};

/// One precondition.
pub(crate) const PRECONDITION: Fields =
    Fields { of: "a precondition", read: &["condition", "eval", "expected", "negate"], inert: &[], refused: &[] };

/// One typed parameter.
pub(crate) const PARAM: Fields = Fields {
    of: "a parameter",
    read: &[
        "name",
        "type",
        "default",
        "eval",
        "description",
        "required",
        "enum",
        "minimum",
        "maximum",
        "min_length",
        "max_length",
        "pattern",
    ],
    inert: &[],
    refused: &[],
};

/// `params` as a JSON Schema.
pub(crate) const PARAM_SCHEMA: Fields = Fields {
    of: "a schema of parameters",
    read: &["type", "properties", "required", "additionalProperties", "title", "description", "$schema", "$id"],
    inert: &[],
    refused: &[],
};

/// One property of it.
pub(crate) const PARAM_PROPERTY: Fields = Fields {
    of: "a described parameter",
    read: &[
        "type",
        "default",
        "title",
        "description",
        "enum",
        "minimum",
        "maximum",
        "minLength",
        "maxLength",
        "pattern",
    ],
    inert: &[],
    refused: &[],
};

/// `params` as a schema with values.
pub(crate) const PARAM_VALUES: Fields =
    Fields { of: "`params` with a schema", read: &["schema", "values"], inert: &[], refused: &[] };

/// One declared output.
pub(crate) const OUTPUT: Fields = Fields {
    of: "a declared output",
    read: &["name", "type"],
    inert: &[],
    refused: &[("path", "belongs to `type: build`, which this version does not run; remove it")],
};

/// `parallel`.
pub(crate) const PARALLEL: Fields =
    Fields { of: "`parallel`", read: &["items", "max_concurrent"], inert: &[], refused: &[] };

/// `foreach`.
pub(crate) const FOREACH: Fields = Fields {
    of: "`foreach`",
    read: &["items", "as", "key", "max_concurrent", "steps", "collect"],
    inert: &[],
    refused: &[],
};

/// Actions of the language that a later version runs.
pub(crate) const LATER_ACTIONS: &[&str] = &[
    "dag.enqueue",
    "human.task",
    "router.route",
    "wait.duration",
    "wait.until",
    "wait.file",
    "wait.http",
    "script.js",
    "sqlite.query",
];

/// Families of actions that Pintle leaves out on purpose.
pub(crate) const NEVER_ACTIONS: &[&str] = &["agent", "chat", "harness", "wiki", "k8s", "kubernetes", "ssh", "sftp"];
