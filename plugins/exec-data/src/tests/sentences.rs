use serde_json::{Value, json};

use super::{refused, run};

#[test]
fn faults_of_toml_name_their_place_in_one_line() {
    for (text, wanted) in [
        ("a =", "line 1, column 4: string values must be quoted, expected literal string"),
        ("a = 1\n\"ä\" = 2\na = 3", "line 3, column 1: duplicate key"),
        ("a = 1\nb = [1, \n", "line 2, column 8: unclosed array, expected `]`"),
        (
            "a = 99999999999999999999",
            "line 1, column 5: invalid type: integer `99999999999999999999` as i128, expected any valid TOML value",
        ),
    ] {
        let said = refused("data.convert", json!({ "from": "toml", "to": "json", "data": text })).message;
        assert_eq!(said, format!("the data is not TOML: {wanted}"));
    }
    for (data, wanted) in [
        (json!([1]), "the top must be a table: give the value a name"),
        (json!(5), "the top must be a table: give the value a name"),
        (json!({ "a": { "b": [1, { "c": null }] } }), "`a.b[1].c` is null, which TOML does not have"),
        (json!({ "a": [[null]] }), "`a[0][0]` is null, which TOML does not have"),
        (
            json!({ "a": 9_223_372_036_854_775_808_u64 }),
            "`a` is 9223372036854775808, and whole numbers of TOML end at 9223372036854775807",
        ),
    ] {
        let said = refused("data.convert", json!({ "from": "json", "to": "toml", "data": data })).message;
        assert_eq!(said, format!("this cannot be written as TOML: {wanted}"));
    }
}

#[test]
fn what_cannot_be_done_with_data_is_said_in_whole_sentences() {
    let message = |action: &str, input: Value| run(action, input).error().message.clone();
    let filter = |filter: &str| message("jq.filter", json!({ "filter": filter, "data": [[1, 2], 3] }));
    assert_eq!(
        message("jq.filter", json!({ "filter": ".", "query": ".", "data": 1 })),
        "both `filter` and `query` are given: one of them is enough"
    );
    assert_eq!(
        message("jq.filter", json!({ "data": 1 })),
        "there is no `filter`: write a jq program, such as `.items[].name`"
    );
    assert_eq!(
        message("data.pick", json!({ "select": ".", "data": "file:///a.json" })),
        "`file:///a.json` names a file, and data steps read none: read it with a `file.read` step, and give `data` its \
         output `content`"
    );
    assert_eq!(
        message("jq.filter", json!({ "filter": ".", "data": null, "args": { "a": 1, "$a": 2 } })),
        "`args` gives `$a` twice, or a name that jq has taken"
    );
    assert_eq!(filter("halt(3)"), "the jq program halted with code 3");
    assert_eq!(filter(".[1] | @csv"), "the jq program failed: \"3 is no list: it makes no row\"");
    assert_eq!(
        message("data.convert", json!({ "from": "json", "to": "csv", "data": 5 })),
        "this cannot be written as CSV: the top must be a list of rows"
    );
    assert_eq!(
        message("data.convert", json!({ "from": "json", "to": "tsv", "data": [], "delimiter": "ab" })),
        "`delimiter` of \"ab\" is not one plain character, such as `;`"
    );
    assert_eq!(
        message("data.convert", json!({ "from": "csv", "to": "json", "data": "a", "headers": "soon" })),
        "the input of `data.convert` is faulty: `headers`: expected a truth value or a list of names"
    );
    assert_eq!(
        message("data.pick", json!({ "data": "{}", "select": 5 })),
        "the input of `data.pick` is faulty: `select`: expected a path, a list of them, or a mapping from names to them"
    );
    assert_eq!(
        message("template.render", json!({ "template": "x", "data": "{" })),
        "`data` is text, and not JSON: EOF while parsing an object at line 1 column 1"
    );
    assert_eq!(
        message("template.render", json!({ "template": "x", "data": [1] })),
        "`data` is not a mapping: give each value a name"
    );
}
