//! How many tests ran, read from what the runners print.
//!
//! The danger is to count a test twice: a failing one shows what it printed, and under nextest each test is a run of
//! libtest's, with libtest's own result of that one test. So each runner has lines of its own, and the other's lines
//! say nothing.

use std::fmt;

/// The name of what is no test: another process of some tests, in the shape of one.
pub(super) const PART: &str = "plays_its_part";

/// Who runs the tests.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Runner {
    /// `cargo nextest run --status-level skip`.
    Nextest,
    /// `cargo test`.
    Cargo,
}

/// Tests by how they ended.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(super) struct Counts {
    passed: u64,
    failed: u64,
    skipped: u64,
}

impl Counts {
    /// Those that did not run.
    pub(super) fn skipped(&self) -> u64 {
        self.skipped
    }

    /// Reads a line of a runner; most say nothing.
    pub(super) fn read(&mut self, runner: Runner, line: &str) {
        match runner {
            Runner::Nextest => self.read_nextest(line.trim()),
            Runner::Cargo => self.read_cargo(line.trim_end()),
        }
    }

    /// `Summary [ 1.2s] 20 tests run: 18 passed (1 slow), 1 failed, 1 timed out, 3 skipped`, once; and for each test
    /// that does not run `SKIP [         ] crate::binary name`. The summary's own number of those has the parts in it.
    fn read_nextest(&mut self, line: &str) {
        if line.starts_with("SKIP [") {
            self.skip(line.rsplit(' ').next());
        } else if let Some((_, told)) = line.strip_prefix("Summary [").and_then(|rest| rest.split_once("run: ")) {
            self.add_ended(told.split(','));
        }
    }

    /// `test result: ok. 4 passed; 0 failed; 1 ignored; ...` of each binary; and for each test that does not run
    /// `test name ... ignored, why`.
    fn read_cargo(&mut self, line: &str) {
        if let Some((_, told)) = line.strip_prefix("test result: ").and_then(|rest| rest.split_once(". ")) {
            self.add_ended(told.split(';'));
        } else if let Some((name, told)) = line.strip_prefix("test ").and_then(|rest| rest.rsplit_once(" ... "))
            && told.starts_with("ignored")
        {
            self.skip(Some(name));
        }
    }

    fn skip(&mut self, name: Option<&str>) {
        if name.is_some_and(|name| name.rsplit("::").next() != Some(PART)) {
            self.skipped += 1;
        }
    }

    fn add_ended<'a>(&mut self, parts: impl Iterator<Item = &'a str>) {
        for part in parts {
            let mut words = part.split_whitespace();
            let count = words.next().and_then(|number| number.parse::<u64>().ok()).unwrap_or(0);
            match words.next() {
                Some("passed") => self.passed += count,
                Some("failed" | "timed" | "exec") => self.failed += count,
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

    fn read(runner: Runner, lines: &[&str]) -> String {
        let mut counts = Counts::default();
        lines.iter().for_each(|line| counts.read(runner, line));
        counts.to_string()
    }

    #[test]
    fn both_runners_are_understood() {
        assert_eq!(
            read(
                Runner::Nextest,
                &["     Summary [   0.194s] 20 tests run: 17 passed (1 slow), 2 failed, 1 timed out, 3 skipped"]
            ),
            "20 tests run: 17 passed, 3 failed, 0 skipped"
        );
        assert_eq!(
            read(
                Runner::Cargo,
                &[
                    "test result: ok. 4 passed; 0 failed; 1 ignored; 0 measured; 7 filtered out; finished in 0.01s",
                    "test result: FAILED. 1 passed; 2 failed; 0 ignored; 0 measured; 0 filtered out"
                ]
            ),
            "7 tests run: 5 passed, 2 failed, 0 skipped"
        );
    }

    #[test]
    fn a_failing_test_is_counted_once_however_often_it_is_shown() {
        // What nextest shows of a failure: libtest's own words, when it failed and once more at the end.
        let shown = [
            "  stdout ───",
            "",
            "    running 1 test",
            "    test suite::it_holds ... FAILED",
            "    test result: FAILED. 0 passed; 1 failed; 0 ignored; 0 measured; 11 filtered out; finished in 0.00s",
        ];
        let fail = "        FAIL [   0.004s] (1/2) pintle-core::run suite::it_holds";
        let summary = "     Summary [   0.005s] 2 tests run: 1 passed, 1 failed, 0 skipped";
        let lines = [&[fail][..], &shown, &[summary, fail], &shown].concat();
        assert_eq!(read(Runner::Nextest, &lines), "2 tests run: 1 passed, 1 failed, 0 skipped");
    }

    #[test]
    fn tests_that_did_not_run_are_counted_and_the_parts_of_others_are_not() {
        let nextest = [
            "        SKIP [         ] (─────) pintle-store-sqlite::refusals a_read_only_file_system_is_named",
            "        SKIP [         ] (─────) pintle-store-sqlite::refusals plays_its_part",
            "     Summary [   0.194s] 1 test run: 1 passed, 2 skipped",
        ];
        assert_eq!(read(Runner::Nextest, &nextest), "1 tests run: 1 passed, 0 failed, 1 skipped");
        let cargo = [
            "test a_read_only_file_system_is_named ... ignored, needs root: it mounts a file system",
            "test plays_its_part ... ignored, plays a part in other tests",
            "test parts::plays_its_part ... ignored",
            "test host/a.rs - a (line 3) ... ignored",
            "test a_file ... ok",
            "test result: ok. 1 passed; 0 failed; 4 ignored; 0 measured; 0 filtered out; finished in 0.01s",
        ];
        assert_eq!(read(Runner::Cargo, &cargo), "1 tests run: 1 passed, 0 failed, 2 skipped");
    }

    #[test]
    fn lines_of_tests_are_not_counted() {
        for runner in [Runner::Nextest, Runner::Cargo] {
            assert_eq!(
                read(runner, &["PASS [ 0.1s] x", "test a ... ok", "3 passed, it says"]),
                "0 tests run: 0 passed, 0 failed, 0 skipped"
            );
        }
    }
}
