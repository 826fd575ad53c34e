//! Binding parameters: what the caller gave, held against what the DAG declares.
//!
//! Given values are literal: nothing in them is evaluated. Defaults may hold references to constants, the caller's
//! environment and parameters before them. A default that is computed (`eval`) needs a process, so binding stops there
//! and hands out a request ([`Binding::Eval`]); the caller runs it and goes on with [`Pending::answer`].

pub(crate) mod check;
mod given;
pub(crate) mod value;

pub use given::GivenParams;
pub use value::BoundParams;

use std::collections::HashMap;

use pintle_core::plan::{Param, Plan, Template};

use crate::eval::{EvalError, Field, RunFacts, RunScope, Substitution, resolve};
use crate::nearest::did_you_mean;
use check::{Checked, check_value};
use given::Given;

/// How far binding has come.
#[derive(Debug)]
pub enum Binding {
    /// Every parameter has its value.
    Bound(BoundParams),
    /// A process is needed first.
    Eval(Box<Pending>),
}

impl Binding {
    /// Binds to the end. `compute` runs one command for `sh -c`, which sees these variables, and says what it printed, or
    /// why it failed.
    pub fn finish(
        mut self,
        mut compute: impl FnMut(&str, &[(String, String)]) -> Result<String, String>,
    ) -> Result<BoundParams, BindFaults> {
        loop {
            match self {
                Self::Bound(bound) => return Ok(bound),
                Self::Eval(pending) => {
                    let printed = compute(pending.command(), &pending.variables());
                    self = pending.answer(printed)?;
                }
            }
        }
    }
}

/// Why parameters cannot be bound: all reasons at once.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}", .reasons.join("\n"))]
pub struct BindFaults {
    reasons: Vec<String>,
}

impl BindFaults {
    /// One sentence each.
    #[must_use]
    pub fn reasons(&self) -> &[String] {
        &self.reasons
    }
}

/// Binding that waits for a command's output.
#[derive(Debug)]
pub struct Pending {
    work: Work,
    /// Place of the parameter that is waited for.
    at: usize,
    command: String,
}

impl Pending {
    /// Name of the parameter.
    #[must_use]
    pub fn param(&self) -> &str {
        self.work.params.get(self.at).and_then(|param| param.name.as_deref()).unwrap_or_default()
    }

    /// A command for `sh -c` whose trimmed standard output is the value. It sees [`Self::variables`].
    #[must_use]
    pub fn command(&self) -> &str {
        &self.command
    }

    /// The named parameters before this one: variables of the command, over the caller's environment.
    #[must_use]
    pub fn variables(&self) -> Vec<(String, String)> {
        self.work.bound.variables().collect()
    }

    /// Goes on with what the command printed, or with the reason why it failed: then the default counts.
    pub fn answer(mut self, printed: Result<String, String>) -> Result<Binding, BindFaults> {
        let Some(param) = self.work.params.get(self.at).cloned() else { return self.work.run(self.at) };
        match printed {
            Ok(text) => self.work.set(&param, text.trim().to_owned()),
            Err(reason) => self.work.fall_back(&param, &reason),
        }
        self.work.run(self.at + 1)
    }
}

/// Starts binding. `env` is the caller's environment, for references in defaults.
pub fn bind_params(plan: &Plan, given: &GivenParams, env: &[(String, String)]) -> Result<Binding, BindFaults> {
    let given = given.read(plan).map_err(|reason| BindFaults { reasons: vec![reason] })?;
    let mut work = Work {
        plan: Plan { params: Vec::new(), env: Vec::new(), steps: Vec::new(), ..plan.clone() },
        params: plan.params.clone(),
        given,
        env: env.to_vec(),
        bound: BoundParams::default(),
        reasons: Vec::new(),
    };
    work.refuse_unknown(plan.params_closed);
    work.run(0)
}

#[derive(Debug)]
struct Work {
    /// Only for references in defaults: it has no steps.
    plan: Plan,
    params: Vec<Param>,
    given: Given,
    env: Vec<(String, String)>,
    bound: BoundParams,
    reasons: Vec<String>,
}

impl Work {
    fn refuse_unknown(&mut self, closed: bool) {
        let declared: Vec<&str> = self.params.iter().filter_map(|param| param.name.as_deref()).collect();
        if closed {
            for name in self.given.named.keys().filter(|name| !declared.contains(&name.as_str())) {
                let hint = did_you_mean(name, declared.iter().copied(), "`params` of the DAG lists those there are");
                self.reasons.push(format!("the DAG has no parameter `{name}`; {hint}"));
            }
            if let Some(word) = self.given.positional.first() {
                self.reasons.push(format!("`{word}` names no parameter; write `NAME={word}`"));
            }
        }
        self.reasons.sort();
    }

    /// Binds from the parameter at `from` on, up to the first that needs a process.
    fn run(mut self, from: usize) -> Result<Binding, BindFaults> {
        let mut position = self.params.iter().take(from).filter(|param| param.name.is_none()).count();
        for at in from..self.params.len() {
            let Some(param) = self.params.get(at).cloned() else { break };
            let given = match &param.name {
                Some(name) => self.given.named.remove(name),
                None => {
                    position += 1;
                    self.given.positional.get(position - 1).cloned()
                }
            };
            match (given, &param.eval) {
                (Some(text), _) => self.set(&param, text),
                (None, Some(eval)) => match self.substitute(eval) {
                    Ok(text) => match text.literal() {
                        Some(literal) => self.set(&param, literal.trim().to_owned()),
                        None => {
                            let command = text.shell_command();
                            return Ok(Binding::Eval(Box::new(Pending { work: self, at, command })));
                        }
                    },
                    Err(reason) => self.fall_back(&param, &reason),
                },
                (None, None) => self.take_default(&param),
            }
        }
        self.finish()
    }

    /// The text that computes a value, with its references replaced.
    fn substitute(&self, eval: &str) -> Result<Substitution, String> {
        let parsed = Substitution::parse(eval).map_err(|error| error.to_string())?;
        let run = self.scope().map_err(|error| error.to_string())?;
        parsed.resolve(&run.scope(&self.plan)).map_err(|error| error.to_string())
    }

    fn evaluate(&self, text: &str) -> Result<String, String> {
        if !text.contains('$') {
            return Ok(text.to_owned());
        }
        let run = self.scope().map_err(|error| error.to_string())?;
        let scope = run.scope(&self.plan);
        resolve(&Template(text.to_owned()), &scope, Field::Expanded).map_err(|error| error.to_string())
    }

    fn scope(&self) -> Result<RunScope, EvalError> {
        RunScope::new(&self.plan, &self.bound, &self.env, &[], &RunFacts::default())
    }

    fn fall_back(&mut self, param: &Param, reason: &str) {
        if param.default.is_some() {
            return self.take_default(param);
        }
        let name = param.name.as_deref().unwrap_or_default();
        self.reasons.push(format!(
            "params: eval failed for `{name}`, which has no default: {reason}; give it as `{name}=VALUE`"
        ));
    }

    fn take_default(&mut self, param: &Param) {
        let name = param.name.as_deref().unwrap_or_default();
        let Some(default) = &param.default else {
            if param.required {
                self.reasons.push(format!("the parameter `{name}` is required; give it as `{name}=VALUE`"));
            }
            return;
        };
        let text = value::text_of(default);
        match self.evaluate(&text) {
            Ok(text) => self.set(param, text),
            Err(reason) => self.reasons.push(format!("the default of the parameter `{name}`: {reason}")),
        }
    }

    fn set(&mut self, param: &Param, text: String) {
        match check_value(param, &text) {
            Checked::Value(json) => self.bound.push(param.name.clone(), text, json),
            Checked::Refused(reason) => {
                let name = param.name.as_deref().unwrap_or_default();
                self.reasons.push(format!("the value `{text}` of the parameter `{name}` is refused: {reason}"));
            }
        }
    }

    fn finish(mut self) -> Result<Binding, BindFaults> {
        if !self.reasons.is_empty() {
            return Err(BindFaults { reasons: self.reasons });
        }
        // What nobody declared comes last, in the order of names; positional words behind the declared ones.
        let declared = self.params.iter().filter(|param| param.name.is_none()).count();
        for word in self.given.positional.iter().skip(declared) {
            self.bound.push(None, word.clone(), word.as_str().into());
        }
        let mut left: Vec<(String, String)> = self.given.named.into_iter().collect();
        left.sort();
        for (name, text) in left {
            let json = text.as_str().into();
            self.bound.push(Some(name), text, json);
        }
        Ok(Binding::Bound(self.bound))
    }
}

/// Given values by name.
type Named = HashMap<String, String>;

#[cfg(test)]
mod tests;
