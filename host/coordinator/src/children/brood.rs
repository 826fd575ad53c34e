//! The children of one step, as its home knows them beside the fold.

use std::collections::{BTreeSet, HashMap, VecDeque};
use std::sync::Arc;

use pintle_core::counter::Fence;
use pintle_core::ids::RunId;
use pintle_core::plan::StepIndex;
use pintle_spec::eval::Outer;
use pintle_spec::fan::FanItem;

use super::items;
use super::place::{Place, child_id};
use crate::begin::Pinned;
use crate::error::Error;
use crate::live::Live;
use crate::service::Coordinator;
use crate::timer::Due;

/// What the home of a parent knows of its step's children. It can be made anew at any time.
#[derive(Debug)]
pub(crate) struct Brood {
    /// Since when the step waits.
    pub(crate) fence: Fence,
    pub(crate) items: Arc<Vec<FanItem>>,
    /// Not started, or not looked for yet.
    pub(crate) waiting: VecDeque<u32>,
    /// Started, and not known to be over.
    pub(crate) open: BTreeSet<u32>,
    /// Open ones whose parameters are being computed: they are no runs yet.
    pub(crate) computing: BTreeSet<u32>,
    /// Open ones that wait for a person; they leave their place to others.
    pub(crate) idle: BTreeSet<u32>,
    /// Open ones of which nothing goes on before a retry; they leave their place to others too.
    pub(crate) paused: BTreeSet<u32>,
    /// Paused ones whose retry is due: they go on as soon as there is a place.
    pub(crate) due: BTreeSet<u32>,
    /// Open ones that came to rest and were not looked at yet.
    pub(crate) rested: BTreeSet<u32>,
    /// Told to stop, and whether at once.
    pub(crate) stopped: Option<bool>,
    /// What bodies see of the step around them.
    pub(crate) outer: Option<Arc<Outer>>,
    /// Plans of children, with their texts: most children share one.
    pub(crate) plans: HashMap<Option<String>, Pinned>,
}

impl Brood {
    pub(crate) fn id(&self, live: &Live, step: StepIndex, child: u32) -> RunId {
        let key = usize::try_from(child).ok().and_then(|at| self.items.get(at)).map_or("", |item| item.key.as_str());
        child_id(live, step, key)
    }

    /// The id of the child that stands there.
    pub(super) fn id_of(&self, live: &Live, place: Place<'_>) -> RunId {
        self.id(live, place.step, place.child)
    }

    /// Children that have a place.
    pub(crate) fn moving(&self) -> usize {
        self.open.len().saturating_sub(self.idle.len()).saturating_sub(self.paused.len())
    }

    /// Nothing can go on before a person acts.
    pub(crate) fn all_idle(&self) -> bool {
        self.waiting.is_empty() && !self.open.is_empty() && self.idle.len() == self.open.len()
    }
}

impl Coordinator {
    /// Everything that is known of a step's children, from the store.
    pub(crate) async fn brood(&self, live: &mut Live, step: StepIndex) -> Result<Brood, Error> {
        let state = live.run.step(step).cloned().unwrap_or_default();
        let unfit = |reason: String| Error::Plan { run: live.run.id.clone(), reason };
        let Some(children) = state.children else { return Err(unfit("a step waits for no children".to_owned())) };
        let text = self.unblob_output(&children.items).await?;
        let items = items(&text.0).map_err(|error| unfit(error.to_string()))?;
        let mut brood = Brood {
            fence: state.fence,
            items: Arc::new(items),
            waiting: children.unfinished().collect(),
            open: BTreeSet::new(),
            computing: BTreeSet::new(),
            idle: BTreeSet::new(),
            paused: BTreeSet::new(),
            due: BTreeSet::new(),
            rested: BTreeSet::new(),
            stopped: None,
            outer: None,
            plans: HashMap::new(),
        };
        if let Some(due) = live.step_due(step) {
            self.timers.arm(Due { at: due, run: live.run.id.clone(), step: Some(step) });
        }
        if live.run.head.stop.is_some() {
            // None is started any more: those that were are looked for.
            brood.waiting.clear();
            let open = self.open_children(live, step).await?;
            brood.open = open.into_iter().map(|(child, _)| child).filter(|child| !children.is_over(*child)).collect();
        }
        Ok(brood)
    }

    /// Children of a step that are not over, as their rows stand.
    pub(crate) async fn open_children(&self, live: &Live, step: StepIndex) -> Result<Vec<(u32, RunId)>, Error> {
        const PAGE: usize = 1000;
        let (mut open, mut from) = (Vec::new(), 0);
        loop {
            let rows = self.store.children(&live.run.id, (step, from), PAGE).await?;
            let count = rows.len();
            for row in rows {
                let Some(parent) = row.parent.filter(|parent| parent.step == step) else { return Ok(open) };
                from = parent.child.saturating_add(1);
                if !row.status.is_terminal() {
                    open.push((parent.child, row.id));
                }
            }
            if count < PAGE {
                return Ok(open);
            }
        }
    }
}
