//! What is wrong with a document, or worth a word: each finding with its place, its field and what to do.
//!
//! Nobody who reads a document stops at the first finding. They are gathered in [`Findings`], sorted by place, and
//! given out once, as a [`Report`].

mod render;

use std::collections::HashSet;
use std::fmt;

use serde::Serialize;

use crate::limits::{MAX_FINDINGS, MAX_HINTS};
use crate::source::{Lines, Place, SourceFile};

/// One finding.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// From 1.
    pub line: u32,
    /// From 1, in characters.
    pub column: u32,
    /// Field: `steps[2].retry_policy.limit`; empty for the document as a whole.
    pub path: String,
    /// What is wrong and what to do, in one sentence.
    pub message: String,
    /// Of a reference that was left unchanged: why, as a word for programs (`missing_dependency`).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<&'static str>,
    #[serde(skip)]
    place: Place,
    #[serde(skip)]
    also: Option<(Place, String)>,
}

impl Finding {
    pub(crate) fn new(place: Place, path: String, message: String) -> Self {
        Self { line: 1, column: 1, path, message, reason: None, place, also: None }
    }

    /// What a second place has to do with it, if there is one: "first set here".
    #[must_use]
    pub fn explanation(&self) -> Option<&str> {
        self.also.as_ref().map(|(_, words)| words.as_str())
    }
}

/// How much a finding weighs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    /// The document is refused.
    Error,
    /// It is taken; something in it does less than its author may think.
    Notice,
    /// It is taken; whether something in it has a value, only the run will show.
    Info,
}

/// Whether a rendering is for a terminal that shows colours.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Colours {
    /// ANSI escapes.
    On,
    /// Plain text.
    Off,
}

/// Findings of one document, in the order of their places.
#[derive(Debug, Clone)]
pub struct Report {
    level: Level,
    source: SourceFile,
    findings: Vec<Finding>,
    omitted: usize,
}

impl Report {
    fn new(level: Level, source: SourceFile, mut findings: Vec<Finding>) -> Self {
        findings.sort_by(|a, b| (a.place, &a.message).cmp(&(b.place, &b.message)));
        findings.dedup();
        let omitted = findings.len().saturating_sub(MAX_FINDINGS);
        findings.truncate(MAX_FINDINGS);
        let lines = Lines::new(&source.text);
        for finding in &mut findings {
            (finding.line, finding.column) = lines.position(&source.text, finding.place.start as usize);
        }
        Self { level, source, findings, omitted }
    }

    /// The findings, without those beyond the bound of a report.
    #[must_use]
    pub fn findings(&self) -> &[Finding] {
        &self.findings
    }

    /// How many there are, shown or not.
    #[must_use]
    pub fn count(&self) -> usize {
        self.findings.len() + self.omitted
    }

    /// Nothing to say.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.findings.is_empty()
    }

    /// Path of the document, as shown.
    #[must_use]
    pub fn file(&self) -> &str {
        &self.source.name
    }

    /// Each finding with the line it is about and a caret below it.
    #[must_use]
    pub fn render(&self, colours: Colours) -> String {
        render::render(self, colours)
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.render(Colours::Off))
    }
}

/// Why a document is refused: all faults at once.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{0}")]
pub struct Faults(Report);

impl Faults {
    pub(crate) fn from_findings(source: SourceFile, findings: Vec<Finding>) -> Self {
        Self(Report::new(Level::Error, source, findings))
    }

    /// No plan came of a document, and no reader said why.
    pub(crate) fn unreadable(source: &SourceFile) -> Self {
        let message = "the document holds no DAG; a DAG is a map with `steps:`".to_owned();
        let finding = Finding::new(Place::default(), String::new(), message);
        Self::from_findings(source.clone(), vec![finding])
    }

    /// The faults with their places.
    #[must_use]
    pub fn report(&self) -> &Report {
        &self.0
    }

    /// As [`Report::render`].
    #[must_use]
    pub fn render(&self, colours: Colours) -> String {
        self.0.render(colours)
    }
}

/// What a document's author may want to know although the document is taken.
#[derive(Debug, Clone)]
pub struct Notices {
    defects: Report,
    runtime_only: Report,
}

/// Code of a notice that `validate` makes a fault of.
const ENTRYPOINT_NAME: &str = "entrypoint_name";

impl Notices {
    fn from_findings(source: &SourceFile, defects: Vec<Finding>, runtime_only: Vec<Finding>) -> Self {
        Self {
            defects: Report::new(Level::Notice, source.clone(), defects),
            runtime_only: Report::new(Level::Info, source.clone(), runtime_only),
        }
    }

    /// The notices with their places.
    #[must_use]
    pub fn report(&self) -> &Report {
        &self.defects
    }

    /// References that nothing in the document gives a value, and the run may (`validate --show-unresolved`). They are
    /// no part of [`Self::report`], and no mistakes.
    #[must_use]
    pub fn runtime_only(&self) -> &Report {
        &self.runtime_only
    }

    /// As [`Report::render`].
    #[must_use]
    pub fn render(&self, colours: Colours) -> String {
        self.defects.render(colours)
    }

    /// Nothing to say.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.defects.is_empty()
    }

    /// Without those on references: whether they lead anywhere is for each DAG to say.
    pub(crate) fn without_references(self) -> Self {
        let mut defects = self.defects;
        defects.findings.retain(|finding| finding.reason.is_none());
        Self { runtime_only: Report { findings: Vec::new(), ..self.runtime_only }, defects }
    }

    /// What a start takes with a notice, and `validate` does not take: nothing where there is none.
    #[must_use]
    pub fn refused(&self) -> Option<Faults> {
        let report = &self.defects;
        let refused: Vec<Finding> =
            report.findings.iter().filter(|finding| finding.reason == Some(ENTRYPOINT_NAME)).cloned().collect();
        if refused.is_empty() {
            return None;
        }
        Some(Faults(Report { level: Level::Error, findings: refused, ..report.clone() }))
    }

    /// `validate --strict`: every notice is a fault; nothing where there was none.
    pub fn into_faults(self) -> Result<(), Faults> {
        if self.is_empty() {
            return Ok(());
        }
        Err(Faults(Report { level: Level::Error, ..self.defects }))
    }
}

/// Why a reference is left unchanged, as programs read it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Unresolved {
    /// `unknown_const_name` and the like.
    pub(crate) code: &'static str,
    /// Only the run will show whether it has a value.
    pub(crate) runtime_only: bool,
}

/// Where findings are gathered while a document is read.
#[derive(Debug, Default)]
pub(crate) struct Findings {
    faults: Vec<Finding>,
    notices: Vec<Finding>,
    runtime_only: Vec<Finding>,
    hints: usize,
    /// The call whose step is being read.
    call: Option<Place>,
    /// What was said of the places that calls lead to.
    told: HashSet<(Place, String)>,
}

impl Findings {
    pub(crate) fn fault(&mut self, place: Place, path: String, message: String) {
        let finding = self.found(place, path, message);
        self.faults.extend(finding);
    }

    /// What is found from here on stands, or was called, at `call`.
    pub(crate) fn enter(&mut self, call: Place) {
        self.call = Some(call);
    }

    /// The call is over.
    pub(crate) fn leave(&mut self) {
        self.call = None;
    }

    /// The finding with the call that led to it, if one did; nothing where it was told of another call.
    fn found(&mut self, place: Place, path: String, message: String) -> Option<Finding> {
        let outside = |call: &Place| place.start < call.start || place.end > call.end;
        let Some(call) = self.call.filter(outside) else { return Some(Finding::new(place, path, message)) };
        let new = self.told.insert((place, message.clone()));
        let also = Some((call, "called from here".to_owned()));
        new.then(|| Finding { also, ..Finding::new(place, path, message) })
    }

    /// A fault that a second place explains.
    pub(crate) fn conflict(&mut self, place: Place, path: String, message: String, also: (Place, &str)) {
        let also = Some((also.0, also.1.to_owned()));
        self.faults.push(Finding { also, ..Finding::new(place, path, message) });
    }

    pub(crate) fn notice(&mut self, place: Place, path: String, message: String) {
        let finding = self.found(place, path, message);
        self.notices.extend(finding);
    }

    /// What stands in another file: its notices are taken back, and its faults name it.
    pub(crate) fn come_from(&mut self, file: &str, is_one: impl Fn(Place, &str) -> bool) {
        self.notices.retain(|notice| !is_one(notice.place, &notice.path));
        self.runtime_only.retain(|notice| !is_one(notice.place, &notice.path));
        for fault in self.faults.iter_mut().filter(|fault| is_one(fault.place, &fault.path)) {
            fault.message.push_str(&format!(" (`{}` is that of {file})", fault.path));
        }
    }

    /// What runs, and `validate` refuses: see [`Notices::refused`].
    pub(crate) fn refused_by_validate(&mut self, place: Place, path: String, message: String) {
        self.notices.push(Finding { reason: Some(ENTRYPOINT_NAME), ..Finding::new(place, path, message) });
    }

    /// A reference that is left unchanged.
    pub(crate) fn unresolved(&mut self, place: Place, path: String, message: String, reason: Unresolved) {
        let finding = Finding { reason: Some(reason.code), ..Finding::new(place, path, message) };
        if reason.runtime_only {
            self.runtime_only.push(finding);
        } else {
            self.notices.push(finding);
        }
    }

    /// Whether one more near name may be looked up.
    pub(crate) fn takes_hint(&mut self) -> bool {
        self.hints += 1;
        self.hints <= MAX_HINTS
    }

    /// Whether there are more faults than are shown.
    pub(crate) fn is_full(&self) -> bool {
        self.faults.len() > MAX_FINDINGS
    }

    pub(crate) fn has_faults(&self) -> bool {
        !self.faults.is_empty()
    }

    /// The notices, or all faults.
    pub(crate) fn close(self, source: &SourceFile) -> Result<Notices, Faults> {
        if self.has_faults() {
            return Err(Faults::from_findings(source.clone(), self.faults));
        }
        Ok(Notices::from_findings(source, self.notices, self.runtime_only))
    }
}
