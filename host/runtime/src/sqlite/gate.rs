//! What SQL may not say. SQLite asks before it compiles a statement; the decision is a table, and what is not known to be
//! harmless is refused: a later SQLite has more to ask for.

use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};
use std::sync::{Mutex, PoisonError};

use rusqlite::hooks::{AuthAction, Authorization, TransactionOperation};

/// Pragmas that stay inside the database and the connection, and take a value.
const SET: [&str; 25] = [
    "analysis_limit",
    "application_id",
    "auto_vacuum",
    "automatic_index",
    "case_sensitive_like",
    "cell_size_check",
    "defer_foreign_keys",
    "encoding",
    "foreign_keys",
    "ignore_check_constraints",
    "incremental_vacuum",
    "journal_mode",
    "journal_size_limit",
    "legacy_alter_table",
    "locking_mode",
    "optimize",
    "page_size",
    "query_only",
    "recursive_triggers",
    "reverse_unordered_selects",
    "secure_delete",
    "synchronous",
    "user_version",
    "wal_autocheckpoint",
    // How thorough it is.
    "wal_checkpoint",
];

/// Pragmas that only tell; what stands in parentheses behind them says of what.
const TELL: [&str; 16] = [
    "collation_list",
    "compile_options",
    "database_list",
    "foreign_key_check",
    "foreign_key_list",
    "function_list",
    "index_info",
    "index_list",
    "index_xinfo",
    "integrity_check",
    "module_list",
    "pragma_list",
    "quick_check",
    "table_info",
    "table_list",
    "table_xinfo",
];

/// Pragmas that tell without a value, and would change too much with one.
const ASK: [&str; 10] = [
    "busy_timeout",
    "cache_size",
    "cache_spill",
    "data_version",
    "freelist_count",
    "max_page_count",
    "mmap_size",
    "page_count",
    "schema_version",
    "temp_store",
];

/// What is refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Refusal {
    /// Another file.
    Attach,
    /// Nothing is attached.
    Detach,
    /// Code from a file.
    Extension,
    /// Settings that reach beyond the database, or would undo a bound.
    Pragma(String),
    /// The statements are in one transaction already.
    Transaction,
    /// A later SQLite asks for it.
    Unknown(i32),
}

impl Refusal {
    /// In words.
    pub(super) fn message(&self) -> String {
        match self {
            Self::Attach => {
                "ATTACH and VACUUM INTO are refused: a step works on the one database that `dsn` names".to_owned()
            }
            Self::Detach => "DETACH is refused: a step works on the one database that `dsn` names".to_owned(),
            Self::Extension => "load_extension() is refused: it runs code from a file".to_owned(),
            Self::Pragma(name) => {
                format!("PRAGMA {name} is refused: it reaches beyond this database, or would move a bound of the step")
            }
            Self::Transaction => {
                "BEGIN, COMMIT and ROLLBACK are refused here: all statements are one transaction; with \
                 `transaction: false` the text begins and ends its own"
                    .to_owned()
            }
            Self::Unknown(code) => format!("this statement asks for something that is not known here (action {code})"),
        }
    }
}

/// What SQLite is asked for, decided.
pub(super) fn refusal(action: &AuthAction<'_>, stage: Stage, whole: bool) -> Option<Refusal> {
    match action {
        // VACUUM attaches a temporary file of its own while it runs; an author's ATTACH is refused before it can run.
        AuthAction::Attach { filename: "" } if stage == Stage::Running => None,
        AuthAction::Attach { .. } => Some(Refusal::Attach),
        AuthAction::Detach { .. } => Some(Refusal::Detach),
        AuthAction::Function { function_name } => {
            function_name.eq_ignore_ascii_case("load_extension").then_some(Refusal::Extension)
        }
        AuthAction::Pragma { pragma_name, pragma_value } => pragma(pragma_name, pragma_value.is_some()),
        AuthAction::Transaction { .. } if stage == Stage::Reading && whole => Some(Refusal::Transaction),
        AuthAction::Transaction { .. }
        | AuthAction::Savepoint { .. }
        | AuthAction::CreateIndex { .. }
        | AuthAction::CreateTable { .. }
        | AuthAction::CreateTempIndex { .. }
        | AuthAction::CreateTempTable { .. }
        | AuthAction::CreateTempTrigger { .. }
        | AuthAction::CreateTempView { .. }
        | AuthAction::CreateTrigger { .. }
        | AuthAction::CreateView { .. }
        | AuthAction::Delete { .. }
        | AuthAction::DropIndex { .. }
        | AuthAction::DropTable { .. }
        | AuthAction::DropTempIndex { .. }
        | AuthAction::DropTempTable { .. }
        | AuthAction::DropTempTrigger { .. }
        | AuthAction::DropTempView { .. }
        | AuthAction::DropTrigger { .. }
        | AuthAction::DropView { .. }
        | AuthAction::Insert { .. }
        | AuthAction::Read { .. }
        | AuthAction::Select
        | AuthAction::Update { .. }
        | AuthAction::AlterTable { .. }
        | AuthAction::Reindex { .. }
        | AuthAction::Analyze { .. }
        | AuthAction::CreateVtable { .. }
        | AuthAction::DropVtable { .. }
        | AuthAction::Recursive => None,
        // A file's name that is no plain text.
        AuthAction::Unknown { code: rusqlite::ffi::SQLITE_ATTACH, .. } => Some(Refusal::Attach),
        AuthAction::Unknown { code, .. } => Some(Refusal::Unknown(*code)),
        _ => Some(Refusal::Unknown(0)),
    }
}

fn pragma(name: &str, with_value: bool) -> Option<Refusal> {
    let among = |names: &[&str]| names.iter().any(|known| known.eq_ignore_ascii_case(name));
    let fine = among(&SET) || among(&TELL) || (!with_value && among(&ASK));
    (!fine).then(|| Refusal::Pragma(name.to_ascii_lowercase()))
}

/// What the connection is busy with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stage {
    /// With statements of our own.
    Own,
    /// Reading an author's statement.
    Reading,
    /// Running it.
    Running,
}

/// What statements ask for, as far as it matters how they are run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Seen {
    /// One begins a transaction.
    pub(super) begins: bool,
    /// One changes rows.
    pub(super) changes: bool,
}

/// Stands between SQLite and the decision, and remembers why something was refused.
#[derive(Debug, Default)]
pub(super) struct Gate {
    stage: AtomicU8,
    whole: AtomicBool,
    begins: AtomicBool,
    changes: AtomicBool,
    refused: Mutex<Option<Refusal>>,
}

impl Gate {
    /// From now on.
    pub(super) fn enter(&self, stage: Stage) {
        self.stage.store(stage as u8, Ordering::Relaxed);
    }

    /// Whether all statements are one transaction.
    pub(super) fn whole(&self, whole: bool) {
        self.whole.store(whole, Ordering::Relaxed);
    }

    /// What was asked for since the last look.
    pub(super) fn seen(&self) -> Seen {
        let taken = |flag: &AtomicBool| flag.swap(false, Ordering::Relaxed);
        Seen { begins: taken(&self.begins), changes: taken(&self.changes) }
    }

    /// What was refused last; it is told once.
    pub(super) fn refused(&self) -> Option<Refusal> {
        self.refused.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    fn stage(&self) -> Stage {
        match self.stage.load(Ordering::Relaxed) {
            0 => Stage::Own,
            1 => Stage::Reading,
            _ => Stage::Running,
        }
    }

    /// SQLite's question.
    pub(super) fn ask(&self, action: &AuthAction<'_>) -> Authorization {
        let stage = self.stage();
        if stage == Stage::Own {
            return Authorization::Allow;
        }
        match action {
            AuthAction::Transaction { operation: TransactionOperation::Begin } => {
                self.begins.store(true, Ordering::Relaxed);
            }
            AuthAction::Insert { .. } | AuthAction::Update { .. } | AuthAction::Delete { .. } => {
                self.changes.store(true, Ordering::Relaxed);
            }
            _ => {}
        }
        match refusal(action, stage, self.whole.load(Ordering::Relaxed)) {
            None => Authorization::Allow,
            Some(refusal) => {
                *self.refused.lock().unwrap_or_else(PoisonError::into_inner) = Some(refusal);
                Authorization::Deny
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pragma_that_reaches_out_or_moves_a_bound_is_refused() {
        for name in [
            "writable_schema",
            "temp_store_directory",
            "data_store_directory",
            "trusted_schema",
            "hard_heap_limit",
            "soft_heap_limit",
            "threads",
            "something_new",
        ] {
            assert_eq!(pragma(name, false), Some(Refusal::Pragma(name.to_owned())), "{name}");
        }
        for name in ASK {
            assert_eq!(pragma(name, false), None, "{name}");
            assert_eq!(pragma(name, true), Some(Refusal::Pragma(name.to_owned())), "{name} = 1");
        }
        for name in SET.iter().chain(&TELL) {
            assert_eq!((pragma(name, false), pragma(name, true)), (None, None), "{name}");
        }
        assert_eq!(pragma("JOURNAL_MODE", true), None);
    }

    #[test]
    fn only_vacuum_itself_attaches_and_only_while_it_runs() {
        let ask = |filename, stage| refusal(&AuthAction::Attach { filename }, stage, false);
        assert_eq!(ask("", Stage::Running), None);
        assert_eq!(ask("", Stage::Reading), Some(Refusal::Attach));
        assert_eq!(ask("x", Stage::Running), Some(Refusal::Attach));
        let computed = AuthAction::Unknown { code: rusqlite::ffi::SQLITE_ATTACH, arg1: None, arg2: None };
        assert_eq!(refusal(&computed, Stage::Running, false), Some(Refusal::Attach));
    }
}
