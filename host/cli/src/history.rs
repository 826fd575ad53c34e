//! `pintle history`.

use pintle_core::time::{Span, Timestamp};
use pintle_store::{RunFilter, RunRow, Runs as _};

use crate::args::{Format, History};
use crate::context::{Context, NO_RUNS, remark, say};
use crate::failure::{Exit, Failure};
use crate::join::House;
use crate::render::runs;
use crate::threads::one_thread;

/// Lists runs, newest first.
pub(crate) fn run(args: &History, context: &Context) -> anyhow::Result<Exit> {
    if !context.has_store()? {
        print(args.format, &[], Timestamp::default())?;
        return Ok(Exit::Success);
    }
    one_thread()?.block_on(async {
        let house = House::open(&context.settings, Vec::new())?;
        house.recover_dead().await?;
        let now = house.now();
        let filter = RunFilter { statuses: args.status.clone(), dag: args.name.clone(), since: since(args, now)? };
        let limit = usize::try_from(args.limit)?;
        let rows = house.store.list(&filter, None, limit).await?.rows;
        print(args.format, &rows, now)?;
        Ok(Exit::Success)
    })
}

fn print(format: Format, rows: &[RunRow], now: Timestamp) -> anyhow::Result<()> {
    match format {
        Format::Table if rows.is_empty() => remark(NO_RUNS),
        Format::Table => say(&runs::table(rows, now)),
        Format::Json => say(&runs::json(rows)),
        Format::Csv => say(runs::csv(rows)?.trim_end()),
    }
    Ok(())
}

fn since(args: &History, now: Timestamp) -> anyhow::Result<Option<Timestamp>> {
    if let Some(text) = &args.last {
        let span =
            span(text).ok_or_else(|| Failure::usage(format!("`--last {text}` is not a span; use 30m, 12h or 7d")))?;
        return Ok(Some(Timestamp(now.0.saturating_sub(span.0.saturating_mul(1000)))));
    }
    let Some(text) = &args.from else { return Ok(None) };
    let wrong = || Failure::usage(format!("`--from {text}` is not a time; use 2026-11-01 or 2026-11-01T08:00:00Z"));
    let at = match text.parse::<jiff::Timestamp>() {
        Ok(at) => at,
        Err(_) => {
            let date: jiff::civil::DateTime = text.parse().map_err(|_| wrong())?;
            date.to_zoned(jiff::tz::TimeZone::system()).map_err(|_| wrong())?.timestamp()
        }
    };
    Ok(Some(Timestamp(u64::try_from(at.as_microsecond()).unwrap_or(0))))
}

/// `30s`, `30m`, `12h`, `7d`, `2w`.
fn span(text: &str) -> Option<Span> {
    let at = text.find(|c: char| !c.is_ascii_digit())?;
    let (number, unit) = text.split_at_checked(at)?;
    let secs: u64 = match unit {
        "s" => 1,
        "m" => 60,
        "h" => 3600,
        "d" => 86_400,
        "w" => 604_800,
        _ => return None,
    };
    number.parse::<u64>().ok()?.checked_mul(secs).map(Span::from_secs)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_are_read() {
        assert_eq!(span("90s"), Some(Span(90_000)));
        assert_eq!(span("7d"), Some(Span(604_800_000)));
        for bad in ["", "7", "d", "7y", "-1d", "1h30m", "99999999999999999999d"] {
            assert_eq!(span(bad), None, "{bad}");
        }
    }
}
