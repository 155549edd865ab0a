//! Every limit that is not an option, with its reason.

use std::time::Duration;

/// Connections at a time; more wait to be accepted. Each may hold buffers of [`CONNECTION_WINDOW_BYTES`].
pub(crate) const CONNECTIONS_MAX: usize = 512;
/// Calls at a time on one connection: the streams of many partitions, and pipelined sends beside them.
pub(crate) const CALLS_PER_CONNECTION_MAX: u32 = 1024;
/// Metadata of one call, in bytes: a token and a few words.
pub(crate) const METADATA_BYTES_MAX: u32 = 16 << 10;
/// What a client may send on one call before it is read, in bytes.
pub(crate) const STREAM_WINDOW_BYTES: u32 = 1 << 20;
/// What a client may send on all its calls before it is read, in bytes.
pub(crate) const CONNECTION_WINDOW_BYTES: u32 = 8 << 20;
/// Time without data after which a client is pinged.
pub(crate) const KEEPALIVE_INTERVAL: Duration = Duration::from_secs(20);
/// How long the answer may take. After that its streams end and its messages are redelivered to others.
pub(crate) const KEEPALIVE_TIMEOUT: Duration = Duration::from_secs(10);
/// Pause after the operating system refused to accept, which is mostly a lack of file descriptors.
pub(crate) const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Largest call that is read, in bytes: above the largest message, so that most clients with a larger message get an
/// error with the limit.
pub(crate) const CALL_BYTES_MAX: usize = 16 << 20;
/// Bytes that a delivery adds to a message: names of the subscription and of this broker, and numbers.
pub(crate) const ENVELOPE_BYTES: usize = 1 << 10;
/// Longest name of a producer, consumer, subscription or schema subject, in bytes.
pub(crate) const NAME_BYTES_MAX: usize = 256;
/// Who registered a schema version and why, with its tags, in bytes.
pub(crate) const DETAILS_BYTES_MAX: usize = 16 << 10;

/// Producers known at a time. The protocol has no call to close one.
pub(crate) const PRODUCERS_MAX: usize = 16 << 10;
/// Consumers known at a time, for the same reason.
pub(crate) const CONSUMERS_MAX: usize = 16 << 10;
/// Time without a call after which a producer, or a consumer without a stream, may be removed to make room. Danube's
/// clients check their health every 5 s.
pub(crate) const IDLE_MAX: Duration = Duration::from_secs(600);
/// How long a consumer that has subscribed keeps its place without reading.
pub(crate) const READ_GRACE: Duration = Duration::from_secs(30);

/// Messages received from the log at a time for one consumer.
pub(crate) const RECEIVE_MESSAGES: usize = 64;
/// Messages handed to the connection and not yet written to it, for each consumer.
pub(crate) const STREAM_MESSAGES: usize = 16;
/// Delay of a nack without one: with no delay, a consumer that refuses everything would loop.
pub(crate) const NACK_DELAY_DEFAULT: Duration = Duration::from_secs(1);
/// Longest delay of a nack; a longer one is cut.
pub(crate) const NACK_DELAY_MAX: Duration = Duration::from_secs(24 * 3600);
