//! The order of a plan's steps.

use std::collections::BTreeSet;

use crate::plan::{Plan, StepIndex};

/// Who comes behind whom. Made once for a plan.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Graph {
    children: Vec<Vec<StepIndex>>,
}

/// Steps that wait for each other: each depends on the next, and the last on the first.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("steps {} wait for each other", .0.iter().map(|i| i.0.to_string()).collect::<Vec<_>>().join(", "))]
pub struct Cycle(pub Vec<StepIndex>);

impl Graph {
    /// The order of `plan`; dependencies outside of it are ignored, for spec has refused them.
    #[must_use]
    pub fn of(plan: &Plan) -> Self {
        let mut children = vec![Vec::new(); plan.steps.len()];
        for (index, step) in plan.indexed() {
            for dep in &step.depends {
                if let Some(list) = children.get_mut(dep.get()) {
                    list.push(index);
                }
            }
        }
        Self { children }
    }

    /// Steps that name `index` in `depends`, in the document's order.
    #[must_use]
    pub fn children(&self, index: StepIndex) -> &[StepIndex] {
        self.children.get(index.get()).map_or(&[], Vec::as_slice)
    }

    /// `chosen` and everything behind them.
    #[must_use]
    pub fn with_descendants(&self, chosen: &[StepIndex]) -> BTreeSet<StepIndex> {
        let mut found: BTreeSet<StepIndex> = chosen.iter().copied().collect();
        let mut open = chosen.to_vec();
        while let Some(index) = open.pop() {
            for child in self.children(index) {
                if found.insert(*child) {
                    open.push(*child);
                }
            }
        }
        found
    }

    /// Every step after all that it depends on; among equals in the document's order.
    pub fn order(&self) -> Result<Vec<StepIndex>, Cycle> {
        let mut open = vec![0usize; self.children.len()];
        for child in self.children.iter().flatten() {
            if let Some(count) = open.get_mut(child.get()) {
                *count += 1;
            }
        }
        let all = || (0u32..).map(StepIndex).take(self.children.len());
        let mut ready: BTreeSet<StepIndex> = all().filter(|i| open.get(i.get()) == Some(&0)).collect();
        let mut order = Vec::with_capacity(self.children.len());
        while let Some(index) = ready.pop_first() {
            order.push(index);
            for child in self.children(index) {
                if let Some(count) = open.get_mut(child.get()) {
                    *count -= 1;
                    if *count == 0 {
                        ready.insert(*child);
                    }
                }
            }
        }
        if order.len() == self.children.len() { Ok(order) } else { Err(self.cycle(&open)) }
    }

    /// Walks back along open dependencies until a step comes up twice.
    fn cycle(&self, open: &[usize]) -> Cycle {
        let stuck = |i: &StepIndex| open.get(i.get()).is_some_and(|n| *n > 0);
        let all: Vec<StepIndex> = (0u32..).map(StepIndex).take(open.len()).filter(stuck).collect();
        let before = |i: StepIndex| all.iter().copied().find(|p| self.children(*p).contains(&i));
        let mut walked: Vec<StepIndex> = Vec::new();
        let mut at = all.first().copied();
        while let Some(index) = at {
            if let Some(start) = walked.iter().position(|seen| *seen == index) {
                return Cycle(walked.split_off(start));
            }
            walked.push(index);
            at = before(index);
        }
        Cycle(walked)
    }
}

#[cfg(test)]
#[expect(clippy::panic, reason = "tests fail by panicking")]
mod tests {
    use super::*;

    /// Children by place, as [`Graph::of`] finds them.
    fn graph(children: &[&[u32]]) -> Graph {
        let list = |of: &&[u32]| of.iter().copied().map(StepIndex).collect();
        Graph { children: children.iter().map(list).collect() }
    }

    fn places(steps: impl IntoIterator<Item = StepIndex>) -> Vec<u32> {
        steps.into_iter().map(|i| i.0).collect()
    }

    #[test]
    fn the_order_keeps_dependencies_and_else_the_document() {
        let table: [(&[&[u32]], &[u32]); 5] = [
            (&[], &[]),
            (&[&[], &[], &[]], &[0, 1, 2]),
            (&[&[1], &[2], &[]], &[0, 1, 2]),
            (&[&[], &[0], &[1]], &[2, 1, 0]),
            (&[&[1, 2], &[3], &[3], &[]], &[0, 1, 2, 3]),
        ];
        for (children, order) in table {
            assert_eq!(graph(children).order().map(places), Ok(order.to_vec()), "{children:?}");
        }
    }

    #[test]
    fn a_cycle_is_shown_without_what_only_leads_to_it() {
        let table: [(&[&[u32]], &[u32]); 3] =
            [(&[&[0]], &[0]), (&[&[1], &[2], &[1]], &[1, 2]), (&[&[], &[3, 0], &[1], &[2]], &[1, 2, 3])];
        for (children, on_it) in table {
            let Err(Cycle(found)) = graph(children).order() else { panic!("{children:?} has an order") };
            let each_behind_the_next = |pair: &[StepIndex]| match pair {
                [step, dep] => graph(children).children(*dep).contains(step),
                _ => false,
            };
            assert!(found.windows(2).all(each_behind_the_next), "{found:?}");
            let mut found = places(found);
            found.sort_unstable();
            assert_eq!(found, on_it, "{children:?}");
        }
        assert_eq!(Cycle(vec![StepIndex(1), StepIndex(2)]).to_string(), "steps 1, 2 wait for each other");
    }

    #[test]
    fn descendants_are_found_once_through_any_number_of_ways() {
        let diamond = graph(&[&[1, 2], &[3], &[3], &[4], &[], &[4]]);
        assert_eq!(places(diamond.with_descendants(&[StepIndex(2)])), [2, 3, 4]);
        assert_eq!(places(diamond.with_descendants(&[StepIndex(0), StepIndex(5)])), [0, 1, 2, 3, 4, 5]);
        assert_eq!(places(diamond.with_descendants(&[])), [0_u32; 0]);
        assert!(diamond.children(StepIndex(99)).is_empty());
    }
}
