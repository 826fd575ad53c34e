//! A report as text: `error: ...`, `--> file:line:column`, the line, and a caret below the place.

use std::ops::Range;

use annotate_snippets::{AnnotationKind, Group, Level as Weight, Origin, Renderer, Snippet};

use super::{Colours, Finding, Level, Report};
use crate::limits::MAX_SHOWN_LINE_BYTES;
use crate::source::{Lines, Place};

pub(super) fn render(report: &Report, colours: Colours) -> String {
    let renderer = match colours {
        Colours::On => Renderer::styled(),
        Colours::Off => Renderer::plain(),
    };
    let lines = Lines::new(&report.source.text);
    let mut shown: Vec<String> = report
        .findings
        .iter()
        .map(|finding| renderer.render(&[group(report, &lines, finding)]).trim_end().to_owned())
        .collect();
    shown.extend(summary(report));
    shown.join("\n\n")
}

/// The last line: how many there are, where that is not seen at a glance.
fn summary(report: &Report) -> Option<String> {
    let word = match report.level {
        Level::Error => "faults",
        Level::Notice => "notices",
        Level::Info => "references that only the run can resolve",
    };
    let (count, file) = (report.count(), &report.source.name);
    match (count, report.omitted) {
        (0 | 1, _) => None,
        (_, 0) => Some(format!("{count} {word} in {file}")),
        (_, omitted) => Some(format!("{count} {word} in {file}; the last {omitted} are not shown")),
    }
}

fn group<'a>(report: &'a Report, lines: &Lines, finding: &'a Finding) -> Group<'a> {
    let weight = match report.level {
        Level::Error => Weight::ERROR,
        Level::Notice => Weight::WARNING.with_name("notice"),
        Level::Info => Weight::INFO,
    };
    let title = weight.primary_title(finding.message.as_str());
    let text = &report.source.text;
    let here = on_one_line(lines, text, finding.place);
    let there = finding.also.as_ref().map(|(place, label)| (on_one_line(lines, text, *place), label));
    let around = window(lines, text, &here, there.as_ref().map(|(range, _)| range));
    let short = |cut: &&str| !cut.is_empty() && cut.lines().all(|line| line.len() <= MAX_SHOWN_LINE_BYTES);
    let Some(cut) = text.get(around.clone()).filter(short) else {
        let origin = Origin::path(report.source.name.as_str());
        let (line, column) = (finding.line as usize, finding.column as usize);
        return Group::with_title(title).element(origin.line(line).char_column(column));
    };
    let (first_line, _) = lines.position(text, around.start);
    let within = |range: Range<usize>| range.start.saturating_sub(around.start)..range.end.saturating_sub(around.start);
    let label = (!finding.path.is_empty()).then_some(finding.path.as_str());
    let snippet = Snippet::source(cut)
        .path(report.source.name.as_str())
        .line_start(first_line as usize)
        .annotation(AnnotationKind::Primary.span(within(here)).label(label))
        .annotations(there.map(|(range, label)| AnnotationKind::Context.span(within(range)).label(label.as_str())));
    Group::with_title(title).element(snippet)
}

/// The part of a place that stands on its first line: a caret below a whole block says nothing.
fn on_one_line(lines: &Lines, text: &str, place: Place) -> Range<usize> {
    let start = (place.start as usize).min(text.len());
    let line = lines.line_around(text, start);
    let end = (place.end as usize).min(line.end).max(start);
    let shown = text.get(start..end).map_or(0, |part| part.trim_end().len());
    start..start + shown
}

/// The lines from the first place to the last.
fn window(lines: &Lines, text: &str, here: &Range<usize>, there: Option<&Range<usize>>) -> Range<usize> {
    let first = there.map_or(here.start, |there| there.start.min(here.start));
    let last = there.map_or(here.start, |there| there.start.max(here.start));
    let window = lines.line_around(text, first).start..lines.line_around(text, last).end;
    // An empty line holds no caret: the line before it does.
    if window.is_empty() && first > 0 {
        return lines.line_around(text, first - 1).start..window.end;
    }
    window
}
