//! When runs start by themselves.

use super::{Fields, Shape, field};

/// A cron expression, or a map.
const ONE: Shape = Shape::Either(&[Shape::Word, Shape::Map(&SCHEDULE)]);
const MANY: Shape = Shape::Many(&ONE);

/// One, a list, or one of either for each act.
pub(super) const FORMS: Shape = Shape::Either(&[MANY, Shape::Map(&SCHEDULES)]);

/// `schedule`, as a map.
pub(crate) static SCHEDULES: Fields = Fields {
    key: "schedules",
    of: "`schedule`",
    read: &[
        field("start", MANY, "When a run starts."),
        field("stop", MANY, "When a run is stopped."),
        field("restart", MANY, "When a run is stopped and started again."),
    ],
    inert: &[],
    refused: &[],
    together: "",
};

const DAY: Shape = Shape::Like("^\\s*[0-9]{4}-[0-9]{2}-[0-9]{2}");

/// One schedule, as a map.
pub(crate) static SCHEDULE: Fields = Fields {
    key: "schedule",
    of: "a schedule",
    read: &[
        field("kind", Shape::Choice(&["cron", "at"]), "An expression that comes again, or a single instant."),
        field("expression", Shape::Word, "Minute, hour, day, month, weekday; or `@daily`, `@every 5m` and the like."),
        field("at", DAY, "An instant with its offset: `2026-11-01T09:30:00+01:00`."),
        field("zone", Shape::Word, "The time zone of the expression: `Europe/Berlin`."),
        field("profile", Shape::Word, "The profile under which the schedule holds."),
        field("start_date", DAY, "The first day, or instant, of the schedule."),
        field("end_date", DAY, "The last day, or instant, of the schedule."),
    ],
    inert: &[],
    refused: &[],
    together: r#"{"anyOf":[{"required":["expression"]},{"required":["at"]}]}"#,
};
