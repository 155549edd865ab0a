//! The table of codes.
//!
//! A code that is not in it holds the table, and its rows wait: to refuse rows for what may be about the table would empty a
//! topic into the dead letters.

use super::Exception;

/// What an error of the server's is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Class {
    /// It passes: the server is busy, full, starting, or lost its own connections.
    Passes,
    /// The table, the database or the user: somebody must act.
    Table,
    /// The table is not any more what was read of it.
    Layout,
    /// A row.
    Record,
    /// The insert has rows of too many partitions.
    Partitions,
}

/// Of these, all are named by `errorCodeToName`.
const PASSES: &[u32] = &[
    3, 159, 164, 202, 203, 209, 210, 241, 242, 243, 252, 279, 285, 286, 290, 319, 394, 425, 439, 473, 745, 999,
];

/// `NO_SUCH_COLUMN_IN_TABLE`, `NUMBER_OF_COLUMNS_DOESNT_MATCH`, `CANNOT_READ_ALL_DATA`, `UNKNOWN_IDENTIFIER`, `UNKNOWN_TABLE`.
const LAYOUT: &[u32] = &[16, 20, 33, 47, 60];

const TABLE: &[u32] = &[36, 43, 62, 81, 192, 193, 194, 497, 516];

const RECORD: &[u32] = &[
    6, 26, 27, 38, 41, 53, 69, 70, 72, 117, 131, 190, 321, 349, 376, 467, 469, 691,
];

/// What an error is about.
pub(crate) fn class(exception: &Exception) -> Class {
    let said = |words: &str| exception.said.contains(words);
    match exception.code {
        // Two errors have this code: too many parts, which passes, and this one.
        252 if said("partitions for single INSERT block") => Class::Partitions,
        117 if said("header") => Class::Layout,
        code if PASSES.contains(&code) => Class::Passes,
        code if LAYOUT.contains(&code) => Class::Layout,
        code if TABLE.contains(&code) => Class::Table,
        code if RECORD.contains(&code) => Class::Record,
        _ if exception.row().is_some() => Class::Record,
        _ => Class::Table,
    }
}

/// What to do about an error that is about the table, the database or the user.
pub(crate) fn cure(code: u32) -> &'static str {
    match code {
        60 => "create the table, or correct `table`",
        81 => "create the database, or correct `database`",
        192..=194 | 516 => "check `username`, `password` and `token`",
        497 => "grant the user INSERT on the table, and SELECT if `dedup = \"lookup\"`",
        16 | 20 | 47 => "compare the table's columns with the documents",
        _ => "what the server says must be put right",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(code: u32, said: &str) -> Class {
        class(&Exception {
            code,
            said: said.to_owned(),
        })
    }

    #[test]
    fn errors_are_about_the_row_only_if_nothing_else_can_be() {
        assert_eq!(of(469, "Constraint `c` is violated at row 3."), Class::Record);
        assert_eq!(
            of(117, "Type of 'c' must be Int32, not Int64: (while reading header)"),
            Class::Layout
        );
        assert_eq!(of(117, "Cannot parse JSON object here"), Class::Record);
        assert_eq!(of(252, "Too many parts (3001)"), Class::Passes);
        assert_eq!(
            of(252, "Too many partitions for single INSERT block (more than 100)"),
            Class::Partitions
        );
        assert_eq!(of(60, "Table d.t does not exist"), Class::Layout);
        assert_eq!(of(516, "Authentication failed"), Class::Table);
        assert_eq!(of(12_345, "something new"), Class::Table);
        assert_eq!(of(12_345, "something new (at row 7)"), Class::Record);
    }

    #[test]
    fn no_code_has_two_meanings() {
        let all: Vec<_> = [PASSES, LAYOUT, TABLE, RECORD].concat();
        let distinct: std::collections::BTreeSet<_> = all.iter().collect();
        assert_eq!(all.len(), distinct.len());
    }
}
