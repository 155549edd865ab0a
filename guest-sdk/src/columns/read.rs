//! Views into columns that the host sent. A value that is not there, because the column was not asked for, is empty.

use std::ops::Range;

use crate::bindings::types::{Attributes, Blobs, Column, Labels, NamedColumn};

/// Value `i`; empty if there is no such value.
pub(crate) fn blob(column: &Blobs, i: usize) -> &[u8] {
    column.bytes.get(range(&column.ends, i)).unwrap_or_default()
}

/// Value `i` as text; empty if there is no such value or it is not UTF-8.
pub(crate) fn text(column: &Blobs, i: usize) -> &str {
    std::str::from_utf8(blob(column, i)).unwrap_or_default()
}

/// Value `i`; empty if there is no such value.
pub(crate) fn label(column: &Labels, i: usize) -> &str {
    let name = column.index.get(i).and_then(|at| column.names.get(*at as usize));
    name.map_or("", String::as_str)
}

/// The pairs of set `i`; none if there is no such set.
pub(crate) fn pairs(column: &Attributes, i: usize) -> impl Iterator<Item = (&str, &str)> {
    range(&column.ends, i).map(|pair| (text(&column.names, pair), text(&column.values, pair)))
}

/// The first value of this name in set `i`.
pub(crate) fn pair<'a>(column: &'a Attributes, i: usize, name: &str) -> Option<&'a str> {
    range(&column.ends, i)
        .find(|pair| blob(&column.names, *pair) == name.as_bytes())
        .map(|pair| text(&column.values, pair))
}

/// The numbers of the extra column of this name.
pub(crate) fn numbers<'a>(extra: &'a [NamedColumn], name: &str) -> Option<&'a [u64]> {
    match &extra.iter().find(|column| column.name == name)?.values {
        Column::Numbers(numbers) => Some(numbers),
        _ => None,
    }
}

/// The values between the end before place `i` and its own.
pub(crate) fn range(ends: &[u32], i: usize) -> Range<usize> {
    let Some(end) = ends.get(i) else { return 0..0 };
    let start = if i == 0 { 0 } else { ends[i - 1] };
    start as usize..(*end).max(start) as usize
}
