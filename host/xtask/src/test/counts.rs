//! How many tests ran, read from what the runners print.

use std::fmt;

/// Tests by how they ended.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(super) struct Counts {
    passed: u64,
    failed: u64,
    skipped: u64,
}

impl Counts {
    /// Reads a line of nextest (`Summary [ 1.2s] 20 tests run: 18 passed, 1 failed, 1 skipped`) or of cargo's own
    /// runner (`test result: ok. 4 passed; 0 failed; 1 ignored; ...`); any other line says nothing.
    pub(super) fn read(&mut self, line: &str) {
        let line = line.trim();
        let Some(rest) = line
            .strip_prefix("Summary [")
            .and_then(|rest| rest.split_once("run: "))
            .or_else(|| line.strip_prefix("test result: ").and_then(|rest| rest.split_once(". ")))
            .map(|(_, rest)| rest)
        else {
            return;
        };
        for part in rest.split([',', ';']) {
            let mut words = part.split_whitespace();
            let count = words.next().and_then(|number| number.parse::<u64>().ok()).unwrap_or(0);
            match words.next() {
                Some("passed") => self.passed += count,
                Some("failed" | "timed" | "exec") => self.failed += count,
                Some("skipped" | "ignored") => self.skipped += count,
                _ => {}
            }
        }
    }

    /// Adds another runner's counts.
    pub(super) fn add(&mut self, other: &Self) {
        self.passed += other.passed;
        self.failed += other.failed;
        self.skipped += other.skipped;
    }
}

impl fmt::Display for Counts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let run = self.passed + self.failed;
        write!(f, "{run} tests run: {} passed, {} failed, {} skipped", self.passed, self.failed, self.skipped)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(lines: &[&str]) -> String {
        let mut counts = Counts::default();
        lines.iter().for_each(|line| counts.read(line));
        counts.to_string()
    }

    #[test]
    fn both_runners_are_understood() {
        assert_eq!(
            read(&["     Summary [   0.194s] 20 tests run: 17 passed (1 slow), 2 failed, 1 timed out, 3 skipped"]),
            "20 tests run: 17 passed, 3 failed, 3 skipped"
        );
        assert_eq!(
            read(&[
                "test result: ok. 4 passed; 0 failed; 1 ignored; 0 measured; 7 filtered out; finished in 0.01s",
                "test result: FAILED. 1 passed; 2 failed; 0 ignored; 0 measured; 0 filtered out"
            ]),
            "7 tests run: 5 passed, 2 failed, 1 skipped"
        );
    }

    #[test]
    fn lines_of_tests_are_not_counted() {
        assert_eq!(
            read(&["PASS [ 0.1s] x", "test a ... ok", "3 passed, it says"]),
            "0 tests run: 0 passed, 0 failed, 0 skipped"
        );
    }
}
