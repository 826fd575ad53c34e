//! What may stand in a field: the forms of the language, as few as there are.

use super::Fields;

/// A form. Where text may stand, a number or a truth value may: it is meant as its text.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Shape {
    /// Whatever YAML can say.
    Anything,
    /// One value that is not empty: text, a number, `true` or `false`.
    Text,
    /// As [`Self::Text`], and not blank.
    Word,
    /// Text of which a regular expression (ECMA 262) finds its sign.
    Like(&'static str),
    /// One of some words.
    Choice(&'static [&'static str]),
    /// The name of a signal, in whatever case, with or without `SIG`.
    Signal,
    /// The name of an action.
    Action,
    /// `true` or `false`.
    Bool,
    /// A whole number within bounds.
    Whole(i64, i64),
    /// Any number.
    Number,
    /// A length of time in seconds.
    Seconds,
    /// A map of the fields of one kind.
    Map(&'static Fields),
    /// A map of names that the author chooses; an empty value counts as empty text where the flag says so.
    Named(&'static Shape, Empty),
    /// A list.
    List(&'static Shape),
    /// A list that is not empty.
    Some(&'static Shape),
    /// One, or a list.
    Many(&'static Shape),
    /// One of several forms.
    Either(&'static [Shape]),
    /// Several forms at once.
    All(&'static [Shape]),
    /// JSON Schema, as its text: where no other form says it.
    Raw(&'static str),
}

/// What an empty value in a map of names is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Empty {
    /// Text without letters.
    Blank,
    /// A fault.
    Refused,
}

/// A name of a variable, a parameter, an output.
pub(super) const NAME: Shape = Shape::Like("^[A-Za-z_][A-Za-z0-9_]*$");

/// `env`: a map, or a list of maps and of `NAME=value`.
pub(super) const ENV: Shape = Shape::Either(&[
    Shape::Named(&Shape::Text, Empty::Blank),
    Shape::List(&Shape::Either(&[
        Shape::Named(&Shape::Text, Empty::Blank),
        Shape::Raw(r#"{"type":"string","pattern":"^\\s*[A-Za-z_][A-Za-z0-9_]*\\s*="}"#),
    ])),
]);

/// A shell with its arguments, as a line or word by word.
pub(super) const SHELL: Shape = Shape::Either(&[Shape::Word, Shape::Some(&Shape::Text)]);

/// Arguments, as a line or word by word.
pub(super) const ARGUMENTS: Shape = Shape::Either(&[Shape::Word, Shape::List(&Shape::Text)]);

/// A name that people read: no line break, no other control character.
pub(super) const PRINTABLE: Shape = Shape::Raw(
    r#"{"type":["string","number","boolean"],"pattern":"^\\s*[^\\s\\u0000-\\u001f\\u007f][^\\u0000-\\u001f\\u007f]*\\s*$","maxLength":255}"#,
);
