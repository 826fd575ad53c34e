//! Actions as plugins of the cases perform them.

use pintle_core::plugin::{ActionRow, Repeats};

/// Actions as plugins of the cases perform them.
pub(crate) fn plugins() -> Vec<ActionRow> {
    let row = |name: &str, input_schema: &str| ActionRow {
        name: name.to_owned(),
        summary: String::new(),
        input_schema: input_schema.to_owned(),
        output_schema: String::new(),
        repeats: Repeats::UnsafeToRepeat,
    };
    vec![
        row("run", ""),
        row(
            "exec",
            r#"{"type":"object","required":["command"],"additionalProperties":false,"properties":{
                "command":{"type":"string"},"args":{"type":"array","items":{"type":"string"}}}}"#,
        ),
        row(
            "http.request",
            r##"{"type":"object","required":["url"],"properties":{
                "url":{"type":"string"},
                "method":{"type":"string","enum":["GET","POST","PUT","PATCH","DELETE","HEAD"]},
                "headers":{"type":"object","additionalProperties":{"type":"string"}},
                "body":{},
                "timeout_ms":{"type":"integer","minimum":1,"maximum":600000},
                "timeout_sec":{"type":["number","null"]},
                "follow":{"type":"boolean"},
                "auth":{"anyOf":[{"$ref":"#/$defs/basic"},{"$ref":"#/$defs/bearer"}]}},
              "$defs":{
                "basic":{"type":"object","required":["user","password"],"additionalProperties":false,
                    "properties":{"user":{"type":"string"},"password":{"type":"string"}}},
                "bearer":{"type":"object","required":["token"],"additionalProperties":false,
                    "properties":{"token":{"type":"string"}}}}}"##,
        ),
        row(
            "jq.filter",
            r#"{"type":"object","required":["filter"],"properties":{
                "filter":{"type":"string"},"input":{},"data":{},"raw":{"type":"boolean"}}}"#,
        ),
        row(
            "template.render",
            r#"{"type":"object","required":["template"],"properties":{"template":{"type":"string"},"data":{}}}"#,
        ),
        row("sqlite.query", include_str!("../../../runtime/src/sqlite/query.schema.json")),
        row("sqlite.import", include_str!("../../../runtime/src/sqlite/import.schema.json")),
        row(
            "choose",
            r#"{"type":"object","properties":{
                "from":{"oneOf":[{"type":"string","const":"json"},{"type":"string","const":"yaml"}]},
                "to":{"anyOf":[{"oneOf":[{"const":"json"},{"const":"yaml"}]},{"type":"null"}]},
                "mode":{"anyOf":[{"anyOf":[{"type":"integer","format":"uint32"},{"type":"boolean"}]},{"type":"null"}]},
                "most":{"type":"integer","format":"uint32","minimum":0},
                "port":{"type":"integer","format":"uint16"}}}"#,
        ),
        row("free.form", ""),
    ]
}
