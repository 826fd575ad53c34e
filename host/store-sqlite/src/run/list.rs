//! Lists, newest first. Each is a walk along an index from where the page begins; several statuses are several walks.

use pintle_core::limits::MAX_PAGE;
use pintle_core::run::RunStatus;
use pintle_core::time::Timestamp;
use pintle_store::{Cursor, Page, RunFilter, RunRow};
use rusqlite::{Connection, params};

use super::read;
use crate::fault::Fault;
use crate::sql::{self, query};

/// Runs that an ambiguous prefix shows.
const AMBIGUOUS: u32 = 16;

/// A place in the order of lists: when the run was submitted, and its number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Place {
    at: i64,
    seq: i64,
}

impl Place {
    /// After all runs.
    const END: Self = Self { at: i64::MAX, seq: i64::MAX };

    fn of((seq, row): &(i64, RunRow)) -> Self {
        Self { at: sql::int(row.submitted_at.as_micros()), seq: *seq }
    }

    fn cursor(self) -> Cursor {
        Cursor::new(format!("{}.{}", self.at, self.seq))
    }

    fn parse(cursor: &Cursor) -> Option<Self> {
        let (at, seq) = cursor.as_str().split_once('.')?;
        Some(Self { at: at.parse().ok()?, seq: seq.parse().ok()? })
    }
}

/// What a person means by `text`.
pub(crate) fn find(conn: &Connection, text: &str) -> Result<Vec<RunRow>, Fault> {
    if text.is_empty() {
        return Ok(Vec::new());
    }
    let exact = read::rows(conn, query!("run/get"), [text])?;
    if !exact.is_empty() {
        return Ok(exact);
    }
    let begins = read::rows(conn, query!("run/find_prefix"), params![text, AMBIGUOUS])?;
    if !begins.is_empty() {
        return Ok(begins);
    }
    read::rows(conn, query!("run/find_latest"), [text])
}

/// As many rows as one answer may hold.
pub(crate) fn bounded(limit: usize) -> usize {
    limit.clamp(1, MAX_PAGE as usize)
}

/// A page of runs.
pub(crate) fn page(
    conn: &Connection,
    filter: &RunFilter,
    cursor: Option<&Cursor>,
    limit: usize,
) -> Result<Page, Fault> {
    let limit = bounded(limit);
    let from = cursor.and_then(Place::parse).unwrap_or(Place::END);
    let moment = conn.unchecked_transaction()?;
    let mut found = Vec::new();
    let walks =
        if filter.statuses.is_empty() { vec![None] } else { filter.statuses.iter().copied().map(Some).collect() };
    for status in walks {
        // One more than the page holds tells whether there is another page.
        found.extend(walk(&moment, filter, status, from, limit + 1)?);
    }
    found.sort_by_key(|row| std::cmp::Reverse(Place::of(row)));
    found.dedup_by_key(|(seq, _)| *seq);
    let more = found.len() > limit;
    found.truncate(limit);
    let next = if more { found.last().map(|last| Place::of(last).cursor()) } else { None };
    Ok(Page { rows: found.into_iter().map(|(_, row)| row).collect(), next })
}

/// The runs of one index, from a place on.
fn walk(
    conn: &Connection,
    filter: &RunFilter,
    status: Option<RunStatus>,
    from: Place,
    limit: usize,
) -> Result<Vec<(i64, RunRow)>, Fault> {
    let Place { at, seq } = from;
    let since = sql::int(filter.since.unwrap_or(Timestamp(0)).as_micros());
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    match (&filter.dag, status.map(RunStatus::as_str)) {
        (None, None) => read::numbered(conn, query!("run/list"), params![at, seq, since, limit]),
        (None, Some(status)) => {
            read::numbered(conn, query!("run/list_by_status"), params![at, seq, since, limit, status])
        }
        (Some(dag), None) => read::numbered(conn, query!("run/list_by_dag"), params![at, seq, since, limit, dag]),
        (Some(dag), Some(status)) => {
            read::numbered(conn, query!("run/list_by_dag_and_status"), params![at, seq, since, limit, dag, status])
        }
    }
}
