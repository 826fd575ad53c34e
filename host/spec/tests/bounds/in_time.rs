//! A bound in time that the machine's other work cannot break.

use std::time::Duration;

/// Everything that is measured takes a second or two where it is optimised, and ten times as long where it is not: the
/// rest is for slow machines. What is quadratic takes hours.
pub(crate) fn in_time<T>(what: &str, work: impl FnOnce() -> T) -> T {
    let began = busy();
    let made = work();
    let took = busy().saturating_sub(began);
    let allowed = Duration::from_secs(if cfg!(debug_assertions) { 60 } else { 20 });
    assert!(took < allowed, "{what} took {took:?}");
    made
}

/// Processor time of this thread: how busy the machine is must not decide a test.
fn busy() -> Duration {
    let counted = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap();
    Duration::from_nanos(counted.split_whitespace().next().unwrap().parse().unwrap())
}
