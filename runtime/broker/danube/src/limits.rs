//! Every limit of the client, with its unit last and its reason.

use std::time::Duration;

use danube_wasm_broker::DEAD_LETTER_HEADROOM_BYTES;

/// Largest message that is sent, with key and attributes; dead letters have
/// [`DEAD_LETTER_HEADROOM_BYTES`](danube_wasm_broker::DEAD_LETTER_HEADROOM_BYTES) more. Danube's own limit is 10 MiB,
/// but its brokers and clients decode at most 4 MiB (tonic's default, which none of them raises); what the broker adds
/// to a delivery, numbers and names, has to fit too.
pub(crate) const MESSAGE_BYTES_MAX: usize = 4 * 1024 * 1024 - 4 * 1024 - DEAD_LETTER_HEADROOM_BYTES;

/// Largest message that is read. Over Danube's own 10 MiB: a broker with a raised limit is no reason to lose messages.
pub(crate) const DECODE_BYTES_MAX: usize = 16 * 1024 * 1024;

/// How long a TCP connection and its TLS handshake may take: two retransmitted SYNs.
pub(crate) const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// How long one call may take: a loaded broker answers within milliseconds, a cluster elects a leader within seconds.
pub(crate) const REQUEST_TIMEOUT: Duration = Duration::from_secs(10);

/// How long a record is retried before its publisher gets an error. Webhook senders give up after 5 to 10 s, and should
/// get a 503 before that; a partition that moves is back sooner.
pub(crate) const PUBLISH_TIMEOUT: Duration = Duration::from_secs(5);

/// How long a cluster may take to assign a new topic to a broker, and its creator to create all of its partitions.
pub(crate) const ASSIGN_TIMEOUT: Duration = Duration::from_secs(30);

/// Danube's own ack timeout: what is not acknowledged by then is delivered again, so trying longer is of no use.
pub(crate) const ACK_TIMEOUT: Duration = Duration::from_secs(30);

/// After this time without data an HTTP/2 ping is sent. It detects a black hole in 7 s, also during a call that could
/// take longer: pings are answered independently of calls.
pub(crate) const KEEPALIVE_INTERVAL: Duration = Duration::from_secs(2);

/// How long the answer to a ping may take. A broker that pauses for a moment keeps its consumers.
pub(crate) const KEEPALIVE_TIMEOUT: Duration = Duration::from_secs(5);

/// Messages of one partition that are sent and not answered, on brokers of Danube: 0.15 mixes up concurrent messages,
/// and then stops subscriptions for good. More partitions give more throughput.
pub(crate) const IN_FLIGHT_MAX: usize = 1;

/// The same on danube-wasm's own broker, which mixes nothing up. Covers 5 ms of round trip at 12,000 messages/s; more would
/// only lengthen what is sent again after a loss.
pub(crate) const IN_FLIGHT_AT_OWN_BROKER_MAX: usize = 64;

/// Messages of one partition that this process has published and a consumer of this process has not received. Danube
/// (0.15) buffers 256 for a subscription that reads live, and skips the rest.
pub(crate) const UNREAD_MAX: usize = 200;

/// Acknowledgements of one partition that are sent and not answered: as with messages.
pub(crate) const ACKS_IN_FLIGHT_MAX: usize = 64;

/// How long the acknowledgement of a partition's newest message waits for those before it: lanes that write to one
/// target are done within moments of each other. A stop waits once more for one that will not be done.
pub(crate) const NEWEST_WAITS_MAX: Duration = Duration::from_secs(5);

/// How long a redelivery is expected: of a message that was negatively acknowledged, where no other consumer can get
/// it, and of one whose acknowledgement failed, where another can. Danube's own delays double up to 60 s, ours are up
/// to 30 s.
pub(crate) const GIVEN_BACK_MAX: Duration = Duration::from_secs(70);

/// How long the call of an acknowledgement may take at least, however late it is.
pub(crate) const ACK_CALL_MIN: Duration = Duration::from_secs(1);

/// Messages of one partition that are read and not yet delivered: the largest window that a Danube broker can be
/// configured to. A reliable subscription never sends more, so its stream is always read. A stream that is not read
/// blocks its dispatcher, and the dispatcher blocks the acknowledgements.
pub(crate) const BUFFER_MESSAGES_MAX: usize = 10_000;

/// Their payloads' bytes. Reading stops there: memory is the harder limit.
pub(crate) const BUFFER_BYTES_MAX: usize = 64 * 1024 * 1024;

/// Acknowledged messages of one partition that are remembered. A broker saves its position every 10 s and redelivers
/// everything since then when it restarts: enough for 6,000 messages/s, at about 4 MiB.
pub(crate) const REMEMBERED_MAX: usize = 65_536;

/// How long a jump of offsets may take to be filled: what was sent side by side comes with the next messages.
pub(crate) const GAP_FILLED_WITHIN: Duration = Duration::from_secs(10);

/// Messages in a row that show that a consumer of a `Shared` subscription is its only one: Danube gives in turn.
pub(crate) const ALONE_RUN_MIN: u64 = 16;

/// After how long without a message, with nothing to do, a partition stands still of which something is known to be unread.
pub(crate) const STANDSTILL_AFTER: Duration = Duration::from_secs(30);

/// Messages that are known to be unread before a `Shared` subscription stands still: others of it may have got a few.
pub(crate) const STANDSTILL_SHARED_MIN: usize = 64;
/// The same where this consumer was the only one when something came last.
pub(crate) const STANDSTILL_ALONE_MIN: usize = 8;

/// How often deliveries are looked at.
pub(crate) const DELIVERY_LOOK_EVERY: Duration = Duration::from_millis(250);

/// A window that is smaller makes batches small, and a subscription slow.
pub(crate) const WINDOW_SMALL: usize = 500;

/// Messages that are known to wait when a broker's window is what keeps them, and how often that must be seen.
pub(crate) const WINDOW_WAITING_MIN: usize = 32;
pub(crate) const WINDOW_SEEN_MIN: u32 = 4;

/// Streams on one connection. hyper's servers, Danube's brokers among them, take 200 at once; a call that waits for a
/// free one would wait for ever, so streams and calls do not share connections either.
pub(crate) const STREAMS_PER_CONNECTION_MAX: usize = 64;

/// HTTP/2 window of a stream: one message of the largest size.
pub(crate) const STREAM_WINDOW_BYTES: u32 = 4 * 1024 * 1024;

/// HTTP/2 window of a connection: several streams at once.
pub(crate) const CONNECTION_WINDOW_BYTES: u32 = 16 * 1024 * 1024;

/// Calls on a connection before its server has said how many it takes at once. Those above what it takes are refused.
pub(crate) const FIRST_STREAMS_MAX: usize = 100;

/// Metadata of one answer, in bytes: what went wrong, in words.
pub(crate) const METADATA_BYTES_MAX: u32 = 16 * 1024;

/// How often a topic that is being created is looked up. Messages published meanwhile to a partition without a
/// subscription never arrive, so this is short; each lookup is one small call.
pub(crate) const MAKING_PAUSE: Duration = Duration::from_millis(100);

/// How often new partitions of a consumed topic are looked for.
pub(crate) const DISCOVERY_INTERVAL: Duration = Duration::from_secs(30);

/// How often a consumer asks its broker whether its session still exists, as Danube's own clients do. The only sign of
/// a topic that moves.
pub(crate) const HEALTH_INTERVAL: Duration = Duration::from_secs(5);

/// First wait after a loss, before jitter.
pub(crate) const RETRY_FLOOR: Duration = Duration::from_millis(100);

/// Longest wait after a loss: sessions are back within seconds of the broker's return.
pub(crate) const RETRY_CEILING: Duration = Duration::from_secs(2);

/// Longest wait after a refusal, or after a stream that was taken over at once: two consumers of one name would
/// otherwise take turns for ever.
pub(crate) const REFUSED_CEILING: Duration = Duration::from_secs(30);

/// A stream that lived this long was not taken over at once.
pub(crate) const STABLE_AFTER: Duration = Duration::from_secs(30);

/// Producer sessions that brokers are asked about at once: a small part of the streams of a connection.
pub(crate) const CHECKS_MAX: usize = 16;

/// How long a token is used before its file is read again.
pub(crate) const TOKEN_FRESH: Duration = Duration::from_secs(1);

/// How long after an answer a broker counts as reachable.
pub(crate) const READY_FRESH: Duration = Duration::from_secs(1);

/// Concurrent calls of the admin API about topics.
pub(crate) const ADMIN_CALLS_MAX: usize = 8;

/// Danube's port for operators.
pub(crate) const DEFAULT_ADMIN_PORT: u16 = 50051;

/// Danube's port for clients.
pub(crate) const DEFAULT_PORT: u16 = 6650;

/// Keys of a partition of a `KeyShared` subscription of which it is remembered that their messages come to a consumer.
pub(crate) const KEYS_MAX: usize = 65_536;
