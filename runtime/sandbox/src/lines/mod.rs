//! Which lines of its source a component's code was made from.
//!
//! A component that was built with debug information has it in custom sections of its modules, in DWARF: a format that
//! is the component's to write, and whose readers are large. So only the compiling child reads it, under its limits
//! (`read`), and leaves a [`LineTable`], in which the host looks up where a call trapped.
//!
//! Addresses are those of the component's file, as the engine gives them for the frames of a backtrace.

mod read;

use serde::{Deserialize, Serialize};

use crate::text::truncated;

/// Bytes of one frame's text: mangled generics grow long.
const FRAME_BYTES_MAX: usize = 256;
/// A range of code of which nothing is known.
const NOTHING: u32 = u32::MAX;

/// Where each piece of a component's code comes from.
#[derive(Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct LineTable {
    /// Names of functions and files.
    texts: Vec<String>,
    /// What a piece of code is part of, innermost first: more than one place where functions were inlined.
    chains: Vec<Vec<Place>>,
    /// Where each piece begins, and its chain or [`NOTHING`]; ascending.
    pieces: Vec<(u32, u32)>,
}

/// A place in a source file.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
struct Place {
    /// The function's name, one of the texts.
    function: Option<u32>,
    /// The file, one of the texts.
    file: u32,
    line: u32,
    column: u32,
}

impl LineTable {
    /// Bytes of an encoded table: those of the lines of a component of 50 MB.
    pub(crate) const ENCODED_BYTES_MAX: usize = 32 << 20;

    /// What a compiling child reads of a component; nothing if it has no debug information.
    pub(crate) fn read(component: &[u8]) -> Option<Self> {
        Some(read::read(component)).filter(|table| !table.chains.is_empty())
    }

    pub(crate) fn encode(&self) -> Vec<u8> {
        // Vectors of numbers and texts can always be written to memory.
        let encoded = postcard::to_stdvec(self).unwrap_or_default();
        if encoded.len() > Self::ENCODED_BYTES_MAX {
            return Vec::new();
        }
        encoded
    }

    /// From what [`Self::encode`] made.
    pub(crate) fn decode(bytes: &[u8]) -> Option<Self> {
        postcard::from_bytes(bytes).ok()
    }

    /// Functions and places of the code at an address of the component's file, innermost first: `function (file:line)`.
    /// `name` is what the engine calls the function. Nothing if no line is known.
    pub(crate) fn frames(&self, address: usize, name: &str) -> Vec<String> {
        let address = u32::try_from(address).unwrap_or(u32::MAX);
        let after = self.pieces.partition_point(|(start, _)| *start <= address);
        let chain = after.checked_sub(1).map(|at| self.pieces[at].1);
        let chain = chain.and_then(|chain| self.chains.get(chain as usize));
        let places = chain.map_or(&[][..], Vec::as_slice);
        let frame = |(at, place): (usize, &Place)| {
            // The last one is the function itself, whose whole name the engine knows; the others are inlined into it.
            let inlined = place.function.filter(|_| at + 1 < places.len());
            let function = inlined.and_then(|at| self.text(at)).unwrap_or(name);
            let file = self.text(place.file).unwrap_or("?");
            // The end of a name that is too long goes, the place stays.
            let function = truncated(function.to_owned(), FRAME_BYTES_MAX);
            format!("{function} ({file}:{}:{})", place.line, place.column)
        };
        places.iter().enumerate().map(frame).collect()
    }

    fn text(&self, at: u32) -> Option<&str> {
        self.texts.get(at as usize).map(String::as_str)
    }
}

/// A function's name as its author wrote it.
pub(crate) fn demangled(name: &str) -> String {
    truncated(
        printable(&format!("{:#}", rustc_demangle::demangle(name))),
        FRAME_BYTES_MAX,
    )
}

/// Names are the component's to write, and go to terminals.
fn printable(name: &str) -> String {
    name.chars().filter(|c| !c.is_control()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table() -> LineTable {
        let place = |function, file, line| Place {
            function,
            file,
            line,
            column: 9,
        };
        LineTable {
            texts: ["total", "src/lib.rs", "core/src/option.rs", "unwrap"]
                .map(str::to_owned)
                .to_vec(),
            chains: vec![
                vec![place(Some(0), 1, 7)],
                vec![place(Some(3), 2, 100), place(None, 1, 8)],
            ],
            pieces: vec![(10, 0), (20, 1), (30, NOTHING), (40, 0)],
        }
    }

    #[test]
    fn an_address_has_the_line_of_the_piece_that_it_is_in() {
        let frames = |address| table().frames(address, "poll");
        assert_eq!(frames(9), Vec::<String>::new(), "before the first piece");
        assert_eq!(frames(10), ["poll (src/lib.rs:7:9)"]);
        assert_eq!(frames(19), ["poll (src/lib.rs:7:9)"]);
        assert_eq!(
            frames(20),
            ["unwrap (core/src/option.rs:100:9)", "poll (src/lib.rs:8:9)"]
        );
        assert_eq!(frames(35), Vec::<String>::new(), "between pieces");
        assert_eq!(frames(usize::MAX), ["poll (src/lib.rs:7:9)"]);
    }

    #[test]
    fn a_table_is_read_as_it_was_written() {
        assert_eq!(LineTable::decode(&table().encode()), Some(table()));
        assert_eq!(LineTable::decode(&table().encode()[..9]), None);
    }

    #[test]
    fn numbers_that_point_nowhere_are_no_harm() {
        let mut table = table();
        table.texts.clear();
        assert_eq!(table.frames(20, "poll")[0], "poll (?:100:9)");
        table.chains.clear();
        assert_eq!(table.frames(20, "poll"), Vec::<String>::new());
    }
}
