//! The documents of a file: the first is what runs, those behind it are DAGs that its steps may run by name.

use std::collections::{HashMap, HashSet};

use pintle_core::plan::{Child, Plan};

use crate::dag::read_dag;
use crate::document::Node;
use crate::fan::fans;
use crate::reader::{At, Reader};
use crate::source::{Place, SourceFile};

/// Reads every document, so that the faults of all are found at once.
pub(crate) fn read_file(reader: &mut Reader<'_>, documents: &[Node], source: &SourceFile) -> Option<Plan> {
    let (entry, locals) = documents.split_first()?;
    let at = At::root(entry);
    let mut plan = read_dag(reader, &at, source.stem());
    if !locals.is_empty() {
        refuse_name(reader, &at);
    }
    let mut names: HashMap<String, Place> = HashMap::new();
    reader.is_below = true;
    for (place, node) in locals.iter().enumerate() {
        let local = read_local(reader, &At::root(node), place + 2, &mut names);
        if let (Some(plan), Some(local)) = (&mut plan, local) {
            plan.dags.push((local.name.clone(), local));
        }
    }
    plan
}

/// The entrypoint of several documents is nobody's step: a start takes it with a name all the same, as Dagu does.
fn refuse_name(reader: &mut Reader<'_>, at: &At<'_>) {
    let Some(entry) = at.entry("name") else { return };
    let message = "the entrypoint, the first of several documents, has no `name`: no step runs it by name; remove it";
    let (place, path) = (entry.key_place, at.path.key("name").to_string());
    reader.findings.refused_by_validate(place, path, message.to_owned());
}

/// A document behind the first; `number` counts from 1.
fn read_local(reader: &mut Reader<'_>, at: &At<'_>, number: usize, names: &mut HashMap<String, Place>) -> Option<Plan> {
    if at.node.is_null() {
        reader.fault(at, format!("document {number} is empty; write a DAG behind its `---`, or remove it"));
        return None;
    }
    let plan = read_dag(reader, at, "")?;
    let Some(name) = at.get("name") else {
        reader.fault(at, format!("document {number} has no `name:`; steps run a DAG of this file by its name"));
        return None;
    };
    if let Some(first) = names.insert(plan.name.clone(), name.place()).filter(|_| !plan.name.is_empty()) {
        let message = format!("the name `{}` is given to two documents; choose another for one of them", plan.name);
        reader.findings.conflict(name.place(), "name".to_owned(), message, (first, "first given here"));
    }
    Some(plan)
}

/// The DAGs that steps run and the file does not hold, in the order in which steps name them.
pub(crate) fn needs(plan: &Plan) -> Vec<String> {
    let mut known: HashSet<&str> = plan.dags.iter().map(|(name, _)| name.as_str()).collect();
    let all = std::iter::once(plan).chain(plan.dags.iter().map(|(_, local)| local));
    let mut needs = Vec::new();
    for fan in all.flat_map(fans) {
        match &fan.child {
            Child::Dag(name) if !name.0.contains('$') && known.insert(&name.0) => needs.push(name.0.clone()),
            Child::Dag(_) | Child::Body(_) => {}
        }
    }
    needs
}
