//! Names, ids and dependencies of all steps together: each name once, each dependency known, no way back.

use std::collections::{HashMap, HashSet};

use pintle_core::plan::{Action, Role, Step, StepIndex};

use crate::fault::Findings;
use crate::limits::MAX_SHOWN_CYCLE;
use crate::nearest::did_you_mean;
use crate::step::{Draft, Wanted};

/// Makes steps of drafts: names where there are none, indexes in place of names.
pub(crate) fn link(mut drafts: Vec<Draft>, chain: bool, findings: &mut Findings) -> Vec<Step> {
    name_all(&mut drafts);
    check_names(&drafts, findings);
    let mut edges = if chain { chain_edges(&drafts, findings) } else { named_edges(&drafts, findings) };
    route(&mut drafts, &mut edges, chain, findings);
    report_cycles(&drafts, &edges, findings);
    let targets = rewind_targets(&drafts, &edges, findings);
    drafts
        .into_iter()
        .zip(edges)
        .zip(targets)
        .map(|((mut draft, edges), target)| {
            if let Some(approval) = &mut draft.step.approval {
                approval.rewind_to = target.map(index);
            }
            // As written: where two steps give out a variable of one name, the later visit counts.
            let mut seen = HashSet::new();
            let depends = edges.iter().map(|edge| index(edge.to)).filter(|to| seen.insert(*to)).collect();
            Step { depends, ..draft.step }
        })
        .collect()
}

fn index(place: usize) -> StepIndex {
    StepIndex(u32::try_from(place).unwrap_or(u32::MAX))
}

/// A dependency: the step it leads to, and which of the written ones it is (none in a chain).
#[derive(Debug, Clone, Copy)]
struct Edge {
    to: usize,
    written: Option<usize>,
}

/// Handlers are named for their moment, other nameless steps for their place. A name that Pintle gives gives way to what
/// the author wrote, ids included: he is not blamed for a name that he did not choose.
fn name_all(drafts: &mut [Draft]) {
    let written = |step: &Step| [Some(step.name.clone()), step.id.clone()];
    let taken: HashSet<String> = drafts.iter().flat_map(|draft| written(&draft.step)).flatten().collect();
    for (place, draft) in drafts.iter_mut().enumerate() {
        if !draft.step.name.is_empty() {
            continue;
        }
        let base = match draft.step.role {
            Role::Main => format!("step_{}", place + 1),
            Role::Gate => "preconditions".to_owned(),
            Role::OnInit => "on_init".to_owned(),
            Role::OnSuccess => "on_success".to_owned(),
            Role::OnFailure => "on_failure".to_owned(),
            Role::OnAbort => "on_abort".to_owned(),
            Role::OnExit => "on_exit".to_owned(),
            Role::OnWait => "on_wait".to_owned(),
        };
        let mut name = base.clone();
        let mut more = 1;
        while taken.contains(&name) {
            more += 1;
            name = format!("{base}_{more}");
        }
        draft.step.name = name;
    }
}

fn check_names(drafts: &[Draft], findings: &mut Findings) {
    let mut names: HashMap<&str, usize> = HashMap::new();
    let mut ids: HashMap<&str, usize> = HashMap::new();
    for (place, draft) in drafts.iter().enumerate() {
        if let Some(id) = draft.step.id.as_deref() {
            twice(drafts, place, &mut ids, id, "id", findings);
        }
        // A step that is named by its id is not blamed a second time.
        if draft.name_place.is_some() || draft.step.id.is_none() {
            twice(drafts, place, &mut names, &draft.step.name, "name", findings);
        }
    }
    for (name, place) in &names {
        let Some(other) = ids.get(name).filter(|other| *other != place) else { continue };
        let (Some(draft), Some(owner)) = (drafts.get(*place), drafts.get(*other)) else { continue };
        findings.conflict(
            draft.name_place.unwrap_or(draft.place),
            format!("{}.name", draft.path),
            format!("the name `{name}` is also the id of another step; choose another name"),
            (owner.id_place.unwrap_or(owner.place), "the id"),
        );
    }
}

fn twice<'d>(
    drafts: &'d [Draft],
    place: usize,
    seen: &mut HashMap<&'d str, usize>,
    text: &'d str,
    what: &str,
    findings: &mut Findings,
) {
    let stands = |draft: &Draft| match what {
        "id" => draft.id_place.unwrap_or(draft.place),
        _ => draft.name_place.unwrap_or(draft.place),
    };
    let Some(first) = seen.get(text).and_then(|first| drafts.get(*first)) else {
        seen.insert(text, place);
        return;
    };
    let Some(draft) = drafts.get(place) else { return };
    findings.conflict(
        stands(draft),
        format!("{}.{what}", draft.path),
        format!("the {what} `{text}` is given to two steps; choose another for one of them"),
        (stands(first), "first given here"),
    );
}

/// `type: chain`: each step behind the one before it.
fn chain_edges(drafts: &[Draft], findings: &mut Findings) -> Vec<Vec<Edge>> {
    let mut last: Option<usize> = None;
    let mut all = Vec::with_capacity(drafts.len());
    for (place, draft) in drafts.iter().enumerate() {
        if draft.step.role != Role::Main {
            all.push(Vec::new());
            continue;
        }
        // An empty list means "behind nothing", which a chain has no room for either.
        if let Some(wanted) = &draft.depends {
            findings.fault(
                wanted.first().map_or(draft.place, |wanted| wanted.place),
                format!("{}.depends", draft.path),
                "in a chain each step follows the one before it; remove `depends`, or use `type: graph`".to_owned(),
            );
        }
        all.push(last.map(|to| Edge { to, written: None }).into_iter().collect());
        last = Some(place);
    }
    all
}

/// The places of main steps, by what they are called.
fn by_name(drafts: &[Draft]) -> HashMap<&str, usize> {
    let main = || drafts.iter().enumerate().filter(|(_, draft)| draft.step.role == Role::Main);
    let mut by_name: HashMap<&str, usize> = HashMap::new();
    for (place, draft) in main() {
        by_name.entry(&draft.step.name).or_insert(place);
    }
    // Ids win over names.
    for (place, draft) in main() {
        if let Some(id) = &draft.step.id {
            by_name.insert(id, place);
        }
    }
    by_name
}

/// Where routers lead: names become indexes, and each target depends on its router.
fn route(drafts: &mut [Draft], edges: &mut [Vec<Edge>], chain: bool, findings: &mut Findings) {
    let routers: Vec<usize> = (0..drafts.len()).filter(|at| drafts.get(*at).is_some_and(is_router)).collect();
    if routers.is_empty() {
        return;
    }
    let mut ways: Vec<(usize, Vec<Vec<StepIndex>>)> = Vec::with_capacity(routers.len());
    let names = by_name(drafts);
    for router in routers {
        let Some(draft) = drafts.get(router) else { continue };
        if chain {
            let message =
                "`router.route` needs `type: graph`; in a chain each step follows the one before it".to_owned();
            findings.fault(draft.place, format!("{}.action", draft.path), message);
            continue;
        }
        let mut found = Vec::new();
        for wanted in draft.targets.routes.iter().chain([&draft.targets.otherwise]) {
            let places: Vec<usize> =
                wanted.iter().filter_map(|wanted| target(drafts, &names, router, wanted, findings)).collect();
            for place in &places {
                let Some(edges) = edges.get_mut(*place) else { continue };
                if !edges.iter().any(|edge| edge.to == router) {
                    edges.push(Edge { to: router, written: None });
                }
            }
            found.push(places.into_iter().map(index).collect());
        }
        ways.push((router, found));
    }
    for (router, mut found) in ways {
        let Some(Action::Route(route)) = drafts.get_mut(router).map(|draft| &mut draft.step.action) else { continue };
        route.otherwise = found.pop().unwrap_or_default();
        for (way, targets) in route.routes.iter_mut().zip(found) {
            way.targets = targets;
        }
    }
}

fn is_router(draft: &Draft) -> bool {
    draft.step.action.route().is_some()
}

fn target(
    drafts: &[Draft],
    names: &HashMap<&str, usize>,
    router: usize,
    wanted: &Wanted,
    findings: &mut Findings,
) -> Option<usize> {
    let message = match names.get(wanted.name.as_str()).copied() {
        Some(to) if to != router => return Some(to),
        Some(_) => {
            let name = drafts.get(router).map_or("", |draft| draft.step.name.as_str());
            format!("the step `{name}` leads to itself; name steps that run behind it")
        }
        None => {
            let hinted = findings.takes_hint();
            let known = names.keys().copied().filter(|_| hinted);
            let hint = did_you_mean(&wanted.name, known, "name a step by its id or its name");
            format!("no step is called `{}`; {hint}", wanted.name)
        }
    };
    findings.fault(wanted.place, wanted.path.clone(), message);
    None
}

fn named_edges(drafts: &[Draft], findings: &mut Findings) -> Vec<Vec<Edge>> {
    let by_name = by_name(drafts);
    drafts
        .iter()
        .enumerate()
        .map(|(place, draft)| {
            let wanted = draft.depends.iter().flatten().enumerate();
            wanted
                .filter_map(|(written, wanted)| {
                    let Some(to) = by_name.get(wanted.name.as_str()).copied() else {
                        let hinted = findings.takes_hint();
                        let names = by_name.keys().copied().filter(|_| hinted);
                        let hint = did_you_mean(&wanted.name, names, "name a step by its id or its name");
                        let message = format!("the step depends on non-existent step `{}`; {hint}", wanted.name);
                        findings.fault(wanted.place, wanted.path.clone(), message);
                        return None;
                    };
                    if to == place {
                        let message = format!("the step `{}` depends on itself; remove this", draft.step.name);
                        findings.fault(wanted.place, wanted.path.clone(), message);
                        return None;
                    }
                    Some(Edge { to, written: Some(written) })
                })
                .collect()
        })
        .collect()
}

/// Where each step rewinds to: itself, or one that it depends on.
fn rewind_targets(drafts: &[Draft], edges: &[Vec<Edge>], findings: &mut Findings) -> Vec<Option<usize>> {
    let find = |name: &str| {
        let by = |hit: &dyn Fn(&Step) -> bool| drafts.iter().position(|d| d.step.role == Role::Main && hit(&d.step));
        by(&|step| step.id.as_deref() == Some(name)).or_else(|| by(&|step| step.name == name))
    };
    let mut targets = Vec::with_capacity(drafts.len());
    for (place, draft) in drafts.iter().enumerate() {
        let target = draft.rewind_to.as_ref().and_then(|wanted| {
            let Some(to) = find(&wanted.name) else {
                let main = drafts.iter().filter(|draft| draft.step.role == Role::Main);
                let names = main.map(|draft| draft.step.id.as_deref().unwrap_or(&draft.step.name));
                let hinted = findings.takes_hint();
                let hint = did_you_mean(&wanted.name, names.filter(|_| hinted), "name a step by its id or its name");
                let message = format!("no step is called `{}`; {hint}", wanted.name);
                findings.fault(wanted.place, wanted.path.clone(), message);
                return None;
            };
            if to != place && !leads_to(edges, place, to) {
                let message = format!(
                    "the step does not depend on `{}`; rewind to the step itself, or to one that comes before it",
                    wanted.name
                );
                findings.fault(wanted.place, wanted.path.clone(), message);
                return None;
            }
            Some(to)
        });
        targets.push(target);
    }
    targets
}

/// Whether the step at `from` depends on the one at `to`, directly or through others.
fn leads_to(edges: &[Vec<Edge>], from: usize, to: usize) -> bool {
    let mut seen = HashSet::from([from]);
    let mut open = vec![from];
    while let Some(place) = open.pop() {
        for edge in edges.get(place).into_iter().flatten() {
            if edge.to == to {
                return true;
            }
            if seen.insert(edge.to) {
                open.push(edge.to);
            }
        }
    }
    false
}

/// Where a step stands in the search for cycles.
#[derive(Clone, Copy, PartialEq)]
enum Mark {
    New,
    Open,
    Done,
}

/// Walks against the arrows with a stack of its own; each way back into the open path is a cycle, named whole.
fn report_cycles(drafts: &[Draft], edges: &[Vec<Edge>], findings: &mut Findings) {
    let mut marks = vec![Mark::New; drafts.len()];
    for root in 0..drafts.len() {
        if marks.get(root) != Some(&Mark::New) {
            continue;
        }
        let mut path: Vec<(usize, usize)> = vec![(root, 0)];
        set(&mut marks, root, Mark::Open);
        while let Some((place, next)) = path.last_mut() {
            let edge = edges.get(*place).and_then(|edges| edges.get(*next)).copied();
            let Some(edge) = edge else {
                set(&mut marks, *place, Mark::Done);
                path.pop();
                continue;
            };
            *next += 1;
            match marks.get(edge.to) {
                Some(Mark::New) => {
                    set(&mut marks, edge.to, Mark::Open);
                    path.push((edge.to, 0));
                }
                Some(Mark::Open) => report_cycle(drafts, &path, edge, findings),
                Some(Mark::Done) | None => {}
            }
        }
    }
}

fn set(marks: &mut [Mark], place: usize, mark: Mark) {
    if let Some(slot) = marks.get_mut(place) {
        *slot = mark;
    }
}

fn report_cycle(drafts: &[Draft], path: &[(usize, usize)], back: Edge, findings: &mut Findings) {
    let name = |place: usize| drafts.get(place).map_or("", |draft| draft.step.name.as_str());
    let entered = path.iter().position(|(place, _)| *place == back.to).unwrap_or_default();
    let around = path.iter().skip(entered).map(|(place, _)| name(*place));
    let mut shown: Vec<&str> = around.collect();
    if shown.len() > MAX_SHOWN_CYCLE {
        shown.truncate(MAX_SHOWN_CYCLE);
        shown.push("...");
    }
    shown.push(name(back.to));
    let Some(last) = path.last().and_then(|(place, _)| drafts.get(*place)) else { return };
    let written = back.written.and_then(|at| last.depends.as_ref().and_then(|all| all.get(at)));
    let (place, path) = written.map_or((last.place, last.path.clone()), |wanted| (wanted.place, wanted.path.clone()));
    let message = format!("these steps wait for each other: {}; remove one of the dependencies", shown.join(" -> "));
    findings.fault(place, path, message);
}
