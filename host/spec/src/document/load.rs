//! The parser's events, folded into a tree under bounds. No recursion: depth costs a stack of our own.

use std::collections::HashMap;

use saphyr_parser::{Event, Parser, ScalarStyle, ScanError, Tag};

use super::map::MapBody;
use super::{Node, Scalar, Value};
use crate::fault::Findings;
use crate::limits::{MAX_DEPTH, MAX_DOCUMENTS, MAX_NODES, MAX_TREE_BYTES};
use crate::source::{Lines, Place};

/// The trees of a file's documents, at least one; none if it is not YAML, breaks a bound or is empty, which is then among
/// the faults. A document behind the first that holds nothing is null.
pub(crate) fn load(text: &str, findings: &mut Findings) -> Option<Vec<Node>> {
    let lines = Lines::new(text);
    let mut loader = Loader::new(findings);
    let mut parser = Parser::new_from_str(text);
    let mut documents = Vec::new();
    while let Some(event) = parser.next_event() {
        let (event, span) = match event {
            Ok(event) => event,
            Err(error) => {
                not_yaml(text, &lines, loader.findings, &error);
                return None;
            }
        };
        let place = Place::new(
            lines.offset(span.start.line(), span.start.col()),
            lines.offset(span.end.line(), span.end.col()),
        );
        if matches!(event, Event::DocumentStart(_)) && documents.len() == MAX_DOCUMENTS {
            loader.refuse(
                place,
                &format!("a file may have {MAX_DOCUMENTS} documents; move some into files of their own"),
            );
            return None;
        }
        let over = matches!(event, Event::DocumentEnd);
        if loader.take(event, place).is_err() {
            return None;
        }
        if over {
            documents.extend(loader.root.take());
        }
    }
    documents.extend(loader.root.take());
    if documents.is_empty() {
        let place = Place::default();
        loader.refuse(place, "the document is empty; a DAG has at least `steps:` with one step");
        return None;
    }
    Some(documents)
}

fn not_yaml(text: &str, lines: &Lines, findings: &mut Findings, error: &ScanError) {
    let start = lines.offset(error.marker().line(), error.marker().col());
    let (place, message) = match tab_near(text, lines, start, error.info().contains("tab")) {
        Some(tab) => {
            let (line, _) = lines.position(text, tab.start as usize);
            (tab, format!("line {line} is indented with a tab; YAML wants spaces"))
        }
        None => {
            let width = text.get(start..).and_then(|rest| rest.chars().next()).map_or(0, char::len_utf8);
            let info = error.info();
            let deep = info.contains("recursion");
            let hint = if deep {
                "lists and maps stand too deep in one another"
            } else {
                "check quotes, brackets and indentation here"
            };
            let message = format!("this is not YAML: {info}; {hint}");
            (Place::new(start, start + width), message)
        }
    };
    findings.fault(place, String::new(), message);
}

/// The tabs in the indentation of the line that the parser stumbled over, or, where it speaks of a tab itself, of the
/// next one: it stands still at the end of a text that a tab comes behind.
fn tab_near(text: &str, lines: &Lines, at: usize, speaks_of_tab: bool) -> Option<Place> {
    let line = lines.line_around(text, at);
    let behind = text.get(line.end..).filter(|_| speaks_of_tab).and_then(|rest| {
        let next = rest.find(|c| !matches!(c, '\n' | '\r'))?;
        Some(lines.line_around(text, line.end + next))
    });
    [Some(line), behind].into_iter().flatten().find_map(|line| {
        let spaces = text.get(line.clone())?.bytes().take_while(|byte| *byte == b' ').count();
        let start = line.start + spaces;
        let tabs = text.get(start..line.end)?.bytes().take_while(|byte| *byte == b'\t').count();
        (tabs > 0).then(|| Place::new(start, start + tabs))
    })
}

/// A bound was broken; the reason is among the faults.
struct Stop;

struct Loader<'f> {
    findings: &'f mut Findings,
    stack: Vec<Frame>,
    anchors: HashMap<usize, Anchored>,
    size: Size,
    root: Option<Node>,
}

/// What an anchor stands for.
struct Anchored {
    node: Node,
    size: Size,
    depth: usize,
}

#[derive(Debug, Clone, Copy, Default)]
struct Size {
    nodes: usize,
    bytes: usize,
}

struct Frame {
    place: Place,
    anchor: usize,
    /// Size of the tree before this frame was opened.
    before: Size,
    body: Body,
}

enum Body {
    List(Vec<Node>),
    Map(MapBody),
}

impl<'f> Loader<'f> {
    fn new(findings: &'f mut Findings) -> Self {
        Self { findings, stack: Vec::new(), anchors: HashMap::new(), size: Size::default(), root: None }
    }

    fn refuse(&mut self, place: Place, message: &str) {
        self.findings.fault(place, String::new(), message.to_owned());
    }

    fn take(&mut self, event: Event<'_>, place: Place) -> Result<(), Stop> {
        match event {
            Event::Scalar(text, style, anchor, tag) => {
                let scalar = self.scalar(&text, style, tag.as_deref(), place);
                self.grow(Size { nodes: 1, bytes: text.len() }, place)?;
                let node = Node { place, value: Value::Scalar(scalar) };
                self.remember(anchor, &node, Size { nodes: 1, bytes: text.len() })?;
                self.put(node);
            }
            Event::SequenceStart(anchor, tag) => {
                self.collection_tag(tag.as_deref(), "seq", place);
                self.open(place, anchor, Body::List(Vec::new()))?;
            }
            Event::MappingStart(anchor, tag) => {
                self.collection_tag(tag.as_deref(), "map", place);
                self.open(place, anchor, Body::Map(MapBody::default()))?;
            }
            Event::SequenceEnd | Event::MappingEnd => self.close(place)?,
            Event::Alias(anchor) => self.alias(anchor, place)?,
            Event::Nothing | Event::StreamStart | Event::StreamEnd | Event::DocumentStart(_) | Event::DocumentEnd => {}
        }
        Ok(())
    }

    fn grow(&mut self, by: Size, place: Place) -> Result<(), Stop> {
        self.size.nodes = self.size.nodes.saturating_add(by.nodes);
        self.size.bytes = self.size.bytes.saturating_add(by.bytes);
        if self.size.nodes > MAX_NODES {
            let message = format!(
                "the document has more than {MAX_NODES} values, with aliases counted as what they \
                 stand for; split it, or repeat less through `*aliases`"
            );
            self.refuse(place, &message);
            return Err(Stop);
        }
        if self.size.bytes > MAX_TREE_BYTES {
            let message = format!(
                "the document's text is longer than {MAX_TREE_BYTES} bytes, with aliases counted \
                 as what they stand for; repeat less through `*aliases`"
            );
            self.refuse(place, &message);
            return Err(Stop);
        }
        Ok(())
    }

    fn open(&mut self, place: Place, anchor: usize, body: Body) -> Result<(), Stop> {
        let before = self.size;
        self.grow(Size { nodes: 1, bytes: 0 }, place)?;
        self.check_depth(1, place)?;
        self.stack.push(Frame { place, anchor, before, body });
        Ok(())
    }

    fn check_depth(&mut self, more: usize, place: Place) -> Result<(), Stop> {
        if self.stack.len() + more > MAX_DEPTH {
            let message = format!("lists and maps stand more than {MAX_DEPTH} deep in each other; flatten them");
            self.refuse(place, &message);
            return Err(Stop);
        }
        Ok(())
    }

    fn close(&mut self, end: Place) -> Result<(), Stop> {
        let Some(frame) = self.stack.pop() else { return Ok(()) };
        let place = Place { start: frame.place.start, end: end.end.max(frame.place.end) };
        let value = match frame.body {
            Body::List(items) => Value::List(items),
            Body::Map(map) => Value::Map(map.finish(self.findings)),
        };
        let node = Node { place, value };
        let size = Size {
            nodes: self.size.nodes.saturating_sub(frame.before.nodes),
            bytes: self.size.bytes.saturating_sub(frame.before.bytes),
        };
        self.remember(frame.anchor, &node, size)?;
        self.put(node);
        Ok(())
    }

    /// Keeps a copy of what is anchored; the copy counts too, for anchors may stand in anchors.
    fn remember(&mut self, anchor: usize, node: &Node, size: Size) -> Result<(), Stop> {
        // The parser numbers anchors from 1; 0 is none.
        if anchor > 0 {
            self.grow(size, node.place)?;
            let anchored = Anchored { node: node.clone(), size, depth: depth(node) };
            self.anchors.insert(anchor, anchored);
        }
        Ok(())
    }

    fn alias(&mut self, anchor: usize, place: Place) -> Result<(), Stop> {
        let Some((size, depth)) = self.anchors.get(&anchor).map(|a| (a.size, a.depth)) else {
            self.refuse(place, "this alias stands inside its own anchor; write the value out");
            return Err(Stop);
        };
        self.grow(size, place)?;
        self.check_depth(depth, place)?;
        if let Some(node) = self.anchors.get(&anchor).map(|anchored| anchored.node.clone()) {
            self.put(node);
        }
        Ok(())
    }

    /// Puts a finished node where the innermost open list or map wants it.
    fn put(&mut self, node: Node) {
        match self.stack.last_mut().map(|frame| &mut frame.body) {
            None => self.root = Some(node),
            Some(Body::List(items)) => items.push(node),
            Some(Body::Map(map)) => map.put(node, self.findings),
        }
    }

    fn scalar(&mut self, text: &str, style: ScalarStyle, tag: Option<&Tag>, place: Place) -> Scalar {
        let untagged = match style {
            ScalarStyle::Plain => Scalar::plain(text),
            ScalarStyle::SingleQuoted | ScalarStyle::DoubleQuoted | ScalarStyle::Literal | ScalarStyle::Folded => {
                Scalar::text(text)
            }
        };
        let Some(tag) = tag else { return untagged };
        match (tag.is_yaml_core_schema(), tag.suffix.as_str()) {
            (true, "str") => Scalar::text(text),
            (false, "") => Scalar::text(text),
            (true, "int" | "float" | "bool" | "null") => Scalar::plain(text),
            (true | false, _) => {
                self.unknown_tag(tag, place);
                untagged
            }
        }
    }

    fn collection_tag(&mut self, tag: Option<&Tag>, own: &str, place: Place) {
        if let Some(tag) = tag.filter(|tag| !(tag.is_yaml_core_schema() && tag.suffix == own)) {
            self.unknown_tag(tag, place);
        }
    }

    fn unknown_tag(&mut self, tag: &Tag, place: Place) {
        let shown = if tag.is_yaml_core_schema() { format!("!!{}", tag.suffix) } else { tag.to_string() };
        self.refuse(place, &format!("the YAML tag `{shown}` has no meaning here; remove it"));
    }
}

/// Levels of lists and maps; bounded, because what is measured was bounded when it was built.
fn depth(node: &Node) -> usize {
    match &node.value {
        Value::Scalar(_) => 0,
        Value::List(items) => 1 + items.iter().map(depth).max().unwrap_or_default(),
        Value::Map(entries) => 1 + entries.iter().map(|entry| depth(&entry.node)).max().unwrap_or_default(),
    }
}
