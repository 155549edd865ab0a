//! Senders as they are: signed by their own libraries, or by their published algorithms written in another language, and everything
//! that is nearly right. Python and Node come from `make servers`; without them these tests say that they are skipped.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on should stop where it is")]

mod bad;
mod clients;
mod schemes;
mod signer;
mod table;
mod valid;

#[path = "../support/mod.rs"]
mod support;
