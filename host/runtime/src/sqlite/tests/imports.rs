//! Rows of files into tables.

use super::*;

async fn table() -> Bench {
    let bench = Bench::new();
    bench.query("CREATE TABLE t (id INTEGER PRIMARY KEY, name TEXT NOT NULL, x REAL)").await;
    bench
}

async fn rows(bench: &Bench) -> String {
    bench.printed();
    bench.done(QUERY, json!({"dsn": "a.db", "query": "SELECT * FROM t ORDER BY id", "output_format": "csv"})).await;
    bench.printed()
}

#[tokio::test]
async fn files_of_four_forms_are_imported() {
    for (file, text) in [
        ("r.csv", "id,name,x\n1,\"A, a\",0.5\n2,B,\n"),
        ("r.tsv", "\u{feff}id\tname\tx\n1\tA, a\t0.5\n2\tB\tNULL\n"),
        ("r.jsonl", "{\"id\":1,\"name\":\"A, a\",\"x\":0.5}\n\n{\"id\":2,\"name\":\"B\"}\n"),
        ("r.json", "[{\"id\":1,\"name\":\"A, a\",\"x\":0.5},\n {\"x\":null,\"name\":\"B\",\"id\":2}]"),
    ] {
        let bench = table().await;
        bench.write(file, text);
        let outputs = bench.import(json!({"input_file": file, "table": "t"})).await;
        assert_eq!(outputs, json!({"rows_read": 2, "rows_imported": 2, "rows_skipped": 0}), "{file}");
        assert_eq!(bench.said(), "{\"rows_read\":2,\"rows_imported\":2,\"rows_skipped\":0}\n");
        assert_eq!(rows(&bench).await, "1,\"A, a\",0.5\n2,B,null\n", "{file}");
    }
}

#[tokio::test]
async fn columns_are_chosen_and_mapped() {
    for (file, text, more) in [
        ("r.csv", "junk,name,id\n-,A,1\n", json!({"columns": ["id", "name"]})),
        ("r.csv", "junk,who,no\n-,A,1\n", json!({"columns": {"id": "no", "name": "who"}})),
        ("r.csv", "1,A,-\n", json!({"columns": ["id", "name"], "has_header": false})),
        ("r.csv", "1;A\n", json!({"columns": ["id", "name"], "has_header": "false", "delimiter": ";"})),
        ("r.json", "[{\"no\":1,\"who\":\"A\",\"junk\":[]}]", json!({"columns": {"id": "no", "name": "who"}})),
        ("rows", "{\"id\":1,\"name\":\"A\"}\n", json!({"format": "jsonl"})),
        ("r.csv", "id,name\n8,Z\n1,A\n9,Y\n", json!({"skip_rows": 1, "max_rows": "1"})),
    ] {
        let bench = table().await;
        bench.write(file, text);
        let mut with = json!({"input_file": file, "table": "t"});
        with.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        bench.import(with).await;
        assert_eq!(rows(&bench).await, "1,A,null\n", "{more}");
    }
}

#[tokio::test]
async fn a_row_whose_key_is_there_is_a_fault_or_passed_over_or_takes_the_place() {
    for (on_conflict, counts, wanted) in [
        ("ignore", json!({"rows_read": 2, "rows_imported": 1, "rows_skipped": 1}), "1,old,null\n2,B,null\n"),
        ("replace", json!({"rows_read": 2, "rows_imported": 2, "rows_skipped": 0}), "1,A,null\n2,B,null\n"),
    ] {
        let bench = table().await;
        bench.query("INSERT INTO t (id, name) VALUES (1, 'old')").await;
        bench.write("r.csv", "id,name\n1,A\n2,B\n");
        let with = json!({"input_file": "r.csv", "table": "t", "on_conflict": on_conflict});
        assert_eq!(bench.import(with).await, counts);
        assert_eq!(rows(&bench).await, wanted);
    }
    // Passing over is for rows that are there, and not for others that are bad.
    let bench = table().await;
    bench.write("r.csv", "id,name\n1,\n");
    let message = bench.import_fault(json!({"input_file": "r.csv", "table": "t", "on_conflict": "ignore"})).await;
    assert!(message.contains("line 2: NOT NULL constraint failed: t.name"), "{message}");
}

#[tokio::test]
async fn a_bad_row_is_told_with_its_line_and_nothing_is_imported() {
    for (file, text, words) in [
        ("r.csv", "id,name\n1,A\n2,B\n1,C\n", "r.csv: line 4: UNIQUE constraint failed: t.id"),
        ("r.csv", "id,name\n1,\"A\nA\"\nx,C\n", "r.csv: line 4: datatype mismatch"),
        ("r.csv", "id,name\n1,A\n2\n", "r.csv: line 3: it has 1 fields, and the rows before have 2"),
        ("r.csv", "id,nom\n1,A\n", "table t has no column named nom; `columns` says which fields go where"),
        ("r.jsonl", "{\"id\":1,\"name\":\"A\"}\n{\"id\":2,\n", "r.jsonl: line 2: it is not a JSON object"),
        ("r.jsonl", "{\"id\":1,\"name\":\"A\"}\n[2]\n", "r.jsonl: line 2: it is not a JSON object"),
        (
            "r.jsonl",
            "{\"id\":1,\"name\":\"A\"}\n{\"id\":2,\"nam\":\"B\"}\n",
            "line 2: it has `nam`, which the first row has not",
        ),
        (
            "r.jsonl",
            "{\"id\":1,\"name\":\"A\"}\n{\"id\":99999999999999999999,\"name\":\"B\"}\n",
            "line 2: datatype mismatch",
        ),
        ("r.jsonl", "{\"id\":18446744073709551615,\"name\":\"A\"}\n", "`id`: 18446744073709551615 is beyond"),
        ("r.json", "[{\"id\":1,\"name\":\"A\"},{\"id\":1,\"name\":\"B\"}]", "r.json: item 2: UNIQUE constraint failed"),
        ("r.json", "[{\"id\":1,\"name\":\"A\"},7]", "r.json: item 2: it is not a JSON list of objects"),
        ("r.json", "{\"id\":1}", "it is not a JSON list of objects"),
        ("r.json", "[{\"id\":1,\"name\":\"A\"}] x", "behind the list: trailing characters"),
        ("r.json", "[{}]", "item 1: it has no fields"),
    ] {
        let bench = table().await;
        bench.write(file, text);
        let message = bench.import_fault(json!({"input_file": file, "table": "t"})).await;
        assert!(message.contains(words), "{text}: {message}");
        assert!(message.ends_with("; nothing was imported"), "{message}");
        assert_eq!(rows(&bench).await, "", "{text}");
    }
    let bench = table().await;
    bench.write("r.csv", b"id,name\n1,\xff\n");
    let message = bench.import_fault(json!({"input_file": "r.csv", "table": "t"})).await;
    assert!(message.contains("line 2: it is not UTF-8"), "{message}");
}

#[tokio::test]
async fn what_cannot_be_meant_is_told() {
    let bench = table().await;
    bench.write("r.csv", "id,name\n1,A\n");
    bench.write("r.txt", "id,name\n1,A\n");
    for (rows, words) in [
        (
            json!({"input_file": "r.txt", "table": "t"}),
            "the name `r.txt` does not say what it holds; write `format: csv`",
        ),
        (json!({"input_file": "no.csv", "table": "t"}), "`no.csv` does not exist"),
        (json!({"input_file": "r.csv", "table": "u"}), "no such table: u; `CREATE TABLE` makes it"),
        (json!({"input_file": "r.csv", "table": " "}), "`import.table` is empty"),
        (json!({"input_file": "r.csv", "table": "t", "delimiter": "ab"}), "`delimiter` is `ab`"),
        (
            json!({"input_file": "r.csv", "table": "t", "columns": ["a"]}),
            "there is no field `a`; those there are: `id`, `name`",
        ),
        (json!({"input_file": "r.csv", "table": "t", "has_header": false}), "list the `columns` in their order"),
        (
            json!({"input_file": "r.csv", "table": "t", "has_header": false, "columns": ["a", "b", "c"]}),
            "it has 2 fields, and `columns` names 3",
        ),
        (json!({"input_file": "r.csv", "table": "t", "columns": ["id", "id"]}), "the column `id` is named twice"),
    ] {
        let message = bench.import_fault(rows.clone()).await;
        assert!(message.contains(words), "{rows}: {message}");
    }
}

#[tokio::test]
async fn a_name_is_a_name_whatever_it_holds() {
    let bench = Bench::new();
    bench.query("CREATE TABLE \"t\"\" (a); --\" (\"a\"\") VALUES (1); --\" TEXT)").await;
    bench.write("r.csv", "\"a\"\") VALUES (1); --\"\nx\n");
    let outputs = bench.import(json!({"input_file": "r.csv", "table": "t\" (a); --"})).await;
    assert_eq!(outputs["rows_imported"], 1);
}

#[tokio::test]
async fn a_trial_keeps_nothing() {
    let bench = table().await;
    bench.write("r.csv", "id,name\n1,A\n");
    let outputs = bench.import(json!({"input_file": "r.csv", "table": "t", "dry_run": true})).await;
    assert_eq!((&outputs["rows_imported"], rows(&bench).await.as_str()), (&json!(1), ""));
}

#[tokio::test]
async fn a_row_has_an_end() {
    let bench = table().await;
    for (file, begins) in [("r.csv", "id,name\n1,\""), ("r.jsonl", "{\"name\":\""), ("r.json", "[{\"name\":\"")] {
        let mut text = begins.as_bytes().to_vec();
        text.resize(33 * 1024 * 1024, b'x');
        bench.write(file, &text);
        let message = bench.import_fault(json!({"input_file": file, "table": "t"})).await;
        assert!(message.contains("a row has more than 33554432 bytes"), "{file}: {message}");
    }
}

#[tokio::test]
async fn an_import_ends_with_its_time_and_with_a_stop() {
    let bench = table().await;
    let mut text = "id,name\n".to_owned();
    (0..200_000).for_each(|id| text.push_str(&format!("{id},A\n")));
    bench.write("r.csv", &text);
    let with = json!({"dsn": "a.db", "timeout": 0.02, "import": {"input_file": "r.csv", "table": "t"}});
    let failure = bench.failed(IMPORT, with.clone()).await;
    assert_eq!(failure.limit, Some(Limit::Wall), "{}", failure.message);
    assert!(failure.message.contains("with.timeout; nothing was imported"), "{}", failure.message);
    bench.stop.0.send_replace(Urgency::Gracefully);
    assert_eq!(bench.failed(IMPORT, with).await.fault, Fault::Cancelled);
    bench.stop.0.send_replace(Urgency::None);
    assert_eq!(rows(&bench).await, "");
    let outputs = bench.import(json!({"input_file": "r.csv", "table": "t", "batch_size": 10})).await;
    assert_eq!(outputs["rows_imported"], 200_000);
}
