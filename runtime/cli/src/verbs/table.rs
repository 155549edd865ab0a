//! Tables for people.

/// Columns under their heads, as wide as they need to be.
pub(crate) fn table(heads: &[&str], rows: &[Vec<String>]) -> String {
    let widths: Vec<_> = heads
        .iter()
        .enumerate()
        .map(|(at, head)| {
            let cells = rows
                .iter()
                .filter_map(|row| row.get(at))
                .map(|cell| cell.chars().count());
            cells.chain([head.chars().count()]).max().unwrap_or_default()
        })
        .collect();
    let line = |cells: &mut dyn Iterator<Item = &str>| {
        let padded = cells.zip(&widths).map(|(cell, width)| format!("{cell:<width$}"));
        format!("{}\n", padded.collect::<Vec<_>>().join("  ").trim_end())
    };
    let mut text = line(&mut heads.iter().copied());
    for row in rows {
        text.push_str(&line(&mut row.iter().map(String::as_str)));
    }
    text
}

/// So many a second, with a digit after the point where there are few.
pub(crate) fn rate(per_second: Option<f64>) -> String {
    match per_second {
        None => "-".to_owned(),
        Some(rate) if rate > 0.0 && rate < 10.0 => format!("{rate:.1}"),
        Some(rate) => format!("{rate:.0}"),
    }
}

/// Bytes in the unit that fits.
pub(crate) fn bytes(bytes: Option<u64>) -> String {
    let Some(bytes) = bytes else { return "-".to_owned() };
    let units = [("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10)];
    let unit = units.iter().find(|(_, size)| bytes >= *size);
    unit.map_or_else(
        || format!("{bytes} B"),
        |(name, size)| format!("{:.1} {name}", bytes as f64 / *size as f64),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_as_wide_as_their_widest_cell() {
        let rows = [
            vec!["a".to_owned(), "longer".to_owned()],
            vec!["bbb".to_owned(), "c".to_owned()],
        ];
        assert_eq!(table(&["x", "y"], &rows), "x    y\na    longer\nbbb  c\n");
    }

    #[test]
    fn numbers_have_the_unit_that_fits() {
        assert_eq!(
            [bytes(None), bytes(Some(17)), bytes(Some(1_310_720))],
            ["-", "17 B", "1.2 MiB"]
        );
        assert_eq!(
            [rate(Some(0.0)), rate(Some(1.25)), rate(Some(1234.5))],
            ["0", "1.2", "1234"]
        );
    }
}
