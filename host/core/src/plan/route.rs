//! Routing: a step whose value says which of the steps behind it run.
//!
//! The step runs nothing. Its targets depend on it, and each of them runs if one of its patterns matches the value; the
//! others are skipped. That a target was not chosen keeps no step behind it from running.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::{StepIndex, Template};
use crate::matching::{InvalidExpression, match_expected};

/// What a router goes by.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Route {
    /// Resolved once, when the step is claimed.
    pub value: Template,
    /// In the document's order.
    pub routes: Vec<Way>,
    /// Run when no pattern matches.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub otherwise: Vec<StepIndex>,
}

/// A pattern and where it leads.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Way {
    /// A line, or `re:` and an expression, as `expected` of a precondition.
    pub pattern: String,
    /// Steps that run when it matches.
    pub targets: Vec<StepIndex>,
}

impl Route {
    /// The steps that a value chooses, each once, in the plan's order: those of every pattern that matches, and the
    /// others if none does.
    pub fn choose(&self, value: &str) -> Result<Vec<StepIndex>, InvalidExpression> {
        let mut chosen = BTreeSet::new();
        let mut matched = false;
        for way in &self.routes {
            if match_expected(value, &way.pattern)? {
                matched = true;
                chosen.extend(way.targets.iter().copied());
            }
        }
        if !matched {
            chosen.extend(self.otherwise.iter().copied());
        }
        Ok(chosen.into_iter().collect())
    }

    /// Whether it decides about a step.
    #[must_use]
    pub fn leads_to(&self, step: StepIndex) -> bool {
        self.routes.iter().flat_map(|way| &way.targets).chain(&self.otherwise).any(|target| *target == step)
    }

    /// Patterns in the order in which they are shown: lines, then expressions, and `re:.*` last.
    #[must_use]
    pub fn shown(&self) -> Vec<&Way> {
        let rank = |way: &&Way| match way.pattern.as_str() {
            "re:.*" => 2,
            pattern => u8::from(pattern.starts_with(crate::matching::EXPRESSION)),
        };
        let mut ways: Vec<&Way> = self.routes.iter().collect();
        ways.sort_by_key(rank);
        ways
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn route() -> Route {
        let way = |pattern: &str, targets: &[u32]| Way {
            pattern: pattern.to_owned(),
            targets: targets.iter().copied().map(StepIndex).collect(),
        };
        let routes = vec![way("re:.*", &[5]), way("re:^err", &[3, 1]), way("error", &[2, 1]), way("ok", &[4])];
        Route { value: Template("$X".to_owned()), routes, otherwise: vec![StepIndex(9)] }
    }

    #[test]
    fn every_pattern_that_matches_chooses_and_each_step_once() {
        let mut all = route();
        let chosen = |route: &Route, value| route.choose(value).map(|all| all.iter().map(|i| i.0).collect::<Vec<_>>());
        assert_eq!(chosen(&all, "error"), Ok(vec![1, 2, 3, 5]));
        all.routes.remove(0);
        assert_eq!(chosen(&all, "errors"), Ok(vec![1, 3]));
        assert_eq!(chosen(&all, "x\nok"), Ok(vec![4]));
        assert_eq!(chosen(&all, "else"), Ok(vec![9]));
        all.otherwise.clear();
        assert_eq!(chosen(&all, "else"), Ok(vec![]));
        all.routes.push(Way { pattern: "re:(".to_owned(), targets: vec![] });
        assert!(chosen(&all, "ok").is_err());
        assert!(all.leads_to(StepIndex(3)) && !all.leads_to(StepIndex(5)));
    }

    #[test]
    fn lines_are_shown_before_expressions() {
        let route = route();
        let shown: Vec<&str> = route.shown().into_iter().map(|way| way.pattern.as_str()).collect();
        assert_eq!(shown, ["error", "ok", "re:^err", "re:.*"]);
    }
}
