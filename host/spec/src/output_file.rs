//! The file that a step writes its outputs to (`$PINTLE_OUTPUT_FILE`, also `$DAGU_OUTPUT_FILE`).
//!
//! ```text
//! count=3
//! report<<END
//! several lines
//! END
//! ```
//! Every declared output stands there exactly once, and nothing else. The file is read only if the step succeeded.

use std::collections::HashMap;

use pintle_core::plan::{DeclaredOutput, Json, OutputKind};

use crate::limits::{MAX_FINDINGS, MAX_OUTPUT_FILE_BYTES};
use crate::nearest::did_you_mean;
use crate::words::is_name;

/// One thing that is wrong with an output file. Values never stand in it: they may be secret.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum OutputFault {
    /// More than is kept.
    #[error(
        "the output file has {0} bytes and may have {MAX_OUTPUT_FILE_BYTES}; write large results to files of their own"
    )]
    TooLarge(usize),
    /// Not text.
    #[error("the output file is not UTF-8 from byte {0} on; write text, or JSON")]
    NotText(usize),
    /// A line that is neither form.
    #[error("line {line} of the output file is neither `name=value` nor `name<<DELIMITER`; correct what writes it")]
    Shape {
        /// From 1.
        line: usize,
    },
    /// No end to a value.
    #[error("the value of `{name}` in the output file has no end: a line `{delimiter}` is missing")]
    Open {
        /// Of the output.
        name: String,
        /// As written.
        delimiter: String,
    },
    /// A name that the step does not declare.
    #[error("line {line} of the output file sets `{name}`, which the step does not declare; {hint}")]
    Undeclared {
        /// As written.
        name: String,
        /// From 1.
        line: usize,
        /// What to do.
        hint: String,
    },
    /// Set twice.
    #[error("line {line} of the output file sets `{name}` a second time; write each output once")]
    Duplicate {
        /// As written.
        name: String,
        /// From 1.
        line: usize,
    },
    /// Not set.
    #[error("the step declares the output `{name}` and did not write it to `$PINTLE_OUTPUT_FILE`")]
    Missing {
        /// As declared.
        name: String,
    },
    /// Declared as JSON, and none.
    #[error("the output `{name}` is declared as JSON and is none: {reason}")]
    NotJson {
        /// As declared.
        name: String,
        /// Where it stops being JSON.
        reason: String,
    },
}

/// The declared outputs with their values, in the order of their declaration; or everything that is wrong.
pub fn parse_output_file(bytes: &[u8], declared: &[DeclaredOutput]) -> Result<Vec<(String, Json)>, Vec<OutputFault>> {
    if bytes.len() > MAX_OUTPUT_FILE_BYTES {
        return Err(vec![OutputFault::TooLarge(bytes.len())]);
    }
    let text = std::str::from_utf8(bytes).map_err(|error| vec![OutputFault::NotText(error.valid_up_to())])?;
    let mut faults = Vec::new();
    let written = entries(text, &mut faults);
    let mut values: Vec<Option<Json>> = vec![None; declared.len()];
    // Both may be long: each name is looked up, not searched for.
    let places: HashMap<&str, usize> =
        declared.iter().enumerate().map(|(place, output)| (output.name.as_str(), place)).collect();
    for Written { name, value, line } in written {
        if faults.len() >= MAX_FINDINGS {
            return Err(faults);
        }
        let place = places.get(name).copied();
        let known = place.and_then(|place| declared.get(place).zip(values.get_mut(place)));
        match known {
            None => {
                let names = declared.iter().map(|output| output.name.as_str());
                let hint = did_you_mean(name, names, "add it to `outputs:`, or do not write it");
                faults.push(OutputFault::Undeclared { name: name.to_owned(), line, hint });
            }
            Some((_, Some(_))) => {
                faults.push(OutputFault::Duplicate { name: name.to_owned(), line });
            }
            Some((output, slot @ None)) => match decode(output, &value) {
                Ok(json) => *slot = Some(json),
                Err(fault) => {
                    // It was written, so it is not missing as well.
                    *slot = Some(Json("null".to_owned()));
                    faults.push(fault);
                }
            },
        }
    }
    let mut decoded = Vec::with_capacity(declared.len());
    for (output, value) in declared.iter().zip(values) {
        match value {
            Some(json) => decoded.push((output.name.clone(), json)),
            None => faults.push(OutputFault::Missing { name: output.name.clone() }),
        }
    }
    if faults.is_empty() { Ok(decoded) } else { Err(faults) }
}

struct Written<'t> {
    name: &'t str,
    value: String,
    line: usize,
}

fn entries<'t>(text: &'t str, faults: &mut Vec<OutputFault>) -> Vec<Written<'t>> {
    let mut written = Vec::new();
    // A last line without its line break may still have the carriage return of one.
    let mut lines = text.strip_suffix('\r').unwrap_or(text).lines().enumerate();
    while let Some((number, content)) = lines.next() {
        if faults.len() >= MAX_FINDINGS {
            break;
        }
        let line = number + 1;
        if content.trim().is_empty() {
            continue;
        }
        let end = content.bytes().position(|b| !(b.is_ascii_alphanumeric() || b == b'_'));
        let (name, rest) = content.split_at(end.unwrap_or(content.len()));
        if !is_name(name) {
            faults.push(OutputFault::Shape { line });
        } else if let Some(value) = rest.strip_prefix('=') {
            written.push(Written { name, value: value.to_owned(), line });
        } else if let Some(delimiter) = rest.strip_prefix("<<").filter(|text| !text.trim().is_empty()) {
            let delimiter = delimiter.trim();
            let mut value: Vec<&str> = Vec::new();
            let closed = lines.by_ref().map(|(_, content)| content).any(|content| {
                let ends = content == delimiter;
                if !ends {
                    value.push(content);
                }
                ends
            });
            if closed {
                written.push(Written { name, value: value.join("\n"), line });
            } else {
                let (name, delimiter) = (name.to_owned(), delimiter.to_owned());
                faults.push(OutputFault::Open { name, delimiter });
            }
        } else {
            faults.push(OutputFault::Shape { line });
        }
    }
    written
}

fn decode(output: &DeclaredOutput, value: &str) -> Result<Json, OutputFault> {
    match output.kind {
        OutputKind::String => Ok(Json(serde_json::Value::from(value).to_string())),
        OutputKind::Json => serde_json::from_str::<serde_json::Value>(value)
            .map(|json| Json(json.to_string()))
            .map_err(|error| OutputFault::NotJson { name: output.name.clone(), reason: error.to_string() }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(text: &[u8]) -> Vec<String> {
        let output = |name: &str, kind| DeclaredOutput { name: name.to_owned(), kind };
        let declared = [output("count", OutputKind::String), output("report", OutputKind::Json)];
        match parse_output_file(text, &declared) {
            Ok(values) => values.into_iter().map(|(name, json)| format!("{name}: {}", json.0)).collect(),
            Err(faults) => faults.iter().map(ToString::to_string).collect(),
        }
    }

    #[test]
    fn both_forms_are_read_in_the_order_of_the_declaration() {
        assert_eq!(
            parsed(b"report<<END\n{ \"a\":\n 1 }\nEND\n\ncount=3 = three \r\n"),
            [r#"count: "3 = three ""#, r#"report: {"a":1}"#]
        );
        assert_eq!(parsed(b"count<<X\nX\nreport=null"), [r#"count: """#, "report: null"]);
        assert_eq!(parsed(b"count<<EOF\na\n EOF\nEOF\nreport=1"), ["count: \"a\\n EOF\"", "report: 1"]);
    }

    #[test]
    fn everything_that_is_wrong_is_said_at_once() {
        let wrong = parsed(b"cuont=1\nhello\ncount=1\ncount=2\nreport={\n=x\nx<<\n");
        let wanted = [
            "line 2 of the output file is neither `name=value` nor `name<<DELIMITER`; correct what writes it",
            "line 6 of the output file is neither `name=value` nor `name<<DELIMITER`; correct what writes it",
            "line 7 of the output file is neither `name=value` nor `name<<DELIMITER`; correct what writes it",
            "line 1 of the output file sets `cuont`, which the step does not declare; did you mean `count`?",
            "line 4 of the output file sets `count` a second time; write each output once",
            "the output `report` is declared as JSON and is none: EOF while parsing an object at line 1 column 1",
        ];
        assert_eq!(wrong, wanted);
        assert_eq!(
            parsed(b"report<<END\n1\n"),
            [
                "the value of `report` in the output file has no end: a line `END` is missing",
                "the step declares the output `count` and did not write it to `$PINTLE_OUTPUT_FILE`",
                "the step declares the output `report` and did not write it to `$PINTLE_OUTPUT_FILE`",
            ]
        );
        assert_eq!(parsed(b"count=\xff"), ["the output file is not UTF-8 from byte 6 on; write text, or JSON"]);
    }
}
