//! A schema on the first line, and what a step prints below. What fits is `fits`, with the outputs that it gives; another
//! validator must say the same of it. Without a second line, the schema itself is asked for.

use pintle_spec::{Finding, SourceFile, check_output, parse};

use crate::table::Case;
use crate::world::plugins;

pub(crate) fn answer(case: &Case) -> String {
    let (schema, printed) = case.input.split_once('\n').unwrap_or((&case.input, ""));
    let document = format!("steps:\n  - id: x\n    run: x\n    output_schema: {schema}\n");
    let shown = |finding: &Finding| format!("{}: {}", finding.path, finding.message);
    let parsed = match parse(&SourceFile::new("flow.yaml", document), &plugins()) {
        Ok(parsed) => parsed,
        Err(faults) => return faults.report().findings().iter().map(shown).collect::<Vec<_>>().join("\n"),
    };
    let notices: Vec<String> = parsed.notices.report().findings().iter().map(shown).collect();
    if !notices.is_empty() {
        return notices.join("\n");
    }
    let schema = parsed.plan.steps[0].output_schema.clone().unwrap();
    let answer = check_output(&schema, printed);
    if let (Ok(value), false) = (serde_json::from_str(printed), case.how(0) == "alone") {
        let other = jsonschema::is_valid(&serde_json::from_str(&schema.0).unwrap(), &value);
        assert_eq!(answer.is_ok(), other, "{case}: another validator says otherwise");
    }
    match answer {
        Ok(outputs) if outputs.is_empty() => "fits".to_owned(),
        Ok(outputs) => {
            let outputs: Vec<String> = outputs.iter().map(|(name, json)| format!("{name}={}", json.0)).collect();
            format!("fits: {}", outputs.join(" "))
        }
        Err(fault) => fault.to_string(),
    }
}
