//! `pintle config`.

use serde_json::json;

use crate::args::{Config, Output};
use crate::context::{Context, say};
use crate::failure::Exit;
use crate::render::table;
use crate::settings::{KNOWN, Row};

/// Shows each setting, its value, where it came from, and what it is for.
pub(crate) fn run(args: &Config, context: &Context) -> Exit {
    let rows = &context.settings.rows;
    let about = |key: &str| KNOWN.iter().find(|known| known.key == key).map_or("a plugin's limit", |known| known.doc);
    if args.output == Output::Json {
        let objects: Vec<_> = rows
            .iter()
            .map(|row| json!({ "key": row.key, "value": row.value, "from": row.origin.to_string(), "about": about(&row.key) }))
            .collect();
        say(&json!(objects).to_string());
        return Exit::Success;
    }
    let cells = |row: &Row| [row.key.clone(), row.value.clone(), row.origin.to_string(), about(&row.key).to_owned()];
    say(&table::draw(["SETTING", "VALUE", "FROM", "ABOUT"], rows.iter().map(cells), &[]));
    Exit::Success
}
