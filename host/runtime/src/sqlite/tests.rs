//! Both actions as the host performs them, on files of a directory of their own.
#![expect(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

use std::collections::BTreeMap;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::sync::Mutex;
use std::time::Duration;

use pintle_core::counter::{Attempt, Fence};
use pintle_core::ids::{RunId, TenantId};
use pintle_core::time::Span;
use pintle_plane::BoxFuture;
use pintle_plane::executor::{Failure, Limit};
use rusqlite::Connection;
use serde_json::{Value, json};
use tokio::sync::watch;

use super::*;
use crate::grants::FilesRoot;

mod bounds;
mod imports;
mod places;
mod queries;
mod refusals;

#[derive(Default)]
struct Kept(Mutex<[Vec<u8>; 2]>);

impl Sink for Kept {
    fn write(&self, channel: Channel, bytes: &[u8]) {
        self.0.lock().unwrap()[usize::from(channel == Channel::Stderr)].extend_from_slice(bytes);
    }
}

struct Stop(watch::Sender<Urgency>);

impl StopSignal for Stop {
    fn urgency(&self) -> Urgency {
        *self.0.borrow()
    }

    fn reached(&self, level: Urgency) -> BoxFuture<'_, ()> {
        let mut changes = self.0.subscribe();
        Box::pin(async move {
            changes.wait_for(|urgency| *urgency >= level).await.unwrap();
        })
    }
}

/// A directory with what a step sees of the host.
struct Bench {
    dir: tempfile::TempDir,
    sqlite: Sqlite,
    kept: Arc<Kept>,
    stop: Arc<Stop>,
    remaining: Option<Span>,
}

impl Bench {
    /// All files are granted, as `pintle start` does.
    fn new() -> Self {
        Self::with(|_| Some(FilesGrant::everything()), &[])
    }

    /// Files beneath the directory `root` alone.
    fn rooted(read_only: bool) -> Self {
        Self::with(
            |dir| {
                std::fs::create_dir(dir.join("root")).unwrap();
                std::fs::create_dir(dir.join("out")).unwrap();
                let path = dir.join("root").canonicalize().unwrap();
                Some(FilesGrant { roots: BTreeMap::from([("data".to_owned(), FilesRoot { path, read_only })]) })
            },
            &[],
        )
    }

    fn with(grant: impl FnOnce(&Path) -> Option<FilesGrant>, guarded: &[&str]) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let guarded = guarded.iter().map(|name| dir.path().join(name)).collect();
        let sqlite = Sqlite::new(grant(dir.path()), guarded);
        let stop = Arc::new(Stop(watch::channel(Urgency::None).0));
        Self { dir, sqlite, kept: Arc::default(), stop, remaining: None }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn write(&self, name: &str, text: impl AsRef<[u8]>) {
        std::fs::write(self.path(name), text).unwrap();
    }

    /// A connection beside the step's.
    fn beside(&self, name: &str) -> Connection {
        Connection::open(self.path(name)).unwrap()
    }

    fn task(&self, action: &str, with: &Value) -> Task {
        Task {
            tenant: TenantId::default_tenant(),
            run: RunId::new("run-1").unwrap(),
            step: "step".to_owned(),
            attempt: Attempt(1),
            fence: Fence(1),
            operation_key: "key".to_owned(),
            dry_run: false,
            action: action.to_owned(),
            input_json: with.to_string(),
            env: Vec::new(),
            working_dir: self.dir.path().to_path_buf(),
            remaining: self.remaining,
            claim: "claim".to_owned(),
            losses: 0,
            token: None,
        }
    }

    async fn perform(&self, task: Task) -> Performed {
        self.sqlite.perform(task, Arc::clone(&self.kept) as _, Arc::clone(&self.stop) as _).await
    }

    async fn done(&self, action: &str, with: Value) -> Value {
        match self.perform(self.task(action, &with)).await {
            Performed::Done { outputs, exit_code: Some(0) } => {
                outputs.into_iter().map(|(name, json)| (name, serde_json::from_str::<Value>(&json).unwrap())).collect()
            }
            other => panic!("{with}: {other:?}"),
        }
    }

    async fn failed(&self, action: &str, with: Value) -> Failure {
        match self.perform(self.task(action, &with)).await {
            Performed::Failed(failure) => failure,
            other => panic!("{with}: {other:?}"),
        }
    }

    /// Runs SQL on `a.db`.
    async fn query(&self, sql: &str) -> Value {
        self.done(QUERY, json!({"dsn": "a.db", "query": sql})).await
    }

    /// What SQL on `a.db` fails with.
    async fn fault(&self, sql: &str) -> (Fault, String) {
        let failure = self.failed(QUERY, json!({"dsn": "a.db", "query": sql})).await;
        (failure.fault, failure.message)
    }

    async fn import(&self, rows: Value) -> Value {
        self.done(IMPORT, json!({"dsn": "a.db", "import": rows})).await
    }

    async fn import_fault(&self, rows: Value) -> String {
        self.failed(IMPORT, json!({"dsn": "a.db", "import": rows})).await.message
    }

    /// Standard output since it was last taken.
    fn printed(&self) -> String {
        String::from_utf8(std::mem::take(&mut self.kept.0.lock().unwrap()[0])).unwrap()
    }

    fn said(&self) -> String {
        String::from_utf8(std::mem::take(&mut self.kept.0.lock().unwrap()[1])).unwrap()
    }
}
