//! Store time on one machine: time since boot plus an offset that is fixed once for each boot (I-9).
//!
//! The wall clock is read when the first process of a boot opens the store, and never again: setting it moves nothing.
//! No stored instant lies above the *ceiling*, which the writer raises a second at a time, before it writes a later
//! one. The next boot begins at the ceiling at the earliest, so time never runs backwards, at the price of up to a
//! second's leap. It does not promise that store time is anybody else's time.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use pintle_core::time::{Span, Timestamp};
use pintle_store::Clock;
use rusqlite::{Connection, params};
use rustix::time::{ClockId, clock_gettime};

use crate::sql::{self, query};
use crate::store::Sqlite;

/// How far the ceiling is raised at once.
const LEAP: Span = Span::from_secs(1);

/// Time since boot, and what to add.
#[derive(Debug)]
pub(crate) struct Anchor {
    offset_us: i64,
    /// The latest answer: no later one is earlier.
    last: AtomicU64,
    /// As this process last saw it; another may have raised it since, which costs one needless write.
    ceiling: AtomicU64,
}

/// The one row.
struct Row {
    boot_id: String,
    offset_us: i64,
    ceiling_us: u64,
}

impl Row {
    /// Whether it was set in this boot. Time that lies behind the ceiling says no, whatever the boot's id says: a
    /// machine may have been brought back from an older image of itself, or have no such id.
    fn is_of(&self, boot_id: &str, since_boot_us: i64) -> bool {
        let now = Timestamp(sql::uint(since_boot_us.saturating_add(self.offset_us)));
        self.boot_id == boot_id && now.plus(LEAP).as_micros() >= self.ceiling_us
    }
}

impl Anchor {
    /// The anchor of this boot, if a process of this boot has set it.
    pub(crate) fn read(conn: &Connection) -> rusqlite::Result<Option<Self>> {
        let row = row(conn)?;
        Ok(row.is_of(&boot_id(), since_boot_us()).then(|| Self::of(&row)))
    }

    /// As [`Anchor::read`]; else sets it. The caller holds the write lock.
    pub(crate) fn set(conn: &mut Connection) -> rusqlite::Result<Self> {
        let tx = conn.transaction_with_behavior(rusqlite::TransactionBehavior::Immediate)?;
        let found = row(&tx)?;
        if found.is_of(&boot_id(), since_boot_us()) {
            return Ok(Self::of(&found));
        }
        let row = next_boot(&found, boot_id(), wall(), since_boot_us());
        sql::execute(&tx, query!("clock/anchor"), params![row.boot_id, row.offset_us, sql::int(row.ceiling_us)])?;
        tx.commit()?;
        Ok(Self::of(&row))
    }

    fn of(row: &Row) -> Self {
        Self { offset_us: row.offset_us, last: AtomicU64::new(0), ceiling: AtomicU64::new(row.ceiling_us) }
    }

    /// Now.
    pub(crate) fn now(&self) -> Timestamp {
        let us = sql::uint(since_boot_us().saturating_add(self.offset_us));
        Timestamp(self.last.fetch_max(us, Ordering::Relaxed).max(us))
    }

    /// Raises the ceiling above now where it is not; in the writer's open transaction.
    pub(crate) fn raise(&self, conn: &Connection) -> rusqlite::Result<Timestamp> {
        let now = self.now();
        if now.as_micros() >= self.ceiling.load(Ordering::Relaxed) {
            let ceiling = now.plus(LEAP).as_micros();
            sql::execute(conn, query!("clock/raise"), [sql::int(ceiling)])?;
            self.ceiling.store(ceiling, Ordering::Relaxed);
        }
        Ok(now)
    }

    /// The transaction that raised the ceiling did not happen.
    pub(crate) fn forget_ceiling(&self) {
        self.ceiling.store(0, Ordering::Relaxed);
    }
}

/// The anchor of a boot that has none: the wall clock's time, unless that lies behind what was stored before.
fn next_boot(before: &Row, boot_id: String, wall: Timestamp, since_boot_us: i64) -> Row {
    let now = wall.as_micros().max(before.ceiling_us);
    Row { boot_id, offset_us: sql::int(now).saturating_sub(since_boot_us), ceiling_us: now }
}

fn row(conn: &Connection) -> rusqlite::Result<Row> {
    sql::prepare(conn, query!("clock/get"))?.query_row([], |row| {
        Ok(Row { boot_id: row.get(0)?, offset_us: row.get(1)?, ceiling_us: sql::uint(row.get(2)?) })
    })
}

/// Changes with every boot.
fn boot_id() -> String {
    std::fs::read_to_string("/proc/sys/kernel/random/boot_id")
        .map(|id| id.trim().to_owned())
        .unwrap_or_else(|_| "unknown".to_owned())
}

/// Microseconds since boot, suspension included.
fn since_boot_us() -> i64 {
    let time = clock_gettime(ClockId::Boottime);
    time.tv_sec.saturating_mul(1_000_000).saturating_add(time.tv_nsec / 1_000)
}

/// The wall clock: for the first process of a boot, and for the record of migrations.
pub(crate) fn wall() -> Timestamp {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Timestamp(u64::try_from(since.as_micros()).unwrap_or(u64::MAX))
}

impl Clock for Sqlite {
    fn now(&self) -> Timestamp {
        self.inner().clock.now()
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test says so by failing")]
mod tests {
    use super::*;
    use crate::schema;

    #[test]
    fn i9_a_boot_with_its_wall_clock_set_back_goes_on_from_the_ceiling() {
        let before = Row { boot_id: "a".into(), offset_us: 0, ceiling_us: 5_000_000 };
        let row = next_boot(&before, "b".into(), Timestamp(1_000), 700);
        assert_eq!(row.offset_us + 700, 5_000_000, "now is the ceiling");
        assert!(row.is_of("b", 700) && !row.is_of("a", 700));
        assert!(!row.is_of("b", -1_000_000), "an image of earlier times was brought back");
        let row = next_boot(&before, "b".into(), Timestamp(9_000_000), 700);
        assert_eq!(row.offset_us + 700, 9_000_000, "now is the wall clock's time");
    }

    #[test]
    fn i9_every_process_of_one_boot_has_the_same_anchor_and_the_ceiling_is_above_what_is_written() {
        let mut conn = schema::tests::migrated();
        assert!(Anchor::read(&conn).unwrap().is_none(), "nobody of this boot was here");
        let first = Anchor::set(&mut conn).unwrap();
        let second = Anchor::set(&mut conn).unwrap();
        assert_eq!(first.offset_us, second.offset_us);
        let written = first.raise(&conn).unwrap();
        assert!(row(&conn).unwrap().ceiling_us > written.as_micros());
        let again = first.now();
        assert!(again >= written);
    }

    #[test]
    fn a_ceiling_that_was_not_committed_is_raised_again() {
        let mut conn = schema::tests::migrated();
        let clock = Anchor::set(&mut conn).unwrap();
        let tx = conn.transaction().unwrap();
        clock.raise(&tx).unwrap();
        tx.rollback().unwrap();
        clock.forget_ceiling();
        let written = clock.raise(&conn).unwrap();
        assert!(row(&conn).unwrap().ceiling_us > written.as_micros());
    }
}
