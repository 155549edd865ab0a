//! The limits of the webhook source beside those of its listener, each with its reason; the unit is last in its name.

/// Default body limit of an endpoint, in bytes: Danube Connect's default.
pub const BODY_BYTES_MAX_DEFAULT: usize = 1 << 20;

/// Recent ids that an endpoint remembers with a digest of their body, to detect an id that is reused for another body. At some
/// 60 bytes each they take 4 MiB; senders retry within minutes or hours.
pub const RECENT_IDS_MAX: usize = 64 << 10;
