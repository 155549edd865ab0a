//! The limits of the webhook source beside those of its listener, each with its reason; the unit is last in its name.

/// Default body limit of an endpoint, in bytes: Danube Connect's default.
pub const BODY_BYTES_MAX_DEFAULT: usize = 1 << 20;

/// Recent ids that an endpoint remembers with a digest of their body, to detect an id that is reused for another body. At some
/// 60 bytes each they take 4 MiB; senders retry within minutes or hours.
pub const RECENT_IDS_MAX: usize = 64 << 10;

/// Longest body that is looked at for a handshake, in bytes: those are a few hundred bytes, and other bodies are not parsed twice.
pub const HANDSHAKE_BODY_BYTES_MAX: usize = 16 << 10;
/// Longest challenge of a query that is given back, in bytes.
pub const CHALLENGE_BYTES_MAX: usize = 1 << 10;
