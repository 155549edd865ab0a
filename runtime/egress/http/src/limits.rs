//! Every limit of the sink, each with its unit last in its name and its reason.

use std::time::Duration;

/// Of an answer that says only how it went: enough for a sentence of the receiver's.
pub const ANSWER_BYTES_MAX: usize = 64 << 10;

/// Of an answer that says what became of each record of a request.
pub const RESULTS_BYTES_MAX: usize = 1 << 20;

/// Of a receiver's own words in a message for people, in characters.
pub const SAID_CHARS_MAX: usize = 240;

/// Longest wait that an answer may ask for (`Retry-After`). More is a mistake, and would hold an endpoint for long after it
/// has recovered.
pub const RETRY_AFTER_MAX: Duration = Duration::from_secs(3_600);

/// How long a connection may be idle before it is not used again. Common servers close theirs after 5 s; a request that
/// meets the end of a connection has an unknown outcome.
pub const IDLE_CONNECTION_MAX: Duration = Duration::from_secs(4);

/// How long a call waits for slow endpoints while there are others: their writes are done later, and the others' messages
/// are acknowledged now.
pub const WAIT_FOR_SLOW_MAX: Duration = Duration::from_secs(1);

/// When the writes to a slow endpoint are looked at again.
pub const LOOK_AGAIN: Duration = Duration::from_millis(250);

/// Failures in a row, without a success between them, after which an endpoint is taken to be down. A receiver that fails
/// on one record answers others in between.
pub const FAILURES_IN_A_ROW_MAX: u32 = 5;

/// Waits between tries of an endpoint that is down, the first and the longest.
pub const DOWN_WAIT: (Duration, Duration) = (Duration::from_millis(500), Duration::from_secs(30));

/// How soon an endpoint that refuses everybody is asked again, at the earliest. The pipeline waits longer each time.
pub const UNFIT_WAIT: Duration = Duration::from_millis(200);

/// Requests at a time, where a new endpoint begins.
pub const IN_FLIGHT_AT_START: usize = 8;

/// How long before its end a token of OAuth 2 is renewed: what is under way must still be let in.
pub const TOKEN_RENEWED_BEFORE: Duration = Duration::from_secs(30);

/// How long a token of OAuth 2 is used if its issuer does not say.
pub const TOKEN_LIFETIME_DEFAULT: Duration = Duration::from_secs(300);

/// Outcomes that are kept because nobody has asked for them yet: those of calls that were given up.
pub const RECEIPTS_MAX: usize = 65_536;

/// Endpoints of a sink.
pub const ENDPOINTS_MAX: usize = 256;

/// Secrets that sign at the same time: two while one replaces the other, and some receivers behind one address.
pub const SECRETS_MAX: usize = 8;
