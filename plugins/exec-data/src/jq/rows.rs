//! `@csv` and `@tsv`, as jq has them: a flat list becomes one row.

use jaq_core::{Error, ValR};
use jaq_json::Val;

/// Text in quotes, quotes doubled.
pub(super) fn csv(row: &Val) -> ValR<Val> {
    joined(row, ",", |text| format!("\"{}\"", text.replace('"', "\"\"")))
}

/// Text with tabs, line breaks and backslashes escaped.
pub(super) fn tsv(row: &Val) -> ValR<Val> {
    joined(row, "\t", |text| text.replace('\\', "\\\\").replace('\t', "\\t").replace('\n', "\\n").replace('\r', "\\r"))
}

fn joined(row: &Val, between: &str, quoted: impl Fn(&str) -> String) -> ValR<Val> {
    let Val::Arr(fields) = row else { return Err(Error::str(format_args!("{row} is no list: it makes no row"))) };
    let field = |value: &Val| match value {
        Val::Null => Ok(String::new()),
        Val::Bool(_) | Val::Num(_) => Ok(value.to_string()),
        Val::TStr(bytes) => Ok(quoted(&String::from_utf8_lossy(bytes))),
        Val::BStr(_) | Val::Arr(_) | Val::Obj(_) => Err(Error::str(format_args!("{value} does not fit into a row"))),
    };
    let fields = fields.iter().map(field).collect::<Result<Vec<_>, _>>()?;
    Ok(Val::from(fields.join(between)))
}
