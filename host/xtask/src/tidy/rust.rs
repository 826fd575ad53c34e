//! Rust files as tokens: comments are gone, strings are literals, and every path is spelled out.

use anyhow::{Context, Result};
use proc_macro2::{Delimiter, Group, TokenStream, TokenTree};

/// A Rust file, taken apart.
pub(crate) struct Source {
    /// Every path, from its first word: `std::time::Instant`; those of a `use` group are spelled out.
    pub(crate) paths: Vec<(String, usize)>,
    /// Every word that stands alone or begins a path.
    pub(crate) words: Vec<(String, usize)>,
    /// Every string literal outside attributes and tests.
    pub(crate) strings: Vec<(String, usize)>,
}

impl Source {
    /// Takes a file apart; `path` is its name in messages.
    pub(crate) fn parse(path: &str, text: &str) -> Result<Self> {
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        let tokens: TokenStream =
            text.parse().map_err(|error| anyhow::anyhow!("{error}")).with_context(|| format!("{path} is not Rust"))?;
        let mut source = Self { paths: Vec::new(), words: Vec::new(), strings: Vec::new() };
        source.walk(tokens, "");
        Ok(source)
    }

    fn walk(&mut self, tokens: TokenStream, prefix: &str) {
        let tokens: Vec<TokenTree> = tokens.into_iter().collect();
        let mut at = 0;
        while let Some(token) = tokens.get(at) {
            at += 1;
            match token {
                TokenTree::Punct(punct) if punct.as_char() == '#' => at = self.attribute(&tokens, at),
                TokenTree::Ident(_) => at = self.path(&tokens, at - 1, prefix),
                TokenTree::Group(group) => self.walk(group.stream(), ""),
                TokenTree::Literal(literal) => {
                    let text = literal.to_string();
                    if text.contains('"') {
                        self.strings.push((text, literal.span().start().line));
                    }
                }
                TokenTree::Punct(_) => {}
            }
        }
    }

    /// What stands in an attribute is not code; what `#[cfg(test)]` stands before is a test. Returns where to go on.
    fn attribute(&self, tokens: &[TokenTree], mut at: usize) -> usize {
        if matches!(tokens.get(at), Some(TokenTree::Punct(punct)) if punct.as_char() == '!') {
            at += 1;
        }
        let Some(TokenTree::Group(group)) = tokens.get(at) else { return at };
        at += 1;
        if group.delimiter() != Delimiter::Bracket || !is_test(group) {
            return at;
        }
        // To the end of the item: its block, or its semicolon.
        while let Some(token) = tokens.get(at) {
            at += 1;
            match token {
                TokenTree::Group(group) if group.delimiter() == Delimiter::Brace => break,
                TokenTree::Punct(punct) if punct.as_char() == ';' => break,
                _ => {}
            }
        }
        at
    }

    /// A path that begins at `at`; returns where to go on.
    fn path(&mut self, tokens: &[TokenTree], mut at: usize, prefix: &str) -> usize {
        let Some(TokenTree::Ident(first)) = tokens.get(at) else { return at + 1 };
        let line = first.span().start().line;
        if prefix.is_empty() {
            self.words.push((first.to_string(), line));
        }
        let mut path = if prefix.is_empty() { first.to_string() } else { format!("{prefix}::{first}") };
        at += 1;
        while is_colon(tokens.get(at)) && is_colon(tokens.get(at + 1)) {
            match tokens.get(at + 2) {
                Some(TokenTree::Ident(next)) => {
                    path = format!("{path}::{next}");
                    at += 3;
                }
                Some(TokenTree::Group(group)) if group.delimiter() == Delimiter::Brace => {
                    self.walk_group(group, &path);
                    return at + 3;
                }
                _ => break,
            }
        }
        self.paths.push((path, line));
        at
    }

    /// The paths of a `use` group, each behind the path in front of it.
    fn walk_group(&mut self, group: &Group, prefix: &str) {
        let tokens: Vec<TokenTree> = group.stream().into_iter().collect();
        let mut at = 0;
        while at < tokens.len() {
            at = match tokens.get(at) {
                Some(TokenTree::Ident(_)) => self.path(&tokens, at, prefix),
                _ => at + 1,
            };
        }
    }
}

fn is_colon(token: Option<&TokenTree>) -> bool {
    matches!(token, Some(TokenTree::Punct(punct)) if punct.as_char() == ':')
}

fn is_test(attribute: &Group) -> bool {
    let text: String = attribute.stream().to_string().chars().filter(|c| !c.is_whitespace()).collect();
    text == "cfg(test)" || text.starts_with("cfg(all(test")
}

#[cfg(test)]
#[expect(clippy::expect_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;

    fn paths(text: &str) -> Vec<String> {
        Source::parse("x.rs", text).expect("it is Rust").paths.into_iter().map(|(path, _)| path).collect()
    }

    #[test]
    fn groups_are_spelled_out() {
        let paths = paths("use std::{fs, time::{Duration, Instant as Now}};");
        for path in ["std::fs", "std::time::Duration", "std::time::Instant"] {
            assert!(paths.contains(&path.to_owned()), "{path} in {paths:?}");
        }
    }

    #[test]
    fn comments_strings_and_attributes_are_no_code() {
        let text = "// std::fs\n/* std::net */ #[doc = \"std::env\"] fn a() { let _ = \"std::process\"; }";
        assert!(!paths(text).iter().any(|path| path.starts_with("std")), "{:?}", paths(text));
    }

    #[test]
    fn tests_are_left_out() {
        let text = "fn a() { b::c(); }\n#[cfg(test)]\nmod tests { fn d() { std::fs::read(); } }\nfn e() { f::g(); }";
        let paths = paths(text);
        assert!(paths.contains(&"b::c".to_owned()) && paths.contains(&"f::g".to_owned()));
        assert!(!paths.contains(&"std::fs::read".to_owned()));
    }

    #[test]
    fn strings_know_their_lines() {
        let source = Source::parse("x.rs", "fn a() {\n    let _ = \"one\";\n}").expect("it is Rust");
        assert_eq!(source.strings, [("\"one\"".to_owned(), 2)]);
    }
}
