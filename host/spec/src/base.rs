//! What all DAGs have in common (`base.yaml`): fields that are laid under those of every DAG, before anything is read of
//! them. What a DAG says itself counts; variables of both are set, the common ones first; of handlers and defaults each
//! counts by itself.
//!
//! The file is checked by itself first, so that a fault in it is shown where it stands. In a DAG its fields have the place
//! of the whole document, and what a notice would say of them is left out: whoever reads it did not write them. What is to
//! be said of the file itself is [`Base::notices`].

use pintle_core::plan::Plan;

use crate::dag::read_dag;
use crate::document::{self, Entry, Node, Scalar, Value};
use crate::fault::{Faults, Findings, Notices};
use crate::known::KnownActions;
use crate::limits::MAX_BASE_BYTES;
use crate::reader::{At, Reader};
use crate::source::{Place, SourceFile};

/// As people know the file.
const BASE: &str = "base.yaml";
/// What a DAG has for itself alone.
const OWN: [&str; 3] = ["name", "steps", "actions"];
/// Of these, each field by itself is under that of the DAG.
const BY_FIELD: [&str; 2] = ["handler_on", "defaults"];
/// The variables.
const ENV: &str = "env";
/// A shell, and what it is given.
const SHELL: &str = "shell";
const ARGUMENTS: &str = "shell_args";
/// Fields that were called otherwise once.
const RENAMED: [(&str, &str); 1] = [("cancel", "abort")];

/// The common fields, checked.
#[derive(Debug, Clone, Default)]
pub struct Base {
    entries: Vec<Entry>,
    notices: Option<Notices>,
}

impl Base {
    /// Reads and checks the file. An empty one has nothing to say.
    pub fn parse(source: &SourceFile, known: &dyn KnownActions) -> Result<Self, Faults> {
        let says_nothing = |line: &str| line.trim().is_empty() || line.trim_start().starts_with('#');
        if source.text.lines().all(says_nothing) {
            return Ok(Self::default());
        }
        let mut reader = Reader::new(known, &source.text);
        if source.text.len() > MAX_BASE_BYTES {
            let message = format!("the file has {} bytes and may have {MAX_BASE_BYTES}", source.text.len());
            reader.findings.fault(Place::default(), String::new(), message);
        }
        let documents = document::load(&source.text, &mut reader.findings).unwrap_or_default();
        if let Some(second) = documents.get(1) {
            let message =
                "the file has one document, with what all DAGs have in common; remove what is behind its `---`";
            reader.findings.fault(second.place, String::new(), message.to_owned());
        }
        let root = documents.into_iter().next().filter(|root| !root.is_null());
        if let Some(root) = &root {
            check(&mut reader, root);
        }
        let notices = reader.findings.close(source)?.without_references();
        let entries = match root.map(|root| root.value) {
            Some(Value::Map(entries)) => entries,
            Some(Value::Scalar(_) | Value::List(_)) | None => Vec::new(),
        };
        Ok(Self { entries, notices: Some(notices).filter(|notices| !notices.is_empty()) })
    }

    /// What its author may want to know; nothing is said of references, which each DAG gives their values.
    #[must_use]
    pub fn notices(&self) -> Option<&Notices> {
        self.notices.as_ref()
    }

    /// Lays the fields under those of a document.
    pub(crate) fn lay_under(&self, document: &mut Node) {
        let place = document.place;
        let Value::Map(own) = &mut document.value else { return };
        // Arguments belong to the shell beside them.
        let has_shell = own.iter().any(|entry| entry.key == SHELL);
        for common in self.entries.iter().filter(|common| !has_shell || common.key != ARGUMENTS) {
            let mut common = common.clone();
            stand_at(&mut common, place);
            match own.iter_mut().find(|entry| entry.key == common.key) {
                None => own.push(common),
                Some(entry) if entry.key == ENV => entry.node = both(common.node, &entry.node),
                Some(entry) if BY_FIELD.contains(&entry.key.as_str()) => fill_up(&mut entry.node, common.node),
                Some(_) => {}
            }
        }
    }

    /// Leaves out the notices about fields that were laid under `document`, and says of their faults where they stand.
    pub(crate) fn tell_apart(&self, findings: &mut Findings, document: Place) {
        findings.come_from(BASE, |place, path| {
            let key = path.split(['.', '[']).next().unwrap_or_default();
            place == document && self.entries.iter().any(|entry| entry.key == key)
        });
    }
}

/// As a DAG of one step that does nothing.
fn check(reader: &mut Reader<'_>, root: &Node) {
    let at = At::root(root);
    for entry in at.entries().iter().filter(|entry| OWN.contains(&entry.key.as_str())) {
        let message = format!("`{}` is each DAG's own; this file has what all DAGs have in common", entry.key);
        reader.fault_key(&at, &entry.key, message);
    }
    let mut whole = root.clone();
    let text = |text: &str| Node { place: root.place, value: Value::Scalar(Scalar::text(text)) };
    let field = |key: &str, node: Node| Entry { key: key.to_owned(), key_place: root.place, node };
    if let Value::Map(entries) = &mut whole.value {
        entries.retain(|entry| !OWN.contains(&entry.key.as_str()));
        let step = Node { place: root.place, value: Value::Map(vec![field("action", text("noop"))]) };
        entries.push(field("steps", Node { place: root.place, value: Value::List(vec![step]) }));
    }
    let _checked: Option<Plan> = read_dag(reader, &At::root(&whole), "base");
}

fn stand_at(entry: &mut Entry, place: Place) {
    fn node_at(node: &mut Node, place: Place) {
        node.place = place;
        match &mut node.value {
            Value::Scalar(_) => {}
            Value::List(items) => items.iter_mut().for_each(|item| node_at(item, place)),
            Value::Map(entries) => entries.iter_mut().for_each(|entry| stand_at(entry, place)),
        }
    }
    entry.key_place = place;
    node_at(&mut entry.node, place);
}

/// Variables of both, the common ones first; a map and a list of maps are the same.
fn both(common: Node, own: &Node) -> Node {
    let place = own.place;
    let items = |node: Node| match node.value {
        Value::List(items) => items,
        Value::Map(_) => vec![node],
        Value::Scalar(_) if node.is_null() => Vec::new(),
        // It is refused where it stands.
        Value::Scalar(_) => vec![node],
    };
    let all = items(common).into_iter().chain(items(own.clone())).collect();
    Node { place, value: Value::List(all) }
}

/// Fields that are not there yet.
fn fill_up(own: &mut Node, common: Node) {
    let (Value::Map(own), Value::Map(common)) = (&mut own.value, common.value) else { return };
    let today = |key: &str| RENAMED.iter().find(|(old, _)| *old == key).map_or(key, |(_, today)| *today).to_owned();
    let is_new = |entry: &Entry| !own.iter().any(|held| today(&held.key) == today(&entry.key));
    let new = common.into_iter().filter(is_new).collect::<Vec<_>>();
    own.extend(new);
}

#[cfg(test)]
#[expect(clippy::expect_used, reason = "a test fails by panicking")]
mod tests {
    use pintle_core::plan::Role;
    use pintle_core::plugin::ActionRow;

    use super::*;
    use crate::{Parsed, parse_over};

    const NONE: Vec<ActionRow> = Vec::new();

    fn base(text: &str) -> Result<Base, String> {
        let source = SourceFile::new("base.yaml", text);
        Base::parse(&source, &NONE).map_err(|faults| faults.report().to_string())
    }

    fn over(common: &str, text: &str) -> Parsed {
        let base = base(common).expect("a base");
        parse_over(&SourceFile::new("flow.yaml", text), &NONE, &base).expect("a DAG")
    }

    #[test]
    fn what_a_dag_says_itself_counts() {
        let common = "timeout_sec: 60\nmax_active_steps: 2\ndefaults: {timeout_sec: 5, env: {D: 1}}\n";
        let plan = over(common, "timeout_sec: 10\ndefaults: {timeout_sec: 7}\nsteps: [{run: x}]\n").plan;
        assert_eq!(plan.timeout.map(|span| span.as_millis()), Some(10_000));
        assert_eq!(plan.max_active_steps, Some(2));
        let step = plan.steps.first().expect("a step");
        assert_eq!(step.timeout.map(|span| span.as_millis()), Some(7_000));
        assert_eq!(step.env.first().map(|(name, _)| name.as_str()), Some("D"));
    }

    #[test]
    fn variables_of_both_are_set_and_handlers_count_by_themselves() {
        let common = "env: {A: 1, B: 1}\nhandler_on: {exit: {run: common}, failure: {run: common}}\n";
        let parsed = over(
            common,
            "env: [{B: 2}, C=3]\nhandler_on: {exit: {run: own}}\nsteps: [{run: x}]\n---\nname: d\nsteps: [{run: y}]\n",
        );
        let names = |plan: &Plan| plan.env.iter().map(|(name, text)| format!("{name}={}", text.0)).collect::<Vec<_>>();
        assert_eq!(names(&parsed.plan), ["A=1", "B=1", "B=2", "C=3"]);
        let (_, local) = parsed.plan.dags.first().expect("a second DAG");
        assert_eq!(names(local), ["A=1", "B=1"]);
        let ran = |role| {
            let step = parsed.plan.handler(role).and_then(|index| parsed.plan.step(index)).expect("a handler");
            format!("{:?}", step.action)
        };
        assert!(ran(Role::OnExit).contains("own"));
        assert!(ran(Role::OnFailure).contains("common"));
    }

    #[test]
    fn a_fault_stands_in_the_file_and_what_is_only_noticed_is_not_told_of_each_dag() {
        let told = base("timeout_sec: soon\nsteps: [{run: x}]\nnope: 1\n").expect_err("faults");
        for wanted in [
            "base.yaml:1:",
            "base.yaml:2:1",
            "`steps` is each DAG's own; this file has what all DAGs have in common",
            "`nope` is unknown",
        ] {
            assert!(told.contains(wanted), "{wanted} is missing in {told}");
        }
        let parsed = over("mail_on: {failure: true}\nenv: {X: \"${consts.no}\"}\n", "steps: [{run: x}]\n");
        assert!(parsed.notices.is_empty(), "{}", parsed.notices.report());
        let common = base("mail_on: {failure: true}\nenv: {X: \"${consts.no}\"}\n").expect("a base");
        let told: Vec<String> = common
            .notices()
            .iter()
            .flat_map(|notices| notices.report().findings())
            .map(|one| one.path.clone())
            .collect();
        assert_eq!(told, ["mail_on"], "references are each DAG's");
        assert!(base("env: {A: 1}\n").is_ok_and(|base| base.notices().is_none()));
        for nothing in ["", "# to come\n\n", "null\n"] {
            assert!(base(nothing).is_ok_and(|base| base.entries.is_empty()), "{nothing:?}");
        }
        assert!(base("- a list\n").is_err());
        let told = base("env: {A: 1}\n---\nenv: {B: 1}\n").expect_err("two documents");
        let one = "the file has one document, with what all DAGs have in common; remove what is behind its `---`";
        assert!(told.contains(one), "{told}");
        let told = base(&format!("description: {}\n", "x".repeat(MAX_BASE_BYTES))).expect_err("a long text");
        assert!(told.contains(&format!("bytes and may have {MAX_BASE_BYTES}")), "{told}");
    }

    #[test]
    fn a_shell_has_its_own_arguments_and_old_names_are_the_same() {
        let common = "shell: bash\nshell_args: [-u]\nhandler_on: {abort: {run: common}}\n";
        let plan = over(common, "shell: sh\nhandler_on: {cancel: {run: own}}\nsteps: [{run: x}]\n").plan;
        assert_eq!(plan.shell.map(|shell| shell.arguments.len()), Some(0));
        assert_eq!(over(common, "steps: [{run: x}]\n").plan.shell.map(|shell| shell.arguments.len()), Some(1));
    }

    #[test]
    fn what_only_goes_wrong_in_a_dag_names_both() {
        let base = base("handler_on: {exit: {name: fin, run: x}}\n").expect("a base");
        let told = parse_over(&SourceFile::new("flow.yaml", "steps: [{name: fin, run: x}]\n"), &NONE, &base);
        let told = told.expect_err("two steps of one name").report().to_string();
        assert!(told.contains("flow.yaml") && told.contains("` is that of base.yaml)"), "{told}");
    }
}
