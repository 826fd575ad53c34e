//! What a performance amounts to. A decision: no clock, no I/O.

use pintle_core::plan::Json;
use pintle_core::run::command::{FailReason, Failed, Finished, Later, Outcome};
use pintle_core::time::Span;
use pintle_plane::executor::{Failure, Fault, Performed};
use pintle_plane::stop::Urgency;

/// Exit code of a step that was stopped by its timeout.
const TIMED_OUT: i32 = 124;

/// What the runtime says in a failure's `code` when the guest trapped.
const TRAP: &str = "trap";

/// How an action ended, and under which circumstances.
#[derive(Debug)]
pub(super) struct Ended {
    pub(super) performed: Performed,
    /// The step's timeout, if that is what stopped it.
    pub(super) timed_out: Option<Span>,
    /// How urgently somebody else wanted it to stop.
    pub(super) stop: Urgency,
}

/// The outcome, before outputs are read.
pub(super) fn of(ended: Ended) -> Outcome {
    let stopped = ended.stop >= Urgency::Gracefully;
    if let Some(timeout) = ended.timed_out {
        return timed_out(timeout);
    }
    match ended.performed {
        // A program that ended well in spite of the stop signal has done its work: that is kept (I-2).
        Performed::Done { exit_code, .. } if stopped && exit_code != Some(0) => Outcome::Stopped { exit_code },
        Performed::Done { outputs, exit_code } => Outcome::Finished(Finished {
            exit_code,
            outputs: outputs.into_iter().map(|(name, value)| (name, Json(value))).collect(),
            ..Finished::default()
        }),
        Performed::Later { .. } if stopped => Outcome::Stopped { exit_code: None },
        Performed::Later { token, after } => Outcome::Later(Later { after, token: Some(token) }),
        Performed::Failed(failure) if stopped && failure.fault == Fault::Cancelled => {
            Outcome::Stopped { exit_code: failure.exit_code }
        }
        Performed::Failed(failure) => failed(failure),
    }
}

/// Stopped by its timeout.
pub(super) fn timed_out(timeout: Span) -> Outcome {
    Outcome::Failed(Failed {
        reason: FailReason::TimedOut,
        message: format!("the step was stopped: it took longer than its timeout of {timeout}"),
        exit_code: Some(TIMED_OUT),
        retry_after: None,
        output_matched: false,
    })
}

/// A failure that the worker itself found.
pub(super) fn fault(reason: FailReason, message: String) -> Outcome {
    Outcome::Failed(Failed { reason, message, exit_code: None, retry_after: None, output_matched: false })
}

fn failed(failure: Failure) -> Outcome {
    Outcome::Failed(Failed {
        reason: reason(&failure),
        message: failure.message,
        exit_code: failure.exit_code,
        retry_after: failure.retry_after,
        output_matched: false,
    })
}

fn reason(failure: &Failure) -> FailReason {
    if failure.limit.is_some() {
        return FailReason::LimitReached;
    }
    if failure.code.as_deref() == Some(TRAP) {
        return FailReason::Trapped;
    }
    match failure.fault {
        Fault::Invalid | Fault::NotFound | Fault::Conflict | Fault::Denied | Fault::Unsupported => FailReason::Refused,
        // Nothing was changed, or the plugin does not say more than that it failed: another try may mend it. A stop
        // that nobody asked for is such a failure too.
        Fault::Stale
        | Fault::Busy
        | Fault::Exhausted
        | Fault::Throttled
        | Fault::Unavailable
        | Fault::Cancelled
        | Fault::Failed => FailReason::Unavailable,
        Fault::UnknownOutcome | Fault::Fenced => FailReason::UnknownOutcome,
    }
}

#[cfg(test)]
mod tests {
    use pintle_plane::executor::Limit;

    use super::*;

    fn done(exit_code: Option<i32>) -> Performed {
        Performed::Done { outputs: vec![("n".to_owned(), "1".to_owned())], exit_code }
    }

    fn failure(fault: Fault) -> Failure {
        Failure { fault, message: "m".to_owned(), retry_after: None, code: None, exit_code: Some(7), limit: None }
    }

    fn ended(performed: Performed, stop: Urgency) -> Outcome {
        of(Ended { performed, timed_out: None, stop })
    }

    #[test]
    fn an_exit_code_is_not_the_workers_to_judge() {
        for code in [None, Some(0), Some(3)] {
            assert!(
                matches!(ended(done(code), Urgency::None), Outcome::Finished(Finished { exit_code, .. }) if exit_code == code)
            );
        }
    }

    #[test]
    fn a_stopped_step_is_stopped_unless_it_ended_well() {
        let stop = Urgency::Gracefully;
        assert_eq!(ended(done(Some(143)), stop), Outcome::Stopped { exit_code: Some(143) });
        assert!(matches!(ended(done(Some(0)), stop), Outcome::Finished(_)));
        let cancelled = Performed::Failed(failure(Fault::Cancelled));
        assert_eq!(ended(cancelled, stop), Outcome::Stopped { exit_code: Some(7) });
        assert!(matches!(ended(Performed::Failed(failure(Fault::Failed)), stop), Outcome::Failed(_)));
    }

    #[test]
    fn what_goes_on_later_keeps_its_token_and_does_not_wait_for_a_stop() {
        let later = || Performed::Later { token: "t".to_owned(), after: Span(7) };
        let waits = Outcome::Later(Later { after: Span(7), token: Some("t".to_owned()) });
        assert_eq!(ended(later(), Urgency::None), waits);
        assert_eq!(ended(later(), Urgency::Gracefully), Outcome::Stopped { exit_code: None });
    }

    #[test]
    fn a_timeout_is_a_timeout_whatever_the_program_said() {
        let ended = Ended { performed: done(Some(0)), timed_out: Some(Span(1500)), stop: Urgency::Gracefully };
        let Outcome::Failed(failed) = of(ended) else { return assert_eq!("a failure", "something else") };
        assert_eq!((failed.reason, failed.exit_code), (FailReason::TimedOut, Some(124)));
        assert!(failed.message.contains("1.5s"), "{}", failed.message);
    }

    #[test]
    fn faults_become_reasons() {
        let table = [
            (failure(Fault::Denied), FailReason::Refused),
            (failure(Fault::Throttled), FailReason::Unavailable),
            (failure(Fault::UnknownOutcome), FailReason::UnknownOutcome),
            (Failure { limit: Some(Limit::Memory), ..failure(Fault::Failed) }, FailReason::LimitReached),
            (Failure { code: Some("trap".to_owned()), ..failure(Fault::Failed) }, FailReason::Trapped),
        ];
        for (failure, wanted) in table {
            assert_eq!(reason(&failure), wanted, "{failure:?}");
        }
    }
}
