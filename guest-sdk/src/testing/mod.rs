//! Runs a connector in an ordinary test, through the same columns as the host: an input is laid out as the host would
//! (what the connector does not want is left out), and what it returns is read back as the host would.
//!
//! ```
//! # use danube_connector::*;
//! # struct Shout;
//! # impl SourceConnector for Shout {
//! #     fn initialize(_: Config) -> Result<Self> { Ok(Shout) }
//! #     fn producer_configs(&self) -> Result<Vec<ProducerConfig>> { Ok(vec![ProducerConfig::new("/n/t")]) }
//! #     fn event<'a>(&'a mut self, event: Event<'a>) -> Result<Records<'a>> {
//! #         Ok(SourceRecord::from_bytes("/n/t", event.text()?.to_uppercase().into_bytes()).into())
//! #     }
//! # }
//! use danube_connector::testing::{Incoming, SourceHarness};
//!
//! let mut shout = SourceHarness::<Shout>::new(r#"{"endpoints": []}"#)?;
//! let polled = shout.poll(&[Incoming::new("/in", "hello")])?;
//! assert_eq!(polled.records[0].payload, b"HELLO");
//! # Ok::<(), Error>(())
//! ```

mod read_back;
mod sink;
mod source;

pub use sink::{Delivered, Processed, SinkHarness, Written};
pub use source::{Answered, FetchedEvent, FetchedPage, Incoming, Polled, Published, SourceHarness};

/// An input that the connector refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refused {
    /// The input, by its place in what was given.
    pub origin: usize,
    /// Whether the connector has no use for its kind of data, rather than the data being invalid.
    pub unsupported: bool,
    /// Why.
    pub message: String,
}
