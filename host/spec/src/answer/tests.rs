//! What is taken with an answer, and what is said about what is not.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use pintle_core::plan::{Action, Plan, Step};

use super::*;
use crate::SourceFile;

fn plan(text: &str) -> Plan {
    let known: Vec<pintle_core::plugin::ActionRow> = Vec::new();
    crate::parse(&SourceFile::from_bytes("t.yaml", text.as_bytes()).unwrap(), &known).unwrap().plan
}

fn first(plan: &Plan) -> &Step {
    plan.steps.first().unwrap()
}

fn form(open: bool) -> Form {
    let text = format!(
        "steps:
  - id: a
    action: human.task
    with:
      prompt: p
      form:
        type: object
        title: Release
        additionalProperties: {open}
        required: [region]
        properties:
          region: {{type: string, enum: [eu, us], title: Region}}
          replicas: {{type: integer, minimum: 1, maximum: 9, default: 2}}
          share: {{type: number}}
          notify: {{type: boolean, description: Tell them}}
"
    );
    match &first(&plan(&text)).action {
        Action::Task(task) => task.form.clone().unwrap(),
        other => unreachable!("{other:?}"),
    }
}

#[test]
fn a_form_is_shown_as_the_schema_that_it_was() {
    let schema = form_schema(&form(false));
    assert_eq!(
        schema,
        json!({
            "type": "object",
            "title": "Release",
            "additionalProperties": false,
            "required": ["region"],
            "properties": {
                "region": {"type": "string", "enum": ["eu", "us"], "title": "Region"},
                "replicas": {"type": "integer", "minimum": 1, "maximum": 9, "default": 2},
                "share": {"type": "number"},
                "notify": {"type": "boolean", "description": "Tell them"},
            },
        })
    );
}
