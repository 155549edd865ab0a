//! All limits of a dial, each with its unit at the end of its name and its reason.

/// Addresses of one DNS answer that are used; the others are ignored. Real services have up to eight; a hostile server
/// may send thousands, and each would cost a socket.
pub const ADDRESSES_MAX: usize = 16;

/// Addresses that one refusal lists. More would only make the message longer.
pub const DENIALS_MAX: usize = 4;

/// After how long the next address is tried in parallel, in milliseconds: the recommendation of RFC 8305.
pub const ATTEMPT_DELAY_MS: u64 = 250;

/// Longest time for an HTTP client to connect, TLS included, in milliseconds.
pub const HTTP_CONNECT_MS_MAX: u64 = 10_000;
