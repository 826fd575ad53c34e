//! Every bound on what a document may cost. A document is a stranger's text: it is refused before it is expensive.

/// What all DAGs have in common, as text.
pub const MAX_BASE_BYTES: usize = 64 << 10;
/// Bytes of a document.
pub const MAX_DOCUMENT_BYTES: usize = 1024 * 1024;
/// Lists and maps inside each other.
pub const MAX_DEPTH: usize = 64;
/// Nodes of the tree, with every alias counted as what it stands for.
pub const MAX_NODES: usize = 200_000;
/// Bytes of text in the tree, with every alias counted as what it stands for.
pub const MAX_TREE_BYTES: usize = 8 * 1024 * 1024;
/// Faults that are shown; further ones are counted.
pub const MAX_FINDINGS: usize = 50;
/// References that are followed when a document is checked; those behind them are left to the run.
pub const MAX_CHECKED_REFERENCES: usize = 5_000;
/// Steps of a cycle that are named.
pub const MAX_SHOWN_CYCLE: usize = 20;
/// Findings for which a near name is looked up: that costs more than finding them.
pub const MAX_HINTS: usize = 50;
/// Bytes of a line that is shown; of a longer one only the position is.
pub const MAX_SHOWN_LINE_BYTES: usize = 8 * 1024;
/// Schedules of a DAG.
pub const MAX_SCHEDULES: usize = 100;
/// Bytes of one schedule.
pub const MAX_SCHEDULE_BYTES: usize = 1_000;
/// Seconds between two starts of `@every`: a year.
pub const MAX_EVERY_SECONDS: u64 = 366 * 24 * 3600;
/// Days that a schedule's next instant is looked for. The longest that one waits is for a 29th of February, from 2096 to
/// 2104; one whose hour is skipped on that day may wait for the next.
pub const SCHEDULE_HORIZON_DAYS: i64 = 20 * 366;
/// Regular expressions of a DAG: each is compiled once when it is checked.
pub const MAX_EXPRESSIONS: usize = 500;
/// Bytes of `defaults` times steps: every step gets a copy.
pub const MAX_DEFAULTS_BYTES: usize = 32 * 1024 * 1024;
/// Steps of a DAG, handlers included.
pub const MAX_STEPS: usize = 10_000;
/// Inputs of one answer.
pub const MAX_INPUTS: usize = 100;
/// Properties of a form.
pub const MAX_FORM_FIELDS: usize = 100;
/// Bytes of what a person is asked, when its references are replaced.
pub const MAX_PROMPT_BYTES: usize = 16 * 1024;
/// Parameters of a DAG.
pub const MAX_PARAMS: usize = 1_000;
/// Bytes of a step's or a DAG's name.
pub const MAX_NAME_BYTES: usize = 255;
/// Bytes of a step's id.
pub const MAX_ID_BYTES: usize = 40;
/// Seconds in a length of time: a hundred years.
pub const MAX_SECONDS: u64 = 3_155_760_000;
/// Tries or repetitions.
pub const MAX_TRIES: u64 = 1_000_000_000;
/// Factor between two waits.
pub const MAX_BACKOFF: f64 = 1_000.0;
/// Bytes of one evaluated value: references to large outputs multiply.
pub const MAX_VALUE_BYTES: usize = 16 * 1024 * 1024;
/// Bytes that the operators of one text may look at in all.
pub const MAX_EXPANSION_WORK: usize = 32 * 1024 * 1024;
/// Bytes of a shell pattern: `${NAME##pattern}`.
pub const MAX_PATTERN_BYTES: usize = 1024;
/// Expansions inside each other: `${A:-${B:-...}}`.
pub const MAX_EXPANSION_DEPTH: usize = 16;
/// Work of all texts of one fan-out together, however many items it has.
pub const MAX_FAN_WORK: usize = 4 * MAX_EXPANSION_WORK;
/// Items of `parallel`, as in Dagu.
pub const MAX_PARALLEL_ITEMS: usize = 1_000;
/// Items of `foreach`.
pub const MAX_FOREACH_ITEMS: usize = 100_000;
/// Children of a step that are open at once.
pub const MAX_CONCURRENT: u32 = 1_000;
/// Children of a step that are open at once, where it does not say.
pub const USUAL_CONCURRENT: u32 = 10;
/// `foreach` inside each other.
pub const MAX_FOREACH_DEPTH: usize = 8;
/// Bytes of all items of a fan-out with their keys and parameters: they are stored with the run.
pub const MAX_FAN_BYTES: usize = 16 * 1024 * 1024;
/// Bytes of an item's key.
pub const MAX_KEY_BYTES: usize = 1_024;
/// Documents of a file.
pub const MAX_DOCUMENTS: usize = 1_000;
/// Outputs of one step that are written out.
pub const MAX_OUTPUTS: usize = 1_000;
/// Bytes of a jq program that selects an output.
pub const MAX_SELECT_BYTES: usize = 16 * 1024;
/// Bytes of a step's output file.
pub const MAX_OUTPUT_FILE_BYTES: usize = 16 * 1024 * 1024;
/// Bytes of a dotenv file.
pub const MAX_DOTENV_BYTES: usize = 1024 * 1024;
/// Levels of a JSON Schema that are followed.
pub const MAX_SCHEMA_DEPTH: usize = 32;
/// Choices of a JSON Schema inside each other.
pub const MAX_SCHEMA_CHOICES: usize = 2;
/// Looks at values that are spent when one is held against an author's schema: about a tenth of a second.
pub const MAX_SCHEMA_WORK: u64 = 4_000_000;
/// Schemas inside each other when a value is held against one: more than a value of JSON may be deep.
pub const MAX_SCHEMA_NESTING: usize = 512;
/// Ways of one choice of a JSON Schema.
pub const MAX_SCHEMA_WIDTH: usize = 32;

const _: () = assert!(MAX_DOCUMENT_BYTES <= MAX_TREE_BYTES, "a document without aliases must fit");
const _: () = assert!(MAX_EXPANSION_WORK > MAX_VALUE_BYTES, "one operator on the largest value must fit");
const _: () = assert!(MAX_STEPS < MAX_NODES, "every step is at least one node");
const _: () = assert!(MAX_DOCUMENT_BYTES < u32::MAX as usize, "places are kept in 32 bits");
