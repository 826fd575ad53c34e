//! Splitting a line into words as a shell would, without running anything.

/// A quote was opened and never closed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a quote {0} is opened and never closed; close it")]
pub(crate) struct OpenQuote(char);

/// One word, and whether it began as `NAME=`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Word {
    pub(crate) name: Option<String>,
    pub(crate) text: String,
}

impl Word {
    /// As it stood there: a shell's `-o a=b` is one word.
    pub(crate) fn rejoined(self) -> String {
        match self.name {
            Some(name) => format!("{name}={}", self.text),
            None => self.text,
        }
    }

    /// A word that somebody else has split already: all of it after the first `=` is the value.
    pub(crate) fn from_argument(argument: &str) -> Self {
        match argument.split_once('=') {
            Some((name, value)) if is_name(name) => Self { name: Some(name.to_owned()), text: value.to_owned() },
            _ => Self { name: None, text: argument.to_owned() },
        }
    }
}

/// Words with quotes taken away. `NAME=` counts only where it is not quoted.
pub(crate) fn split(text: &str) -> Result<Vec<Word>, OpenQuote> {
    let mut words = Vec::new();
    let mut chars = text.chars().peekable();
    while let Some(next) = chars.peek().copied() {
        if next.is_whitespace() {
            chars.next();
        } else {
            words.push(word(&mut chars)?);
        }
    }
    Ok(words)
}

fn word(chars: &mut std::iter::Peekable<std::str::Chars<'_>>) -> Result<Word, OpenQuote> {
    let mut word = Word { name: None, text: String::new() };
    let mut bare = true;
    while let Some(c) = chars.next_if(|c| !c.is_whitespace()) {
        match c {
            '\'' | '"' => {
                bare = false;
                quoted(c, chars, &mut word.text)?;
            }
            '\\' => {
                bare = false;
                word.text.push(chars.next().unwrap_or('\\'));
            }
            '=' if bare && word.name.is_none() && is_name(&word.text) => {
                word.name = Some(std::mem::take(&mut word.text));
            }
            _ => word.text.push(c),
        }
    }
    Ok(word)
}

fn quoted(
    quote: char,
    chars: &mut std::iter::Peekable<std::str::Chars<'_>>,
    out: &mut String,
) -> Result<(), OpenQuote> {
    while let Some(c) = chars.next() {
        match c {
            _ if c == quote => return Ok(()),
            '\\' if quote == '"' => match chars.next() {
                Some(escaped @ ('"' | '\\')) => out.push(escaped),
                Some(other) => out.extend(['\\', other]),
                None => return Err(OpenQuote(quote)),
            },
            _ => out.push(c),
        }
    }
    Err(OpenQuote(quote))
}

/// `[A-Za-z_][A-Za-z0-9_]*`: what a variable, a parameter or an output may be called.
pub(crate) fn is_name(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_split_as_a_shell_would() {
        type Split = (Option<&'static str>, &'static str);
        let table: [(&str, &[Split]); 8] = [
            ("", &[]),
            ("a b", &[(None, "a"), (None, "b")]),
            ("  a\n\tb ", &[(None, "a"), (None, "b")]),
            ("A=1 B='x y' \"c d\"", &[(Some("A"), "1"), (Some("B"), "x y"), (None, "c d")]),
            ("'A=1'", &[(None, "A=1")]),
            ("A=b=c", &[(Some("A"), "b=c")]),
            (r#"a\ b "q\"q" "\n""#, &[(None, "a b"), (None, "q\"q"), (None, "\\n")]),
            ("1=2 A=", &[(None, "1=2"), (Some("A"), "")]),
        ];
        for (text, wanted) in table {
            let words = split(text).unwrap_or_default();
            let got: Vec<_> = words.iter().map(|w| (w.name.as_deref(), w.text.as_str())).collect();
            assert_eq!(got, wanted, "{text:?}");
        }
        assert_eq!(split("a 'b"), Err(OpenQuote('\'')));
        assert_eq!(split("\"\\"), Err(OpenQuote('"')));
    }
}
