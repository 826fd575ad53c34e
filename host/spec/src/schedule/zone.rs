//! Time zones, by name, out of the database that is part of the program.

use std::sync::LazyLock;

use jiff::Zoned;
use jiff::tz::{TimeZone, TimeZoneDatabase};
use pintle_core::time::Timestamp;

use super::instant::from_core;
use crate::nearest::did_you_mean;

/// Read-only data: which zones there are and when their clocks move.
static ZONES: LazyLock<TimeZoneDatabase> = LazyLock::new(TimeZoneDatabase::bundled);

/// A time zone with a name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Zone {
    name: String,
    pub(super) rules: TimeZone,
}

/// A name that no time zone has.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{name}` is not a time zone; {hint}")]
pub struct UnknownZone {
    name: String,
    hint: String,
}

impl Zone {
    /// Coordinated universal time.
    #[must_use]
    pub fn utc() -> Self {
        Self { name: "UTC".to_owned(), rules: TimeZone::UTC }
    }

    /// The zone of an IANA name; `europe/berlin` is `Europe/Berlin`.
    pub fn named(name: &str) -> Result<Self, UnknownZone> {
        let unknown = || {
            let names: Vec<String> = ZONES.available().map(|zone| zone.to_string()).collect();
            let cities = names.iter().find(|zone| is_city_of(zone, name)).map(|zone| format!("did you mean `{zone}`?"));
            let otherwise = "use an IANA name such as `Europe/Berlin` or `UTC`";
            let hint = || did_you_mean(name, names.iter().map(String::as_str), otherwise);
            UnknownZone { name: name.to_owned(), hint: cities.unwrap_or_else(hint) }
        };
        let rules = ZONES.get(name).map_err(|_| unknown())?;
        // The database answers `Etc/Unknown` with a zone that stands for not knowing.
        if rules.is_unknown() {
            return Err(unknown());
        }
        let name = rules.iana_name().unwrap_or(name).to_owned();
        Ok(Self { name, rules })
    }

    /// IANA name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What clocks of the zone show; none beyond the calendar.
    #[must_use]
    pub fn local(&self, at: Timestamp) -> Option<Zoned> {
        Some(from_core(at)?.to_zoned(self.rules.clone()))
    }

    /// The instant of a local time, the first one if it comes twice; none if it cannot be read. With an offset the text
    /// needs no zone.
    #[must_use]
    pub fn instant(&self, text: &str) -> Option<Timestamp> {
        if let Ok(at) = text.parse::<jiff::Timestamp>() {
            return super::instant::to_core(at);
        }
        let local: jiff::civil::DateTime = text.parse().ok()?;
        super::instant::to_core(local.to_zoned(self.rules.clone()).ok()?.timestamp())
    }
}

/// `berlin` is the end of `Europe/Berlin`.
fn is_city_of(zone: &str, word: &str) -> bool {
    zone.rsplit('/').next().is_some_and(|city| !word.is_empty() && city.eq_ignore_ascii_case(&word.replace(' ', "_")))
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test whose zone is missing has failed")]
mod tests {
    use super::*;

    #[test]
    fn names_are_found_in_any_case_and_kept_in_theirs() {
        for (written, name) in [("europe/berlin", "Europe/Berlin"), ("UTC", "UTC"), ("Etc/GMT+5", "Etc/GMT+5")] {
            assert_eq!(Zone::named(written).unwrap().name(), name);
        }
    }

    #[test]
    fn an_unknown_name_comes_with_the_one_that_was_meant() {
        for (written, hint) in [
            ("Europe/Berln", "did you mean `Europe/Berlin`?"),
            ("berlin", "did you mean `Europe/Berlin`?"),
            ("new york", "did you mean `America/New_York`?"),
            ("Middle-earth/Shire", "use an IANA name such as `Europe/Berlin` or `UTC`"),
            ("Local", "use an IANA name such as `Europe/Berlin` or `UTC`"),
            ("Etc/Unknown", "use an IANA name"),
            ("", "use an IANA name"),
        ] {
            let said = Zone::named(written).unwrap_err().to_string();
            assert!(said.starts_with(&format!("`{written}` is not a time zone; {hint}")), "{said}");
        }
    }
}
