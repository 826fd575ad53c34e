//! One batch after another.

use std::sync::mpsc::Receiver;
use std::time::{Duration, Instant};

use pintle_store::Error;
use rusqlite::Connection;

use super::shortage::Shortage;
use super::{Job, Message, Setup, Tx};
use crate::checkpoint::Log;
use crate::connection;
use crate::fault::{self, Fault};
use crate::options::Mode;
use crate::sql::{self, query};

/// Transactions in one commit.
const MOST: usize = 256;
/// A batch that has held the lock for so long takes nothing more, so that it is committed within 5 ms.
const LONGEST: Duration = Duration::from_millis(3);
/// Expired keys that are removed in one batch.
const EXPIRED: u32 = 64;

type Jobs = Vec<Box<dyn Job>>;

/// SQLite's `synchronous`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Sync {
    Normal,
    Full,
}

/// The writer's state between batches.
pub(super) struct Batcher {
    setup: Setup,
    /// None: the last one failed, and no other could be opened yet.
    conn: Option<Connection>,
    sync: Sync,
    log: Log,
    /// When it last did something.
    busy: Instant,
    /// Commits that failed in a row.
    failures: u32,
    shortage: Shortage,
    /// Wants to be surer than the batch that it was found in.
    carried: Option<Box<dyn Job>>,
}

impl Batcher {
    pub(super) fn new(setup: Setup, conn: Connection) -> Result<Self, Error> {
        let (log, busy) = (Log::default(), Instant::now());
        let shortage = Shortage::default();
        let mut batcher = Self { setup, conn: None, sync: Sync::Full, log, busy, failures: 0, shortage, carried: None };
        batcher.adopt(conn)?;
        Ok(batcher)
    }

    /// Makes a fresh connection the writer's own.
    fn adopt(&mut self, mut conn: Connection) -> Result<(), Error> {
        let adopt = |log: &Log, limit: Option<u32>, conn: &mut Connection| {
            log.watch(conn)?;
            match limit {
                Some(pages) => conn.pragma_update_and_check(None, "max_page_count", pages, |_| Ok(())),
                None => Ok(()),
            }
        };
        adopt(&self.log, self.setup.page_limit, &mut conn).map_err(|e| fault::sql(e, &self.setup.database))?;
        self.sync = Sync::Full; // The engine's default for every new connection.
        self.conn = Some(conn);
        Ok(())
    }

    /// For how long there must have been nothing to do before the log is brought in; none: there is none.
    pub(super) fn rest_after(&self) -> Option<Duration> {
        self.log.pause()
    }

    /// What is left of [`Batcher::rest_after`].
    pub(super) fn pause(&self) -> Option<Duration> {
        self.rest_after().map(|pause| pause.saturating_sub(self.busy.elapsed()))
    }

    pub(super) fn lock_may_come_late(&mut self) -> bool {
        self.setup.lock.drop_late_grant()
    }

    /// A job that was taken out of the queue and had to wait for a batch of its own.
    pub(super) fn carried(&mut self) -> Option<Box<dyn Job>> {
        self.carried.take()
    }

    /// Commits a job with all that waits behind it, and answers them; says how many they were.
    pub(super) fn run(&mut self, first: Box<dyn Job>, inbox: &Receiver<Message>) -> usize {
        let answered = self.run_with(first, Some(inbox));
        if self.log.is_large() {
            self.check_in();
        }
        answered
    }

    /// Commits a job alone, and answers it. Hands it back where it would have to wait for the disk or for another
    /// process, or where the writer has something to mend first.
    pub(super) fn run_here(&mut self, job: Box<dyn Job>) -> Option<Box<dyn Job>> {
        let sound = self.failures == 0 && self.conn.is_some() && self.carried.is_none();
        let short = self.setup.mode == Mode::Process && !job.is_full() && !self.log.is_large();
        if !(sound && short && self.setup.lock.is_free()) {
            return Some(job);
        }
        self.run_with(job, None);
        None
    }

    fn run_with(&mut self, first: Box<dyn Job>, inbox: Option<&Receiver<Message>>) -> usize {
        let mut jobs = Vec::new();
        let committed = self.commit(first, &mut jobs, inbox);
        self.busy = Instant::now();
        let answered = jobs.len();
        for job in jobs {
            job.answer(committed.clone());
        }
        answered
    }

    /// There is nothing to do.
    pub(super) fn rest(&mut self) {
        self.expire();
        self.check_in();
        self.busy = Instant::now();
    }

    /// Nobody can hand in any more.
    pub(super) fn finish(&mut self) {
        if self.log.is_worth_an_exit() {
            self.check_in();
        }
    }

    /// `jobs` are those that the answer is for.
    fn commit(&mut self, first: Box<dyn Job>, jobs: &mut Jobs, inbox: Option<&Receiver<Message>>) -> Result<(), Error> {
        if self.failures >= 2 {
            jobs.push(first);
            return Err(Error::Stopped { reason: "two writes in a row failed at the device".into() });
        }
        let done = self.try_commit(first, jobs, inbox);
        match &done {
            Ok(()) => {
                self.failures = 0;
                if self.shortage.ended() {
                    tracing::warn!(database = %self.setup.database.display(), "there is room again: writes are taken");
                }
            }
            Err(error) => self.recover(error),
        }
        done
    }

    fn try_commit(
        &mut self,
        first: Box<dyn Job>,
        jobs: &mut Jobs,
        inbox: Option<&Receiver<Message>>,
    ) -> Result<(), Error> {
        let full = self.setup.mode == Mode::Power || first.is_full();
        jobs.push(first);
        let conn = match &mut self.conn {
            Some(conn) => &*conn,
            None => {
                let conn = connection::open(&self.setup.database, false)?;
                self.adopt(conn)?;
                self.conn.as_ref().ok_or_else(super::closed)?
            }
        };
        let _held = self.setup.lock.acquire()?;
        let path = &self.setup.database;
        set_sync(conn, &mut self.sync, if full { Sync::Full } else { Sync::Normal })
            .map_err(|e| fault::sql(e, path))?;
        let begin = || {
            sql::execute(conn, query!("transaction/begin"), [])?;
            self.setup.clock.raise(conn)
        };
        let tx = Tx { conn, database: path, now: begin().map_err(|e| fault::sql(e, path))? };
        write_all(&tx, jobs, || take(inbox?, full, &mut self.carried)).map_err(|fault| fault.named(path))?;
        sql::execute(conn, query!("transaction/commit"), []).map_err(|e| fault::sql(e, path))?;
        Ok(())
    }

    /// After a batch that was not committed.
    fn recover(&mut self, error: &Error) {
        self.setup.clock.forget_ceiling();
        match error {
            // Not one statement of it ran.
            Error::Busy { .. } | Error::Stopped { .. } => {}
            Error::Io { .. } | Error::Corrupt { .. } => {
                self.failures += 1;
                self.conn = None;
                tracing::error!(%error, failures = self.failures, "a commit failed");
            }
            error => {
                // Anything that the engine did not take back itself goes with the connection, if it must.
                let undone = self.conn.as_ref().is_none_or(|conn| {
                    conn.is_autocommit() || sql::execute(conn, query!("transaction/rollback"), []).is_ok()
                });
                if !undone {
                    self.conn = None;
                }
                match error {
                    Error::DiskFull { .. } if !self.shortage.is_worth_a_word() => {}
                    Error::DiskFull { .. } => tracing::warn!(%error, "writes wait for room"),
                    error => tracing::warn!(%error, "a commit was refused"),
                }
            }
        }
    }

    fn check_in(&mut self) {
        let Self { conn: Some(conn), log, setup, .. } = self else { return };
        // Starting the log anew needs all writers to stay away; bringing it in does not.
        let held = if log.is_huge() { setup.lock.acquire().ok() } else { None };
        log.run(conn, held.is_some(), &setup.database);
    }

    /// Removes some keys that nobody can see any more.
    fn expire(&mut self) {
        let now = self.setup.clock.now();
        let Self { conn: Some(conn), setup, .. } = self else { return };
        let due = sql::prepare(conn, query!("kv/expired"))
            .and_then(|mut statement| statement.exists([sql::int(now.as_micros())]))
            .unwrap_or(false);
        if !due {
            return;
        }
        let Ok(_held) = setup.lock.acquire() else { return };
        let params = rusqlite::params![sql::int(now.as_micros()), EXPIRED];
        if let Err(error) = sql::execute(conn, query!("kv/expire"), params) {
            tracing::warn!(%error, "expired keys could not be removed");
        }
    }
}

/// Has every job write, those too that come meanwhile, up to the bounds of a batch.
fn write_all(tx: &Tx<'_>, jobs: &mut Jobs, mut more: impl FnMut() -> Option<Box<dyn Job>>) -> Result<(), Fault> {
    let begun = Instant::now();
    let mut weight = 0;
    let mut written = 0;
    while let Some(job) = jobs.get_mut(written) {
        job.write(tx)?;
        weight += job.weight();
        written += 1;
        if weight < MOST && begun.elapsed() < LONGEST {
            jobs.extend(more());
        }
    }
    Ok(())
}

/// What waits next, unless it wants to be surer than this batch is.
fn take(inbox: &Receiver<Message>, full: bool, carried: &mut Option<Box<dyn Job>>) -> Option<Box<dyn Job>> {
    if carried.is_some() {
        return None;
    }
    let job = inbox.try_recv().ok()??;
    if job.is_full() && !full {
        *carried = Some(job);
        return None;
    }
    Some(job)
}

fn set_sync(conn: &Connection, current: &mut Sync, wanted: Sync) -> rusqlite::Result<()> {
    if *current != wanted {
        conn.pragma_update(
            None,
            "synchronous",
            match wanted {
                Sync::Normal => "normal",
                Sync::Full => "full",
            },
        )?;
        *current = wanted;
    }
    Ok(())
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test says so by failing")]
mod tests {
    use std::sync::mpsc::{Sender, channel, sync_channel};
    use std::thread::{self, ThreadId};

    use crate::options::Options;
    use crate::store::Sqlite;

    use super::*;

    /// Tells how sure its commit will be, and whether it came.
    struct Probe {
        full: bool,
        seen: Sender<(i64, bool)>,
        sync: i64,
    }

    impl Job for Probe {
        fn is_full(&self) -> bool {
            self.full
        }

        fn weight(&self) -> usize {
            1
        }

        fn write(&mut self, tx: &Tx<'_>) -> Result<(), Fault> {
            self.sync = tx.conn.pragma_query_value(None, "synchronous", |row| row.get(0))?;
            Ok(())
        }

        fn answer(self: Box<Self>, committed: Result<(), Error>) {
            self.seen.send((self.sync, committed.is_ok())).unwrap();
        }
    }

    /// What each of the jobs saw; they all wait before the writer begins.
    fn seen(mode: Mode, jobs: &[bool]) -> Vec<(i64, bool)> {
        let dir = tempfile::tempdir().unwrap();
        let store = Sqlite::open(Options::new(dir.path()).mode(mode)).unwrap();
        let (seen, answers) = channel();
        let quiet = store.quiesce();
        for full in jobs {
            let probe = Probe { full: *full, seen: seen.clone(), sync: -1 };
            store.inner().writer.submit(Box::new(probe)).unwrap();
        }
        drop((quiet, seen));
        answers.iter().collect()
    }

    const NORMAL: i64 = 1;
    const FULL: i64 = 2;

    #[test]
    fn power_syncs_every_commit_and_process_those_that_ask() {
        assert_eq!(seen(Mode::Power, &[false, true]), [(FULL, true), (FULL, true)]);
        assert_eq!(seen(Mode::Process, &[false]), [(NORMAL, true)]);
        let order = [false, true, false];
        assert_eq!(seen(Mode::Process, &order).get(1), Some(&(FULL, true)), "an intent waits for a batch of its own");
        assert_eq!(seen(Mode::Process, &order).len(), 3, "and nothing is left behind");
    }

    /// Tells which thread wrote it, once it is committed.
    struct Where(Sender<ThreadId>);

    impl Job for Where {
        fn is_full(&self) -> bool {
            false
        }

        fn weight(&self) -> usize {
            1
        }

        fn write(&mut self, _: &Tx<'_>) -> Result<(), Fault> {
            Ok(())
        }

        fn answer(self: Box<Self>, committed: Result<(), Error>) {
            committed.unwrap();
            self.0.send(thread::current().id()).unwrap();
        }
    }

    #[test]
    fn who_is_alone_commits_by_himself_and_overtakes_nobody() {
        let dir = tempfile::tempdir().unwrap();
        let me = thread::current().id();
        let (sender, wrote) = channel();
        let submit = |store: &Sqlite| store.inner().writer.submit(Box::new(Where(sender.clone()))).unwrap();
        // Whoever finds the lock taken hands in, and the writer's thread takes it for a moment when it begins and when it
        // has answered.
        let submit_until_here = |store: &Sqlite| {
            let until = Instant::now() + Duration::from_secs(60);
            loop {
                submit(store);
                if wrote.recv().unwrap() == me {
                    return;
                }
                assert!(Instant::now() < until, "nobody commits by himself");
                thread::yield_now();
            }
        };
        let store = Sqlite::open(Options::new(dir.path()).alone()).unwrap();
        submit_until_here(&store);

        let quiet = store.quiesce();
        submit(&store);
        submit(&store);
        assert!(wrote.try_recv().is_err(), "nobody writes behind a closed gate");
        drop(quiet);
        assert!(wrote.recv().unwrap() != me && wrote.recv().unwrap() != me, "those who waited were overtaken");
        submit_until_here(&store);

        let other = tempfile::tempdir().unwrap();
        let sure = Sqlite::open(Options::new(other.path()).alone().mode(Mode::Power)).unwrap();
        submit(&sure);
        assert_ne!(wrote.recv().unwrap(), me, "a commit that waits for the disk");
    }

    #[test]
    fn what_waits_is_taken_up_to_the_first_that_wants_more() {
        let (sender, inbox) = sync_channel::<Message>(8);
        let (seen, _answers) = channel();
        for full in [false, true, false] {
            sender.send(Some(Box::new(Probe { full, seen: seen.clone(), sync: 0 }))).unwrap();
        }
        let mut carried = None;
        assert!(take(&inbox, false, &mut carried).is_some_and(|job| !job.is_full()));
        assert!(take(&inbox, false, &mut carried).is_none(), "the batch ends before the intent");
        assert!(carried.as_ref().is_some_and(|job| job.is_full()));
        assert!(take(&inbox, false, &mut carried).is_none(), "nothing overtakes it");
    }
}
