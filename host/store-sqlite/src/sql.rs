//! Statements, and values as SQLite knows them.

use pintle_core::time::Timestamp;
use rusqlite::{CachedStatement, Connection, Params, Row};

/// The text of `queries/<noun>/<verb>.sql`.
macro_rules! query {
    ($name:literal) => {
        include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/queries/", $name, ".sql"))
    };
}
pub(crate) use query;

/// A statement, prepared once a connection.
pub(crate) fn prepare<'c>(conn: &'c Connection, query: &'static str) -> rusqlite::Result<CachedStatement<'c>> {
    conn.prepare_cached(query)
}

/// Runs a statement that returns nothing; says how many rows it changed.
pub(crate) fn execute(conn: &Connection, query: &'static str, params: impl Params) -> rusqlite::Result<usize> {
    prepare(conn, query)?.execute(params)
}

/// SQLite's integers are signed. Ours never come near the end.
pub(crate) fn int(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

/// And back: what was written was never negative.
pub(crate) fn uint(number: i64) -> u64 {
    u64::try_from(number).unwrap_or(0)
}

/// As [`uint`], for counters of 32 bits.
pub(crate) fn uint32(number: i64) -> u32 {
    u32::try_from(number).unwrap_or(if number < 0 { 0 } else { u32::MAX })
}

/// An instant that may not have come.
pub(crate) fn instant(row: &Row<'_>, column: usize) -> rusqlite::Result<Option<Timestamp>> {
    Ok(row.get::<_, Option<i64>>(column)?.map(|us| Timestamp(uint(us))))
}

/// The value of an enum that is stored under that name.
pub(crate) fn known<T: Copy>(all: &[T], name: fn(T) -> &'static str, text: &str) -> Option<T> {
    all.iter().copied().find(|value| name(*value) == text)
}

/// Runs `work` in a savepoint: what it wrote is taken back if it fails, and nothing else of the transaction is.
pub(crate) fn savepoint<T, E: From<rusqlite::Error>>(
    conn: &Connection,
    work: impl FnOnce() -> Result<T, E>,
) -> Result<T, E> {
    execute(conn, query!("transaction/savepoint"), [])?;
    let done = work();
    // The engine takes back the whole transaction after some faults: then there is no savepoint any more.
    if done.is_err() && !conn.is_autocommit() {
        execute(conn, query!("transaction/undo"), [])?;
    }
    if !conn.is_autocommit() {
        execute(conn, query!("transaction/release"), [])?;
    }
    done
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test says so by failing")]
mod tests {
    use std::path::Path;

    use crate::schema;

    /// Every file below `queries/`, by its name.
    fn queries() -> Vec<(String, String)> {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("queries");
        let mut found = Vec::new();
        for noun in std::fs::read_dir(root).unwrap() {
            for file in std::fs::read_dir(noun.unwrap().path()).unwrap() {
                let path = file.unwrap().path();
                let noun = path.parent().unwrap().file_name().unwrap().to_string_lossy().into_owned();
                let verb = path.file_stem().unwrap().to_string_lossy().into_owned();
                found.push((format!("{noun}/{verb}"), std::fs::read_to_string(&path).unwrap()));
            }
        }
        found.sort();
        assert!(found.len() > 30, "queries were found: {}", found.len());
        found
    }

    #[test]
    fn every_query_can_be_prepared_against_a_migrated_database() {
        let conn = schema::tests::migrated();
        for (name, text) in queries() {
            let prepared = conn.prepare(&text);
            assert!(prepared.is_ok(), "{name}: {:?}", prepared.err());
        }
    }

    #[test]
    fn no_hot_query_scans_history_or_sorts() {
        // These run a few times a process, on tables that stay small.
        let free = ["plugin/list", "node/homes", "schema/applied", "schema/objects"];
        let conn = schema::tests::migrated();
        for (name, text) in queries() {
            if free.contains(&name.as_str()) || name.starts_with("transaction/") {
                continue;
            }
            let mut explain = conn.prepare(&format!("explain query plan {text}")).unwrap();
            let count = explain.parameter_count();
            for at in 1..=count {
                explain.raw_bind_parameter(at, 1).unwrap();
            }
            let mut rows = explain.raw_query();
            while let Some(row) = rows.next().unwrap() {
                let detail: String = row.get(3).unwrap();
                // Lists walk an index from where they begin, and timers from the earliest: both stop at their limit.
                let bounded = text.contains("limit") && detail.contains("USING");
                assert!(!detail.starts_with("SCAN") || bounded, "{name}: {detail}");
                assert!(!detail.contains("TEMP B-TREE"), "{name}: {detail}");
            }
        }
    }

    /// A check or an index of a table costs every statement that writes to it.
    #[test]
    fn no_write_of_a_transaction_builds_a_temporary_table() {
        let conn = schema::tests::migrated();
        let of_txn = |name: &str| {
            let (noun, _) = name.split_once('/').unwrap();
            ["run", "step", "event", "timer", "plan", "clock"].contains(&noun)
        };
        let mut writes = 0;
        for (name, text) in queries().into_iter().filter(|(name, _)| of_txn(name)) {
            let statement = conn.prepare(&text).unwrap();
            if statement.readonly() {
                continue;
            }
            writes += 1;
            let mut explain = conn.prepare(&format!("explain {text}")).unwrap();
            for place in 1..=explain.parameter_count() {
                explain.raw_bind_parameter(place, rusqlite::types::Null).unwrap();
            }
            let mut rows = explain.raw_query();
            while let Some(row) = rows.next().unwrap() {
                let opcode: String = row.get(1).unwrap();
                assert_ne!(opcode, "OpenEphemeral", "{name}");
            }
        }
        assert!(writes > 6, "statements that write were found: {writes}");
    }
}
