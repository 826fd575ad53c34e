//! "Did you mean": the known name that a mistyped one is closest to.

/// Slips of the keyboard in one name, at most.
const FURTHEST: usize = 3;

/// The nearest of the known names, if one is near enough to be meant: equal but for case, dashes and blanks around it, or
/// with slips in at most a third of the longer of the two. So a name of one or two letters is never taken for another one.
pub fn nearest<'k>(wrong: &str, known: impl IntoIterator<Item = &'k str>) -> Option<&'k str> {
    let plain = fold(wrong);
    let near = |name: &'k str| {
        let folded = fold(name);
        let longer = plain.chars().count().max(folded.chars().count());
        let distance = distance(&plain, &folded);
        (distance <= (longer / 3).min(FURTHEST)).then_some((distance, name))
    };
    known.into_iter().filter_map(near).min().map(|(_, name)| name)
}

/// A name that goes on where the wrong one ends (`timeout`, `timeout_sec`) is as near as a slip of one key.
fn distance(wrong: &str, known: &str) -> usize {
    let begun = wrong.len() >= 3 && known.starts_with(wrong);
    if wrong.len().abs_diff(known.len()) > FURTHEST * char::MAX_LEN_UTF8 {
        // No need to count: so many letters more or less are too far.
        return if begun { 1 } else { usize::MAX };
    }
    let edits = strsim::damerau_levenshtein(wrong, known);
    if begun { edits.min(1) } else { edits }
}

/// `; did you mean ...` for the end of a sentence, or what to do without a near name.
pub(crate) fn did_you_mean<'k>(wrong: &str, known: impl IntoIterator<Item = &'k str>, otherwise: &str) -> String {
    match nearest(wrong, known) {
        Some(name) => format!("did you mean `{name}`?"),
        None => otherwise.to_owned(),
    }
}

/// `handlerOn`, `handler-on` and `handler_on` are one name to a person, and so is one with blanks around it.
fn fold(name: &str) -> String {
    name.trim().chars().filter(|c| !matches!(c, '_' | '-')).flat_map(char::to_lowercase).take(64).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn near_names_are_found_and_far_ones_are_not() {
        let known = ["steps", "depends", "handler_on", "description", "env", "run"];
        for (wrong, meant) in [
            ("step", Some("steps")),
            ("dependes", Some("depends")),
            ("handlerOn", Some("handler_on")),
            ("descripton", Some("description")),
            ("enviroment", None),
            ("desc", Some("description")),
            ("rum", Some("run")),
            ("x", None),
            ("", None),
        ] {
            assert_eq!(nearest(wrong, known), meant, "{wrong}");
        }
    }

    #[test]
    fn short_names_are_told_apart() {
        let steps = ["a", "b", "c", "d"];
        assert_eq!(nearest("B", steps), Some("b"), "case is no difference");
        assert_eq!(nearest("zz", steps), None);
        assert_eq!(nearest("x", steps), None);
        assert_eq!(nearest("ab", ["ac", "abc"]), Some("abc"));
        assert_eq!(nearest("bogus", ["log", "slots", "colour"]), None);
    }
}
