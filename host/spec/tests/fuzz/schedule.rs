//! Any text as a schedule: refused, or instants that come in order. The first five bytes are the instant to start from,
//! in minutes since 1970, and the home zone; text that begins as YAML's flow form is one, all else is one expression.

use std::sync::LazyLock;

use pintle_core::plugin::ActionRow;
use pintle_core::time::Timestamp;
use pintle_spec::schedule::{Timetable, Zone};
use pintle_spec::{SourceFile, parse};

use crate::plugins::plugins;

const ZONES: [&str; 6] =
    ["UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Pacific/Apia", "Asia/Gaza"];

/// As many as a preview shows by itself.
const COUNT: usize = 5;

static PLUGINS: LazyLock<Vec<ActionRow>> = LazyLock::new(plugins);

/// Panics if a promise is broken.
pub(crate) fn check(data: &[u8]) {
    let Some((head, text)) = data.split_at_checked(5) else { return };
    let minutes = u64::from(u32::from_le_bytes([head[0], head[1], head[2], head[3]])) % (130 * 366 * 24 * 60);
    let from = Timestamp(minutes * 60_000_000);
    let home = Zone::named(ZONES[usize::from(head[4]) % ZONES.len()]).unwrap();
    let text = String::from_utf8_lossy(text);
    let written = match text.starts_with(['{', '[']) {
        true => text.into_owned(),
        false => serde_json::Value::from(text).to_string(),
    };
    let document = format!("schedule: {written}\nsteps: [{{action: noop}}]\n");
    let Ok(parsed) = parse(&SourceFile::new("flow.yaml", document), &*PLUGINS) else { return };
    let Some(scheduling) = parsed.plan.scheduling else { return };
    for schedule in scheduling.schedules.iter().take(3) {
        let timetable = Timetable::new(schedule, &home).unwrap();
        let mut last = from;
        for at in timetable.after(from).take(COUNT) {
            assert!(at > last, "{schedule:?}: {at:?} does not come behind {last:?}");
            assert_eq!(timetable.next_after(last), Some(at), "{schedule:?}");
            last = at;
        }
    }
}
