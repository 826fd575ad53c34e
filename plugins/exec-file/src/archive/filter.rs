//! `include` and `exclude`: which entries are looked at.

use glob::{MatchOptions, Pattern};
use pintle_guest::prelude::*;

/// `*` stays within a directory, `**` does not.
const RULES: MatchOptions =
    MatchOptions { case_sensitive: true, require_literal_separator: true, require_literal_leading_dot: false };

#[derive(Debug)]
pub(crate) struct Filter {
    include: Vec<Pattern>,
    exclude: Vec<Pattern>,
}

impl Filter {
    pub(crate) fn of(include: &[String], exclude: &[String]) -> Result<Self, Error> {
        let read = |field: &str, texts: &[String]| -> Result<Vec<Pattern>, Error> {
            let faulty = |text: &String, error| Error::invalid(format!("`{field}`: `{text}` is no pattern: {error}"));
            texts.iter().map(|text| Pattern::new(text).map_err(|error| faulty(text, error))).collect()
        };
        Ok(Self { include: read("include", include)?, exclude: read("exclude", exclude)? })
    }

    pub(crate) fn takes(&self, name: &str) -> bool {
        let name = name.trim_end_matches('/');
        let any = |patterns: &[Pattern]| patterns.iter().any(|pattern| pattern.matches_with(name, RULES));
        (self.include.is_empty() || any(&self.include)) && !any(&self.exclude)
    }
}
