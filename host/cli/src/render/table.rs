//! Rows and columns without lines between them: for people, and still good for `grep` and `awk`.

use comfy_table::presets::NOTHING;
use comfy_table::{CellAlignment, ContentArrangement, Table};

/// As wide as it needs to be; `right`: columns whose cells end at the same place.
pub(crate) fn draw<const N: usize>(
    header: [&str; N],
    rows: impl IntoIterator<Item = [String; N]>,
    right: &[usize],
) -> String {
    let mut table = Table::new();
    table.load_style(NOTHING).set_content_arrangement(ContentArrangement::Disabled);
    table.set_header(header);
    table.add_rows(rows);
    for (place, column) in table.column_iter_mut().enumerate() {
        column.set_padding((0, 2));
        if right.contains(&place) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    table.trim_fmt()
}

#[cfg(test)]
mod tests {
    use super::draw;

    #[test]
    fn columns_are_aligned_and_nothing_is_drawn_around_them() {
        let rows = [["etl".to_owned(), "1.2s".to_owned()], ["nightly".to_owned(), "12m05s".to_owned()]];
        assert_eq!(draw(["DAG", "TOOK"], rows, &[1]), "DAG        TOOK\netl        1.2s\nnightly  12m05s");
    }
}
