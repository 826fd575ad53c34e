//! `continue_on`, `retry_policy` and `repeat_policy`: what follows an end.

use pintle_core::plan::{Check, ContinueOn, RepeatMode, RepeatPolicy, RetryPolicy};
use pintle_core::time::Span;

use crate::document::ScalarKind;
use crate::fields::{CONTINUE_ON, REPEAT, RETRY};
use crate::limits::{MAX_BACKOFF, MAX_TRIES};
use crate::nearest::did_you_mean;
use crate::precondition::read_check;
use crate::reader::{At, Reader};

/// Thousandths: every wait as long as the one before.
const STEADY: u32 = 1000;
/// Between repetitions that name no interval: a loop without a wait would only burn the machine.
const REPEAT_INTERVAL: Span = Span::from_secs(1);

pub(crate) fn read_continue_on(reader: &mut Reader<'_>, owner: &At<'_>) -> Option<ContinueOn> {
    let at = owner.get("continue_on")?;
    if !at.is_map() {
        let mut made = ContinueOn::default();
        for item in at.items() {
            match reader.text(&item)?.as_str() {
                "failed" | "failure" => made.failure = true,
                "skipped" => made.skipped = true,
                other => {
                    let hint = did_you_mean(other, ["failed", "failure", "skipped"], "use `failed` or `skipped`");
                    reader.fault(&item, format!("`continue_on` does not know `{other}`; {hint}"));
                }
            }
        }
        return Some(made);
    }
    reader.check_fields(&at, &CONTINUE_ON);
    let failure = reader.boolean_field(&at, "failure");
    let failed = reader.boolean_field(&at, "failed");
    let output = at.get("output").map(|output| read_outputs(reader, &output)).unwrap_or_default();
    Some(ContinueOn {
        failure: failure.or(failed).unwrap_or(false),
        skipped: reader.boolean_field(&at, "skipped").unwrap_or(false),
        exit_code: reader.exit_codes(&at, "exit_code"),
        output,
        mark_success: reader.boolean_field(&at, "mark_success").unwrap_or(false),
    })
}

fn read_outputs(reader: &mut Reader<'_>, at: &At<'_>) -> Vec<String> {
    let mut outputs = Vec::new();
    for item in at.items() {
        let Some(text) = reader.word(&item) else { continue };
        if reader.check_expected(&item, &text) {
            outputs.push(text);
        }
    }
    outputs
}

pub(crate) fn read_retry(reader: &mut Reader<'_>, owner: &At<'_>) -> Option<RetryPolicy> {
    let at = owner.get("retry_policy")?;
    if !reader.expect_map(&at, "limit: 3") {
        return None;
    }
    reader.check_fields(&at, &RETRY);
    if at.get("limit").is_none() {
        reader.fault_key(owner, "retry_policy", "`retry_policy` needs `limit`, the number of tries after the first");
    }
    let pace = read_pace(reader, &at, Span::ZERO);
    let exit_code = reader.exit_codes(&at, "exit_code");
    Some(RetryPolicy {
        limit: reader.count_field(&at, "limit", MAX_TRIES)?,
        interval: pace.interval,
        backoff_milli: pace.backoff_milli,
        max_interval: pace.max_interval,
        exit_code,
    })
}

pub(crate) fn read_repeat(reader: &mut Reader<'_>, owner: &At<'_>) -> Option<RepeatPolicy> {
    let at = owner.get("repeat_policy")?;
    if !reader.expect_map(&at, "repeat: until") {
        return None;
    }
    reader.check_fields(&at, &REPEAT);
    let conditional = at.get("condition").is_some() || at.get("eval").is_some();
    let condition = if conditional { read_check(reader, &at) } else { None };
    if !conditional && at.get("expected").is_some() {
        reader.fault_key(&at, "expected", "`expected` needs `condition:` or `eval:` beside it");
    }
    let exit_code = reader.exit_codes(&at, "exit_code");
    // A list without a code decides nothing; one with a faulty code has its fault already.
    let decided = conditional || at.get("exit_code").is_some_and(|codes| !codes.items().is_empty());
    let mode = read_mode(reader, &at, decided, condition.as_ref());
    let pace = read_pace(reader, &at, REPEAT_INTERVAL);
    let limit = reader.count_field(&at, "limit", MAX_TRIES).filter(|limit| *limit > 0);
    Some(RepeatPolicy {
        mode: mode?,
        interval: pace.interval,
        limit,
        backoff_milli: pace.backoff_milli,
        max_interval: pace.max_interval,
        condition,
        exit_code,
    })
}

/// None for `repeat: false`, and where a fault was left.
fn read_mode(reader: &mut Reader<'_>, at: &At<'_>, decided: bool, condition: Option<&Check>) -> Option<RepeatMode> {
    let implied = match (decided, condition) {
        (false, _) => RepeatMode::Always,
        // A value is waited for; a command, or an exit code, keeps the loop going.
        (true, Some(Check::Value { .. } | Check::Eval { .. })) => RepeatMode::Until,
        (true, Some(Check::Command(_)) | None) => RepeatMode::While,
    };
    let Some(repeat) = at.get("repeat") else {
        if !decided {
            reader.fault(
                at,
                "`repeat_policy` says neither `repeat:` nor a condition; write `repeat: while`, `until` or `true`",
            );
        }
        return Some(implied);
    };
    if let Some(ScalarKind::Bool(on)) = repeat.scalar().map(|scalar| scalar.kind) {
        return on.then_some(implied);
    }
    let mode = match reader.text(&repeat)?.as_str() {
        "while" => RepeatMode::While,
        "until" => RepeatMode::Until,
        "always" => RepeatMode::Always,
        other => {
            let hint = did_you_mean(other, ["while", "until"], "use `true`, `while` or `until`");
            reader.fault(&repeat, format!("`repeat` does not know `{other}`; {hint}"));
            return None;
        }
    };
    if !decided && mode != RepeatMode::Always {
        reader.fault(&repeat, "`repeat: while` and `repeat: until` need `condition:`, `eval:` or `exit_code:`");
        return None;
    }
    Some(mode)
}

/// What retries and repetitions have in common.
struct Pace {
    interval: Span,
    backoff_milli: u32,
    max_interval: Option<Span>,
}

fn read_pace(reader: &mut Reader<'_>, at: &At<'_>, usual: Span) -> Pace {
    let interval = reader.seconds_field(at, "interval_sec").unwrap_or(usual);
    let max_interval = reader.seconds_field(at, "max_interval_sec");
    let max_interval = max_interval.filter(|span| *span > Span::ZERO);
    let backoff_milli = at.get("backoff").and_then(|at| read_backoff(reader, &at));
    Pace { interval, backoff_milli: backoff_milli.unwrap_or(STEADY), max_interval }
}

fn read_backoff(reader: &mut Reader<'_>, at: &At<'_>) -> Option<u32> {
    let factor = match at.scalar().map(|scalar| scalar.kind) {
        Some(ScalarKind::Bool(true)) => 2.0,
        Some(ScalarKind::Bool(false)) => 1.0,
        Some(ScalarKind::Int(0)) => 1.0,
        Some(ScalarKind::Int(value)) => value as f64,
        Some(ScalarKind::Float(value)) => value,
        Some(ScalarKind::Null | ScalarKind::Text) | None => f64::NAN,
    };
    if (1.0..=MAX_BACKOFF).contains(&factor) {
        // In range, so nothing is cut off but digits behind the thousandths.
        return Some((factor * f64::from(STEADY)).round() as u32);
    }
    reader.mismatch(at, &format!("`true` (waits double) or a factor from 1 to {MAX_BACKOFF}"));
    None
}
