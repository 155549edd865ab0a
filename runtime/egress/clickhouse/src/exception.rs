//! What the server's errors mean.

mod codes;
mod fault;

pub(crate) use codes::{Class, class, cure};
pub(crate) use fault::Fault;

/// An error of the server's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Exception {
    /// Its number: `system.errors` has their names.
    pub(crate) code: u32,
    /// What the server says, cleaned.
    pub(crate) said: String,
}

impl Exception {
    /// The code at the beginning of an error's text: `Code: 60. DB::Exception: …`.
    pub(crate) fn code_in(text: &str) -> Option<u32> {
        let rest = text.trim_start().strip_prefix("Code: ")?;
        rest.split(|char: char| !char.is_ascii_digit()).next()?.parse().ok()
    }

    /// The row of an insert that it is about, from 0, if it says so.
    pub(crate) fn row(&self) -> Option<usize> {
        let number = |mark: &str| {
            let (_, rest) = self.said.rsplit_once(mark)?;
            rest.split(|char: char| !char.is_ascii_digit())
                .next()?
                .parse::<usize>()
                .ok()?
                .checked_sub(1)
        };
        number("(at row ").or_else(|| number("violated at row "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn exception(said: &str) -> Exception {
        Exception {
            code: 469,
            said: said.to_owned(),
        }
    }

    #[test]
    fn codes_and_rows_are_found_in_the_text() {
        assert_eq!(
            Exception::code_in("Code: 60. DB::Exception: Table d.t does not exist."),
            Some(60)
        );
        assert_eq!(Exception::code_in("<html>Code: 60."), None);
        let violated =
            "Constraint `c` for table d.t is violated at row 3. Expression: (c < 100). Column values: c = 100.";
        assert_eq!(exception(violated).row(), Some(2));
        assert_eq!(
            exception("Cannot parse JSON object here: (at row 1) : while executing").row(),
            Some(0)
        );
        assert_eq!(exception("at row 5").row(), None);
        assert_eq!(exception("(at row 0)").row(), None);
        assert_eq!(exception("(at row 99999999999999999999999)").row(), None);
    }
}
