//! SQL text lives in `queries/` and `migrations/`.

use anyhow::Result;

use super::{Fault, Tree};

/// Two words in order that begin a statement; in between is anything.
const STATEMENTS: [(&str, &str); 9] = [
    ("select ", " from "),
    ("insert into ", " values"),
    ("insert into ", " select "),
    ("update ", " set "),
    ("delete from ", ""),
    ("create table ", "("),
    ("create index ", " on "),
    ("alter table ", " add "),
    ("drop table ", ""),
];

pub(super) fn check(tree: &Tree) -> Result<Vec<Fault>> {
    let mut faults = Vec::new();
    let shipped = |file: &&str| file.starts_with("host/") && !file.starts_with("host/xtask/") && !is_test(file);
    for file in tree.ending(".rs").filter(shipped) {
        for (text, line) in &tree.rust(file)?.strings {
            if is_statement(text) {
                faults.push(Fault::at(file, *line, "SQL text: put it into `queries/<noun>/<verb>.sql`"));
            }
        }
    }
    for file in tree.ending(".sql").filter(|file| !file.contains("/queries/") && !file.contains("/migrations/")) {
        faults.push(Fault::of(file, "SQL lives in `queries/` and `migrations/`"));
    }
    Ok(faults)
}

fn is_test(file: &str) -> bool {
    file.contains("/tests/") || file.ends_with("/tests.rs") || file.contains("/benches/")
}

fn is_statement(literal: &str) -> bool {
    let text = literal.trim_start_matches(['r', 'b', '#', '"']).to_ascii_lowercase();
    let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
    STATEMENTS.iter().any(|(first, second)| text.strip_prefix(first).is_some_and(|rest| rest.contains(second)))
}

#[cfg(test)]
mod tests {
    use super::super::faults_in;
    use super::check;

    #[test]
    fn statements_in_code_are_found() {
        let text = "fn a() {\n  q(\"select id\\n from run\");\n  q(r#\"INSERT INTO run VALUES (1)\"#);\n}\n";
        let text = text.replace("\\n", "\n");
        assert_eq!(
            faults_in(check, &[("host/store-sqlite/src/run.rs", text.as_str()), ("host/store-sqlite/run.sql", "")]),
            [
                "host/store-sqlite/run.sql: SQL lives in `queries/` and `migrations/`",
                "host/store-sqlite/src/run.rs:2: SQL text: put it into `queries/<noun>/<verb>.sql`",
                "host/store-sqlite/src/run.rs:4: SQL text: put it into `queries/<noun>/<verb>.sql`",
            ]
        );
    }

    #[test]
    fn words_settings_tests_and_query_files_pass() {
        let text = "/// select x from y\nfn a() { p(\"select a shell\"); p(\"pragma synchronous = full\"); p(include_str!(\"../queries/run/get.sql\")); }\n\
                    #[cfg(test)]\nmod tests { const Q: &str = \"select 1 from run\"; }\n";
        let files = [
            ("host/store-sqlite/src/run.rs", text),
            ("host/store-sqlite/queries/run/get.sql", "select 1"),
            ("host/store-sqlite/src/run/tests.rs", "const Q: &str = \"delete from run\";"),
        ];
        assert!(faults_in(check, &files).is_empty());
    }
}
