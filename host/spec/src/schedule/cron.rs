//! A cron expression: five fields, or six with seconds before them.

use super::field::{Field, UNITS, read as read_field};
use super::rule::Said;

/// Days that a month has at most, from January on.
const LONGEST: [u32; 12] = [31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];

/// An expression that was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Expression {
    /// Seconds, minutes, hours, days of the month, months, days of the week.
    fields: [Field; 6],
    /// In numbers, one space between fields; seconds only where they were written and are not 0.
    pub(super) text: String,
}

impl Expression {
    /// Reads an expression that begins `start` bytes behind the beginning of what was written.
    pub(super) fn read(text: &str, start: usize, said: &mut Said) -> Option<Self> {
        let mut words = words(text);
        let count = words.len();
        if count == 5 {
            words.insert(0, (0, "0"));
        }
        let Ok(words) = <[(usize, &str); 6]>::try_from(words) else {
            said.wrong(start, text, miscounted(count));
            return None;
        };
        let mut units = UNITS.iter();
        let fields = words.map(|(at, word)| match units.next() {
            Some(unit) => read_field(unit, word, start + at, said),
            None => Field::default(),
        });
        if said.has_wrong() {
            return None;
        }
        let expression = Self { text: normal(&fields), fields };
        if !expression.comes() {
            let message =
                format!("`{text}` never comes: none of its months has one of its days; correct the day or the month");
            said.wrong(start, text, message);
            return None;
        }
        Some(expression)
    }

    /// Whether it means every hour of a day.
    pub(super) fn is_hourly(&self) -> bool {
        let [_, _, hours, ..] = &self.fields;
        let [_, _, unit, ..] = &UNITS;
        hours.is_full(unit)
    }

    /// Whether there is a day that fits. Of a day of the month and one of the week one is enough, and weekdays come.
    fn comes(&self) -> bool {
        let [_, _, _, days, months, weekdays] = &self.fields;
        !weekdays.star
            || LONGEST
                .iter()
                .zip(1..)
                .any(|(longest, month)| months.has(month) && (1..=*longest).any(|day| days.has(day)))
    }
}

/// The words of a text, and how many bytes stand before each.
fn words(text: &str) -> Vec<(usize, &str)> {
    let mut at = 0;
    text.split(|c: char| c.is_ascii_whitespace())
        .filter_map(|word| {
            let start = at;
            at += word.len() + 1;
            (!word.is_empty()).then_some((start, word))
        })
        .collect()
}

fn miscounted(count: usize) -> String {
    const WANTED: &str = "5 (minute, hour, day of the month, month, day of the week), or 6 with seconds before them";
    match count {
        7 => format!("the expression has 7 fields and may have {WANTED}; years are not part of schedules"),
        1 => format!("the expression has 1 field and needs {WANTED}"),
        _ => format!("the expression has {count} fields and needs {WANTED}"),
    }
}

fn normal(fields: &[Field; 6]) -> String {
    let shown = fields.iter().map(|field| field.text.as_str());
    let seconds = usize::from(fields.first().is_some_and(|seconds| seconds.text == "0"));
    shown.skip(seconds).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test whose expression cannot be read has failed")]
mod tests {
    use croner::Cron;
    use jiff::civil::{DateTime, date};
    use jiff::{SignedDuration, ToSpan as _};
    use proptest::prelude::*;

    use super::*;

    fn read(text: &str) -> Expression {
        let mut said = Said::default();
        Expression::read(text, 0, &mut said).unwrap_or_else(|| unreachable!("{text}: {said:?}"))
    }

    /// What the fields say of a time, without croner.
    fn fits(expression: &Expression, at: DateTime) -> bool {
        let [seconds, minutes, hours, days, months, weekdays] = &expression.fields;
        let number = |value: i8| u32::try_from(value).unwrap();
        let day = days.has(number(at.day()));
        let weekday = weekdays.has(number(at.weekday().to_sunday_zero_offset()));
        let either = match (days.star, weekdays.star) {
            (true, _) => weekday,
            (_, true) => day,
            (false, false) => day || weekday,
        };
        seconds.has(number(at.second()))
            && minutes.has(number(at.minute()))
            && hours.has(number(at.hour()))
            && months.has(number(at.month()))
            && either
    }

    #[test]
    fn two_ways_to_write_one_expression_have_one_normal_form() {
        for (written, normal) in [
            ("0 9 * * mon-fri", "0 9 * * 1-5"),
            ("00  09 ?\t* MON-Fri", "0 9 * * 1-5"),
            ("0 0 9 * * 1-5", "0 9 * * 1-5"),
            ("*/1 */1 1-31 * 0-6", "* * 1-31 * 0-6"),
            ("5/15 * * jan,dec *", "5-59/15 * * 1,12 *"),
            ("*/90 * * * *", "0 * * * *"),
            ("59/5 * * * *", "59 * * * *"),
            ("30 0 0 * * *", "30 0 0 * * *"),
            ("0 0 * * fri-sun", "0 0 * * 5-7"),
            ("0 0 * * 7", "0 0 * * 0"),
            ("0 0 * * 7/2", "0 0 * * 0"),
            ("*,5 * * * *", "* * * * *"),
            ("0 0 * * sun", "0 0 * * 0"),
        ] {
            assert_eq!(read(written).text, normal, "{written}");
            assert_eq!(read(normal).text, normal, "a normal form is its own: {normal}");
        }
    }

    #[test]
    fn every_hour_is_every_hour_however_it_is_written() {
        for text in ["0 * * * *", "0 0-23 * * *", "*/5 */1 * * *", "0 0/1 * * *", "0 0-11,12-23 1 1 *"] {
            assert!(read(text).is_hourly(), "{text}");
        }
        for text in ["0 */2 * * *", "0 0-22 * * *", "* 1 * * *", "0 1-23 * * *"] {
            assert!(!read(text).is_hourly(), "{text}");
        }
    }

    #[test]
    fn days_that_no_month_has_never_come() {
        for text in ["0 0 31 2 *", "0 0 30 feb ?", "0 0 31 2,4,6,9,11 *", "0 0 0 31 4-4 *"] {
            let mut said = Said::default();
            assert_eq!(Expression::read(text, 0, &mut said), None, "{text}");
            assert!(said.to_string().contains("never comes"), "{said}");
        }
        for text in ["0 0 29 2 *", "0 0 31 2,3 *", "0 0 31 2 fri", "0 0 30-31 4 *"] {
            read(text);
        }
    }

    fn field(least: u32, most: u32) -> impl Strategy<Value = String> {
        let item = (least..=most, least..=most, 1u32..20, 0u32..5).prop_map(move |(a, b, step, form)| {
            let (low, high) = (a.min(b), a.max(b));
            match form {
                0 => format!("{a}"),
                1 => format!("{low}-{high}"),
                2 => format!("*/{step}"),
                3 => format!("{a}/{step}"),
                _ => format!("{low}-{high}/{step}"),
            }
        });
        prop_oneof![Just("*".to_owned()), prop::collection::vec(item, 1..3).prop_map(|items| items.join(","))]
    }

    proptest! {
        /// croner and the fields agree on the normal form: what is found fits, and nothing in between does.
        #[test]
        fn what_the_library_finds_is_the_next_time_that_fits(
            minute in field(0, 59), hour in field(0, 23), day in field(1, 31), month in field(1, 12),
            weekday in field(0, 7), year in 1996i16..2104, yearday in 0i32..365, second in 0i64..86_400,
        ) {
            let mut said = Said::default();
            let text = format!("{minute} {hour} {day} {month} {weekday}");
            let Some(expression) = Expression::read(&text, 0, &mut said) else { return Ok(()) };
            let cron: Cron = expression.text.parse().unwrap();
            let from = date(year, 1, 1).at(0, 0, 0, 0) + yearday.days() + SignedDuration::from_secs(second);
            let found = cron.find_next_occurrence(&from, false).unwrap();
            prop_assert!(found > from && fits(&expression, found), "{text}: {from} -> {found}");
            // Looking at each minute of years would take long: the days in between, and the minutes of two days.
            let mut at = from;
            let mut minutes = 0;
            while at < found && minutes < 2 * 1440 {
                prop_assert!(at == from || !fits(&expression, at), "{text}: {at} is before {found}");
                at = at.with().second(0).build().unwrap() + 1.minute();
                minutes += 1;
            }
        }
    }
}
