//! Building blocks of sinks for any target.
//!
//! ```text
//! writes of a batch → chains by document → cut into statements → bisect(attempt) → refused and unchanged
//! ```
//!
//! * [`Chain`]: the writes of one document, without those that a later one supersedes.
//! * [`rounds`]: those writes in rounds, none of which names a document twice; [`cut`]: statements of a limited size.
//! * [`Claims`]: batches that name a document in common are written one after the other.
//! * [`bisect`]: if a statement fails because of a record, finds the record and writes the rest.
//! * [`json`]: values of documents by their text, and what does not fit a column.
//! * [`highest_stored_orders`]: which of two writes of a document stays.
//! * [`BatchToken`]: an identifier of a batch that is the same when the batch is written again.
//!
//! A target defines its form of a write ([`Item`]), executes statements ([`bisect::Attempt`]), and distinguishes its
//! own faults from refused records ([`bisect::Fault`]).

pub mod bisect;
mod chain;
mod claims;
mod cut;
mod item;
pub mod json;
mod order;
mod rounds;
#[cfg(test)]
mod test_write;
mod token;

pub use chain::Chain;
pub use claims::{Claim, Claims};
pub use cut::{StatementLimits, cut};
pub use item::Item;
pub use order::highest_stored_orders;
pub use rounds::{Rounds, rounds};
pub use token::BatchToken;
