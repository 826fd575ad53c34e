//! What SQL may not say.

use super::*;

#[tokio::test]
async fn no_other_file_is_reached() {
    let bench = Bench::new();
    bench.query("CREATE TABLE t (a); CREATE TABLE u (a)").await;
    for sql in [
        "ATTACH 'b.db' AS b",
        "ATTACH '' AS b",
        "ATTACH ':memory:' AS b",
        "ATTACH 'b' || '.db' AS b",
        "SELECT 1; ATTACH DATABASE 'b.db' AS b",
        "VACUUM INTO 'b.db'",
        "VACUUM INTO 'b' || '.db'",
    ] {
        let (fault, message) = bench.fault(sql).await;
        assert!(fault == Fault::Denied && message.contains("ATTACH and VACUUM INTO are refused"), "{sql}: {message}");
    }
    let (fault, message) = bench.fault("DETACH main").await;
    assert!(fault == Fault::Denied && message.contains("DETACH is refused"), "{message}");
    let with = json!({"dsn": "a.db", "query": "ATTACH :f AS b", "params": {"f": "b.db"}});
    assert_eq!(bench.failed(QUERY, with).await.fault, Fault::Denied);
    assert!(!bench.path("b.db").exists());
    bench.query("VACUUM").await;
}

#[tokio::test]
async fn no_code_is_loaded() {
    let bench = Bench::new();
    for sql in ["SELECT load_extension('x')", "SELECT LOAD_EXTENSION('x', 'y')"] {
        let (fault, message) = bench.fault(sql).await;
        assert!(fault == Fault::Denied && message.contains("load_extension() is refused"), "{sql}: {message}");
    }
    assert!(bench.fault("SELECT readfile('/etc/hostname')").await.1.contains("no such function"));
    assert!(bench.fault("SELECT fts3_tokenizer('simple', x'00')").await.0 != Fault::UnknownOutcome);
}

#[tokio::test]
async fn no_pragma_reaches_out_or_moves_a_bound() {
    let bench = Bench::new();
    for sql in [
        "PRAGMA writable_schema = ON",
        "PRAGMA temp_store_directory = '/etc'",
        "PRAGMA trusted_schema = ON",
        "PRAGMA hard_heap_limit = 1",
        "PRAGMA mmap_size = 1000000",
        "PRAGMA temp_store = MEMORY",
        "PRAGMA busy_timeout = 0",
        "PRAGMA cache_size = 100000",
        "PRAGMA MAX_PAGE_COUNT = 7",
        "SELECT * FROM pragma_hard_heap_limit",
    ] {
        let (_, message) = bench.fault(sql).await;
        assert!(message.contains("is refused: it reaches beyond this database"), "{sql}: {message}");
    }
    for sql in [
        "PRAGMA user_version = 7",
        "PRAGMA page_count",
        "SELECT * FROM pragma_table_info('t')",
        "PRAGMA integrity_check",
    ] {
        bench.query(sql).await;
    }
}

#[tokio::test]
async fn the_schema_is_not_written_by_hand() {
    let bench = Bench::new();
    bench.query("CREATE TABLE t (a)").await;
    let (_, message) = bench.fault("UPDATE sqlite_schema SET sql = 'x'").await;
    assert!(message.contains("may not be modified"), "{message}");
}

#[tokio::test]
async fn a_sandbox_and_a_dry_run_open_nothing() {
    let bench = Bench::with(|_| None, &[]);
    for action in [QUERY, IMPORT] {
        let failure = bench.failed(action, json!({})).await;
        assert_eq!(failure.fault, Fault::Denied);
        assert!(failure.message.contains("not granted in a sandbox; leave out --sandbox"), "{}", failure.message);
    }
    let bench = Bench::new();
    let mut task = bench.task(QUERY, &json!({"dsn": "a.db", "query": "CREATE TABLE t (a)"}));
    task.dry_run = true;
    let Performed::Failed(failure) = bench.perform(task).await else { panic!("it ran") };
    assert!(failure.message.contains("this is a dry run: a.db is not opened"), "{}", failure.message);
    assert!(!bench.path("a.db").exists());
}
