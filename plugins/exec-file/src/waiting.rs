//! `wait.file`: looks, and looks again.

use pintle_guest::prelude::*;
use serde_json::json;

use crate::input::{Presence, Wait};
use crate::paths::Place;
use crate::told;
use crate::writing::would;

/// It is not looked more often, in milliseconds: each look is recorded.
const OFTEN: u32 = 100;

pub(crate) fn wait(task: &Task, input: &Wait) -> Result<Progress, Error> {
    let place = Place::of(task, &input.path)?;
    let (there, what) = match input.state {
        Presence::Exists => (true, "exists"),
        Presence::Missing => (false, "is missing"),
    };
    if task.is_dry_run() {
        return Ok(would(format_args!("wait until {} {what}", place.shown)).into());
    }
    if place.look()?.is_some() == there {
        return Ok(told(json!({ "path": place.shown, "exists": there })).into());
    }
    Ok(Progress::Pending { token: "look".to_owned(), ask_after_ms: input.poll_interval.0.max(OFTEN) })
}
