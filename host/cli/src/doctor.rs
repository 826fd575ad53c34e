//! `pintle doctor`: is this machine fit, is the data directory whole? Each check says what it found, and what to do.

mod machine;
mod store;

use serde_json::json;

use crate::args::{Doctor, Output};
use crate::context::{Context, say};
use crate::failure::{Exit, sentence};
use crate::render::style::{BAD, DIM, GOOD, ODD, Pen};
use crate::threads::threads;

/// How a check ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mark {
    Good,
    /// It works, but.
    Odd,
    Bad,
}

/// One check.
#[derive(Debug)]
pub(crate) struct Check {
    about: &'static str,
    mark: Mark,
    found: String,
    /// Empty where there is nothing to do.
    advice: String,
}

impl Check {
    fn good(about: &'static str, found: impl Into<String>) -> Self {
        Self { about, mark: Mark::Good, found: found.into(), advice: String::new() }
    }

    fn odd(about: &'static str, found: impl Into<String>, advice: impl Into<String>) -> Self {
        Self { about, mark: Mark::Odd, found: found.into(), advice: advice.into() }
    }

    fn bad(about: &'static str, found: impl Into<String>, advice: impl Into<String>) -> Self {
        Self { about, mark: Mark::Bad, found: found.into(), advice: advice.into() }
    }

    /// What was found, or an error, whose sentence says what to do.
    fn of(about: &'static str, result: anyhow::Result<String>) -> Self {
        match result {
            Ok(found) => Self::good(about, found),
            Err(error) => Self::bad(about, sentence(&error), ""),
        }
    }
}

/// Runs all checks.
pub(crate) fn run(args: &Doctor, context: &Context) -> anyhow::Result<Exit> {
    let mut checks = machine::checks(&context.settings);
    checks.extend(threads()?.block_on(store::checks(&context.settings)));
    match args.output {
        Output::Json => {
            let objects = checks.iter().map(|check| {
                let mark = match check.mark {
                    Mark::Good => "ok",
                    Mark::Odd => "warning",
                    Mark::Bad => "failed",
                };
                json!({ "check": check.about, "result": mark, "found": check.found, "advice": check.advice })
            });
            say(&serde_json::Value::Array(objects.collect()).to_string());
        }
        Output::Text => say(&lines(&checks, context.out).join("\n")),
    }
    Ok(if checks.iter().any(|check| check.mark == Mark::Bad) { Exit::Failed } else { Exit::Success })
}

fn lines(checks: &[Check], pen: Pen) -> Vec<String> {
    let width = checks.iter().map(|check| check.about.len()).max().unwrap_or(0);
    let mut lines = Vec::new();
    for check in checks {
        let (fine, ascii, style) = match check.mark {
            Mark::Good => ("✓", "+", GOOD),
            Mark::Odd => ("!", "!", ODD),
            Mark::Bad => ("✗", "x", BAD),
        };
        let mark = pen.paint(style, if pen.unicode { fine } else { ascii });
        lines.push(format!("{mark} {:width$}  {}", check.about, check.found));
        if !check.advice.is_empty() {
            lines.push(pen.paint(DIM, &format!("  {:width$}  {}", "", check.advice)));
        }
    }
    let (bad, odd) = (count(checks, Mark::Bad), count(checks, Mark::Odd));
    lines.push(match (bad, odd) {
        (0, 0) => "everything is fine".to_owned(),
        (0, odd) => format!("fit, with {odd} warning{}", if odd == 1 { "" } else { "s" }),
        (bad, _) => format!("not fit: {bad} check{} failed", if bad == 1 { "" } else { "s" }),
    });
    lines
}

fn count(checks: &[Check], mark: Mark) -> usize {
    checks.iter().filter(|check| check.mark == mark).count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_report_ends_with_the_verdict() {
        let pen = Pen { colours: false, unicode: true };
        let good = Check::good("shell", "/bin/sh");
        let bad = Check::bad("data directory", "read-only", "choose another with --home");
        assert_eq!(
            lines(&[good, bad], pen),
            [
                "✓ shell           /bin/sh",
                "✗ data directory  read-only",
                "                  choose another with --home",
                "not fit: 1 check failed",
            ]
        );
        let odd = [Check::odd("locale", "C", "set LANG")];
        assert_eq!(lines(&odd, pen).last().map(String::as_str), Some("fit, with 1 warning"));
    }
}
