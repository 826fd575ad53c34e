//! Conditions, decided where no program is needed, else made into a probe that the worker runs.

use pintle_core::matching::match_expected;
use pintle_core::plan::{Check, Plan, Precondition, Shell, Step, StepIndex, Template};
use serde_json::json;

use super::{ResolveError, Texts};
use crate::eval::{Field, Scope, Substitution};

/// A precondition, as far as it could be decided without a program.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ResolvedCondition {
    /// Decided.
    Known {
        /// As written, for the reason of a skip.
        text: String,
        /// Met, unmet, or why it cannot be evaluated.
        met: Result<bool, String>,
    },
    /// The worker runs it.
    Probe(ResolvedProbe),
}

/// A command whose exit code, or output, decides.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ResolvedProbe {
    /// As written, for the reason of a skip.
    pub text: String,
    /// Input of the action `run`: JSON text.
    pub input_json: String,
    /// None: met when the exit code is 0. Else met when the printed text matches, and an error when the command fails.
    pub expected: Option<String>,
    /// Turns met into unmet and back, never an error.
    pub negate: bool,
}

/// The plan's own preconditions, before its first step.
pub fn run_preconditions(plan: &Plan, scope: &Scope<'_>) -> Result<Vec<ResolvedCondition>, ResolveError> {
    let texts = Texts { plan, scope, owner: &plan.name };
    plan.preconditions.iter().map(|precondition| resolve_condition(&texts, precondition)).collect()
}

/// A step's repeat condition, after a repetition and with its results in scope; none where it has no condition.
pub fn repeat_condition(
    plan: &Plan,
    index: StepIndex,
    scope: &Scope<'_>,
) -> Result<Option<ResolvedCondition>, ResolveError> {
    let step = plan.step(index).ok_or(ResolveError::NoStep(index.0))?;
    let texts = Texts { plan, scope, owner: &step.name };
    let check = step.repeat.as_ref().and_then(|repeat| repeat.condition.as_ref());
    check.map(|check| resolve_check(&texts, check, false)).transpose()
}

/// The part of a repeat condition that the worker can check by itself.
pub(super) fn repeat_probe(texts: &Texts<'_>, step: &Step) -> Result<Option<ResolvedProbe>, ResolveError> {
    let check = step.repeat.as_ref().and_then(|repeat| repeat.condition.as_ref());
    let Some(check @ (Check::Command(_) | Check::Eval { .. })) = check else { return Ok(None) };
    Ok(match resolve_check(texts, check, false)? {
        ResolvedCondition::Probe(probe) => Some(probe),
        ResolvedCondition::Known { .. } => None,
    })
}

pub(super) fn resolve_condition(
    texts: &Texts<'_>,
    precondition: &Precondition,
) -> Result<ResolvedCondition, ResolveError> {
    resolve_check(texts, &precondition.check, precondition.negate)
}

fn resolve_check(texts: &Texts<'_>, check: &Check, negate: bool) -> Result<ResolvedCondition, ResolveError> {
    const FIELD: &str = "preconditions";
    match check {
        Check::Value { value, expected } => {
            let resolved = texts.text(value, Field::Expanded, FIELD)?;
            Ok(known(shown(value, Some(expected)), &resolved, expected, negate))
        }
        Check::Command(command) => {
            let resolved = texts.text(command, Field::Shell, FIELD)?;
            let text = shown(command, None);
            let lines = |text: &str| text.trim_end_matches(['\n', '\r']).contains(['\n', '\r']);
            let body = match (lines(&command.0), resolved.trim_end_matches(['\n', '\r'])) {
                (true, _) => json!({ "script": resolved }),
                (false, line) if lines(line) => {
                    let reason = "the command has a line break after its references were replaced; set the value in \
                                  `env:` and write the variable's name here";
                    return Ok(ResolvedCondition::Known { text, met: Err(reason.to_owned()) });
                }
                (false, line) => json!({ "command": line }),
            };
            let input_json = texts.run_input(body, None, None)?;
            Ok(ResolvedCondition::Probe(ResolvedProbe { text, input_json, expected: None, negate }))
        }
        Check::Eval { text: template, expected } => {
            let text = shown(template, Some(expected));
            let parsed = match Substitution::parse(&template.0) {
                Ok(parsed) => parsed,
                Err(error) => {
                    return Ok(ResolvedCondition::Known { text, met: Err(error.to_string()) });
                }
            };
            let parsed = parsed.resolve(texts.scope).map_err(|source| texts.error(FIELD, source))?;
            if let Some(literal) = parsed.literal() {
                return Ok(known(text, &literal, expected, negate));
            }
            let script = format!("{}\n", parsed.shell_command());
            // The text around the commands is quoted for a POSIX shell, whatever shell the steps use.
            let shell = Shell { program: Template("sh".to_owned()), arguments: Vec::new() };
            let input_json = texts.run_input(json!({ "script": script }), Some(&shell), None)?;
            let expected = Some(expected.clone());
            Ok(ResolvedCondition::Probe(ResolvedProbe { text, input_json, expected, negate }))
        }
    }
}

fn known(text: String, value: &str, expected: &str, negate: bool) -> ResolvedCondition {
    let met = match_expected(value, expected).map(|met| met != negate);
    ResolvedCondition::Known { text, met: met.map_err(|error| error.to_string()) }
}

/// As the author wrote it: values may be secret, and do not belong into a reason.
fn shown(template: &Template, expected: Option<&str>) -> String {
    match expected {
        Some(expected) => format!("{} = {expected}", template.0),
        None => template.0.clone(),
    }
}
