//! Where a child stands among those of its parent, and the id that follows from it.

use pintle_core::ids::RunId;
use pintle_core::plan::{Fan, StepIndex};
use uuid::Uuid;

use crate::live::Live;

/// Names of children are made in this one's space (RFC 9562, 5.5); drawn once, by chance.
const SPACE: Uuid = Uuid::from_u128(0x6d1f_3a0e_52b7_4c1d_9a38_0f5e_71c2_b964);

/// Which child of which step.
#[derive(Clone, Copy)]
pub(super) struct Place<'a> {
    pub(super) fan: &'a Fan,
    pub(super) step: StepIndex,
    pub(super) child: u32,
}

impl Place<'_> {
    pub(super) fn at(self) -> usize {
        usize::try_from(self.child).unwrap_or(usize::MAX)
    }
}

/// The same for every try of a step, so that a retry finds its children: a hash of the parent, the step, the item's key,
/// and how often the step was repeated or run again on purpose.
pub(crate) fn child_id(live: &Live, step: StepIndex, key: &str) -> RunId {
    let name = live.run.plan.step(step).map(|step| step.name.as_str()).unwrap_or_default();
    let (repetition, redone) = live.run.step(step).map(|s| (s.repetition, s.redone)).unwrap_or_default();
    let mut hashed = Vec::new();
    for part in [live.run.id.as_str(), name, key] {
        hashed.extend_from_slice(&(part.len() as u64).to_be_bytes());
        hashed.extend_from_slice(part.as_bytes());
    }
    hashed.extend_from_slice(&repetition.to_be_bytes());
    hashed.extend_from_slice(&redone.to_be_bytes());
    let text = Uuid::new_v5(&SPACE, &hashed).to_string();
    // A UUID is never refused; were it ever, the parent's own id is one that is taken.
    RunId::new(text).unwrap_or_else(|_| live.run.id.clone())
}
