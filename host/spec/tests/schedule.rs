//! From schedules to instants: what happens when clocks are put forward and back, and everything else that only a
//! calendar shows. What documents may write is in `cases/schedule/`.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test whose schedule cannot be read has failed")]

use jiff::civil::{Date, date};
use jiff::{SignedDuration, ToSpan as _};
use pintle_core::plugin::ActionRow;
use pintle_core::schedule::{Edge, Schedule, When};
use pintle_core::time::{Span, Timestamp};
use pintle_spec::schedule::{ScheduleError, Timetable, Zone};
use pintle_spec::{SourceFile, parse};
use proptest::prelude::*;

/// Days of 2026 on which the clocks of a zone move, and what they do.
const MOVES: [(&str, Date, &str); 8] = [
    ("Europe/Berlin", date(2026, 3, 29), "02:00 to 03:00"),
    ("Europe/Berlin", date(2026, 10, 25), "03:00 to 02:00"),
    ("America/New_York", date(2026, 3, 8), "02:00 to 03:00"),
    ("America/New_York", date(2026, 11, 1), "02:00 to 01:00"),
    ("Australia/Lord_Howe", date(2026, 10, 4), "02:00 to 02:30"),
    ("Australia/Lord_Howe", date(2026, 4, 5), "02:00 to 01:30"),
    // Summer time, but for Ramadan.
    ("Africa/Casablanca", date(2026, 3, 22), "02:00 to 03:00"),
    ("Africa/Casablanca", date(2026, 2, 15), "03:00 to 02:00"),
];
const ZONES: [&str; 5] = ["Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Africa/Casablanca", "UTC"];

fn zone(name: &str) -> Zone {
    Zone::named(name).unwrap()
}

fn timetable(expression: &str, name: &str) -> Timetable {
    Timetable::new(&Schedule::starting(When::Cron(expression.to_owned())), &zone(name)).unwrap()
}

fn instant(text: &str) -> Timestamp {
    Zone::utc().instant(text).unwrap_or_else(|| panic!("{text} is no instant"))
}

/// The instants of a day of a zone.
fn during(timetable: &Timetable, day: Date) -> Vec<Timestamp> {
    let midnight = |day: Date| timetable.zone().instant(&format!("{day}T00:00")).unwrap();
    let (from, to) = (Timestamp(midnight(day).0 - 1), midnight(day.tomorrow().unwrap()));
    timetable.after(from).take_while(|at| *at < to).collect()
}

/// What clocks show at them: `02:30+01:00`.
fn shown(timetable: &Timetable, instants: &[Timestamp]) -> Vec<String> {
    let show = |at: &Timestamp| timetable.zone().local(*at).unwrap().strftime("%H:%M%:z").to_string();
    instants.iter().map(show).collect()
}

fn starts(expression: &str, zone: &str, day: Date) -> Vec<String> {
    let timetable = timetable(expression, zone);
    shown(&timetable, &during(&timetable, day))
}

#[test]
fn the_zone_database_knows_these_moves() {
    for (name, day, clocks) in MOVES {
        let zone = zone(name);
        let noon = zone.instant(&format!("{}T12:00", day.yesterday().unwrap())).unwrap();
        let before = zone.local(noon).unwrap();
        let change = before.time_zone().following(before.timestamp()).next().unwrap();
        let from = before.offset().to_datetime(change.timestamp());
        let to = change.offset().to_datetime(change.timestamp());
        assert_eq!((from.date(), to.date()), (day, day), "{name}");
        assert_eq!(format!("{} to {}", from.strftime("%H:%M"), to.strftime("%H:%M")), clocks, "{name}");
    }
}

#[test]
fn a_daily_schedule_starts_once_when_clocks_move() {
    for (expression, name, day, start) in [
        ("30 2 * * *", "Europe/Berlin", date(2026, 3, 29), "03:00+02:00"),
        ("30 2 * * *", "Europe/Berlin", date(2026, 10, 25), "02:30+02:00"),
        ("30 2 * * *", "America/New_York", date(2026, 3, 8), "03:00-04:00"),
        ("30 2 * * *", "America/New_York", date(2026, 11, 1), "02:30-05:00"),
        ("30 1 * * *", "America/New_York", date(2026, 11, 1), "01:30-04:00"),
        ("30 2 * * *", "Australia/Lord_Howe", date(2026, 10, 4), "02:30+11:00"),
        ("15 2 * * *", "Australia/Lord_Howe", date(2026, 10, 4), "02:30+11:00"),
        ("30 2 * * *", "Australia/Lord_Howe", date(2026, 4, 5), "02:30+10:30"),
        ("45 1 * * *", "Australia/Lord_Howe", date(2026, 4, 5), "01:45+11:00"),
        ("30 2 * * *", "Africa/Casablanca", date(2026, 3, 22), "03:00+01:00"),
        ("30 2 * * *", "Africa/Casablanca", date(2026, 2, 15), "02:30+01:00"),
        ("30 2 * * *", "UTC", date(2026, 3, 29), "02:30+00:00"),
    ] {
        assert_eq!(starts(expression, name, day), [start], "{expression} in {name} on {day}");
    }
}

#[test]
fn a_daily_schedule_starts_once_on_every_day_of_the_year() {
    for name in ZONES {
        for minute in (0..5 * 60).step_by(15) {
            let timetable = timetable(&format!("{} {} * * *", minute % 60, minute / 60), name);
            let from = timetable.zone().instant("2026-01-01T00:00").unwrap();
            let starts: Vec<Date> = timetable
                .after(Timestamp(from.0 - 1))
                .map(|at| timetable.zone().local(at).unwrap().date())
                .take_while(|day| day.year() == 2026)
                .collect();
            let days: Vec<Date> = date(2026, 1, 1).series(1.day()).take(365).collect();
            assert_eq!(starts, days, "{minute} minutes past midnight in {name}");
        }
    }
}

#[test]
fn an_hourly_schedule_starts_in_each_real_hour() {
    for name in ["Europe/Berlin", "America/New_York", "Africa/Casablanca", "UTC"] {
        for expression in ["0 * * * *", "30 * * * *", "59 0-23 * * *"] {
            let starts: Vec<Timestamp> =
                timetable(expression, name).after(instant("2026-01-01T00:00Z")).take(8760).collect();
            let hour = |pair: &&[Timestamp]| pair.last().unwrap().micros_since(*pair.first().unwrap()) == 3_600_000_000;
            assert_eq!(starts.windows(2).find(|pair| !hour(pair)), None, "{expression} in {name}");
        }
    }
}

#[test]
fn an_hourly_schedule_follows_the_minute_hand_where_clocks_move_by_half_an_hour() {
    let before_four = |expression: &str, day: Date| {
        let mut shown = starts(expression, "Australia/Lord_Howe", day);
        shown.retain(|at| at.as_str() < "04");
        shown.join(" ")
    };
    let (spring, autumn) = (date(2026, 10, 4), date(2026, 4, 5));
    for (expression, day, wanted) in [
        ("0 * * * *", spring, "00:00+10:30 01:00+10:30 03:00+11:00"),
        ("30 * * * *", spring, "00:30+10:30 01:30+10:30 02:30+11:00 03:30+11:00"),
        ("0 * * * *", autumn, "00:00+11:00 01:00+11:00 02:00+10:30 03:00+10:30"),
        ("30 * * * *", autumn, "00:30+11:00 01:30+11:00 01:30+10:30 02:30+10:30 03:30+10:30"),
    ] {
        assert_eq!(before_four(expression, day), wanted, "{expression} on {day}");
    }
}

#[test]
fn times_that_are_skipped_together_start_once() {
    let spring = date(2026, 3, 29);
    for (expression, wanted) in [
        ("*/15 2 * * *", vec!["03:00+02:00"]),
        ("0 2,3 * * *", vec!["03:00+02:00"]),
        ("30 2,14 * * *", vec!["03:00+02:00", "14:30+02:00"]),
        ("30 1-3 * * *", vec!["01:30+01:00", "03:00+02:00", "03:30+02:00"]),
        ("30 2 29 3 *", vec!["03:00+02:00"]),
        ("30 2 * * sun", vec!["03:00+02:00"]),
        ("30 2 * * mon", vec![]),
        ("30 2 28 3 *", vec![]),
    ] {
        assert_eq!(starts(expression, "Europe/Berlin", spring), wanted, "{expression}");
    }
}

#[test]
fn times_that_come_twice_start_twice_only_where_every_hour_is_meant() {
    let autumn = date(2026, 10, 25);
    let at_two = |expression: &str| {
        let mut shown = starts(expression, "Europe/Berlin", autumn);
        shown.retain(|at| at.starts_with("02"));
        shown.join(" ")
    };
    assert_eq!(at_two("*/30 2 * * *"), "02:00+02:00 02:30+02:00");
    assert_eq!(at_two("0 0,2,4 * * *"), "02:00+02:00");
    assert_eq!(at_two("*/30 * * * *"), "02:00+02:00 02:30+02:00 02:00+01:00 02:30+01:00");
    assert_eq!(at_two("30 * 25 10 sun"), "02:30+02:00 02:30+01:00");
}

#[test]
fn a_day_that_a_zone_leaves_out_starts_at_its_end() {
    let names = |expression: &str| {
        let timetable = timetable(expression, "Pacific/Apia");
        let from = timetable.zone().instant("2011-12-29T22:30").unwrap();
        let show = |at| timetable.zone().local(at).unwrap().strftime("%d %H:%M%:z").to_string();
        timetable.after(from).take(3).map(show).collect::<Vec<_>>()
    };
    assert_eq!(names("30 2 * * *"), ["31 00:00+14:00", "31 02:30+14:00", "01 02:30+14:00"]);
    assert_eq!(names("0 * * * *"), ["29 23:00-10:00", "31 00:00+14:00", "31 01:00+14:00"]);
}

#[test]
fn it_does_not_matter_from_where_one_looks() {
    for (name, day, _) in MOVES {
        for expression in ["30 2 * * *", "*/7 1-3 * * *", "*/20 * * * *", "15 */2 * * *", "40 30 1,2 * * *"] {
            let timetable = timetable(expression, name);
            let all = during(&timetable, day);
            let midnight = timetable.zone().instant(&format!("{day}T00:00")).unwrap();
            for seconds in (0..6 * 3600).step_by(97) {
                let after = midnight.plus(Span::from_secs(seconds));
                let next = all.iter().copied().find(|at| *at > after);
                let found = timetable.next_after(after).filter(|_| next.is_some());
                assert_eq!(found, next, "{expression} in {name} on {day}, {seconds} s after midnight");
            }
        }
    }
}

#[test]
fn the_instant_that_is_given_is_not_its_own_next() {
    let daily = timetable("0 9 * * *", "UTC");
    for (after, next) in [
        ("2026-11-01T08:59:59.999999Z", "2026-11-01T09:00:00Z"),
        ("2026-11-01T09:00:00Z", "2026-11-02T09:00:00Z"),
        ("2026-11-01T09:00:00.000001Z", "2026-11-02T09:00:00Z"),
    ] {
        assert_eq!(daily.next_after(instant(after)), Some(instant(next)), "{after}");
    }
}

#[test]
fn seconds_are_counted() {
    let often = timetable("*/20 59 23 * * *", "UTC");
    let shown: Vec<String> = often
        .after(instant("2026-11-01T23:59:00Z"))
        .take(3)
        .map(|at| often.zone().local(at).unwrap().strftime("%dT%H:%M:%S").to_string())
        .collect();
    assert_eq!(shown, ["01T23:59:20", "01T23:59:40", "02T23:59:00"]);
}

#[test]
fn of_a_day_of_the_month_and_one_of_the_week_one_is_enough() {
    let days = |expression: &str| {
        let timetable = timetable(expression, "UTC");
        let days = timetable.after(instant("2026-11-01T12:00Z")).take(4);
        days.map(|at| timetable.zone().local(at).unwrap().day()).collect::<Vec<_>>()
    };
    assert_eq!(days("0 0 13 * fri"), [6, 13, 20, 27]);
    assert_eq!(days("0 0 13 * *"), [13, 13, 13, 13]);
    assert_eq!(days("0 0 ? * fri"), [6, 13, 20, 27]);
    // A step leaves days out, so it says something of the day: peers that run the same files read it so.
    assert_eq!(days("0 0 */10 * sat"), [7, 11, 14, 21]);
    assert_eq!(days("0 0 1-31 * sat"), [2, 3, 4, 5]);
}

#[test]
fn a_leap_day_is_waited_for_across_a_century() {
    let leap = timetable("0 0 29 2 *", "UTC");
    assert_eq!(leap.next_after(instant("2096-02-29T00:00Z")), Some(instant("2104-02-29T00:00Z")));
}

#[test]
fn every_is_a_grid_that_no_restart_moves() {
    let every = Timetable::new(&Schedule::starting(When::Every(Span::from_secs(5400))), &zone("Asia/Tokyo")).unwrap();
    let grid: Vec<Timestamp> = every.after(instant("2026-11-01T00:00Z")).take(2).collect();
    assert_eq!(grid, [instant("2026-11-01T01:30Z"), instant("2026-11-01T03:00Z")]);
    assert_eq!(every.next_after(instant("2026-11-01T01:29:59Z")), grid.first().copied());
}

#[test]
fn once_is_once() {
    let at = instant("2026-11-01T08:30Z");
    let once = Timetable::new(&Schedule::starting(When::At(at)), &Zone::utc()).unwrap();
    assert_eq!(once.next_after(instant("2026-01-01T00:00Z")), Some(at));
    assert_eq!(once.next_after(at), None);
}

#[test]
fn the_zone_of_a_schedule_goes_before_that_of_who_asks() {
    let schedule = |zone: Option<&str>| Schedule {
        zone: zone.map(str::to_owned),
        ..Schedule::starting(When::Cron("0 9 * * *".to_owned()))
    };
    let next = |named: Option<&str>| {
        let timetable = Timetable::new(&schedule(named), &zone("Asia/Tokyo")).unwrap();
        timetable.next_after(instant("2026-11-01T00:00Z")).unwrap()
    };
    assert_eq!(next(None), instant("2026-11-02T00:00Z"));
    assert_eq!(next(Some("Europe/Berlin")), instant("2026-11-01T08:00Z"));
}

#[test]
fn both_days_at_the_edges_belong_to_a_schedule() {
    let starts = |first: Option<Edge>, last: Option<Edge>| {
        let schedule = Schedule { first, last, ..Schedule::starting(When::Cron("0 0,23 * * *".to_owned())) };
        let timetable = Timetable::new(&schedule, &zone("America/New_York")).unwrap();
        let starts: Vec<Timestamp> = timetable.after(instant("2026-10-30T00:00Z")).take(20).collect();
        let show = |at: &Timestamp| timetable.zone().local(*at).unwrap().strftime("%m-%dT%H").to_string();
        (starts.len(), show(starts.first().unwrap()), show(starts.last().unwrap()))
    };
    let day = |text: &str| Some(Edge::Day(text.to_owned()));
    let at = |text: &str| Some(Edge::At(instant(text)));
    assert_eq!(starts(day("2026-11-01"), day("2026-11-02")), (4, "11-01T00".into(), "11-02T23".into()));
    // 05:00 in UTC is midnight in New York, when summer time is over.
    assert_eq!(starts(at("2026-11-02T05:00Z"), at("2026-11-03T05:00Z")), (3, "11-02T00".into(), "11-03T00".into()));
    assert_eq!(starts(None, day("2026-10-29")), (1, "10-29T23".into(), "10-29T23".into()));
    assert_eq!(starts(day("2026-12-01"), None).1, "12-01T00");
}

#[test]
fn a_schedule_that_is_over_names_no_instant() {
    let last = Some(Edge::Day("2026-11-01".to_owned()));
    let schedule = Schedule { last, ..Schedule::starting(When::Cron("0 9 * * *".to_owned())) };
    let timetable = Timetable::new(&schedule, &Zone::utc()).unwrap();
    assert_eq!(timetable.next_after(instant("2026-11-01T09:00Z")), None);
}

#[test]
fn instants_beyond_the_calendar_have_no_next() {
    for after in [Timestamp(u64::MAX), Timestamp(i64::MAX as u64), instant("9999-12-30T21:00:00Z")] {
        assert_eq!(timetable("0 0 1 1 *", "UTC").next_after(after), None);
        assert_eq!(timetable("* * * * *", "Europe/Berlin").next_after(Timestamp(u64::MAX)), None);
    }
}

#[test]
fn a_stored_schedule_that_cannot_be_read_says_so() {
    let made = |schedule: Schedule| Timetable::new(&schedule, &Zone::utc()).unwrap_err();
    let daily = Schedule::starting(When::Cron("0 9 * * *".to_owned()));
    for (text, reason) in [("0 0 31 2 *", "never comes"), ("61 * * * *", "`61` is not a minute"), ("", "0 fields")] {
        let error = made(Schedule::starting(When::Cron(text.to_owned())));
        assert!(matches!(&error, ScheduleError::Expression { .. }) && error.to_string().contains(reason), "{error}");
    }
    let error = made(Schedule { zone: Some("Mars/Olympus".to_owned()), ..daily.clone() });
    assert!(error.to_string().starts_with("`Mars/Olympus` is not a time zone"), "{error}");
    let error = made(Schedule { first: Some(Edge::Day("2026-02-30".to_owned())), ..daily });
    assert_eq!(error.to_string(), "`2026-02-30` is not a day; validate the DAG again");
}

fn refusal(schedules: &str) -> String {
    let known: Vec<ActionRow> = Vec::new();
    let text = format!("schedule: [{schedules}]\nsteps: [{{action: noop}}]\n");
    parse(&SourceFile::new("x.yaml", text), &known).unwrap_err().to_string()
}

#[test]
fn schedules_are_bounded_in_number_and_in_length() {
    let many: Vec<String> = (0..101).map(|n| format!("{} {} * * *", n % 60, n / 60)).collect();
    assert!(refusal(&many.join(", ")).contains("a DAG may have 100 schedules"));
    let long = format!("\"{}0 * * * *\"", "1,".repeat(500));
    assert!(refusal(&long).contains("has 1009 bytes and may have 1000"), "{}", refusal(&long));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, ..ProptestConfig::default() })]

    /// Whatever is written is answered: with a plan or with faults whose places are in the text.
    #[test]
    fn any_text_is_answered(text in "[-0-9*/,?LW#@A-Za-z= ]{0,40}|(CRON_TZ=|TZ=)?[-0-9*/, ]{0,30}|\\PC{0,30}") {
        let known: Vec<ActionRow> = Vec::new();
        let quoted = serde_json::to_string(&text).unwrap();
        let document = format!("schedule: {quoted}\nsteps: [{{action: noop}}]\n");
        if let Ok(parsed) = parse(&SourceFile::new("x.yaml", document), &known) {
            for schedule in parsed.plan.scheduling.into_iter().flat_map(|scheduling| scheduling.schedules) {
                let timetable = Timetable::new(&schedule, &zone("Europe/Berlin")).unwrap();
                prop_assert!(timetable.next_after(instant("2026-11-01T00:00Z")).is_some(), "{text}: {schedule:?}");
            }
        }
    }

    /// Instants only grow, and a day with a change of the clock loses and doubles nothing that is daily.
    #[test]
    fn instants_grow(minute in 0u32..60, hour in 0u32..24, month in 1i8..=12, day in 1i8..=28, place in 0usize..5) {
        let name = ZONES.get(place).unwrap();
        let timetable = timetable(&format!("{minute} {hour} * * *"), name);
        let from = instant(&format!("2026-{month:02}-{day:02}T00:00Z"));
        let starts: Vec<Timestamp> = timetable.after(from).take(40).collect();
        let daily = SignedDuration::from_hours(26).as_micros();
        for pair in starts.windows(2) {
            let apart = pair.last().unwrap().micros_since(*pair.first().unwrap());
            prop_assert!(apart > 0 && i128::from(apart) < daily, "{apart} in {name}");
        }
    }
}
