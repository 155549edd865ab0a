//! A source as a host runs it: its table read from a file's text, the pipeline's driver, the embedded log and its
//! notebook. The component is one that forwards everything.
//!
//! For tests of sources: each names what it tests as a [`TestedSource`], makes a [`Log`] and starts a [`Process`] on it,
//! as often as it likes: what is in the log outlives the process.

mod forward;
mod log;
mod process;
mod tested;

pub use {
    forward::{Forward, source_parts},
    log::{Log, Record, texts_of, texts_once},
    process::Process,
    tested::TestedSource,
};
