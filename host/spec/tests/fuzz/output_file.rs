//! Any bytes as what a step wrote to its output file, and as a dotenv file. The first byte says what is declared.

use pintle_core::plan::{DeclaredOutput, OutputKind};
use pintle_spec::{parse_dotenv, parse_output_file};
use serde_json::Value;

const NAMES: [&str; 4] = ["a", "count", "report_2", "_x"];

/// Panics if a promise is broken.
pub(crate) fn check(data: &[u8]) {
    let Some((choice, text)) = data.split_first() else { return };
    let declared: Vec<DeclaredOutput> = NAMES
        .into_iter()
        .take(usize::from(choice & 7) % 5)
        .enumerate()
        .map(|(place, name)| {
            let kind = if choice >> (3 + place) & 1 == 1 { OutputKind::Json } else { OutputKind::String };
            DeclaredOutput { name: name.to_owned(), kind }
        })
        .collect();
    match parse_output_file(text, &declared) {
        Ok(values) => {
            let names: Vec<&str> = values.iter().map(|(name, _)| name.as_str()).collect();
            let wanted: Vec<&str> = declared.iter().map(|output| output.name.as_str()).collect();
            assert_eq!(names, wanted, "not what is declared");
            for ((name, json), output) in values.iter().zip(&declared) {
                let value: Value = serde_json::from_str(&json.0).unwrap();
                assert!(output.kind == OutputKind::Json || value.is_string(), "`{name}` is {value}");
            }
        }
        Err(faults) => assert!(faults.iter().all(|fault| !fault.to_string().is_empty())),
    }
    if let Ok(text) = std::str::from_utf8(text)
        && let Ok(variables) = parse_dotenv(text)
    {
        assert!(variables.iter().all(|(name, _)| !name.is_empty() && !name.contains('=')));
    }
}
