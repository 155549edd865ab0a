//! The limits of the OTLP source beside those of its listener, each with its reason; the unit is last in its name.

use std::time::Duration;

/// Default for the largest body, as sent and as decompressed, in bytes: what the protocol recommends. Batches of spans are over
/// the 4 MiB of most gRPC libraries now and then.
pub const BODY_BYTES_MAX_DEFAULT: usize = 64 << 20;
/// Upper bound of a configured body limit, in bytes: half of what all bodies of a listener may use.
pub const BODY_BYTES_MAX: usize = 128 << 20;
/// The same where a request is one record, in bytes: the longest payload that every topic accepts.
pub const REQUEST_RECORD_BYTES_MAX: usize = 8 << 20;

/// Most bytes of the records of one request. Each has its resource and scope beside it, so one large resource with many small
/// records would otherwise become any amount of memory.
pub const RECORD_BYTES_MAX: usize = 128 << 20;

/// How many bytes a compressed body is first given memory for, for each one sent. Telemetry compresses five to ten times; what
/// needs more is decompressed again with room for the whole limit.
pub const USUAL_RATIO: usize = 20;

/// Requests whose records are longer than this in total, in bytes, are split off the I/O threads.
pub const INLINE_SPLIT_BYTES_MAX: usize = 256 << 10;

/// Default for how long a body may take: a large batch over a bad line. One that does not make it is sent again, and again.
pub const BODY_TIMEOUT: Duration = Duration::from_secs(30);
/// Default for how long an export may take with its body.
pub const REQUEST_DEADLINE: Duration = Duration::from_secs(60);
/// Default for how long its records may take to be durable. Exporters give up after ten seconds, some after five, and not all
/// of them try again after that: they are told before.
pub const ANSWER_TIMEOUT: Duration = Duration::from_millis(4_900);
/// HTTP/2 flow control of one stream, in bytes: all that a connection has, because exporters send one batch at a time.
pub const STREAM_WINDOW_BYTES: u32 = 1 << 20;

/// Length of the message in a partial success and in an error, in bytes: gRPC carries it in a header.
pub const MESSAGE_BYTES_MAX: usize = 1024;
