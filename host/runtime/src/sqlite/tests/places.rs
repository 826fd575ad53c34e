//! Which files a step may name.

use super::*;

fn ask(dsn: &str) -> Value {
    json!({"dsn": dsn, "query": "CREATE TABLE IF NOT EXISTS t (a); INSERT INTO t VALUES (1)"})
}

#[tokio::test]
async fn a_database_lies_beneath_a_root() {
    let bench = Bench::rooted(false);
    bench.done(QUERY, ask("root/a.db")).await;
    for dsn in ["a.db", "root/../a.db", "out/a.db", "/tmp/a.db", "file:out/a.db"] {
        let failure = bench.failed(QUERY, ask(dsn)).await;
        assert_eq!(failure.fault, Fault::Denied);
        assert!(failure.message.contains("lies beneath no root of the files grant"), "{dsn}: {}", failure.message);
    }
    let failure = bench.failed(QUERY, ask("root/no/a.db")).await;
    assert!(failure.message.contains("the directory of `root/no/a.db` does not exist"), "{}", failure.message);
    let failure = bench.failed(QUERY, ask("root")).await;
    assert!(failure.message.contains("`root`"), "{}", failure.message);
}

#[tokio::test]
async fn a_link_leads_nowhere_else() {
    let bench = Bench::rooted(false);
    bench.beside("out/b.db").execute_batch("CREATE TABLE t (a)").unwrap();
    symlink(bench.path("out/b.db"), bench.path("root/link.db")).unwrap();
    symlink(bench.path("out"), bench.path("root/dir")).unwrap();
    symlink(bench.path("out/new.db"), bench.path("root/dangling.db")).unwrap();
    for dsn in ["root/link.db", "root/dir/b.db", "root/dir/new.db", "root/dangling.db"] {
        let failure = bench.failed(QUERY, ask(dsn)).await;
        assert_eq!(failure.fault, Fault::Denied, "{dsn}: {}", failure.message);
    }
    assert!(!bench.path("out/new.db").exists());
    assert_eq!(
        bench.failed(QUERY, ask("root/dangling.db")).await.message,
        "sqlite.query: root/dangling.db: `root/dangling.db` is a link that leads to no file; make the file, or name \
         another"
    );
    // One that stays beneath the root is followed.
    symlink(bench.path("root/a.db"), bench.path("root/inside.db")).unwrap();
    bench.done(QUERY, ask("root/a.db")).await;
    bench.done(QUERY, ask("root/inside.db")).await;
    assert!(bench.path("root/inside.db").symlink_metadata().unwrap().is_symlink());
}

#[tokio::test]
async fn a_path_that_names_no_file_is_told() {
    let bench = Bench::new();
    let message = async |with: Value| bench.failed(QUERY, with).await.message;
    let said = message(json!({"dsn": "a.db", "file": "a\0b"})).await;
    assert_eq!(said, "sqlite.query: a path holds a NUL byte");
    assert_eq!(message(ask("/")).await, "sqlite.query: `/` is a directory, not a file");
    let said = message(ask("/proc/none.db")).await;
    assert!(said.starts_with("sqlite.query: /proc/none.db: unable to open database file"), "{said}");
    let wanted = ": the database, its journal or a temporary file cannot be opened or made here";
    assert!(said.ends_with(wanted), "{said}");
}

/// The check and the opening, with somebody in between.
fn found(bench: &Bench, dsn: &str) -> Work {
    let files = bench.sqlite.files.as_ref().unwrap();
    let reach = place::Reach { files, guarded: &[], working_dir: bench.dir.path(), home: None };
    work::prepare(QUERY, &ask(dsn).to_string(), &reach).unwrap().0
}

fn run(work: Work) -> Result<Outputs, Told> {
    let watch = Arc::new(Watch::new(Some(Duration::from_secs(20)), None));
    let (sender, _printed) = mpsc::channel(100);
    std::thread::spawn(move || work.run(&watch, Out::new(sender))).join().unwrap()
}

#[test]
fn a_directory_that_is_swapped_for_a_link_after_the_check_is_not_followed() {
    for rooted in [true, false] {
        let bench = if rooted { Bench::rooted(false) } else { Bench::new() };
        for dir in ["root", "root/sub", "out", "out/sub"] {
            let _ = std::fs::create_dir(bench.path(dir));
        }
        let work = found(&bench, "root/sub/a.db");
        std::fs::rename(bench.path("root/sub"), bench.path("root/old")).unwrap();
        symlink(bench.path("out/sub"), bench.path("root/sub")).unwrap();
        let told = run(work).unwrap_err();
        assert!(!bench.path("out/sub/a.db").exists(), "rooted {rooted}: {told:?}");
    }
}

#[test]
fn a_file_that_is_swapped_for_a_link_after_the_check_is_not_followed() {
    for rooted in [true, false] {
        let bench = if rooted { Bench::rooted(false) } else { Bench::new() };
        for dir in ["root", "out"] {
            let _ = std::fs::create_dir(bench.path(dir));
        }
        bench.beside("out/b.db").execute_batch("CREATE TABLE t (a)").unwrap();
        let work = found(&bench, "root/a.db");
        symlink(bench.path("out/b.db"), bench.path("root/a.db")).unwrap();
        let told = run(work).unwrap_err();
        assert_eq!(told.fault, Fault::Denied, "{told:?}");
        let rows: i64 = bench.beside("out/b.db").query_row("SELECT count(*) FROM t", [], |row| row.get(0)).unwrap();
        assert_eq!(rows, 0);
    }
}

/// What SQLite opens by path later on: here the journal, after the directory was swapped under an open connection.
#[test]
fn what_sqlite_keeps_beside_the_database_stays_beneath_the_root() {
    let bench = Bench::rooted(false);
    for dir in ["root/sub", "out/sub"] {
        std::fs::create_dir(bench.path(dir)).unwrap();
    }
    let files = bench.sqlite.files.as_ref().unwrap();
    let reach = place::Reach { files, guarded: &[], working_dir: bench.dir.path(), home: None };
    let place = reach.find("root/sub/a.db").unwrap();
    let (opened, open) = std::sync::mpsc::channel();
    let (swapped, swap) = std::sync::mpsc::channel();
    let thread = std::thread::spawn(move || {
        let watch = Arc::new(Watch::new(None, None));
        let (sender, _printed) = mpsc::channel(100);
        let base = connection::Base::File(place, dsn::Mode::Create);
        let base = base.open(&watch, &Out::new(sender)).unwrap();
        base.conn.execute_batch("CREATE TABLE t (a)").unwrap();
        opened.send(()).unwrap();
        swap.recv().unwrap();
        base.conn.execute_batch("INSERT INTO t VALUES (1)")
    });
    open.recv().unwrap();
    std::fs::rename(bench.path("root/sub"), bench.path("root/old")).unwrap();
    symlink(bench.path("out/sub"), bench.path("root/sub")).unwrap();
    // SQLite looks whether its file has moved; by this link it has not.
    std::fs::hard_link(bench.path("root/old/a.db"), bench.path("out/sub/a.db")).unwrap();
    swapped.send(()).unwrap();
    let written = thread.join().unwrap();
    assert!(written.is_err(), "a journal was written elsewhere");
    assert_eq!(std::fs::read_dir(bench.path("out/sub")).unwrap().count(), 1);
}

#[test]
fn a_confined_thread_opens_nothing_elsewhere() {
    let bench = Bench::rooted(false);
    let (root, out) = (bench.path("root"), bench.path("out"));
    std::fs::write(out.join("secret"), "x").unwrap();
    symlink(&out, root.join("dir")).unwrap();
    let (inside, read, written, linked) = std::thread::spawn(move || {
        confine::confine(&root, false).unwrap();
        (
            std::fs::write(root.join("a"), "x").is_ok(),
            std::fs::read(out.join("secret")).is_ok(),
            std::fs::write(out.join("new"), "x").is_ok(),
            std::fs::write(root.join("dir/a.db-journal"), "x").is_ok(),
        )
    })
    .join()
    .unwrap();
    assert_eq!((inside, read, written, linked), (true, false, false, false));
    // Others are not confined by that.
    assert!(std::fs::read(bench.path("out/secret")).is_ok());
}

#[tokio::test]
async fn a_root_for_reading_is_only_read() {
    let bench = Bench::rooted(true);
    bench.beside("root/a.db").execute_batch("CREATE TABLE t (a); INSERT INTO t VALUES (7)").unwrap();
    bench.done(QUERY, json!({"dsn": "root/a.db", "query": "SELECT a FROM t"})).await;
    assert_eq!(bench.printed(), "{\"a\":7}\n");
    assert_eq!(bench.failed(QUERY, ask("root/a.db")).await.fault, Fault::Denied);
    assert_eq!(bench.failed(QUERY, ask("root/b.db")).await.fault, Fault::NotFound);
    bench.write("root/rows.csv", "a\n1\n");
    let import = json!({"dsn": "root/a.db", "import": {"input_file": "root/rows.csv", "table": "t"}});
    let message = bench.failed(IMPORT, import).await.message;
    assert!(message.contains("the database can only be read"), "{message}");
}

#[tokio::test]
async fn a_root_bounds_imports_and_files_of_sql_too() {
    let bench = Bench::rooted(false);
    bench.done(QUERY, ask("root/a.db")).await;
    bench.write("out/rows.csv", "a\n1\n");
    bench.write("out/q.sql", "SELECT 1");
    let import = json!({"dsn": "root/a.db", "import": {"input_file": "out/rows.csv", "table": "t"}});
    assert_eq!(bench.failed(IMPORT, import).await.fault, Fault::Denied);
    assert_eq!(bench.failed(QUERY, json!({"dsn": "root/a.db", "file": "out/q.sql"})).await.fault, Fault::Denied);
    bench.write("root/rows.csv", "a\n1\n2\n");
    let import = json!({"dsn": "root/a.db", "import": {"input_file": "root/rows.csv", "table": "t"}});
    assert_eq!(bench.done(IMPORT, import).await["rows_imported"], 2);
}

#[tokio::test]
async fn pintles_own_database_is_not_opened() {
    let bench = Bench::with(|_| Some(FilesGrant::everything()), &["pintle.db"]);
    bench.beside("pintle.db").execute_batch("CREATE TABLE t (a)").unwrap();
    std::fs::hard_link(bench.path("pintle.db"), bench.path("other.db")).unwrap();
    symlink(bench.path("pintle.db"), bench.path("link.db")).unwrap();
    for dsn in ["pintle.db", "./pintle.db", "file:pintle.db?mode=ro", "pintle.db-wal", "other.db", "link.db"] {
        let failure = bench.failed(QUERY, ask(dsn)).await;
        assert_eq!(failure.fault, Fault::Denied);
        assert!(failure.message.contains("is Pintle's own database; no step opens it"), "{dsn}: {}", failure.message);
    }
    let import = json!({"dsn": "a.db", "import": {"input_file": "pintle.db", "table": "t", "format": "csv"}});
    assert!(bench.failed(IMPORT, import).await.message.contains("Pintle's own database"));
    std::fs::create_dir(bench.path("sub")).unwrap();
    bench.done(QUERY, ask("sub/pintle.db")).await;
}

#[tokio::test]
async fn pipes_and_directories_are_not_even_waited_for() {
    let bench = Bench::new();
    rustix::fs::mknodat(
        rustix::fs::CWD,
        bench.path("pipe"),
        rustix::fs::FileType::Fifo,
        rustix::fs::Mode::from_raw_mode(0o600),
        0,
    )
    .unwrap();
    assert!(bench.failed(QUERY, ask("pipe")).await.message.contains("`pipe` is not a regular file"));
    let import = json!({"dsn": "a.db", "import": {"input_file": "pipe", "table": "t", "format": "csv"}});
    assert!(bench.failed(IMPORT, import).await.message.contains("`pipe` is not a regular file"));
    assert!(bench.failed(QUERY, ask(".")).await.message.contains("is not a regular file"));
}
