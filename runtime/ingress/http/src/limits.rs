//! The limits of the webhook source beside those of its listener, each with its reason; the unit is last in its name.

/// Default body limit of an endpoint, in bytes: Danube Connect's default.
pub const BODY_BYTES_MAX_DEFAULT: usize = 1 << 20;

/// Largest body limit that an endpoint may have, in bytes. A quarter of what all bodies of a listener may take together.
pub const BODY_BYTES_MAX: usize = 64 << 20;
/// Largest event of a body where the file does not say, in bytes: the longest payload that every topic takes. Schemas validate
/// none that is longer, and the embedded log takes 10 MiB with attributes.
pub const EVENT_BYTES_MAX_DEFAULT: usize = 8 << 20;

/// Recent ids that an endpoint remembers with a digest of their body, to detect an id that is reused for another body. At some
/// 60 bytes each they take 4 MiB; senders retry within minutes or hours.
pub const RECENT_IDS_MAX: usize = 64 << 10;

/// Longest body that is looked at for a handshake, in bytes: those are a few hundred bytes, and other bodies are not parsed twice.
pub const HANDSHAKE_BODY_BYTES_MAX: usize = 16 << 10;
/// Longest challenge of a query that is given back, in bytes.
pub const CHALLENGE_BYTES_MAX: usize = 1 << 10;
/// Events of one request. Each takes some 500 bytes beside its payload, whatever short; senders of batches send hundreds.
pub const EVENTS_PER_REQUEST_MAX: usize = 10_000;

/// Bytes that the headers and attributes of a request may take, which each of its events has: four times those of a request with
/// all the headers that a listener takes, and one event.
pub const EVENT_HEADS_BYTES_MAX: usize = 32 << 20;

/// Refused events that an answer names. Who sends more has one fault, not many.
pub const REFUSED_NAMED_MAX: usize = 100;

/// Fields of a form. HTML forms have tens; servers of PHP and Python stop at a thousand.
pub const FORM_FIELDS_MAX: usize = 10_000;
