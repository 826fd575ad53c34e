//! The store of one machine: SQLite, and files beside it.
//!
//! Many processes share a data directory (`start`, `status`, `retry`, `server`), and none of them may wait long, lose
//! what it was told is kept, or see `database is locked`. Four rules do that:
//!
//! 1. *One writer a process.* All writes go through one connection, on a thread of its own; in a process that has one
//!    run ([`Options::alone`]) also on the thread that asks, where nobody else writes or waits. What waited while the
//!    last commit ran goes into the next one, each transaction in a savepoint of its own, and nobody is answered before
//!    the commit.
//! 2. *One writer a directory.* A batch holds `flock pintle.write`, for milliseconds, and does not take it again for a
//!    moment, so that a small writer gets its turn beside a busy one. SQLite's own busy handler starves it.
//! 3. *Readers never wait*, for the log is write-ahead; they are short, and on threads of their own.
//! 4. *No start pays for history.* Opening compares a number; checkpoints happen when the writer has nothing to do.
//!
//! | module | holds |
//! |---|---|
//! | [`options`], [`layout`], `filesystem` | what is opened, where files lie, where they must not lie |
//! | `connection`, `schema`, `fault` | a connection as we want it, migrations, errors in our words |
//! | `lock`, `writer`, `checkpoint`, `desk` | the threads |
//! | `leftover` | what killed processes left, cleared away |
//! | `run`, `step`, `timer`, `plugin`, `kv`, `node`, `clock`, `change`, `log`, `blob` | the ports, by noun |
//!
//! SQL lies in `queries/<noun>/<verb>.sql` and `migrations/`. The danger to know before changing anything here: a
//! POSIX lock is lost when *any* descriptor of its file is closed in the process, so nothing but SQLite opens
//! `pintle.db` or its companions.

pub mod layout;
pub mod options;
pub mod store;

mod blob;
mod change;
mod checkpoint;
mod clock;
mod connection;
mod desk;
mod fault;
mod filesystem;
mod kv;
mod leftover;
mod limits;
mod lock;
mod log;
mod node;
mod plugin;
mod run;
mod schema;
mod sql;
mod step;
mod timer;
mod writer;

pub use layout::Layout;
pub use lock::Quiet;
pub use options::{Mode, Options};
pub use pintle_store::Error;
pub use store::Sqlite;
