//! All limits of a listener, each with its reason; the unit is last in its name.
//!
//! The operator can set [`HttpLimits`]; the constants below it are fixed.

/// Limits of one listener. The body limit of one request is its endpoint's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HttpLimits {
    /// Open connections. Above it, new ones wait in the kernel's queue. Each costs a file descriptor and, when busy, some
    /// 20 KiB, so 4,096 fit beside everything else in a 1 GiB container.
    pub connections_max: usize,
    /// Request line and headers, in bytes. 32 KiB holds any signed webhook with room for long tokens. On HTTP/1 there may
    /// be 100 headers, however short.
    pub header_bytes_max: usize,
    /// From the first byte of a request to the end of its headers, and from the opening of a connection to its first
    /// byte, in milliseconds. A sender on a bad line needs a second; a slow-loris attack never finishes.
    pub header_read_ms_max: u64,
    /// How long a connection may wait for its next request, in milliseconds. Longer than the 60 seconds after which load
    /// balancers close their side: they know whether a request is in transit, so they should close first.
    pub idle_ms_max: u64,
    /// From the end of the headers to the end of the body, in milliseconds.
    pub body_read_ms_max: u64,
    /// From the end of the headers to the answer, in milliseconds. Senders of webhooks give up after 10 to 30 seconds.
    pub request_ms_max: u64,
    /// For the TLS handshake, in milliseconds.
    pub tls_handshake_ms_max: u64,
    /// Concurrent requests on one HTTP/2 connection.
    pub streams_max: u32,
    /// HTTP/2 flow control of one stream, in bytes: what one stream can make the host buffer unread, and what a sender may send
    /// in one round trip. All streams of a connection together have [`CONNECTION_WINDOW_BYTES`].
    pub stream_window_bytes: u32,
    /// Bodies held in memory by all requests of the listener, in bytes; above it, requests are answered 503. The limit of one
    /// body times the number of connections would be more than any machine has.
    pub body_bytes_in_flight_max: usize,
}

impl Default for HttpLimits {
    fn default() -> Self {
        Self {
            connections_max: 4_096,
            header_bytes_max: 32 << 10,
            header_read_ms_max: 10_000,
            idle_ms_max: 75_000,
            body_read_ms_max: 20_000,
            request_ms_max: 30_000,
            tls_handshake_ms_max: 10_000,
            streams_max: 256,
            stream_window_bytes: 64 << 10,
            body_bytes_in_flight_max: 256 << 20,
        }
    }
}

/// Why limits are invalid.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LimitError {
    /// No request would be accepted.
    #[error("limit `{0}` is 0: nothing would pass; give it at least 1")]
    Zero(&'static str),
    /// The limit of the body could never take effect.
    #[error(
        "limit `body_read_ms_max` ({body} ms) is not below `request_ms_max` ({request} ms): a request whose body took \
         that long would have no time left; lower the first or raise the second"
    )]
    BodyOutlastsRequest {
        /// `body_read_ms_max`.
        body: u64,
        /// `request_ms_max`.
        request: u64,
    },
}

impl HttpLimits {
    /// Checks that the limits are consistent.
    pub fn check(&self) -> Result<(), LimitError> {
        let nothing_passes = [
            ("connections_max", self.connections_max == 0),
            ("header_bytes_max", self.header_bytes_max == 0),
            ("header_read_ms_max", self.header_read_ms_max == 0),
            ("idle_ms_max", self.idle_ms_max == 0),
            ("body_read_ms_max", self.body_read_ms_max == 0),
            ("request_ms_max", self.request_ms_max == 0),
            ("tls_handshake_ms_max", self.tls_handshake_ms_max == 0),
            ("streams_max", self.streams_max == 0),
            ("stream_window_bytes", self.stream_window_bytes == 0),
            ("body_bytes_in_flight_max", self.body_bytes_in_flight_max == 0),
        ];
        if let Some((name, _)) = nothing_passes.into_iter().find(|(_, zero)| *zero) {
            return Err(LimitError::Zero(name));
        }
        if self.body_read_ms_max >= self.request_ms_max {
            return Err(LimitError::BodyOutlastsRequest {
                body: self.body_read_ms_max,
                request: self.request_ms_max,
            });
        }
        Ok(())
    }
}

/// Bytes that a compressed body may decompress to for each byte sent. JSON with much repetition reaches 20 to 50; a bomb
/// reaches 1,000.
pub const GZIP_RATIO_MAX: usize = 100;
/// Decompressed size up to which no ratio applies, in bytes: tiny bodies can have any ratio.
pub const GZIP_RATIO_FREE_BYTES: usize = 64 << 10;

/// Largest window of a zstd body, in bytes: what a decoder keeps of what it has decompressed. A body that was compressed in one
/// piece has one of its own size, so as much as the largest body that a source takes.
pub const ZSTD_WINDOW_BYTES_MAX: usize = 64 << 20;

/// Bodies above this many bytes are decompressed and parsed off the I/O threads: at some 200 MB/s, a longer one would
/// block other connections for more than a millisecond.
pub const INLINE_DECODE_BYTES_MAX: usize = 256 << 10;

/// Most memory allocated for a body when its first part arrives, in bytes. Announced lengths are trusted only up to here.
pub const BODY_BYTES_AHEAD_MAX: usize = 64 << 10;

/// HTTP/1 read buffer of a connection, in bytes; the header limit if that is higher. Hyper refuses less than 8 KiB.
pub const READ_BUFFER_BYTES_MAX: usize = 64 << 10;

/// HTTP/2 flow control of one connection, in bytes.
pub const CONNECTION_WINDOW_BYTES: u32 = 1 << 20;
/// Streams that a peer opened and reset before they were accepted, before its connection is closed (the "rapid reset"
/// flood).
pub const RESET_STREAMS_MAX: usize = 20;
/// Streams reset for the peer's own errors, before its connection is closed.
pub const ERROR_RESET_STREAMS_MAX: usize = 128;
/// How often an HTTP/2 peer is pinged, in milliseconds.
pub const PING_EVERY_MS: u64 = 20_000;
/// How long it may take to answer a ping, in milliseconds.
pub const PING_ANSWER_MS_MAX: u64 = 20_000;

/// How long a connection without a request stays open when the listener drains, in milliseconds. A request in transit is
/// answered 503 instead of meeting a closed connection.
pub const LAST_REQUEST_MS_MAX: u64 = 250;
/// How long a peer may take to close its side after a shutdown was announced, in milliseconds.
pub const GO_AWAY_MS_MAX: u64 = 2_000;
/// How long a connection is read on after an answer that precedes the end of a body, in milliseconds: closing a socket with
/// unread bytes resets it, and the reset can overtake the answer.
pub const LINGER_MS_MAX: u64 = 2_000;
/// Bytes that are read on.
pub const LINGER_BYTES_MAX: usize = 4 << 20;

/// First wait after an accept that failed for lack of descriptors or memory, in milliseconds.
pub const ACCEPT_BACKOFF_MS_MIN: u64 = 20;
/// Longest such wait, in milliseconds.
pub const ACCEPT_BACKOFF_MS_MAX: u64 = 1_000;

/// Signatures checked in one signature header; senders give one for each active secret.
pub const SIGNATURES_MAX: usize = 8;
/// Default for how far a signature's time may be from the host's clock, both ways, in seconds: Stripe's own default.
pub const SIGNATURE_TOLERANCE_SECS_DEFAULT: u64 = 300;
/// Clock skew tolerated in a token's `exp` and `nbf`, in seconds.
pub const TOKEN_LEEWAY_SECS: u64 = 60;
/// Shortest HS256 secret, in bytes (RFC 7518, section 3.2): one token is enough to guess a shorter one offline.
pub const TOKEN_SECRET_BYTES_MIN: usize = 32;
/// Secrets active at once at one endpoint: the new one and the one it replaces, of a few senders. A signature is compared with
/// each.
pub const SECRETS_MAX: usize = 8;
/// Fields of a form that are sorted to check its signature.
pub const SIGNED_FORM_FIELDS_MAX: usize = 1_000;
/// Items of one notification of Adyen, which sends a handful.
pub const ADYEN_ITEMS_MAX: usize = 100;

/// Issuers of tokens of one endpoint.
pub const ISSUERS_MAX: usize = 16;
/// Longest set of keys that is read from an issuer, in bytes: some publish a few dozen keys with certificates.
pub const JWKS_BYTES_MAX: usize = 256 << 10;
/// Keys of one issuer that are kept.
pub const JWKS_KEYS_MAX: usize = 64;
/// After how many seconds keys are fetched anew, while the old ones are used.
pub const JWKS_REFRESH_SECS: u64 = 300;
/// For how many seconds old keys are used when new ones cannot be fetched.
pub const JWKS_STALE_SECS_MAX: u64 = 86_400;
/// Seconds between two fetches that unknown keys cause: anybody can make up the id of a key.
pub const JWKS_UNKNOWN_SECS_MIN: u64 = 10;
/// How long fetching keys or a certificate, or confirming a subscription, may take, in milliseconds.
pub const FETCH_MS_MAX: u64 = 5_000;
/// Longest certificate that is read, and longest answer to a confirmation, in bytes.
pub const FETCHED_BYTES_MAX: usize = 64 << 10;
/// Certificates of SNS that are kept: each region has one at a time.
pub const SNS_CERTIFICATES_MAX: usize = 32;

/// `Retry-After` of a request that exceeded a limit of the host rather than of its endpoint, in seconds.
pub const RETRY_AFTER_SECS: u64 = 1;
/// `Retry-After` of a request to a draining listener, in seconds: about what a restart takes.
pub const RETRY_AFTER_DRAIN_SECS: u64 = 5;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_defaults_are_valid() {
        HttpLimits::default().check().expect("the defaults are valid");
    }

    #[test]
    fn a_limit_of_zero_is_named() {
        let limits = HttpLimits {
            idle_ms_max: 0,
            ..HttpLimits::default()
        };
        assert_eq!(limits.check(), Err(LimitError::Zero("idle_ms_max")));
    }

    #[test]
    fn a_body_must_end_before_its_request() {
        let at = |body_read_ms_max| HttpLimits {
            body_read_ms_max,
            request_ms_max: 100,
            ..HttpLimits::default()
        };
        assert_eq!(at(99).check(), Ok(()));
        assert!(matches!(at(100).check(), Err(LimitError::BodyOutlastsRequest { .. })));
    }
}
