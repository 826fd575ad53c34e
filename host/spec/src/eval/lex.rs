//! Cutting a text into plain parts and references. Total: what is not a reference is text.

use std::collections::HashMap;

use crate::words::is_name;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Piece<'t> {
    Text(&'t str),
    /// The backslashes before a reference, with its `$` if their number is odd, as written.
    Escaped(&'t str),
    /// `${a.b}` or `${params}`.
    Qualified {
        whole: &'t str,
        path: &'t str,
    },
    /// `$NAME`, `${NAME}`, `$1`.
    Variable {
        whole: &'t str,
        name: &'t str,
    },
    /// `${NAME:-word}` and the like.
    Operation {
        whole: &'t str,
        body: &'t str,
    },
}

/// The pieces of a text in order; joined as written they are the text.
pub(crate) fn pieces(text: &str) -> impl Iterator<Item = Piece<'_>> {
    Pieces { whole: text, rest: text, closing: closing_braces(text), held: None }
}

struct Pieces<'t> {
    whole: &'t str,
    rest: &'t str,
    /// Where the brace closes that opens at a byte.
    closing: HashMap<usize, usize>,
    /// A piece found behind the text that was just given out.
    held: Option<Piece<'t>>,
}

impl<'t> Iterator for Pieces<'t> {
    type Item = Piece<'t>;

    fn next(&mut self) -> Option<Piece<'t>> {
        if let Some(piece) = self.held.take() {
            return Some(piece);
        }
        if self.rest.is_empty() {
            return None;
        }
        let mut from = 0;
        while let Some(at) = self.rest.get(from..).and_then(|tail| tail.find('$')).map(|at| from + at) {
            let before = self.rest.get(..at).unwrap_or_default();
            let slashes = before.len() - before.trim_end_matches('\\').len();
            if slashes % 2 == 1 {
                return Some(self.give(at - slashes, slashes + 1, Piece::Escaped));
            }
            if let Some((len, make)) = self.reference(at) {
                if slashes > 0 {
                    return Some(self.give(at - slashes, slashes, Piece::Escaped));
                }
                let whole = self.rest.get(at..at + len).unwrap_or_default();
                return Some(self.give(at, len, |_| make(whole)));
            }
            from = at + 1;
        }
        Some(Piece::Text(std::mem::take(&mut self.rest)))
    }
}

impl<'t> Pieces<'t> {
    /// The length of the reference whose `$` stands at `at`, and what it is.
    fn reference(&self, at: usize) -> Option<(usize, Make)> {
        let text = self.rest.get(at..)?;
        if !text.starts_with("${") {
            return plain_reference(text);
        }
        let open = self.whole.len() - text.len() + 1;
        let close = self.closing.get(&open)?;
        braced_reference(self.whole.get(open + 1..*close)?)
    }

    /// Gives out the text before `at`, then the piece of `len` bytes there.
    fn give(&mut self, at: usize, len: usize, make: impl FnOnce(&'t str) -> Piece<'t>) -> Piece<'t> {
        let (before, tail) = self.rest.split_at(at);
        let (whole, rest) = tail.split_at(len);
        self.rest = rest;
        let piece = make(whole);
        if before.is_empty() {
            return piece;
        }
        self.held = Some(piece);
        Piece::Text(before)
    }
}

type Make = fn(&str) -> Piece<'_>;

/// `${...}` with what stands between the braces.
fn braced_reference(body: &str) -> Option<(usize, Make)> {
    let len = body.len() + 3;
    if body == "params" || is_path(body) {
        return Some((len, |whole| Piece::Qualified { whole, path: inner(whole) }));
    }
    if is_name(body) || is_number(body) {
        return Some((len, |whole| Piece::Variable { whole, name: inner(whole) }));
    }
    let shaped = body.strip_prefix('#').unwrap_or(body);
    let named = shaped.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '_');
    named.then_some((len, (|whole| Piece::Operation { whole, body: inner(whole) }) as Make))
}

/// `$NAME` or `$1`.
fn plain_reference(text: &str) -> Option<(usize, Make)> {
    let after = text.get(1..)?;
    let name = after.bytes().take_while(|b| b.is_ascii_alphanumeric() || *b == b'_').count();
    let name = after.get(..name)?;
    if is_name(name) {
        return Some((name.len() + 1, |whole| Piece::Variable { whole, name: unmarked(whole) }));
    }
    // `$12` is the first argument and a 2, as in a shell.
    let digit = name.starts_with(|c: char| matches!(c, '1'..='9'));
    digit.then_some((2, (|whole| Piece::Variable { whole, name: unmarked(whole) }) as Make))
}

fn unmarked(whole: &str) -> &str {
    whole.strip_prefix('$').unwrap_or(whole)
}

fn inner(whole: &str) -> &str {
    whole.strip_prefix("${").and_then(|rest| rest.strip_suffix('}')).unwrap_or(whole)
}

/// Every brace with the one that closes it, in one walk: a text of nothing but `${` must not cost its square.
fn closing_braces(text: &str) -> HashMap<usize, usize> {
    let mut closing = HashMap::new();
    if !text.contains("${") {
        return closing;
    }
    let mut open = Vec::new();
    let mut escaped = false;
    for (at, byte) in text.bytes().enumerate() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = true,
            b'{' => open.push(at),
            b'}' => closing.extend(open.pop().map(|opened| (opened, at))),
            _ => {}
        }
    }
    closing
}

/// Names with dots between them; parts after the first may hold `-`.
fn is_path(body: &str) -> bool {
    let mut parts = body.split('.');
    let first = parts.next().is_some_and(is_name);
    let part =
        |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-'));
    first && body.contains('.') && parts.all(part)
}

fn is_number(body: &str) -> bool {
    !body.is_empty() && body.len() <= 4 && body.bytes().all(|b| b.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn whole<'t>(piece: &Piece<'t>) -> &'t str {
        match piece {
            Piece::Text(whole)
            | Piece::Escaped(whole)
            | Piece::Qualified { whole, .. }
            | Piece::Variable { whole, .. }
            | Piece::Operation { whole, .. } => whole,
        }
    }

    #[test]
    fn references_are_told_from_text() {
        let kinds = |text| -> Vec<String> {
            pieces(text)
                .map(|piece| match piece {
                    Piece::Text(text) => format!("text {text}"),
                    Piece::Escaped(text) => format!("escaped {text}"),
                    Piece::Qualified { path, .. } => format!("path {path}"),
                    Piece::Variable { name, .. } => format!("name {name}"),
                    Piece::Operation { body, .. } => format!("op {body}"),
                })
                .collect()
        };
        assert_eq!(kinds("a${params.x}b"), ["text a", "path params.x", "text b"]);
        assert_eq!(kinds("${params}$A$1"), ["path params", "name A", "name 1"]);
        assert_eq!(kinds("$12"), ["name 1", "text 2"]);
        assert_eq!(kinds(r"\$A \\$A"), [r"escaped \$", "text A ", r"escaped \\", "name A"]);
        assert_eq!(kinds("${A:-${B:-c}}d"), ["op A:-${B:-c}", "text d"]);
        assert_eq!(kinds("${#A}"), ["op #A"]);
        assert_eq!(kinds("$ $$ ${ ${} $(date) $0"), ["text $ $$ ${ ${} $(date) $0"]);
        assert_eq!(kinds("${a.b-c.d}"), ["path a.b-c.d"]);
        assert_eq!(kinds("${.a} ${a.}"), ["text ${.a} ", "op a."]);
    }

    proptest! {
        #[test]
        fn pieces_joined_are_the_text(text in r"[a\\${}.:#%A1 é-]{0,40}") {
            let joined: String = pieces(&text).map(|piece| whole(&piece).to_owned()).collect();
            prop_assert_eq!(joined, text);
        }
    }
}
