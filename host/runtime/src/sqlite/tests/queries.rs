//! What a query prints, binds and leaves behind.

use super::*;

const PEOPLE: &str = "CREATE TABLE people (id INTEGER PRIMARY KEY, name TEXT NOT NULL, age INT);
    INSERT INTO people (name, age) VALUES ('Ada', 36), ('Grace', 85), ('Ünal, \"U\"', NULL);";

async fn people() -> Bench {
    let bench = Bench::new();
    bench.query(PEOPLE).await;
    bench
}

#[tokio::test]
async fn rows_are_printed_in_three_formats() {
    let bench = people().await;
    let ask = |more: Value| {
        let mut with = json!({"dsn": "a.db", "query": "SELECT * FROM people ORDER BY id"});
        with.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        with
    };
    for (more, wanted) in [
        (
            json!({}),
            "{\"id\":1,\"name\":\"Ada\",\"age\":36}\n{\"id\":2,\"name\":\"Grace\",\"age\":85}\n\
             {\"id\":3,\"name\":\"Ünal, \\\"U\\\"\",\"age\":null}\n",
        ),
        (
            json!({"output_format": "json"}),
            "[{\"id\":1,\"name\":\"Ada\",\"age\":36},\n {\"id\":2,\"name\":\"Grace\",\"age\":85},\n \
             {\"id\":3,\"name\":\"Ünal, \\\"U\\\"\",\"age\":null}]\n",
        ),
        (json!({"output_format": "csv"}), "1,Ada,36\n2,Grace,85\n3,\"Ünal, \"\"U\"\"\",null\n"),
        (
            json!({"output_format": "csv", "headers": "true", "null_string": ""}),
            "id,name,age\n1,Ada,36\n2,Grace,85\n3,\"Ünal, \"\"U\"\"\",\n",
        ),
        (json!({"output_format": "csv", "max_rows": 1}), "1,Ada,36\n"),
    ] {
        bench.done(QUERY, ask(more.clone())).await;
        assert_eq!(bench.printed(), wanted, "{more}");
    }
}

#[tokio::test]
async fn a_query_without_rows_prints_what_its_format_has_for_none() {
    let bench = people().await;
    for (format, wanted) in [("jsonl", ""), ("json", "[]\n"), ("csv", "id\n")] {
        let query = "SELECT id FROM people WHERE 0";
        bench.done(QUERY, json!({"dsn": "a.db", "query": query, "output_format": format, "headers": true})).await;
        assert_eq!(bench.printed(), wanted, "{format}");
    }
}

#[tokio::test]
async fn outputs_count_what_was_printed_and_changed() {
    let bench = people().await;
    let more = |sql: &str, rows: u64| json!({"dsn": "a.db", "query": sql, "max_rows": rows});
    let select = "SELECT * FROM people";
    assert_eq!(
        bench.done(QUERY, more(select, 2)).await,
        json!({"rows": 2, "truncated": true, "changes": 0, "last_insert_rowid": 0})
    );
    assert_eq!(bench.done(QUERY, more(select, 3)).await["truncated"], false);
    // What returns rows of its changes changes all of them, however many are printed.
    let outputs = bench.done(QUERY, more("INSERT INTO people (name) VALUES ('x'), ('y') RETURNING id", 1)).await;
    assert_eq!(outputs, json!({"rows": 1, "truncated": true, "changes": 2, "last_insert_rowid": 5}));
    assert_eq!(bench.query("DELETE FROM people WHERE id > 3").await["changes"], 2);
}

#[tokio::test]
async fn values_are_bound_by_name_and_by_place() {
    let bench = Bench::new();
    let ask = |sql: &str, params: Value| json!({"dsn": ":memory:", "query": sql, "params": params});
    for (sql, params, wanted) in [
        ("SELECT :a AS a, @b AS b, :a AS c", json!({"a": 1, "b": "x"}), r#"{"a":1,"b":"x","c":1}"#),
        ("SELECT ? AS a, ? AS b", json!([2, null]), r#"{"a":2,"b":null}"#),
        ("SELECT ?2 AS a, ?1 AS b", json!([1, 2]), r#"{"a":2,"b":1}"#),
        ("SELECT :a AS a", json!({"a": i64::MAX}), r#"{"a":9223372036854775807}"#),
        ("SELECT typeof(:a) AS a", json!({"a": {"base64": "AAE="}}), r#"{"a":"blob"}"#),
        ("SELECT json_extract(:a, '$[1]') AS a", json!({"a": [1, "z"]}), r#"{"a":"z"}"#),
        // Whatever a value holds, it stays a value.
        ("SELECT :a AS a", json!({"a": "'; DROP TABLE x; --"}), r#"{"a":"'; DROP TABLE x; --"}"#),
    ] {
        bench.done(QUERY, ask(sql, params)).await;
        assert_eq!(bench.printed().trim_end(), wanted, "{sql}");
    }
    // Over several statements a list is used up in order.
    let outputs = bench.done(QUERY, ask("SELECT ? AS a; SELECT ? AS a, ? AS b", json!([1, 2, 3]))).await;
    assert_eq!((bench.printed().as_str(), &outputs["rows"]), ("{\"a\":1}\n{\"a\":2,\"b\":3}\n", &json!(2)));
}

#[tokio::test]
async fn a_value_that_is_missing_or_too_much_is_told() {
    let bench = Bench::new();
    for (sql, params, words) in [
        ("SELECT :a", json!({"b": 1}), "query, statement 1: it asks for `:a`, and `params` gives `b`"),
        ("SELECT :a", json!(null), "it asks for `:a`, and `params` gives it no value"),
        ("SELECT 1", json!({"b": 1}), "`params` gives `b`, and nothing asks for `:b`"),
        (
            "SELECT ?",
            json!({"b": 1}),
            "`?` number 1 is filled by position, and `params` has names; write `:name`, or `params` as a list",
        ),
        ("SELECT ?, ?", json!([1]), "`?` number 2 needs a value number 2, and `params` has 1"),
        ("SELECT ?", json!([1, 2]), "`params` has 2 values, and 1 are asked for"),
        ("SELECT :a", json!({"a": u64::MAX}), "`:a`: 18446744073709551615 is beyond SQLite's integers"),
        ("SELECT :a", json!({"a": {"base64": "%"}}), "query, statement 1: `:a`: `base64` cannot be read: "),
        ("SELECT 1; SELECT ?", json!([1, 2]), "query: `params` has 2 values, and 1 are asked for"),
    ] {
        let failure = bench.failed(QUERY, json!({"dsn": ":memory:", "query": sql, "params": params})).await;
        assert!(failure.message.contains(words), "{sql}: {}", failure.message);
        assert_eq!(failure.fault, Fault::Invalid);
    }
    // A value too many is found before the one statement runs.
    bench.query("CREATE TABLE t (a)").await;
    bench.failed(QUERY, json!({"dsn": "a.db", "query": "INSERT INTO t VALUES (?)", "params": [1, 2]})).await;
    assert_eq!(bench.query("SELECT * FROM t").await["rows"], 0);
}

#[tokio::test]
async fn several_statements_happen_all_or_not_at_all() {
    let bench = people().await;
    let (fault, message) =
        bench.fault("UPDATE people SET age = 1; INSERT INTO people (id, name) VALUES (1, 'twice')").await;
    assert_eq!(fault, Fault::Conflict);
    assert_eq!(
        message,
        "sqlite.query: a.db: query, statement 2: UNIQUE constraint failed: people.id; everything was rolled back"
    );
    bench.query("SELECT * FROM people WHERE age = 1").await;
    assert_eq!(bench.printed(), "", "the first statement stayed");

    let each = json!({"dsn": "a.db", "transaction": false,
        "query": "UPDATE people SET age = 1; INSERT INTO people (id, name) VALUES (1, 'twice')"});
    let message = bench.failed(QUERY, each).await.message;
    assert!(message.ends_with("what the statements before it changed stays"), "{message}");
    assert_eq!(bench.query("SELECT * FROM people WHERE age = 1").await["rows"], 3);
}

#[tokio::test]
async fn a_text_may_look_after_its_own_transaction() {
    let bench = people().await;
    bench.query("BEGIN; UPDATE people SET age = 2; COMMIT; SELECT 1").await;
    assert_eq!(bench.query("SELECT * FROM people WHERE age = 2").await["rows"], 3);
    let (_, message) = bench.fault("BEGIN; UPDATE people SET age = 3").await;
    assert!(message.contains("does not end it; add COMMIT; everything was rolled back"), "{message}");
    assert_eq!(bench.query("SELECT * FROM people WHERE age = 3").await["rows"], 0);
    let (fault, message) = bench.fault("UPDATE people SET age = 3; COMMIT").await;
    assert!(fault == Fault::Denied && message.contains("`transaction: false`"), "{message}");
    assert_eq!(bench.query("SELECT * FROM people WHERE age = 3").await["rows"], 0);
    // What cannot stand in a transaction stands alone.
    bench.printed();
    bench.query("VACUUM").await;
    bench.query("PRAGMA journal_mode = WAL").await;
    assert_eq!(bench.printed(), "{\"journal_mode\":\"wal\"}\n");
}

#[tokio::test]
async fn an_error_says_where_and_what() {
    let bench = people().await;
    for (sql, wanted) in [
        ("SELECT id,\n  nme FROM people", "sqlite.query: a.db: query, line 2, column 3: no such column: nme"),
        ("SELECT 1;\nSELECT ü FROM people", "sqlite.query: a.db: query, line 2, column 8: no such column: ü"),
        ("SELEC 1", "sqlite.query: a.db: query, line 1, column 1: near \"SELEC\": syntax error"),
        ("SELECT (1", "incomplete input"),
        ("SELECT * FROM nobody", "no such table: nobody; `CREATE TABLE` makes it"),
        (" -- nothing\n;", "sqlite.query: a.db: query holds no statement"),
        ("SELECT 1 AS a, 2 AS a", "statement 1: two columns are named `a`; give one another name with AS"),
        ("SELECT CAST(x'ff' AS TEXT) AS t", "row 1, column `t` is text that is not UTF-8"),
        ("SELECT \"no column\" FROM people", "no such column"),
    ] {
        let (fault, message) = bench.fault(sql).await;
        assert!(fault == Fault::Invalid && message.contains(wanted), "{sql}: {message}");
    }
}

#[tokio::test]
async fn sql_may_stand_in_a_file() {
    let bench = Bench::new();
    bench.write("make.sql", PEOPLE);
    bench.done(QUERY, json!({"dsn": "a.db", "file": "make.sql"})).await;
    assert_eq!(bench.query("SELECT * FROM people").await["rows"], 3);
    bench.write("bad.sql", "SELECT 1;\n\n  SELEC 2");
    let fault = |with: Value| async { bench.failed(QUERY, with).await.message };
    assert!(fault(json!({"dsn": "a.db", "file": "bad.sql"})).await.contains("bad.sql, line 3, column 3: near"));
    bench.write("latin.sql", b"SELECT '\xe4'");
    assert!(fault(json!({"dsn": "a.db", "file": "latin.sql"})).await.contains("`latin.sql` is not UTF-8"));
    assert!(fault(json!({"dsn": "a.db", "file": "no.sql"})).await.contains("`no.sql` does not exist"));
    assert!(fault(json!({"dsn": "a.db"})).await.contains("write `query`, or name a `file`"));
    assert!(fault(json!({"dsn": "a.db", "query": "", "file": "make.sql"})).await.contains("keep one"));
}

#[tokio::test]
async fn a_database_is_made_only_where_that_is_meant() {
    let bench = Bench::new();
    let read = "it is opened for reading";
    let there = "`create: false` or `mode=rw` says that it must be there";
    for (with, why) in [
        (json!({"dsn": "no.db", "query": "SELECT 1", "read_only": true}), read),
        (json!({"dsn": "no.db", "query": "SELECT 1", "create": false}), there),
        (json!({"dsn": "file:no.db?mode=ro", "query": "SELECT 1"}), read),
        (json!({"dsn": "file:no.db?mode=rw", "query": "SELECT 1"}), there),
    ] {
        let failure = bench.failed(QUERY, with).await;
        assert_eq!(failure.fault, Fault::NotFound);
        let wanted = format!("sqlite.query: no.db: `no.db` does not exist, and is not made: {why}");
        assert_eq!(failure.message, wanted);
    }
    assert!(!bench.path("no.db").exists());
    let failure = bench.failed(QUERY, json!({"dsn": "no.db", "query": "SELECT * FROM t"})).await;
    assert!(failure.message.ends_with("the database did not exist before, and was made"), "{}", failure.message);
    bench.done(QUERY, json!({"dsn": "file:yes.db?mode=rwc&cache=shared", "query": "CREATE TABLE t (a)"})).await;
    let read = json!({"dsn": "yes.db", "query": "INSERT INTO t VALUES (1)", "read_only": true});
    let failure = bench.failed(QUERY, read).await;
    assert!(failure.fault == Fault::Denied && failure.message.contains("for reading alone"), "{}", failure.message);
}

#[tokio::test]
async fn foreign_keys_hold() {
    let bench = Bench::new();
    bench.query("CREATE TABLE a (id INTEGER PRIMARY KEY); CREATE TABLE b (a REFERENCES a)").await;
    let (fault, message) = bench.fault("INSERT INTO b VALUES (7)").await;
    assert!(fault == Fault::Conflict && message.contains("FOREIGN KEY constraint failed"), "{message}");
}

#[tokio::test]
async fn what_is_no_database_is_told_as_that() {
    let bench = Bench::new();
    bench.write("a.db", "name,age\nAda,36\n".repeat(100));
    assert!(bench.fault("SELECT 1 FROM sqlite_schema").await.1.contains("is not an SQLite database"));
}

#[tokio::test]
async fn a_name_that_is_not_utf_8_ends_the_step_and_nothing_else() {
    let bench = Bench::new();
    bench.query("CREATE TABLE t (aaaa)").await;
    let bytes = std::fs::read(bench.path("a.db")).unwrap();
    let at = bytes.windows(4).position(|four| four == b"aaaa").unwrap();
    let mut bytes = bytes;
    bytes[at] = 0xff;
    bench.write("a.db", bytes);
    let (fault, message) = bench.fault("SELECT * FROM t").await;
    assert!(fault == Fault::Denied && message.ends_with("a name in this database is not UTF-8"), "{message}");
}
