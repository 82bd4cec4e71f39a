//! Tables of text: columns as wide as what stands in them.

use std::fmt;

/// Rows under a header.
pub(super) struct Table {
    rows: Vec<Vec<String>>,
    /// Columns of figures, which are aligned to the right.
    right: Vec<usize>,
}

impl Table {
    pub(super) fn new(header: &[&str]) -> Self {
        Self { rows: vec![header.iter().map(|&title| title.to_owned()).collect()], right: Vec::new() }
    }

    /// Names and what they stand for, without a header.
    pub(super) fn fields() -> Self {
        Self { rows: Vec::new(), right: Vec::new() }
    }

    #[must_use]
    pub(super) fn figures(mut self, columns: &[usize]) -> Self {
        self.right.extend(columns);
        self
    }

    pub(super) fn row<const N: usize>(&mut self, cells: [String; N]) {
        self.rows.push(cells.into());
    }

    pub(super) fn push(&mut self, cells: Vec<String>) {
        self.rows.push(cells);
    }

    pub(super) fn field(&mut self, name: &str, text: impl Into<String>) {
        self.row([name.to_owned(), text.into()]);
    }

    /// How wide each column is.
    pub(super) fn widths(&self) -> Vec<usize> {
        let mut widths = vec![0; self.rows.iter().map(Vec::len).max().unwrap_or(0)];
        for (column, cell) in self.rows.iter().flat_map(|row| row.iter().enumerate()) {
            widths[column] = widths[column].max(wide(cell));
        }
        widths
    }

    /// Each row's cells, filled to the widths of their columns.
    pub(super) fn filled(&self) -> Vec<Vec<String>> {
        let widths = self.widths();
        let fill = |(column, cell): (usize, &String)| {
            let room = " ".repeat(widths[column] - wide(cell));
            if self.right.contains(&column) { format!("{room}{cell}") } else { format!("{cell}{room}") }
        };
        self.rows.iter().map(|row| row.iter().enumerate().map(fill).collect()).collect()
    }
}

fn wide(text: &str) -> usize {
    text.chars().count()
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, row) in self.filled().iter().enumerate() {
            let separator = if index == 0 { "" } else { "\n" };
            write!(f, "{separator}{}", row.join("  ").trim_end())?;
        }
        Ok(())
    }
}

#[test]
fn columns_are_aligned() {
    let mut table = Table::new(&["NAME", "EXAMPLES"]).figures(&[1]);
    table.row(["iris".into(), "150".into()]);
    table.row(["größer".into(), "60,000".into()]);
    assert_eq!(table.to_string(), "NAME    EXAMPLES\niris         150\ngrößer    60,000");
}
