//! Plans in few words.

use pintle_core::plan::{
    Action, ContinueOn, Plan, RepeatMode, RepeatPolicy, RetryPolicy, Role, Route, Step, StepIndex, Template, Way,
};
use pintle_core::time::Span;

/// `"a b<a c<a,b"`: three steps, and which come before which. A name is known from its place on.
pub(crate) fn plan(text: &str) -> Plan {
    let mut plan = empty();
    for word in text.split_whitespace() {
        let (name, deps) = word.split_once('<').unwrap_or((word, ""));
        let mut step = Step::doing(name, Action::noop());
        step.depends =
            deps.split(',').filter(|d| !d.is_empty()).map(|d| plan.find(d).expect("an earlier step")).collect();
        plan.steps.push(step);
    }
    plan
}

/// A plan without steps.
pub(crate) fn empty() -> Plan {
    Plan::named("test")
}

/// Ways to say more about a plan, one after the other.
pub(crate) trait Say: Sized {
    fn set(self, name: &str, change: impl FnOnce(&mut Step)) -> Self;
    fn retry(self, name: &str, limit: u32, interval: Span) -> Self;
    fn repeat(self, name: &str, mode: RepeatMode, limit: Option<u32>) -> Self;
    fn continue_on(self, name: &str, on: ContinueOn) -> Self;
    fn with(self, roles: &[Role]) -> Self;
    fn routes(self, name: &str, routes: &[(&str, &[&str])]) -> Self;
}

impl Say for Plan {
    fn set(mut self, name: &str, change: impl FnOnce(&mut Step)) -> Self {
        change(self.steps.iter_mut().find(|s| s.name == name).expect("a step of that name"));
        self
    }

    fn retry(self, name: &str, limit: u32, interval: Span) -> Self {
        self.set(name, |s| s.retry = Some(retry(limit, interval)))
    }

    fn repeat(self, name: &str, mode: RepeatMode, limit: Option<u32>) -> Self {
        self.set(name, |s| s.repeat = Some(repeat(mode, limit)))
    }

    fn continue_on(self, name: &str, on: ContinueOn) -> Self {
        self.set(name, |s| s.continue_on = on)
    }

    fn routes(self, name: &str, routes: &[(&str, &[&str])]) -> Self {
        let find = |target: &&str| self.find(target).expect("a step of that name");
        let way = |(pattern, targets): &(&str, &[&str])| Way {
            pattern: (*pattern).to_owned(),
            targets: targets.iter().map(find).collect(),
        };
        let routes = routes.iter().map(way).collect();
        let route = Route { value: Template("$X".to_owned()), routes, otherwise: Vec::new() };
        self.set(name, |s| s.action = Action::Route(Box::new(route)))
    }

    /// Handlers, named as [`handler_name`] says.
    fn with(mut self, roles: &[Role]) -> Self {
        for role in roles {
            let mut step = Step::doing(handler_name(*role), Action::noop());
            step.role = *role;
            self.steps.push(step);
        }
        self
    }
}

/// Tries again after `interval`, each time the same.
pub(crate) fn retry(limit: u32, interval: Span) -> RetryPolicy {
    RetryPolicy { limit, interval, backoff_milli: 1000, max_interval: None, exit_code: vec![] }
}

/// Runs again after a second.
pub(crate) fn repeat(mode: RepeatMode, limit: Option<u32>) -> RepeatPolicy {
    RepeatPolicy {
        mode,
        interval: Span::from_secs(1),
        limit,
        backoff_milli: 1000,
        max_interval: None,
        condition: None,
        exit_code: vec![],
    }
}

/// Failures are forgiven.
pub(crate) fn forgiving() -> ContinueOn {
    ContinueOn { failure: true, ..ContinueOn::default() }
}

/// Every role but main, in the order in which they may run.
pub(crate) const HANDLERS: [Role; 7] =
    [Role::Gate, Role::OnInit, Role::OnWait, Role::OnSuccess, Role::OnFailure, Role::OnAbort, Role::OnExit];

/// What a test calls the step of a role.
pub(crate) fn handler_name(role: Role) -> &'static str {
    match role {
        Role::Main => "main",
        Role::Gate => "gate",
        Role::OnInit => "init",
        Role::OnSuccess => "success",
        Role::OnFailure => "failure",
        Role::OnAbort => "abort",
        Role::OnExit => "exit",
        Role::OnWait => "wait",
    }
}

/// The steps of a plan in the document's order: a place for each number.
pub(crate) fn places(plan: &Plan) -> impl Iterator<Item = StepIndex> {
    (0u32..).map(StepIndex).take(plan.steps.len())
}
