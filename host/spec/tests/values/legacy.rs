//! Old forms against those of today.

use pintle_spec::{SourceFile, parse};

use crate::cases_plugins::plugins;
use crate::read::with_steps;
use crate::table::Case;

/// What was wanted, if both make the same plan, and only the old one is taken with a word about it (`@ silent`: neither).
pub(crate) fn same(case: &Case) -> String {
    let read = |text: &str| parse(&SourceFile::new("flow.yaml", with_steps(text)), &plugins());
    let (old, today) = match (read(&case.input), read(&case.wanted)) {
        (Ok(old), Ok(today)) => (old, today),
        (Err(faults), _) => return format!("the old form is refused:\n{faults}"),
        (_, Err(faults)) => return format!("the form of today is refused:\n{faults}"),
    };
    let silent = case.how(0) == "silent";
    if old.notices.is_empty() != silent {
        return format!("the old form is taken with these words:\n{}", old.notices.report());
    }
    let names_itself = old.notices.report().findings().iter().all(|finding| finding.message.contains("is an old"));
    if !names_itself || !today.notices.is_empty() {
        return format!("other words:\n{}{}", old.notices.report(), today.notices.report());
    }
    if old.plan == today.plan {
        return case.wanted.clone();
    }
    let plan = |plan| serde_json::to_string_pretty(plan).unwrap();
    format!("the old form is this plan\n{}\nand that of today is this\n{}", plan(&old.plan), plan(&today.plan))
}
