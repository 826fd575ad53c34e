//! Any bytes as a plan and the commands that its run is given: what must hold after every command holds (`watch`), and
//! the events alone give the same run. Each choice is one byte, so that a changed byte is another choice.

use pintle_core::plan::{Action, Check, ContinueOn, Json, OnLost, Plan, Precondition, RepeatMode, Step, Template};
use pintle_core::plan::{RepeatPolicy, StepIndex};
use pintle_core::run::Outcome;
use pintle_core::run::children::Expanded;
use pintle_core::run::command::{Failed, Finished, StopCause};
use pintle_core::time::Span;

use crate::plans::{HANDLERS, empty, handler_name, repeat, retry};
use crate::random::{Move, REASONS, play};

/// Commands of one run.
const MOST: usize = 200;

/// Panics if a promise is broken.
pub(crate) fn check(data: &[u8]) {
    let mut bytes = Bytes { left: data };
    let plan = plan(&mut bytes);
    let moves: Vec<Move> = std::iter::from_fn(|| (!bytes.left.is_empty()).then(|| mv(&mut bytes))).take(MOST).collect();
    let stand = play(plan, &moves);
    assert_eq!(stand.replayed(), stand.run, "replayed events give another run");
}

/// What is left to choose by; zeroes behind the end.
struct Bytes<'d> {
    left: &'d [u8],
}

impl Bytes<'_> {
    fn byte(&mut self) -> u8 {
        let Some((first, rest)) = self.left.split_first() else { return 0 };
        self.left = rest;
        *first
    }

    fn below(&mut self, most: u8) -> u8 {
        self.byte() % most
    }

    fn one<T: Clone>(&mut self, all: &[T]) -> T {
        all.iter().cycle().nth(usize::from(self.byte())).unwrap().clone()
    }

    /// Rare: one of four.
    fn rarely(&mut self) -> bool {
        self.below(4) == 3
    }
}

fn plan(bytes: &mut Bytes<'_>) -> Plan {
    let limits = bytes.byte();
    let mut plan = Plan {
        max_active_steps: Some(u32::from(limits & 3)).filter(|most| *most > 0),
        timeout: (limits & 4 > 0).then(|| Span::from_secs(3600)),
        ..empty()
    };
    for index in 0..=u32::from(bytes.below(10)) {
        let mut step = step(bytes);
        step.name = format!("s{index}");
        let mask = u32::from(bytes.byte());
        step.depends = (0..index).filter(|other| mask >> (other % 8) & 1 == 1).map(StepIndex).collect();
        plan.steps.push(step);
    }
    let there = bytes.byte();
    for (_, role) in HANDLERS.into_iter().enumerate().filter(|(place, _)| there >> place & 1 == 1) {
        let mut step = step(bytes);
        step.name = handler_name(role).to_owned();
        step.role = role;
        plan.steps.push(step);
    }
    plan
}

fn step(bytes: &mut Bytes<'_>) -> Step {
    let mut step = Step::doing("", Action::noop());
    let check = Check::Command(Template("true".to_owned()));
    let has = bytes.byte();
    if has & 1 > 0 {
        let mut policy = retry(u32::from(bytes.below(3)), Span::from_secs(u64::from(bytes.below(3))));
        policy.exit_code = if bytes.rarely() { vec![1] } else { vec![] };
        step.retry = Some(policy);
    }
    if has & 2 > 0 {
        let mode = bytes.one(&[RepeatMode::Always, RepeatMode::While, RepeatMode::Until]);
        step.repeat = Some(RepeatPolicy {
            interval: Span::from_secs(u64::from(bytes.below(2))),
            exit_code: if bytes.rarely() { vec![0] } else { vec![] },
            condition: bytes.rarely().then(|| check.clone()),
            ..repeat(mode, Some(1 + u32::from(bytes.below(3))))
        });
    }
    if has & 4 > 0 {
        let on = bytes.byte();
        step.continue_on = ContinueOn {
            failure: on & 1 > 0,
            skipped: on & 2 > 0,
            exit_code: if on & 4 > 0 { vec![2] } else { vec![] },
            output: vec![],
            mark_success: on & 8 > 0,
        };
    }
    if has & 8 > 0 {
        step.preconditions = vec![Precondition { check, negate: false }];
    }
    step.on_lost = match has >> 4 & 3 {
        2 => OnLost::Park,
        3 => OnLost::Fail,
        _ => OnLost::Rerun,
    };
    step
}

fn outcome(bytes: &mut Bytes<'_>) -> Outcome {
    let code = |bytes: &mut Bytes<'_>| Some(i32::from(bytes.below(4))).filter(|code| *code > 0);
    match bytes.below(8) {
        0..=2 => {
            let output = bytes.byte();
            Outcome::Finished(Finished {
                exit_code: if output & 1 > 0 { code(bytes) } else { Some(0) },
                outputs: if output & 2 > 0 { vec![("a".to_owned(), Json("1".to_owned()))] } else { vec![] },
                repeat_condition: match output >> 2 & 3 {
                    0 | 1 => None,
                    2 => Some(Ok(output & 16 > 0)),
                    _ => Some(Err("no such shell".to_owned())),
                },
                output_matched: output & 32 > 0,
                ..Finished::default()
            })
        }
        3 => Outcome::Failed(Failed {
            reason: bytes.one(&REASONS),
            message: "by chance".to_owned(),
            exit_code: code(bytes),
            retry_after: bytes.rarely().then(|| Span::from_secs(2)),
            output_matched: bytes.rarely(),
        }),
        4 => Outcome::Skipped { message: "unmet".to_owned() },
        5 => Outcome::Stopped { exit_code: code(bytes) },
        6 => Outcome::GivenBack,
        _ => Outcome::Expanded(Expanded { count: u32::from(bytes.below(4)), items: Json("[]".to_owned()) }),
    }
}

fn mv(bytes: &mut Bytes<'_>) -> Move {
    match bytes.below(24) {
        0..=5 => Move::Onwards(outcome(bytes)),
        6 | 7 => Move::Claim(bytes.byte()),
        8 | 9 => Move::Settle(bytes.byte(), outcome(bytes)),
        10 => Move::Lose(bytes.byte()),
        11 => Move::Due(bytes.byte()),
        12 => Move::Early(bytes.byte()),
        13 => {
            let (step, by) = (bytes.byte(), bytes.below(5));
            let outcome = bytes.rarely().then(|| outcome(bytes));
            Move::Stray(step, by.cast_signed() - 2, outcome)
        }
        14 => Move::Children(bytes.byte(), bytes.below(32), bytes.rarely()),
        15 => Move::ChildrenWait(bytes.byte()),
        16 => Move::Gather(bytes.byte(), bytes.rarely()),
        17 => Move::Again,
        18 => Move::Interrupt,
        19 => Move::Resume,
        20 => {
            let cause = bytes.one(&[StopCause::Interrupted, StopCause::Requested, StopCause::TimedOut]);
            Move::Stop(cause, bytes.rarely())
        }
        21 => Move::Retry(u16::from(bytes.byte()) * u16::from(bytes.byte()), bytes.rarely()),
        22 => Move::Start,
        _ => Move::Submit,
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    #[test]
    fn what_the_fuzzer_kept_holds() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fuzz/run");
        let mut count = 0;
        for entry in std::fs::read_dir(folder).unwrap() {
            super::check(&std::fs::read(entry.unwrap().path()).unwrap());
            count += 1;
        }
        assert!(count >= 20, "only {count} inputs are kept");
    }
}
