//! Plain tables for a terminal and for a README.

use std::fmt;

/// Rows under headings; the first column is text, the others are numbers.
#[derive(Debug, Clone)]
pub struct Table {
    rows: Vec<Vec<String>>,
}

impl Table {
    /// Without rows yet.
    pub fn new<'a>(headings: impl IntoIterator<Item = &'a str>) -> Self {
        let headings = headings.into_iter().map(str::to_owned).collect();
        Self { rows: vec![headings] }
    }

    /// Appends a row.
    pub fn row(&mut self, cells: impl IntoIterator<Item = String>) {
        self.rows.push(cells.into_iter().collect());
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let width = |column: usize| {
            let cells = self.rows.iter().filter_map(|row| row.get(column));
            cells.map(|cell| cell.chars().count()).max().unwrap_or_default()
        };
        for row in &self.rows {
            for (column, cell) in row.iter().enumerate() {
                match column {
                    0 => write!(f, "  {cell:<0$}", width(0))?,
                    _ => write!(f, "  {cell:>0$}", width(column))?,
                }
            }
            writeln!(f)?;
        }
        Ok(())
    }
}

/// A number with as many digits as say something.
pub fn number(value: f64) -> String {
    match value.abs() {
        v if v >= 1000.0 => thousands(value),
        v if v >= 100.0 => format!("{value:.0}"),
        v if v >= 10.0 => format!("{value:.1}"),
        _ => format!("{value:.2}"),
    }
}

/// A share as a percentage.
pub fn percent(share: f64) -> String {
    format!("{:.0} %", share * 100.0)
}

/// Says whether a first aim is reached, as one line.
pub fn aim(what: &str, reached: bool) {
    println!("  aim: {what}: {}\n", if reached { "reached" } else { "not reached" });
}

fn thousands(value: f64) -> String {
    let digits = format!("{value:.0}");
    let mut text = String::new();
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_short() {
        assert_eq!(number(1_234_567.8), "1,234,568");
        assert_eq!(number(999.4), "999");
        assert_eq!(number(12.34), "12.3");
        assert_eq!(number(4.056), "4.06");
    }

    #[test]
    fn columns_line_up() {
        let mut table = Table::new(["side", "µs"]);
        table.row(["ours".to_owned(), "12".to_owned()]);
        assert_eq!(table.to_string(), "  side  µs\n  ours  12\n");
    }
}
