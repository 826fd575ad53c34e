//! Any bytes as a DAG file: a plan that survives being stored, or faults that have a place and a sentence.

use std::sync::LazyLock;

use pintle_core::plugin::ActionRow;
use pintle_spec::{Colours, GivenParams, Plan, SourceFile, bind_params, parse};

use crate::plugins::plugins;

static PLUGINS: LazyLock<Vec<ActionRow>> = LazyLock::new(plugins);

/// Panics if a promise is broken.
pub(crate) fn check(data: &[u8]) {
    let read = SourceFile::from_bytes("flow.yaml".to_owned(), data).and_then(|source| parse(&source, &*PLUGINS));
    let parsed = match read {
        Ok(parsed) => parsed,
        Err(faults) => {
            let report = faults.report();
            assert!(!report.is_empty(), "refused without a fault");
            for finding in report.findings() {
                assert!(finding.line > 0 && finding.column > 0 && !finding.message.is_empty(), "{finding:?}");
            }
            assert!(faults.render(Colours::On).len() >= faults.to_string().len());
            return;
        }
    };
    let stored = serde_json::to_string(&parsed.plan).unwrap();
    let again: Plan = serde_json::from_str(&stored).unwrap();
    assert!(again == parsed.plan, "a stored plan is another one:\n{stored}");
    for (index, step) in parsed.plan.steps.iter().enumerate() {
        let before =
            step.depends.iter().all(|other| (other.0 as usize) < parsed.plan.steps.len() && other.0 as usize != index);
        assert!(before, "step {index} depends on what is not there, or on itself");
    }
    for report in [parsed.notices.report(), parsed.notices.runtime_only()] {
        assert!(report.findings().iter().all(|finding| finding.line > 0 && !finding.message.is_empty()));
        let _ = report.render(Colours::Off);
    }
    let _ = bind_params(&parsed.plan, &GivenParams::None, &[("HOME".to_owned(), "/home/me".to_owned())]);
}
