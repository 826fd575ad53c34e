//! A map while it is read: keys are text and stand there once; `<<` merges others in.

use std::collections::HashMap;

use super::{Entry, Node, ScalarKind, Value};
use crate::fault::Findings;
use crate::source::Place;

#[derive(Default)]
pub(super) struct MapBody {
    entries: Vec<Entry>,
    keys: HashMap<String, Place>,
    pending: Option<Key>,
    /// What `<<` merges, and before which entry it stands.
    merges: Vec<(usize, Node)>,
}

enum Key {
    Text { text: String, place: Place },
    Merge,
    Faulty,
}

impl MapBody {
    /// Takes the next finished node: a key, or the value of the last one.
    pub(super) fn put(&mut self, node: Node, findings: &mut Findings) {
        match self.pending.take() {
            None => self.pending = Some(self.key(node, findings)),
            Some(Key::Text { text, place }) => {
                self.entries.push(Entry { key: text, key_place: place, node });
            }
            Some(Key::Merge) => self.merges.push((self.entries.len(), node)),
            Some(Key::Faulty) => {}
        }
    }

    fn key(&mut self, node: Node, findings: &mut Findings) -> Key {
        let place = node.place;
        let Value::Scalar(scalar) = node.value else {
            let message = "a key must be a word, not a list or a map; quote it if it is text";
            findings.fault(place, String::new(), message.to_owned());
            return Key::Faulty;
        };
        if scalar.kind == ScalarKind::Null {
            let message = "a key is missing before this `:`; write its name, or remove the line";
            findings.fault(place, String::new(), message.to_owned());
            return Key::Faulty;
        }
        let text = scalar.as_text();
        if text == "<<" {
            return Key::Merge;
        }
        if let Some(first) = self.keys.get(&text) {
            let message = format!("`{text}` is already defined here; keep one of the two");
            findings.conflict(place, text, message, (*first, "first set here"));
            return Key::Faulty;
        }
        self.keys.insert(text.clone(), place);
        Key::Text { text, place }
    }

    /// The entries, with those of `<<: *anchor` that are not set here, where the `<<` stands.
    pub(super) fn finish(mut self, findings: &mut Findings) -> Vec<Entry> {
        if self.merges.is_empty() {
            return self.entries;
        }
        let mut merged = Vec::with_capacity(self.entries.len());
        let mut own = std::mem::take(&mut self.entries).into_iter().enumerate().peekable();
        for (before, merge) in std::mem::take(&mut self.merges) {
            while let Some((_, entry)) = own.next_if(|(at, _)| *at < before) {
                merged.push(entry);
            }
            let maps = match merge.value {
                Value::List(items) => items,
                Value::Map(_) | Value::Scalar(_) => vec![merge],
            };
            for map in maps {
                match map.value {
                    Value::Map(entries) => self.merge(entries, &mut merged),
                    Value::Scalar(_) | Value::List(_) => not_a_map(map.place, findings),
                }
            }
        }
        merged.extend(own.map(|(_, entry)| entry));
        merged
    }

    fn merge(&mut self, entries: Vec<Entry>, merged: &mut Vec<Entry>) {
        for entry in entries {
            if !self.keys.contains_key(&entry.key) {
                self.keys.insert(entry.key.clone(), entry.key_place);
                merged.push(entry);
            }
        }
    }
}

fn not_a_map(place: Place, findings: &mut Findings) {
    let message = "`<<` merges maps; give it an alias of a map, or a list of them";
    findings.fault(place, "<<".to_owned(), message.to_owned());
}
