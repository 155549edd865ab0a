//! JSON documents by their text, for targets whose columns have types.
//!
//! A target that is sent what does not fit wraps it, cuts it or becomes unreadable. So values are read from their text, where numbers have
//! all their digits, and what does not fit is a [`Misfit`]: it names the pointer, the value, the column and its type.

mod calendar;
mod document;
mod misfit;
mod number;
mod text;

pub use calendar::{Moment, SECONDS_OF_DAY, day, moment};
pub use document::{Document, Members, elements, members};
pub use misfit::{Misfit, pointer};
pub use number::{Number, Scaled};
pub use text::{JsonKind, text};
