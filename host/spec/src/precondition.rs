//! `preconditions`: what must hold before a step, or a run, goes ahead.

use pintle_core::plan::{Check, Precondition, Template};

use crate::eval::Substitution;
use crate::fields::PRECONDITION;
use crate::reader::{At, Reader};

/// One, or a list; each a command or a map.
pub(crate) fn read_preconditions(reader: &mut Reader<'_>, owner: &At<'_>) -> Vec<Precondition> {
    let Some(all) = owner.get("preconditions") else { return Vec::new() };
    all.items().iter().filter_map(|item| read_one(reader, item)).collect()
}

fn read_one(reader: &mut Reader<'_>, item: &At<'_>) -> Option<Precondition> {
    if !item.is_map() {
        let command = reader.word(item)?;
        return Some(Precondition { check: Check::Command(Template(command)), negate: false });
    }
    reader.check_fields(item, &PRECONDITION);
    let negate = reader.boolean_field(item, "negate").unwrap_or(false);
    let check = read_check(reader, item)?;
    Some(Precondition { check, negate })
}

/// `condition`, or `eval`, with `expected`: of a precondition or a `repeat_policy`.
pub(crate) fn read_check(reader: &mut Reader<'_>, owner: &At<'_>) -> Option<Check> {
    let expected = read_expected(reader, owner);
    let condition = owner.get("condition");
    let Some(eval) = owner.get("eval") else {
        let Some(condition) = condition else {
            reader.fault(owner, "the condition is missing; write `condition:` or `eval:`");
            return None;
        };
        let text = Template(reader.word(&condition)?);
        return Some(match expected {
            Some(expected) => Check::Value { value: text, expected },
            None => Check::Command(text),
        });
    };
    if condition.is_some() {
        reader.fault_key(owner, "eval", "`condition` and `eval` exclude each other; keep one of the two");
        return None;
    }
    let text = reader.word(&eval)?;
    if let Err(error) = Substitution::parse(&text) {
        reader.fault(&eval, format!("`eval`: {error}"));
    }
    let Some(expected) = expected else {
        if owner.get("expected").is_none() {
            reader.fault_key(owner, "eval", "`eval` needs `expected:` beside it; write what its value must be");
        }
        return None;
    };
    Some(Check::Eval { text: Template(text), expected })
}

fn read_expected(reader: &mut Reader<'_>, owner: &At<'_>) -> Option<String> {
    let at = owner.get("expected")?;
    let expected = reader.text(&at)?;
    reader.check_expected(&at, &expected).then_some(expected)
}
