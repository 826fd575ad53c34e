//! When a failed or finished try is followed by another.
//!
//! Back-off is exponential: wait n is `interval * factor^(n-1)`, bounded by `max_interval` and by
//! [`limits::MAX_WAIT`]. There is no jitter here: a policy plugin adds it where many callers share one destination.

use crate::counter::Attempt;
use crate::limits;
use crate::plan::RetryPolicy;
use crate::run::command::FailReason;
use crate::time::Span;

/// A try that failed.
#[derive(Debug, Clone, Copy)]
pub struct Tried {
    /// Which try it was, from 1.
    pub attempt: Attempt,
    /// Why it failed.
    pub reason: FailReason,
    /// Of the program, if one ran.
    pub exit_code: Option<i32>,
}

/// How long to wait before the next try; none: there is none.
#[must_use]
pub fn retry(policy: &RetryPolicy, tried: &Tried) -> Option<Span> {
    if tried.attempt.get() > policy.limit || !may_mend(tried.reason) {
        return None;
    }
    let listed = policy.exit_code.is_empty() || tried.exit_code.is_some_and(|code| policy.exit_code.contains(&code));
    let next = || wait(policy.interval, policy.backoff_milli, policy.max_interval, tried.attempt.get());
    listed.then(next)
}

/// Whether another try can end otherwise.
fn may_mend(reason: FailReason) -> bool {
    match reason {
        FailReason::ExitCode
        | FailReason::Unavailable
        | FailReason::UnknownOutcome
        | FailReason::Trapped
        | FailReason::BadOutput
        | FailReason::NotStarted
        | FailReason::LimitReached
        // Children that succeeded are kept; the others are retried.
        | FailReason::ChildFailed => true,
        FailReason::TimedOut | FailReason::Refused | FailReason::PreconditionError | FailReason::Lost => false,
    }
}

/// The `nth` wait, from 1.
#[must_use]
pub fn wait(interval: Span, backoff_milli: u32, max: Option<Span>, nth: u32) -> Span {
    let bound = max.unwrap_or(limits::MAX_WAIT).min(limits::MAX_WAIT);
    let mut ms = interval.as_millis().min(bound.as_millis());
    for _ in 1..nth {
        ms = ms.saturating_mul(u64::from(backoff_milli)) / 1000;
        if ms >= bound.as_millis() || backoff_milli == 1000 {
            break;
        }
    }
    Span(ms.min(bound.as_millis()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn policy(limit: u32) -> RetryPolicy {
        RetryPolicy {
            limit,
            interval: Span(100),
            backoff_milli: 2000,
            max_interval: Some(Span(350)),
            exit_code: vec![],
        }
    }

    fn tried(attempt: u32, reason: FailReason) -> Tried {
        Tried { attempt: Attempt(attempt), reason, exit_code: Some(1) }
    }

    #[test]
    fn waits_double_up_to_the_bound() {
        let waits: Vec<u64> = (1..=4).map(|n| wait(Span(100), 2000, Some(Span(350)), n).0).collect();
        assert_eq!(waits, [100, 200, 350, 350]);
        assert_eq!(wait(Span(100), 1000, None, 9), Span(100), "without back-off the wait stays");
        assert_eq!(wait(Span(u64::MAX), u32::MAX, None, u32::MAX), limits::MAX_WAIT);
    }

    #[test]
    fn i8_tries_end_with_the_limit() {
        assert_eq!(retry(&policy(2), &tried(1, FailReason::ExitCode)), Some(Span(100)));
        assert_eq!(retry(&policy(2), &tried(2, FailReason::ExitCode)), Some(Span(200)));
        assert_eq!(retry(&policy(2), &tried(3, FailReason::ExitCode)), None);
    }

    #[test]
    fn what_another_try_cannot_mend_is_not_tried() {
        for reason in [FailReason::TimedOut, FailReason::Refused, FailReason::PreconditionError] {
            assert_eq!(retry(&policy(9), &tried(1, reason)), None, "{reason:?}");
        }
        let only_75 = RetryPolicy { exit_code: vec![75], ..policy(9) };
        assert_eq!(retry(&only_75, &tried(1, FailReason::ExitCode)), None);
    }
}
