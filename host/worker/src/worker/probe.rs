//! Conditions: those that were decided, and those that need a program.

use pintle_core::matching::match_expected;
use pintle_core::run::command::{FailReason, Outcome};
use pintle_plane::executor::Performed;
use pintle_plane::worker::Probe;

use super::outcome;

/// What a list of conditions amounts to so far. All are looked at, so that a reader sees all that is wrong.
#[derive(Debug, Default)]
pub(super) struct Verdict {
    unmet: Vec<String>,
    errors: Vec<String>,
}

impl Verdict {
    /// One more condition, with its text.
    pub(super) fn add(&mut self, text: &str, met: Result<bool, String>) {
        match met {
            Ok(true) => {}
            Ok(false) => self.unmet.push(format!("`{text}`")),
            Err(error) => self.errors.push(format!("`{text}`: {error}")),
        }
    }

    /// None: the step goes ahead.
    pub(super) fn outcome(self) -> Option<Outcome> {
        if !self.errors.is_empty() {
            let message = format!("a precondition could not be evaluated: {}", self.errors.join("; "));
            return Some(outcome::fault(FailReason::PreconditionError, message));
        }
        (!self.unmet.is_empty())
            .then(|| Outcome::Skipped { message: format!("precondition not met: {}", self.unmet.join(", ")) })
    }
}

/// Whether a probe's condition holds, given how its command ended and what it printed.
pub(super) fn holds(probe: &Probe, performed: Performed, printed: &[u8], cut: bool) -> Result<bool, String> {
    let code = match performed {
        Performed::Done { exit_code, .. } => exit_code.unwrap_or(0),
        Performed::Failed(failure) => match (&probe.expected, failure.exit_code) {
            // Executors may report a program's exit code as a failure; without `expected` it is the answer.
            (None, Some(code)) if failure.limit.is_none() => code,
            (None | Some(_), _) => return Err(failure.message),
        },
        Performed::Later { .. } => return Err("its command wants to go on later; a condition is asked once".to_owned()),
    };
    let met = match &probe.expected {
        None => code == 0,
        Some(_) if code != 0 => return Err(format!("its command ended with exit code {code}")),
        Some(_) if cut => return Err("its command printed more than a condition may".to_owned()),
        Some(expected) => {
            let printed = String::from_utf8_lossy(printed);
            match_expected(printed.trim(), expected).map_err(|error| error.to_string())?
        }
    };
    Ok(met != probe.negate)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn probe(expected: Option<&str>, negate: bool) -> Probe {
        Probe { text: "t".to_owned(), input_json: "{}".to_owned(), expected: expected.map(str::to_owned), negate }
    }

    fn exit(code: i32) -> Performed {
        Performed::Done { outputs: Vec::new(), exit_code: Some(code) }
    }

    #[test]
    fn a_command_is_judged_by_its_exit_code_or_its_output() {
        let table = [
            (probe(None, false), 0, "", Ok(true)),
            (probe(None, false), 1, "", Ok(false)),
            (probe(None, true), 1, "", Ok(true)),
            (probe(Some("b"), false), 0, " a\nb \n", Ok(true)),
            (probe(Some("re:^a"), true), 0, "abc", Ok(false)),
            (probe(Some("c"), false), 0, "a\nb", Ok(false)),
            (probe(Some("a"), true), 2, "a", Err("its command ended with exit code 2".to_owned())),
        ];
        for (probe, code, printed, met) in table {
            assert_eq!(holds(&probe, exit(code), printed.as_bytes(), false), met, "{probe:?} {code} {printed:?}");
        }
        assert!(holds(&probe(Some("re:("), false), exit(0), b"", false).is_err());
        let cut = Err("its command printed more than a condition may".to_owned());
        assert_eq!(holds(&probe(Some("a"), false), exit(0), b"aaa", true), cut);
        let later = Performed::Later { token: String::new(), after: pintle_core::time::Span(1) };
        let asked_once = Err("its command wants to go on later; a condition is asked once".to_owned());
        assert_eq!(holds(&probe(None, false), later, b"", false), asked_once);
    }

    #[test]
    fn errors_come_before_unmet_conditions() {
        let mut verdict = Verdict::default();
        verdict.add("a", Ok(true));
        assert_eq!(Verdict::default().outcome(), None);
        verdict.add("b", Ok(false));
        verdict.add("c", Err("boom".to_owned()));
        let Some(Outcome::Failed(failed)) = verdict.outcome() else { return assert_eq!("a failure", "") };
        assert_eq!(failed.reason, FailReason::PreconditionError);
        assert!(failed.message.contains("`c`: boom"), "{}", failed.message);
    }
}
