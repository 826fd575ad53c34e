//! One field of a cron expression: a set of numbers, and its normal form.

use std::fmt;

use super::rule::Said;

/// What a field counts.
#[derive(Debug)]
pub(super) struct Unit {
    /// In a sentence: "an hour".
    of: &'static str,
    least: u32,
    /// The last that `*` means.
    most: u32,
    /// The last that may be written: 7 is Sunday, as 0 is.
    written: u32,
    /// Names of its numbers, from `least` on.
    names: &'static [&'static str],
}

const MONTHS: &[&str] = &["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];
const DAYS: &[&str] = &["sun", "mon", "tue", "wed", "thu", "fri", "sat"];

/// The six fields, in their order.
pub(super) const UNITS: [Unit; 6] = [
    Unit { of: "a second", least: 0, most: 59, written: 59, names: &[] },
    Unit { of: "a minute", least: 0, most: 59, written: 59, names: &[] },
    Unit { of: "an hour", least: 0, most: 23, written: 23, names: &[] },
    Unit { of: "a day of the month", least: 1, most: 31, written: 31, names: &[] },
    Unit { of: "a month", least: 1, most: 12, written: 12, names: MONTHS },
    Unit { of: "a day of the week", least: 0, most: 6, written: 7, names: DAYS },
];

impl Unit {
    /// 7 is the Sunday that 0 is; no other unit comes to more than its `most`.
    fn folded(&self, value: u32) -> u32 {
        if value > self.most { 0 } else { value }
    }
}

/// A field that was read.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Field {
    /// Bit n: the number n is meant.
    pub(super) values: u64,
    /// `*` or `?`: the field says nothing.
    pub(super) star: bool,
    /// In numbers.
    pub(super) text: String,
}

impl Field {
    pub(super) fn has(&self, value: u32) -> bool {
        self.values & (1 << value) != 0
    }

    /// Whether every number of its unit is meant, however that was written.
    pub(super) fn is_full(&self, unit: &Unit) -> bool {
        (unit.least..=unit.most).all(|value| self.has(value))
    }
}

/// Reads a field that begins `start` bytes behind the beginning of what was written.
pub(super) fn read(unit: &Unit, text: &str, start: usize, said: &mut Said) -> Field {
    let (mut field, mut normal, mut at) = (Field::default(), Vec::new(), start);
    for part in text.split(',') {
        match Item::read(unit, part) {
            Ok((item, odd)) => {
                if let Some(odd) = odd {
                    said.odd(at, part, odd);
                }
                field.star |= item.star && item.step == 1;
                field.values |= item.values().fold(0, |set, value| set | 1 << unit.folded(value));
                normal.push(item.to_string());
            }
            Err(message) => said.wrong(at, part, message),
        }
        at += part.len() + 1;
    }
    field.text = if field.star { "*".to_owned() } else { normal.join(",") };
    field
}

/// One item of a list.
struct Item {
    first: u32,
    last: u32,
    step: u32,
    star: bool,
}

impl Item {
    /// The item, and what its author may not have meant.
    fn read(unit: &Unit, text: &str) -> Result<(Self, Option<String>), String> {
        if text.is_empty() {
            return Err("a list has an item too few around this comma; remove the comma, or write the item".to_owned());
        }
        let (range, step) = text.split_once('/').map_or((text, None), |(range, step)| (range, Some(step)));
        let mut item = match range {
            "*" | "?" => Self { first: unit.least, last: unit.most, step: 1, star: true },
            _ => Self::range(unit, range, step.is_some())?,
        };
        let Some(step) = step else { return Ok((item, None)) };
        item.step = match step.parse::<u32>() {
            Ok(step) if step > 0 => step,
            Err(_) if step.is_empty() => return Err(format!("`{text}` has no step behind its `/`; write a number")),
            Ok(_) | Err(_) => return Err(format!("the step `{step}` is not a number from 1 on; correct it")),
        };
        if item.step <= item.last - item.first {
            return Ok((item, None));
        }
        let alone = Self::alone(unit, item.first);
        let odd = format!("`{text}` means {} alone: its step leads past {}", item.first, item.last);
        Ok((alone, (item.step > 1).then_some(odd)))
    }

    /// A number, or two with a `-` between them; with a step, one number begins a range.
    fn range(unit: &Unit, text: &str, stepped: bool) -> Result<Self, String> {
        let (first, last) = match text.split_once('-') {
            None if stepped && text.is_empty() => {
                return Err("a step needs a range before its `/`; write `*/` and the step".to_owned());
            }
            Some(("", _) | (_, "")) => return Err(format!("`{text}` is half a range; write both of its ends")),
            Some((first, last)) => (number(unit, first)?, last_number(unit, last)?),
            None if stepped => {
                let first = number(unit, text)?;
                (first, unit.most.max(first))
            }
            None => return Ok(Self::alone(unit, number(unit, text)?)),
        };
        if first > last {
            let (least, most) = (unit.least, unit.most);
            return Err(format!(
                "the range `{text}` runs backwards; write two, `{first}-{most},{least}-{last}`, or turn it around"
            ));
        }
        Ok(Self { first, last, step: 1, star: false })
    }

    fn alone(unit: &Unit, value: u32) -> Self {
        let value = unit.folded(value);
        Self { first: value, last: value, step: 1, star: false }
    }

    fn values(&self) -> impl Iterator<Item = u32> + use<> {
        let step = usize::try_from(self.step).unwrap_or(usize::MAX);
        (self.first..=self.last).step_by(step)
    }
}

impl fmt::Display for Item {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { first, last, step, star } = self;
        match (star, step) {
            (true, 1) => f.write_str("*"),
            (true, _) => write!(f, "*/{step}"),
            (false, _) if first == last => write!(f, "{first}"),
            (false, 1) => write!(f, "{first}-{last}"),
            (false, _) => write!(f, "{first}-{last}/{step}"),
        }
    }
}

/// As [`number`]; a week that ends with `sun` ends with its seventh day.
fn last_number(unit: &Unit, text: &str) -> Result<u32, String> {
    let value = number(unit, text)?;
    Ok(if value == 0 && !text.starts_with('0') { unit.written } else { value })
}

fn number(unit: &Unit, text: &str) -> Result<u32, String> {
    if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) {
        let value = text.parse().ok().filter(|value| (unit.least..=unit.written).contains(value));
        return value.ok_or_else(|| format!("`{text}` is not {}; {}", unit.of, known(unit)));
    }
    let word = text.to_ascii_lowercase();
    let named = |word: &str| unit.names.iter().zip(unit.least..).find(|(name, _)| **name == word);
    if let Some((_, value)) = named(&word) {
        return Ok(value);
    }
    if let Some((name, _)) = word.get(..3).and_then(named) {
        return Err(format!("`{text}` is not {}; did you mean `{name}`?", unit.of));
    }
    if text.contains(['L', 'W', '#']) {
        return Err(format!(
            "`{text}` is not {}: `L`, `W` and `#` are not part of schedules; {}",
            unit.of,
            known(unit)
        ));
    }
    // Of two names that are as near, neither is the one that was surely meant.
    let mut near = unit.names.iter().filter(|name| strsim::damerau_levenshtein(name, &word) == 1);
    match (near.next(), near.next()) {
        (Some(name), None) => Err(format!("`{text}` is not {}; did you mean `{name}`?", unit.of)),
        _ => Err(format!("`{text}` is not {}; {}", unit.of, known(unit))),
    }
}

fn known(unit: &Unit) -> String {
    let Unit { least, written, names, .. } = unit;
    match (names.first(), names.last()) {
        (Some(first), Some(last)) => format!("use {least} to {written}, or `{first}` to `{last}`"),
        _ => format!("use {least} to {written}"),
    }
}
