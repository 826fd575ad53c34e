//! What is written in one text: an expression, a word that stands for one, or `@every`, with a zone before it.

use std::fmt;

use pintle_core::schedule::When;

use super::cron::Expression;
use super::instant::{SECOND, span};
use super::zone::Zone;
use crate::limits::{MAX_EVERY_SECONDS, MAX_SCHEDULE_BYTES};
use crate::nearest::did_you_mean;

const STANDING: [(&str, &str); 7] = [
    ("@hourly", "0 * * * *"),
    ("@daily", "0 0 * * *"),
    ("@midnight", "0 0 * * *"),
    ("@weekly", "0 0 * * 0"),
    ("@monthly", "0 0 1 * *"),
    ("@yearly", "0 0 1 1 *"),
    ("@annually", "0 0 1 1 *"),
];

/// A rule and the zone that stands before it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Rule {
    pub(super) when: When,
    pub(super) zone: Option<String>,
}

/// A word about a part of a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Word {
    /// Bytes before the part.
    pub(super) start: usize,
    /// Bytes of the part.
    pub(super) len: usize,
    pub(super) message: String,
}

/// What is to say about a text: all that is wrong with it, and what its author may not have meant.
#[derive(Debug, Default)]
pub(super) struct Said {
    pub(super) wrong: Vec<Word>,
    pub(super) odd: Vec<Word>,
}

impl Said {
    pub(super) fn wrong(&mut self, start: usize, part: &str, message: String) {
        self.wrong.push(Word { start, len: part.len(), message });
    }

    pub(super) fn odd(&mut self, start: usize, part: &str, message: String) {
        self.odd.push(Word { start, len: part.len(), message });
    }

    pub(super) fn has_wrong(&self) -> bool {
        !self.wrong.is_empty()
    }
}

impl fmt::Display for Said {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let messages: Vec<&str> = self.wrong.iter().map(|word| word.message.as_str()).collect();
        f.write_str(&messages.join("; "))
    }
}

/// Reads a rule; none where something is wrong, and then it is said.
pub(super) fn read(written: &str, said: &mut Said) -> Option<Rule> {
    if written.len() > MAX_SCHEDULE_BYTES {
        let message = format!("the schedule has {} bytes and may have {MAX_SCHEDULE_BYTES}; split it", written.len());
        said.wrong(0, written, message);
        return None;
    }
    let (zone, text) = split_zone(written);
    let zone = zone.map(|(start, name)| read_zone(start, name, said));
    let text = text.trim_ascii();
    // What is left of the text is its end, so what is missing stands before it.
    let start = written.trim_ascii_end().len() - text.len();
    let when = if text.is_empty() {
        said.wrong(0, written, "the schedule names no time; write an expression such as `0 9 * * *`".to_owned());
        None
    } else if text.starts_with('@') {
        read_standing(text, start, said)
    } else {
        Expression::read(text, start, said).map(|expression| When::Cron(expression.text))
    };
    let zone = match zone {
        None => None,
        Some(read) => Some(read?),
    };
    Some(Rule { when: when?, zone })
}

/// `CRON_TZ=Zone` or `TZ=Zone` at the beginning: where the name stands, and what comes behind it.
fn split_zone(written: &str) -> (Option<(usize, &str)>, &str) {
    let text = written.trim_ascii_start();
    let Some(named) = text.strip_prefix("CRON_TZ=").or_else(|| text.strip_prefix("TZ=")) else {
        return (None, text);
    };
    let name = named.split(|c: char| c.is_ascii_whitespace()).next().unwrap_or(named);
    let rest = named.strip_prefix(name).unwrap_or_default();
    (Some((written.len() - named.len(), name)), rest)
}

fn read_zone(start: usize, name: &str, said: &mut Said) -> Option<String> {
    if name.is_empty() {
        said.wrong(
            start,
            name,
            "the zone is missing behind this `=`; write it, as in `CRON_TZ=Europe/Berlin`".to_owned(),
        );
        return None;
    }
    match Zone::named(name) {
        Ok(zone) => Some(zone.name().to_owned()),
        Err(error) => {
            said.wrong(start, name, error.to_string());
            None
        }
    }
}

/// `@daily` and its like, and `@every 1h30m`.
fn read_standing(text: &str, start: usize, said: &mut Said) -> Option<When> {
    let (word, rest) = text.split_once(|c: char| c.is_ascii_whitespace()).unwrap_or((text, ""));
    let rest = rest.trim_ascii();
    if word == "@every" {
        let every = span(rest).filter(|every| {
            every.as_millis() % SECOND == 0 && (1..=MAX_EVERY_SECONDS).contains(&(every.as_millis() / SECOND))
        });
        if every.is_none() {
            let message = "`@every` needs a length of whole seconds up to a year behind it, such as `@every 1h30m`";
            said.wrong(start, text, message.to_owned());
        }
        return every.map(When::Every);
    }
    let known = STANDING.iter().find(|(name, _)| *name == word).filter(|_| rest.is_empty());
    if let Some((_, expression)) = known {
        return Some(When::Cron((*expression).to_owned()));
    }
    let message = if word == "@reboot" {
        "`@reboot` names no instant; use an expression such as `0 9 * * *`".to_owned()
    } else {
        let names = STANDING.iter().map(|(name, _)| *name).chain(["@every"]);
        let hint = did_you_mean(word, names, "use an expression such as `0 9 * * *`");
        if STANDING.iter().any(|(name, _)| *name == word) {
            format!("`{word}` stands alone; remove `{rest}`")
        } else {
            format!("`{word}` is not a schedule; {hint}")
        }
    };
    said.wrong(start, text, message);
    None
}
