//! [`Table`]: columns for a human.

use std::fmt;

/// Between two columns.
const GAP: &str = "  ";

/// A heading and rows. Columns of numbers are aligned to the right, all others to the left.
#[derive(Debug)]
pub(super) struct Table {
    heading: Vec<String>,
    rows: Vec<Vec<String>>,
}

impl Table {
    /// A table without rows.
    pub(super) fn new<const N: usize>(heading: [&str; N]) -> Table {
        Table { heading: heading.map(str::to_uppercase).into(), rows: Vec::new() }
    }

    /// Adds a row, which has a cell for each column.
    pub(super) fn row<const N: usize>(&mut self, cells: [String; N]) {
        assert_eq!(cells.len(), self.heading.len(), "a row has a cell for each column");
        self.rows.push(cells.into());
    }

    fn width(&self, column: usize) -> usize {
        let cells = self.rows.iter().chain([&self.heading]).map(|row| row[column].chars().count());
        cells.max().unwrap_or_default()
    }

    fn is_numeric(&self, column: usize) -> bool {
        self.rows.iter().all(|row| row[column].parse::<f64>().is_ok() || row[column] == "-")
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let columns: Vec<_> = (0..self.heading.len()).map(|n| (self.width(n), self.is_numeric(n))).collect();
        for row in [&self.heading].into_iter().chain(&self.rows) {
            let cells = row.iter().zip(&columns).map(|(cell, (width, numeric))| {
                if *numeric { format!("{cell:>width$}") } else { format!("{cell:<width$}") }
            });
            writeln!(f, "{}", cells.collect::<Vec<_>>().join(GAP).trim_end())?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_line_up_and_numbers_stand_to_the_right() {
        let mut table = Table::new(["name", "partitions", "note"]);
        table.row(["orders".into(), "12".into(), "größte".into()]);
        table.row(["a".into(), "1".into(), String::new()]);
        let expected = "\
NAME    PARTITIONS  NOTE
orders          12  größte
a                1
";
        assert_eq!(table.to_string(), expected);
    }
}
