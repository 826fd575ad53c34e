//! Field paths: `steps[2].retry_policy.limit`. Links on the stack, so that a path costs nothing until it is shown.

use std::fmt;

#[derive(Debug, Clone, Copy)]
pub(crate) struct Path<'p> {
    parent: Option<&'p Path<'p>>,
    segment: Segment<'p>,
}

#[derive(Debug, Clone, Copy)]
enum Segment<'p> {
    Root,
    Key(&'p str),
    Index(usize),
}

impl<'p> Path<'p> {
    pub(crate) fn root() -> Self {
        Self { parent: None, segment: Segment::Root }
    }

    pub(crate) fn key<'c>(&'c self, key: &'c str) -> Path<'c> {
        Path { parent: Some(self), segment: Segment::Key(key) }
    }

    pub(crate) fn index(&self, index: usize) -> Path<'_> {
        Path { parent: Some(self), segment: Segment::Index(index) }
    }

    pub(crate) fn same(&self) -> Self {
        *self
    }

    /// The field by its own name, for a sentence.
    pub(crate) fn last(&self) -> String {
        match (self.segment, self.parent) {
            (Segment::Key(key), _) => format!("`{key}`"),
            (Segment::Index(_), Some(parent)) => format!("an item of {}", parent.last()),
            (Segment::Root | Segment::Index(_), _) => "the document".to_owned(),
        }
    }
}

impl fmt::Display for Path<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(parent) = self.parent {
            parent.fmt(f)?;
        }
        let first = self.parent.is_none_or(|parent| matches!(parent.segment, Segment::Root));
        match self.segment {
            Segment::Root => Ok(()),
            Segment::Key(key) if first => f.write_str(key),
            Segment::Key(key) => write!(f, ".{key}"),
            Segment::Index(index) => write!(f, "[{index}]"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_read_as_people_write_them() {
        let root = Path::root();
        let steps = root.key("steps");
        let third = steps.index(2);
        let retry = third.key("retry_policy");
        assert_eq!(retry.key("limit").to_string(), "steps[2].retry_policy.limit");
        assert_eq!(third.last(), "an item of `steps`");
        assert_eq!(root.last(), "the document");
    }
}
