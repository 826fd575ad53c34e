//! Every bound is seen to bite.

use super::*;

/// Goes on for ever.
const ENDLESS: &str = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n";

#[tokio::test]
async fn a_query_ends_with_its_timeout() {
    let bench = Bench::new();
    let started = Instant::now();
    let failure = bench.failed(QUERY, json!({"dsn": ":memory:", "query": ENDLESS, "timeout": 0.2})).await;
    assert_eq!((failure.fault, failure.limit), (Fault::Exhausted, Some(Limit::Wall)));
    assert_eq!(
        failure.message,
        "sqlite.query: :memory:: query, statement 1: it was given up after 0.2 s. Setting: with.timeout"
    );
    assert!(started.elapsed() < Duration::from_secs(2), "{:?}", started.elapsed());
}

#[tokio::test]
async fn a_query_ends_with_the_steps_time() {
    let mut bench = Bench::new();
    bench.remaining = Some(Span(200));
    let failure = bench.failed(QUERY, json!({"dsn": ":memory:", "query": ENDLESS, "timeout": 0})).await;
    assert_eq!(failure.limit, Some(Limit::Wall));
    assert!(
        failure.message.contains("the step's time is over, 0.2 s were left. Setting: timeout_sec"),
        "{}",
        failure.message
    );
}

#[tokio::test]
async fn a_query_that_is_stopped_changes_nothing() {
    let bench = Bench::new();
    bench.query("CREATE TABLE t (a)").await;
    let task = bench
        .task(QUERY, &json!({"dsn": "a.db", "query": format!("INSERT INTO t VALUES (1); SELECT 'on'; {ENDLESS}")}));
    let stop = Arc::clone(&bench.stop);
    let kept = Arc::clone(&bench.kept);
    let stopping = tokio::spawn(async move {
        // It is in its last statement once the one before has printed.
        while kept.0.lock().unwrap()[0].is_empty() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        stop.0.send_replace(Urgency::Gracefully);
        Instant::now()
    });
    let Performed::Failed(failure) = bench.perform(task).await else { panic!("it ended well") };
    let asked = stopping.await.unwrap();
    assert!(asked.elapsed() < Duration::from_secs(1), "{:?}", asked.elapsed());
    assert_eq!((failure.fault, failure.limit), (Fault::Cancelled, None));
    assert_eq!(failure.message, "sqlite.query: a.db: stopped; everything was rolled back");
    let rows: i64 = bench.beside("a.db").query_row("SELECT count(*) FROM t", [], |row| row.get(0)).unwrap();
    assert_eq!(rows, 0);
}

#[tokio::test]
async fn a_lock_is_waited_for_until_the_time_is_over() {
    let bench = Bench::new();
    bench.query("CREATE TABLE t (a)").await;
    let other = bench.beside("a.db");
    other.execute_batch("BEGIN EXCLUSIVE").unwrap();
    for (action, with) in [
        (QUERY, json!({"dsn": "a.db", "query": "INSERT INTO t VALUES (1)", "timeout": 1.3})),
        (QUERY, json!({"dsn": "a.db", "query": "SELECT 1; INSERT INTO t VALUES (1)", "timeout": 0.2})),
    ] {
        let failure = bench.failed(action, with).await;
        assert_eq!(failure.fault, Fault::Busy);
        assert!(
            failure
                .message
                .contains("the database is locked by another connection, and waiting for it was given up after"),
            "{}",
            failure.message
        );
    }
    assert_eq!(bench.said(), "the database is locked by another connection; waiting for it\n");
    let waits = bench.query("INSERT INTO t VALUES (2)");
    let frees = async {
        tokio::task::yield_now().await;
        other.execute_batch("COMMIT").unwrap();
    };
    assert_eq!(tokio::join!(waits, frees).0["changes"], 1);
}

#[tokio::test]
async fn a_step_that_waits_for_a_lock_is_stopped_at_once() {
    let bench = Bench::new();
    bench.query("CREATE TABLE t (a)").await;
    let other = bench.beside("a.db");
    other.execute_batch("BEGIN EXCLUSIVE").unwrap();
    bench.stop.0.send_replace(Urgency::AtOnce);
    let failure = bench.failed(QUERY, json!({"dsn": "a.db", "query": "INSERT INTO t VALUES (1)"})).await;
    assert_eq!(failure.fault, Fault::Cancelled, "{}", failure.message);
}

#[tokio::test]
async fn what_is_printed_has_an_end() {
    let bench = Bench::new();
    bench.query("CREATE TABLE t (a)").await;
    let sql = "INSERT INTO t VALUES (1), (2), (3) RETURNING a";
    let failure = bench.failed(QUERY, json!({"dsn": "a.db", "query": sql, "max_bytes": 20})).await;
    assert_eq!((failure.fault, failure.limit), (Fault::Exhausted, Some(Limit::Output)));
    assert_eq!(
        failure.message,
        "sqlite.query: a.db: query, statement 1: more than 20 bytes would be printed. Setting: with.max_bytes; \
         everything was rolled back"
    );
    assert_eq!(bench.printed(), "{\"a\":1}\n{\"a\":2}\n", "what fits is printed");
    assert_eq!(bench.query("SELECT * FROM t").await["rows"], 0);
}

#[tokio::test]
async fn values_statements_and_patterns_have_an_end() {
    let bench = Bench::new();
    let (fault, message) = bench.fault("SELECT length(zeroblob(40000000))").await;
    assert_eq!(fault, Fault::Exhausted);
    assert!(message.contains("a text, blob or row has at most 32 MiB"), "{message}");
    let (_, message) = bench.fault(&format!("SELECT '{}'", "x".repeat(1024 * 1024))).await;
    assert!(message.contains("too big") || message.contains("at most"), "{message}");
    let (_, message) = bench.fault(&format!("SELECT 'a' LIKE '{}'", "%".repeat(2000))).await;
    assert!(message.contains("LIKE or GLOB pattern too complex"), "{message}");
    let with = json!({"dsn": ":memory:", "query": "SELECT length(:a)", "params": {"a": "x".repeat(33 << 20)}});
    let message = bench.failed(QUERY, with).await.message;
    assert!(message.contains("the value of `:a` cannot be bound: string or blob too big"), "{message}");
    bench.write("long.sql", "-".repeat(2 * 1024 * 1024));
    let failure = bench.failed(QUERY, json!({"dsn": "a.db", "file": "long.sql"})).await;
    assert!(failure.message.contains("`long.sql` has more than 1048576 bytes"), "{}", failure.message);
}

#[tokio::test]
async fn triggers_start_each_other_only_so_deep() {
    let bench = Bench::new();
    let sql = "PRAGMA recursive_triggers = ON; CREATE TABLE r (a);
               CREATE TRIGGER again AFTER INSERT ON r BEGIN INSERT INTO r VALUES (new.a + 1); END;
               INSERT INTO r VALUES (1)";
    let failure = bench.failed(QUERY, json!({"dsn": ":memory:", "query": sql, "transaction": false})).await;
    assert!(failure.message.contains("triggers nested too deep"), "{}", failure.message);
}

#[tokio::test]
async fn a_database_in_memory_has_an_end() {
    let bench = Bench::new();
    let sql = "CREATE TABLE t (a); WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 20)
               INSERT INTO t SELECT zeroblob(20000000) FROM n";
    let failure = bench.failed(QUERY, json!({"dsn": ":memory:", "query": sql})).await;
    assert_eq!(failure.fault, Fault::Exhausted, "{}", failure.message);
    assert!(failure.message.contains("database or disk is full"), "{}", failure.message);
}

#[tokio::test]
async fn nobody_who_waits_ends_the_thread() {
    let bench = Bench::new();
    bench.query("CREATE TABLE t (a)").await;
    let task = bench.task(QUERY, &json!({"dsn": "a.db", "query": format!("INSERT INTO t VALUES (1); {ENDLESS}")}));
    let given_up = tokio::time::timeout(Duration::from_millis(200), bench.perform(task)).await;
    assert!(given_up.is_err(), "an endless query ended");
    // Its transaction is gone once the thread is: then the lock is free.
    let outputs = bench.query("INSERT INTO t VALUES (2)").await;
    assert_eq!(outputs["changes"], 1);
    assert_eq!(bench.query("SELECT * FROM t").await["rows"], 1);
}
