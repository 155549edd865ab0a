//! Every limit of a dial, each with its unit last in its name and its reason.

/// Addresses of one DNS answer that are used; the rest is ignored. Real services have up to eight; a hostile server may
/// send thousands, and each would cost a socket.
pub const ADDRESSES_MAX: usize = 16;

/// Addresses that one refusal lists. More would only make the message longer.
pub const DENIALS_MAX: usize = 4;

/// How long an attempt may take before the next address is tried beside it, in milliseconds: what RFC 8305 recommends.
pub const ATTEMPT_DELAY_MS: u64 = 250;

/// From the start of a dial of an HTTP client to its connection, TLS included, in milliseconds.
pub const HTTP_CONNECT_MS_MAX: u64 = 10_000;
