//! Migrations: one change each, in order, never edited once released.

use std::path::Path;

use pintle_core::ids::Digest;
use pintle_core::time::Timestamp;
use pintle_store::Error;
use rusqlite::{Connection, TransactionBehavior};
use sha2::{Digest as _, Sha256};

use crate::clock;
use crate::fault::{self, Fault};
use crate::sql::{self, query};

macro_rules! migrations {
    ($($name:literal),+ $(,)?) => {
        &[$(($name, include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/migrations/", $name, ".sql")))),+]
    };
}

/// All of them; the number of each is its place, from 1.
const MIGRATIONS: &[(&str, &str)] = migrations![
    "0001_migrations",
    "0002_runs",
    "0003_steps",
    "0004_timers",
    "0005_plugins",
    "0006_kv",
    "0007_clock",
    "0008_children",
];

/// What `user_version` says after the last one.
const LATEST: u32 = MIGRATIONS.len() as u32;

/// `PNTL`: marks the file as ours.
const APPLICATION: i32 = 0x504E_544C;

/// What has to be done before the database can be used.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum State {
    /// Nothing.
    Ready,
    /// Migrations from this one on are missing.
    Behind(u32),
}

/// Compares the database's schema with ours: one page is read.
pub(crate) fn state(conn: &Connection, path: &Path) -> Result<State, Error> {
    let mut found = version(conn, path)?;
    if found == 0 {
        let objects: i64 =
            conn.query_row(query!("schema/objects"), [], |row| row.get(0)).map_err(|e| fault::sql(e, path))?;
        if objects == 0 {
            return Ok(State::Behind(0));
        }
        // Another process may have brought schema and version between the two looks; it commits both at once.
        found = version(conn, path)?;
    }
    match found {
        LATEST => Ok(State::Ready),
        0 => Err(Error::Foreign { path: path.to_owned() }),
        1..LATEST => Ok(State::Behind(found)),
        _ => Err(Error::NewerSchema { path: path.to_owned(), found, known: LATEST }),
    }
}

fn version(conn: &Connection, path: &Path) -> Result<u32, Error> {
    conn.pragma_query_value(None, "user_version", |row| row.get::<_, i64>(0))
        .map(sql::uint32)
        .map_err(|e| fault::sql(e, path))
}

/// Brings the database to our schema. The caller holds the write lock; whoever came first has done it.
pub(crate) fn migrate(conn: &mut Connection, path: &Path) -> Result<(), Error> {
    migrate_to(conn, path, LATEST)
}

fn migrate_to(conn: &mut Connection, path: &Path, wanted: u32) -> Result<(), Error> {
    conn.pragma_update(None, "journal_mode", "wal").map_err(|e| fault::sql(e, path))?;
    let State::Behind(found) = state(conn, path)? else { return Ok(()) };
    verify(conn, path, found)?;
    apply(conn, found, wanted).map_err(|e| fault::sql(e, path))?;
    tracing::info!(database = %path.display(), from = found, to = wanted, "the schema was migrated");
    Ok(())
}

fn apply(conn: &mut Connection, found: u32, wanted: u32) -> rusqlite::Result<()> {
    let tx = conn.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let at = clock::wall();
    for (number, (name, text)) in (1..).zip(MIGRATIONS) {
        if number > found && number <= wanted {
            tx.execute_batch(text)?;
            record(&tx, number, name, text, at)?;
        }
    }
    tx.pragma_update(None, "application_id", APPLICATION)?;
    tx.pragma_update(None, "user_version", wanted)?;
    tx.commit()
}

fn record(conn: &Connection, number: u32, name: &str, text: &str, at: Timestamp) -> rusqlite::Result<()> {
    let (checksum, at) = (checksum(text), sql::int(at.as_micros()));
    let params = rusqlite::params![number, name, checksum.as_str(), at];
    sql::execute(conn, query!("schema/record"), params).map(drop)
}

/// Whether the first `applied` migrations were ours.
pub(crate) fn verify(conn: &Connection, path: &Path, applied: u32) -> Result<(), Error> {
    if applied == 0 {
        return Ok(());
    }
    let differing = || -> Result<Option<u32>, Fault> {
        let mut statement = sql::prepare(conn, query!("schema/applied"))?;
        let mut rows = statement.query([])?;
        let mut known = (1u32..).zip(MIGRATIONS);
        while let Some(row) = rows.next()? {
            let (number, found): (u32, String) = (row.get(0)?, row.get(1)?);
            match known.next() {
                Some((ours, (_, text))) if ours == number && checksum(text).as_str() == found => {}
                Some(_) | None => return Ok(Some(number)),
            }
        }
        Ok(None)
    };
    match differing().map_err(|fault| fault.named(path))? {
        Some(number) => Err(Error::ChangedMigration { path: path.to_owned(), number }),
        None => Ok(()),
    }
}

/// As [`verify`], of all that a database in use must have.
pub(crate) fn verify_all(conn: &Connection, path: &Path) -> Result<(), Error> {
    verify(conn, path, LATEST)
}

fn checksum(text: &str) -> Digest {
    Digest::from_bytes(Sha256::digest(text.as_bytes()).into())
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test says so by failing")]
pub(crate) mod tests {
    use super::*;
    use crate::connection;

    /// A database in memory with the whole schema.
    pub(crate) fn migrated() -> Connection {
        let mut conn = Connection::open_in_memory().unwrap();
        apply(&mut conn, 0, LATEST).unwrap();
        conn
    }

    #[test]
    fn migrations_are_numbered_without_gaps_and_all_are_listed() {
        let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("migrations");
        let mut files: Vec<String> = std::fs::read_dir(dir)
            .unwrap()
            .map(|entry| entry.unwrap().path().file_stem().unwrap().to_string_lossy().into_owned())
            .collect();
        files.sort();
        let listed: Vec<&str> = MIGRATIONS.iter().map(|(name, _)| *name).collect();
        assert_eq!(files, listed);
        for (number, name) in (1u32..).zip(&files) {
            assert!(name.starts_with(&format!("{number:04}_")), "{name} is number {number}");
        }
    }

    #[test]
    fn checks_repeat_the_states_of_the_core() {
        use pintle_core::run::{RunStatus, StepStatus};
        let list = |names: Vec<&str>| names.iter().map(|n| format!("status = '{n}'")).collect::<Vec<_>>().join(" or ");
        let squeezed = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
        let text_of = |wanted: &str| squeezed(MIGRATIONS.iter().find(|(name, _)| *name == wanted).unwrap().1);
        let runs = list(RunStatus::ALL.map(RunStatus::as_str).to_vec());
        assert!(text_of("0002_runs").contains(&format!("check ( {runs} )")));
        let open: Vec<&str> = RunStatus::ALL.into_iter().filter(|s| !s.is_terminal()).map(RunStatus::as_str).collect();
        assert!(text_of("0002_runs").contains(&format!("((finished_at is null) = ({}))", list(open))));
        let steps = list(StepStatus::ALL.map(StepStatus::as_str).to_vec());
        assert!(text_of("0003_steps").contains(&format!("check ( {steps} )")));
    }

    #[test]
    fn an_older_schema_is_brought_up_and_keeps_its_rows() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("pintle.db");
        let mut conn = connection::open(&path, true).unwrap();
        migrate_to(&mut conn, &path, 2).unwrap();
        conn.execute("insert into plan (digest, body) values ('d', '{}')", []).unwrap();
        assert_eq!(state(&conn, &path).unwrap(), State::Behind(2));
        migrate(&mut conn, &path).unwrap();
        assert_eq!(state(&conn, &path).unwrap(), State::Ready);
        verify_all(&conn, &path).unwrap();
        let body: String = conn.query_row("select body from plan where digest = 'd'", [], |row| row.get(0)).unwrap();
        assert_eq!(body, "{}");
    }

    #[test]
    fn a_newer_schema_is_refused_in_one_sentence() {
        let conn = migrated();
        conn.pragma_update(None, "user_version", LATEST + 1).unwrap();
        let refusal = state(&conn, Path::new("/d/pintle.db")).map_err(|e| e.to_string());
        let sentence = format!(
            "the database /d/pintle.db has schema {} and this program knows {LATEST}: use the newer pintle that wrote it",
            LATEST + 1
        );
        assert_eq!(refusal, Err(sentence));
    }

    #[test]
    fn a_changed_migration_is_noticed_before_the_next_one_runs() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("pintle.db");
        let mut conn = connection::open(&path, true).unwrap();
        migrate_to(&mut conn, &path, 2).unwrap();
        conn.execute("update migration set checksum = 'other' where number = 2", []).unwrap();
        let refusal = migrate(&mut conn, &path);
        let sentence = format!(
            "migration 2 of the database {} is not the one this program was built with: use the release that wrote it",
            path.display()
        );
        assert_eq!(refusal.map_err(|e| e.to_string()), Err(sentence));
        assert_eq!(state(&conn, &path).unwrap(), State::Behind(2), "nothing ran");
    }

    #[test]
    fn another_programs_database_is_left_alone() {
        let conn = Connection::open_in_memory().unwrap();
        conn.execute_batch("create table theirs (x)").unwrap();
        let sentence = "/d/x.db is a database of another program: move it away, or choose another directory";
        let refusal = state(&conn, Path::new("/d/x.db"));
        assert_eq!(refusal.map_err(|e| e.to_string()), Err(sentence.to_owned()));
    }
}
