//! Offsets: where each value of a column ends.

use super::ColumnError;

/// The places of value `i`.
pub(super) fn range(ends: &[u32], i: usize) -> std::ops::Range<usize> {
    let start = if i == 0 {
        0
    } else {
        ends.get(i - 1).copied().unwrap_or(0) as usize
    };
    let end = ends.get(i).copied().unwrap_or(0) as usize;
    start..end.max(start)
}

/// That `ends` rises to `len`.
pub(super) fn check_ends(column: &'static str, ends: &[u32], len: usize) -> Result<(), ColumnError> {
    if let Some(i) = ends.windows(2).position(|pair| pair[1] < pair[0]) {
        return Err(ColumnError::new(
            column,
            format!(
                "end {} of value {} is below the one before it, {}",
                ends[i + 1],
                i + 1,
                ends[i]
            ),
        ));
    }
    let last = ends.last().copied().unwrap_or(0) as usize;
    if last != len {
        return Err(ColumnError::new(
            column,
            format!("the last end is {last}, the length is {len}"),
        ));
    }
    Ok(())
}

/// That there are `n` values, or none.
pub(super) fn check_count(column: &'static str, len: usize, n: usize) -> Result<(), ColumnError> {
    if len == 0 || len == n {
        Ok(())
    } else {
        Err(ColumnError::new(column, format!("{len} values for {n} outputs")))
    }
}
