//! Buffers on disk, for while the other side is unavailable.

use std::time::Duration;

use danube_wasm_settings::{
    Section, Table, Variant,
    kinds::{Integer, Millis},
};

/// Buffers records on disk until a Danube cluster takes them.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct SourceBuffer {
    /// Most bytes in the buffer. Beyond them senders are answered 503.
    pub max_bytes: u64,
    /// How long records stay after the broker has confirmed them, to be published again if it loses them.
    pub broker_flush: Duration,
}

/// Buffers messages on disk until a target takes them.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct SinkBuffer {
    /// Most bytes in the buffer. Beyond them the sink stops reading.
    pub max_bytes: u64,
}

/// The table of a source.
pub(crate) struct SourceBufferTable(pub(crate) Option<SourceBuffer>);

/// The table of a sink.
pub(crate) struct SinkBufferTable(pub(crate) Option<SinkBuffer>);

impl Section for SourceBufferTable {
    const ABOUT: &'static str = "Records that wait on this disk for a Danube cluster. With `disk`, 200 means durable on \
        this disk: an outage of the cluster loses nothing and keeps the order of each key.";

    fn read(t: &mut Table<'_>) -> Option<Self> {
        let disk = |t: &mut Table<'_>| {
            let max_bytes = max_bytes(t, "Most bytes that wait. Beyond them, senders are answered 503.");
            let broker_flush = t
                .field(
                    "broker_flush_ms",
                    Millis(0..=3_600_000),
                    "How long records stay here after the broker has confirmed them. A Danube broker confirms a record \
                     up to 5 s before it is on its disk: what it may have lost is published again.",
                )
                .or(Duration::from_secs(10));
            Some(Self(Some(SourceBuffer {
                max_bytes: max_bytes?,
                broker_flush,
            })))
        };
        form(t, |_| Some(Self(None)), disk)
    }
}

impl Section for SinkBufferTable {
    const ABOUT: &'static str = "Messages that wait on this disk for a target that is away. With `disk`, they are \
        acknowledged before the broker gives up delivering them, and written later in their order.";

    fn read(t: &mut Table<'_>) -> Option<Self> {
        let disk = |t: &mut Table<'_>| {
            let max_bytes = max_bytes(t, "Most bytes that wait. Beyond them, messages stay in the broker.");
            Some(Self(Some(SinkBuffer { max_bytes: max_bytes? })))
        };
        form(t, |_| Some(Self(None)), disk)
    }
}

fn form<T>(
    t: &mut Table<'_>,
    none: fn(&mut Table<'_>) -> Option<T>,
    disk: fn(&mut Table<'_>) -> Option<T>,
) -> Option<T> {
    let variant = |name, read| Variant {
        name,
        aliases: &[],
        read,
    };
    let about = "`none` keeps nothing here, `disk` keeps what waits under `spool` in `data_dir`. A start is refused that has \
        no use for records that wait there, because the connector is called otherwise now, or has no buffer any more.";
    t.variants(
        "type",
        about,
        "\"disk\"",
        &[variant("none", none), variant("disk", disk)],
    )
}

fn max_bytes(t: &mut Table<'_>, about: &'static str) -> Option<u64> {
    t.field("max_bytes", Integer(1 << 20..=1_u64 << 50), about)
        .example("10737418240")
        .required()
}
